// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/command_line.hpp"

#include <gtest/gtest.h>

namespace rb {
namespace {

using nlohmann::json;

std::vector<Request> parsed(const std::string& line) {
  const auto words = split_words(line);
  const auto requests = parse_change_command(words.value());
  EXPECT_TRUE(requests.has_value()) << line << ": " << (requests ? "" : requests.error().message);
  return requests.value_or(std::vector<Request>(1));
}

std::string refusal(const std::string& line) {
  const auto requests = parse_change_command(split_words(line).value());
  EXPECT_FALSE(requests.has_value()) << line;
  return requests ? "" : requests.error().message;
}

TEST(CommandLine, ReadsEveryCommandThatMakesOneRequest) {
  const struct {
    const char* line;
    const char* method;
    const char* params;
  } cases[] = {
      {"addbr br0", "bridge.add", R"({"name":"br0"})"},
      {"rbctl addbr br0 --no-host-port", "bridge.add", R"({"name":"br0","host_port":false})"},
      {"delbr br0", "bridge.delete", R"({"name":"br0"})"},
      {"delif br0 tap0", "port.delete", R"({"bridge":"br0","name":"tap0"})"},
      {"hairpin br0 tap0 yes", "port.set", R"({"bridge":"br0","name":"tap0","hairpin":true})"},
      {"setageing br0 1.5", "bridge.set", R"({"name":"br0","ageing_s":1.5})"},
      {"setbridgeprio br0 0x1000", "bridge.set", R"({"name":"br0","priority":4096})"},
      {"setfd br0 4", "bridge.set", R"({"name":"br0","forward_delay_s":4.0})"},
      {"sethello br0 1", "bridge.set", R"({"name":"br0","hello_s":1.0})"},
      {"setmaxage br0 6", "bridge.set", R"({"name":"br0","max_age_s":6.0})"},
      {"setpathcost br0 tap0 50", "port.set", R"({"bridge":"br0","name":"tap0","cost":50})"},
      {"setportprio br0 tap0 16", "port.set", R"({"bridge":"br0","name":"tap0","priority":16})"},
      {"stp br0 off", "bridge.set", R"({"name":"br0","stp":"off"})"},
      {"stp br0 1", "bridge.set", R"({"name":"br0","stp":"on"})"},
      {"stp br0 rstp", "bridge.set", R"({"name":"br0","stp":"rstp"})"},
      {"spanning-tree mcheck tap0", "spanning_tree.mcheck", R"({"port":"tap0"})"},
      {"link set dev tap0 cost auto edge on p2p auto root_block on loop_guard off", "port.set",
       R"({"name":"tap0","cost":"auto","edge":"on","p2p":"auto","root_block":true,"loop_guard":false})"},
      {"link set dev tap0 bpdu_filter on restricted_tcn on edge 0", "port.set",
       R"({"name":"tap0","bpdu_filter":true,"restricted_tcn":true,"edge":"off"})"},
      {"link set br0 path_cost long", "bridge.set", R"({"name":"br0","path_cost":"long"})"},
      {"link set br0 loop_guard block loop_probe 0.5 loop_hold 30", "bridge.set",
       R"({"name":"br0","loop_guard":"block","loop_probe_s":0.5,"loop_hold_s":30.0})"},
      {"link set br0 loop_probe off", "bridge.set", R"({"name":"br0","loop_probe_s":0})"},
      {"fdb add 2:0:0:0:0:1 dev tap0", "fdb.add", R"({"mac":"02:00:00:00:00:01","port":"tap0","kind":"static"})"},
      {"fdb add 02:00:00:00:00:01 dev tap0 master dynamic", "fdb.add",
       R"({"mac":"02:00:00:00:00:01","port":"tap0","kind":"dynamic"})"},
      {"fdb replace 02:00:00:00:00:01 dev tap0 permanent", "fdb.replace",
       R"({"mac":"02:00:00:00:00:01","port":"tap0","kind":"local"})"},
      {"fdb del 02:00:00:00:00:01 dev tap0", "fdb.delete", R"({"mac":"02:00:00:00:00:01","port":"tap0"})"},
      {"fdb flush dev tap0", "fdb.flush", R"({"port":"tap0"})"},
      {"fdb flush br br0 all", "fdb.flush", R"({"bridge":"br0","kind":"all"})"},
      {"link set dev tap0 learning off guard on cost 20 priority 8 state 3", "port.set",
       R"({"name":"tap0","learning":false,"guard":true,"cost":20,"priority":8,"state":3})"},
      {"link set dev tap0 state blocking", "port.set", R"({"name":"tap0","state":"blocking"})"},
      {"link set br0 forward lldp,lacp,dot1x", "bridge.set", R"({"name":"br0","forward":["lldp","lacp","dot1x"]})"},
      {"link set br0 forward none", "bridge.set", R"({"name":"br0","forward":[]})"},
      {"link set br0 group_fwd_mask 0x4000 ageing 60", "bridge.set",
       R"({"name":"br0","group_fwd_mask":16384,"ageing_s":60.0})"},
      {"vlan add dev tap0 vid 10 pvid untagged master", "vlan.add",
       R"({"port":"tap0","vid":10,"pvid":true,"untagged":true})"},
      {"vlan add vid 100-199 dev br0 self", "vlan.add", R"({"port":"br0","vid":100,"vid_end":199})"},
      {"vlan del dev tap0 vid 10 untagged", "vlan.delete", R"({"port":"tap0","vid":10})"},
      {"vlan map add dev tap0 vid 10 to 110", "vlan.map.add", R"({"port":"tap0","vid":10,"to":110})"},
      {"vlan map del dev tap0 vid 10", "vlan.map.delete", R"({"port":"tap0","vid":10})"},
      {"vlan private dev br0 vid 100 primary", "vlan.private", R"({"bridge":"br0","vid":100,"kind":"primary"})"},
      {"vlan private dev br0 vid 101 isolated of 100", "vlan.private",
       R"({"bridge":"br0","vid":101,"kind":"isolated","primary":100})"},
      {"port tap0 mode access vid 20", "vlan.mode", R"({"port":"tap0","mode":"access","vid":20})"},
      {"port tap0 mode trunk vids 10,20,100-199 native 1", "vlan.mode",
       R"({"port":"tap0","mode":"trunk","vids":["10","20","100-199"],"native":1})"},
      {"link set dev tap0 admit tagged ingress_filtering off default_pcp 3 pcp_map 7,6,5,4,3,2,1,0", "port.set",
       R"({"name":"tap0","admit":"tagged","ingress_filtering":false,"default_pcp":3,"pcp_map":[7,6,5,4,3,2,1,0]})"},
      {"link set br0 vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 0 vlan_learning shared", "bridge.set",
       R"({"name":"br0","vlan_filtering":true,"vlan_protocol":"802.1ad","vlan_default_pvid":0,
           "vlan_learning":"shared"})"},
      {"fdb add 02:00:00:00:00:01 dev tap0 vlan 10", "fdb.add",
       R"({"mac":"02:00:00:00:00:01","port":"tap0","vlan":10,"kind":"static"})"},
      {"fdb flush dev tap0 vlan 10 static", "fdb.flush", R"({"port":"tap0","vlan":10,"kind":"static"})"},
      {"stats clear", "stats.clear", "{}"},
      {"stats clear dev tap0", "stats.clear", R"({"port":"tap0"})"},
      {"tap add tap0 user root group 0 multi_queue", "tap.add",
       R"({"name":"tap0","owner":0,"group":0,"multi_queue":true})"},
      {"tap del tap0", "tap.delete", R"({"name":"tap0"})"},
  };
  for (const auto& [line, method, params] : cases) {
    const auto requests = parsed(line);
    ASSERT_EQ(requests.size(), 1U) << line;
    EXPECT_EQ(requests[0].method, method) << line;
    EXPECT_EQ(requests[0].params, json::parse(params)) << line;
  }
}

TEST(CommandLine, AddsEachDeviceByARequestOfItsOwn) {
  const auto requests =
      parsed("addif br0 tap0 tap:tap1,create,owner=root,group=0,persistent,queues=2,offload=off,netns=blue");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].params, json::parse(R"({"bridge":"br0","port":{"name":"tap0"}})"));
  EXPECT_EQ(requests[1].params["port"],
            json::parse(R"({"kind":"tap","name":"tap1","create":true,"owner":0,"group":0,"persistent":true,
                            "queues":2,"offload":false,"netns":"blue"})"));
  EXPECT_EQ(parsed("delif br0 tap0 tap1").size(), 2U);
}

TEST(CommandLine, ReadsEveryKindOfPort) {
  const auto port = [](const std::string& device) { return parsed("addif br0 " + device).at(0).params["port"]; };
  EXPECT_EQ(port("eth0"), json::parse(R"({"name":"eth0"})"));
  EXPECT_EQ(port("packet:eth0,offload=off,netns=blue"),
            json::parse(R"({"kind":"packet","name":"eth0","offload":false,"netns":"blue"})"));
  EXPECT_EQ(port("stream:/run/vm1.sock"), json::parse(R"({"kind":"stream","address":"/run/vm1.sock","name":"vm1"})"));
  EXPECT_EQ(port("stream:/run/vm1.sock,client,name=a,framing=len16"),
            json::parse(R"({"kind":"stream","address":"/run/vm1.sock","name":"a","role":"client","framing":"len16"})"));
  EXPECT_EQ(port("stream:[::1]:5555,name=tcp"),
            json::parse(R"({"kind":"stream","address":"[::1]:5555","name":"tcp"})"));
  EXPECT_EQ(port("stream:/run/vm1.sock,owner=0,group=root,mode=660"),
            json::parse(R"({"kind":"stream","address":"/run/vm1.sock","name":"vm1","owner":0,"group":0,"mode":432})"));
  EXPECT_EQ(port("dgram:/run/vm1.sock,peer=/run/q.sock,mode=600"),
            json::parse(R"({"kind":"dgram","address":"/run/vm1.sock","name":"vm1","peer":"/run/q.sock","mode":384})"));
  EXPECT_EQ(
      port("listen:/run/br0.sock,max=4,framing=len16"),
      json::parse(R"({"kind":"listen","address":"/run/br0.sock","name":"br0-listen","max":4,"framing":"len16"})"));
  EXPECT_EQ(port("vhost-user:/run/vm1.sock"),
            json::parse(R"({"kind":"vhost-user","address":"/run/vm1.sock","name":"vm1"})"));
  EXPECT_EQ(
      port("vhost-user:/run/vm1.sock,client,name=a,offload=off"),
      json::parse(R"({"kind":"vhost-user","address":"/run/vm1.sock","name":"a","role":"client","offload":false})"));
  for (const char* device :
       {"vhost-user:", "vhost-user:/run/vm1.sock,framing=len16", "vhost-user:/run/vm1.sock,offload=perhaps",
        "listen:/run/br0.sock,client", "stream:/run/a.sock,max=1", "dgram:/run/vm1.sock",
        "dgram:/run/vm1.sock,peer=/run/q.sock,client", "stream:", "stream:127.0.0.1:1",
        "stream:/run/a-name-too-long-for-a-port.sock", "stream:/run/vm1.sock,queues=2", "stream:/run/vm1.sock,mode=888",
        "stream:/run/vm1.sock,client=1", "packet:", "packet:eth0,owner=0", "packet:eth0,persistent", "vde:x"}) {
    EXPECT_NE(refusal(std::string("addif br0 ") + device).find("\nUsage: rbctl "), std::string::npos) << device;
  }
}

TEST(CommandLine, RefusesBadArgumentsAndShowsTheUsage) {
  for (const char* line : {"addbr",
                           "addbr br0 br1",
                           "addbr ''",
                           "addif br0",
                           "addif br0 tap:",
                           "addif br0 vde:x",
                           "addif br0 tap0,create",
                           "addif br0 tap:t,owner=root",
                           "addif br0 tap:t,queues=0",
                           "addif br0 tap:t,speed=1",
                           "addif br0 tap:t,create=maybe",
                           "addif br0 tap:t,create,owner=no-such-user",
                           "addif br0 tap:t,netns=",
                           "hairpin br0 tap0",
                           "hairpin br0 tap0 maybe",
                           "setageing br0 -5",
                           "setageing br0 10x",
                           "setageing br0 inf",
                           "setageing br0 nan",
                           "setageing br0 ''",
                           "setbridgeprio br0 1.5",
                           "setbridgeprio br0 99999999999999999999",
                           "fdb add zz dev tap0",
                           "fdb add 02:00:00:00:00:01 tap0",
                           "fdb add 02:00:00:00:00:01 dev tap0 static dynamic extra",
                           "fdb flush",
                           "link set dev tap0",
                           "link set dev tap0 speed 5",
                           "link set br0",
                           "link set br0 learning on",
                           "vlan add dev tap0",
                           "vlan add vid 10",
                           "vlan add dev tap0 vid ten",
                           "vlan add dev tap0 vid 10-",
                           "vlan add dev tap0 vid 10 tagged",
                           "vlan map add dev tap0 vid 10",
                           "vlan map add dev tap0 vid 10 to 20-30",
                           "vlan private dev br0 vid 100",
                           "port tap0",
                           "port tap0 mode",
                           "port tap0 mode trunk vlans 1",
                           "link set dev tap0 pcp_map 1,x",
                           "link set br0 vlan_filtering maybe",
                           "stats clear tap0",
                           "tap add",
                           "tap add tap0 user no-such-user",
                           "tap del"}) {
    EXPECT_NE(refusal(line).find("\nUsage: rbctl "), std::string::npos) << line << ": " << refusal(line);
  }
}

TEST(CommandLine, NamesTheCommandItDoesNotKnow) {
  EXPECT_EQ(refusal("show"), "'show' is not a command that changes something");
  EXPECT_EQ(refusal("fdb show"), "'fdb' is not a command that changes something");
  EXPECT_EQ(refusal(""), "'' is not a command that changes something");
}

TEST(CommandLine, KnowsWhatChangesSomething) {
  const auto changes = [](const char* line) { return is_change_command(split_words(line).value()); };
  EXPECT_TRUE(changes("addbr"));
  EXPECT_TRUE(changes("fdb flush"));
  EXPECT_TRUE(changes("rbctl stats clear"));
  EXPECT_FALSE(changes("stats"));
  EXPECT_FALSE(changes("show"));
  EXPECT_FALSE(changes(""));
}

TEST(CommandLine, KnowsWhichCommandsAreIproute2s) {
  const auto iproute2 = [](const char* line) { return is_iproute2_command(split_words(line).value()); };
  for (const char* line :
       {"fdb add x", "mdb", "link show", "link set dev tap0 cost 1", "link", "vlan", "rbctl vlan add"})
    EXPECT_TRUE(iproute2(line)) << line;
  for (const char* line :
       {"", "addbr br0", "link set br0 forward lldp", "vlan map add", "vlan private", "port tap0 mode x"})
    EXPECT_FALSE(iproute2(line)) << line;
}

TEST(SplitWords, SeparatesAtBlanksAndKeepsQuotedOnes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_words("  addif\tbr0 'my tap'  x\"y z\"# \r\n").value(), (Words{"addif", "br0", "my tap", "xy z#"}));
  EXPECT_EQ(split_words("").value(), Words{});
  EXPECT_EQ(split_words("# a comment").value(), Words{});
  EXPECT_EQ(split_words("addbr br0 # a comment's quote").value(), (Words{"addbr", "br0"}));
  EXPECT_EQ(split_words("addbr ''").value(), (Words{"addbr", ""}));
}

TEST(SplitWords, RefusesAQuoteWithoutItsEnd) {
  EXPECT_FALSE(split_words("addbr 'br0").has_value());
  EXPECT_FALSE(split_words("addbr br0\"").has_value());
}

}  // namespace
}  // namespace rb
