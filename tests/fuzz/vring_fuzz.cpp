// SPDX-License-Identifier: GPL-2.0-or-later
// Takes any octets as a guest's memory with its ring, and moves frames out of its chains and into them. Whatever the
// ring contains, the code touches nothing outside the guest's memory, and uses no chain that is not available.
//
// Input: eight octets of settings (Settings), octets of steps, and the memory's content from its first region on.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "ports/vhost/guest_frames.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// The first octets of the input.
struct Settings {
  std::uint8_t options;     // see below for the bits
  std::uint8_t size_bits;   // the ring has 2 to the power of this number of descriptors, at most kMaxRingSize
  std::uint16_t next;       // the index at which the ring begins
  std::uint16_t max_frame;  // octets
  std::uint8_t max_pieces;
  std::uint8_t step_count;

  [[nodiscard]] bool event_index() const noexcept { return (options & 1) != 0; }
  [[nodiscard]] bool logs() const noexcept { return (options & 2) != 0; }
  [[nodiscard]] bool is_packed() const noexcept { return (options & 0x80) != 0; }
};
static_assert(sizeof(Settings) == 8);

/// A step: an action and a number for it.
struct Step {
  std::uint8_t action;
  std::uint8_t number;
};

constexpr std::uint64_t kRegionSize = 2048, kMargin = 1024;  // every region has a margin around it in the file
// Two regions touch, and the third is apart. Each region is in the middle of a page of its own.
constexpr std::array<std::uint64_t, 3> kRegions = {0x10000, 0x10000 + kRegionSize, 0x20000};
constexpr std::uint64_t kFilePage = 4096;
constexpr std::byte kMarginOctet{0xa5};
// The ring's parts are in the first region, with room for indirect tables and buffers between them. A packed ring has
// its descriptors, the driver's and the device's event suppression in the same places.
constexpr unsigned kMaxRingSize = 16;
constexpr std::uint64_t kDescriptors = 0, kAvailable = 256, kUsed = 300;
constexpr std::size_t kMaxSteps = 24;

/// The guest's memory. It is made once.
class Memory {
 public:
  Memory() : log_(map_log()) {
    require(::ftruncate(file_, kRegions.size() * kFilePage) == 0);
    for (std::size_t i = 0; i < kRegions.size(); ++i) {
      const std::uint64_t offset = i * kFilePage + kMargin;
      require(memory_.add({kRegions[i], kRegionSize, kRegions[i], offset}, file_).has_value());
      std::size_t hint = 0;
      starts_[i] = memory_.at(kRegions[i], 1, hint).data;
      std::memset(starts_[i] - kMargin, std::to_integer<int>(kMarginOctet), kFilePage);
    }
  }
  /// Fills the memory with the given octets, then with zeros.
  void fill(std::span<const std::uint8_t> octets) {
    for (std::byte* start : starts_) {
      const std::size_t here = std::min<std::size_t>(octets.size(), kRegionSize);
      if (here != 0) std::memcpy(start, octets.data(), here);
      std::memset(start + here, 0, kRegionSize - here);
      octets = octets.subspan(here);
    }
  }
  /// True if all of a piece is in one region.
  [[nodiscard]] bool holds(const rb::Piece& piece) const {
    return std::any_of(starts_.begin(), starts_.end(), [&](const std::byte* start) {
      return piece.data >= start && piece.data < start + kRegionSize &&
             piece.size <= static_cast<std::size_t>(start + kRegionSize - piece.data);
    });
  }
  /// True if nothing was written outside of regions and log, and only the page that the first two regions share is
  /// marked.
  [[nodiscard]] bool is_untouched_beside() const {
    const auto all_are = [](const std::byte* from, std::size_t size, std::byte octet) {
      return std::all_of(from, from + size, [=](std::byte other) { return other == octet; });
    };
    return all_are(log_octets_, 2, std::byte{0}) && (log_octets_[2] & std::byte{0xfe}) == std::byte{0} &&
           all_are(log_octets_ + kLogSize, kFilePage - kLogSize, std::byte{0}) &&
           std::all_of(starts_.begin(), starts_.end(), [&](const std::byte* start) {
             return all_are(start - kMargin, kMargin, kMarginOctet) &&
                    all_are(start + kRegionSize, kMargin, kMarginOctet);
           });
  }
  [[nodiscard]] rb::VringLayout layout(const Settings& settings) const {
    const auto size = static_cast<std::uint16_t>(std::min(1U << settings.size_bits % 8, kMaxRingSize));
    if (settings.is_packed()) {
      rb::VringLayout packed;
      packed.size = size;
      packed.is_packed = true;
      packed.packed = {.ring = reinterpret_cast<vring_packed_desc*>(starts_[0] + kDescriptors),
                       .driver_event = reinterpret_cast<const vring_packed_desc_event*>(starts_[0] + kAvailable),
                       .device_event = reinterpret_cast<vring_packed_desc_event*>(starts_[0] + kUsed)};
      packed.used_guest_address = kRegions[0] + kDescriptors;
      return packed;
    }
    return {.size = size,
            .descriptors = reinterpret_cast<const vring_desc*>(starts_[0] + kDescriptors),
            .available = reinterpret_cast<const vring_avail*>(starts_[0] + kAvailable),
            .used = reinterpret_cast<vring_used*>(starts_[0] + kUsed),
            .used_guest_address = kRegions[0] + kUsed};
  }
  [[nodiscard]] const rb::GuestMemory& memory() const { return memory_; }
  [[nodiscard]] const rb::DirtyLog* log() const { return &log_; }

 private:
  static constexpr std::uint64_t kLogSize = 3;  // the last region's page is outside the log
  rb::DirtyLog map_log() {
    const rb::UniqueFd file(::memfd_create("vring_fuzz_log", MFD_CLOEXEC));
    require(::ftruncate(file.get(), kFilePage) == 0);
    void* const octets = ::mmap(nullptr, kFilePage, PROT_READ, MAP_SHARED, file.get(), 0);
    require(octets != MAP_FAILED);
    log_octets_ = static_cast<const std::byte*>(octets);
    auto mapping = rb::GuardedMapping::map(file.get(), 0, kLogSize);
    require(mapping.has_value());
    return {std::move(*mapping), kLogSize};
  }

  int file_ = ::memfd_create("vring_fuzz", MFD_CLOEXEC);
  rb::GuestMemory memory_;
  const std::byte* log_octets_ = nullptr;
  rb::DirtyLog log_;
  std::array<std::byte*, kRegions.size()> starts_{};
};

/// Returns octets for frames.
std::span<std::byte> frame_octets() {
  static std::vector<std::byte> octets(65550, std::byte{0x5a});
  return octets;
}

/// A device that performs the steps.
class Device {
 public:
  Device(Memory& memory, const Settings& settings)
      : memory_(memory),
        settings_(settings),
        layout_(memory.layout(settings)),
        ring_(layout_, settings.next, settings.event_index(), memory.memory(), settings.logs() ? memory.log() : nullptr,
              settings.logs() ? memory.log() : nullptr),
        next_(settings.is_packed() ? ring_.next() : settings.next),
        used_(settings.is_packed() ? std::uint16_t{0} : layout_.used->idx) {
    require(is_possible(ring_.next()));
  }

  void act(const Step& step) {
    switch (step.action % 6) {
      case 0:
        return receive(1 + step.number % 20U);
      case 1:
        return put({.header_size = 10}, step.number);
      case 2:
        return put({.header_size = 12}, step.number);
      case 3:
        return put({.header_size = 12, .mergeable = true}, step.number);
      case 4:
        return go_ahead(step.number % 2 != 0 ? rb::VringDirection::kToGuest : rb::VringDirection::kFromGuest,
                        step.number / 2);
      default:
        ring_.suppress_kicks();
        (void)ring_.ask_for_kicks();
    }
  }
  [[nodiscard]] bool failed() const { return ring_.trouble().fault != rb::VringFault::kNone; }

 private:
  /// Takes a burst of chains.
  void receive(unsigned wanted) {
    const bool had_failed = failed();
    const unsigned count = ring_.available(wanted);
    // A packed ring may change between two looks, after some chains were found.
    require(count <= wanted && (count <= layout_.size || layout_.is_packed) && (count == 0 || !had_failed));
    unsigned taken = 0;
    for (; taken < count; ++taken) {
      const std::uint16_t head = ring_.head(taken);
      require(head < layout_.size);
      if (failed() || !read(head)) break;
      ring_.put_used(head, 0);
    }
    ring_.take(taken);
    publish(taken);
  }
  /// Reads a chain to its end. False if the chain is bad.
  bool read(std::uint16_t head) {
    std::array<rb::Piece, UINT8_MAX> room;
    const std::uint32_t header_size = (settings_.options & 4) != 0 ? 12 : 10;
    const auto found =
        rb::find_chain(ring_, head, header_size, settings_.max_frame, {room.data(), settings_.max_pieces});
    require(found.has_value() != failed());
    if (!found) return false;
    require(found->piece_count <= settings_.max_pieces && found->size >= header_size);
    require(found->size - header_size <= settings_.max_frame);
    const std::span<const rb::Piece> pieces{room.data(), found->piece_count};
    std::vector<std::byte> expected, octets(found->size);
    for (const rb::Piece& piece : pieces) {
      require(piece.size != 0 && memory_.holds(piece));
      expected.insert(expected.end(), piece.data, piece.data + piece.size);
    }
    require(expected.size() == found->size);
    rb::ChainReader reader(pieces);
    const std::size_t some = octets.size() / 3;
    reader.read(octets.data(), some);
    std::array<rb::Piece, UINT8_MAX> rest;
    std::size_t left = 0;
    for (std::size_t i = reader.rest(rest); i-- > 0;) {
      require(memory_.holds(rest[i]));
      left += rest[i].size;
    }
    require(left == octets.size() - some);
    reader.read(octets.data() + some, left);
    require(octets == expected);
    return true;
  }
  /// Uses waiting chains, up to the first chain that is not simple.
  void go_ahead(rb::VringDirection direction, unsigned wanted) {
    std::array<rb::WaitingChain, rb::Vring::kMaxAhead> chains;
    const unsigned available = ring_.available(std::min(wanted, rb::Vring::kMaxAhead));
    const unsigned count = ring_.look_ahead(available, direction, chains);
    require(count == (failed() ? 0 : available));
    const std::uint32_t size = rb::kEthernetHeaderSize + wanted;
    rb::Piece octets{frame_octets().data(), size};
    rb::VnetHeader vnet;
    unsigned used = 0;
    for (; used < count; ++used) {
      const rb::WaitingChain& chain = chains[used];
      require(chain.head < layout_.size);
      if (chain.simple.size == 0) break;
      require(memory_.holds(chain.simple));
      std::uint32_t written = 0;
      if (direction == rb::VringDirection::kToGuest) {
        constexpr std::uint32_t kHeader = sizeof vnet;
        if (chain.simple.size < kHeader + size) break;
        rb::write_frame(chain.simple.data, {&vnet, &octets, size, 1, 0}, vnet, kHeader);
        written = kHeader + size;
        ring_.wrote(chain.guest_address, written);
      }
      ring_.put_used(chain.head, written);
    }
    ring_.take(used);
    publish(used);
  }
  /// Puts a frame in three pieces. `number` gives its size.
  void put(rb::GuestReceive guest, std::uint8_t number) {
    const bool had_failed = failed();
    const std::uint32_t size = rb::kEthernetHeaderSize + std::uint32_t{number} * number, third = size / 3;
    std::byte* const octets = frame_octets().data();
    std::array<rb::Piece, 3> pieces = {
        {{octets, third}, {octets + third, third}, {octets + third + third, size - third - third}}};
    rb::VnetHeader vnet;
    const rb::Frame frame{&vnet, pieces.data(), size, pieces.size(), 0};
    unsigned budget = 1000;
    const auto dropped = rb::put_frame(frame, vnet, guest, ring_, budget);
    // The position of a packed ring shows that chains were taken, but not how many.
    const auto taken =
        layout_.is_packed ? std::uint16_t{ring_.has_unpublished()} : static_cast<std::uint16_t>(ring_.next() - next_);
    if (dropped) {
      require(taken == 0 && !ring_.has_unpublished() && (!layout_.is_packed || ring_.next() == next_));
      require((*dropped == rb::DropReason::kEgressError) == failed());
      require(failed() || *dropped == rb::DropReason::kEgressFull || *dropped == rb::DropReason::kOverMtu);
    } else {
      require(!had_failed && !failed());
      require(taken != 0 && taken <= (guest.mergeable ? layout_.size : 1));
    }
    publish(taken);
  }
  /// Publishes `count` chains that were put.
  void publish(unsigned count) {
    if (layout_.is_packed) return publish_packed(count != 0);
    next_ = static_cast<std::uint16_t>(next_ + count);
    used_ = static_cast<std::uint16_t>(used_ + count);
    (void)ring_.publish();
    require(!ring_.has_unpublished() && ring_.next() == next_ && layout_.used->idx == used_);
  }

  void publish_packed(bool some) {
    require(ring_.has_unpublished() == some && is_possible(ring_.next()));
    require(some || ring_.next() == next_);
    const unsigned first = next_ & 0x7fffU;
    next_ = ring_.next();
    if (!some) return;
    (void)ring_.publish();
    const std::uint16_t flags = layout_.packed.ring[first].flags;
    require((flags & 0x80) << 8 == (flags & 0x8000));  // the descriptor is now used
    require(!ring_.has_unpublished() && ring_.next() == next_);
  }
  /// True if the ring has such a position.
  [[nodiscard]] bool is_possible(std::uint16_t next) const {
    return !layout_.is_packed || (next & 0x7fffU) < layout_.size;
  }

  Memory& memory_;
  Settings settings_;
  rb::VringLayout layout_;
  rb::Vring ring_;
  std::uint16_t next_, used_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Memory memory;
  Settings settings;
  if (size < sizeof settings) return 0;
  std::memcpy(&settings, data, sizeof settings);
  std::span<const std::uint8_t> octets(data + sizeof settings, size - sizeof settings);
  std::array<Step, kMaxSteps> steps;
  const std::size_t step_count =
      std::min<std::size_t>(settings.step_count % (kMaxSteps + 1), octets.size() / sizeof(Step));
  if (step_count != 0) std::memcpy(steps.data(), octets.data(), step_count * sizeof(Step));
  memory.fill(octets.subspan(step_count * sizeof(Step)));
  Device device(memory, settings);
  // After the step that fails, one more step must have no effect.
  bool ended = false;
  for (std::size_t i = 0; i < step_count && !ended; ++i) {
    ended = device.failed();
    device.act(steps[i]);
  }
  require(memory.is_untouched_beside());
  return 0;
}
