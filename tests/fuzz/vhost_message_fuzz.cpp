// SPDX-License-Identifier: GPL-2.0-or-later
// Takes any octets and descriptors as messages of a front end. The rings that result must be in memory that exists
// until they are stopped. A refused message changes nothing.
//
// Input: two octets for the index at which rings stop, an octet of options, then chunks. A chunk has an octet for its
// descriptors (low four bits: how many; high four bits: of which kind), an octet for its size, and then so many octets.
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "ports/vhost/vhost_backend.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// The descriptors that a chunk may bring. They are made once.
struct Files {
  static constexpr std::uint64_t kMemorySize = 65536;
  Files() {
    require(::ftruncate(memory, kMemorySize) == 0);
    require(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  }
  int memory = ::memfd_create("vhost_message_fuzz", MFD_CLOEXEC);
  int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::array<int, 2> pipe{};

  [[nodiscard]] std::vector<rb::UniqueFd> some(std::uint8_t control) const {
    const std::array kinds = {memory, event, pipe[0], pipe[1]};
    const int kind = kinds[(control >> 4) % kinds.size()];
    std::vector<rb::UniqueFd> fds;
    for (unsigned i = 0; i < (control & 15U); ++i) fds.emplace_back(::dup(kind));
    return fds;
  }
};

/// Checks the memory and descriptors of rings when they start and when they stop.
class CheckingRunner final : public rb::VringRunner {
 public:
  explicit CheckingRunner(std::uint16_t stops_at) : stops_at_(stops_at) {}
  ~CheckingRunner() override {
    for (const rb::VringSetup& setup : running_) require(setup.memory == nullptr);
  }

  void start(unsigned ring, const rb::VringSetup& setup) override {
    require(ring < running_.size() && running_[ring].memory == nullptr && setup.memory != nullptr);
    running_[ring] = setup;
    check(setup);
    ++calls;
  }
  std::uint16_t stop(unsigned ring) override {
    require(ring < running_.size() && running_[ring].memory != nullptr);
    check(running_[ring]);
    running_[ring] = {};
    ++calls;
    return stops_at_++;
  }
  void enable(unsigned ring, bool) override {
    require(ring < running_.size() && running_[ring].memory != nullptr);
    ++calls;
  }
  void set_call(unsigned ring, int fd) override {
    require(ring < running_.size() && running_[ring].memory != nullptr);
    check(running_[ring]);
    running_[ring].call_fd = fd;
    ++calls;
  }
  void announce(const rb::MacAddress& station) override {
    require(!station.is_group() && !station.is_zero());
    ++calls;
  }

  unsigned calls = 0;

 private:
  static bool is_event(int fd) {
    std::uint64_t count = 0;
    return ::read(fd, &count, 0) < 0 &&
           errno == EINVAL;  // unlike a file or a pipe, an eventfd refuses to read 0 octets
  }
  /// Reads the first octet and the last octet.
  static void read_ends(const void* start, std::size_t size, std::uintptr_t alignment) {
    require(reinterpret_cast<std::uintptr_t>(start) % alignment == 0);
    const auto* const octets = static_cast<const volatile std::uint8_t*>(start);
    (void)octets[0];
    (void)octets[size - 1];
  }
  static void write_ends(void* start, std::size_t size) {
    auto* const octets = static_cast<volatile std::uint8_t*>(start);
    octets[0] = 0;
    octets[size - 1] = 0;
  }
  static void check(const rb::VringSetup& setup) {
    const std::size_t size = setup.layout.size;
    require(size != 0 && size <= rb::Vring::kMaxSize && (size & (size - 1)) == 0);
    if (const rb::PackedLayout& packed = setup.layout.packed; setup.layout.is_packed) {
      read_ends(packed.ring, size * sizeof(vring_packed_desc), 16);
      read_ends(packed.driver_event, sizeof(vring_packed_desc_event), 4);
      read_ends(packed.device_event, sizeof(vring_packed_desc_event), 4);
      write_ends(packed.ring, size * sizeof(vring_packed_desc));
      write_ends(packed.device_event, sizeof(vring_packed_desc_event));
    } else {
      read_ends(setup.layout.descriptors, size * sizeof(vring_desc), 16);
      read_ends(setup.layout.available, sizeof(vring_avail) + (size + 1) * sizeof(std::uint16_t), 2);
      const std::size_t used_size = sizeof(vring_used) + size * sizeof(vring_used_elem) + sizeof(std::uint16_t);
      read_ends(setup.layout.used, used_size, 4);
      write_ends(setup.layout.used, used_size);
    }
    require(setup.header_size == 10 || setup.header_size == 12);
    require(!setup.mergeable || setup.header_size == 12);
    require(is_event(setup.kick_fd) && (setup.call_fd < 0 || is_event(setup.call_fd)));
    for (const rb::DirtyLog* log : {setup.log, setup.used_log}) {
      for (unsigned shift = 0; log != nullptr && shift < 34; ++shift) log->mark((std::uint64_t{1} << shift) - 1, 2);
    }
    require(setup.used_log == nullptr || setup.used_log == setup.log);
  }

  std::uint16_t stops_at_;
  std::array<rb::VringSetup, rb::VhostPort::kMaxRings> running_;
};

/// The visible state of a back end.
struct Seen {
  explicit Seen(const rb::VhostBackend& backend, const CheckingRunner& runner)
      : features(backend.features()),
        mtu(backend.mtu()),
        pair_count(backend.pair_count()),
        is_up(backend.is_up()),
        calls(runner.calls) {}
  bool operator==(const Seen&) const = default;
  std::uint64_t features;
  unsigned mtu, pair_count;
  bool is_up;
  unsigned calls;
};

/// Handles a message. False: the connection ends.
bool follow(rb::VhostBackend& backend, const CheckingRunner& runner, rb::VhostMessage message) {
  const Seen before(backend, runner);
  const bool wants_reply = (message.header.flags & rb::VhostHeader::kNeedReply) != 0;
  const std::uint32_t request = message.header.request;
  const auto answer = backend.handle(std::move(message));
  if (!answer || !backend.refusal().empty()) require(Seen(backend, runner) == before);
  if (!answer) {
    require(!answer.error().message.empty());
    return false;
  }
  require(backend.refusal().empty() || (wants_reply && *answer));
  if (!*answer) return true;
  rb::VhostHeader header;
  require((*answer)->octets.size() >= sizeof header);
  std::memcpy(&header, (*answer)->octets.data(), sizeof header);
  require(header.request == request && header.flags == (rb::VhostHeader::kVersion | rb::VhostHeader::kReply));
  require((*answer)->octets.size() == sizeof header + header.size);
  require(!(*answer)->fd || request == static_cast<std::uint32_t>(rb::VhostRequest::kGetInflightFd));
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Files files;
  if (size < 3) return 0;
  CheckingRunner runner(static_cast<std::uint16_t>(data[0] | data[1] << 8));
  rb::VhostBackend backend({.offload = (data[2] & 1) != 0}, runner);
  rb::VhostMessageReader reader;
  std::span<const std::uint8_t> script(data + 3, size - 3);
  while (script.size() >= 2) {
    std::vector<rb::UniqueFd> fds = files.some(script[0]);
    std::span<const std::uint8_t> chunk = script.subspan(2, std::min<std::size_t>(script[1], script.size() - 2));
    script = script.subspan(2 + chunk.size());
    while (!chunk.empty()) {
      const std::size_t here = std::min(chunk.size(), reader.wanted());
      require(here != 0);
      const auto whole = reader.add(std::as_bytes(chunk.first(here)), std::exchange(fds, {}));
      if (!whole) return 0;
      require(reader.in_message());
      chunk = chunk.subspan(here);
      if (*whole && !follow(backend, runner, reader.take())) return 0;
    }
  }
  return 0;
}
