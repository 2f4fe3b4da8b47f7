// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vhost_backend.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ports/base/close_elsewhere.hpp"
#include "ports/vhost/guest_frames.hpp"
#include "ports/vhost/virtio_features.hpp"

namespace rb {
namespace {

constexpr std::uint64_t kMaxLog = GuestMemory::kMaxSize / 4096 / 8;  // octets; one bit a page
constexpr std::size_t kMaxTableRegions = 8;                          // of one message

constexpr std::uint64_t bits(std::initializer_list<unsigned> features) {
  std::uint64_t set = 0;
  for (const unsigned feature : features) set |= std::uint64_t{1} << feature;
  return set;
}
constexpr std::uint64_t kPlainFeatures =
    bits({virtio::kVersion1, virtio::kAnyLayout, virtio::kEventIndex, virtio::kIndirectDescriptors, virtio::kInOrder,
          virtio::kPackedRing, virtio::kLogAll, virtio::kProtocolFeatures, virtio::kMergeableBuffers, virtio::kMtu,
          virtio::kStatus, virtio::kControlQueue, virtio::kControlRx, virtio::kControlVlan, virtio::kControlMac,
          virtio::kGuestAnnounce, virtio::kMultiQueue});
constexpr std::uint64_t kOffloadFeatures =
    bits({virtio::kCsum, virtio::kGuestCsum, virtio::kHostTso4, virtio::kHostTso6, virtio::kHostEcn, virtio::kGuestTso4,
          virtio::kGuestTso6, virtio::kGuestEcn, virtio::kHostUso, virtio::kGuestUso4, virtio::kGuestUso6});
constexpr std::uint64_t protocol_bits(std::initializer_list<VhostProtocolFeature> features) {
  std::uint64_t set = 0;
  for (const VhostProtocolFeature feature : features) set |= std::uint64_t{1} << static_cast<unsigned>(feature);
  return set;
}
constexpr std::uint64_t kProtocolFeatures = protocol_bits(
    {VhostProtocolFeature::kMultiQueue, VhostProtocolFeature::kLogShmfd, VhostProtocolFeature::kRarp,
     VhostProtocolFeature::kReplyAck, VhostProtocolFeature::kMtu, VhostProtocolFeature::kInflightShmfd,
     VhostProtocolFeature::kResetDevice, VhostProtocolFeature::kConfigureMemSlots, VhostProtocolFeature::kStatus});

Error invalid(std::string text) {
  return {ErrorCode::kInvalidArgument, std::move(text)};
}

template <typename Payload>
VhostBackend::Reply reply_to(VhostRequest request, const Payload& payload) {
  const VhostHeader header{.request = static_cast<std::uint32_t>(request),
                           .flags = VhostHeader::kVersion | VhostHeader::kReply,
                           .size = sizeof payload};
  VhostBackend::Reply reply;
  reply.octets.resize(sizeof header + sizeof payload);
  std::memcpy(reply.octets.data(), &header, sizeof header);
  std::memcpy(reply.octets.data() + sizeof header, &payload, sizeof payload);
  return reply;
}

template <typename T>
Result<T> payload_of(const VhostMessage& message) {
  if (const std::optional<T> payload = message.as<T>(); payload && message.payload.size() == sizeof(T)) return *payload;
  return std::unexpected(invalid(fmt::format("{} with {} octets; it has {}", vhost_request_name(message.request()),
                                             message.payload.size(), sizeof(T))));
}

GuestMemory::Region region_of(const VhostRegion& region) {
  return {region.guest_address, region.size, region.user_address, region.file_offset};
}

Result<VhostInflight> asked_inflight(const VhostMessage& message) {
  VhostInflight asked;
  if (message.payload.size() != sizeof asked && message.payload.size() != offsetof(VhostInflight, unused))
    return std::unexpected(invalid(fmt::format("{} octets are no description of rings", message.payload.size())));
  std::memcpy(static_cast<void*>(&asked), message.payload.data(), offsetof(VhostInflight, unused));
  if (asked.ring_count == 0 || asked.ring_count > VhostPort::kMaxRings || asked.ring_size > Vring::kMaxSize)
    return std::unexpected(invalid(fmt::format("{} rings of {} descriptors", asked.ring_count, asked.ring_size)));
  return asked;
}

Error without_shared_memory() {
  return invalid(
      "the guest does not share its memory; QEMU needs -object memory-backend-memfd,id=m,size=SIZE,share=on and "
      "-numa node,memdev=m");
}

}  // namespace

VhostBackend::VhostBackend(const VhostOptions& options, VringRunner& runner)
    : runner_(runner),
      offered_(kPlainFeatures | (options.offload ? kOffloadFeatures : 0)),
      memory_(std::make_unique<const GuestMemory>()) {}

VhostBackend::~VhostBackend() {
  stop_all();
}

/// One request that a front end may make.
struct VhostBackend::Handler {
  /// Whether the front end reads an answer even when it asked for no acknowledgement. It would take an acknowledgement
  /// for that answer, so an error of such a request ends the connection.
  enum class Answers : std::uint8_t { kNever, kAlways };

  VhostRequest request;
  Answers answers;
  Answer (*follow)(VhostBackend&, VhostMessage&);

  /// Follows a request by a member function that takes the payload, a number or a structure of exactly that size.
  template <auto kAct>
  static Answer by_payload(VhostBackend& backend, VhostMessage& message) {
    return []<typename T>(Result<> (VhostBackend::*act)(T), VhostBackend& to, const VhostMessage& from) -> Answer {
      const auto payload = payload_of<std::remove_cvref_t<T>>(from);
      if (!payload) return std::unexpected(payload.error());
      return without_answer((to.*act)(*payload));
    }(kAct, backend, message);
  }
  /// Follows a request by a member function that takes the message, because it has descriptors or a size of its own.
  template <auto kAct>
  static Answer by_message(VhostBackend& backend, VhostMessage& message) {
    if constexpr (std::is_same_v<decltype((backend.*kAct)(message)), Answer>) {
      return (backend.*kAct)(message);
    } else {
      return without_answer((backend.*kAct)(message));
    }
  }
  /// Answers with a number that kNumber(backend) gives.
  template <auto kNumber>
  static Answer tell(VhostBackend& backend, VhostMessage& message) {
    return reply_to(message.request(), std::uint64_t{kNumber(backend)});
  }
  static Answer nothing_to_do(VhostBackend&, VhostMessage&) { return std::nullopt; }

  [[nodiscard]] static const Handler* find(VhostRequest request);

 private:
  static Answer without_answer(const Result<>& result) {
    if (!result) return std::unexpected(result.error());
    return std::nullopt;
  }
};

const VhostBackend::Handler* VhostBackend::Handler::find(VhostRequest request) {
  using enum VhostRequest;
  using enum Answers;
  using Backend = VhostBackend;
  static constexpr auto kHandlers = std::to_array<Handler>({
      {kGetFeatures, kAlways, tell<[](const Backend& backend) { return backend.offered_; }>},
      {kGetProtocolFeatures, kAlways, tell<[](const Backend&) { return kProtocolFeatures; }>},
      {kGetQueueNum, kAlways, tell<[](const Backend&) { return VhostPort::kMaxQueuePairs; }>},
      {kGetMaxMemSlots, kAlways, tell<[](const Backend&) { return GuestMemory::kMaxRegions; }>},
      {kGetStatus, kAlways, tell<[](const Backend& backend) { return backend.status_; }>},
      {kSetOwner, kNever, nothing_to_do},
      {kResetOwner, kNever, by_message<&Backend::reset_device>},  // "no longer used": the device stops
      {kResetDevice, kNever, by_message<&Backend::reset_device>},
      {kSetFeatures, kNever, by_payload<&Backend::set_features>},
      {kSetProtocolFeatures, kNever, by_payload<&Backend::set_protocol_features>},
      {kSetStatus, kNever, by_payload<&Backend::set_status>},
      {kNetSetMtu, kNever, by_payload<&Backend::set_mtu>},
      {kSendRarp, kNever, by_payload<&Backend::send_rarp>},
      {kSetMemTable, kNever, by_message<&Backend::set_mem_table>},
      {kAddMemReg, kNever, by_message<&Backend::add_region>},
      {kRemMemReg, kNever, by_message<&Backend::remove_region>},
      {kSetLogBase, kAlways, by_message<&Backend::set_log_base>},
      {kSetLogFd, kNever, nothing_to_do},  // would be told when the log is full, which a bit map never is
      {kSetVringNum, kNever, by_payload<&Backend::set_ring_size>},
      {kSetVringAddr, kNever, by_payload<&Backend::set_ring_addresses>},
      {kSetVringBase, kNever, by_payload<&Backend::set_ring_base>},
      {kSetVringEnable, kNever, by_payload<&Backend::set_ring_enable>},
      {kGetVringBase, kAlways, by_message<&Backend::get_ring_base>},
      {kSetVringKick, kNever, by_message<&Backend::set_ring_fd>},
      {kSetVringCall, kNever, by_message<&Backend::set_ring_fd>},
      {kSetVringErr, kNever, by_message<&Backend::set_ring_fd>},
      {kGetInflightFd, kAlways, by_message<&Backend::get_inflight>},
      {kSetInflightFd, kNever, by_message<&Backend::set_inflight>},
  });
  const auto* found = std::ranges::find(kHandlers, request, &Handler::request);
  return found == kHandlers.end() ? nullptr : found;
}

Result<std::optional<VhostBackend::Reply>> VhostBackend::handle(VhostMessage message) {
  const VhostRequest request = message.request();
  const bool acknowledge =
      (message.header.flags & VhostHeader::kNeedReply) != 0 && speaks(VhostProtocolFeature::kReplyAck);
  refusal_.clear();
  const Handler* handler = Handler::find(request);
  Answer answer = handler != nullptr
                      ? handler->follow(*this, message)
                      : std::unexpected(invalid(fmt::format("a message {} that was not negotiated, or is not known",
                                                            message.header.request)));
  if (answer && (*answer || !acknowledge)) return answer;
  if (answer) return reply_to(request, std::uint64_t{0});
  answer.error().message = fmt::format("{}: {}", vhost_request_name(request), answer.error().message);
  if (!acknowledge || (handler != nullptr && handler->answers == Handler::Answers::kAlways)) return answer;
  refusal_ = answer.error().message;
  return reply_to(request, std::uint64_t{1});
}

// The device.

Result<> VhostBackend::reset_device(const VhostMessage&) {
  stop_all();
  forget_positions();
  for (RingState& ring : rings_) ring = {};
  status_ = 0;
  return {};
}

Result<> VhostBackend::set_protocol_features(std::uint64_t features) {
  if ((features & ~kProtocolFeatures) != 0)
    return std::unexpected(invalid(fmt::format("{:#x} has bits that were not offered", features)));
  protocol_features_ = features;
  return {};
}

Result<> VhostBackend::set_mtu(std::uint64_t mtu) {
  constexpr std::uint64_t kSmallest = 68, kLargest = 65535;  // RFC 791 3.2; virtio 1.2 5.1.4
  if (mtu < kSmallest || mtu > kLargest)
    return std::unexpected(invalid(fmt::format("an MTU of {}; {} to {} are possible", mtu, kSmallest, kLargest)));
  mtu_ = static_cast<std::uint16_t>(mtu);
  return {};
}

Result<> VhostBackend::send_rarp(std::uint64_t station) {
  MacAddress address;
  std::memcpy(address.octets.data(), &station, address.octets.size());
  if (address.is_group() || address.is_zero())
    return std::unexpected(invalid(fmt::format("{} is no station's address", to_string(address))));
  runner_.announce(address);
  return {};
}

Result<> VhostBackend::set_features(std::uint64_t features) {
  if ((features & ~offered_) != 0)
    return std::unexpected(invalid(fmt::format("{:#x} has bits that were not offered", features & ~offered_)));
  // By them a ring has other parts, which may not lie in memory.
  const std::uint64_t before = std::exchange(features_, features);
  if (Result<> fits = running_rings_fit(*memory_); !fits) {
    features_ = before;
    return fits;
  }
  return change_under_rings([&] {
    // Whoever does not know of SET_VRING_ENABLE has its rings enabled from the start.
    if (!has(virtio::kProtocolFeatures)) {
      for (RingState& ring : rings_) ring.enabled = true;
    }
  });
}

// Memory.

Result<> VhostBackend::set_mem_table(VhostMessage& message) {
  const auto count = message.as<std::uint32_t>();
  constexpr std::size_t kBefore = 8;  // octets before the regions
  if (!count || *count > kMaxTableRegions || message.payload.size() < kBefore + *count * sizeof(VhostRegion))
    return std::unexpected(
        invalid(fmt::format("a table that does not hold its regions, or more than {}", kMaxTableRegions)));
  if (message.fds.size() < *count) return std::unexpected(without_shared_memory());
  if (message.fds.size() > *count)
    return std::unexpected(invalid(fmt::format("{} descriptors for {} regions", message.fds.size(), *count)));
  auto memory = std::make_unique<GuestMemory>();
  for (std::size_t i = 0; i < *count; ++i) {
    const auto region = message.as<VhostRegion>(kBefore + i * sizeof(VhostRegion));
    if (Result<> added = memory->add(region_of(*region), message.fds[i].get()); !added) return added;
  }
  return use_memory(std::move(memory));
}

Result<> VhostBackend::add_region(VhostMessage& message) {
  const auto region = payload_of<VhostOneRegion>(message);
  if (!region) return std::unexpected(region.error());
  if (message.fds.size() != 1) return std::unexpected(without_shared_memory());
  auto memory = std::make_unique<GuestMemory>(*memory_);
  if (Result<> added = memory->add(region_of(region->region), message.fds.front().get()); !added) return added;
  return use_memory(std::move(memory));
}

Result<> VhostBackend::remove_region(const VhostMessage& message) {
  const auto region = payload_of<VhostOneRegion>(message);
  if (!region) return std::unexpected(region.error());
  auto memory = std::make_unique<GuestMemory>(*memory_);
  if (Result<> removed = memory->remove(region_of(region->region)); !removed) return removed;
  return use_memory(std::move(memory));
}

Result<> VhostBackend::use_memory(std::unique_ptr<const GuestMemory> memory) {
  if (Result<> fits = running_rings_fit(*memory); !fits) return fits;
  return change_under_rings([&] { memory_ = std::move(memory); });
}

Result<std::optional<VhostBackend::Reply>> VhostBackend::set_log_base(VhostMessage& message) {
  const auto place = payload_of<VhostLog>(message);
  if (!place) return std::unexpected(place.error());
  if (message.fds.size() != 1) return std::unexpected(invalid("a log needs one descriptor, of shared memory"));
  if (place->size > kMaxLog) return std::unexpected(invalid(fmt::format("a log of {} octets", place->size)));
  Result<GuardedMapping> mapping = GuardedMapping::map(message.fds.front().get(), place->offset, place->size);
  if (!mapping) return std::unexpected(mapping.error());
  auto log = std::make_unique<const DirtyLog>(std::move(*mapping), place->size);
  const Result<> changed = change_under_rings([&] { log_ = std::move(log); });
  if (!changed) return std::unexpected(changed.error());
  // Answered always, not only with REPLY_ACK.
  return reply_to(message.request(), std::uint64_t{0});
}

// Rings.

Result<VhostBackend::RingState*> VhostBackend::ring_of(std::uint32_t number) {
  if (number < rings_.size()) return &rings_[number];
  return std::unexpected(invalid(fmt::format("ring {}; there are {} to {}", number, 0, rings_.size() - 1)));
}

Result<> VhostBackend::set_ring_size(const VhostRingState& state) {
  const auto ring = ring_of(state.ring);
  if (!ring) return std::unexpected(ring.error());
  if (!std::has_single_bit(state.number) || state.number > Vring::kMaxSize) {
    return std::unexpected(invalid(fmt::format("ring {} of {} descriptors; a power of two up to {} is possible",
                                               state.ring, state.number, Vring::kMaxSize)));
  }
  if ((*ring)->running) return std::unexpected(invalid(fmt::format("ring {} runs", state.ring)));
  (*ring)->size = state.number;
  return {};
}

Result<> VhostBackend::set_ring_addresses(const VhostRingAddresses& addresses) {
  const auto found = ring_of(addresses.ring);
  if (!found) return std::unexpected(found.error());
  RingState& ring = **found;
  const std::optional<VhostRingAddresses> before = std::exchange(ring.addresses, addresses);
  if (!ring.running) return {};
  if (const Result<VringSetup> setup = setup_of(ring, *memory_); !setup) {
    ring.addresses = before;
    return std::unexpected(setup.error());
  }
  stop(ring);
  return start(ring);
}

Result<> VhostBackend::set_ring_base(const VhostRingState& state) {
  const auto ring = ring_of(state.ring);
  if (!ring) return std::unexpected(ring.error());
  // Of a packed ring the upper half says where used descriptors go; between two runs that is the same place.
  if (state.number > UINT16_MAX && !has(virtio::kPackedRing))
    return std::unexpected(invalid(fmt::format("ring {} beginning at {}", state.ring, state.number)));
  if ((*ring)->running) return std::unexpected(invalid(fmt::format("ring {} runs", state.ring)));
  (*ring)->base = static_cast<std::uint16_t>(state.number & 0xffff);
  return {};
}

Result<std::optional<VhostBackend::Reply>> VhostBackend::get_ring_base(const VhostMessage& message) {
  const auto state = payload_of<VhostRingState>(message);
  if (!state) return std::unexpected(state.error());
  const auto found = ring_of(state->ring);
  if (!found) return std::unexpected(found.error());
  RingState& ring = **found;
  stop(ring);
  forget_position(ring);
  ring.kick.reset();
  ring.call.reset();
  const std::uint32_t used = has(virtio::kPackedRing) ? std::uint32_t{ring.base} << 16 : 0;
  return reply_to(message.request(), VhostRingState{state->ring, used | ring.base});
}

Result<> VhostBackend::set_ring_fd(VhostMessage& message) {
  const auto number = payload_of<std::uint64_t>(message);
  if (!number) return std::unexpected(number.error());
  const auto found = ring_of(static_cast<std::uint32_t>(*number & kVhostRingMask));
  if (!found) return std::unexpected(found.error());
  RingState& ring = **found;
  UniqueFd fd;
  if ((*number & kVhostNoFd) == 0) {
    if (message.fds.size() != 1 || kind_of_sent_file(message.fds.front().get()) != SentFile::kEventfd)
      return std::unexpected(invalid(fmt::format("ring {} needs one eventfd", number_of(ring))));
    fd = std::move(message.fds.front());
  }
  switch (message.request()) {
    case VhostRequest::kSetVringErr:
      return {};  // an error ends the connection, which says more
    case VhostRequest::kSetVringCall:
      // Writes to it never wait; who made it so that they do wants no calls.
      if (fd) (void)::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
      // The old one is closed when no worker names it any more.
      if (ring.running) runner_.set_call(number_of(ring), fd.get());
      ring.call = std::move(fd);
      return {};
    default:
      break;
  }
  if (!fd) return std::unexpected(invalid("a ring that is never kicked would have to be looked at for ever"));
  if (const Result<VringSetup> setup = setup_of(ring, *memory_); !setup) return std::unexpected(setup.error());
  stop(ring);
  ring.kick = std::move(fd);
  return start(ring);
}

Result<> VhostBackend::set_ring_enable(const VhostRingState& state) {
  const auto ring = ring_of(state.ring);
  if (!ring) return std::unexpected(ring.error());
  if (state.number > 1) return std::unexpected(invalid(fmt::format("{} is neither 0 nor 1", state.number)));
  (*ring)->enabled = state.number == 1;
  if ((*ring)->running) runner_.enable(state.ring, (*ring)->enabled);
  return {};
}

Result<std::optional<VhostBackend::Reply>> VhostBackend::get_inflight(const VhostMessage& message) const {
  constexpr std::uint64_t kMark = 16, kAlignment = 64;  // octets
  const auto wanted = asked_inflight(message);
  if (!wanted) return std::unexpected(wanted.error());
  const std::uint64_t each =
      (sizeof(VhostInflightRing) + wanted->ring_size * kMark + kAlignment - 1) / kAlignment * kAlignment;
  VhostInflight given = *wanted;
  given.size = each * wanted->ring_count;
  given.offset = 0;
  UniqueFd file(::memfd_create("ringbridge-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(given.size)) != 0)
    return fail(ErrorCode::kSystem, fmt::format("shared memory: {}", std::strerror(errno)));
  const VhostInflightRing none{.ring_size = wanted->ring_size};
  for (std::uint64_t ring = 0; ring < wanted->ring_count; ++ring) {
    if (::pwrite(file.get(), &none, sizeof none, static_cast<off_t>(ring * each)) != sizeof none)
      return fail(ErrorCode::kSystem, fmt::format("shared memory: {}", std::strerror(errno)));
  }
  (void)::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  Reply reply = reply_to(message.request(), given);
  reply.fd = std::move(file);
  return reply;
}

Result<> VhostBackend::set_inflight(const VhostMessage& message) const {
  const auto given = asked_inflight(message);
  if (!given) return std::unexpected(given.error());
  if (message.fds.size() != 1) return std::unexpected(invalid("chains in flight need one descriptor"));
  // Nothing is read there, nor written, but it has to be what it is said to be.
  if (given->size > kMaxLog) return std::unexpected(invalid(fmt::format("{} octets for rings", given->size)));
  const Result<GuardedMapping> mapping = GuardedMapping::map(message.fds.front().get(), given->offset, given->size);
  if (!mapping) return std::unexpected(mapping.error());
  return {};
}

Result<> VhostBackend::set_status(std::uint64_t status) {
  status_ = status & 0xff;
  if (status_ != 0) return {};
  stop_all();  // reset (virtio 1.2 2.1)
  forget_positions();
  return {};
}

Result<VringSetup> VhostBackend::setup_of(const RingState& ring, const GuestMemory& memory) const {
  const unsigned number = number_of(ring);
  if (ring.size == 0 || !ring.addresses)
    return std::unexpected(invalid(fmt::format("ring {} has no size or no addresses yet", number)));
  const VhostRingAddresses& at = *ring.addresses;
  // virtio 1.2 2.7.2: alignment; sizes with the event indexes, which lie behind the rings.
  const std::uint64_t size = ring.size;
  std::byte* descriptors = memory.at_user_address(at.descriptors, size * sizeof(vring_desc));
  // Of a packed ring (2.8.10) the others are the two event suppression structures.
  const bool packed = has(virtio::kPackedRing);
  const std::uint64_t event_size = sizeof(vring_packed_desc_event);
  std::byte* available = memory.at_user_address(
      at.available, packed ? event_size : sizeof(vring_avail) + (size + 1) * sizeof(std::uint16_t));
  std::byte* used = memory.at_user_address(
      at.used, packed ? event_size : sizeof(vring_used) + size * sizeof(vring_used_elem) + sizeof(std::uint16_t));
  if (descriptors == nullptr || available == nullptr || used == nullptr)
    return std::unexpected(invalid(fmt::format("ring {} does not lie in the guest's memory", number)));
  const auto misaligned = [](const std::byte* address, std::uintptr_t alignment) {
    return reinterpret_cast<std::uintptr_t>(address) % alignment != 0;
  };
  if (misaligned(descriptors, 16) || misaligned(available, packed ? 4 : 2) || misaligned(used, 4))
    return std::unexpected(invalid(fmt::format("ring {} is not aligned as virtio demands", number)));
  const bool logs = has(virtio::kLogAll) && log_ != nullptr;
  const bool version_1 = has(virtio::kVersion1);
  VringSetup setup;
  static_assert(sizeof(vring_packed_desc) == sizeof(vring_desc));
  setup.layout.size = static_cast<std::uint16_t>(size);
  if (packed) {
    setup.layout.is_packed = true;
    setup.layout.packed = {.ring = reinterpret_cast<vring_packed_desc*>(descriptors),
                           .driver_event = reinterpret_cast<const vring_packed_desc_event*>(available),
                           .device_event = reinterpret_cast<vring_packed_desc_event*>(used)};
    setup.layout.used_guest_address = memory.guest_address_of(at.descriptors);
  } else {
    setup.layout.descriptors = reinterpret_cast<const vring_desc*>(descriptors);
    setup.layout.available = reinterpret_cast<const vring_avail*>(available);
    setup.layout.used = reinterpret_cast<vring_used*>(used);
    setup.layout.used_guest_address = at.log;
  }
  setup.next = ring.base;
  setup.event_index = has(virtio::kEventIndex);
  setup.mergeable = has(virtio::kMergeableBuffers);
  setup.header_size = version_1 || setup.mergeable ? sizeof(VnetHeader) : kLegacyHeaderSize;
  setup.enabled = ring.enabled;
  setup.kick_fd = ring.kick.get();
  setup.call_fd = ring.call.get();
  setup.memory = &memory;
  setup.log = logs ? log_.get() : nullptr;
  setup.used_log = logs && (at.flags & VhostRingAddresses::kLog) != 0 ? log_.get() : nullptr;
  return setup;
}

Result<> VhostBackend::start(RingState& ring) {
  const Result<VringSetup> setup = setup_of(ring, *memory_);
  if (!setup) return std::unexpected(setup.error());
  runner_.start(number_of(ring), *setup);
  ring.running = true;
  return {};
}

void VhostBackend::stop(RingState& ring) {
  if (!std::exchange(ring.running, false)) return;
  ring.base = runner_.stop(number_of(ring));
}

void VhostBackend::forget_position(const RingState& ring) {
  if (!has(virtio::kPackedRing)) return;
  const Result<VringSetup> setup = setup_of(ring, *memory_);
  if (!setup) return;
  PackedRing::forget_position(*setup->layout.packed.device_event);
  if (setup->log != nullptr)
    setup->log->mark(memory_->guest_address_of(ring.addresses->used), sizeof(vring_packed_desc_event));
}

void VhostBackend::forget_positions() {
  for (const RingState& ring : rings_) forget_position(ring);
}

void VhostBackend::stop_all() {
  for (RingState& ring : rings_) stop(ring);
}

template <typename Change>
Result<> VhostBackend::change_under_rings(Change change) {
  std::vector<RingState*> running;
  for (RingState& ring : rings_) {
    if (!ring.running) continue;
    running.push_back(&ring);
    stop(ring);
  }
  change();
  Result<> result;
  for (RingState* ring : running) {
    if (Result<> started = start(*ring); !started && result) result = started;
  }
  return result;
}

Result<> VhostBackend::running_rings_fit(const GuestMemory& memory) const {
  for (const RingState& ring : rings_) {
    if (!ring.running) continue;
    if (const Result<VringSetup> setup = setup_of(ring, memory); !setup) return std::unexpected(setup.error());
  }
  return {};
}

// What has become of it.

bool VhostBackend::is_up() const noexcept {
  for (std::size_t ring = 0; ring + 1 < rings_.size(); ring += 2) {
    if (rings_[ring].running && rings_[ring].enabled && rings_[ring + 1].running && rings_[ring + 1].enabled)
      return true;
  }
  return false;
}

unsigned VhostBackend::pair_count() const noexcept {
  unsigned count = 0;
  for (std::size_t ring = 0; ring + 1 < rings_.size(); ring += 2) {
    if (rings_[ring].running && rings_[ring].enabled) ++count;
  }
  return count;
}

Offloads VhostBackend::accepts() const noexcept {
  Offloads taken;
  if (!has(virtio::kGuestCsum)) return taken;
  taken.bits |= Offloads::kCsum;
  if (has(virtio::kGuestTso4)) taken.bits |= Offloads::kTso4;
  if (has(virtio::kGuestTso6)) taken.bits |= Offloads::kTso6;
  if (has(virtio::kGuestEcn)) taken.bits |= Offloads::kEcn;
  if (has(virtio::kGuestUso4) && has(virtio::kGuestUso6)) taken.bits |= Offloads::kUso;
  return taken;
}

}  // namespace rb
