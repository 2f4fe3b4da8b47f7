// SPDX-License-Identifier: GPL-2.0-or-later
// Explainer: puts the relay's decisions about one frame into words. Used by trace_frame; forwarding has none.
#pragma once

#include <string>

#include "switch/classify.hpp"
#include "switch/counters.hpp"
#include "switch/punt.hpp"
#include "switch/trace.hpp"

namespace rb {

class Explainer {
 public:
  Explainer(Trace& trace, const ForwardingState& state, const PortNamer& name_of)
      : trace_(trace), state_(state), name_of_(name_of) {}

  /// A stage says what it decides; `stage` is a word for it.
  void says(const char* stage, std::string text) { say(stage, std::move(text)); }
  void held(PortIndex port, std::int64_t delay_ns);
  void parsed(const Frame& frame, const MacAddress& source, const MacAddress& destination, CastKind cast);
  void classified(const Classified& found, const PortVlans& port, PortIndex ingress);
  void punted(PuntKind kind);
  void filters_bpdus(PortIndex ingress);
  void admitted(const Frame& frame);
  void blocked(PortIndex ingress, PortGate gate);
  void reserved_group_forwarded(unsigned last_digit, std::uint16_t group_fwd_mask);
  void would_learn(const FdbKey& source, const FdbHit& known, PortIndex ingress);
  void does_not_learn(std::string why);
  void looked_up(const FdbKey& destination, const FdbHit& hit);
  void sends(PortIndex port, bool hairpin);
  void floods(CastKind cast, Vid vid, std::size_t port_count);
  void skips(PortIndex port, DropReason why);
  void leaves(PortIndex port, VlanTag came, VlanTag tag);
  void copy_dropped(PortIndex port, DropReason why);
  void dropped(DropReason why);

 private:
  void say(const char* stage, std::string text) { trace_.steps.push_back({stage, std::move(text)}); }

  Trace& trace_;
  const ForwardingState& state_;
  const PortNamer& name_of_;
  bool parsed_ = false;  // said already
};

}  // namespace rb
