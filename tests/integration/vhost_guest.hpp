// SPDX-License-Identifier: GPL-2.0-or-later
// A guest's memory and rings, as a driver of virtio-net has them. They are written from virtio 1.2 alone and share no
// code with the switch.
//
// How it works
//
// 1. Nothing is hidden: a test may write any descriptor or index itself. The convenient functions (send, receive) use
//    the same functions.
// 2. An octet's guest physical address, its user address and its address in this process are unrelated, so that a wrong
//    translation is noticed.
// 3. The functions check the behaviour of a good switch: chains come back in ring order, with the right lengths, and
//    with a call if the driver asked for one.
// 4. Bounds: each ring has 4 MiB for its frames; waiting ends after ten seconds.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "super_frames.hpp"

namespace rb::test {

/// Feature bits (virtio 1.2 5.1.3 and 6; the last two are vhost's).
namespace virtio {
constexpr std::uint64_t bit(unsigned number) {
  return std::uint64_t{1} << number;
}
inline constexpr std::uint64_t kCsum = bit(0), kGuestCsum = bit(1), kMtu = bit(3), kGuestTso4 = bit(7),
                               kGuestTso6 = bit(8), kGuestEcn = bit(9), kHostTso4 = bit(11), kHostTso6 = bit(12),
                               kHostEcn = bit(13), kMergeable = bit(15), kStatus = bit(16), kMultiQueue = bit(22),
                               kIndirect = bit(28), kEventIndex = bit(29), kVersion1 = bit(32), kInOrder = bit(35),
                               kGuestUso4 = bit(54), kGuestUso6 = bit(55), kHostUso = bit(56), kLogAll = bit(26),
                               kProtocolFeatures = bit(30);
/// The offloads that a present-day guest accepts.
inline constexpr std::uint64_t kOffloads = kCsum | kGuestCsum | kGuestTso4 | kGuestTso6 | kGuestEcn | kHostTso4 |
                                           kHostTso6 | kHostEcn | kGuestUso4 | kGuestUso6 | kHostUso;
inline constexpr std::uint64_t kModern = kVersion1 | kMergeable | kEventIndex | kIndirect;
}  // namespace virtio

/// Returns numbers as they are in a message, one after the other.
template <class... Numbers>
[[nodiscard]] Octets packed(Numbers... numbers) {
  Octets octets((sizeof numbers + ... + 0));
  std::size_t at = 0;
  const auto append = [&](const auto& number) {
    std::memcpy(octets.data() + at, &number, sizeof number);
    at += sizeof number;
  };
  (append(numbers), ...);
  return octets;
}

/// Memory of a guest in shared files. Region 0 has rings and sent frames, and region 1 has received frames.
class GuestMemory {
 public:
  enum class Seal : std::uint8_t { kNone, kShrink };
  struct Region {
    UniqueFd file;
    std::uint64_t guest_address = 0, user_address = 0;
    std::uint64_t file_offset = 0;  // of the region's first octet
    std::size_t size = 0;
    std::uint8_t* octets = nullptr;  // the region's address in this process
    std::size_t taken = 0;           // allocated octets, all from the beginning
  };
  static constexpr std::uint64_t kGuestAddresses[] = {0x100000, 0x40000000};  // of regions 0 and 1
  static constexpr std::size_t kRegionSize = 32 << 20;

  explicit GuestMemory(Seal seal = Seal::kShrink);
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  /// Returns the new region's index.
  std::size_t add_region(std::uint64_t guest_address, std::size_t size);
  [[nodiscard]] const Region& region(std::size_t index) const { return regions_.at(index); }
  [[nodiscard]] std::size_t region_count() const { return regions_.size(); }
  /// Returns a guest physical address. The memory is never freed.
  [[nodiscard]] std::uint64_t allocate(std::size_t region, std::size_t size, std::size_t alignment = 64);
  [[nodiscard]] std::uint8_t* at(std::uint64_t guest_address) const;
  [[nodiscard]] std::uint64_t user_address(std::uint64_t guest_address) const;
  /// Truncates the region's file. Reading this memory then raises SIGBUS in this process as well.
  void truncate(std::size_t region) const;

  /// Returns a region's four numbers, as SET_MEM_TABLE and ADD_MEM_REG have them.
  [[nodiscard]] Octets description(std::size_t region) const;

 private:
  [[nodiscard]] const Region& holding(std::uint64_t guest_address) const;

  Seal seal_;
  std::deque<Region> regions_;
};

/// One split virtqueue (virtio 1.2 2.7) in prepared memory. FrontEnd::start() makes it known to the switch.
class Ring {
 public:
  static constexpr std::uint16_t kNext = 1, kWrite = 2, kIndirect = 4;  // flags of a descriptor
  struct Descriptor {
    std::uint64_t address = 0;  // guest physical
    std::uint32_t size = 0;     // octets
    std::uint16_t flags = 0;
    std::uint16_t next = 0;
  };
  struct Used {
    std::uint32_t id = 0;
    std::uint32_t size = 0;  // octets written
  };
  struct Settings {
    std::uint16_t size = 256;
    std::uint16_t base = 0;  // both indices begin here
    std::uint64_t features = virtio::kModern;
    std::size_t region = 0;  // the region that has its frames
  };
  /// The buffers into which a header and a frame are cut: the sizes of the first buffers, then one buffer with the
  /// rest.
  struct Layout {
    std::vector<std::size_t> sizes = {};
    bool indirect = false;
  };

  Ring(GuestMemory& memory, const Settings& settings);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  [[nodiscard]] std::uint16_t size() const { return settings_.size; }
  [[nodiscard]] std::size_t header_size() const;
  [[nodiscard]] int kick_fd() const { return kick_.get(); }
  [[nodiscard]] int call_fd() const { return call_.get(); }

  // The ring's parts, for tests that write them directly. Addresses are guest physical.
  [[nodiscard]] std::uint64_t table_address() const { return table_; }
  [[nodiscard]] std::uint64_t avail_address() const { return avail_; }
  [[nodiscard]] std::uint64_t used_address() const { return used_; }
  [[nodiscard]] std::size_t used_size() const { return 6 + 8U * settings_.size; }
  [[nodiscard]] Descriptor& descriptor(std::size_t index) const;
  [[nodiscard]] std::uint16_t avail_index() const;
  [[nodiscard]] std::uint16_t used_index() const;
  [[nodiscard]] Used used(std::uint16_t index) const;
  /// Writes the next entry of the avail ring. The switch may look at it after publish().
  void offer(std::uint16_t head);
  /// Publishes the offered entries, and kicks if the switch asks for a kick.
  void publish();
  /// Writes this avail index, and kicks.
  void publish_index(std::uint16_t index);
  void kick() const;
  /// True if the switch asks for a kick when the next chain is published.
  [[nodiscard]] bool wants_kick() const;
  /// Asks for no calls until the next wait.
  void refuse_calls() const;
  /// True if a call has come since the last check.
  [[nodiscard]] bool was_called() const;
  [[nodiscard]] const GuestMemory& memory() const { return memory_; }
  /// Allocates `size` octets in the guest's memory.
  [[nodiscard]] std::uint64_t allocate(std::size_t size) { return memory_.allocate(settings_.region, size); }

  // Transmit.
  /// Offers a frame without publishing it. False if there is no room.
  [[nodiscard]] bool add(const OffloadedFrame& frame, const Layout& layout);
  [[nodiscard]] bool add(const OffloadedFrame& frame) { return add(frame, default_layout()); }
  /// Sends a frame, and waits for room if there is none. False if there is no room for ten seconds.
  bool send(const OffloadedFrame& frame, const Layout& layout);
  bool send(const OffloadedFrame& frame) { return send(frame, default_layout()); }
  /// Waits until the switch has returned all published chains. False if it does not do so in ten seconds.
  [[nodiscard]] bool drained();

  // Receive.
  /// Makes buffers available and publishes them. A buffer may consist of `pieces` descriptors of equal size.
  void post(unsigned count, std::uint32_t size, unsigned pieces = 1, bool indirect = false);
  /// Returns the next frame, or nullopt if none comes in time. Its buffers are posted again unless `refills` is false.
  [[nodiscard]] std::optional<OffloadedFrame> receive(int timeout_ms = 10000);
  /// Waits until `count` further chains have come back. False if they do not come in time.
  [[nodiscard]] bool wait_used(unsigned count, int timeout_ms = 10000);
  [[nodiscard]] unsigned pending() const { return static_cast<std::uint16_t>(used_index() - seen_); }
  /// The buffers of the chain that comes back as number `index` from now.
  [[nodiscard]] const std::vector<Descriptor>& next_buffers(std::size_t index = 0) const {
    return outstanding_.at(index).buffers;
  }
  bool refills = true;

 private:
  /// A chain that the switch has.
  struct Chain {
    std::uint16_t head = 0;
    std::uint16_t count = 0;  // descriptors of the table
    std::vector<Descriptor> buffers = {};
    std::uint64_t indirect = 0;  // the address of an indirect table, or 0
    std::size_t charged = 0;     // octets of the arena
  };
  [[nodiscard]] bool has(std::uint64_t feature) const { return (settings_.features & feature) != 0; }
  /// A legacy driver keeps the header in a descriptor of its own (virtio 1.2 5.1.6.6).
  [[nodiscard]] bool separate_header() const { return !has(virtio::kVersion1); }
  [[nodiscard]] Layout default_layout() const;
  [[nodiscard]] std::optional<std::uint64_t> take_memory(std::size_t size, Chain& chain);
  [[nodiscard]] bool add_chain(Chain chain);
  [[nodiscard]] Chain take_used(std::uint32_t& size);
  void collect();

  GuestMemory& memory_;
  const Settings settings_;
  std::uint64_t table_, avail_, used_, arena_;
  std::size_t arena_at_ = 0, arena_used_ = 0;
  UniqueFd kick_, call_;
  std::uint16_t next_descriptor_ = 0, free_count_;
  std::uint16_t offered_, published_,
      seen_;                                // numbers of avail entries written and published, and of used entries read
  std::optional<std::uint32_t> batch_end_;  // with IN_ORDER one used entry may stand for several chains
  std::deque<Chain> outstanding_;
};

}  // namespace rb::test
