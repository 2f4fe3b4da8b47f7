// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/virtio_user.hpp"

#include <linux/memfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <bit>

#include "bench/load/support.hpp"
#include "ports/base/passed_descriptors.hpp"
#include "ports/vhost/virtio_features.hpp"

namespace bench {
namespace {

constexpr std::size_t kHugePage = 2 << 20;  // octets
constexpr std::uint64_t kGuestAddress = std::uint64_t{4}
                                        << 30;  // address of the memory; different from all addresses of this program
constexpr double kPatience_s = 10;

constexpr std::uint64_t bit(unsigned number) {
  return std::uint64_t{1} << number;
}

rb::UniqueFd new_event() {
  rb::UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) die_of_errno("eventfd");
  return event;
}

/// Makes a file of `size` octets and maps it. Returns nullptr if that fails.
std::byte* map_file(rb::UniqueFd& file, unsigned flags, std::size_t size) {
  file.reset(::memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return nullptr;
  // With huge pages this call fails if there are too few. Otherwise the first access to a missing page would fail.
  void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
}

}  // namespace

SharedMemory::SharedMemory(std::size_t size) : size_((size + kHugePage - 1) / kHugePage * kHugePage) {
  octets_ = map_file(file_, MFD_HUGETLB | MFD_HUGE_2MB, size_);
  if (octets_ == nullptr) octets_ = map_file(file_, 0, size_);
  if (octets_ == nullptr) die_of_errno("memory of a guest");
  // QEMU does the same, so that a switch need not fear that the file shrinks.
  (void)::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

SharedMemory::~SharedMemory() {
  ::munmap(octets_, size_);
}

std::byte* SharedMemory::take(std::size_t size, std::size_t alignment) {
  const std::size_t at = (taken_ + alignment - 1) / alignment * alignment;
  if (at + size > size_) die("a guest is out of memory");
  taken_ = at + size;
  return octets_ + at;
}

std::uint64_t SharedMemory::guest_address(const void* there) const {
  return kGuestAddress + static_cast<std::uint64_t>(static_cast<const std::byte*>(there) - octets_);
}

rb::VhostRegion SharedMemory::region() const {
  return {.guest_address = kGuestAddress, .size = size_, .user_address = user_address(octets_), .file_offset = 0};
}

VirtioUser::VirtioUser(const std::string& path, Role role) : path_(path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail("the path is too long");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  role == Role::kClient ? connect(address) : accept(address);
  const timeval limit{.tv_sec = static_cast<time_t>(kPatience_s), .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);

  offered_ = ask(rb::VhostRequest::kGetFeatures);
  has_protocol_features_ = (offered_ & bit(rb::virtio::kProtocolFeatures)) != 0;
  if (!has_protocol_features_) return;
  const std::uint64_t wanted = bit(static_cast<unsigned>(rb::VhostProtocolFeature::kReplyAck));
  const std::uint64_t chosen = ask(rb::VhostRequest::kGetProtocolFeatures) & wanted;
  say(rb::VhostRequest::kSetProtocolFeatures, chosen);
  acknowledges_ = chosen != 0;
}

void VirtioUser::connect(const sockaddr_un& address) {
  for (const double deadline_s = now_s() + kPatience_s;; sleep_s(0.02)) {
    socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_) die_of_errno("socket");
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
    if (now_s() > deadline_s) fail(std::strerror(errno));
  }
}

void VirtioUser::accept(const sockaddr_un& address) {
  const rb::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener) die_of_errno("socket");
  ::unlink(path_.c_str());  // a socket of an earlier run
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 1) != 0) {
    fail(std::strerror(errno));
  }
  pollfd somebody{.fd = listener.get(), .events = POLLIN, .revents = 0};
  if (::poll(&somebody, 1, static_cast<int>(kPatience_s * 1000)) != 1) fail("no switch has connected");
  socket_.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket_) fail(std::strerror(errno));
  ::unlink(path_.c_str());
}

void VirtioUser::start(std::uint64_t features, const SharedMemory& memory, std::span<const RingDescription> rings) {
  say(rb::VhostRequest::kSetOwner, std::span<const std::byte>{});
  if (has_protocol_features_) features |= bit(rb::virtio::kProtocolFeatures);
  say(rb::VhostRequest::kSetFeatures, features);

  struct {
    std::uint32_t count = 1, unused = 0;
    rb::VhostRegion region;
  } const table{.region = memory.region()};
  say(rb::VhostRequest::kSetMemTable, table, std::array{memory.file()});

  for (std::uint32_t index = 0; index < rings.size(); ++index) {
    const RingDescription& ring = rings[index];
    const Events& events = events_.emplace_back(Events{.kick = new_event(), .call = new_event()});
    say(rb::VhostRequest::kSetVringNum, rb::VhostRingState{index, ring.size});
    say(rb::VhostRequest::kSetVringBase, rb::VhostRingState{index, ring.base});
    say(rb::VhostRequest::kSetVringAddr, rb::VhostRingAddresses{.ring = index,
                                                                .flags = 0,
                                                                .descriptors = memory.user_address(ring.descriptors),
                                                                .used = memory.user_address(ring.device_area),
                                                                .available = memory.user_address(ring.driver_area),
                                                                .log = 0});
    say(rb::VhostRequest::kSetVringCall, std::uint64_t{index}, std::array{events.call.get()});
    say(rb::VhostRequest::kSetVringKick, std::uint64_t{index}, std::array{events.kick.get()});
  }
  // Without protocol features rings are enabled when they are started.
  for (std::uint32_t index = 0; index < rings.size() && has_protocol_features_; ++index)
    say(rb::VhostRequest::kSetVringEnable, rb::VhostRingState{index, 1});
  for (std::size_t index = 0; index < rings.size(); ++index) kick(index);
}

void VirtioUser::kick(std::size_t ring) const {
  (void)::eventfd_write(events_[ring].kick.get(), 1);  // the write cannot block: the counter has 64 bits
}

void VirtioUser::check() const {
  std::byte octet;
  const ssize_t size = ::recv(socket_.get(), &octet, sizeof octet, MSG_PEEK | MSG_DONTWAIT);
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) fail("the switch has closed the connection");
}

void VirtioUser::send(rb::VhostRequest request, std::uint32_t flags, std::span<const std::byte> payload,
                      std::span<const int> descriptors) const {
  const rb::VhostHeader header{.request = static_cast<std::uint32_t>(request),
                               .flags = rb::VhostHeader::kVersion | flags,
                               .size = static_cast<std::uint32_t>(payload.size())};
  std::vector<std::byte> octets(sizeof header + payload.size());
  std::memcpy(octets.data(), &header, sizeof header);
  std::copy(payload.begin(), payload.end(), octets.begin() + sizeof header);
  iovec vector{octets.data(), octets.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  if (!descriptors.empty()) rb::attach_descriptors(message, descriptors, control);
  if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(octets.size()))
    fail(std::string(rb::vhost_request_name(request)) + ": " + std::strerror(errno));
}

std::uint64_t VirtioUser::receive_number(rb::VhostRequest request) const {
  struct {
    rb::VhostHeader header;
    std::array<std::byte, sizeof(std::uint64_t)> number;
  } reply;
  const ssize_t size = ::recv(socket_.get(), &reply, sizeof reply, MSG_WAITALL);
  if (size != sizeof reply || reply.header.request != static_cast<std::uint32_t>(request))
    fail("no answer to " + std::string(rb::vhost_request_name(request)));
  return std::bit_cast<std::uint64_t>(reply.number);
}

std::uint64_t VirtioUser::ask(rb::VhostRequest request) const {
  send(request, 0, {}, {});
  return receive_number(request);
}

void VirtioUser::say(rb::VhostRequest request, std::span<const std::byte> payload,
                     std::span<const int> descriptors) const {
  send(request, acknowledges_ ? rb::VhostHeader::kNeedReply : 0, payload, descriptors);
  if (acknowledges_ && receive_number(request) != 0)
    fail("the switch refuses " + std::string(rb::vhost_request_name(request)));
}

void VirtioUser::fail(const std::string& what) const {
  die(path_ + ": " + what);
}

}  // namespace bench
