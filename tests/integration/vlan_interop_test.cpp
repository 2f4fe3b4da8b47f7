// SPDX-License-Identifier: GPL-2.0-or-later
// Compares a trunk between ringbridge and Open vSwitch's userspace datapath with a single Open vSwitch: the same frames
// must come out at the same hosts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "open_vswitch.hpp"
#include "vlan_lab.hpp"

namespace rb::test {
namespace {

constexpr std::array kVids = {10, 20, 30};
/// The access port of a host of a VLAN, in the words of `rbctl port` and of ovs-vsctl.
struct Access {
  const char* ringbridge;
  const char* open_vswitch;
};
constexpr std::array<Access, 3> kAccess = {{
    {"mode access vid 10", "tag=10"},
    {"mode access vid 20", "tag=20"},
    {"mode dot1q-tunnel vid 30", "vlan_mode=dot1q-tunnel tag=30 other_config:qinq-ethtype=802.1q"},
}};
/// The settings of the trunk at both ends.
struct Trunk {
  const char* name;
  Access ends;
};
constexpr std::array<Trunk, 3> kTrunks = {{
    {"trunk", {"mode trunk vids 10,20,30", "vlan_mode=trunk trunks=10,20,30"}},
    {"native_untagged", {"mode native-untagged vids 10,30 native 20", "vlan_mode=native-untagged tag=20 trunks=10,30"}},
    {"native_tagged", {"mode native-tagged vids 10,30 native 20", "vlan_mode=native-tagged tag=20 trunks=10,30"}},
}};

/// Two hosts in each VLAN. A host's name is its side and VLAN: "near10", "far30".
class Hosts {
 public:
  void add(const std::string& name, int vid, Lab::Host& host) {
    members_.emplace(name, Member{vid, &host, host.wire(), {}});
  }
  [[nodiscard]] const Lab::Host& operator[](const std::string& name) const { return *members_.at(name).host; }
  /// Sends a frame from one host and returns the frames that all others receive. After that, every host twice sends a
  /// frame that the other host of its VLAN waits for. After the second one, all frames that waited in a queue before
  /// the first one have been read.
  Deliveries send(const std::string& from, const Octets& frame) {
    members_.at(from).wire.send(frame);
    Deliveries seen;
    for (int round = 0; round < 2; ++round) {
      for (auto& [name, member] : members_) {
        member.mark = ethernet_frame(kEverybody, mac_of(name), content(static_cast<std::uint8_t>(++marks_)));
        member.wire.send(member.mark);
      }
      for (const auto& [name, member] : members_) {
        for (const auto& [other, its] : members_) {
          if (other == name || its.vid != member.vid) continue;
          for (Octets& octets : member.wire.until(its.mark)) seen[name].push_back(std::move(octets));
        }
      }
    }
    return seen;
  }
  /// The address of a host.
  [[nodiscard]] std::string mac_of(const std::string& name) const {
    return "02:00:00:00:00:" + std::to_string(10 + std::distance(members_.begin(), members_.find(name)));
  }

 private:
  struct Member {
    int vid;
    Lab::Host* host;
    Wire wire;
    Octets mark;
  };
  std::map<std::string, Member> members_;
  unsigned marks_ = 0;
};

class VlanInterop : public LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped()) return;
    lab.emplace();
    ovs.emplace(lab->daemon.directory());
    ovs->add_bridge("alone");
    ovs->add_bridge("linked");
    Lab::ok("rbctl addbr br0 && rbctl link set br0 vlan_filtering 1 vlan_default_pvid 0");
    for (std::size_t i = 0; i < kVids.size(); ++i) {
      const std::string vid = std::to_string(kVids[i]);
      const auto number = static_cast<unsigned>(i * 10);
      alone.add("near" + vid, kVids[i], ovs->add_host("alone", 101 + number, kAccess[i].open_vswitch));
      alone.add("far" + vid, kVids[i], ovs->add_host("alone", 102 + number, kAccess[i].open_vswitch));
      Lab::Host& near = lab->add_host("br0");
      Lab::ok("rbctl port " + near.device + " " + kAccess[i].ringbridge);
      linked.add("near" + vid, kVids[i], near);
      linked.add("far" + vid, kVids[i], ovs->add_host("linked", 103 + number, kAccess[i].open_vswitch));
    }
    // Open vSwitch would pass unfinished frames on.
    Lab::ok("rbctl addif br0 tap:trunk,create,offload=off,netns=" + ovs->path());
    Lab::ok("nsenter --net=" + ovs->path() + " ip link set trunk up");
    ASSERT_TRUE(eventually([&] { return Lab::port("trunk")["state"] == "forwarding"; }));
    ovs->set_up("add-port linked trunk");
  }
  void set_trunk(const Trunk& trunk) const {
    Lab::ok(std::string("rbctl port trunk ") + trunk.ends.ringbridge);
    ovs->set_up(std::string("clear port trunk tag trunks vlan_mode -- set port trunk ") + trunk.ends.open_vswitch);
  }

  std::optional<Lab> lab;
  std::optional<OpenVswitch> ovs;
  Hosts alone, linked;
};

TEST_F(VlanInterop, ATrunkCarriesWhatOpenVswitchAloneDelivers) {
  // Open vSwitch keeps at most two tags of a frame, including the tag of a tunnel, and takes 0x88a8 for 0x8100.
  const Octets plain = content(200);
  const std::vector<Octets> kinds = {plain, tagged(0, plain, 5), tagged(10, plain), tagged(20, plain, 1),
                                     tagged(7, plain, 3)};
  for (const Trunk& trunk : kTrunks) {
    SCOPED_TRACE(trunk.name);
    set_trunk(trunk);
    std::size_t delivered = 0;
    for (const char* side : {"near", "far"}) {
      const char* other_side = side[0] == 'n' ? "far" : "near";
      for (const int vid : kVids) {
        const std::string from = side + std::to_string(vid), to = other_side + std::to_string(vid);
        for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
          for (const std::string& destination :
               {kEverybody, linked.mac_of(to), kB}) {  // a known and an unknown station
            const Octets frame = ethernet_frame(destination, linked.mac_of(from), kinds[kind]);
            const Deliveries expected = alone.send(from, frame);
            EXPECT_EQ(linked.send(from, frame), expected)
                << "kind " << kind << " from " << from << " to " << destination;
            delivered += expected.size();
          }
        }
      }
    }
    EXPECT_GT(delivered, 0U);
  }
}

TEST_F(VlanInterop, HostsTalkThroughATrunk) {
  set_trunk(kTrunks[0]);
  for (const int vid : kVids) {
    const Lab::Host &near = linked["near" + std::to_string(vid)], &far = linked["far" + std::to_string(vid)];
    expect_pings(near, far.address());
    expect_pings(far, near.address());
    expect_transfer(*lab, near, far, 4);
    expect_transfer(*lab, far, near, 4);
  }
  EXPECT_NE(linked["near10"].run("ping -c 1 -W 1 " + linked["far20"].address()).exit_status, 0) << "VLANs are separate";
}

}  // namespace
}  // namespace rb::test
