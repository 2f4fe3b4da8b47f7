// SPDX-License-Identifier: GPL-2.0-or-later
// The part of SwitchModel that keeps VLANs: who is a member, which FID stands for which VLAN, what the relay gets.
#include <fmt/core.h>

#include <algorithm>

#include "control/model/switch_model.hpp"

namespace rb {

Fid SwitchModel::fid_of(const ModelBridge& bridge, Vid vid) const {
  if (vid == kNoVid || bridge.vlans.shared_learning) return bridge.fid;
  const auto found = bridge.fids.find(learning_vid(bridge.vlans, vid));
  return found == bridge.fids.end() ? Fid{0} : found->second;
}

Result<> SwitchModel::take_fids(ModelBridge& bridge, const VidSet& vids) {
  if (bridge.vlans.shared_learning) return {};
  std::vector<Vid> taken;
  bool enough = true;
  vids.for_each([&](Vid vid) {
    const Vid learning = learning_vid(bridge.vlans, vid);
    if (!enough || bridge.fids.contains(learning)) return;
    const std::optional<Fid> fid = fids_.take({bridge.index, learning});
    enough = fid.has_value();
    if (!enough) return;
    bridge.fids[learning] = *fid;
    taken.push_back(learning);
  });
  if (enough) return {};
  for (const Vid vid : taken) fids_.give_back(bridge.fids.extract(vid).mapped());
  return fail(ErrorCode::kTableFull,
              "there are as many VLANs over all bridges as can be told apart; use "
              "'link set BRIDGE vlan_learning shared', or fewer");
}

VidSet SwitchModel::member_vids(const ModelBridge& bridge) const {
  VidSet all;
  for (const ModelPort* port : port_by_index_) {
    if (port != nullptr && port->bridge == bridge.index) all |= port->vlans.members;
  }
  return all;
}

Result<> SwitchModel::set_bridge_vlans(const std::string& name, const BridgeVlanSettings& settings) {
  const Result<ModelBridge*> found = find_bridge(name);
  if (!found) return std::unexpected(found.error());
  ModelBridge& bridge = **found;
  const BridgeVlanSettings before = bridge.vlans;
  if (before == settings) return {};
  VidSet used = member_vids(bridge);
  if (settings.default_pvid != kNoVid && settings.default_pvid != before.default_pvid) used.set(settings.default_pvid);
  bridge.vlans = settings;
  Result<> ready = take_fids(bridge, used);
  if (ready) ready = carry_entries(bridge, before);
  if (!ready) {
    bridge.vlans = before;
    return ready;
  }
  for (auto& [port_name, port] : ports_) {
    if (port->bridge != bridge.index) continue;
    if (before.default_pvid != settings.default_pvid)
      change_default_pvid(port->vlans, before.default_pvid, settings.default_pvid);
    port->relay_vlans.reset();
    unsettled_ports_.insert(port->index);
  }
  bridge.vlans_stale = true;
  // What was learned by other rules would send frames astray.
  if (before.filtering != settings.filtering || before.shared_learning != settings.shared_learning ||
      before.private_vlans != settings.private_vlans) {
    bridge.forget_learned = true;
  }
  publish_soon();
  tell_change(ModelEvent::Kind::kBridge, bridge);
  return {};
}

Result<> SwitchModel::set_port_vlans(const std::string& name, const PortVlanSettings& settings) {
  const Result<ModelPort*> found = find_port(name);
  if (!found) return std::unexpected(found.error());
  ModelPort& port = **found;
  ModelBridge& bridge = *bridge_by_index_[port.bridge];
  VidSet joined = settings.members, left = port.vlans.members;
  joined -= port.vlans.members;
  left -= settings.members;
  if (Result<> taken = take_fids(bridge, joined); !taken) return taken;
  port.vlans = settings;
  port.relay_vlans.reset();
  bridge.vlans_stale = true;
  if (!left.empty()) unsettled_ports_.insert(port.index);
  publish_soon();
  tell_change(ModelEvent::Kind::kPort, bridge, &port);
  return {};
}

void SwitchModel::renew_relay_vlans(ModelBridge& bridge) {
  if (!std::exchange(bridge.vlans_stale, false)) return;
  const VidSet all = member_vids(bridge);
  const bool other_vids = bridge.vids != all;
  bridge.vids = all;
  bridge.relay_vlans.reset();
  retire_fids(bridge);
  if (!bridge.vlans.filtering) return;
  std::vector<BridgeVlans::Member> members;
  for (ModelPort* port : port_by_index_) {
    if (port == nullptr || port->bridge != bridge.index) continue;
    if (other_vids && !port->vlans.ingress_filtering) port->relay_vlans.reset();
    if (port->relay_vlans == nullptr) {
      auto vlans = std::make_shared<PortVlans>(relay_vlans(port->vlans, bridge.vlans, all));
      VidSet counted = vlans->ingress;
      counted |= vlans->egress;
      engine_.count_vlans(port->index, counted);
      port->relay_vlans = std::move(vlans);
    }
    members.push_back({port->index, port->relay_vlans.get()});
  }
  std::array<Fid, kVidCount> fids{};
  all.for_each([&](Vid vid) { fids[vid] = fid_of(bridge, vid); });
  bridge.relay_vlans = std::make_shared<BridgeVlans>(bridge.vlans.tpid, fids, members);
}

/// FIDs of VLANs that no port is a member of any more, or that learn together now; free after the next publication.
void SwitchModel::retire_fids(ModelBridge& bridge) {
  VidSet learning;
  if (!bridge.vlans.shared_learning)
    bridge.vids.for_each([&](Vid vid) { learning.set(learning_vid(bridge.vlans, vid)); });
  std::erase_if(bridge.fids, [&](const auto& entry) {
    if (learning.test(entry.first)) return false;
    retired_fids_.push_back(entry.second);
    return true;
  });
}

VidSet SwitchModel::learning_vids(const ModelPort& port) const {
  const ModelBridge& bridge = *bridge_by_index_[port.bridge];
  VidSet learning;
  port.vlans.members.for_each([&](Vid vid) { learning.set(learning_vid(bridge.vlans, vid)); });
  return learning;
}

/// Entries made by hand follow their VLAN to the FID under which it learns from now on. Before anything is published.
Result<> SwitchModel::carry_entries(const ModelBridge& bridge, const BridgeVlanSettings& before) {
  Fdb& fdb = engine_.fdb();
  std::vector<FdbEntry> made;
  fdb.for_each(engine_.now_s(), [&](const FdbEntry& entry) {
    const bool own = entry.kind == FdbKind::kLocal && entry.mac == bridge.local_address;
    if (entry.kind == FdbKind::kDynamic || own || fids_.owner(entry.fid).bridge != bridge.index) return;
    const Vid vid = fids_.owner(entry.fid).vid;
    const ModelPort* port = port_at(entry.port);
    if (port == nullptr) return;
    // Where one FID stood for all VLANs, it may have been meant for any that its port is in.
    port->vlans.members.for_each([&](Vid member) {
      const Fid fid = fid_of(bridge, member);
      const bool was_its = before.shared_learning ? vid == kNoVid : vid == learning_vid(before, member);
      if (was_its && fid != entry.fid) made.push_back({entry.mac, fid, entry.port, entry.kind, 0});
    });
  });
  for (std::size_t i = 0; i < made.size(); ++i) {
    const Result<> added = fdb.add(FdbKey::of(made[i].mac, made[i].fid), made[i].port, made[i].kind,
                                   Fdb::IfExists::kReplace, engine_.now_s());
    if (added) continue;
    while (i-- > 0) (void)fdb.remove(FdbKey::of(made[i].mac, made[i].fid));
    return added;
  }
  return {};
}

void SwitchModel::settle_vlans() {
  for (auto& [name, bridge] : bridges_) {
    if (!std::exchange(bridge->forget_learned, false)) continue;
    engine_.fdb().flush_fid(bridge->fid);
    for (const auto& [vid, fid] : bridge->fids) engine_.fdb().flush_fid(fid);
  }
  if (!unsettled_ports_.empty() || !retired_fids_.empty()) {
    std::ranges::sort(retired_fids_);
    std::map<PortIndex, VidSet> learning;
    for (const PortIndex index : unsettled_ports_) {
      if (const ModelPort* port = port_at(index); port != nullptr) learning[index] = learning_vids(*port);
    }
    engine_.fdb().remove_if(
        [&](const FdbEntry& entry) {
          if (std::ranges::binary_search(retired_fids_, entry.fid)) return true;
          const auto port = learning.find(entry.port);
          if (port == learning.end()) return false;
          const FidTable::Owner owner = fids_.owner(entry.fid);
          // Where all VLANs share one FID, what was entered by hand may be meant for another.
          if (owner.vid == kNoVid) return entry.kind == FdbKind::kDynamic;
          const ModelBridge* bridge = bridge_at(owner.bridge);
          const bool own = bridge != nullptr && entry.kind == FdbKind::kLocal && entry.mac == bridge->local_address;
          return !own && !port->second.test(owner.vid);
        },
        engine_.now_s());
    for (const Fid fid : retired_fids_) fids_.give_back(fid);
    retired_fids_.clear();
    unsettled_ports_.clear();
  }
}

/// The bridge's own address is known in each VLAN that its own port is a member of, and outside of VLANs.
std::vector<Fid> SwitchModel::own_fids(const ModelBridge& bridge) const {
  std::vector<Fid> fids = {bridge.fid};
  if (bridge.vlans.filtering && !bridge.vlans.shared_learning)
    learning_vids(*bridge.host_port).for_each([&](Vid vid) { fids.push_back(fid_of(bridge, vid)); });
  std::ranges::sort(fids);
  return fids;
}

/// Before a publication: whatever the workers are about to look up is there.
void SwitchModel::enter_own_addresses() {
  for (auto& [name, bridge] : bridges_) {
    if (bridge->host_port == nullptr) continue;
    const bool moved = bridge->address() != bridge->local_address;
    for (const Fid fid : own_fids(*bridge)) {
      if (!moved && std::ranges::binary_search(bridge->local_fids, fid)) continue;
      const Result<> added = engine_.fdb().add(FdbKey::of(bridge->address(), fid), bridge->host_port->index,
                                               FdbKind::kLocal, Fdb::IfExists::kReplace, engine_.now_s());
      if (!added) notice(fmt::format("bridge {}: {}", name, added.error().message));
    }
  }
}

/// After it: what they do not look up any more is gone.
void SwitchModel::forget_own_addresses() {
  for (auto& [name, bridge] : bridges_) {
    if (bridge->host_port == nullptr) continue;
    std::vector<Fid> fids = own_fids(*bridge);
    const bool moved = bridge->address() != bridge->local_address;
    for (const Fid fid : bridge->local_fids) {
      if (!moved && std::ranges::binary_search(fids, fid)) continue;
      const FdbKey key = FdbKey::of(bridge->local_address, fid);
      const std::optional<FdbEntry> entry = engine_.fdb().get(key, engine_.now_s());
      if (entry && entry->kind == FdbKind::kLocal) (void)engine_.fdb().remove(key);
    }
    bridge->local_fids = std::move(fids);
    bridge->local_address = bridge->address();
  }
}

void SwitchModel::publish_soon() {
  if (batch_depth_ == 0) return publish();
  unpublished_ = true;
}

SwitchModel::Batch::~Batch() {
  if (--model_.batch_depth_ != 0 || !model_.unpublished_) return;
  model_.publish();
}

}  // namespace rb
