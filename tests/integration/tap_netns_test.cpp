// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "ports/links/interface_info.hpp"
#include "ports/tap/tap_device.hpp"
#include "tests/integration/tap_test_support.hpp"

namespace rb {
namespace {

using tap_test::as_user;
using tap_test::ip;
using tap_test::ip_in;
using tap_test::kUser;
using tap_test::make_netns;
using tap_test::outcome;
using tap_test::path_of;
using testing::StartsWith;

/// Tests taps in other namespaces, and events of a tap while it is held.
class TapNetnsTest : public tap_test::PrivateNetns {
 protected:
  /// Returns 0, or the errno with which a frame of 60 octets is refused.
  static int write_frame(int fd) {
    std::array<unsigned char, sizeof(VnetHeader) + 60> frame{};
    frame.fill(0);
    std::fill_n(frame.begin() + sizeof(VnetHeader), 6, static_cast<unsigned char>(0xff));
    frame[sizeof(VnetHeader) + 6] = 2;
    return ::write(fd, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size()) ? 0 : errno;
  }
  static int read_error(int fd) {
    std::array<char, 2048> frame{};
    return ::read(fd, frame.data(), frame.size()) >= 0 ? 0 : errno;
  }
  /// Reads frames of the stack until the device is deleted. A thread that waits for POLLIN wakes then and gets POLLERR.
  /// A thread that waits for POLLERR alone does not wake (Linux 6.18).
  static bool await_death(int fd) {
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    while (::poll(&wanted, 1, tap_test::kPatience_ms) == 1) {
      if ((wanted.revents & POLLERR) != 0) return true;
      (void)read_error(fd);
    }
    return false;
  }
};

TEST_F(TapNetnsTest, AttachesInAnotherNamespaceAndReturns) {
  const UniqueFd blue = make_netns();
  const std::uint64_t home = netns_id(-1);
  ASSERT_TRUE(ip_in(blue.get(), "tuntap add dev t0 mode tap"));
  EXPECT_EQ(interface_kind("t0", blue.get()), InterfaceKind::kTap);
  EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kNone);
  const Result<TapDevice> tap = open_tap({.name = "t0", .netns_fd = blue.get()});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  EXPECT_EQ(netns_id(-1), home);
  EXPECT_EQ(netns_id(tap_netns(tap->queues[0].get()).get()), netns_id(blue.get()));
  EXPECT_THAT(outcome(open_tap({.name = "t1", .netns_fd = blue.get()})), StartsWith("no_such_interface: "));
  EXPECT_EQ(netns_id(-1), home);
}

TEST_F(TapNetnsTest, CreatesIntoAnotherNamespace) {
  const UniqueFd blue = make_netns();
  const TapOptions options{.name = "t0", .create = true, .owner = kUser, .queue_count = 2, .netns_fd = blue.get()};
  const Result<TapDevice> tap = open_tap(options);
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  EXPECT_EQ(interface_kind("t0", blue.get()), InterfaceKind::kTap);
  EXPECT_EQ(tap_name_now(tap->queues[0].get()), "t0");
  EXPECT_EQ(tap_name_now(tap->queues[1].get()), "t0");
  EXPECT_EQ(std::system("test $(ip -o link | wc -l) = 1"), 0) << "there is only lo in this namespace";
  EXPECT_THAT(outcome(open_tap(options)), StartsWith("exists: an interface t0 exists already"));
  EXPECT_EQ(std::system("test $(ip -o link | wc -l) = 1"), 0) << "the interface of the failed call is gone";
}

TEST_F(TapNetnsTest, AddsAndDeletesInAnotherNamespace) {
  const UniqueFd blue = make_netns();
  ASSERT_EQ(outcome(add_persistent_tap({.name = "t0", .netns_fd = blue.get()})), "ok");
  EXPECT_EQ(interface_kind("t0", blue.get()), InterfaceKind::kTap);
  EXPECT_EQ(outcome(delete_tap("t0", blue.get())), "ok");
  EXPECT_EQ(interface_kind("t0", blue.get()), InterfaceKind::kNone);
}

TEST_F(TapNetnsTest, AnotherNamespaceNeedsACapability) {
  const UniqueFd blue = make_netns();
  ASSERT_TRUE(ip_in(blue.get(), "tuntap add dev t0 mode tap user 54321"));
  const int netns_fd = blue.get();
  EXPECT_THAT(as_user(kUser, kUser, [=] { return outcome(open_tap({.name = "t0", .netns_fd = netns_fd})); }),
              StartsWith("permission: entering another network namespace needs CAP_SYS_ADMIN"));
  EXPECT_THAT(
      as_user(kUser, kUser, [=] { return outcome(open_tap({.name = "t1", .create = true, .netns_fd = netns_fd})); }),
      StartsWith("permission: creating t1 needs CAP_NET_ADMIN"));
}

// ---- Events of a device while it is held

TEST_F(TapNetnsTest, ADeviceThatIsDownAnswersEio) {
  const Result<TapDevice> tap = open_tap({.name = "t0", .create = true});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  const int fd = tap->queues[0].get();
  EXPECT_EQ(write_frame(fd), EIO);
  EXPECT_EQ(read_error(fd), EAGAIN);
  ASSERT_TRUE(ip("link set t0 up"));
  EXPECT_EQ(write_frame(fd), 0);
  ASSERT_TRUE(ip("link set t0 down"));
  EXPECT_EQ(write_frame(fd), EIO);
}

TEST_F(TapNetnsTest, ADeviceThatMovesIsFollowedAndDiesWithItsNamespace) {
  UniqueFd blue = make_netns();
  const Result<TapDevice> tap = open_tap({.name = "t0", .create = true});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  const int fd = tap->queues[0].get();
  ASSERT_TRUE(ip("link set t0 up") && ip("link set t0 netns " + path_of(blue)));
  EXPECT_EQ(netns_id(tap_netns(fd).get()), netns_id(blue.get()));
  EXPECT_EQ(write_frame(fd), EIO) << "a move sets the device down";
  ASSERT_TRUE(ip_in(blue.get(), "link set t0 name eth0 up"));
  EXPECT_EQ(tap_name_now(fd), "eth0");
  EXPECT_EQ(write_frame(fd), 0);
  blue.reset();
  ASSERT_TRUE(await_death(fd));
  EXPECT_EQ(tap_name_now(fd), std::nullopt);
  EXPECT_FALSE(tap_netns(fd));
  EXPECT_EQ(read_error(fd), EBADFD);
  EXPECT_EQ(write_frame(fd), EBADFD);
}

TEST_F(TapNetnsTest, ACreatedOneDiesWithTheNamespaceItWasMadeFor) {
  UniqueFd blue = make_netns();
  const Result<TapDevice> tap = open_tap({.name = "t0", .create = true, .netns_fd = blue.get()});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  blue.reset();
  ASSERT_TRUE(await_death(tap->queues[0].get()));
  EXPECT_EQ(tap_name_now(tap->queues[0].get()), std::nullopt);
}

TEST_F(TapNetnsTest, ADeletedDeviceAnswersEbadfd) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap"));
  const Result<TapDevice> tap = open_tap({.name = "t0"});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  const int fd = tap->queues[0].get();
  ASSERT_TRUE(ip("link set t0 name t1"));
  EXPECT_EQ(tap_name_now(fd), "t1");
  ASSERT_TRUE(ip("link del t1"));
  EXPECT_EQ(tap_name_now(fd), std::nullopt);
  EXPECT_EQ(read_error(fd), EBADFD);
  EXPECT_EQ(write_frame(fd), EBADFD);
}

}  // namespace
}  // namespace rb
