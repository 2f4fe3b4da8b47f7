// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/tap/tap_device.hpp"
#include "ports/links/interface_info.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <optional>
#include <thread>

#include "ports/links/interface_info.hpp"
#include "tests/integration/tap_test_support.hpp"

namespace rb {
namespace {

using tap_test::as_user;
using tap_test::await_readable;
using tap_test::ip;
using tap_test::kStranger;
using tap_test::kUser;
using tap_test::outcome;
using testing::StartsWith;

class TapDeviceTest : public tap_test::PrivateNetns {
 protected:
  static std::optional<InterfaceInfo> look_up(const std::string& name) {
    Result<Rtnetlink> netlink = Rtnetlink::open();
    return netlink ? look_up_interface(*netlink, name).value_or(std::nullopt) : std::nullopt;
  }
  static int tap_number(int fd, unsigned long request) {
    int value = -1;
    return ::ioctl(fd, request, &value) == 0 ? value : -1;
  }
  static int tap_flags(int fd) {
    ifreq answer{};
    return ::ioctl(fd, TUNGETIFF, &answer) == 0 ? static_cast<unsigned short>(answer.ifr_flags) : 0;
  }
};

// ---- Attaching

TEST_F(TapDeviceTest, AttachesAndSetsTheHeaderFormat) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap"));
  const Result<TapDevice> tap = open_tap({.name = "t0"});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  EXPECT_EQ(tap->queues.size(), 1U);
  EXPECT_TRUE(tap->persistent);
  EXPECT_FALSE(tap->created);
  EXPECT_FALSE(tap->multi_queue);
  const int fd = tap->queues[0].get();
  EXPECT_EQ(tap_flags(fd) & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  EXPECT_EQ(tap_number(fd, TUNGETVNETHDRSZ), 12);
  EXPECT_EQ(tap_number(fd, TUNGETVNETLE), 1);
  EXPECT_EQ(tap_number(fd, TUNGETSNDBUF), INT_MAX);
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(tap_name_now(fd), "t0");
}

TEST_F(TapDeviceTest, SetsTheFormatAnewAfterAnotherProgramUsedIt) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap"));
  {
    const UniqueFd other(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    std::string("t0").copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP;  // with packet information, without virtio_net_hdr
    ASSERT_EQ(::ioctl(other.get(), TUNSETIFF, &request), 0);
    int small = 4096;
    ASSERT_EQ(::ioctl(other.get(), TUNSETSNDBUF, &small), 0);
  }
  const Result<TapDevice> tap = open_tap({.name = "t0"});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  EXPECT_EQ(tap_flags(tap->queues[0].get()) & (IFF_NO_PI | IFF_VNET_HDR), IFF_NO_PI | IFF_VNET_HDR);
  EXPECT_EQ(tap_number(tap->queues[0].get(), TUNGETSNDBUF), INT_MAX);
}

TEST_F(TapDeviceTest, TakesAwayTheFilterOfAnotherProgram) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap") && ip("addr add 192.0.2.1/24 dev t0"));
  {
    const Result<TapDevice> other = open_tap({.name = "t0"});
    // A tun_filter without flags and with one address, 02:00:00:00:00:09.
    std::array<std::uint16_t, 5> only_one_station{0, 1, htons(0x0200), 0, htons(0x0009)};
    ASSERT_EQ(::ioctl(other->queues[0].get(), TUNSETTXFILTER, only_one_station.data()), 1);
  }
  const Result<TapDevice> tap = open_tap({.name = "t0"});
  ASSERT_TRUE(tap.has_value() && ip("link set t0 up"));
  const UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in neighbour{};
  neighbour.sin_family = AF_INET;
  neighbour.sin_port = htons(9);
  ::inet_pton(AF_INET, "192.0.2.2", &neighbour.sin_addr);
  ASSERT_EQ(::sendto(sender.get(), "", 0, 0, reinterpret_cast<sockaddr*>(&neighbour), sizeof neighbour), 0);
  EXPECT_TRUE(await_readable(tap->queues[0].get())) << "the ARP request leaves";
}

TEST_F(TapDeviceTest, AsksForAsMuchOffloadAsIsAllowed) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap"));
  constexpr std::uint8_t kBeforeUso = Offloads::kCsum | Offloads::kTso4 | Offloads::kTso6 | Offloads::kEcn;
  EXPECT_TRUE(open_tap({.name = "t0"})->offloads.has(kBeforeUso));
  EXPECT_EQ(open_tap({.name = "t0", .allow_uso = false})->offloads, Offloads{kBeforeUso});
  EXPECT_EQ(open_tap({.name = "t0", .offload = false})->offloads, Offloads{});
}

TEST_F(TapDeviceTest, NeverCreatesWhenOnlyAskedToAttach) {
  const Result<TapDevice> tap = open_tap({.name = "t0"});
  ASSERT_FALSE(tap.has_value());
  EXPECT_THAT(outcome(tap), StartsWith("no_such_interface: there is no interface t0"));
  EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kNone);
}

TEST_F(TapDeviceTest, AnIndexThatIsTakenKeepsTheKernelFromCreating) {
  // open_tap() relies on this behaviour of the kernel. The test shows it directly, because no test can force the race
  // from outside.
  const UniqueFd queue(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  unsigned loopback = 1;
  ASSERT_EQ(::ioctl(queue.get(), TUNSETIFINDEX, &loopback), 0);
  ifreq request{};
  std::string("t0").copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  EXPECT_EQ(::ioctl(queue.get(), TUNSETIFF, &request), -1);
  EXPECT_EQ(errno, EBUSY);
  EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kNone);
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap"));
  EXPECT_EQ(::ioctl(queue.get(), TUNSETIFF, &request), 0);
}

TEST_F(TapDeviceTest, LeavesNothingBehindWhenTheDeviceComesAndGoes) {
  std::atomic<bool> done{false};
  std::jthread other([&done] {  // the thread inherits the namespace of the thread that made it
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(outcome(add_persistent_tap({.name = "t0"})), "ok");
      while (outcome(delete_tap("t0", -1)).starts_with("busy")) {
      }
    }
    done = true;
  });
  while (!done) {
    const Result<TapDevice> tap = open_tap({.name = "t0"});
    const ErrorCode code = tap ? ErrorCode::kBusy : tap.error().code;
    EXPECT_TRUE(code == ErrorCode::kBusy || code == ErrorCode::kNoSuchInterface) << outcome(tap);
    EXPECT_FALSE(tap && tap->created);
  }
  EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kNone);
}

TEST_F(TapDeviceTest, RefusesOtherKindsByTheirName) {
  ASSERT_TRUE(ip("link add b0 type bridge") && ip("link add v0 type veth peer name v1"));
  ASSERT_TRUE(ip("tuntap add dev n0 mode tun"));
  EXPECT_EQ(outcome(open_tap({.name = "b0"})), "not_a_tap: b0 is a kernel bridge, not a tap");
  EXPECT_EQ(outcome(open_tap({.name = "v0"})), "not_a_tap: v0 is an interface of kind veth, not a tap");
  EXPECT_EQ(outcome(open_tap({.name = "lo"})), "not_a_tap: lo is the loopback interface, not a tap");
  EXPECT_THAT(outcome(open_tap({.name = "n0"})), StartsWith("is_tun: n0 is a tun device"));
  EXPECT_EQ(interface_kind("b0", -1), InterfaceKind::kBridge);
  EXPECT_EQ(interface_kind("v0", -1), InterfaceKind::kOther);
  EXPECT_EQ(interface_kind("n0", -1), InterfaceKind::kTun);
}

TEST_F(TapDeviceTest, SaysBusyWhenAnotherHoldsIt) {
  for (const char* mode : {"", " multi_queue"}) {
    ASSERT_TRUE(ip(std::string("tuntap add dev t0 mode tap") + mode));
    const Result<TapDevice> first = open_tap({.name = "t0"});
    ASSERT_TRUE(first.has_value()) << outcome(first);
    EXPECT_THAT(outcome(open_tap({.name = "t0"})), StartsWith("busy: another process holds t0"));
    EXPECT_THAT(outcome(delete_tap("t0", -1)), StartsWith("busy: another process holds t0"));
    ASSERT_TRUE(ip("link del t0"));
  }
}

TEST_F(TapDeviceTest, FindsOutWhetherItIsMultiQueue) {
  ASSERT_TRUE(ip("tuntap add dev s0 mode tap") && ip("tuntap add dev m0 mode tap multi_queue"));
  const Result<TapDevice> one = open_tap({.name = "m0"});
  ASSERT_TRUE(one.has_value()) << outcome(one);
  EXPECT_TRUE(one->multi_queue);
  EXPECT_THAT(outcome(open_tap({.name = "s0", .queue_count = 2})),
              StartsWith("not_supported: s0 has one queue and not 2"));
  EXPECT_TRUE(open_tap({.name = "s0"}).has_value()) << "a refusal changes nothing";
}

TEST_F(TapDeviceTest, OpensAsManyQueuesAsAsked) {
  ASSERT_TRUE(ip("tuntap add dev m0 mode tap multi_queue"));
  for (const unsigned count : {2U, 256U}) {
    const Result<TapDevice> tap = open_tap({.name = "m0", .queue_count = count});
    ASSERT_TRUE(tap.has_value()) << outcome(tap);
    EXPECT_EQ(tap->queues.size(), count);
    EXPECT_EQ(look_up("m0")->tun->queue_count, count);
  }
}

// ---- Creating and deleting

TEST_F(TapDeviceTest, CreatedOneGoesWithItsLastQueue) {
  {
    Result<TapDevice> tap = open_tap({.name = "t0", .create = true, .queue_count = 2});
    ASSERT_TRUE(tap.has_value()) << outcome(tap);
    EXPECT_TRUE(tap->created);
    EXPECT_TRUE(tap->multi_queue);
    EXPECT_FALSE(tap->persistent);
    tap->queues.pop_back();
    EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kTap);
  }
  EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kNone);
}

TEST_F(TapDeviceTest, CreatedPersistentOneStaysWithItsOwners) {
  const TapOptions options{
      .name = "t0", .create = true, .persistent = true, .owner = kUser, .group = kStranger, .multi_queue = true};
  EXPECT_TRUE(open_tap(options)->persistent);
  const std::optional<InterfaceInfo> info = look_up("t0");
  ASSERT_TRUE(info && info->tun);
  EXPECT_TRUE(info->tun->tap && info->tun->persistent && info->tun->multi_queue);
  EXPECT_EQ(info->tun->owner, kUser);
  EXPECT_EQ(info->tun->group, kStranger);
  EXPECT_EQ(info->tun->queue_count, 0U);
}

TEST_F(TapDeviceTest, CreatesNothingWhereSomethingIs) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap") && ip("link add b0 type bridge"));
  EXPECT_THAT(outcome(open_tap({.name = "t0", .create = true})), StartsWith("exists: an interface t0 exists already"));
  EXPECT_THAT(outcome(open_tap({.name = "b0", .create = true})), StartsWith("exists: "));
  EXPECT_THAT(outcome(add_persistent_tap({.name = "t0"})), StartsWith("exists: "));
}

TEST_F(TapDeviceTest, AddsAndDeletesLikeIpTuntap) {
  ASSERT_EQ(outcome(add_persistent_tap({.name = "t0", .owner = kUser})), "ok");
  ASSERT_EQ(outcome(add_persistent_tap({.name = "m0", .queue_count = 2})), "ok");
  EXPECT_TRUE(look_up("t0")->tun->persistent);
  EXPECT_TRUE(look_up("m0")->tun->multi_queue);
  EXPECT_EQ(outcome(delete_tap("t0", -1)), "ok");
  EXPECT_EQ(outcome(delete_tap("m0", -1)), "ok");
  EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kNone);
  EXPECT_THAT(outcome(delete_tap("t0", -1)), StartsWith("no_such_interface: "));
  ASSERT_TRUE(ip("link add b0 type bridge") && ip("tuntap add dev n0 mode tun"));
  EXPECT_THAT(outcome(delete_tap("b0", -1)), StartsWith("not_a_tap: "));
  EXPECT_THAT(outcome(delete_tap("n0", -1)), StartsWith("is_tun: "));
}

TEST_F(TapDeviceTest, SetsItsAddress) {
  const Result<TapDevice> tap = open_tap({.name = "t0", .create = true});
  ASSERT_TRUE(tap.has_value()) << outcome(tap);
  const int fd = tap->queues[0].get();
  EXPECT_EQ(outcome(set_tap_address(fd, *parse_mac("02:00:00:00:00:05"))), "ok");
  EXPECT_EQ(std::system("ip link show t0 | grep -q 02:00:00:00:00:05"), 0);
  EXPECT_THAT(outcome(set_tap_address(fd, *parse_mac("01:00:5e:00:00:05"))), StartsWith("invalid_argument: "));
  ASSERT_TRUE(ip("link del t0"));
  EXPECT_THAT(outcome(set_tap_address(fd, *parse_mac("02:00:00:00:00:05"))), StartsWith("no_such_interface: "));
}

// ---- Ordinary users

TEST_F(TapDeviceTest, AnOwnerNeedsNoCapability) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap user 54321"));
  EXPECT_EQ(as_user(kUser, kUser,
                    [] {
                      const Result<TapDevice> tap = open_tap({.name = "t0"});
                      const UniqueFd netns(tap ? tap_netns(tap->queues[0].get()) : UniqueFd());
                      return outcome(tap) + (netns ? ", told its namespace" : "");
                    }),
            "ok");
  EXPECT_EQ(as_user(kUser, kUser, [] { return outcome(delete_tap("t0", -1)); }), "ok");
  EXPECT_EQ(interface_kind("t0", -1), InterfaceKind::kNone);
}

TEST_F(TapDeviceTest, AMemberOfTheGroupNeedsNoCapability) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap group 54322"));
  EXPECT_EQ(as_user(kUser, kStranger, [] { return outcome(open_tap({.name = "t0"})); }), "ok");
  EXPECT_EQ(as_user(kUser, kUser, [] { return outcome(open_tap({.name = "t0"})); }),
            "permission: t0 belongs to gid 54322; run as a member of that group or with CAP_NET_ADMIN");
}

TEST_F(TapDeviceTest, NamesTheOwnerToAStranger) {
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap user 0") && ip("tuntap add dev t1 mode tap user 54321 group 54321"));
  const auto open_t0 = [] { return outcome(open_tap({.name = "t0"})); };
  EXPECT_EQ(as_user(kStranger, kStranger, open_t0),
            "permission: t0 belongs to user root (uid 0); run as that user or with CAP_NET_ADMIN");
  EXPECT_EQ(as_user(kStranger, kStranger, [] { return outcome(open_tap({.name = "t1"})); }),
            "permission: t1 belongs to uid 54321 and gid 54321; run as that user and group or with CAP_NET_ADMIN");
  EXPECT_EQ(as_user(kUser, kStranger, [] { return outcome(open_tap({.name = "t1"})); }).substr(0, 10), "permission");
  EXPECT_EQ(as_user(kStranger, kStranger, [] { return outcome(delete_tap("t0", -1)); }).substr(0, 10), "permission");
}

TEST_F(TapDeviceTest, TellsAStrangerWhatElseIsWrongFirst) {
  ASSERT_TRUE(ip("link add b0 type bridge") && ip("tuntap add dev n0 mode tun user 0"));
  const auto try_it = [](const char* name) {
    return as_user(kStranger, kStranger, [name] { return outcome(open_tap({.name = name})); });
  };
  EXPECT_THAT(try_it("b0"), StartsWith("not_a_tap: "));
  EXPECT_THAT(try_it("n0"), StartsWith("is_tun: "));
  EXPECT_THAT(try_it("t0"), StartsWith("no_such_interface: "));
}

TEST_F(TapDeviceTest, CreatingNeedsCapNetAdmin) {
  EXPECT_TRUE(may_create_taps());
  EXPECT_EQ(as_user(kUser, kUser, [] { return std::string(may_create_taps() ? "may" : "may not"); }), "may not");
  EXPECT_EQ(as_user(kUser, kUser, [] { return outcome(open_tap({.name = "t0", .create = true})); }),
            "permission: creating t0 needs CAP_NET_ADMIN; run as root, or have root make it for you: "
            "'ip tuntap add dev t0 mode tap user 54321'");
}

TEST_F(TapDeviceTest, ACapabilityWithinAUserNamespaceCountsForItsOwnNamespaces) {
  const auto after = [](int flags) {
    return as_user(kUser, kUser, [flags] {
      if (::unshare(flags) != 0) return std::string("no user namespaces here");
      return std::string(may_create_taps() ? "may" : "may not");
    });
  };
  const std::string alone = after(CLONE_NEWUSER);
  if (alone.starts_with("no ")) GTEST_SKIP() << alone;
  EXPECT_EQ(alone, "may not");
  EXPECT_EQ(after(CLONE_NEWUSER | CLONE_NEWNET), "may");
}

}  // namespace
}  // namespace rb
