// SPDX-License-Identifier: GPL-2.0-or-later
// The kinds of ports in words: their names and their options, as the command line, the protocol and a dump have them.
//
// How it works. Each kind is one row of port_kinds(), and each of its options is one row of the kind. The text form
// `kind:SUBJECT[,option]...`, the members of a PortSpec of docs/control-protocol.md, the lines of a dump and the usage
// are all read and written by these rows. The code behind a kind is a module in control/kinds, which the daemon finds
// by the name of the row; rbctl needs the words alone.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switch/result.hpp"

namespace rb {

/// One option of a kind of ports.
struct PortOption {
  enum class Type : std::uint8_t {
    kFlag,    // on or off; the word alone means on
    kNumber,  // lowest to highest
    kUser,    // a name or a number; travels as a number
    kGroup,
    kMode,    // permissions of a file, in octal
    kText,    // any text without a comma; "" is the default
    kChoice,  // name=CHOICE
    kWord,    // one of the choices, which stands alone
  };
  std::string_view name;  // of the option, and of its member in JSON
  Type type;
  std::string_view meaning;
  std::int64_t usual = 0;  // the default of a flag (0 or 1) and of a number
  std::int64_t lowest = 0, highest = 0;
  std::vector<std::string_view> choices = {};  // the first is the default
  std::string_view needs = {};                 // a flag without which the option has no meaning
  std::string_view example = {};               // of an option that must be given; "" of all others
};

/// One kind of ports.
struct PortKindWords {
  enum class Subject : std::uint8_t {
    kInterface,  // the name of a network interface, which is the port's name, too
    kAddress,    // a path or a TCP address; the port's name is an option, or is made of the path
  };
  std::string_view name;
  std::string_view meaning;
  Subject subject = Subject::kInterface;
  std::string_view name_suffix = {};  // what is added to a name that is made of the path
  std::vector<PortOption> options = {};

  [[nodiscard]] const PortOption* option(std::string_view option_name) const noexcept;
};

/// The kinds that can be named, in the order in which messages list them.
[[nodiscard]] const std::vector<PortKindWords>& port_kinds();
/// nullptr when there is no such kind.
[[nodiscard]] const PortKindWords* find_port_kind(std::string_view name);
/// The row of a kind that is known to be there.
[[nodiscard]] const PortKindWords& port_kind(std::string_view name);
/// The kind of a plain name: an interface that is a tap, or whatever else it proves to be when it is opened.
[[nodiscard]] const PortKindWords& any_port_kind();
/// "tap, packet, vhost-user": all that can be named, for messages.
[[nodiscard]] std::string port_kind_names();
/// Every kind with its options and meanings, as lines of help.
[[nodiscard]] std::string device_notes();
/// The options of every kind in Markdown, for the reference.
[[nodiscard]] std::string port_kinds_reference();
/// Completions of a device that has been typed so far: kinds, or options of its kind.
[[nodiscard]] std::vector<std::string> complete_device(const std::string& typed);
/// "tap:NAME[,create][,persistent]...": how a port of the kind is written.
[[nodiscard]] std::string port_kind_usage(const PortKindWords& kind);

/// A port as it was asked for: its kind, its name, and the values of the options that were given.
class PortOptions {
 public:
  PortOptions(const PortKindWords& kind, std::string name, std::string address = {})
      : kind_(&kind), name_(std::move(name)), address_(std::move(address)) {}

  /// `value` must be of the option's type, as read_port_option() gives it.
  void set(std::string_view option, nlohmann::json value);
  void set_kind(const PortKindWords& kind) { kind_ = &kind; }

  [[nodiscard]] const PortKindWords& kind() const noexcept { return *kind_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& address() const noexcept { return address_; }

  // The values; the default where none was given, and false, 0, "" or nothing where the kind has no such option.

  [[nodiscard]] bool flag(std::string_view option) const;
  [[nodiscard]] std::int64_t number(std::string_view option) const;
  [[nodiscard]] std::string text(std::string_view option) const;
  [[nodiscard]] std::optional<std::uint32_t> id(std::string_view option) const;

  /// Whether every option that `kind` lacks has its default.
  [[nodiscard]] bool fits(const PortKindWords& kind) const;
  /// As parse_port_spec() reads the port back; options with their defaults are left out.
  [[nodiscard]] std::string to_text() const;

 private:
  [[nodiscard]] bool is_usual(const PortOption& option) const;

  const PortKindWords* kind_;
  std::string name_, address_;
  std::map<std::string, nlohmann::json, std::less<>> values_;
};

/// Checks a value that has come as JSON. kInvalidArgument with what is expected, such as "a whole number from 1 to
/// 256".
[[nodiscard]] Result<> check_port_option(const PortOption& option, const nlohmann::json& value);
/// Whether the options that were given (members of `spec`) can stand together, and all that must be given are there.
[[nodiscard]] Result<> check_port_options(const PortKindWords& kind, const nlohmann::json& spec);

}  // namespace rb
