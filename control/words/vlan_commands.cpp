// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the commands about VLANs.
#include <array>

#include "control/words/command_table.hpp"

namespace rb {
namespace vlan_commands {
namespace {

// "self" and "master" tell the kernel whose VLANs are meant; here the name of the port says so.
constexpr Argument kSelf = {.keyword = "self", .need = Need::kOptional, .hidden = true};
constexpr Argument kMaster = {.keyword = "master", .need = Need::kOptional, .hidden = true};

constexpr Argument kMember = {.keyword = "dev",
                              .kind = ValueKind::kPort,
                              .key = "port",
                              .meaning = "the port, which may be the bridge's own interface"};
constexpr Argument kMemberships = {
    .keyword = "vid", .kind = ValueKind::kVlanRange, .key = "vid", .meaning = "the VLAN, or a range of VLANs"};

constexpr std::array kShow = {
    Argument{.keyword = "dev",
             .kind = ValueKind::kPort,
             .key = "port",
             .need = Need::kOptional,
             .meaning = "show the VLANs of this port only"},
    Argument{.keyword = "vid",
             .kind = ValueKind::kVlan,
             .key = "vid",
             .need = Need::kOptional,
             .meaning = "show this VLAN only"},
};

constexpr std::array kAdd = {
    kMember,
    kMemberships,
    Argument{.keyword = "pvid",
             .key = "pvid",
             .need = Need::kOptional,
             .meaning = "frames without a tag that the port receives belong to this VLAN"},
    Argument{.keyword = "untagged",
             .key = "untagged",
             .need = Need::kOptional,
             .meaning = "frames of this VLAN leave without a tag"},
    kSelf,
    kMaster,
};

constexpr std::array kDelete = {
    kMember,
    kMemberships,
    // `bridge vlan del` accepts the flags of `add`, and they have no effect.
    Argument{.keyword = "pvid", .need = Need::kOptional, .hidden = true},
    Argument{.keyword = "untagged", .need = Need::kOptional, .hidden = true},
    kSelf,
    kMaster,
};

constexpr std::array kModes = {
    Choice{.word = "access"},          Choice{.word = "trunk"},        Choice{.word = "native-tagged"},
    Choice{.word = "native-untagged"}, Choice{.word = "dot1q-tunnel"},
};
constexpr std::array kMode = {
    Argument{.kind = ValueKind::kPort, .key = "port", .meaning = "the port"},
    Argument{.keyword = "mode",
             .kind = ValueKind::kChoice,
             .key = "mode",
             .choices = kModes,
             .placeholder = "MODE",
             .meaning = "access, trunk, native-tagged, native-untagged or dot1q-tunnel"},
    Argument{.keyword = "vid",
             .kind = ValueKind::kVlan,
             .key = "vid",
             .need = Need::kOptional,
             .meaning = "the VLAN of access and dot1q-tunnel"},
    Argument{.keyword = "vids",
             .kind = ValueKind::kList,
             .key = "vids",
             .need = Need::kOptional,
             .placeholder = "VID[-VID],...",
             .meaning = "the VLANs of trunk, native-tagged and native-untagged"},
    Argument{.keyword = "native",
             .kind = ValueKind::kVlan,
             .key = "native",
             .need = Need::kOptional,
             .meaning = "the VLAN of frames without a tag on a trunk"},
};

constexpr Argument kWireVid = {
    .keyword = "vid", .kind = ValueKind::kVlan, .key = "vid", .meaning = "the VID in the tags of frames at this port"};
constexpr Argument kTranslatingPort = {
    .keyword = "dev", .kind = ValueKind::kPort, .key = "port", .meaning = "the port"};

constexpr std::array kMapShow = {
    Argument{.keyword = "dev",
             .kind = ValueKind::kPort,
             .key = "port",
             .need = Need::kOptional,
             .meaning = "show the translations of this port only"},
};
constexpr std::array kMapAdd = {
    kTranslatingPort,
    kWireVid,
    Argument{.keyword = "to", .kind = ValueKind::kVlan, .key = "to", .meaning = "the VLAN inside the bridge"},
};
constexpr std::array kMapDelete = {kTranslatingPort, kWireVid};

constexpr std::array kPrivateShow = {
    Argument{.keyword = "dev",
             .kind = ValueKind::kBridge,
             .key = "bridge",
             .need = Need::kOptional,
             .meaning = "show the private VLANs of this bridge only"},
};
constexpr std::array kPrivateKinds = {
    Choice{.word = "primary"},
    Choice{.word = "isolated"},
    Choice{.word = "community"},
    Choice{.word = "none"},
};
constexpr std::array kPrivateSet = {
    Argument{.kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"},
    Argument{.keyword = "vid", .kind = ValueKind::kVlan, .key = "vid", .meaning = "the VLAN"},
    Argument{.kind = ValueKind::kChoice,
             .key = "kind",
             .choices = kPrivateKinds,
             .meaning = "what the VLAN is to its private VLAN domain"},
    Argument{.keyword = "of",
             .kind = ValueKind::kVlan,
             .key = "primary",
             .need = Need::kOptional,
             .meaning = "the primary VLAN of an isolated or community VLAN"},
};

constexpr std::array kRows = {
    Command{.name = "vlan show",
            .short_name = "vlan",
            .right = Right::kRead,
            .method = "vlan.list",
            .summary = "list the VLANs of ports; -c prints ranges, -s counters",
            .arguments = kShow,
            .example = "vlan show dev tap0",
            .of_iproute2 = true},
    Command{.name = "vlan add",
            .right = Right::kChange,
            .method = "vlan.add",
            .summary = "make a port a member of VLANs",
            .arguments = kAdd,
            .example = "vlan add dev tap0 vid 10 pvid untagged",
            .of_iproute2 = true},
    Command{.name = "vlan del",
            .right = Right::kChange,
            .method = "vlan.delete",
            .summary = "end the membership of a port in VLANs",
            .arguments = kDelete,
            .example = "vlan del dev tap0 vid 100-199",
            .of_iproute2 = true},
    Command{.name = "port",
            .right = Right::kChange,
            .method = "vlan.mode",
            .summary = "set all VLANs of a port anew, in the words of a switch's console",
            .arguments = kMode,
            .example = "port tap0 mode trunk vids 10,20,100-199 native 1"},
    Command{.name = "vlan map show",
            .short_name = "vlan map",
            .right = Right::kRead,
            .method = "vlan.list",
            .summary = "list the translations of VIDs",
            .arguments = kMapShow,
            .example = "vlan map show dev tap0"},
    Command{.name = "vlan map add",
            .right = Right::kChange,
            .method = "vlan.map.add",
            .summary = "translate a VID in the tags at a port to another VLAN inside the bridge",
            .arguments = kMapAdd,
            .example = "vlan map add dev tap0 vid 10 to 110"},
    Command{.name = "vlan map del",
            .right = Right::kChange,
            .method = "vlan.map.delete",
            .summary = "end the translation of a VID",
            .arguments = kMapDelete,
            .example = "vlan map del dev tap0 vid 10"},
    Command{.name = "vlan private show",
            .short_name = "vlan private",
            .right = Right::kRead,
            .method = "vlan.private.list",
            .summary = "list private VLANs",
            .arguments = kPrivateShow,
            .example = "vlan private show dev br0"},
    Command{.name = "vlan private dev",
            .right = Right::kChange,
            .method = "vlan.private",
            .summary = "make a VLAN primary, isolated or community, or an ordinary VLAN again",
            .arguments = kPrivateSet,
            .example = "vlan private dev br0 vid 101 isolated of 100"},
};

}  // namespace
}  // namespace vlan_commands

constexpr CommandGroup kVlanCommands = {.title = "VLANs", .commands = vlan_commands::kRows};

}  // namespace rb
