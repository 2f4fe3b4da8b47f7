// SPDX-License-Identifier: GPL-2.0-or-later
// VlanModel: the VLANs of all bridges: which ports are members, which FID stands for which VLAN, and what the relay
// gets.
//
// How it works. A change of VLANs takes the FIDs that it needs, or fails as a whole. prepare() makes what the relay
// gets, before a publication; settle() removes from the FDB what the change has made invalid, after the publication,
// and only then the FIDs that nobody needs any more are free.
//
// Control thread only.
#pragma once

#include <set>
#include <vector>

#include "control/model/fid_table.hpp"
#include "control/model/model_tables.hpp"
#include "control/model/notices.hpp"
#include "ports/engine/engine.hpp"

namespace rb {

class VlanModel {
 public:
  /// All outlive this.
  VlanModel(Engine& engine, ModelTables& tables, Notices& notices)
      : engine_(engine), tables_(tables), notices_(notices), fids_(ModelTables::kMaxBridges) {}

  /// Whatever `settings` say of ports (default_pvid) is done to the ports. An error changes nothing.
  Result<> set(ModelBridge& bridge, const BridgeVlanSettings& settings);
  Result<> set(ModelPort& port, const PortVlanSettings& settings);
  /// Takes all FIDs that are needed for these VLANs, or none.
  Result<> take_fids(ModelBridge& bridge, const VidSet& vids);
  /// Of a bridge that is in no published state any more.
  void give_back_fids(const ModelBridge& bridge);

  // Around a publication.

  void prepare();
  void settle();

  // Questions.

  [[nodiscard]] const ModelBridge* bridge_of_fid(Fid fid) const { return tables_.bridge_at(fids_.owner(fid).bridge); }
  /// kNoBridge: nobody's. Also of a bridge that was deleted, until its FIDs are given back.
  [[nodiscard]] BridgeIndex bridge_index_of_fid(Fid fid) const { return fids_.owner(fid).bridge; }
  /// kNoVid: entries of this FID belong to no VLAN.
  [[nodiscard]] Vid vid_of_fid(Fid fid) const { return fids_.owner(fid).vid; }
  /// Where the stations of a VLAN are entered, or with kNoVid of the whole bridge; 0 when no port is a member.
  [[nodiscard]] Fid fid_of(const ModelBridge& bridge, Vid vid) const;
  /// The VLANs under which a port's stations are entered: those of which it is a member, or their primaries.
  [[nodiscard]] VidSet learning_vids(const ModelPort& port) const;

 private:
  [[nodiscard]] static std::vector<ModelPort*> ports_by_index(const ModelBridge& bridge);
  void renew_relay_vlans(ModelBridge& bridge);
  void retire_fids(ModelBridge& bridge);
  [[nodiscard]] Result<> carry_entries(const ModelBridge& bridge, const BridgeVlanSettings& before);
  [[nodiscard]] std::vector<Fid> own_fids(const ModelBridge& bridge) const;
  void enter_own_addresses();
  void forget_own_addresses();

  Engine& engine_;
  ModelTables& tables_;
  Notices& notices_;
  FidTable fids_;
  // What settle() has to look for: entries of ports that may have left their VLAN, and of FIDs without a VLAN.
  std::set<PortIndex> unsettled_ports_;
  std::vector<Fid> retired_fids_;
};

}  // namespace rb
