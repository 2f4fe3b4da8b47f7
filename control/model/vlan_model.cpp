// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/vlan_model.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace rb {

Fid VlanModel::fid_of(const ModelBridge& bridge, Vid vid) const {
  if (vid == kNoVid || bridge.vlans.shared_learning) return bridge.fid;
  const auto found = bridge.fids.find(learning_vid(bridge.vlans, vid));
  return found == bridge.fids.end() ? Fid{0} : found->second;
}

Result<> VlanModel::take_fids(ModelBridge& bridge, const VidSet& vids) {
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

Result<> VlanModel::set(ModelBridge& bridge, const BridgeVlanSettings& settings) {
  const BridgeVlanSettings before = bridge.vlans;
  VidSet used = bridge.member_vids();
  if (settings.default_pvid != kNoVid && settings.default_pvid != before.default_pvid) used.set(settings.default_pvid);
  bridge.vlans = settings;
  Result<> ready = take_fids(bridge, used);
  if (ready) ready = carry_entries(bridge, before);
  if (!ready) {
    bridge.vlans = before;
    return ready;
  }
  for (auto& [port_name, port] : bridge.ports) {
    if (before.default_pvid != settings.default_pvid)
      change_default_pvid(port->vlans, before.default_pvid, settings.default_pvid);
    port->relay_vlans.reset();
    unsettled_ports_.insert(port->index);
  }
  bridge.vlans_stale = true;
  // Stations that were learned by other rules would lead frames astray.
  if (before.filtering != settings.filtering || before.shared_learning != settings.shared_learning ||
      before.private_vlans != settings.private_vlans) {
    bridge.forget_learned = true;
  }
  return {};
}

Result<> VlanModel::set(ModelPort& port, const PortVlanSettings& settings) {
  ModelBridge& bridge = tables_.bridge_of(port);
  VidSet joined = settings.members, left = port.vlans.members;
  joined -= port.vlans.members;
  left -= settings.members;
  if (Result<> taken = take_fids(bridge, joined); !taken) return taken;
  port.vlans = settings;
  port.relay_vlans.reset();
  bridge.vlans_stale = true;
  if (!left.empty()) unsettled_ports_.insert(port.index);
  return {};
}

void VlanModel::give_back_fids(const ModelBridge& bridge) {
  for (const auto& [vid, fid] : bridge.fids) fids_.give_back(fid);
}

void VlanModel::prepare() {
  for (const auto& [name, bridge] : tables_.bridges()) renew_relay_vlans(*bridge);
  enter_own_addresses();
}

void VlanModel::renew_relay_vlans(ModelBridge& bridge) {
  if (!std::exchange(bridge.vlans_stale, false)) return;
  const VidSet all = bridge.member_vids();
  const bool other_vids = bridge.vids != all;
  bridge.vids = all;
  bridge.relay_vlans.reset();
  retire_fids(bridge);
  if (!bridge.vlans.filtering) return;
  std::vector<BridgeVlans::Member> members;
  for (ModelPort* port : ports_by_index(bridge)) {
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

/// The ports of a bridge in the order of their indexes, as the relay wants them.
std::vector<ModelPort*> VlanModel::ports_by_index(const ModelBridge& bridge) {
  std::vector<ModelPort*> ports;
  ports.reserve(bridge.ports.size());
  for (const auto& [name, port] : bridge.ports) ports.push_back(port.get());
  std::ranges::sort(ports, {}, [](const ModelPort* port) { return port->index; });
  return ports;
}

/// Takes the FIDs of VLANs that have no member any more, or that learn together now. They are free after the next
/// publication.
void VlanModel::retire_fids(ModelBridge& bridge) {
  VidSet learning;
  if (!bridge.vlans.shared_learning)
    bridge.vids.for_each([&](Vid vid) { learning.set(learning_vid(bridge.vlans, vid)); });
  std::erase_if(bridge.fids, [&](const auto& entry) {
    if (learning.test(entry.first)) return false;
    retired_fids_.push_back(entry.second);
    return true;
  });
}

VidSet VlanModel::learning_vids(const ModelPort& port) const {
  const ModelBridge& bridge = tables_.bridge_of(port);
  VidSet learning;
  port.vlans.members.for_each([&](Vid vid) { learning.set(learning_vid(bridge.vlans, vid)); });
  return learning;
}

/// Entries made by hand follow their VLAN to the FID under which the VLAN learns from now on. Done before the
/// publication.
Result<> VlanModel::carry_entries(const ModelBridge& bridge, const BridgeVlanSettings& before) {
  Fdb& fdb = engine_.fdb();
  std::vector<FdbEntry> made;
  fdb.for_each(engine_.now_s(), [&](const FdbEntry& entry) {
    const bool own = entry.kind == FdbKind::kLocal && entry.mac == bridge.local_address;
    if (entry.kind == FdbKind::kDynamic || own || fids_.owner(entry.fid).bridge != bridge.index) return;
    const Vid vid = fids_.owner(entry.fid).vid;
    const ModelPort* port = tables_.port_at(entry.port);
    if (port == nullptr) return;
    // Where one FID stood for all VLANs, the entry may have been meant for any VLAN of its port.
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

void VlanModel::settle() {
  forget_own_addresses();
  for (const auto& [name, bridge] : tables_.bridges()) {
    if (!std::exchange(bridge->forget_learned, false)) continue;
    engine_.fdb().flush_fid(bridge->fid);
    for (const auto& [vid, fid] : bridge->fids) engine_.fdb().flush_fid(fid);
  }
  if (!unsettled_ports_.empty() || !retired_fids_.empty()) {
    std::ranges::sort(retired_fids_);
    std::map<PortIndex, VidSet> learning;
    for (const PortIndex index : unsettled_ports_) {
      if (const ModelPort* port = tables_.port_at(index); port != nullptr) learning[index] = learning_vids(*port);
    }
    engine_.fdb().remove_if(
        [&](const FdbEntry& entry) {
          if (std::ranges::binary_search(retired_fids_, entry.fid)) return true;
          const auto port = learning.find(entry.port);
          if (port == learning.end()) return false;
          const FidTable::Owner owner = fids_.owner(entry.fid);
          // Where all VLANs share one FID, an entry made by hand may be meant for another VLAN.
          if (owner.vid == kNoVid) return entry.kind == FdbKind::kDynamic;
          const ModelBridge* bridge = tables_.bridge_at(owner.bridge);
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
std::vector<Fid> VlanModel::own_fids(const ModelBridge& bridge) const {
  std::vector<Fid> fids = {bridge.fid};
  if (bridge.vlans.filtering && !bridge.vlans.shared_learning)
    learning_vids(*bridge.host_port).for_each([&](Vid vid) { fids.push_back(fid_of(bridge, vid)); });
  std::ranges::sort(fids);
  return fids;
}

/// Before a publication: the entries that the workers are about to look up are there.
void VlanModel::enter_own_addresses() {
  for (const auto& [name, bridge] : tables_.bridges()) {
    if (bridge->host_port == nullptr) continue;
    const bool moved = bridge->address() != bridge->local_address;
    for (const Fid fid : own_fids(*bridge)) {
      if (!moved && std::ranges::binary_search(bridge->local_fids, fid)) continue;
      const Result<> added = engine_.fdb().add(FdbKey::of(bridge->address(), fid), bridge->host_port->index,
                                               FdbKind::kLocal, Fdb::IfExists::kReplace, engine_.now_s());
      if (!added) notices_.add(fmt::format("bridge {}: {}", name, added.error().message));
    }
  }
}

/// After a publication: the entries that the workers do not look up any more are removed.
void VlanModel::forget_own_addresses() {
  for (const auto& [name, bridge] : tables_.bridges()) {
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

}  // namespace rb
