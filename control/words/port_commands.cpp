// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the commands about ports, and about the taps that become ports.
#include <array>

#include "control/words/command_table.hpp"
#include "control/words/port_kinds.hpp"

namespace rb {
namespace port_commands {
namespace {

constexpr std::array kAdd = {
    Argument{.kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"},
    Argument{.kind = ValueKind::kDevice,
             .key = "port",
             .need = Need::kEach,
             .meaning = "an interface by its name, or a kind of port with options behind commas"},
};

constexpr std::array kDelete = {
    Argument{.kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"},
    Argument{.kind = ValueKind::kPort, .key = "name", .need = Need::kEach, .meaning = "the ports to remove"},
};

constexpr std::array kShow = {
    Argument{.keyword = "dev",
             .kind = ValueKind::kPort,
             .key = "name",
             .need = Need::kOptional,
             .meaning = "show this port only"},
    Argument{.keyword = "master",
             .synonym = "br",
             .kind = ValueKind::kBridge,
             .key = "bridge",
             .need = Need::kOptional,
             .meaning = "show the ports of this bridge only"},
};

constexpr std::array kSet = {
    Argument{.kind = ValueKind::kPort, .key = "name", .meaning = "the port"},
    Argument{.kind = ValueKind::kPortSettings, .meaning = "settings of the port, each with its value"},
};

constexpr std::array kHairpin = {
    Argument{.kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"},
    Argument{.kind = ValueKind::kPort, .key = "name", .meaning = "the port"},
    Argument{.kind = ValueKind::kOnOff, .key = "hairpin", .meaning = "whether frames may leave by their own port"},
};

/// `ip tuntap add` has these words; there is nothing else to choose.
constexpr std::array kTapMode = {Choice{.word = "tap"}};

constexpr std::array kAddTap = {
    Argument{.synonym = "dev", .kind = ValueKind::kNewName, .key = "name", .meaning = "the name of the new tap"},
    Argument{
        .keyword = "mode", .kind = ValueKind::kChoice, .need = Need::kOptional, .choices = kTapMode, .hidden = true},
    Argument{.keyword = "user",
             .kind = ValueKind::kUser,
             .key = "owner",
             .need = Need::kOptional,
             .meaning = "the user who may open the tap, besides root"},
    Argument{.keyword = "group",
             .kind = ValueKind::kGroup,
             .key = "group",
             .need = Need::kOptional,
             .meaning = "the group whose members may open the tap"},
    Argument{.keyword = "multi_queue",
             .key = "multi_queue",
             .need = Need::kOptional,
             .meaning = "the tap can have several queues"},
};

constexpr std::array kDeleteTap = {
    Argument{
        .synonym = "dev", .kind = ValueKind::kInterface, .key = "name", .placeholder = "NAME", .meaning = "the tap"},
};

constexpr std::array kRows = {
    Command{.name = "addif",
            .right = Right::kChange,
            .method = "port.add",
            .summary = "make devices ports of a bridge",
            .arguments = kAdd,
            .example = "addif br0 tap0 tap:tap1,create,netns=blue"},
    Command{.name = "delif",
            .right = Right::kChange,
            .method = "port.delete",
            .summary = "remove ports from a bridge",
            .arguments = kDelete,
            .example = "delif br0 tap0"},
    Command{.name = "link show",
            .short_name = "link",
            .right = Right::kRead,
            .method = "port.list",
            .summary = "list ports; with -d their settings too",
            .arguments = kShow,
            .example = "link show master br0",
            .of_iproute2 = true},
    Command{.name = "link set dev",
            .right = Right::kChange,
            .method = "port.set",
            .summary = "change settings of a port",
            .arguments = kSet,
            .example = "link set dev tap0 learning off cost 20",
            .of_iproute2 = true},
    Command{.name = "hairpin",
            .right = Right::kChange,
            .method = "port.set",
            .summary = "set whether frames may leave by the port that received them",
            .arguments = kHairpin,
            .example = "hairpin br0 tap0 on"},
    Command{.name = "tap add",
            .right = Right::kChange,
            .method = "tap.add",
            .summary = "create a persistent tap, as 'ip tuntap add' does",
            .arguments = kAddTap,
            .example = "tap add tap0 user root"},
    Command{.name = "tap del",
            .right = Right::kChange,
            .method = "tap.delete",
            .summary = "delete a persistent tap",
            .arguments = kDeleteTap,
            .example = "tap del tap0"},
};

}  // namespace
}  // namespace port_commands

constexpr CommandGroup kPortCommands = {.title = "Ports", .commands = port_commands::kRows, .notes = device_notes};

}  // namespace rb
