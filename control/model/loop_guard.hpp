// SPDX-License-Identifier: GPL-2.0-or-later
// LoopGuard: tells of loops between switches where no spanning tree breaks them, and breaks them itself where it may.
//
// How it works. There are two signs of a loop.
//   1. Stations that are learned behind two ports in turn (switch/flap_detector.hpp). Workers tell of such moves, some
//      of them, so this costs nothing while nothing moves. It is a hint: a port can forge it. So it is reported, no
//      more.
//   2. A probe of the bridge's own that comes in again (switch/loop_probe.hpp). Each port of a bridge with `loop_probe`
//      sends one so often, with a random key that nobody knows but who has heard it. That proves a way from the one
//      port to the other, and where the bridge says `loop_guard block`, the port by which it came in is closed for a
//      time: nothing but BPDUs and probes passes. Whoever repeats a probe has the port closed that leads to him, be it
//      an uplink: so blocking is not for networks in which somebody behind it is not trusted. Of two ports that hear
//      each other only the first is closed, for then there is no loop any more.
// Probes are sent by forwarding ports and count at forwarding ports alone: what spanning tree has blocked is no loop.
// They carry no tag, so on a VLAN-aware bridge they count where they come in by the VLAN that they left by. The
// bridge's own port neither sends them nor is ever closed.
//
// Control thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "control/base/event_loop.hpp"
#include "control/model/switch_model.hpp"
#include "switch/flap_detector.hpp"

namespace rb {

class LoopGuard {
 public:
  /// Gets an event of kind "loop", for who watches.
  using Tell = std::function<void(const nlohmann::json& event)>;
  /// All outlive this.
  LoopGuard(EventLoop& loop, SwitchModel& model, Tell tell);

  /// A worker has told that a station moved.
  void station_moved(const EngineEvent& move);
  /// A frame was punted that may be a probe.
  void frame_came(const PuntedFrame& frame);
  /// A bridge or port has been changed, made or deleted.
  void model_changed(const ModelEvent& event);

 private:
  using Clock = std::chrono::steady_clock;
  /// The last two keys that a port has sent: the last but one may be on its way still.
  struct Keys {
    std::uint64_t last = 0, last_but_one = 0;
  };
  void settings_changed();
  void forget(PortIndex port);
  [[nodiscard]] const ModelBridge* guarded_bridge(const ModelPort& port) const;
  void tick();
  void reopen_due(Clock::time_point now);
  void probe(const ModelBridge& bridge);
  void tell_of_probe(const ModelBridge& bridge, const ModelPort& left_by, const ModelPort& came_by, bool closes);
  void start_timer();

  SwitchModel& model_;
  Tell tell_;
  FlapDetector flaps_;
  std::uint64_t sender_;                                 // this switch
  std::map<BridgeIndex, Clock::time_point> next_probe_;  // of bridges that send them
  std::map<PortIndex, Keys> keys_;
  std::map<PortIndex, Clock::time_point> closed_until_;
  std::map<PortIndex, Clock::time_point> told_;  // when it was said that a probe came in by this port
  Timer timer_;
};

}  // namespace rb
