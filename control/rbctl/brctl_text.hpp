// SPDX-License-Identifier: GPL-2.0-or-later
// The output of bridge-utils: its help and its columns, filled from the objects of docs/control-protocol.md.
//
// Every blank, tab and newline is that of bridge-utils 1.7; tests/golden/brctl-transcript.txt holds the original. The
// functions throw nlohmann::json::exception for an object that lacks a member.
#pragma once

#include <fmt/core.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace rb {

/// One command of brctl: its name, how many arguments it needs at least, and its line of the help.
struct BrctlCommand {
  std::string_view name;
  std::size_t argument_count;
  std::string_view help;
};

/// In the order of the help.
inline constexpr std::array<BrctlCommand, 16> kBrctlCommands = {{
    {"addbr", 1, "<bridge>\t\tadd bridge"},
    {"delbr", 1, "<bridge>\t\tdelete bridge"},
    {"addif", 2, "<bridge> <device>\tadd interface to bridge"},
    {"delif", 2, "<bridge> <device>\tdelete interface from bridge"},
    {"hairpin", 3, "<bridge> <port> {on|off}\tturn hairpin on/off"},
    {"setageing", 2, "<bridge> <time>\t\tset ageing time"},
    {"setbridgeprio", 2, "<bridge> <prio>\t\tset bridge priority"},
    {"setfd", 2, "<bridge> <time>\t\tset bridge forward delay"},
    {"sethello", 2, "<bridge> <time>\t\tset hello time"},
    {"setmaxage", 2, "<bridge> <time>\t\tset max message age"},
    {"setpathcost", 3, "<bridge> <port> <cost>\tset path cost"},
    {"setportprio", 3, "<bridge> <port> <prio>\tset port priority"},
    {"show", 0, "[ <bridge> ]\t\tshow a list of bridges"},
    {"showmacs", 1, "<bridge>\t\tshow a list of mac addrs"},
    {"showstp", 1, "<bridge>\t\tshow bridge stp info"},
    {"stp", 2, "<bridge> {on|off}\tturn stp on/off"},
}};

/// The whole help, from "Usage:" to the last command.
[[nodiscard]] std::string brctl_help();
/// The output of a command with too few arguments.
[[nodiscard]] std::string brctl_usage(const BrctlCommand& command);

/// The heading of `show`, and one bridge (a Bridge) with its ports below each other.
[[nodiscard]] std::string_view show_heading();
[[nodiscard]] std::string show_bridge(const nlohmann::json& bridge);
/// The whole of `showmacs`, by address; `entries` is a list of FdbEntry.
[[nodiscard]] std::string show_macs(nlohmann::json entries);
/// The whole of `showstp` for a Bridge.
[[nodiscard]] std::string show_stp(const nlohmann::json& bridge);

}  // namespace rb
