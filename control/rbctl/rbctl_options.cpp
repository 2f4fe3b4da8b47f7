// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/rbctl_options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <sstream>

#include "control/base/socket_path.hpp"

namespace rb {
namespace {

namespace po = boost::program_options;

/// Options that belong to a command (addbr, trace) and travel among its words.
constexpr std::array<std::string_view, 2> kOptionsOfCommands = {"--no-host-port", "--in"};

constexpr std::string_view kCommandHelp = R"(Usage: rbctl [OPTIONS] COMMAND

Bridges and ports, as brctl says it:
  show [BRIDGE...]                     bridges and their ports
  addbr BRIDGE [--no-host-port]        make a bridge (and the host's interface of that name)
  delbr BRIDGE                         delete it; its host interface must be down
  addif BRIDGE DEVICE...               make devices ports of a bridge
  delif BRIDGE PORT...                 take ports out again
  showmacs BRIDGE                      the MAC table
  showstp BRIDGE                       spanning tree values
  hairpin BRIDGE PORT on|off           may frames leave by the port they came in by?
  setageing BRIDGE SECONDS             how long a silent station is remembered
  stp BRIDGE on|rstp|off               spanning tree: STP, RSTP or none
  setpathcost BRIDGE PORT COST, setportprio BRIDGE PORT PRIORITY,
  setbridgeprio BRIDGE PRIORITY, setfd|sethello|setmaxage BRIDGE SECONDS

A DEVICE is the name of a tap or another interface that exists, or one of these with options behind commas:
  tap:NAME      create  persistent  owner=USER  group=GROUP  queues=N  offload=on|off  netns=NAME|PATH|PID
  packet:NAME   offload=on|off  netns=NAME|PATH|PID      an interface as it stands, without the host's own stack
  vhost-user:PATH   name=NAME  server|client  offload=on|off  owner=USER  group=GROUP  mode=OCTAL
                a guest that shares its memory: QEMU's -netdev vhost-user
  stream:PATH|127.0.0.1:PORT|[::1]:PORT   name=NAME  server|client  framing=len32|len16  owner=USER  group=GROUP
                mode=OCTAL      QEMU's -netdev stream
  dgram:ADDRESS  peer=ADDRESS  name=NAME  owner=USER  group=GROUP  mode=OCTAL      QEMU's -netdev dgram
  listen:PATH   name=NAME  framing=len32|len16  max=N  owner=USER  group=GROUP  mode=OCTAL
                one socket for many; each that connects becomes a stream port

The MAC table and the ports, as iproute2's bridge says it:
  fdb show [br BRIDGE] [dev PORT] [vlan VID] [static|dynamic|local]
  fdb get MAC br BRIDGE [vlan VID]
  fdb add|replace MAC dev PORT [vlan VID] [static|dynamic|local]        static unless another kind is said
  fdb del MAC dev PORT [vlan VID]
  fdb flush [dev PORT] [br BRIDGE] [vlan VID] [static|dynamic|all]      dynamic unless another kind is said
  link show [dev PORT] [master BRIDGE]
  link set dev PORT [learning|flood|mcast_flood|bcast_flood|hairpin|isolated|locked on|off]...
                    [cost N|auto] [priority N] [state S]
  link set BRIDGE [forward lacp,dot1x,lldp|none] [group_fwd_mask N] [ageing SECONDS]
  link set BRIDGE vlan_filtering on|off [vlan_protocol 802.1Q|802.1ad] [vlan_default_pvid VID]
                    [vlan_learning shared|independent]
  link set dev PORT [admit all|tagged|untagged] [ingress_filtering on|off] [default_pcp N] [pcp_map N,N,N,N,N,N,N,N]
  vlan show [dev PORT] [vid VID]
  vlan add dev PORT vid VID[-VID] [pvid] [untagged]      PORT may be the bridge's own interface
  vlan del dev PORT vid VID[-VID]
  monitor [all|fdb|link|stp|loop]...   print what happens until interrupted

VLANs beyond that:
  port PORT mode access vid VID        in the words of a switch's console; the port's VLANs begin anew
  port PORT mode trunk|native-tagged|native-untagged vids VID[-VID],... [native VID]
  port PORT mode dot1q-tunnel vid VID
  vlan map add dev PORT vid VID to VLAN      VID on the wire of this port is VLAN inside
  vlan map del dev PORT vid VID
  vlan map show [dev PORT]
  vlan private dev BRIDGE vid VID primary|isolated of VID|community of VID|none
  vlan private show [dev BRIDGE]

Spanning tree beyond that:
  spanning-tree [BRIDGE]               roles, states, counters of every port, and what holds it back
  spanning-tree mcheck PORT            find out anew whether the bridges behind it speak RSTP
  link set dev PORT [guard|root_block|loop_guard|bpdu_filter|restricted_tcn on|off]... [edge|p2p auto|on|off]...
  link set BRIDGE loop_guard off|report|block [loop_probe SECONDS|off] [loop_hold SECONDS]
                                       loops: say nothing, say so, or close the port that a probe came back by
  link set BRIDGE path_cost short|long      costs that nobody has set: the kernel's, or 20,000,000 / Mbit/s

Looking closer:
  stats [dev PORT] [br BRIDGE]         frames, bytes and drops; 'stats clear [dev PORT]' starts them at zero
  trace BRIDGE --in PORT FRAME         what the switch would do with a frame, and why; FRAME is hex, or
                                       src MAC dst MAC [type 0x0800] [vlan VID] [size OCTETS]
  info                                 the daemon itself
  dump                                 commands that make what is there, for ringbridged --config

Taps, as 'ip tuntap' makes them:
  tap add NAME [user USER] [group GROUP] [multi_queue]
  tap del NAME

)";

constexpr std::string_view kExamples = R"(
Examples:
  rbctl addbr br0
  rbctl addif br0 tap0 tap:tap1,create,netns=blue
  rbctl -s fdb show br br0
  rbctl trace br0 --in tap0 src 02:00:00:00:00:01 dst ff:ff:ff:ff:ff:ff

Called by the name brctl, it behaves exactly as bridge-utils' brctl.
)";

po::options_description described_options(RbctlOptions& options) {
  po::options_description description("Options");
  auto add = description.add_options();
  add("socket", po::value(&options.socket)->value_name("PATH"),
      "the daemon's socket (default: RINGBRIDGE_SOCKET, or /run/ringbridge/control.sock)");
  add("json,j", po::bool_switch(&options.output.json), "print JSON");
  add("pretty,p", po::bool_switch(&options.output.pretty), "with --json: one value a line");
  add("statistics,s", po::bool_switch(&options.output.statistics),
      "fdb: when an entry was used and updated; vlan: frames and bytes");
  add("compressvlans,c", po::bool_switch(&options.output.compress), "vlan: ranges");
  add("batch,b", po::value(&options.batch)->value_name("FILE"), "carry out a file of commands, - for standard input");
  add("force", po::bool_switch(&options.force), "with --batch: go on behind a command that fails");
  add("details,d", po::bool_switch(&options.output.details), "link: the flags of each port");
  add("help,h", po::bool_switch(&options.help), "print this help");
  add("version,V", po::bool_switch(&options.version), "print the version");
  return description;
}

/// iproute2's options have long names behind one dash: -batch is --batch here, but -js is -j -s.
std::vector<std::string> with_two_dashes(std::vector<std::string> arguments) {
  constexpr std::array<std::string_view, 6> kNames = {"batch", "force", "json", "pretty", "details", "compressvlans"};
  for (std::string& argument : arguments) {
    if (argument == "-statistics" || argument == "-stats") argument = "--statistics";
    if (argument.starts_with('-') && std::ranges::find(kNames, argument.substr(1)) != kNames.end())
      argument.insert(0, 1, '-');
  }
  return arguments;
}

}  // namespace

std::string default_socket_path() {
  const char* const path = std::getenv("RINGBRIDGE_SOCKET");  // NOLINT(concurrency-mt-unsafe): before any thread
  return path != nullptr && *path != '\0' ? path : kDefaultSocketPath;
}

Result<RbctlOptions> parse_rbctl_options(const std::vector<std::string>& arguments) {
  RbctlOptions options;
  options.socket = default_socket_path();
  const po::options_description description = described_options(options);
  // Abbreviated options are not guessed: a command's own word must never be taken for one.
  constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    const po::parsed_options parsed = po::command_line_parser(with_two_dashes(arguments))
                                          .options(description)
                                          .style(kStyle)
                                          .allow_unregistered()
                                          .run();
    po::variables_map values;
    po::store(parsed, values);
    po::notify(values);
    options.words = po::collect_unrecognized(parsed.options, po::include_positional);
  } catch (const po::error& error) {
    return fail(ErrorCode::kInvalidArgument, error.what());
  }
  for (const std::string& word : options.words) {
    if (word.starts_with("--") && std::ranges::find(kOptionsOfCommands, word) == kOptionsOfCommands.end()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("unknown option '{}'; 'rbctl --help' lists them", word));
    }
  }
  return options;
}

std::string rbctl_help() {
  RbctlOptions unused;
  std::ostringstream out;
  out << kCommandHelp << described_options(unused) << kExamples;
  return out.str();
}

}  // namespace rb
