// SPDX-License-Identifier: GPL-2.0-or-later
// A guest that only sends and receives: a polling driver of a virtio network device on a vhost-user socket.
//
// How it works. One thread polls both rings. It copies nothing: it writes frames into the buffers that the switch
// reads, and reads frames in the buffers that the switch has filled. The cost is in cache lines that move between the
// two processors, so as few as possible move: the headers before frames are written once, and the headers of received
// frames are read only if a buffer is full; see also split_queue.hpp.
#include <fmt/core.h>

#include <array>
#include <bit>
#include <charconv>
#include <sstream>
#include <vector>

#include "bench/load/load_port.hpp"
#include "bench/load/packed_queue.hpp"
#include "bench/load/split_queue.hpp"
#include "bench/load/super_frame.hpp"
#include "bench/load/support.hpp"
#include "bench/load/virtio_user.hpp"
#include "ports/vhost/prefetch.hpp"
#include "ports/vhost/virtio_features.hpp"

namespace bench {
namespace {

constexpr std::uint16_t kRingSize = 1024;      // descriptors; testpmd and virtual machines use this size for speed
constexpr std::uint16_t kSuperRingSize = 256;  // with buffers of 64 KiB; the default of QEMU
constexpr unsigned kPollsInVain =
    1 << 16;                     // about a millisecond; then the guest checks that the switch is still connected
constexpr unsigned kPolls = 64;  // after so many polls the guest checks if the switch has fallen asleep

constexpr std::uint64_t features(std::initializer_list<unsigned> bits) {
  std::uint64_t set = 0;
  for (const unsigned bit : bits) set |= std::uint64_t{1} << bit;
  return set;
}
constexpr std::uint64_t kVersion = features({rb::virtio::kVersion1}), kInOrder = features({rb::virtio::kInOrder}),
                        kPacked = features({rb::virtio::kPackedRing}),
                        kMergeable = features({rb::virtio::kMergeableBuffers}),
                        kTso = features(
                            {rb::virtio::kCsum, rb::virtio::kGuestCsum, rb::virtio::kHostTso4, rb::virtio::kGuestTso4}),
                        kOffloads = kTso | features({rb::virtio::kHostTso6, rb::virtio::kGuestTso6,
                                                     rb::virtio::kHostEcn, rb::virtio::kGuestEcn});

struct Options {
  std::string path;
  std::uint16_t ring_size = 0;
  bool packed = false;
  bool offloads = false;
  bool tso = false;
  bool server = false;

  [[nodiscard]] static Options parse(const std::string& words);
  [[nodiscard]] std::size_t most_octets() const { return tso ? kMaxSuperFrameSize : kMaxFrameSize; }
  [[nodiscard]] std::uint64_t required() const { return kVersion | (packed ? kPacked : 0) | (tso ? kTso : 0); }
  [[nodiscard]] std::uint64_t wanted() const { return required() | kInOrder | kMergeable | (offloads ? kOffloads : 0); }
};

Options Options::parse(const std::string& words) {
  std::istringstream rest(words);
  Options options;
  std::getline(rest, options.path, ',');
  for (std::string word; std::getline(rest, word, ',');) {
    const std::size_t at = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, at), value = word.substr(std::min(at + 1, word.size()));
    const auto refuse_unless = [&](bool good) {
      if (!good) die(fmt::format("{}: what is {}?", words, word));
    };
    if (name == "queue_size") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.ring_size);
      refuse_unless(error == std::errc{} && end == value.data() + value.size());
      if (!std::has_single_bit(options.ring_size) || options.ring_size < kMaxBurst)
        die(words + ": queue_size is a power of two, 64 at least");
      continue;
    }
    refuse_unless(value == "on" || value == "off");
    bool* const option = name == "packed"     ? &options.packed
                         : name == "offloads" ? &options.offloads
                         : name == "tso"      ? &options.tso
                         : name == "server"   ? &options.server
                                              : nullptr;
    refuse_unless(option != nullptr);
    *option = value == "on";
  }
  if (options.tso) options.offloads = true;
  if (options.ring_size == 0) options.ring_size = options.tso ? kSuperRingSize : kRingSize;
  return options;
}

template <class Sender, class Receiver>
class VhostLoadPort final : public LoadPort {
 public:
  VhostLoadPort(const Options& options, VirtioUser device)
      : options_(options),
        device_(std::move(device)),
        features_(device_.offered() & options.wanted()),
        memory_(2 * (Sender::octets(options.ring_size) + kCacheLine +
                     RingBuffers::octets(options.ring_size, options.most_octets()))),
        receiver_(memory_.take(Receiver::octets(options.ring_size), kCacheLine), settings()),
        sender_(memory_.take(Sender::octets(options.ring_size), kCacheLine), settings()) {
    device_.start(features_, memory_, std::array{receiver_.description(), sender_.description()});
  }

  std::size_t most_octets() const override { return options_.most_octets(); }

  std::size_t reserve(std::span<std::byte*> slots) override {
    const unsigned count = sender_.room(static_cast<unsigned>(std::min(slots.size(), kMaxBurst)));
    for (unsigned i = 0; i < count; ++i) {
      slots[i] = sender_.frame(i);
      rb::prefetch_to_write(slots[i]);  // the switch has read the buffer and has a copy in its cache
    }
    return count;
  }

  std::size_t send(std::span<const std::uint32_t> sizes) override {
    for (unsigned i = 0; i < sizes.size() && options_.tso; ++i) {
      std::byte* const frame = sender_.frame(i);
      const rb::VnetHeader header = header_for({frame, sizes[i]});
      std::memcpy(frame - sizeof header, &header, sizeof header);
    }
    sender_.publish(sizes);
    if (sender_.kick_is_due()) device_.kick(kTransmit);
    return sizes.size();
  }

  bool looks() const override { return true; }
  void look(bool wanted) override { is_looked_at_ = wanted; }

  std::span<const ReceivedFrame> receive() override {
    if (receiver_.has_taken()) receiver_.give_back();
    const unsigned count = receiver_.filled(kMaxBurst);
    if (count == 0 || ++polls_ % kPolls == 0) [[unlikely]]
      wake_switch(count == 0);
    unsigned taken = 0;
    std::size_t frames = 0;
    while (taken < count) {
      const std::uint32_t length = receiver_.length(taken);
      std::byte* const frame = receiver_.frame(taken);
      if (is_looked_at_) __builtin_prefetch(frame);
      // A frame with several buffers fills the first one. So the header, which has a cache line of its own, need not be
      // read otherwise.
      if (length >= buffer_size_) [[unlikely]] {
        const unsigned used = join(taken, count, frames);
        if (used == 0) break;
        taken += used;
      } else {
        frames_[frames] = {.octets = frame, .size = length - kHeaderSize, .time_ns = 0};
        ++taken;
      }
      if (frames_[frames].size > options_.most_octets() * kMaxBurst) [[unlikely]]
        die(options_.path + ": the switch gives back a buffer without a header");
      ++frames;
    }
    receiver_.take(taken);
    received_ += frames;
    return {frames_.data(), frames};
  }

  std::uint64_t received() const override { return received_; }
  std::uint64_t overrun() const override { return 0; }  // the switch drops frames that find no buffer

 private:
  static constexpr std::size_t kReceive = 0, kTransmit = 1;  // virtio 1.2 5.1.2
  static constexpr std::uint32_t kHeaderSize = sizeof(rb::VnetHeader);

  [[nodiscard]] RingSettings settings() {
    const std::size_t octets = RingBuffers::octets(options_.ring_size, options_.most_octets());
    std::byte* const octets_at = memory_.take(octets, kCacheLine);
    return {.name = options_.path,
            .size = options_.ring_size,
            .promises_order = (features_ & kInOrder) != 0,
            .buffers = RingBuffers::at(octets_at, memory_.guest_address(octets_at), options_.most_octets())};
  }

  /// Called after an empty poll, and from time to time: the switch may have fallen asleep just when something was
  /// published.
  void wake_switch(bool in_vain) {
    if (sender_.kick_is_due()) device_.kick(kTransmit);
    if (receiver_.kick_is_due()) device_.kick(kReceive);
    if (in_vain && ++polls_in_vain_ % kPollsInVain == 0) device_.check();
  }

  /// Joins a frame whose first buffer is full. `taken` buffers come before it, of `count` buffers in all. Returns the
  /// number of its buffers, or 0 if not all of them have come yet.
  [[nodiscard]] unsigned join(unsigned taken, unsigned count, std::size_t at) {
    rb::VnetHeader header;
    std::memcpy(&header, receiver_.frame(taken) - kHeaderSize, sizeof header);
    const unsigned buffers = std::max<unsigned>(header.num_buffers, 1);
    if (buffers > kMaxBurst)
      die(fmt::format("{}: the switch says that a frame has {} buffers", options_.path, buffers));
    if (buffers > count - taken) return 0;
    frames_[at] = {.octets = receiver_.frame(taken), .size = receiver_.length(taken) - kHeaderSize, .time_ns = 0};
    if (buffers == 1) return 1;
    std::vector<std::byte>& whole = joined_[at];
    whole.assign(frames_[at].octets, frames_[at].octets + frames_[at].size);
    for (unsigned i = taken + 1; i < taken + buffers; ++i) {
      const std::byte* const more = receiver_.frame(i) - kHeaderSize;  // only the first buffer has a header
      whole.insert(whole.end(), more, more + std::min(receiver_.length(i), buffer_size_));
    }
    frames_[at] = {.octets = whole.data(), .size = static_cast<std::uint32_t>(whole.size()), .time_ns = 0};
    return buffers;
  }

  const Options options_;
  VirtioUser device_;
  const std::uint64_t features_;
  SharedMemory memory_;
  Receiver receiver_;
  Sender sender_;
  const std::uint32_t buffer_size_ = static_cast<std::uint32_t>(kHeaderSize + options_.most_octets());
  bool is_looked_at_ = true;
  unsigned polls_ = 0, polls_in_vain_ = 0;
  std::uint64_t received_ = 0;
  std::array<ReceivedFrame, kMaxBurst> frames_{};
  std::array<std::vector<std::byte>, kMaxBurst> joined_;
};

}  // namespace

std::unique_ptr<LoadPort> open_vhost_port(const std::string& words) {
  const Options options = Options::parse(words);
  VirtioUser device(options.path, options.server ? VirtioUser::Role::kServer : VirtioUser::Role::kClient);
  if ((options.required() & ~device.offered()) != 0) {
    const std::string what = (kVersion & ~device.offered()) != 0                      ? "VERSION_1"
                             : (options.packed && (kPacked & ~device.offered()) != 0) ? "RING_PACKED"
                                                                                      : "TSO";
    die(options.path + ": the switch does not offer " + what);
  }
  if (options.packed) return std::make_unique<VhostLoadPort<PackedSender, PackedReceiver>>(options, std::move(device));
  return std::make_unique<VhostLoadPort<SplitSender, SplitReceiver>>(options, std::move(device));
}

}  // namespace bench
