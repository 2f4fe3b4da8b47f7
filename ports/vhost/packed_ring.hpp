// SPDX-License-Identifier: GPL-2.0-or-later
// PackedRing has the differences between a packed and a split virtqueue (virtio 1.2 2.8): one ring, in which the driver
// marks descriptors as available and the device overwrites them as used.
//
// How it works. Two flag bits and a wrap counter tell if a descriptor is available or used; the wrap counter changes
// with each round of the ring. A chain is in consecutive descriptors, and its last one has its id. The beginning of a
// chain is known only from the chain before it, so chains are found one after the other and remembered until they are
// given back. As in all rings here they are given back in order, each at the place of its own beginning. The flags of
// the first descriptor of a batch are written last: until then the driver looks at none of them.
//
// A split ring has the number of used chains in memory. A packed ring does not, and a front end whose back end has
// crashed does not know the number either. So the position is kept in the offset of the device's event structure, which
// drivers do not read while its flags do not ask for it (2.8.14), and in a used descriptor, which shows that the
// position is ours: a restarted switch goes on there. When the front end asks for the position, it is removed, because
// the next device will get it from the front end.
//
// Only Vring uses this class, and checks its results.
#pragma once

#define VIRTIO_RING_NO_LEGACY
#include <linux/virtio_ring.h>

#include <array>
#include <cstdint>

namespace rb {

/// The ring's parts in the guest's memory, checked like those of a VringLayout.
struct PackedLayout {
  vring_packed_desc* ring = nullptr;
  const vring_packed_desc_event* driver_event = nullptr;  // tells until when the driver wants no calls
  vring_packed_desc_event* device_event = nullptr;        // tells until when we want no kicks
};

class PackedRing {
 public:
  /// The maximum of chains that are found ahead.
  static constexpr unsigned kMaxAhead = 256;

  /// Removes the position that a ring has kept. The ring must not run.
  static void forget_position(vring_packed_desc_event& device_event) noexcept;

  PackedRing() = default;
  /// `base` is the next descriptor, with the wrap counter in bit 15. It is used if the ring has kept no position.
  PackedRing(const PackedLayout& layout, std::uint16_t size, std::uint16_t base, bool event_index) noexcept;

  /// Returns the number of waiting chains, at most `wanted` and kMaxAhead. `looped`: a chain is longer than the ring;
  /// it does not count.
  [[nodiscard]] unsigned available(unsigned wanted, bool& looped) noexcept;
  /// Returns the first descriptor of the chain after `ahead` others that available() has found.
  [[nodiscard]] std::uint16_t head(unsigned ahead) const noexcept {
    return chains_[(taken_ + ahead) % kMaxAhead].start;
  }
  void take(unsigned count) noexcept { taken_ += count; }
  void put_used(std::uint32_t written) noexcept;
  [[nodiscard]] bool has_unpublished() const noexcept { return unpublished_ != 0; }
  /// Returns true if the driver wants a call.
  [[nodiscard]] bool publish() noexcept;
  void suppress_kicks() noexcept;
  [[nodiscard]] bool ask_for_kicks() noexcept;
  /// Returns the position in the form of `base`.
  [[nodiscard]] std::uint16_t base() const noexcept { return used_.packed(); }

 private:
  /// A position in the ring, with its wrap counter.
  struct Position {
    std::uint16_t at = 0;
    bool wrap = true;

    [[nodiscard]] std::uint16_t packed() const noexcept {
      return static_cast<std::uint16_t>(at | (wrap ? 1 << 15 : 0));
    }
    void advance(unsigned count, unsigned size) noexcept {
      const unsigned next = at + count;
      wrap = wrap != (next >= size);
      at = static_cast<std::uint16_t>(next >= size ? next - size : next);
    }
  };
  struct Chain {
    std::uint16_t start = 0, count = 0, id = 0;
  };
  void keep_position() noexcept;
  [[nodiscard]] static bool is_available(std::uint16_t flags, bool wrap) noexcept;

  PackedLayout layout_;
  unsigned size_ = 0;
  bool event_index_ = false;
  std::array<Chain, kMaxAhead> chains_;
  unsigned found_ = 0, taken_ = 0, put_ = 0;  // chains so far; chains_ has the last of them
  Position found_at_, used_;                  // after the last found chain; the place of the next used one
  Position first_;                            // of the unpublished descriptors, whose flags wait
  std::uint16_t first_flags_ = 0;
  std::uint16_t last_ = 0;    // the place of the last unpublished descriptor
  unsigned unpublished_ = 0;  // descriptors
};

}  // namespace rb
