// SPDX-License-Identifier: GPL-2.0-or-later
// ringbridged: the switch. Reads its options and runs the daemon.
#include <fmt/format.h>
#include <grp.h>

#include <boost/program_options.hpp>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "control/base/log.hpp"
#include "control/base/socket_path.hpp"
#include "control/daemon/daemon.hpp"

namespace {

namespace po = boost::program_options;

constexpr const char* kIntroduction =
    "Usage: ringbridged [options]\n"
    "\n"
    "An Ethernet switch in userspace. It runs in the foreground, without a configuration file, and is told by rbctl\n"
    "what to do:\n"
    "\n"
    "  ringbridged &\n"
    "  rbctl addbr br0                                # a bridge, and the host's own interface br0\n"
    "  rbctl addif br0 tap0                           # an existing tap\n"
    "  rbctl addif br0 tap:tap1,create,netns=blue     # a tap made here, in a network namespace\n"
    "  rbctl showmacs br0\n"
    "\n"
    "As root it can make taps and enter namespaces; an ordinary user can run it on taps of their own.\n";

po::options_description described() {
  const char* from_environment = std::getenv("RINGBRIDGE_SOCKET");
  po::options_description options("Options");
  options.add_options()  //
      ("socket",
       po::value<std::string>()->default_value(from_environment != nullptr ? from_environment : rb::kDefaultSocketPath),
       "where rbctl finds the switch; also by the environment variable RINGBRIDGE_SOCKET")                            //
      ("group", po::value<std::string>(), "members of this group may change the switch, besides root and this user")  //
      ("read-group", po::value<std::string>(), "members of this group may look at everything")                        //
      ("read-all", "everybody may look at everything")                                                                //
      ("workers", po::value<unsigned>()->default_value(1),
       "forwarding threads, each with one queue of every multi-queue tap (1 to 64)")(
          "fdb-size", po::value<std::size_t>()->default_value(65536),
          "stations that the filtering database holds, over all bridges (64 to 16777216)")(
          "config", po::value<std::string>(),
          "a file of rbctl commands, carried out whole or not at all ('rbctl dump' prints one)")(
          "no-host-port", "bridges get no interface of their own on this host")                                //
      ("without", po::value<std::string>(), "behave as on a kernel that lacks these, for tests: nowait, uso")  //
      ("log-level", po::value<std::string>()->default_value("info"),
       "the least severe messages that are written: error, warning, notice, info or debug")  //
      ("help,h", "this text")                                                                //
      ("version,V", "the version");
  return options;
}

int complain(const std::string& message) {
  rb::log_message(rb::LogLevel::kError, message);
  return EXIT_FAILURE;
}

std::optional<gid_t> group_of(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0) return std::nullopt;
  const std::string name = values[option].as<std::string>();
  const group* entry = getgrnam(name.c_str());
  if (entry == nullptr) throw po::error(fmt::format("--{}: there is no group '{}'", option, name));
  return entry->gr_gid;
}

rb::DaemonOptions options_of(const po::variables_map& values) {
  rb::DaemonOptions options;
  options.socket_path = values["socket"].as<std::string>();
  options.engine.worker_count = values["workers"].as<unsigned>();
  options.engine.fdb_capacity = values["fdb-size"].as<std::size_t>();
  options.access.change_group = group_of(values, "group");
  options.access.read_group = group_of(values, "read-group");
  options.access.read_all = values.count("read-all") != 0;
  options.host_ports = values.count("no-host-port") == 0;
  if (values.count("config") != 0) options.config_file = values["config"].as<std::string>();
  if (options.engine.worker_count < 1 || options.engine.worker_count > 64) throw po::error("--workers can be 1 to 64");
  if (options.engine.fdb_capacity < 64 || options.engine.fdb_capacity > 16777216)
    throw po::error("--fdb-size can be 64 to 16777216");
  if (values.count("without") != 0) {
    std::istringstream list(values["without"].as<std::string>());
    for (std::string feature; std::getline(list, feature, ',');) {
      if (feature == "nowait") {
        options.engine.without_nowait = true;
      } else if (feature == "uso") {
        options.allow_uso = false;
      } else {
        throw po::error(fmt::format("--without: '{}' is not known; nowait and uso are", feature));
      }
    }
  }
  return options;
}

rb::LogLevel log_level_of(const po::variables_map& values) {
  const std::string name = values["log-level"].as<std::string>();
  if (const std::optional<rb::LogLevel> level = rb::find_log_level(name)) return *level;
  throw po::error(
      fmt::format("--log-level: '{}' is no level; the levels are {}", name, fmt::join(rb::kLogLevelNames, ", ")));
}

}  // namespace

int main(int argc, char** argv) {
  const po::options_description options = described();
  po::variables_map values;
  rb::DaemonOptions daemon;
  try {
    po::store(po::command_line_parser(argc, argv).options(options).positional({}).run(), values);
    po::notify(values);
    if (values.count("help") != 0) {
      std::cout << kIntroduction << '\n' << options;
      return EXIT_SUCCESS;
    }
    if (values.count("version") != 0) {
      std::cout << "ringbridged " RB_VERSION "\n";
      return EXIT_SUCCESS;
    }
    daemon = options_of(values);
    rb::daemon_log().set_level(log_level_of(values));
  } catch (const po::error& error) {
    return complain(fmt::format("{}; 'ringbridged --help' lists the options", error.what()));
  }
  const rb::Result<> result = rb::run_daemon(daemon);
  return result ? EXIT_SUCCESS : complain(result.error().message);
}
