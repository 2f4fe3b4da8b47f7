// SPDX-License-Identifier: GPL-2.0-or-later
// Tests spanning tree with other bridges: a triangle of two ringbridges and one kernel bridge, or one Open vSwitch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "open_vswitch.hpp"
#include "spanning_tree_lab.hpp"

namespace rb::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// Another implementation of a bridge, in a namespace of its own, with the ports p1 and p2.
class Foreign {
 public:
  virtual ~Foreign() = default;
  /// The namespace for its ports, as `ip link ... netns` takes it.
  [[nodiscard]] virtual std::string netns() const = 0;
  virtual void take_port(const std::string& port) = 0;
  virtual void set_priority(unsigned priority) = 0;
  /// The states of its ports, in the kernel's words.
  [[nodiscard]] virtual std::map<std::string, std::string> states() const = 0;
  /// The id of the root, in the format of rbctl.
  [[nodiscard]] virtual std::string root() const = 0;
};

class KernelBridge : public Foreign {
 public:
  KernelBridge() {
    run("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add k0 type bridge stp_state 1 forward_delay "
        "200 hello_time 100 max_age 600 && ip link set k0 up");
  }
  std::string netns() const override { return host_.path(); }
  void take_port(const std::string& port) override {
    run("ip link set " + port + " master k0 && ip link set dev " + port + " up");
  }
  void set_priority(unsigned priority) override {
    run("ip link set k0 type bridge priority " + std::to_string(priority));
  }
  std::map<std::string, std::string> states() const override {
    std::map<std::string, std::string> found;
    for (const json& link : json::parse(run("bridge -j link show"))) {
      const bool up = std::ranges::find(link["flags"], json("LOWER_UP")) != link["flags"].end();
      found[link["ifname"]] = up ? link["state"].get<std::string>() : "disabled";
    }
    return found;
  }
  /// Reads sysfs in the namespace, because `ip` (6.1) prints the bridge's own id.
  std::string root() const override {
    const std::string text =
        run("unshare --mount sh -c \"mount -t sysfs sysfs /sys && cat /sys/class/net/k0/bridge/root_id\"");
    return text.substr(0, text.find('\n'));
  }
  std::string run(const std::string& command) const {
    const CommandResult result = host_.run(command);
    EXPECT_EQ(result.exit_status, 0) << command << ": " << result.output;
    return result.output;
  }

 private:
  Lab::Host host_{"k0", Lab::new_netns(), 99};
};

class RapidOpenVswitch : public Foreign {
 public:
  explicit RapidOpenVswitch(const std::string& directory) : control_(directory + "/ovs.ctl"), ovs_(directory) {
    ovs_.add_bridge("o0");
    ovs_.set_up("set bridge o0 rstp_enable=true other_config:rstp-forward-delay=4 other_config:rstp-max-age=6");
  }
  std::string netns() const override { return ovs_.path(); }
  void take_port(const std::string& port) override {
    Lab::ok("nsenter --net=" + ovs_.path() + " ip link set dev " + port + " up");
    ovs_.set_up("add-port o0 " + port);
  }
  void set_priority(unsigned priority) override {
    ovs_.set_up("set bridge o0 other_config:rstp-priority=" + std::to_string(priority));
  }
  std::map<std::string, std::string> states() const override {
    std::map<std::string, std::string> found;
    std::istringstream lines(show());
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string port, role, state;
      if (!(words >> port >> role >> state) || !port.starts_with("p")) continue;
      std::ranges::transform(state, state.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
      const bool blocked = state == "discarding" && (role == "Alternate" || role == "Backup");
      found[port] = blocked ? "blocking" : role == "Disabled" ? "disabled" : state;
    }
    return found;
  }
  /// Open vSwitch prints priority (decimal) and address on lines of their own.
  std::string root() const override {
    std::istringstream lines(show());
    std::string line, priority;
    while (std::getline(lines, line)) {
      std::istringstream words(line);
      std::string word, value;
      words >> word >> value;
      if (word == "stp-priority") priority = value;
      if (word != "stp-system-id") continue;
      std::erase(value, ':');
      char id[32];
      std::snprintf(id, sizeof id, "%04lx.%s", std::stoul(priority), value.c_str());
      return id;
    }
    return {};
  }

 private:
  [[nodiscard]] std::string show() const { return Lab::ok("ovs-appctl -t " + control_ + " rstp/show o0"); }

  std::string control_;
  OpenVswitch ovs_;
};

/// A triangle of bridges: br1 - br2 - the other one - br1
class Triangle : public SpanningTreeLab {
 protected:
  void build(Foreign& foreign, const std::string& mode) {
    foreign_ = &foreign;
    add_bridge("br1", mode);
    add_bridge("br2", mode);
    connect("br1", "a", "br2", "b");
    for (const auto& [bridge, port, other] : {std::array{"br1", "c", "p1"}, std::array{"br2", "d", "p2"}}) {
      Lab::ok(std::string("ip link add name ") + port + " type veth peer name " + other + " netns " + foreign.netns() +
              " && ip link set dev " + port + " up && rbctl addif " + bridge + " " + port);
      foreign.take_port(other);
    }
    for (const char* name : {"br1", "br2"}) hosts_.push_back(&lab->add_host(name));
  }
  /// True if all bridges agree on the root, and exactly `blocked` ends of the links do not forward, permanently.
  [[nodiscard]] bool settled(const std::string& root, std::ptrdiff_t blocked) {
    const auto near = states("br1"), far = states("br2"), others = foreign_->states();
    for (const auto* states : {&near, &far, &others}) {
      if (count(*states, "listening") + count(*states, "learning") + count(*states, "discarding") != 0) return false;
    }
    return count(near, "blocking") + count(far, "blocking") + count(others, "blocking") == blocked &&
           bridge("br1")["root_id"] == root && bridge("br2")["root_id"] == root && foreign_->root() == root;
  }
  [[nodiscard]] std::string describe() {
    std::ostringstream out;
    for (const auto& states : {states("br1"), states("br2"), foreign_->states()}) {
      for (const auto& [port, state] : states) out << port << ' ' << state << ", ";
    }
    out << bridge("br1")["root_id"] << ' ' << bridge("br2")["root_id"] << ' ' << foreign_->root() << '\n'
        << Lab::ok("rbctl showstp br1; rbctl showstp br2");
    return out.str();
  }
  /// A broadcast of one host reaches the other host once.
  void expect_one_copy(std::uint8_t number) {
    const Wire from = hosts_[0]->wire(), to = hosts_[1]->wire();
    const Octets frame = ethernet_frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:01", Octets(60, number));
    const Octets last = ethernet_frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:01", Octets(61, number));
    from.send(frame);
    from.send(last);
    EXPECT_EQ(std::ranges::count(to.until(last), frame), 1);
    from.send(last);
    EXPECT_THAT(to.until(last), ::testing::Not(::testing::Contains(frame)));
  }
  /// Each bridge is the root in turn. Then a link of the last root is pulled and put back.
  void go_through_everything() {
    std::uint8_t number = 0;
    for (const std::string chosen : {"foreign", "br2", "br1"}) {
      SCOPED_TRACE(chosen + " is to be the root");
      set_priority("br1", chosen == "br1" ? 4096 : 32768);
      set_priority("br2", chosen == "br2" ? 4096 : 32768);
      foreign_->set_priority(chosen == "foreign" ? 4096 : 32768);
      const auto root = [&] {
        return chosen == "foreign" ? foreign_->root() : bridge(chosen)["id"].get<std::string>();
      };
      ASSERT_TRUE(eventually_within(60s, [&] { return root().starts_with("1000.") && settled(root(), 1); }))
          << describe();
      expect_one_copy(++number);
    }
    const std::string root = bridge("br1")["id"];
    pull("c");
    ASSERT_TRUE(eventually_within(60s, [&] { return settled(root, 0); })) << describe();
    expect_one_copy(++number);
    plug("c");
    ASSERT_TRUE(eventually_within(60s, [&] { return settled(root, 1); })) << describe();
    expect_one_copy(++number);
  }

  Foreign* foreign_ = nullptr;
  std::vector<Lab::Host*> hosts_;
};

TEST_F(Triangle, OfStpWithTheKernelsBridge) {
  KernelBridge kernel;
  build(kernel, "on");
  go_through_everything();
}

TEST_F(Triangle, OfRstpWithTheKernelsBridgeWhichHasStpAlone) {
  KernelBridge kernel;
  build(kernel, "rstp");
  go_through_everything();
}

TEST_F(Triangle, OfRstpWithOpenVswitch) {
  RapidOpenVswitch ovs(lab->daemon.directory());
  build(ovs, "rstp");
  go_through_everything();
}

TEST_F(Triangle, OfStpWithOpenVswitchsRstp) {
  RapidOpenVswitch ovs(lab->daemon.directory());
  build(ovs, "on");
  go_through_everything();
}

/// Returns tcpdump's text for the frames that our bridge sends.
std::string decoded(const std::string& mode, const std::string& directory) {
  Lab::ok("rbctl stp br1 " + mode);
  return Lab::ok("timeout 20 tcpdump -U -Q in -i b -c 4 -w " + directory + "/" + mode +
                 ".pcap 2>/dev/null; tcpdump -vv -e -r " + directory + "/" + mode + ".pcap 2>&1");
}

class Captured : public SpanningTreeLab {};

TEST_F(Captured, TcpdumpDecodesBpdusWithoutComplaint) {
  add_bridge("br1", "off");
  Lab::ok(
      "ip link add name a type veth peer name b && ip link set dev a up && ip link set dev b up && rbctl addif br1 a");
  const std::string directory = lab->daemon.directory();
  const std::string stp = decoded("on", directory), rstp = decoded("rstp", directory);
  for (const std::string& text : {stp, rstp}) {
    EXPECT_THAT(text, ::testing::HasSubstr("01:80:c2:00:00:00"));
    EXPECT_THAT(text, ::testing::HasSubstr("LLC, dsap STP (0x42) Individual, ssap STP (0x42) Command"));
    EXPECT_THAT(text, ::testing::HasSubstr("max-age 6.00s, hello-time 1.00s, forwarding-delay 2.00s"));
    for (const char* complaint : {"invalid", "unknown", "[|", "truncated", "bad"})
      EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr(complaint)));
  }
  EXPECT_THAT(stp, ::testing::HasSubstr("STP 802.1d, Config"));
  EXPECT_THAT(rstp, ::testing::HasSubstr("STP 802.1w, Rapid STP"));
  EXPECT_THAT(rstp, ::testing::HasSubstr("port-role Designated"));
}

}  // namespace
}  // namespace rb::test
