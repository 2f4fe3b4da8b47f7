// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/guarded_mapping.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "test_paths.hpp"

namespace rb {
namespace {

constexpr std::uint64_t kPage = 4096;

UniqueFd shared_file(std::uint64_t size) {
  UniqueFd file(::memfd_create("guarded_mapping_test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
  return file;
}
/// A file in which every octet is the number of its page: 1, 2 ...
UniqueFd marked_file(std::uint64_t pages) {
  UniqueFd file = shared_file(pages * kPage);
  for (std::uint64_t page = 0; page < pages; ++page) {
    const std::vector<std::uint8_t> octets(kPage, static_cast<std::uint8_t>(page + 1));
    EXPECT_EQ(::pwrite(file.get(), octets.data(), kPage, static_cast<off_t>(page * kPage)), ssize_t{kPage});
  }
  return file;
}
std::uint8_t octet_at(const UniqueFd& file, std::uint64_t offset) {
  std::uint8_t octet = 0;
  EXPECT_EQ(::pread(file.get(), &octet, 1, static_cast<off_t>(offset)), 1);
  return octet;
}
GuardedMapping mapped(const UniqueFd& file, std::uint64_t offset, std::uint64_t size) {
  Result<GuardedMapping> mapping = GuardedMapping::map(file.get(), offset, size);
  EXPECT_TRUE(mapping.has_value()) << mapping.error().message;
  return mapping ? std::move(*mapping) : GuardedMapping();
}
/// Reads an octet now, without caching by the compiler.
std::uint8_t now_at(const GuardedMapping& mapping, std::uint64_t offset) {
  return *reinterpret_cast<volatile std::uint8_t*>(mapping.data() + offset);
}
ErrorCode refusal(int fd, std::uint64_t offset = 0, std::uint64_t size = 1) {
  const Result<GuardedMapping> mapping = GuardedMapping::map(fd, offset, size);
  EXPECT_FALSE(mapping.has_value());
  EXPECT_TRUE(mapping.has_value() || !mapping.error().message.empty());
  return mapping ? ErrorCode::kExists : mapping.error().code;
}

TEST(GuardedMapping, ShowsWhatTheFileHoldsAndWritesToIt) {
  const UniqueFd file = marked_file(3);
  const GuardedMapping mapping = mapped(file, kPage, 2 * kPage);
  EXPECT_EQ(now_at(mapping, 0), 2);
  EXPECT_EQ(now_at(mapping, 2 * kPage - 1), 3);
  mapping.data()[kPage] = std::byte{77};
  EXPECT_EQ(octet_at(file, 2 * kPage), 77);
  EXPECT_FALSE(mapping.broken());
}

TEST(GuardedMapping, BeginsAndEndsWithinPages) {
  const UniqueFd file = marked_file(3);
  const GuardedMapping mapping = mapped(file, kPage - 1, kPage + 2);
  EXPECT_EQ(now_at(mapping, 0), 1);
  EXPECT_EQ(now_at(mapping, 1), 2);
  EXPECT_EQ(now_at(mapping, kPage), 2);
  EXPECT_EQ(now_at(mapping, kPage + 1), 3);
  mapping.data()[0] = std::byte{77};
  EXPECT_EQ(octet_at(file, kPage - 1), 77);
  const UniqueFd odd = shared_file(kPage + 100);
  EXPECT_EQ(now_at(mapped(odd, kPage + 99, 1), 0), 0);
}

TEST(GuardedMapping, TakesNoMoreThanTheFileHas) {
  const UniqueFd file = shared_file(kPage);
  EXPECT_EQ(refusal(file.get(), 0, 0), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(file.get(), 0, kPage + 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(file.get(), 1, kPage), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(file.get(), kPage, 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(file.get(), UINT64_MAX, 2), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(file.get(), 2, UINT64_MAX), ErrorCode::kInvalidArgument);
  (void)mapped(file, kPage - 1, 1);
}

TEST(GuardedMapping, TakesOnlyFilesThatLiveInMemory) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]), write_end(ends[1]);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd one_end(ends[0]), other_end(ends[1]);
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const UniqueFd status(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC)), zero(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  const UniqueFd root(::open("/", O_RDONLY | O_CLOEXEC)), in_memory(::open("/dev/shm", O_RDONLY | O_CLOEXEC));
  for (const UniqueFd* fd : {&read_end, &write_end, &one_end, &event, &status, &null, &zero, &root, &in_memory})
    EXPECT_EQ(refusal(fd->get()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(-1), ErrorCode::kSystem);
}

TEST(GuardedMapping, TakesNoFileOfADisk) {
  std::string path = std::string(RB_BINARY_DIR) + "/guarded_mapping_test.XXXXXX";
  const UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  ASSERT_TRUE(file);
  ::unlink(path.c_str());
  ASSERT_EQ(::ftruncate(file.get(), kPage), 0);
  struct statfs system{};
  ASSERT_EQ(::fstatfs(file.get(), &system), 0);
  if (system.f_type == TMPFS_MAGIC) return;  // the build tree is in memory, so there is no file of a disk
  EXPECT_EQ(refusal(file.get(), 0, kPage), ErrorCode::kInvalidArgument);
}

TEST(GuardedMapping, RefusesAFileThatMayNotBeWritten) {
  const UniqueFd file = shared_file(kPage);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(reader);
  EXPECT_EQ(refusal(reader.get(), 0, kPage), ErrorCode::kSystem);
  ASSERT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  EXPECT_EQ(refusal(file.get(), 0, kPage), ErrorCode::kSystem);
}

TEST(GuardedMapping, DoesNotKeepTheDescriptor) {
  UniqueFd file = marked_file(1);
  const GuardedMapping mapping = mapped(file, 0, kPage);
  file.reset();
  EXPECT_EQ(now_at(mapping, 0), 1);
}

TEST(GuardedMapping, GivesZerosWhenItsFileIsTruncated) {
  const UniqueFd file = marked_file(4), other_file = marked_file(1);
  const GuardedMapping mapping = mapped(file, 0, 4 * kPage), other = mapped(other_file, 0, kPage);
  const std::uint64_t before = GuardedMapping::broken_count();
  ASSERT_EQ(::ftruncate(file.get(), 2 * kPage), 0);
  EXPECT_EQ(now_at(mapping, kPage), 2);  // this page still exists
  EXPECT_FALSE(mapping.broken());
  EXPECT_EQ(now_at(mapping, 3 * kPage), 0);
  EXPECT_TRUE(mapping.broken());
  for (std::uint64_t page = 0; page < 4; ++page) EXPECT_EQ(now_at(mapping, page * kPage), 0);
  EXPECT_EQ(GuardedMapping::broken_count(), before + 1);
  EXPECT_FALSE(other.broken());
  EXPECT_EQ(now_at(other, 0), 1);
}

TEST(GuardedMapping, MayBeWrittenWhenItsFileIsTruncated) {
  const UniqueFd file = marked_file(2);
  const GuardedMapping mapping = mapped(file, 0, 2 * kPage);
  ASSERT_EQ(::ftruncate(file.get(), 0), 0);
  std::fill_n(reinterpret_cast<volatile std::uint8_t*>(mapping.data()), 2 * kPage, std::uint8_t{9});
  EXPECT_TRUE(mapping.broken());
  EXPECT_EQ(now_at(mapping, 2 * kPage - 1), 9);  // the file does not have this octet
  ASSERT_EQ(::ftruncate(file.get(), 2 * kPage), 0);
  EXPECT_EQ(octet_at(file, kPage), 0);
}

TEST(GuardedMapping, OnlyThatPartOfAFileBreaksThatIsGone) {
  const UniqueFd file = marked_file(4);
  const GuardedMapping low = mapped(file, 0, 2 * kPage), high = mapped(file, 2 * kPage, 2 * kPage);
  ASSERT_EQ(::ftruncate(file.get(), 2 * kPage), 0);
  EXPECT_EQ(now_at(high, 0), 0);
  EXPECT_TRUE(high.broken());
  EXPECT_EQ(now_at(low, kPage), 2);
  EXPECT_FALSE(low.broken());
}

TEST(GuardedMapping, ASealedFileKeepsItsSize) {
  const UniqueFd file = marked_file(1);
  ASSERT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  const GuardedMapping mapping = mapped(file, 0, kPage);
  EXPECT_NE(::ftruncate(file.get(), 0), 0);
  EXPECT_EQ(now_at(mapping, 0), 1);
  EXPECT_FALSE(mapping.broken());
}

TEST(GuardedMapping, TakesItsMarkAlongWhenItIsMoved) {
  const UniqueFd file = marked_file(1), other_file = marked_file(1);
  GuardedMapping mapping = mapped(file, 0, kPage), moved = std::move(mapping);
  ASSERT_EQ(::ftruncate(file.get(), 0), 0);
  EXPECT_EQ(now_at(moved, 0), 0);
  EXPECT_TRUE(moved.broken());
  EXPECT_FALSE(mapping.broken());  // NOLINT(bugprone-use-after-move): it is empty
  moved = mapped(other_file, 0, kPage);
  EXPECT_FALSE(moved.broken());
  EXPECT_EQ(now_at(moved, 0), 1);
}

TEST(GuardedMapping, AMappingInTheSamePlaceIsNotBroken) {
  for (int round = 0; round < 3; ++round) {
    const UniqueFd file = marked_file(1);
    const GuardedMapping mapping = mapped(file, 0, kPage);
    EXPECT_FALSE(mapping.broken());
    ASSERT_EQ(::ftruncate(file.get(), 0), 0);
    EXPECT_EQ(now_at(mapping, 0), 0);
    EXPECT_TRUE(mapping.broken());
  }
}

TEST(GuardedMapping, AnEmptyOneIsNotBroken) {
  const GuardedMapping mapping;
  EXPECT_EQ(mapping.data(), nullptr);
  EXPECT_FALSE(mapping.broken());
}

TEST(GuardedMapping, AnotherMappingsFaultEndsTheProcessAsEver) {
  const UniqueFd file = marked_file(1), unguarded_file = marked_file(1);
  const GuardedMapping mapping = mapped(file, 0, kPage);  // installs the handler
  void* const unguarded = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, unguarded_file.get(), 0);
  ASSERT_NE(unguarded, MAP_FAILED);
  ASSERT_EQ(::ftruncate(unguarded_file.get(), 0), 0);
  EXPECT_EXIT((void)*static_cast<volatile std::uint8_t*>(unguarded), ::testing::KilledBySignal(SIGBUS), "");
  ::munmap(unguarded, kPage);
}

// This test does not run under ThreadSanitizer, which reports the handler's mmap() as a race with the readers.
TEST(GuardedMapping, AllThreadsThatTouchABrokenOneGoOn) {
  constexpr std::uint64_t kPages = 64;
  const UniqueFd file = shared_file(kPages * kPage);
  const GuardedMapping mapping = mapped(file, 0, kPages * kPage);
  std::atomic<bool> go{false};
  std::atomic<unsigned> sum{0};
  std::vector<std::jthread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      while (!go) std::this_thread::yield();
      for (std::uint64_t page = thread; page < kPages; page += 4) sum += now_at(mapping, page * kPage);
    });
  }
  ASSERT_EQ(::ftruncate(file.get(), 0), 0);
  go = true;
  threads.clear();
  EXPECT_EQ(sum, 0U);
  EXPECT_TRUE(mapping.broken());
}

}  // namespace
}  // namespace rb
