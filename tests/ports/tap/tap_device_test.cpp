// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/tap/tap_device.hpp"
#include "ports/links/interface_info.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/base/account_names.hpp"
#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"

namespace rb {
namespace {

using testing::HasSubstr;

TEST(InterfaceName, AcceptsWhatTheKernelAccepts) {
  for (const char* name : {"t", "tap0", "a.b-c_d", "...", "123456789012345", "tap@home", "\xc3\xa9"}) {
    EXPECT_TRUE(check_interface_name(name).has_value()) << name;
  }
}

TEST(InterfaceName, RefusesWhatTheKernelRefuses) {
  for (const char* name :
       {"", ".", "..", "1234567890123456", "a/b", "a:1", "a b", "a\tb", "a\n", "\xc3\xa0", "tap%d"}) {
    const Result<> checked = check_interface_name(name);
    ASSERT_FALSE(checked.has_value()) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(checked.error().message, HasSubstr(name));
  }
  EXPECT_FALSE(check_interface_name(std::string("a\0b", 3)).has_value());
}

TEST(TapDevice, RefusesBadNamesBeforeAnythingElse) {
  EXPECT_EQ(open_tap({.name = "a/b"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(add_persistent_tap({.name = "a name that is too long"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(delete_tap("", -1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(interface_kind("a/b", -1), InterfaceKind::kNone);
}

TEST(TapDevice, RefusesQueueCountsThatNoTapHas) {
  EXPECT_EQ(open_tap({.name = "rbt0", .queue_count = 0}).error().code, ErrorCode::kOutOfRange);
  const Result<TapDevice> many = open_tap({.name = "rbt0", .queue_count = 257});
  EXPECT_EQ(many.error().code, ErrorCode::kOutOfRange);
  EXPECT_THAT(many.error().message, HasSubstr("1 to 256"));
}

TEST(TapDevice, RefusesOwnershipOfWhatItDoesNotCreate) {
  EXPECT_EQ(open_tap({.name = "rbt0", .owner = 1}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(open_tap({.name = "rbt0", .persistent = true}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(open_tap({.name = "rbt0", .create = true, .group = UINT32_MAX}).error().code, ErrorCode::kInvalidArgument);
}

TEST(TapDevice, RefusesDescriptorsThatAreNoNetworkNamespace) {
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd other_kind(::open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));
  for (const int fd : {file.get(), other_kind.get(), 1 << 20}) {
    EXPECT_EQ(open_tap({.name = "rbt0", .netns_fd = fd}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(delete_tap("rbt0", fd).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(netns_id(fd), 0U);
  }
}

TEST(TapDevice, TellsKindsWithoutPrivilege) {
  EXPECT_EQ(interface_kind("lo", -1), InterfaceKind::kOther);
  EXPECT_EQ(interface_kind("rb-no-such-if", -1), InterfaceKind::kNone);
}

TEST(TapDevice, KnowsNothingOfADescriptorThatIsNoTap) {
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(tap_name_now(file.get()), std::nullopt);
  EXPECT_FALSE(tap_netns(file.get()));
  EXPECT_FALSE(set_tap_address(file.get(), *parse_mac("02:00:00:00:00:01")).has_value());
}

TEST(Netns, EnteringTheOwnNamespaceNeedsNoPrivilege) {
  const UniqueFd own(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  EXPECT_NE(netns_id(-1), 0U);
  EXPECT_EQ(netns_id(own.get()), netns_id(-1));
  EXPECT_TRUE(NetnsScope::enter(own.get()).has_value());
  EXPECT_TRUE(NetnsScope::enter(-1).has_value());
}

TEST(AccountNames, GiveNameAndNumber) {
  EXPECT_EQ(describe_user(0), "user root (uid 0)");
  EXPECT_EQ(describe_group(0), "group root (gid 0)");
  EXPECT_EQ(describe_user(3999999999), "uid 3999999999");
  EXPECT_EQ(describe_group(3999999999), "gid 3999999999");
}

}  // namespace
}  // namespace rb
