// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost_guest.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <utility>

namespace rb::test {
namespace {

constexpr std::size_t kArenaSize = 4 << 20;

/// A number in memory that the switch also reads and writes.
std::atomic_ref<std::uint16_t> shared(std::uint8_t* octets) {
  return std::atomic_ref<std::uint16_t>(*reinterpret_cast<std::uint16_t*>(octets));
}

UniqueFd new_eventfd() {
  return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace

GuestMemory::GuestMemory(Seal seal) : seal_(seal) {
  for (const std::uint64_t address : kGuestAddresses) add_region(address, kRegionSize);
}

GuestMemory::~GuestMemory() {
  for (const Region& region : regions_) ::munmap(region.octets, region.size);
}

std::size_t GuestMemory::add_region(std::uint64_t guest_address, std::size_t size) {
  const std::size_t index = regions_.size();
  Region region{.file = UniqueFd(::memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING)),
                .guest_address = guest_address,
                .user_address = 0x560000000000 + index * 0x100000000,
                .file_offset = index * 0x3000,
                .size = size};
  if (::ftruncate(region.file.get(), static_cast<off_t>(region.file_offset + size)) != 0)
    throw std::runtime_error("ftruncate");
  if (seal_ == Seal::kShrink && ::fcntl(region.file.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0)
    throw std::runtime_error("F_SEAL_SHRINK");
  void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, region.file.get(),
                              static_cast<off_t>(region.file_offset));
  if (mapped == MAP_FAILED) throw std::runtime_error("mmap");
  region.octets = static_cast<std::uint8_t*>(mapped);
  regions_.push_back(std::move(region));
  return index;
}

std::uint64_t GuestMemory::allocate(std::size_t region_index, std::size_t size, std::size_t alignment) {
  Region& region = regions_.at(region_index);
  const std::size_t at = (region.taken + alignment - 1) / alignment * alignment;
  if (at + size > region.size) throw std::runtime_error("the guest is out of memory");
  region.taken = at + size;
  return region.guest_address + at;
}

const GuestMemory::Region& GuestMemory::holding(std::uint64_t guest_address) const {
  for (const Region& region : regions_) {
    if (guest_address - region.guest_address < region.size) return region;
  }
  throw std::out_of_range("no memory of this guest");
}

std::uint8_t* GuestMemory::at(std::uint64_t guest_address) const {
  const Region& region = holding(guest_address);
  return region.octets + (guest_address - region.guest_address);
}

std::uint64_t GuestMemory::user_address(std::uint64_t guest_address) const {
  const Region& region = holding(guest_address);
  return region.user_address + (guest_address - region.guest_address);
}

void GuestMemory::truncate(std::size_t region) const {
  if (::ftruncate(regions_.at(region).file.get(), 0) != 0) throw std::runtime_error("ftruncate");
}

Octets GuestMemory::description(std::size_t index) const {
  const Region& region = regions_.at(index);
  return packed(region.guest_address, std::uint64_t{region.size}, region.user_address, region.file_offset);
}

Ring::Ring(GuestMemory& memory, const Settings& settings)
    : memory_(memory),
      settings_(settings),
      table_(memory.allocate(0, 16U * settings.size, 4096)),
      avail_(memory.allocate(0, 6 + 2U * settings.size, 4096)),
      used_(memory.allocate(0, used_size(), 4096)),
      arena_(memory.allocate(settings.region, kArenaSize, 4096)),
      kick_(new_eventfd()),
      call_(new_eventfd()),
      free_count_(settings.size),
      offered_(settings.base),
      published_(settings.base),
      seen_(settings.base) {
  shared(memory.at(avail_) + 2).store(settings.base);
  shared(memory.at(used_) + 2).store(settings.base);
  refuse_calls();
}

std::size_t Ring::header_size() const {
  return has(virtio::kVersion1 | virtio::kMergeable) ? sizeof(VnetHeader) : 10;
}

Ring::Layout Ring::default_layout() const {
  return separate_header() ? Layout{.sizes = {header_size()}} : Layout{};
}

Ring::Descriptor& Ring::descriptor(std::size_t index) const {
  return reinterpret_cast<Descriptor*>(memory_.at(table_))[index];
}

std::uint16_t Ring::avail_index() const {
  return shared(memory_.at(avail_) + 2).load();
}

std::uint16_t Ring::used_index() const {
  return shared(memory_.at(used_) + 2).load(std::memory_order_acquire);
}

Ring::Used Ring::used(std::uint16_t index) const {
  Used element;
  std::memcpy(&element, memory_.at(used_) + 4 + 8U * (index % settings_.size), sizeof element);
  return element;
}

void Ring::offer(std::uint16_t head) {
  shared(memory_.at(avail_) + 4 + 2U * (offered_ % settings_.size)).store(head, std::memory_order_relaxed);
  ++offered_;
}

void Ring::publish() {
  const std::uint16_t before = std::exchange(published_, offered_);
  shared(memory_.at(avail_) + 2).store(published_, std::memory_order_release);
  // The index must be visible before this thread reads if the switch waits for it (virtio 1.2 2.7.13.4.1).
  std::atomic_thread_fence(std::memory_order_seq_cst);
  bool wanted = (shared(memory_.at(used_)).load() & 1) == 0;
  if (has(virtio::kEventIndex)) {
    const std::uint16_t event = shared(memory_.at(used_) + 4 + 8U * settings_.size).load();
    wanted = static_cast<std::uint16_t>(published_ - event - 1) < static_cast<std::uint16_t>(published_ - before);
  }
  if (wanted) kick();
}

void Ring::publish_index(std::uint16_t index) {
  offered_ = published_ = index;
  shared(memory_.at(avail_) + 2).store(index, std::memory_order_release);
  kick();
}

void Ring::kick() const {
  const std::uint64_t one = 1;
  (void)!::write(kick_.get(), &one, sizeof one);
}

bool Ring::wants_kick() const {
  if (!has(virtio::kEventIndex)) return (shared(memory_.at(used_)).load() & 1) == 0;
  return shared(memory_.at(used_) + 4 + 8U * settings_.size).load() == published_;
}

void Ring::refuse_calls() const {
  // The event is half a turn away, so no call comes unless the switch uses so many chains (virtio 1.2 2.7.7.2 has no
  // flag with EVENT_IDX).
  if (has(virtio::kEventIndex)) {
    shared(memory_.at(avail_) + 4 + 2U * settings_.size).store(static_cast<std::uint16_t>(seen_ + 0x8000));
  } else {
    shared(memory_.at(avail_)).store(1);
  }
}

bool Ring::was_called() const {
  std::uint64_t count = 0;
  return ::read(call_.get(), &count, sizeof count) == sizeof count;
}

bool Ring::wait_used(unsigned count, int timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (pending() < count) {
    if (has(virtio::kEventIndex)) {
      const auto event = static_cast<std::uint16_t>(seen_ + count - 1);
      shared(memory_.at(avail_) + 4 + 2U * settings_.size).store(event);
    } else {
      shared(memory_.at(avail_)).store(0);
    }
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (pending() >= count) break;
    pollfd waiting{call_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, milliseconds_until(deadline)) != 1) {
      if (timeout_ms == 0 || pending() < count) return false;
      // The chain came at the last moment, so the call may come a moment later.
      EXPECT_EQ(::poll(&waiting, 1, 1000), 1) << "the chain came back without the requested call";
    }
    (void)was_called();
  }
  refuse_calls();
  return true;
}

std::optional<std::uint64_t> Ring::take_memory(std::size_t size, Chain& chain) {
  const std::size_t rounded = (size + 63) / 64 * 64;
  const std::size_t skipped = arena_at_ + rounded > kArenaSize ? kArenaSize - arena_at_ : 0;
  if (arena_used_ + skipped + rounded > kArenaSize) return std::nullopt;
  const std::size_t at = skipped != 0 ? 0 : arena_at_;
  arena_at_ = at + rounded;
  arena_used_ += skipped + rounded;
  chain.charged += skipped + rounded;
  return arena_ + at;
}

bool Ring::add_chain(Chain chain) {
  chain.count = chain.indirect != 0 ? std::uint16_t{1} : static_cast<std::uint16_t>(chain.buffers.size());
  if (chain.count > free_count_) return false;
  // The guest uses descriptors in the order of the table. IN_ORDER requires this (virtio 1.2 2.7.7), and other modes
  // allow it.
  chain.head = next_descriptor_;
  for (std::size_t i = 0; i < chain.buffers.size(); ++i) {
    Descriptor& buffer = chain.buffers[i];
    const bool last = i + 1 == chain.buffers.size();
    buffer.flags = static_cast<std::uint16_t>((buffer.flags & kWrite) | (last ? 0 : kNext));
    const std::size_t next = chain.indirect != 0 ? i + 1 : (chain.head + i + 1) % settings_.size;
    buffer.next = last ? std::uint16_t{0} : static_cast<std::uint16_t>(next);
    if (chain.indirect != 0) {
      std::memcpy(memory_.at(chain.indirect) + 16 * i, &buffer, sizeof buffer);
    } else {
      descriptor((chain.head + i) % settings_.size) = buffer;
    }
  }
  if (chain.indirect != 0) {
    descriptor(chain.head) = {
        .address = chain.indirect, .size = static_cast<std::uint32_t>(16 * chain.buffers.size()), .flags = kIndirect};
  }
  next_descriptor_ = static_cast<std::uint16_t>((next_descriptor_ + chain.count) % settings_.size);
  free_count_ = static_cast<std::uint16_t>(free_count_ - chain.count);
  offer(chain.head);
  outstanding_.push_back(std::move(chain));
  return true;
}

Ring::Chain Ring::take_used(std::uint32_t& size) {
  const Used element = used(seen_++);
  if (outstanding_.empty()) throw std::runtime_error("more came back than was given");
  Chain chain = std::move(outstanding_.front());
  outstanding_.pop_front();
  free_count_ = static_cast<std::uint16_t>(free_count_ + chain.count);
  if (!batch_end_) batch_end_ = element.id;
  if (!has(virtio::kInOrder) && *batch_end_ != chain.head) throw std::runtime_error("came back out of ring order");
  const bool ends = *batch_end_ == chain.head;
  size = ends ? element.size : 0;
  if (ends) batch_end_.reset();
  return chain;
}

void Ring::collect() {
  while (pending() > 0) {
    std::uint32_t size = 0;
    const Chain chain = take_used(size);
    EXPECT_EQ(size, 0U) << "the device does not write to sent memory";
    arena_used_ -= chain.charged;
  }
}

bool Ring::add(const OffloadedFrame& frame, const Layout& layout) {
  collect();
  Octets whole(header_size());
  std::memcpy(whole.data(), &frame.header, whole.size());
  whole.insert(whole.end(), frame.octets.begin(), frame.octets.end());
  std::vector<std::size_t> sizes = layout.sizes;
  std::size_t said = 0;
  for (const std::size_t size : sizes) said += size;
  if (said < whole.size()) sizes.push_back(whole.size() - said);
  const std::size_t needed = layout.indirect ? 1 : sizes.size();
  if (needed > settings_.size) throw std::logic_error("longer than the ring");
  if (needed > free_count_) return false;
  Chain chain;
  std::size_t at = 0;
  const std::size_t arena_at = arena_at_;
  const auto give_up = [&] {
    arena_used_ -= chain.charged;
    arena_at_ = arena_at;
    return false;
  };
  for (const std::size_t size : sizes) {
    const std::optional<std::uint64_t> address = take_memory(size, chain);
    if (!address) return give_up();
    if (at + size > whole.size()) throw std::logic_error("pieces for more than there is");
    std::memcpy(memory_.at(*address), whole.data() + at, size);
    chain.buffers.push_back({.address = *address, .size = static_cast<std::uint32_t>(size)});
    at += size;
  }
  if (layout.indirect) {
    const std::optional<std::uint64_t> address = take_memory(16 * sizes.size(), chain);
    if (!address) return give_up();
    chain.indirect = *address;
  }
  return add_chain(std::move(chain));
}

bool Ring::send(const OffloadedFrame& frame, const Layout& layout) {
  while (!add(frame, layout)) {
    if (!wait_used(1)) return false;
  }
  publish();
  return true;
}

bool Ring::drained() {
  const bool all = wait_used(static_cast<std::uint16_t>(published_ - seen_));
  collect();
  return all;
}

void Ring::post(unsigned count, std::uint32_t size, unsigned pieces, bool indirect) {
  for (unsigned i = 0; i < count; ++i) {
    Chain chain;
    if (separate_header() && !has(virtio::kMergeable)) {
      const auto header = static_cast<std::uint32_t>(header_size());
      chain.buffers.push_back({.address = take_memory(header, chain).value(), .size = header, .flags = kWrite});
    }
    for (unsigned piece = 0; piece < pieces; ++piece) {
      const std::uint32_t part = size / pieces;
      chain.buffers.push_back({.address = take_memory(part, chain).value(), .size = part, .flags = kWrite});
    }
    if (indirect) chain.indirect = take_memory(16 * chain.buffers.size(), chain).value();
    if (!add_chain(std::move(chain))) throw std::logic_error("more buffers than the ring has descriptors");
  }
  publish();
}

std::optional<OffloadedFrame> Ring::receive(int timeout_ms) {
  if (!wait_used(1, timeout_ms)) return std::nullopt;
  OffloadedFrame frame;
  Octets whole;
  std::size_t count = 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (pending() == 0) throw std::runtime_error("a frame came without all of its buffers");
    std::uint32_t size = 0;
    Chain chain = take_used(size);
    for (const Descriptor& buffer : chain.buffers) {
      const std::uint8_t* const octets = memory_.at(buffer.address);
      const std::uint32_t part = std::min(size, buffer.size);
      whole.insert(whole.end(), octets, octets + part);
      size -= part;
    }
    if (size != 0) throw std::runtime_error("more was written than there was room for");
    if (i == 0) {
      if (whole.size() < header_size()) throw std::runtime_error("the header did not come whole");
      std::memcpy(static_cast<void*>(&frame.header), whole.data(), header_size());
      if (header_size() == sizeof(VnetHeader)) count = frame.header.num_buffers;
      // Without MRG_RXBUF the count is 1 (virtio 1.2 5.1.6.4.1).
      if (count == 0 || (count > 1 && !has(virtio::kMergeable)))
        throw std::runtime_error("num_buffers is " + std::to_string(count));
    }
    if (refills && !add_chain(std::move(chain))) throw std::logic_error("no room for what was there before");
  }
  if (refills) publish();
  frame.octets.assign(whole.begin() + static_cast<std::ptrdiff_t>(header_size()), whole.end());
  return frame;
}

}  // namespace rb::test
