// SPDX-License-Identifier: GPL-2.0-or-later
// Command: one command of rbctl, written once, as a row of data.
//
// How it works. A row names the command, the right that it needs, the method of the control protocol that carries the
// command out, and its arguments, which are rows too. Everything else comes from the row:
//
//   words to requests   read_command_words()        rbctl, and ringbridged --config
//   usage, help         control/words/usage.hpp     rbctl help, errors
//   completion          control/rbctl/completion.hpp
//   the reference       control/rbctl/reference.hpp, docs/reference.md
//
// The rows stand in files by subject: bridge_commands.cpp, port_commands.cpp and so on. A command that reads also needs
// a printer, which control/rbctl/printers.cpp names by the command's name; a test finds a command without one.
//
// To add a command: a row here, its method in control/api, and the printer if the command reads.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "control/words/word_parser.hpp"

namespace rb {

/// The right that a command or a method needs; the control socket decides who has which right.
enum class Right : std::uint8_t { kRead, kChange };

/// The kinds of values of arguments: how a value is read, what help calls the value, and what completion offers.
enum class ValueKind : std::uint8_t {
  kNothing,         // the keyword stands alone and gives true, or the argument's `value`
  kChoice,          // one of the argument's choices
  kBridge,          // a bridge that exists
  kPort,            // a port that exists, or a bridge's own interface
  kNewName,         // the name of something that the command creates
  kInterface,       // an interface of this host
  kDevice,          // a port specification (control/words/port_spec.hpp)
  kMac,             // a MAC address
  kVlan,            // one VLAN
  kVlanRange,       // VID or VID-VID; gives the keys vid and vid_end
  kList,            // words with commas between them
  kNumber,          // a whole number
  kSeconds,         // a decimal number of seconds
  kOnOff,           // on or off
  kUser,            // the name or the number of a user; gives the number
  kGroup,           // likewise of a group
  kFrame,           // the rest of the words: hex digits, or the fields of a frame
  kPortSettings,    // the rest of the words: names and values of settings of a port
  kBridgeSettings,  // likewise of a bridge
  kCommandName,     // the rest of the words: the name of a command
};

/// A word with a fixed value.
struct Choice {
  std::string_view word;
  std::string_view value = "";  // JSON text; empty: the word itself as a string
  bool hidden = false;          // the word is accepted, but neither help nor completion shows it
};

/// How often an argument occurs.
enum class Need : std::uint8_t {
  kOne,       // once
  kOptional,  // at most once
  kAny,       // as often as wanted; gives an array, or nothing
  kEach,      // once or more; the command makes one request for each value
};

/// One argument. The arguments in front of the first one that has a keyword are read in the order of their rows; all
/// others may stand in any order, as iproute2 has it.
struct Argument {
  std::string_view keyword = "";  // the word in front of the value; empty: the value stands alone
  std::string_view synonym = "";  // another word that is accepted in front of the value
  ValueKind kind = ValueKind::kNothing;
  std::string_view key = "";    // the name in the request's params; empty: the argument has no effect
  std::string_view value = "";  // JSON text, of kNothing
  Need need = Need::kOne;
  std::span<const Choice> choices = {};  // of kChoice; of other kinds words that are accepted besides
  std::string_view placeholder = "";     // what usage calls the value; empty: the kind's own name
  std::string_view meaning = "";         // one line, for help and the reference
  bool hidden = false;                   // accepted, but neither help nor completion shows the argument
};

/// One command.
struct Command {
  std::string_view name;             // one to three words with a blank between them: "fdb show"
  std::string_view short_name = "";  // a shorter name of the same command: "fdb"
  Right right = Right::kRead;
  std::string_view method;   // of the control protocol; empty: rbctl carries the command out itself
  std::string_view summary;  // one line, for the list of commands
  std::span<const Argument> arguments = {};
  std::string_view example;        // words that work, without the program's name
  std::string_view preset = "{}";  // JSON: params that hold unless the words say otherwise
  /// Completes or checks the params behind the last word; says what is wrong by words.fail(). May be null.
  void (*finish)(nlohmann::json& params, WordParser& words) = nullptr;
  bool of_iproute2 = false;  // iproute2's `bridge` has this command: errors end with its exit status
};

/// The commands of one subject, in the order of the help.
struct CommandGroup {
  std::string_view title;
  std::span<const Command> commands;
  std::string (*notes)() = nullptr;  // lines for help and the reference; null for most
};

}  // namespace rb
