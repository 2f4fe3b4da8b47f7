// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the commands about spanning trees.
#include <array>

#include "control/words/command_table.hpp"

namespace rb {
namespace spanning_tree_commands {
namespace {

constexpr Argument kBridge = {.kind = ValueKind::kBridge, .key = "name", .meaning = "the bridge"};

constexpr std::array kProtocols = {
    Choice{.word = "on"},
    Choice{.word = "rstp"},
    Choice{.word = "off"},
    Choice{.word = "yes", .value = R"("on")", .hidden = true},
    Choice{.word = "1", .value = R"("on")", .hidden = true},
    Choice{.word = "no", .value = R"("off")", .hidden = true},
    Choice{.word = "0", .value = R"("off")", .hidden = true},
};
constexpr std::array kSetProtocol = {
    kBridge,
    Argument{.kind = ValueKind::kChoice,
             .key = "stp",
             .choices = kProtocols,
             .meaning = "on is STP as the kernel's bridge has it, rstp is RSTP, off is no spanning tree"},
};

constexpr std::array kShowAsBrctl = {
    Argument{.kind = ValueKind::kBridge, .key = "names", .meaning = "the bridge"},
};

/// bridge.list takes a list of names.
void make_list_of_names(nlohmann::json& params, WordParser& /*words*/) {
  params["names"] = nlohmann::json::array({params["names"]});
}

constexpr std::array kShow = {
    Argument{.kind = ValueKind::kBridge,
             .key = "bridge",
             .need = Need::kOptional,
             .meaning = "the bridge; without a name all bridges are shown"},
};

constexpr std::array kMcheck = {
    Argument{.kind = ValueKind::kPort, .key = "port", .meaning = "the port"},
};

constexpr std::array kBridgePriority = {
    kBridge,
    Argument{.kind = ValueKind::kNumber,
             .key = "priority",
             .placeholder = "PRIORITY",
             .meaning = "the bridge with the lowest priority becomes the root"},
};
constexpr std::array kForwardDelay = {
    kBridge,
    Argument{.kind = ValueKind::kSeconds, .key = "forward_delay_s", .meaning = "the forward delay"},
};
constexpr std::array kHelloTime = {
    kBridge,
    Argument{.kind = ValueKind::kSeconds, .key = "hello_s", .meaning = "the hello time"},
};
constexpr std::array kMaxAge = {
    kBridge,
    Argument{.kind = ValueKind::kSeconds, .key = "max_age_s", .meaning = "the maximum age of BPDUs"},
};

constexpr Argument kBridgeOfPort = {.kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"};
constexpr Argument kPort = {.kind = ValueKind::kPort, .key = "name", .meaning = "the port"};
constexpr std::array kPathCost = {
    kBridgeOfPort,
    kPort,
    Argument{.kind = ValueKind::kNumber,
             .key = "cost",
             .placeholder = "COST",
             .meaning = "the cost of the way to the root by this port"},
};
constexpr std::array kPortPriority = {
    kBridgeOfPort,
    kPort,
    Argument{.kind = ValueKind::kNumber,
             .key = "priority",
             .placeholder = "PRIORITY",
             .meaning = "of two equal ways the one by the port with the lower priority is taken"},
};

constexpr std::array kRows = {
    Command{.name = "stp",
            .right = Right::kChange,
            .method = "bridge.set",
            .summary = "choose STP, RSTP or no spanning tree for a bridge",
            .arguments = kSetProtocol,
            .example = "stp br0 rstp"},
    Command{.name = "showstp",
            .right = Right::kRead,
            .method = "bridge.list",
            .summary = "show the values of a bridge's spanning tree as brctl does",
            .arguments = kShowAsBrctl,
            .example = "showstp br0",
            .finish = make_list_of_names},
    Command{.name = "spanning-tree show",
            .short_name = "spanning-tree",
            .right = Right::kRead,
            .method = "spanning_tree.list",
            .summary = "show roles, states and counters of every port",
            .arguments = kShow,
            .example = "spanning-tree show br0"},
    Command{.name = "spanning-tree mcheck",
            .right = Right::kChange,
            .method = "spanning_tree.mcheck",
            .summary = "find out anew whether the bridges behind a port speak RSTP",
            .arguments = kMcheck,
            .example = "spanning-tree mcheck tap0"},
    Command{.name = "setbridgeprio",
            .right = Right::kChange,
            .method = "bridge.set",
            .summary = "set the priority of a bridge",
            .arguments = kBridgePriority,
            .example = "setbridgeprio br0 4096"},
    Command{.name = "setfd",
            .right = Right::kChange,
            .method = "bridge.set",
            .summary = "set the forward delay of a bridge",
            .arguments = kForwardDelay,
            .example = "setfd br0 15"},
    Command{.name = "sethello",
            .right = Right::kChange,
            .method = "bridge.set",
            .summary = "set the hello time of a bridge",
            .arguments = kHelloTime,
            .example = "sethello br0 2"},
    Command{.name = "setmaxage",
            .right = Right::kChange,
            .method = "bridge.set",
            .summary = "set the maximum age of BPDUs of a bridge",
            .arguments = kMaxAge,
            .example = "setmaxage br0 20"},
    Command{.name = "setpathcost",
            .right = Right::kChange,
            .method = "port.set",
            .summary = "set the path cost of a port",
            .arguments = kPathCost,
            .example = "setpathcost br0 tap0 50"},
    Command{.name = "setportprio",
            .right = Right::kChange,
            .method = "port.set",
            .summary = "set the priority of a port",
            .arguments = kPortPriority,
            .example = "setportprio br0 tap0 16"},
};

}  // namespace
}  // namespace spanning_tree_commands

constexpr CommandGroup kSpanningTreeCommands = {.title = "Spanning tree", .commands = spanning_tree_commands::kRows};

}  // namespace rb
