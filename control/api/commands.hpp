// SPDX-License-Identifier: GPL-2.0-or-later
// Commands: the methods of the control protocol, carried out on the switch model.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "control/api/params.hpp"
#include "control/base/json_rpc.hpp"
#include "control/model/switch_model.hpp"
#include "control/words/command.hpp"
#include "ports/base/unique_fd.hpp"

namespace rb {

/// Who calls, as far as a command cares.
struct Caller {
  std::vector<UniqueFd> descriptors;  // that came with the request
  /// A configuration file: `netns` labels are opened by the daemon itself, and interfaces that are not there are waited
  /// for.
  bool is_configuration = false;
  bool subscribes = false;         // out: `monitor` was called,
  std::vector<std::string> kinds;  // for these kinds of events
  /// To be called between parts of what takes long: lets what is urgent happen. May be empty.
  std::function<void()> let_urgent_happen;
};

class Commands {
 public:
  /// Called when an FDB entry was made ("add") or taken away ("delete") by hand; not for each that a flush forgets.
  using FdbListener = std::function<void(const char* what, const FdbEntry& entry)>;
  /// The model outlives this.
  explicit Commands(SwitchModel& model, FdbListener fdb_changed = {});

  /// The right a method needs; nullptr when there is no such method.
  [[nodiscard]] const Right* right_of(const std::string& method) const;
  /// Carries a request out. Never throws; a failed operation has changed nothing.
  [[nodiscard]] std::expected<nlohmann::json, RpcError> call(const std::string& method, const nlohmann::json& params,
                                                             Caller& caller);

  /// Takes back what outlives the daemon: for a configuration that failed half-way.
  void undo_made_taps();

 private:
  using Answer = Result<nlohmann::json>;
  struct Method {
    Right right;
    Answer (Commands::*function)(Params& params, Caller& caller);
  };

  Answer daemon_info(Params& params, Caller& caller);
  Answer bridge_add(Params& params, Caller& caller);
  Answer bridge_delete(Params& params, Caller& caller);
  Answer bridge_set(Params& params, Caller& caller);
  Answer bridge_list(Params& params, Caller& caller);
  Answer port_add(Params& params, Caller& caller);
  Answer port_delete(Params& params, Caller& caller);
  Answer port_set(Params& params, Caller& caller);
  Answer port_list(Params& params, Caller& caller);
  Answer spanning_tree_list(Params& params, Caller& caller);
  Answer spanning_tree_mcheck(Params& params, Caller& caller);
  Answer vlan_add(Params& params, Caller& caller);
  Answer vlan_delete(Params& params, Caller& caller);
  Answer vlan_list(Params& params, Caller& caller);
  Answer vlan_mode(Params& params, Caller& caller);
  Answer vlan_map_add(Params& params, Caller& caller);
  Answer vlan_map_delete(Params& params, Caller& caller);
  Answer vlan_private(Params& params, Caller& caller);
  Answer vlan_private_list(Params& params, Caller& caller);
  Answer fdb_list(Params& params, Caller& caller);
  Answer fdb_get(Params& params, Caller& caller);
  Answer fdb_add(Params& params, Caller& caller);
  Answer fdb_replace(Params& params, Caller& caller);
  Answer fdb_delete(Params& params, Caller& caller);
  Answer fdb_flush(Params& params, Caller& caller);
  Answer stats_get(Params& params, Caller& caller);
  Answer stats_clear(Params& params, Caller& caller);
  Answer trace(Params& params, Caller& caller);
  Answer tap_add(Params& params, Caller& caller);
  Answer tap_delete(Params& params, Caller& caller);
  Answer monitor(Params& params, Caller& caller);
  Answer batch(Params& params, Caller& caller);
  Answer config_dump(Params& params, Caller& caller);

  /// What `bridge` and `port`, both optional, name; an unknown name is an error.
  struct Selection {
    const ModelBridge* bridge = nullptr;
    const ModelPort* port = nullptr;
  };
  Result<Selection> select(const std::optional<std::string>& bridge, const std::optional<std::string>& port);
  Answer enter_fdb(Params& params, Fdb::IfExists if_exists);
  void tell_fdb(const char* what, const FdbEntry& entry) const;
  Result<ModelPort*> port_of_vlans(const std::string& name);
  template <typename Change>
  Answer change_port_vlans(const std::string& name, Change change);
  Result<std::vector<Fid>> fids_to_enter(const ModelPort& port, Vid vid) const;
  Result<PortRequest> port_request(const nlohmann::json& object, Caller& caller);

  SwitchModel& model_;
  FdbListener fdb_changed_;
  std::vector<std::string> made_taps_;  // by tap.add, since the start
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  static const std::map<std::string, Method> kMethods;
};

}  // namespace rb
