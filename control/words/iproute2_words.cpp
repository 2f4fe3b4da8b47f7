// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/iproute2_words.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace rb {
namespace {

/// A word of iproute2, and the word of rbctl that means the same.
struct Word {
  std::string_view theirs;
  std::string_view ours;
  bool whole = false;  // iproute2 takes no shortened form
};

/// An object, and its verbs.
struct Object {
  Word word;
  std::span<const Word> verbs = {};
};

// The orders of iproute2 6.1: bridge/bridge.c, link.c, fdb.c, vlan.c, monitor.c; ip/ip.c, iplink.c, iptuntap.c.

constexpr std::array kLinkVerbs = {Word{"set", "set"},  Word{"change", "set"}, Word{"show", "show"},
                                   Word{"lst", "show"}, Word{"list", "show"},  Word{"help", "help"}};
constexpr std::array kFdbVerbs = {Word{"add", "add"},    Word{"append", "append"}, Word{"replace", "replace"},
                                  Word{"delete", "del"}, Word{"get", "get"},       Word{"show", "show"},
                                  Word{"lst", "show"},   Word{"list", "show"},     Word{"flush", "flush", true},
                                  Word{"help", "help"}};
constexpr std::array kVlanVerbs = {
    Word{"add", "add"},  Word{"delete", "del"},          Word{"show", "show"},
    Word{"lst", "show"}, Word{"list", "show"},           Word{"tunnelshow", "tunnelshow"},
    Word{"set", "set"},  Word{"global", "global", true}, Word{"help", "help"}};
constexpr std::array kMonitorWords = {Word{"file", "file"}, Word{"link", "link"}, Word{"fdb", "fdb"},
                                      Word{"mdb", "mdb"},   Word{"vlan", "vlan"}, Word{"all", "all", true},
                                      Word{"help", "help"}};
constexpr std::array kBridgeObjects = {
    Object{{"link", "link"}, kLinkVerbs},
    Object{{"fdb", "fdb"}, kFdbVerbs},
    Object{{"mdb", "mdb"}},
    Object{{"vlan", "vlan"}, kVlanVerbs},
    Object{{"vni", "vni"}},
    Object{{"monitor", "monitor"}, kMonitorWords},
    Object{{"help", "help"}},
};

constexpr std::array kIpLinkVerbs = {Word{"add", "add"},         Word{"set", "set"},    Word{"change", "set"},
                                     Word{"replace", "replace"}, Word{"delete", "del"}, Word{"show", "show"},
                                     Word{"lst", "show"},        Word{"list", "show"},  Word{"help", "help"}};
constexpr std::array kTuntapVerbs = {Word{"add", "add"},  Word{"delete", "del"}, Word{"show", "show"},
                                     Word{"lst", "show"}, Word{"list", "show"},  Word{"help", "help"}};
constexpr std::array kIpObjects = {
    Object{{"address", "address"}},
    Object{{"addrlabel", "addrlabel"}},
    Object{{"maddress", "maddress"}},
    Object{{"route", "route"}},
    Object{{"rule", "rule"}},
    Object{{"neighbor", "neighbor"}},
    Object{{"neighbour", "neighbour"}},
    Object{{"ntable", "ntable"}},
    Object{{"ntbl", "ntbl"}},
    Object{{"link", "link"}, kIpLinkVerbs},
    Object{{"l2tp", "l2tp"}},
    Object{{"fou", "fou"}},
    Object{{"ila", "ila"}},
    Object{{"macsec", "macsec"}},
    Object{{"tunnel", "tunnel"}},
    Object{{"tunl", "tunl"}},
    Object{{"tuntap", "tap"}, kTuntapVerbs},
    Object{{"tap", "tap"}, kTuntapVerbs},
    Object{{"token", "token"}},
    Object{{"tcpmetrics", "tcpmetrics"}},
    Object{{"tcp_metrics", "tcp_metrics"}},
    Object{{"monitor", "monitor"}},
    Object{{"xfrm", "xfrm"}},
    Object{{"mroute", "mroute"}},
    Object{{"mrule", "mrule"}},
    Object{{"netns", "netns"}},
    Object{{"netconf", "netconf"}},
    Object{{"vrf", "vrf"}},
    Object{{"sr", "sr"}},
    Object{{"nexthop", "nexthop"}},
    Object{{"mptcp", "mptcp"}},
    Object{{"ioam", "ioam"}},
    Object{{"help", "help"}},
    Object{{"stats", "stats"}},
};

bool matches(const Word& word, std::string_view typed) {
  if (typed.empty()) return false;
  return word.whole ? word.theirs == typed : word.theirs.starts_with(typed);
}

}  // namespace

std::vector<std::string> write_out_iproute2(Iproute2Program program, std::vector<std::string> words) {
  const std::span<const Object> objects = program == Iproute2Program::kBridge ? std::span<const Object>(kBridgeObjects)
                                                                              : std::span<const Object>(kIpObjects);
  if (words.empty()) return words;
  const auto object = std::ranges::find_if(objects, [&](const Object& o) { return matches(o.word, words[0]); });
  if (object == objects.end()) return words;
  words[0] = object->word.ours;
  if (words.size() < 2) return words;
  const auto verb = std::ranges::find_if(object->verbs, [&](const Word& word) { return matches(word, words[1]); });
  if (verb != object->verbs.end()) words[1] = verb->ours;
  return words;
}

bool is_iproute2_object(std::string_view word) {
  return std::ranges::any_of(kBridgeObjects, [&](const Object& object) { return object.word.theirs == word; });
}

}  // namespace rb
