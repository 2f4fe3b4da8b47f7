// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/guest_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace rb {
namespace {

using Region = GuestMemory::Region;

constexpr std::uint64_t kPage = 4096, kFileSize = 64 * kPage;
constexpr std::uint64_t kUser = 0x7f0000000000;  // the front end may have address 0 of the guest here

/// A file in which the first octet of every page is the page's number.
UniqueFd marked_file(const char* name = "guest_memory_test") {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(file.get(), kFileSize), 0);
  for (std::uint8_t page = 0; page < kFileSize / kPage; ++page)
    EXPECT_EQ(::pwrite(file.get(), &page, 1, static_cast<off_t>(page * kPage)), 1);
  return file;
}
/// A region at the same place for the guest and, above kUser, for the front end.
Region plain(std::uint64_t address, std::uint64_t size, std::uint64_t file_offset = 0) {
  return {.guest_address = address, .size = size, .user_address = kUser + address, .file_offset = file_offset};
}

class GuestMemoryTest : public ::testing::Test {
 protected:
  ErrorCode refusal(const Region& region) {
    const std::size_t before = memory.region_count();
    const Result<> added = memory.add(region, file.get());
    EXPECT_FALSE(added.has_value());
    EXPECT_EQ(memory.region_count(), before);
    return added ? ErrorCode::kExists : added.error().code;
  }
  void add(const Region& region) {
    const Result<> added = memory.add(region, file.get());
    EXPECT_TRUE(added.has_value()) << added.error().message;
  }
  /// Returns how many of `size` octets are contiguous at an address. Asks with a hint to every region.
  std::uint32_t octets_at(std::uint64_t guest_address, std::uint32_t size) {
    std::size_t first_hint = 0;
    const Piece piece = memory.at(guest_address, size, first_hint);
    for (std::size_t region = 0; region < GuestMemory::kMaxRegions && !HasFailure(); ++region) {
      std::size_t hint = region;
      const Piece again = memory.at(guest_address, size, hint);
      EXPECT_EQ(again.data, piece.data) << "from region " << region;
      EXPECT_EQ(again.size, piece.size) << "from region " << region;
    }
    return piece.size;
  }
  /// Returns the page number of the file at an address, or -1.
  int page_at(std::uint64_t guest_address) {
    std::size_t hint = 0;
    const Piece piece = memory.at(guest_address, 1, hint);
    return piece.size == 0 ? -1 : std::to_integer<int>(*piece.data);
  }

  UniqueFd file = marked_file();
  GuestMemory memory;
};

TEST_F(GuestMemoryTest, HoldsNothingAtFirst) {
  EXPECT_EQ(memory.region_count(), 0U);
  EXPECT_EQ(octets_at(0, 1), 0U);
  EXPECT_EQ(memory.at_user_address(0, 0), nullptr);
  EXPECT_FALSE(memory.broken());
}

TEST_F(GuestMemoryTest, FindsWhatLiesInARegion) {
  add(plain(0x100000, 4 * kPage, 8 * kPage));
  EXPECT_EQ(page_at(0x100000), 8);
  EXPECT_EQ(page_at(0x100000 + 3 * kPage), 11);
  EXPECT_EQ(octets_at(0x100000, 4 * kPage), 4 * kPage);
  EXPECT_EQ(octets_at(0x100000 + kPage, 17), 17U);
  EXPECT_EQ(octets_at(0x100000, UINT32_MAX), 4 * kPage);
  EXPECT_EQ(octets_at(0x100000 + 4 * kPage - 1, 100), 1U);
}

TEST_F(GuestMemoryTest, FindsNothingInAGap) {
  add(plain(0, kPage));
  add(plain(2 * kPage, kPage, kPage));
  EXPECT_EQ(octets_at(kPage - 1, 2), 1U);
  EXPECT_EQ(octets_at(kPage, 1), 0U);
  EXPECT_EQ(octets_at(2 * kPage - 1, 2), 0U);
  EXPECT_EQ(octets_at(2 * kPage, 2), 2U);
  EXPECT_EQ(octets_at(3 * kPage, 1), 0U);
  EXPECT_EQ(octets_at(UINT64_MAX, 1), 0U);
}

TEST_F(GuestMemoryTest, ABufferGoesOnInTheNextRegion) {
  add(plain(0x10000, 2 * kPage, 20 * kPage));
  add(plain(0x10000 + 2 * kPage, 2 * kPage, 10 * kPage));
  std::size_t hint = 0;
  const Piece first = memory.at(0x10000 + 2 * kPage - 10, 100, hint);
  EXPECT_EQ(first.size, 10U);
  const Piece second = memory.at(0x10000 + 2 * kPage, 90, hint);
  EXPECT_EQ(second.size, 90U);
  EXPECT_EQ(second.data[0], std::byte{10});
}

TEST_F(GuestMemoryTest, RegionsNeedNotBeginAtPages) {
  add(plain(1001, 100, kPage - 50));
  EXPECT_EQ(octets_at(1000, 1), 0U);
  EXPECT_EQ(octets_at(1001, 1000), 100U);
  EXPECT_EQ(page_at(1001 + 50), 1);
  EXPECT_EQ(octets_at(1101, 1), 0U);
}

TEST_F(GuestMemoryTest, FrontEndsAddressesAreOfOneRegionAsAWhole) {
  add({.guest_address = 0, .size = kPage, .user_address = kUser, .file_offset = 0});
  add({.guest_address = 0x100000, .size = kPage, .user_address = kUser + kPage, .file_offset = 5 * kPage});
  std::byte* const start = memory.at_user_address(kUser, kPage);
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(memory.at_user_address(kUser + kPage - 1, 1), start + kPage - 1);
  EXPECT_EQ(memory.at_user_address(kUser + 1, kPage), nullptr);
  EXPECT_EQ(memory.at_user_address(kUser + kPage - 1, 2), nullptr);
  EXPECT_EQ(memory.at_user_address(kUser + 1, UINT64_MAX), nullptr);
  EXPECT_EQ(memory.at_user_address(kUser - 1, 1), nullptr);
  EXPECT_EQ(memory.at_user_address(0, 1), nullptr);
  EXPECT_EQ(memory.at_user_address(UINT64_MAX, 1), nullptr);
  EXPECT_EQ(*memory.at_user_address(kUser + kPage, 1), std::byte{5});
  EXPECT_EQ(memory.at_user_address(kUser + 2 * kPage, 1), nullptr);
}

TEST_F(GuestMemoryTest, RefusesWhatWrapsAround) {
  EXPECT_EQ(refusal({.guest_address = UINT64_MAX, .size = kPage, .user_address = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal({.guest_address = 0, .size = kPage, .user_address = ~kPage + 1}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal({.guest_address = 0, .size = kPage, .user_address = 0, .file_offset = ~kPage + 1}),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal({.guest_address = 0, .size = UINT64_MAX, .user_address = 0}), ErrorCode::kTableFull);
  EXPECT_EQ(refusal(plain(0, 0)), ErrorCode::kInvalidArgument);
  add({.guest_address = ~kPage, .size = kPage, .user_address = ~kPage});
  EXPECT_EQ(octets_at(UINT64_MAX - 1, 100), 1U);
  EXPECT_EQ(octets_at(UINT64_MAX, 1), 0U);
  EXPECT_EQ(memory.at_user_address(UINT64_MAX - 1, 2), nullptr);
}

TEST_F(GuestMemoryTest, RefusesWhatTheFileDoesNotHave) {
  EXPECT_EQ(refusal(plain(0, kFileSize + 1)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(plain(0, kPage, kFileSize)), ErrorCode::kInvalidArgument);
}

TEST_F(GuestMemoryTest, RefusesWhatOverlaps) {
  add(plain(4 * kPage, 4 * kPage));
  const auto refuses = [&](std::uint64_t guest_page, std::uint64_t user_page, std::uint64_t pages) {
    return refusal({.guest_address = guest_page * kPage,
                    .size = pages * kPage,
                    .user_address = kUser + user_page * kPage}) == ErrorCode::kInvalidArgument;
  };
  EXPECT_TRUE(refuses(4, 100, 4));  // the same range
  EXPECT_TRUE(refuses(3, 100, 2));
  EXPECT_TRUE(refuses(7, 100, 2));
  EXPECT_TRUE(refuses(5, 100, 1));  // a part of the range
  EXPECT_TRUE(refuses(3, 100, 6));  // a larger range
  EXPECT_TRUE(refuses(100, 4, 4));
  EXPECT_TRUE(refuses(100, 7, 2));
  add(plain(3 * kPage, kPage));
  add(plain(8 * kPage, kPage));
  EXPECT_EQ(memory.region_count(), 3U);
}

TEST_F(GuestMemoryTest, RefusesMoreThanAGuestMayHave) {
  // A file without content uses no memory.
  constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;
  const UniqueFd large(::memfd_create("large", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(large.get(), static_cast<off_t>(8 * kTiB)), 0);
  const auto refusal_of = [&](std::uint64_t address, std::uint64_t size) -> std::optional<ErrorCode> {
    const Result<> added = memory.add({.guest_address = address, .size = size, .user_address = address}, large.get());
    if (!added) return added.error().code;
    return std::nullopt;
  };
  EXPECT_EQ(refusal_of(0, GuestMemory::kMaxSize + kPage), ErrorCode::kTableFull);
  EXPECT_EQ(refusal_of(0, 3 * kTiB), std::nullopt);
  EXPECT_EQ(refusal_of(4 * kTiB, 2 * kTiB), ErrorCode::kTableFull);
  EXPECT_EQ(refusal_of(4 * kTiB, 1 * kTiB), std::nullopt);
}

TEST_F(GuestMemoryTest, RefusesMoreRegionsThanItHasSlots) {
  for (std::uint64_t i = 0; i < GuestMemory::kMaxRegions; ++i) add(plain(2 * i * kPage, kPage, i * kPage));
  EXPECT_EQ(refusal(plain(1000 * kPage, kPage)), ErrorCode::kTableFull);
  for (std::uint64_t i = 0; i < GuestMemory::kMaxRegions; ++i) {
    EXPECT_EQ(page_at(2 * i * kPage), static_cast<int>(i));
    EXPECT_EQ(octets_at((2 * i + 1) * kPage, 1), 0U);
  }
}

TEST_F(GuestMemoryTest, RemovesOneRegionAndKeepsTheOthers) {
  for (std::uint64_t i = 0; i < 4; ++i) add(plain(i * kPage, kPage, i * kPage));
  ASSERT_TRUE(memory.remove(plain(kPage, kPage)));
  EXPECT_EQ(memory.region_count(), 3U);
  for (const std::uint64_t page : {0U, 2U, 3U}) EXPECT_EQ(page_at(page * kPage), static_cast<int>(page));
  EXPECT_EQ(octets_at(kPage, 1), 0U);
  EXPECT_EQ(memory.at_user_address(kUser + kPage, 1), nullptr);
  add(plain(kPage, kPage, 9 * kPage));
  EXPECT_EQ(page_at(kPage), 9);
}

TEST_F(GuestMemoryTest, RemovesTheLastRegion) {
  add(plain(0, kPage));
  add(plain(kPage, kPage));
  ASSERT_TRUE(memory.remove(plain(kPage, kPage)));
  EXPECT_EQ(octets_at(kPage, 1), 0U);
  ASSERT_TRUE(memory.remove(plain(0, kPage)));
  EXPECT_EQ(memory.region_count(), 0U);
  EXPECT_EQ(octets_at(0, 1), 0U);
  EXPECT_EQ(memory.at_user_address(kUser, 1), nullptr);
}

TEST_F(GuestMemoryTest, RemovesOnlyWhatIsThere) {
  add(plain(kPage, kPage, 3 * kPage));
  EXPECT_FALSE(memory.remove(plain(kPage, 2 * kPage)));
  EXPECT_FALSE(memory.remove(plain(2 * kPage, kPage)));
  EXPECT_FALSE(memory.remove({.guest_address = kPage, .size = kPage, .user_address = kUser}));
  EXPECT_EQ(memory.region_count(), 1U);
  EXPECT_TRUE(memory.remove(plain(kPage, kPage, 0)));  // the offset has no meaning here (vhost-user, REM_MEM_REG)
}

/// True if this process has a mapping of the file.
bool is_mapped(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(name) != std::string::npos) return true;
  }
  return false;
}

TEST_F(GuestMemoryTest, AFileIsMappedForAsLongAsATableHasIt) {
  const UniqueFd own = marked_file("of-this-test-alone");
  ASSERT_TRUE(memory.add(plain(0, kPage), own.get()));
  EXPECT_TRUE(is_mapped("of-this-test-alone"));
  {
    GuestMemory next = memory;
    ASSERT_TRUE(memory.remove(plain(0, kPage)));
    EXPECT_TRUE(is_mapped("of-this-test-alone"));
    ASSERT_TRUE(next.remove(plain(0, kPage)));
    EXPECT_FALSE(is_mapped("of-this-test-alone"));
  }
  EXPECT_FALSE(is_mapped("of-this-test-alone"));
}

TEST_F(GuestMemoryTest, TellsThatAFileWasTruncated) {
  const UniqueFd other_file = marked_file();
  add(plain(0, kPage));
  ASSERT_TRUE(memory.add(plain(kPage, 2 * kPage), other_file.get()));
  GuestMemory other;
  ASSERT_TRUE(other.add(plain(0, kPage, kPage), file.get()));
  ASSERT_EQ(::ftruncate(other_file.get(), 0), 0);
  EXPECT_FALSE(memory.broken());
  std::size_t hint = 0;
  const std::byte gone = *static_cast<volatile std::byte*>(memory.at(2 * kPage, 1, hint).data);
  EXPECT_EQ(gone, std::byte{0});
  EXPECT_TRUE(memory.broken());
  EXPECT_TRUE(GuestMemory(memory).broken());
  EXPECT_FALSE(other.broken());
  ASSERT_TRUE(memory.remove(plain(kPage, 2 * kPage)));
  EXPECT_FALSE(memory.broken());
}

}  // namespace
}  // namespace rb
