// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/loop_guard.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "control/base/random_number.hpp"
#include "switch/loop_probe.hpp"

namespace rb {
namespace {

/// The same is said again after so long, if it goes on.
constexpr std::chrono::seconds kLoopSilence{30};

std::chrono::steady_clock::duration seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

/// Whether an untagged frame that leaves by one port and comes in by another is of one VLAN.
bool in_one_vlan(const ModelBridge& bridge, const ModelPort& left_by, const ModelPort& came_by) {
  const Vid vid = came_by.vlans.pvid;
  return !bridge.vlans.filtering || (vid != kNoVid && left_by.vlans.untagged.test(vid));
}

}  // namespace

LoopGuard::LoopGuard(EventLoop& loop, SwitchModel& model, Tell tell)
    : model_(model), tell_(std::move(tell)), timer_(loop, [this] { tick(); }) {}

const ModelBridge* LoopGuard::guarded_bridge(const ModelPort& port) const {
  const ModelBridge* bridge = model_.bridge_at(port.bridge);
  return bridge != nullptr && bridge->settings.loop.action != LoopAction::kOff ? bridge : nullptr;
}

void LoopGuard::station_moved(const EngineEvent& move) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch());
  const std::optional<Flap> flap = flaps_.moved(FdbKey::of(move.mac, move.fid), move.previous, move.port, now.count());
  if (!flap) return;
  const ModelPort* low = model_.port_at(flap->low);
  const ModelPort* high = model_.port_at(flap->high);
  if (low == nullptr || high == nullptr) return;
  const ModelBridge* bridge = guarded_bridge(*low);
  if (bridge == nullptr) return;
  const std::string station = to_string(flap->station.mac());
  model_.notices().add(
      fmt::format("bridge {}: station {} is heard behind {} and {} in turn; is there a loop between them?",
                  bridge->name, station, low->name, high->name));
  nlohmann::json event = {{"kind", "loop"},         {"event", "flapping"},
                          {"bridge", bridge->name}, {"ports", {low->name, high->name}},
                          {"mac", station},         {"moves", flap->moves}};
  if (const Vid vid = model_.vlans().vid_of_fid(flap->station.fid()); vid != kNoVid) event["vlan"] = vid;
  tell_(event);
}

void LoopGuard::frame_came(const PuntedFrame& frame) {
  const std::optional<LoopProbe> probe = decode_loop_probe(frame.octets);
  if (!probe) return;
  const auto keys = keys_.find(probe->port);
  if (keys == keys_.end() || (probe->key != keys->second.last && probe->key != keys->second.last_but_one)) return;
  const ModelPort* left_by = model_.port_at(probe->port);
  const ModelPort* came_by = model_.port_at(frame.port);
  if (left_by == nullptr || came_by == nullptr || left_by->bridge != came_by->bridge) return;
  const ModelBridge* bridge = guarded_bridge(*came_by);
  if (bridge == nullptr || !model_.forwards(*left_by) || !model_.forwards(*came_by) ||
      !in_one_vlan(*bridge, *left_by, *came_by))
    return;
  // The host's own way into the switch is told of, and never closed.
  const bool closes = bridge->settings.loop.action == LoopAction::kBlock && !came_by->host;
  tell_of_probe(*bridge, *left_by, *came_by, closes);
  if (!closes) return;
  closed_until_[came_by->index] = Clock::now() + seconds(bridge->settings.loop.hold_s);
  model_.set_loop_closed(came_by->index, true);
  start_timer();
}

void LoopGuard::tell_of_probe(const ModelBridge& bridge, const ModelPort& left_by, const ModelPort& came_by,
                              bool closes) {
  const Clock::time_point now = Clock::now();
  const auto told = told_.find(came_by.index);
  if (!closes && told != told_.end() && now - told->second < kLoopSilence) return;
  told_[came_by.index] = now;
  std::string text =
      fmt::format("bridge {}: what leaves by {} comes in by {}: a loop", bridge.name, left_by.name, came_by.name);
  nlohmann::json event = {{"kind", "loop"},
                          {"event", closes ? "closed" : "found"},
                          {"bridge", bridge.name},
                          {"ports", {left_by.name, came_by.name}}};
  if (closes) {
    text += fmt::format("; {} is closed for {} s", came_by.name, bridge.settings.loop.hold_s);
    event["closed_s"] = bridge.settings.loop.hold_s;
  }
  model_.notices().add(std::move(text));
  tell_(event);
}

void LoopGuard::model_changed(const ModelEvent& event) {
  if (event.kind == ModelEvent::Kind::kBridge) settings_changed();
  if (event.kind == ModelEvent::Kind::kPort && event.what == "delete") forget(event.port->index);
}

void LoopGuard::settings_changed() {
  const Clock::time_point now = Clock::now();
  bool watches = false;
  std::map<BridgeIndex, Clock::time_point> next;
  for (const ModelBridge* bridge : model_.bridges()) {
    const LoopSettings& settings = bridge->settings.loop;
    watches = watches || settings.action != LoopAction::kOff;
    if (settings.sends_probes()) {
      const auto before = next_probe_.find(bridge->index);
      next[bridge->index] =
          before == next_probe_.end() ? now : std::min(before->second, now + seconds(settings.probe_s));
    }
    if (settings.action == LoopAction::kBlock) continue;
    for (auto& [index, until] : closed_until_) {
      if (const ModelPort* port = model_.port_at(index); port != nullptr && port->bridge == bridge->index) until = now;
    }
  }
  next_probe_ = std::move(next);
  model_.engine().want_move_events(watches);
  start_timer();
}

void LoopGuard::forget(PortIndex port) {
  flaps_.forget(port);
  keys_.erase(port);
  closed_until_.erase(port);
  told_.erase(port);
}

void LoopGuard::tick() {
  const Clock::time_point now = Clock::now();
  reopen_due(now);
  for (auto& [index, when] : next_probe_) {
    if (when > now) continue;
    const ModelBridge& bridge = *model_.bridge_at(index);
    when = now + seconds(bridge.settings.loop.probe_s);
    probe(bridge);
  }
  start_timer();
}

void LoopGuard::reopen_due(Clock::time_point now) {
  std::vector<PortIndex> due;
  for (const auto& [index, until] : closed_until_) {
    if (until <= now) due.push_back(index);
  }
  for (const PortIndex index : due) {
    closed_until_.erase(index);
    model_.set_loop_closed(index, false);
    const ModelPort& port = *model_.port_at(index);
    tell_({{"kind", "loop"},
           {"event", "reopened"},
           {"bridge", model_.bridge_at(port.bridge)->name},
           {"ports", {port.name}}});
  }
}

void LoopGuard::probe(const ModelBridge& bridge) {
  for (const ModelPort* port : bridge.port_list(WithHost::kNo)) {
    if (!model_.forwards(*port)) continue;
    Keys& keys = keys_[port->index];
    keys = {.last = random_number(), .last_but_one = keys.last};
    model_.engine().send(port->index, encode({.sender = bridge.probe_sender, .port = port->index, .key = keys.last},
                                             model_.trees().source_of(*port)));
  }
}

void LoopGuard::start_timer() {
  std::optional<Clock::time_point> next;
  const auto consider = [&](Clock::time_point when) { next = std::min(next.value_or(when), when); };
  for (const auto& [index, when] : closed_until_) consider(when);
  for (const auto& [index, when] : next_probe_) consider(when);
  if (!next) return timer_.stop();
  // A timer of 0 would never expire.
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
  timer_.start_once(std::max(wait, std::chrono::milliseconds{1}));
}

}  // namespace rb
