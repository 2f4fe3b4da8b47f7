// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/links/link_monitor.hpp"

#include <gmock/gmock.h>
#include <linux/if.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "ports/tap/tap_device.hpp"
#include "tests/integration/tap_test_support.hpp"

namespace rb {
namespace {

using tap_test::as_user;
using tap_test::await_readable;
using tap_test::ip;
using tap_test::ip_in;
using tap_test::kUser;
using tap_test::make_netns;
using tap_test::outcome;
using tap_test::path_of;
using testing::StartsWith;

/// Makes taps t0.. in a namespace of its own and follows their events.
class LinkMonitorTest : public tap_test::PrivateNetns {
 protected:
  void SetUp() override {
    PrivateNetns::SetUp();
    if (!IsSkipped()) monitor_ = std::make_unique<LinkMonitor>();
  }
  /// Returns the first event that fits, and passes over events before it.
  std::optional<LinkEvent> await(const std::function<bool(const LinkEvent&)>& fits) {
    while (true) {
      for (auto event = events_.begin(); event != events_.end(); ++event) {
        if (!fits(*event)) continue;
        LinkEvent found = *event;
        events_.erase(events_.begin(), event + 1);
        return found;
      }
      events_.clear();
      if (!await_readable(monitor_->event_fd())) return std::nullopt;
      events_ = monitor_->take_events();
    }
  }
  std::optional<LinkEvent> await_state(const std::string& name) {
    return await([&](const LinkEvent& event) { return event.link.name == name && !event.gone; });
  }
  std::optional<LinkEvent> await_gone(const std::string& name) {
    return await([&](const LinkEvent& event) { return event.link.name == name && event.gone; });
  }
  /// True if no event waits and the descriptor is not readable, so that the daemon would sleep.
  bool quiet() {
    (void)monitor_->take_events();
    pollfd wanted{.fd = monitor_->event_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, 0) == 0 && monitor_->take_events().empty();
  }
  std::unique_ptr<LinkMonitor> monitor_;

 private:
  std::vector<LinkEvent> events_;
};

TEST_F(LinkMonitorTest, SaysUpDownMtuRenameAndDelete) {
  const Result<std::uint64_t> id = monitor_->watch(-1);
  ASSERT_TRUE(id.has_value()) << outcome(id);
  EXPECT_EQ(*id, netns_id(-1));
  const Result<TapDevice> tap = open_tap({.name = "t0", .create = true});
  const std::optional<LinkEvent> made = await_state("t0");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->netns_id, *id);
  EXPECT_EQ(made->link.mtu, 1500U);
  EXPECT_FALSE(made->link.admin_up());
  ASSERT_TRUE(ip("link set t0 up"));
  EXPECT_TRUE(await_state("t0")->link.running());
  ASSERT_TRUE(ip("link set t0 mtu 1400"));
  EXPECT_EQ(await_state("t0")->link.mtu, 1400U);
  ASSERT_TRUE(ip("link set t0 address 02:00:00:00:00:07"));
  EXPECT_EQ(to_string(await_state("t0")->link.address), "02:00:00:00:00:07");
  ASSERT_TRUE(ip("link set t0 name t1"));
  EXPECT_EQ(await_state("t1")->link.ifindex, made->link.ifindex);
  ASSERT_TRUE(ip("link set t1 down"));
  EXPECT_FALSE(await_state("t1")->link.admin_up());
  ASSERT_TRUE(ip("link del t1"));
  EXPECT_EQ(await_gone("t1")->link.ifindex, made->link.ifindex);
  EXPECT_TRUE(quiet());
}

TEST_F(LinkMonitorTest, ATapRunsOnlyWhileItIsHeld) {
  const Result<std::uint64_t> id = monitor_->watch(-1);
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap") && ip("link set t0 up"));
  EXPECT_TRUE(monitor_->get(*id, "t0")->admin_up());
  EXPECT_FALSE(monitor_->get(*id, "t0")->running());
  const Result<TapDevice> tap = open_tap({.name = "t0"});
  EXPECT_TRUE(monitor_->get(*id, "t0")->running());
  EXPECT_TRUE(await([](const LinkEvent& event) { return event.link.name == "t0" && event.link.running(); }));
}

TEST_F(LinkMonitorTest, GetsByNameAndByNumber) {
  const Result<std::uint64_t> id = monitor_->watch(-1);
  const Result<LinkState> by_name = monitor_->get(*id, "lo");
  ASSERT_TRUE(by_name.has_value()) << outcome(by_name);
  EXPECT_EQ(by_name->ifindex, 1);
  EXPECT_EQ(*monitor_->get(*id, 1), *by_name);
  EXPECT_EQ(monitor_->get(*id, "t0").error().code, ErrorCode::kNoSuchInterface);
  EXPECT_EQ(monitor_->get(*id, "").error().code, ErrorCode::kNoSuchInterface);
  EXPECT_EQ(monitor_->get(*id, std::string(300, 'x')).error().code, ErrorCode::kNoSuchInterface);
  EXPECT_EQ(monitor_->get(*id, 4711).error().code, ErrorCode::kNoSuchInterface);
  EXPECT_EQ(monitor_->get(*id, 0).error().code, ErrorCode::kNoSuchInterface);
  EXPECT_EQ(monitor_->get(*id + 1, "lo").error().code, ErrorCode::kNoSuchInterface) << "not watched";
}

TEST_F(LinkMonitorTest, SetsUpAndDown) {
  const Result<std::uint64_t> id = monitor_->watch(-1);
  EXPECT_EQ(outcome(monitor_->set_up(*id, "lo", true)), "ok");
  EXPECT_TRUE(monitor_->get(*id, "lo")->running());
  EXPECT_EQ(outcome(monitor_->set_up(*id, "lo", false)), "ok");
  EXPECT_FALSE(monitor_->get(*id, "lo")->admin_up());
  EXPECT_EQ(monitor_->set_up(*id, "t0", true).error().code, ErrorCode::kNoSuchInterface);
  EXPECT_EQ(monitor_->set_up(*id + 1, "lo", true).error().code, ErrorCode::kNoSuchInterface) << "not watched";
}

TEST_F(LinkMonitorTest, SetsUpAndDownInAnotherNamespaceFromInside) {
  const UniqueFd blue = make_netns();
  const Result<std::uint64_t> home = monitor_->watch(-1);
  const Result<std::uint64_t> id = monitor_->watch(blue.get());
  ASSERT_TRUE(id.has_value()) << outcome(id);
  EXPECT_EQ(monitor_->set_up(*id, "lo", true).error().code, ErrorCode::kNotSupported);
  EXPECT_EQ(outcome(set_link_up(blue.get(), "lo", true)), "ok");
  EXPECT_TRUE(monitor_->get(*id, "lo")->running());
  EXPECT_FALSE(monitor_->get(*home, "lo")->admin_up());
  EXPECT_EQ(set_link_up(blue.get(), "t0", true).error().code, ErrorCode::kNoSuchInterface);
}

TEST_F(LinkMonitorTest, FollowsATapIntoAnotherNamespace) {
  const UniqueFd blue = make_netns();
  const Result<std::uint64_t> home = monitor_->watch(-1);
  const Result<TapDevice> tap = open_tap({.name = "t0", .create = true});
  ASSERT_TRUE(await_state("t0"));
  ASSERT_TRUE(ip("link set t0 netns " + path_of(blue)));
  EXPECT_EQ(await_gone("t0")->netns_id, *home);
  const UniqueFd now_in = tap_netns(tap->queues[0].get());
  const Result<std::uint64_t> there = monitor_->watch(now_in.get());
  ASSERT_TRUE(there.has_value()) << outcome(there);
  EXPECT_EQ(*there, netns_id(blue.get()));
  const Result<LinkState> moved = monitor_->get(*there, *tap_name_now(tap->queues[0].get()));
  ASSERT_TRUE(moved.has_value()) << outcome(moved);
  ASSERT_TRUE(ip_in(blue.get(), "link set t0 name eth0 mtu 1300 up"));
  const std::optional<LinkEvent> up =
      await([](const LinkEvent& event) { return event.link.name == "eth0" && event.link.running(); });
  ASSERT_TRUE(up);
  EXPECT_EQ(up->netns_id, *there);
  EXPECT_EQ(up->link.ifindex, moved->ifindex);
  EXPECT_EQ(up->link.mtu, 1300U);
}

TEST_F(LinkMonitorTest, ADyingNamespaceTakesItsInterfacesAlongAndIsThenQuiet) {
  UniqueFd blue = make_netns();
  const Result<std::uint64_t> id = monitor_->watch(blue.get());
  ASSERT_TRUE(id.has_value()) << outcome(id);
  const Result<TapDevice> tap = open_tap({.name = "t0", .create = true, .netns_fd = blue.get()});
  ASSERT_TRUE(await_state("t0"));
  blue.reset();  // watching a namespace does not keep it alive
  const std::optional<LinkEvent> gone = await_gone("t0");
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->netns_id, *id);
  EXPECT_TRUE(quiet());
  EXPECT_EQ(monitor_->get(*id, "lo").error().code, ErrorCode::kNoSuchInterface);
  EXPECT_EQ(monitor_->set_up(*id, "lo", true).error().code, ErrorCode::kNoSuchInterface);
  monitor_->unwatch(*id);
}

TEST_F(LinkMonitorTest, TellsNamespacesApartThoughTheirNumbersAreUsedAgain) {
  for (int round = 0; round < 4; ++round) {
    UniqueFd blue = make_netns();
    UniqueFd red = make_netns();
    const Result<std::uint64_t> blue_id = monitor_->watch(blue.get());
    ASSERT_TRUE(blue_id.has_value()) << outcome(blue_id);
    ASSERT_TRUE(monitor_->watch(red.get()).has_value());
    ASSERT_TRUE(ip_in(red.get(), "tuntap add dev t0 mode tap") && ip_in(blue.get(), "tuntap add dev t0 mode tap"));
    const std::optional<LinkEvent> event =
        await([&](const LinkEvent& candidate) { return candidate.netns_id == *blue_id; });
    ASSERT_TRUE(event);
    EXPECT_EQ(event->link.name, "t0");
    blue.reset();  // still watched; its number, and perhaps its id, is reused in the next round
    ASSERT_TRUE(await_gone("t0"));
  }
}

TEST_F(LinkMonitorTest, CountsWatches) {
  const UniqueFd blue = make_netns();
  const Result<std::uint64_t> id = monitor_->watch(blue.get());
  EXPECT_EQ(*monitor_->watch(blue.get()), *id);
  monitor_->unwatch(*id);
  EXPECT_TRUE(monitor_->get(*id, "lo").has_value());
  ASSERT_TRUE(ip_in(blue.get(), "tuntap add dev t0 mode tap"));
  EXPECT_TRUE(await_state("t0"));
  monitor_->unwatch(*id);
  ASSERT_TRUE(ip_in(blue.get(), "link del t0"));
  EXPECT_TRUE(monitor_->take_events().empty());
  monitor_->unwatch(*id);  // one unwatch() too many does nothing
}

TEST_F(LinkMonitorTest, LeavingAKernelBridgeIsNotBeingGone) {
  ASSERT_TRUE(monitor_->watch(-1).has_value());
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap") && ip("link add b0 type bridge"));
  ASSERT_TRUE(ip("link set t0 master b0") && ip("link set t0 nomaster") && ip("link set t0 mtu 1234"));
  bool gone = false;
  EXPECT_TRUE(await([&](const LinkEvent& event) {
    gone = gone || event.gone;
    return event.link.mtu == 1234;
  }));
  EXPECT_FALSE(gone);
}

TEST_F(LinkMonitorTest, AfterAnOverrunItSaysAllAgainAndWhatVanished) {
  const UniqueFd blue = make_netns();
  const Result<std::uint64_t> id = monitor_->watch(blue.get());
  ASSERT_TRUE(id.has_value()) << outcome(id);
  ASSERT_TRUE(ip_in(blue.get(), "tuntap add dev t0 mode tap") && ip_in(blue.get(), "tuntap add dev t1 mode tap"));
  ASSERT_TRUE(await_state("t1"));
  // These are more changes than the socket's buffer holds, and nobody reads meanwhile.
  for (int i = 0; i < 6000; ++i) ASSERT_EQ(outcome(set_link_up(blue.get(), "t0", i % 2 == 0)), "ok");
  ASSERT_TRUE(ip_in(blue.get(), "link del t1"));
  EXPECT_TRUE(await_gone("t1"));
  EXPECT_TRUE(await_state("lo")) << "the state of lo is unchanged and reported again";
  EXPECT_TRUE(await([](const LinkEvent& event) { return event.link.name == "t0" && !event.link.admin_up(); }));
  EXPECT_TRUE(quiet());
}

TEST_F(LinkMonitorTest, AnOrdinaryUserFollowsItsOwnNamespaceOnly) {
  const UniqueFd blue = make_netns();
  ASSERT_TRUE(ip("tuntap add dev t0 mode tap user 54321") && ip("link set t0 up"));
  EXPECT_EQ(as_user(kUser, kUser,
                    [] {
                      LinkMonitor monitor;
                      const Result<std::uint64_t> id = monitor.watch(-1);
                      const Result<TapDevice> tap = open_tap({.name = "t0"});
                      if (!id || !tap || !await_readable(monitor.event_fd())) return std::string("heard nothing");
                      const std::vector<LinkEvent> events = monitor.take_events();
                      const bool runs =
                          std::ranges::any_of(events, [](const LinkEvent& event) { return event.link.running(); });
                      return runs ? outcome(monitor.set_up(*id, "t0", false)) : std::string("does not run");
                    }),
            "permission: setting t0 down needs CAP_NET_ADMIN");
  const int netns_fd = blue.get();
  EXPECT_THAT(as_user(kUser, kUser, [=] { return outcome(LinkMonitor().watch(netns_fd)); }),
              StartsWith("permission: following interfaces in another network namespace needs CAP_NET_ADMIN"));
}

TEST_F(LinkMonitorTest, RefusesWhatIsNoNamespace) {
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(monitor_->watch(file.get()).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace rb
