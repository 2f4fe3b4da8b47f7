#include "control/config_dump.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/model_json.hpp"

namespace rb {
namespace {

/// As split_words() reads it back.
std::string quoted(const std::string& word) {
  if (word.find_first_of(" '\"#") == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) c == '\'' ? text += "'\"'\"'" : text += c;  // out of the quotes, in the others, back in
  return text + "'";
}

std::string spec_of(const ModelPort& port) {
  const TapOptions& tap = port.spec.tap;
  std::string text = "tap:" + tap.name;
  if (tap.create) text += ",create";
  if (tap.persistent) text += ",persistent";
  if (tap.owner) text += fmt::format(",owner={}", *tap.owner);
  if (tap.group) text += fmt::format(",group={}", *tap.group);
  if (tap.queue_count > 1) text += fmt::format(",queues={}", tap.queue_count);
  if (!tap.offload) text += ",offload=off";
  if (!port.spec.netns_label.empty()) text += ",netns=" + port.spec.netns_label;
  return text == "tap:" + tap.name ? tap.name : text;
}

void dump_bridge(const ModelBridge& bridge, std::vector<std::string>& lines) {
  const BridgeSettings usual, &settings = bridge.settings;
  const std::string name = quoted(bridge.name);
  lines.push_back(fmt::format("addbr {}{}", name, bridge.wants_host_port ? "" : " --no-host-port"));
  if (settings.ageing_s != usual.ageing_s) lines.push_back(fmt::format("setageing {} {}", name, settings.ageing_s));
  if (settings.priority != usual.priority) lines.push_back(fmt::format("setbridgeprio {} {}", name, settings.priority));
  if (settings.forward_delay_s != usual.forward_delay_s)
    lines.push_back(fmt::format("setfd {} {}", name, settings.forward_delay_s));
  if (settings.hello_s != usual.hello_s) lines.push_back(fmt::format("sethello {} {}", name, settings.hello_s));
  if (settings.max_age_s != usual.max_age_s) lines.push_back(fmt::format("setmaxage {} {}", name, settings.max_age_s));
  if (settings.group_fwd_mask != 0)
    lines.push_back(
        fmt::format("link set {} forward {}", name, fmt::join(group_fwd_names(settings.group_fwd_mask), ",")));
}

void dump_port_settings(const ModelPort& port, const PortSettings& usual, std::vector<std::string>& lines) {
  const PortSettings& settings = port.settings;
  std::string changes;
  for (const PortFlag& flag : port_flags()) {
    if (settings.*flag.member != usual.*flag.member)
      changes += fmt::format(" {} {}", flag.name, settings.*flag.member ? "on" : "off");
  }
  if (settings.cost != usual.cost) changes += fmt::format(" cost {}", settings.cost);
  if (settings.priority != usual.priority) changes += fmt::format(" priority {}", settings.priority);
  if (settings.state != usual.state) changes += fmt::format(" state {}", static_cast<int>(settings.state));
  if (!changes.empty()) lines.push_back(fmt::format("link set dev {}{}", quoted(port.name), changes));
}

void dump_port(const ModelBridge& bridge, const ModelPort& port, std::vector<std::string>& lines) {
  lines.push_back(fmt::format("addif {} {}", quoted(bridge.name), quoted(spec_of(port))));
  dump_port_settings(port, PortSettings{}, lines);
}

/// Entered by hand: neither learned nor the address of a bridge's own interface.
bool is_configured(const FdbEntry& entry, const ModelPort& port, const ModelBridge& bridge) {
  const bool own = port.host && entry.kind == FdbKind::kLocal && entry.mac == bridge.address();
  return entry.kind != FdbKind::kDynamic && !own;
}

}  // namespace

std::vector<std::string> dump_configuration(SwitchModel& model) {
  std::vector<std::string> lines;
  for (const ModelBridge* bridge : model.bridges()) {
    dump_bridge(*bridge, lines);
    if (bridge->host_port != nullptr) dump_port_settings(*bridge->host_port, host_port_settings(), lines);
    std::vector<const ModelPort*> ports = model.ports_of(*bridge, SwitchModel::WithHost::kNo);
    // In the order of their numbers, so that each gets the same one again.
    std::ranges::sort(ports, {}, [](const ModelPort* port) { return port->number; });
    for (const ModelPort* port : ports) dump_port(*bridge, *port, lines);
  }
  std::vector<FdbEntry> entries;
  model.engine().fdb().for_each(model.engine().now_s(), [&](const FdbEntry& entry) {
    const ModelPort* port = model.port_at(entry.port);
    const ModelBridge* bridge = model.bridge_of_fid(entry.fid);
    if (port != nullptr && bridge != nullptr && is_configured(entry, *port, *bridge)) entries.push_back(entry);
  });
  std::ranges::sort(entries, {}, [](const FdbEntry& entry) { return std::pair(entry.fid, entry.mac); });
  for (const FdbEntry& entry : entries) {
    lines.push_back(fmt::format("fdb add {} dev {} {}", to_string(entry.mac), quoted(model.port_at(entry.port)->name),
                                fdb_kind_name(entry.kind)));
  }
  return lines;
}

}  // namespace rb
