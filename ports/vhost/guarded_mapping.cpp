// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/guarded_mapping.hpp"

#include <fmt/core.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

namespace rb {
namespace {

/// One guarded range of addresses. The mapping thread writes it, and the handler reads it in any thread.
struct Place {
  std::atomic<std::uintptr_t> start{0};  // 0: free
  std::atomic<std::size_t> length{0};
  std::atomic<std::uint64_t> uses{0};  // by this count the handler knows that start and length belong together
  std::atomic<bool> broken{false};
};
std::array<Place, GuardedMapping::kMaxMappings> places;
std::atomic<std::size_t> place_count{0};  // places from this number on have never been used
std::atomic<std::uint64_t> broken_places{0};
std::mutex places_mutex;        // protects the places from other mapping threads
std::uint64_t mapped_size = 0;  // octets; protected by the mutex

void put_zeros(int signal, siginfo_t* info, void*) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const std::size_t count = place_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t use = places[i].uses.load();
    const std::uintptr_t start = places[i].start.load();
    const std::size_t length = places[i].length.load();
    if (start == 0 || address - start >= length || places[i].uses.load() != use) continue;
    // The whole mapping is replaced at once: pages may be huge, and the rest of the mapping is useless.
    void* const wanted = reinterpret_cast<void*>(start);  // NOLINT(performance-no-int-to-ptr): an address is all we get
    if (::mmap(wanted, length, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
               0) == MAP_FAILED)
      break;
    if (!places[i].broken.exchange(true)) broken_places.fetch_add(1);
    errno = saved_errno;
    return;
  }
  // This address is not ours: the signal comes again, and then has its default effect.
  (void)::signal(signal, SIG_DFL);
  errno = saved_errno;
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action{};
    action.sa_sigaction = put_zeros;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, &action, nullptr);
  });
}

/// Returns the page size of a file, or 0 if such a file is not accepted.
std::uint64_t page_size_of(int fd, const struct stat& status) {
  struct statfs system{};
  if (!S_ISREG(status.st_mode) || ::fstatfs(fd, &system) != 0) return 0;
  if (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC || system.f_type == HUGETLBFS_MAGIC)
    return static_cast<std::uint64_t>(system.f_bsize);
  return 0;
}

std::optional<std::size_t> take_place() {
  const std::size_t count = place_count.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) {
    if (places[i].start.load(std::memory_order_relaxed) == 0) return i;
  }
  if (count == places.size()) return std::nullopt;
  place_count.store(count + 1, std::memory_order_release);
  return count;
}

}  // namespace

Result<GuardedMapping> GuardedMapping::map(int fd, std::uint64_t offset, std::uint64_t size) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail(ErrorCode::kSystem, fmt::format("fstat: {}", std::strerror(errno)));
  const std::uint64_t page = page_size_of(fd, status);
  if (page == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "shared memory must be a file of tmpfs, memfd or hugetlbfs (QEMU: memory-backend-memfd,share=on)");
  }
  const auto file_size = static_cast<std::uint64_t>(status.st_size);
  if (size == 0 || size > kMaxSize || offset > file_size || size > file_size - offset) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} octets from {} on do not lie in a file of {}", size, offset, file_size));
  }
  GuardedMapping mapping;
  const std::uint64_t in_page = offset % page;
  mapping.length_ = (in_page + size + page - 1) / page * page;
  install_handler();
  const std::lock_guard lock(places_mutex);
  const std::optional<std::size_t> place = take_place();
  if (!place) return fail(ErrorCode::kTableFull, fmt::format("there are {} regions of shared memory", kMaxMappings));
  if (mapping.length_ > kMaxSize - mapped_size) {
    return fail(ErrorCode::kTableFull, fmt::format("there are {} TiB of shared memory", mapped_size >> 40));
  }
  void* const start = ::mmap(nullptr, mapping.length_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                             static_cast<off_t>(offset - in_page));
  if (start == MAP_FAILED) return fail(ErrorCode::kSystem, fmt::format("mmap: {}", std::strerror(errno)));
  (void)::madvise(start, mapping.length_, MADV_DONTDUMP);  // core dumps must not contain a guest's memory
  mapping.start_ = static_cast<std::byte*>(start);
  mapping.data_ = mapping.start_ + in_page;
  mapping.place_ = *place;
  mapped_size += mapping.length_;
  places[*place].broken.store(false);
  places[*place].length.store(mapping.length_, std::memory_order_release);
  places[*place].start.store(reinterpret_cast<std::uintptr_t>(start), std::memory_order_release);
  return mapping;
}

GuardedMapping::GuardedMapping(GuardedMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      start_(std::exchange(other.start_, nullptr)),
      length_(other.length_),
      place_(other.place_) {}

GuardedMapping& GuardedMapping::operator=(GuardedMapping&& other) noexcept {
  if (this == &other) return *this;
  release();
  data_ = std::exchange(other.data_, nullptr);
  start_ = std::exchange(other.start_, nullptr);
  length_ = other.length_;
  place_ = other.place_;
  return *this;
}

GuardedMapping::~GuardedMapping() {
  release();
}

void GuardedMapping::release() noexcept {
  if (start_ == nullptr) return;
  const std::lock_guard lock(places_mutex);
  ::munmap(start_, length_);
  mapped_size -= length_;
  places[place_].start.store(0, std::memory_order_release);
  places[place_].uses.fetch_add(1);
}

bool GuardedMapping::broken() const noexcept {
  return start_ != nullptr && places[place_].broken.load(std::memory_order_relaxed);
}

std::uint64_t GuardedMapping::broken_count() noexcept {
  return broken_places.load(std::memory_order_relaxed);
}

}  // namespace rb
