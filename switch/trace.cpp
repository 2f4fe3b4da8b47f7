// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/trace.hpp"

#include <array>
#include <utility>

#include "switch/explainer.hpp"
#include "switch/relay.hpp"
#include "switch/stages.hpp"

namespace rb {
namespace {

std::string_view cast_name(CastKind cast) {
  switch (cast) {
    case CastKind::kUnicast:
      return "unicast";
    case CastKind::kMulticast:
      return "multicast";
    case CastKind::kBroadcast:
      return "broadcast";
  }
  return "";
}

std::string tag_text(VlanTag tag) {
  const auto priority = priority_bits(tag);
  return std::string(tag >> 16 == kTpidService ? "802.1ad" : "802.1Q") + " VID " + std::to_string(vid_of(tag)) +
         ", PCP " + std::to_string(priority >> kPcpShift) + ((priority & kDeiBit) != 0 ? ", DEI" : "");
}

std::string text_of(DropReason why) {
  return std::string(drop_reason_name(why));
}

}  // namespace

void Explainer::held(PortIndex port, std::int64_t delay_ns) {
  say("hold", "held on " + name_of_(port) + " for " + std::to_string(delay_ns / 1000) + " us; then the frame goes on");
}

void Explainer::parsed(const Frame& frame, const MacAddress& source, const MacAddress& destination, CastKind cast) {
  if (std::exchange(parsed_, true)) return;
  say("parse", to_string(source) + " > " + to_string(destination) + ", " + std::string(cast_name(cast)) + ", " +
                   std::to_string(frame.size) + " octets" + (frame.vnet->gso_type != kGsoNone ? ", GSO" : ""));
}

void Explainer::classified(const Classified& found, const PortVlans& port, PortIndex ingress) {
  const std::string name = name_of_(ingress);
  const bool has_vid = vid_of(found.tag) != kNoVid;
  std::string how = found.tag == kUntagged ? "untagged" : has_vid ? "tagged" : "priority-tagged";
  if (found.tag != kUntagged) how += " (" + tag_text(found.tag) + ")";
  if (port.tunnel) how = "a customer's frame (" + name + " is a tunnel port)";
  if (found.refused == DropReason::kRunt) return say("vlan", "the frame ends within its tag");
  if (found.refused == DropReason::kFrameType) {
    return say("vlan", how + "; " + name + " admits only " +
                           (port.admit == AdmitFrames::kTaggedOnly ? "tagged" : "untagged") + " frames");
  }
  if (found.refused == DropReason::kNoPvid) return say("vlan", how + "; " + name + " has no PVID");
  if (found.refused == DropReason::kInvalidVid) return say("vlan", how + "; VID 4095 is reserved");
  const std::string vlan = "VLAN " + std::to_string(found.vid);
  std::string why = !has_vid || port.tunnel ? "the PVID of " + name : "by its tag";
  if (has_vid && found.vid != vid_of(found.tag)) {
    why = found.vid == kNoVid ? "which " + name + " does not translate"
                              : "to which " + name + " translates VID " + std::to_string(vid_of(found.tag));
  }
  say("vlan", how + ": " + vlan + ", " + why);
  if (found.refused == DropReason::kVlanIngress)
    say("vlan", name + " is not a member of " + vlan + " (ingress filtering)");
}

void Explainer::punted(PuntKind kind) {
  trace_.drop = DropReason::kPunted;
  switch (kind) {
    case PuntKind::kBpdu:
      return say("admit", "a BPDU: goes to the spanning tree of the bridge, and no further");
    case PuntKind::kLoopProbe:
      return say("admit", "a loop probe: goes to the loop detection of the bridge, and no further");
  }
}

void Explainer::filters_bpdus(PortIndex ingress) {
  say("admit", "a BPDU, which " + name_of_(ingress) + " filters");
}

void Explainer::blocked(PortIndex ingress, PortGate gate) {
  say("admit",
      name_of_(ingress) + (gate == PortGate::kLearning ? " is learning: it knows its stations, but lets no frame in yet"
                                                       : " is discarding: it lets no frame in"));
}

void Explainer::admitted(const Frame& frame) {
  say("admit", "admitted on " + name_of_(frame.ingress));
}

void Explainer::reserved_group_forwarded(unsigned last_digit, std::uint16_t group_fwd_mask) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::string group = std::string("01:80:c2:00:00:0") + kHex[last_digit];
  say("admit", last_digit == 0
                   ? group + " is flooded: no spanning tree runs on the bridge"
                   : group + " is forwarded: its bit is set in group_fwd_mask " + std::to_string(group_fwd_mask & ~1U));
}

void Explainer::would_learn(const FdbKey& source, const FdbHit& known, PortIndex ingress) {
  const std::string mac = to_string(source.mac());
  if (!known.found()) {
    say("learn", mac + " is new: would be entered behind " + name_of_(ingress));
  } else if (known.port == ingress) {
    say("learn", mac + " is known behind " + name_of_(ingress) + " (" + std::string(fdb_kind_name(known.kind)) + ")");
  } else if (known.kind == FdbKind::kDynamic) {
    say("learn", mac + " would move from " + name_of_(known.port) + " to " + name_of_(ingress));
  } else {
    say("learn",
        mac + " stays behind " + name_of_(known.port) + ": the entry is " + std::string(fdb_kind_name(known.kind)));
  }
}

void Explainer::does_not_learn(std::string why) {
  say("learn", "does not learn: " + std::move(why));
}

void Explainer::looked_up(const FdbKey& destination, const FdbHit& hit) {
  const std::string mac = to_string(destination.mac());
  say("look_up",
      hit.found() ? mac + " is behind " + name_of_(hit.port) + " (" + std::string(fdb_kind_name(hit.kind)) + " entry)"
                  : mac + " is not in the FDB");
}

void Explainer::sends(PortIndex port, bool hairpin) {
  say("decide", "forwards to " + name_of_(port) + (hairpin ? " (hairpin is on)" : ""));
}

void Explainer::floods(CastKind cast, Vid vid, std::size_t port_count) {
  const std::string what = std::string(cast == CastKind::kUnicast ? "unknown " : "") + std::string(cast_name(cast));
  say("decide", vid == kNoVid ? "floods as " + what + "; forwarding ports that take it: " + std::to_string(port_count)
                              : "floods in VLAN " + std::to_string(vid) + " as " + what +
                                    "; ports that are members: " + std::to_string(port_count));
}

void Explainer::leaves(PortIndex port, VlanTag came, VlanTag tag) {
  if (came == tag)
    return say("tag", "to " + name_of_(port) + (tag == kUntagged ? " untagged" : " with its tag") + " as it came");
  if (tag == kUntagged) return say("tag", "to " + name_of_(port) + " untagged: the tag is taken off");
  say("tag", "to " + name_of_(port) + (came == kUntagged ? " tagged " : " with the tag changed to ") + tag_text(tag));
}

void Explainer::skips(PortIndex port, DropReason why) {
  say("decide", "not to " + name_of_(port) + ": " + text_of(why));
}

void Explainer::copy_dropped(PortIndex port, DropReason why) {
  say("egress",
      "the copy to " + name_of_(port) + " is dropped: " + text_of(why) +
          (why == DropReason::kOverMtu ? ", its MTU is " + std::to_string(state_.port(port).mtu) : std::string()));
}

void Explainer::dropped(DropReason why) {
  trace_.drop = why;
  say("decide", "dropped: " + text_of(why));
}

Trace trace_frame(std::span<const std::byte> frame, const VnetHeader& vnet, PortIndex ingress,
                  const ForwardingState& state, Fdb& fdb, std::uint32_t now_s, const PortNamer& name_of,
                  TraceStages stages) {
  std::vector<std::byte> octets(frame.begin(), frame.end());
  VnetHeader header = vnet;
  Piece piece{octets.data(), static_cast<std::uint32_t>(octets.size())};
  const Frame view{&header, &piece, piece.size, 1, ingress};
  std::vector<PortCounters> counters(kMaxPorts + 1);
  EgressLists egress(kMaxPorts + 1);
  Trace trace;
  Explainer explainer(trace, state, name_of);
  VlanCounterTable vlan_counters;
  StageMemory unused;
  Stages own_stages(stages.memory != nullptr ? *stages.memory : unused, [&] { return stages.now_ns; });
  Relay relay(fdb, counters, vlan_counters, &own_stages, &explainer);
  relay.process({&view, 1}, state, now_s, egress);
  for (const PortIndex port : egress.ports()) {
    trace.steps.push_back({"egress", "leaves by " + name_of(port)});
    trace.egress.push_back(port);
  }
  return trace;
}

}  // namespace rb
