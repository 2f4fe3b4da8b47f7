// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the commands about bridges.
#include <array>

#include "control/words/command_table.hpp"

namespace rb {
namespace bridge_commands {
namespace {

constexpr std::array kShow = {
    Argument{.kind = ValueKind::kBridge,
             .key = "names",
             .need = Need::kAny,
             .meaning = "the bridges to show; without a name all bridges are shown"},
};

constexpr std::array kAdd = {
    Argument{
        .kind = ValueKind::kNewName, .key = "name", .placeholder = "BRIDGE", .meaning = "the name of the new bridge"},
    Argument{.keyword = "--no-host-port",
             .key = "host_port",
             .value = "false",
             .need = Need::kOptional,
             .meaning = "do not create the host's own interface of that name"},
};

constexpr std::array kDelete = {
    Argument{.kind = ValueKind::kBridge, .key = "name", .meaning = "the bridge; its host interface must be down"},
};

constexpr std::array kSetAgeing = {
    Argument{.kind = ValueKind::kBridge, .key = "name", .meaning = "the bridge"},
    Argument{.kind = ValueKind::kSeconds, .key = "ageing_s", .meaning = "the ageing time"},
};

constexpr std::array kSet = {
    Argument{.kind = ValueKind::kBridge, .key = "name", .meaning = "the bridge"},
    Argument{.kind = ValueKind::kBridgeSettings, .meaning = "settings of the bridge, each with its value"},
};

constexpr std::array kRows = {
    Command{.name = "show",
            .right = Right::kRead,
            .method = "bridge.list",
            .summary = "list bridges and their ports",
            .arguments = kShow,
            .example = "show br0"},
    Command{.name = "addbr",
            .right = Right::kChange,
            .method = "bridge.add",
            .summary = "create a bridge and the host's interface of that name",
            .arguments = kAdd,
            .example = "addbr br0"},
    Command{.name = "delbr",
            .right = Right::kChange,
            .method = "bridge.delete",
            .summary = "delete a bridge",
            .arguments = kDelete,
            .example = "delbr br0"},
    Command{.name = "setageing",
            .right = Right::kChange,
            .method = "bridge.set",
            .summary = "set for how long a silent station is remembered",
            .arguments = kSetAgeing,
            .example = "setageing br0 60"},
    Command{.name = "link set",
            .right = Right::kChange,
            .method = "bridge.set",
            .summary = "change settings of a bridge",
            .arguments = kSet,
            .example = "link set br0 ageing 60"},
};

}  // namespace
}  // namespace bridge_commands

constexpr CommandGroup kBridgeCommands = {.title = "Bridges", .commands = bridge_commands::kRows};

}  // namespace rb
