// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/brctl_words.hpp"

#include <fmt/core.h>
#include <getopt.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "control/rbctl/brctl_text.hpp"
#include "control/words/word_parser.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// Everything that a command needs: the words behind its name, the daemon, and the streams.
struct Context {
  const std::vector<std::string>& words;
  const CallDaemon& call;
  std::ostream& out;
  std::ostream& err;

  int fail(std::string_view message) const {
    err << message << '\n';
    return 1;
  }
};

bool interface_exists(const std::string& name) {
  return ::if_nametoindex(name.c_str()) != 0;
}

/// The text of errno that brctl would have printed, or the daemon's own sentence where errno would say nothing useful.
std::string reason(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNoSuchBridge:
    case ErrorCode::kNoSuchInterface:
      return "No such device";
    case ErrorCode::kNoSuchPort:
      return "No such file or directory";
    case ErrorCode::kOutOfRange:
      return "Numerical result out of range";
    case ErrorCode::kPermission:
      return "Operation not permitted";
    default:
      return error.message;
  }
}

/// Leading digits as sscanf("%i") reads them: decimal, 0x hexadecimal, 0 octal. The text behind the digits is ignored.
std::optional<std::int64_t> scan_integer(const std::string& text) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 0);
  if (end == text.c_str()) return std::nullopt;
  return value;
}

/// Leading digits as sscanf("%lf") reads them. Infinity and not-a-number are no times here.
std::optional<double> scan_seconds(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(value)) return std::nullopt;
  return value;
}

int add_bridge(const Context& context) {
  const std::string& bridge = context.words[0];
  const auto done = context.call({"bridge.add", {{"name", bridge}}});
  if (done) return 0;
  if (done.error().code == ErrorCode::kBridgeExists) {
    return context.fail(fmt::format("device {} already exists; can't create bridge with the same name", bridge));
  }
  return context.fail(fmt::format("add bridge failed: {}", reason(done.error())));
}

int delete_bridge(const Context& context) {
  const std::string& bridge = context.words[0];
  const auto done = context.call({"bridge.delete", {{"name", bridge}}});
  if (done) return 0;
  switch (done.error().code) {
    case ErrorCode::kNoSuchBridge:
      return context.fail(fmt::format("bridge {} doesn't exist; can't delete it", bridge));
    case ErrorCode::kBridgeUp:
      return context.fail(fmt::format("bridge {} is still up; can't delete it", bridge));
    default:
      return context.fail(fmt::format("can't delete bridge {}: {}", bridge, reason(done.error())));
  }
}

std::string add_port_message(const Error& error, const std::string& bridge, const std::string& port) {
  switch (error.code) {
    case ErrorCode::kNoSuchInterface:
      return fmt::format("interface {} does not exist!", port);
    case ErrorCode::kNoSuchBridge:
      return fmt::format("{} does not exist!", interface_exists(port) ? "bridge " + bridge : "interface " + port);
    case ErrorCode::kAlreadyMember:
      return fmt::format("device {} is already a member of a bridge; can't add it to bridge {}.", port, bridge);
    case ErrorCode::kIsBridge:
      return fmt::format("device {} is a bridge device itself; can't add a bridge device to a bridge device.", port);
    default:
      return fmt::format("can't add {} to bridge {}: {}", port, bridge, reason(error));
  }
}

int add_ports(const Context& context) {
  const std::string& bridge = context.words[0];
  for (std::size_t i = 1; i < context.words.size(); ++i) {
    const std::string& port = context.words[i];
    const json spec{{"name", port}};
    const auto done = context.call({"port.add", {{"bridge", bridge}, {"port", spec}}});
    if (!done) return context.fail(add_port_message(done.error(), bridge, port));
  }
  return 0;
}

std::string delete_port_message(const Error& error, const std::string& bridge, const std::string& port) {
  switch (error.code) {
    case ErrorCode::kNoSuchInterface:
      return fmt::format("interface {} does not exist!", port);
    case ErrorCode::kNoSuchBridge:
      return fmt::format("{} does not exist!", interface_exists(port) ? "bridge " + bridge : "interface " + port);
    case ErrorCode::kNoSuchPort:
      return interface_exists(port) ? fmt::format("device {} is not a port of {}", port, bridge)
                                    : fmt::format("interface {} does not exist!", port);
    default:
      return fmt::format("can't delete {} from {}: {}", port, bridge, reason(error));
  }
}

int delete_ports(const Context& context) {
  const std::string& bridge = context.words[0];
  for (std::size_t i = 1; i < context.words.size(); ++i) {
    const std::string& port = context.words[i];
    const auto done = context.call({"port.delete", {{"bridge", bridge}, {"name", port}}});
    if (!done) return context.fail(delete_port_message(done.error(), bridge, port));
  }
  return 0;
}

int set_hairpin(const Context& context) {
  const std::string& bridge = context.words[0];
  const std::string& port = context.words[1];
  const auto on = parse_on_off(context.words[2]);
  if (!on) return context.fail("expect on/off for argument");
  const auto done = context.call({"port.set", {{"bridge", bridge}, {"name", port}, {"hairpin", *on}}});
  if (done) return 0;
  const ErrorCode code = done.error().code;
  const bool missing = code == ErrorCode::kNoSuchBridge || code == ErrorCode::kNoSuchPort;
  if (code == ErrorCode::kNoSuchInterface || (missing && !interface_exists(port))) {
    return context.fail(fmt::format("interface {} does not exist!", port));
  }
  if (code == ErrorCode::kNoSuchBridge) return context.fail(fmt::format("bridge {} does not exist!", bridge));
  return context.fail(fmt::format("can't set {} to hairpin on bridge {}: {}", port, bridge, reason(done.error())));
}

/// Sets one value of a bridge; `what` is brctl's name for it.
int set_bridge(const Context& context, std::string_view key, const json& value, std::string_view what) {
  json params{{"name", context.words[0]}};
  params[std::string(key)] = value;
  const auto done = context.call({"bridge.set", params});
  return done ? 0 : context.fail(fmt::format("set {} failed: {}", what, reason(done.error())));
}

int set_time(const Context& context, std::string_view key, std::string_view what) {
  const auto value = scan_seconds(context.words[1]);
  return value ? set_bridge(context, key, *value, what) : context.fail(fmt::format("bad {} value", what));
}

int set_ageing(const Context& context) {
  return set_time(context, "ageing_s", "ageing time");
}
int set_forward_delay(const Context& context) {
  return set_time(context, "forward_delay_s", "forward delay");
}
int set_hello_time(const Context& context) {
  return set_time(context, "hello_s", "hello timer");
}
int set_max_age(const Context& context) {
  return set_time(context, "max_age_s", "max age");
}

int set_bridge_priority(const Context& context) {
  const auto value = scan_integer(context.words[1]);
  return value ? set_bridge(context, "priority", *value, "bridge priority") : context.fail("bad priority");
}

int set_stp(const Context& context) {
  const auto on = parse_on_off(context.words[1]);
  if (!on) return context.fail("expect on/off for argument");
  return set_bridge(context, "stp", *on ? "on" : "off", "stp status");
}

/// Sets one number of a port; brctl calls the value one thing when it is not a number, another when it is refused.
int set_port(const Context& context, std::string_view key, std::string_view value_name, std::string_view what) {
  const auto value = scan_integer(context.words[2]);
  if (!value) return context.fail(fmt::format("bad {} value", value_name));
  json params{{"bridge", context.words[0]}, {"name", context.words[1]}};
  params[std::string(key)] = *value;
  const auto done = context.call({"port.set", params});
  if (done) return 0;
  Error error = done.error();
  if (error.code == ErrorCode::kNoSuchPort && !interface_exists(context.words[1])) {
    error.code = ErrorCode::kNoSuchInterface;
  }
  return context.fail(fmt::format("set {} failed: {}", what, reason(error)));
}

int set_path_cost(const Context& context) {
  return set_port(context, "cost", "path cost", "path cost");
}
int set_port_priority(const Context& context) {
  return set_port(context, "priority", "path priority", "port priority");
}

/// The message of `show` and `showstp` for a bridge that cannot be shown.
std::string no_bridge_message(const Error& error, const std::string& bridge) {
  if (error.code != ErrorCode::kNoSuchBridge)
    return fmt::format("can't get info of bridge {}: {}", bridge, reason(error));
  return fmt::format(
      fmt::runtime(interface_exists(bridge) ? "device {} is not a bridge!" : "bridge {} does not exist!"), bridge);
}

int show(const Context& context) {
  std::string_view heading = show_heading();
  const auto print = [&](const json& bridges) {
    for (const json& bridge : bridges) {
      context.out << heading << show_bridge(bridge);
      heading = {};
    }
  };
  if (context.words.empty()) {
    const auto list = context.call({"bridge.list"});
    if (!list) return context.fail(fmt::format("can't get the list of bridges: {}", reason(list.error())));
    print(list->at("bridges"));
    return 0;
  }
  int status = 0;
  for (const std::string& name : context.words) {
    const auto list = context.call({"bridge.list", {{"names", json::array({name})}}});
    if (list) {
      print(list->at("bridges"));
    } else {
      status = context.fail(no_bridge_message(list.error(), name));
    }
  }
  return status;
}

int show_mac_table(const Context& context) {
  const std::string& bridge = context.words[0];
  const auto list = context.call({"fdb.list", {{"bridge", bridge}}});
  if (!list) {
    const bool other_device = list.error().code == ErrorCode::kNoSuchBridge && interface_exists(bridge);
    return context.fail(fmt::format("read of forward table failed: {}",
                                    other_device ? "Operation not supported" : reason(list.error())));
  }
  context.out << show_macs(list->at("entries"));
  return 0;
}

int show_spanning_tree(const Context& context) {
  const std::string& bridge = context.words[0];
  const auto list = context.call({"bridge.list", {{"names", json::array({bridge})}}});
  if (!list) return context.fail(no_bridge_message(list.error(), bridge));
  for (const json& found : list->at("bridges")) context.out << show_stp(found);
  return 0;
}

struct Action {
  std::string_view name;
  int (*run)(const Context& context);
};

/// In the order of kBrctlCommands.
constexpr std::array<Action, kBrctlCommands.size()> kActions = {{
    {"addbr", add_bridge},
    {"delbr", delete_bridge},
    {"addif", add_ports},
    {"delif", delete_ports},
    {"hairpin", set_hairpin},
    {"setageing", set_ageing},
    {"setbridgeprio", set_bridge_priority},
    {"setfd", set_forward_delay},
    {"sethello", set_hello_time},
    {"setmaxage", set_max_age},
    {"setpathcost", set_path_cost},
    {"setportprio", set_port_priority},
    {"show", show},
    {"showmacs", show_mac_table},
    {"showstp", show_spanning_tree},
    {"stp", set_stp},
}};
static_assert(std::ranges::equal(kActions, kBrctlCommands, {}, &Action::name, &BrctlCommand::name));

int run_command(const std::vector<std::string>& words, const CallDaemon& call, std::ostream& out, std::ostream& err) {
  const auto* const command = std::ranges::find(kBrctlCommands, words[0], &BrctlCommand::name);
  if (command == kBrctlCommands.end()) {
    err << fmt::format("never heard of command [{}]\n", words[0]);
    out << brctl_help();
    return 1;
  }
  const std::vector<std::string> arguments(words.begin() + 1, words.end());
  if (arguments.size() < command->argument_count) {
    out << brctl_usage(*command);
    return 1;
  }
  try {
    const auto index = static_cast<std::size_t>(command - kBrctlCommands.begin());
    return kActions[index].run({arguments, call, out, err});
  } catch (const json::exception&) {
    err << "the daemon's answer does not fit the request; is it another version?\n";
    return 1;
  }
}

}  // namespace

int run_brctl(std::vector<std::string> arguments, const CallDaemon& call, std::ostream& out, std::ostream& err) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  const auto count = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  constexpr std::array<option, 3> kOptions = {
      {{"help", no_argument, nullptr, 'h'}, {"version", no_argument, nullptr, 'V'}, {nullptr, 0, nullptr, 0}}};
  ::optind = 0;  // start anew
  for (;;) {
    const int letter =
        ::getopt_long(count, argv.data(), "Vh", kOptions.data(), nullptr);  // NOLINT(concurrency-mt-unsafe)
    if (letter == -1) break;
    if (letter == 'V') {
      out << "bridge-utils, 1.7\n";
      return 0;
    }
    if (letter != 'h') err << "Unknown option '?'\n";
    out << brctl_help();
    return letter == 'h' ? 0 : 1;
  }
  if (::optind >= count) {
    out << brctl_help();
    return 1;
  }
  const std::vector<std::string> words(argv.begin() + ::optind, argv.begin() + count);
  return run_command(words, call, out, err);
}

}  // namespace rb
