// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the commands that look closer: counters, traces, events, the daemon, help.
#include <array>

#include "control/words/command_table.hpp"

namespace rb {
namespace looking_commands {
namespace {

constexpr std::array kStats = {
    Argument{.keyword = "dev",
             .kind = ValueKind::kPort,
             .key = "port",
             .need = Need::kOptional,
             .meaning = "show the counters of this port only"},
    Argument{.keyword = "br",
             .kind = ValueKind::kBridge,
             .key = "bridge",
             .need = Need::kOptional,
             .meaning = "show the counters of the ports of this bridge only"},
};

constexpr std::array kClear = {
    Argument{.keyword = "dev",
             .kind = ValueKind::kPort,
             .key = "port",
             .need = Need::kOptional,
             .meaning = "clear the counters of this port only"},
};

constexpr std::array kTrace = {
    Argument{.kind = ValueKind::kBridge, .key = "bridge", .meaning = "the bridge"},
    Argument{.keyword = "--in",
             .synonym = "in",
             .kind = ValueKind::kPort,
             .key = "port",
             .meaning = "the port that receives the frame"},
    Argument{.kind = ValueKind::kFrame, .key = "frame", .meaning = "hex digits, or the fields of the frame"},
};

constexpr std::array kEventKinds = {
    Choice{.word = "all"}, Choice{.word = "fdb"}, Choice{.word = "link"}, Choice{.word = "stp"}, Choice{.word = "loop"},
};
constexpr std::array kMonitor = {
    Argument{.kind = ValueKind::kChoice,
             .key = "kinds",
             .need = Need::kAny,
             .choices = kEventKinds,
             .meaning = "the kinds of events; all prints the kind in front of each event"},
};

/// The protocol's kinds of events: a link is a port or a bridge, and all kinds need no list.
void name_events(nlohmann::json& params, WordParser& /*words*/) {
  nlohmann::json kinds = nlohmann::json::array();
  for (const nlohmann::json& word : params.value("kinds", nlohmann::json::array())) {
    if (word == "all") {
      params.erase("kinds");
      return;
    }
    kinds.push_back(word == "link" ? "port" : word);
    if (word == "link") kinds.push_back("bridge");
  }
  if (!kinds.empty()) params["kinds"] = kinds;
}

constexpr std::array kHelp = {
    Argument{.kind = ValueKind::kCommandName,
             .need = Need::kOptional,
             .meaning = "the first words of commands; without them help lists all commands"},
};

constexpr std::array kRows = {
    Command{.name = "stats",
            .right = Right::kRead,
            .method = "stats.get",
            .summary = "show frames, bytes and drops of ports",
            .arguments = kStats,
            .example = "stats dev tap0"},
    Command{.name = "stats clear",
            .right = Right::kChange,
            .method = "stats.clear",
            .summary = "set the counters of ports to zero",
            .arguments = kClear,
            .example = "stats clear dev tap0"},
    Command{.name = "trace",
            .right = Right::kRead,
            .method = "trace",
            .summary = "show the way of a frame through the switch, and the reason for every decision",
            .arguments = kTrace,
            .example = "trace br0 --in tap0 src 02:00:00:00:00:01 dst ff:ff:ff:ff:ff:ff"},
    Command{.name = "monitor",
            .right = Right::kRead,
            .method = "monitor",
            .summary = "print events until interrupted",
            .arguments = kMonitor,
            .example = "monitor fdb link",
            .finish = name_events},
    Command{.name = "info",
            .right = Right::kRead,
            .method = "daemon.info",
            .summary = "show the daemon's version, workers and limits",
            .example = "info"},
    Command{.name = "dump",
            .right = Right::kRead,
            .method = "config.dump",
            .summary = "print the commands that create everything that exists, for ringbridged --config",
            .example = "dump"},
    Command{.name = "help",
            .right = Right::kRead,
            .method = "",
            .summary = "list the commands, or explain some of them",
            .arguments = kHelp,
            .example = "help link set"},
};

}  // namespace
}  // namespace looking_commands

constexpr CommandGroup kLookingCommands = {.title = "Looking closer", .commands = looking_commands::kRows};

}  // namespace rb
