// SPDX-License-Identifier: GPL-2.0-or-later
// PackedRing: what differs from a split virtqueue in a packed one (virtio 1.2 2.8): one ring, in which the driver marks
// descriptors as available and the device overwrites them as used.
//
// How it works. A descriptor is available, or used, when its two flag bits stand in a certain way to a wrap counter,
// which turns over with each round of the ring. A chain lies in consecutive descriptors; its last one says its id.
// Where a chain begins is known only from the one before it, so chains are found one after the other and remembered
// until they are given back. As everywhere here they are given back in order, each at the place of its own beginning.
// The flags of the first one of a batch are written last: until then the driver looks at none.
//
// A split ring says in memory what has been used; a packed one does not, and a front end whose back end has crashed
// cannot say it either. So the position is kept in the offset of the device's event structure, which drivers do not
// look at while its flags do not ask them to (2.8.14), and in a used descriptor, by which it is known for ours: a
// switch that comes back goes on there. When the front end asks for the position it is taken away: whoever goes on will
// be told it.
//
// Used by Vring alone, which checks what it gives.
#pragma once

#define VIRTIO_RING_NO_LEGACY
#include <linux/virtio_ring.h>

#include <array>
#include <cstdint>

namespace rb {

/// Its parts, in the guest's memory, checked as those of a VringLayout.
struct PackedLayout {
  vring_packed_desc* ring = nullptr;
  const vring_packed_desc_event* driver_event = nullptr;  // until when the driver wants no calls
  vring_packed_desc_event* device_event = nullptr;        // and we no kicks
};

class PackedRing {
 public:
  /// Chains that can be found ahead.
  static constexpr unsigned kMaxAhead = 256;

  /// Takes away what a ring has kept there; it does not run.
  static void forget_position(vring_packed_desc_event& device_event) noexcept;

  PackedRing() = default;
  /// `base`: the next descriptor, and in bit 15 the wrap counter; used where none was kept in the ring.
  PackedRing(const PackedLayout& layout, std::uint16_t size, std::uint16_t base, bool event_index) noexcept;

  /// How many chains wait, at most `wanted` and kMaxAhead. `looped`: one is longer than the ring; it does not count.
  [[nodiscard]] unsigned available(unsigned wanted, bool& looped) noexcept;
  /// The first descriptor of the chain behind `ahead` others that available() has found.
  [[nodiscard]] std::uint16_t head(unsigned ahead) const noexcept {
    return chains_[(taken_ + ahead) % kMaxAhead].start;
  }
  void take(unsigned count) noexcept { taken_ += count; }
  void put_used(std::uint32_t written) noexcept;
  [[nodiscard]] bool has_unpublished() const noexcept { return unpublished_ != 0; }
  /// True when the driver wants to be told.
  [[nodiscard]] bool publish() noexcept;
  void suppress_kicks() noexcept;
  [[nodiscard]] bool ask_for_kicks() noexcept;
  /// Where it stands, as in `base`.
  [[nodiscard]] std::uint16_t base() const noexcept { return used_.packed(); }

 private:
  /// A place in the ring and the wrap counter there.
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
  unsigned found_ = 0, taken_ = 0, put_ = 0;  // chains so far, of which chains_ holds the last
  Position found_at_, used_;                  // behind the last one that was found; where the next used one goes
  Position first_;                            // of those that are not published, whose flags wait
  std::uint16_t first_flags_ = 0;
  std::uint16_t last_ = 0;    // where the last one of them was put
  unsigned unpublished_ = 0;  // descriptors
};

}  // namespace rb
