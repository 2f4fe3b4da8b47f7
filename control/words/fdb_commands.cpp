// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the commands about the MAC table (the FDB).
#include <array>

#include "control/words/command_table.hpp"

namespace rb {
namespace fdb_commands {
namespace {

/// The kinds of entries. "permanent" is the kernel's word for a local entry.
constexpr std::array kKinds = {
    Choice{.word = "static"},
    Choice{.word = "dynamic"},
    Choice{.word = "local"},
    Choice{.word = "permanent", .value = R"("local")", .hidden = true},
};
constexpr std::array kKindsToFlush = {Choice{.word = "static"}, Choice{.word = "dynamic"}, Choice{.word = "all"}};

constexpr Argument kAddress = {.kind = ValueKind::kMac, .key = "mac", .meaning = "the station's address"};
constexpr Argument kPort = {
    .keyword = "dev", .kind = ValueKind::kPort, .key = "port", .meaning = "the port behind which the station is"};
constexpr Argument kVlan = {.keyword = "vlan",
                            .kind = ValueKind::kVlan,
                            .key = "vlan",
                            .need = Need::kOptional,
                            .meaning = "the VLAN, on a bridge that filters VLANs; without one every VLAN of the port"};
/// iproute2 asks for "master" where an entry belongs to the bridge; here every entry does.
constexpr Argument kMaster = {.keyword = "master", .need = Need::kOptional, .hidden = true};

constexpr std::array kMacTable = {
    Argument{.kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"},
};

constexpr std::array kShow = {
    Argument{.keyword = "br",
             .kind = ValueKind::kBridge,
             .key = "bridge",
             .need = Need::kOptional,
             .meaning = "show the entries of this bridge only"},
    Argument{.keyword = "dev",
             .synonym = "brport",
             .kind = ValueKind::kPort,
             .key = "port",
             .need = Need::kOptional,
             .meaning = "show the entries of this port only"},
    Argument{.keyword = "vlan",
             .kind = ValueKind::kVlan,
             .key = "vlan",
             .need = Need::kOptional,
             .meaning = "show the entries of this VLAN only"},
    Argument{.kind = ValueKind::kChoice,
             .key = "kind",
             .need = Need::kOptional,
             .choices = kKinds,
             .meaning = "show the entries of this kind only"},
};

constexpr std::array kGet = {
    kAddress,
    Argument{.keyword = "br", .kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"},
    Argument{.keyword = "vlan",
             .kind = ValueKind::kVlan,
             .key = "vlan",
             .need = Need::kOptional,
             .meaning = "the VLAN, on a bridge that filters VLANs"},
};

constexpr std::array kEnter = {
    kAddress,
    kPort,
    kVlan,
    Argument{.kind = ValueKind::kChoice,
             .key = "kind",
             .need = Need::kOptional,
             .choices = kKinds,
             .meaning = "the kind of the entry; static if no kind is given"},
    kMaster,
};

constexpr std::array kDelete = {kAddress, kPort, kVlan, kMaster};

constexpr std::array kFlush = {
    Argument{.keyword = "dev",
             .kind = ValueKind::kPort,
             .key = "port",
             .need = Need::kOptional,
             .meaning = "forget the entries of this port"},
    Argument{.keyword = "br",
             .kind = ValueKind::kBridge,
             .key = "bridge",
             .need = Need::kOptional,
             .meaning = "forget the entries of this bridge"},
    Argument{.keyword = "vlan",
             .kind = ValueKind::kVlan,
             .key = "vlan",
             .need = Need::kOptional,
             .meaning = "forget the entries of this VLAN only"},
    Argument{.kind = ValueKind::kChoice,
             .key = "kind",
             .need = Need::kOptional,
             .choices = kKindsToFlush,
             .meaning = "forget the entries of this kind; dynamic if no kind is given"},
};

void require_place(nlohmann::json& params, WordParser& words) {
  if (params.empty()) words.fail("'br' or 'dev' is missing");
}

constexpr std::array kRows = {
    Command{.name = "showmacs",
            .right = Right::kRead,
            .method = "fdb.list",
            .summary = "list the MAC table of a bridge as brctl does",
            .arguments = kMacTable,
            .example = "showmacs br0"},
    Command{.name = "fdb show",
            .short_name = "fdb",
            .right = Right::kRead,
            .method = "fdb.list",
            .summary = "list entries of MAC tables; with -s their age too",
            .arguments = kShow,
            .example = "fdb show br br0 vlan 10 dynamic",
            .of_iproute2 = true},
    Command{.name = "fdb get",
            .right = Right::kRead,
            .method = "fdb.get",
            .summary = "show the entry of one station",
            .arguments = kGet,
            .example = "fdb get 02:aa:00:00:00:01 br br0",
            .of_iproute2 = true},
    Command{.name = "fdb add",
            .right = Right::kChange,
            .method = "fdb.add",
            .summary = "enter a station that the MAC table does not have yet",
            .arguments = kEnter,
            .example = "fdb add 02:aa:00:00:00:01 dev tap0",
            .preset = R"({"kind":"static"})",
            .of_iproute2 = true},
    Command{.name = "fdb replace",
            .right = Right::kChange,
            .method = "fdb.replace",
            .summary = "enter a station in place of an entry that exists",
            .arguments = kEnter,
            .example = "fdb replace 02:aa:00:00:00:01 dev tap0 dynamic",
            .preset = R"({"kind":"static"})",
            .of_iproute2 = true},
    Command{.name = "fdb del",
            .right = Right::kChange,
            .method = "fdb.delete",
            .summary = "delete the entry of one station",
            .arguments = kDelete,
            .example = "fdb del 02:aa:00:00:00:01 dev tap0",
            .of_iproute2 = true},
    Command{.name = "fdb flush",
            .right = Right::kChange,
            .method = "fdb.flush",
            .summary = "forget all entries of a port or of a bridge",
            .arguments = kFlush,
            .example = "fdb flush dev tap0 all",
            .finish = require_place,
            .of_iproute2 = true},
};

}  // namespace
}  // namespace fdb_commands

constexpr CommandGroup kFdbCommands = {.title = "The MAC table", .commands = fdb_commands::kRows};

}  // namespace rb
