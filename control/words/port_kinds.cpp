// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/port_kinds.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <cctype>

#include "switch/frame.hpp"

namespace rb {
namespace {

using Type = PortOption::Type;
using nlohmann::json;

constexpr std::int64_t kMaxQueues = 256;  // MAX_TAP_QUEUES of the kernel
constexpr std::int64_t kMaxMode = 0777;

PortOption offload_option() {
  return {.name = "offload",
          .type = Type::kFlag,
          .meaning = "frames may be handed over with checksums and segmentation left to do",
          .usual = 1};
}

PortOption netns_option() {
  return {.name = "netns",
          .type = Type::kText,
          .meaning = "the network namespace of the interface: a name, a path or the id of a process"};
}

PortOption framing_option() {
  return {.name = "framing",
          .type = Type::kChoice,
          .meaning = "the size of the length in front of each frame, in bits",
          .choices = {"len32", "len16"}};
}

PortOption role_option() {
  return {.name = "role",
          .type = Type::kWord,
          .meaning = "the port listens at the address, or connects to the address",
          .choices = {"server", "client"}};
}

PortOption max_option() {
  return {.name = "max",
          .type = Type::kNumber,
          .meaning = "how many ports a user may have at once; root has no limit",
          .usual = 64,
          .lowest = 1,
          .highest = std::int64_t{kMaxPorts}};
}

/// The kind's own options, and those of the file of a socket.
std::vector<PortOption> with_socket_file(std::vector<PortOption> options) {
  options.push_back({.name = "owner", .type = Type::kUser, .meaning = "the user who owns the socket's file"});
  options.push_back({.name = "group", .type = Type::kGroup, .meaning = "the group of the socket's file"});
  options.push_back({.name = "mode", .type = Type::kMode, .meaning = "the permissions of the socket's file, in octal"});
  return options;
}

std::vector<PortKindWords> make_kinds() {
  using Subject = PortKindWords::Subject;
  std::vector<PortKindWords> kinds;
  kinds.push_back({.name = "tap",
                   .meaning = "a tap interface, of which the switch is the other end",
                   .subject = Subject::kInterface,
                   .options = {
                       {.name = "create", .type = Type::kFlag, .meaning = "the tap is made, and goes with the port"},
                       {.name = "persistent",
                        .type = Type::kFlag,
                        .meaning = "the tap that is made stays when the port goes",
                        .needs = "create"},
                       {.name = "owner",
                        .type = Type::kUser,
                        .meaning = "the user who may attach to the tap that is made",
                        .needs = "create"},
                       {.name = "group",
                        .type = Type::kGroup,
                        .meaning = "the group whose members may attach to the tap that is made",
                        .needs = "create"},
                       {.name = "queues",
                        .type = Type::kNumber,
                        .meaning = "how many queues are opened",
                        .usual = 1,
                        .lowest = 1,
                        .highest = kMaxQueues},
                       offload_option(),
                       netns_option(),
                   }});
  kinds.push_back({.name = "packet",
                   .meaning = "an interface that exists, such as a network card or a veth, by a packet socket",
                   .subject = Subject::kInterface,
                   .options = {offload_option(), netns_option()}});
  kinds.push_back({.name = "vhost-user",
                   .meaning = "a guest whose virtio rings the switch serves",
                   .subject = Subject::kAddress,
                   .options = with_socket_file({role_option(), offload_option()})});
  kinds.push_back({.name = "stream",
                   .meaning = "a process that sends frames over a stream socket, such as QEMU's -netdev stream",
                   .subject = Subject::kAddress,
                   .options = with_socket_file({role_option(), framing_option()})});
  kinds.push_back({.name = "dgram",
                   .meaning = "a process that sends each frame as a datagram, such as QEMU's -netdev dgram",
                   .subject = Subject::kAddress,
                   .options = with_socket_file({{.name = "peer",
                                                 .type = Type::kText,
                                                 .meaning = "the address of the process",
                                                 .example = "/run/vm1-qemu.sock"}})});
  kinds.push_back({.name = "listen",
                   .meaning = "one socket for many processes; each that connects gets a stream port of its own",
                   .subject = Subject::kAddress,
                   .name_suffix = "-listen",
                   .options = with_socket_file({framing_option(), max_option()})});
  kinds.push_back({.name = "vde",
                   .meaning = "a directory by which the bridge is a vde_switch; each client of VDE gets a port",
                   .subject = Subject::kAddress,
                   .name_suffix = "-vde",
                   .options = with_socket_file({max_option()})});
  return kinds;
}

/// "create", "owner=USER", "server|client": an option as a usage shows it.
std::string option_usage(const PortOption& option) {
  switch (option.type) {
    case Type::kFlag:
      return option.usual == 0 ? std::string(option.name) : fmt::format("{}=on|off", option.name);
    case Type::kNumber:
      return fmt::format("{}=N", option.name);
    case Type::kUser:
      return fmt::format("{}=USER", option.name);
    case Type::kGroup:
      return fmt::format("{}=GROUP", option.name);
    case Type::kMode:
      return fmt::format("{}=OCTAL", option.name);
    case Type::kText:
      return fmt::format("{}={}", option.name, option.name == "netns" ? "NS" : "ADDRESS");
    case Type::kChoice:
      return fmt::format("{}={}", option.name, fmt::join(option.choices, "|"));
    case Type::kWord:
      return fmt::format("{}", fmt::join(option.choices, "|"));
  }
  return std::string(option.name);
}

std::string capitalised(std::string_view text) {
  std::string sentence(text);
  if (!sentence.empty()) sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
  return sentence;
}

/// A '|' would end a cell of a table.
std::string escaped(std::string_view text) {
  std::string cell;
  for (const char c : text) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

/// The value without the option, for the reference.
std::string default_text(const PortOption& option) {
  if (!option.example.empty()) return "must be given";
  switch (option.type) {
    case Type::kFlag:
      return option.usual == 0 ? "off" : "on";
    case Type::kNumber:
      return std::to_string(option.usual);
    case Type::kChoice:
    case Type::kWord:
      return std::string(option.choices.front());
    default:
      return "";
  }
}

/// An option with its value, as the text form has both.
std::string option_text(const PortOption& option, const json& value) {
  switch (option.type) {
    case Type::kFlag:
      if (!value.get<bool>()) return fmt::format("{}=off", option.name);
      return std::string(option.name);
    case Type::kMode:
      return fmt::format("{}={:o}", option.name, value.get<std::uint32_t>());
    case Type::kNumber:
    case Type::kUser:
    case Type::kGroup:
      return fmt::format("{}={}", option.name, value.get<std::int64_t>());
    case Type::kText:
    case Type::kChoice:
      return fmt::format("{}={}", option.name, value.get<std::string>());
    case Type::kWord:
      return value.get<std::string>();
  }
  return {};
}

Result<> expected(const PortOption& option, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' must be {}", option.name, what));
}

bool is_within(const json& value, std::int64_t lowest, std::int64_t highest) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return false;
  const auto number = value.get<std::int64_t>();
  return number >= lowest && number <= highest;
}

Result<> check_integer(const PortOption& option, const json& value, std::int64_t lowest, std::int64_t highest) {
  if (is_within(value, lowest, highest)) return {};
  return expected(option, fmt::format("a whole number from {} to {}", lowest, highest));
}

}  // namespace

const PortOption* PortKindWords::option(std::string_view option_name) const noexcept {
  const auto found = std::ranges::find(options, option_name, &PortOption::name);
  return found == options.end() ? nullptr : &*found;
}

const std::vector<PortKindWords>& port_kinds() {
  static const std::vector<PortKindWords> kinds = make_kinds();
  return kinds;
}

const PortKindWords* find_port_kind(std::string_view name) {
  const auto found = std::ranges::find(port_kinds(), name, &PortKindWords::name);
  return found == port_kinds().end() ? nullptr : &*found;
}

const PortKindWords& port_kind(std::string_view name) {
  const PortKindWords* const found = find_port_kind(name);
  assert(found != nullptr);
  return *found;
}

const PortKindWords& any_port_kind() {
  static const PortKindWords any = {.name = "any",
                                    .meaning = "an interface: a tap, or one that exists, whatever its kind",
                                    .subject = PortKindWords::Subject::kInterface,
                                    .options = {offload_option(), netns_option()}};
  return any;
}

std::string port_kind_names() {
  std::string names;
  for (const PortKindWords& kind : port_kinds()) {
    const bool last = &kind == &port_kinds().back();
    names += fmt::format("{}{}", names.empty() ? "" : last ? " and " : ", ", kind.name);
  }
  return names;
}

std::string port_kind_usage(const PortKindWords& kind) {
  const bool address = kind.subject == PortKindWords::Subject::kAddress;
  std::string usage = fmt::format("{}:{}", kind.name, address ? "ADDRESS[,name=NAME]" : "NAME");
  for (const PortOption& option : kind.options) {
    const bool must = !option.example.empty();
    usage += fmt::format("{},{}{}", must ? "" : "[", option_usage(option), must ? "" : "]");
  }
  return usage;
}

std::string device_notes() {
  std::string notes =
      "A DEVICE is the name of a tap or of another interface that exists, or a kind of port with options behind "
      "commas:\n";
  for (const PortKindWords& kind : port_kinds()) {
    const bool address = kind.subject == PortKindWords::Subject::kAddress;
    notes += fmt::format("  {}:{}\n      {}\n      options:{}", kind.name, address ? "ADDRESS" : "NAME", kind.meaning,
                         address ? " name=NAME" : "");
    for (const PortOption& option : kind.options) notes += " " + option_usage(option);
    notes += '\n';
  }
  return notes;
}

std::string port_kinds_reference() {
  std::string text;
  for (const PortKindWords& kind : port_kinds()) {
    text += fmt::format("\n### {}\n\n{}: `{}`\n\n| Option | Default | Meaning |\n| --- | --- | --- |\n", kind.name,
                        capitalised(kind.meaning), port_kind_usage(kind));
    if (kind.subject == PortKindWords::Subject::kAddress)
      text += "| `name=NAME` | the name of the path's file | the name of the port |\n";
    for (const PortOption& option : kind.options)
      text += fmt::format("| `{}` | {} | {} |\n", escaped(option_usage(option)), default_text(option), option.meaning);
  }
  return text;
}

std::vector<std::string> complete_device(const std::string& typed) {
  std::vector<std::string> words;
  const std::size_t colon = typed.find(':'), comma = typed.rfind(',');
  if (colon == std::string::npos) {
    for (const PortKindWords& kind : port_kinds()) words.push_back(fmt::format("{}:", kind.name));
    return words;
  }
  const PortKindWords* const kind = find_port_kind(typed.substr(0, colon));
  if (kind == nullptr || comma == std::string::npos) return words;
  const std::string start = typed.substr(0, comma + 1);
  if (kind->subject == PortKindWords::Subject::kAddress) words.push_back(start + "name=");
  for (const PortOption& option : kind->options) {
    if (option.type == Type::kWord) {
      for (const std::string_view choice : option.choices) words.push_back(start + std::string(choice));
    } else if (option.type == Type::kChoice) {
      for (const std::string_view choice : option.choices)
        words.push_back(start + fmt::format("{}={}", option.name, choice));
    } else if (option.type == Type::kFlag) {
      words.push_back(start + std::string(option.name) + (option.usual == 0 ? "" : "=off"));
    } else {
      words.push_back(start + std::string(option.name) + "=");
    }
  }
  return words;
}

void PortOptions::set(std::string_view option, json value) {
  values_.insert_or_assign(std::string(option), std::move(value));
}

bool PortOptions::flag(std::string_view option) const {
  if (const auto value = values_.find(option); value != values_.end()) return value->second.get<bool>();
  const PortOption* const row = kind_->option(option);
  return row != nullptr && row->usual != 0;
}

std::int64_t PortOptions::number(std::string_view option) const {
  if (const auto value = values_.find(option); value != values_.end()) return value->second.get<std::int64_t>();
  const PortOption* const row = kind_->option(option);
  return row == nullptr ? 0 : row->usual;
}

std::string PortOptions::text(std::string_view option) const {
  if (const auto value = values_.find(option); value != values_.end()) return value->second.get<std::string>();
  const PortOption* const row = kind_->option(option);
  return row == nullptr || row->choices.empty() ? std::string() : std::string(row->choices.front());
}

std::optional<std::uint32_t> PortOptions::id(std::string_view option) const {
  const auto value = values_.find(option);
  if (value == values_.end()) return std::nullopt;
  return value->second.get<std::uint32_t>();
}

bool PortOptions::is_usual(const PortOption& option) const {
  const auto value = values_.find(option.name);
  if (value == values_.end()) return true;
  switch (option.type) {
    case Type::kFlag:
      return value->second.get<bool>() == (option.usual != 0);
    case Type::kNumber:
      return value->second.get<std::int64_t>() == option.usual;
    case Type::kUser:
    case Type::kGroup:
    case Type::kMode:
      return false;
    case Type::kText:
      return value->second.get_ref<const std::string&>().empty();
    case Type::kChoice:
    case Type::kWord:
      return value->second.get_ref<const std::string&>() == option.choices.front();
  }
  return true;
}

bool PortOptions::fits(const PortKindWords& kind) const {
  return std::ranges::all_of(kind_->options, [&](const PortOption& option) {
    return kind.option(option.name) != nullptr || is_usual(option);
  });
}

std::string PortOptions::to_text() const {
  const bool address = kind_->subject == PortKindWords::Subject::kAddress;
  std::string text = fmt::format("{}:{}", kind_->name, address ? address_ : name_);
  if (address) text += ",name=" + name_;
  for (const PortOption& option : kind_->options) {
    if (!is_usual(option)) text += "," + option_text(option, values_.find(option.name)->second);
  }
  return text;
}

Result<> check_port_option(const PortOption& option, const json& value) {
  switch (option.type) {
    case Type::kFlag:
      return value.is_boolean() ? Result<>{} : expected(option, "true or false");
    case Type::kNumber:
      return check_integer(option, value, option.lowest, option.highest);
    case Type::kUser:
    case Type::kGroup:
      return check_integer(option, value, 0, std::int64_t{UINT32_MAX} - 1);
    case Type::kMode:
      return check_integer(option, value, 0, kMaxMode);
    case Type::kText:
      return value.is_string() ? Result<>{} : expected(option, "a string");
    case Type::kChoice:
    case Type::kWord:
      break;
  }
  if (value.is_string() &&
      std::ranges::find(option.choices, value.get_ref<const std::string&>()) != option.choices.end())
    return {};
  return expected(option, fmt::format("{}", fmt::join(option.choices, " or ")));
}

Result<> check_port_options(const PortKindWords& kind, const json& spec) {
  for (const PortOption& option : kind.options) {
    const bool given = spec.contains(option.name);
    if (given && !option.needs.empty() && !spec.value(std::string(option.needs), false)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("port option '{}' has a meaning with '{}' alone; add '{}'",
                                                           option.name, option.needs, option.needs));
    }
    if (!given && !option.example.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("a port of kind {} needs '{}', {}; add it, ',{}={}'", kind.name, option.name,
                              option.meaning, option.name, option.example));
    }
  }
  return {};
}

}  // namespace rb
