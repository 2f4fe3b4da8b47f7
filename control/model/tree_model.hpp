// SPDX-License-Identifier: GPL-2.0-or-later
// TreeModel: tells the spanning trees what bridges and ports are, and follows what the trees decide.
//
// Control thread only.
#pragma once

#include <functional>

#include "control/model/model_observer.hpp"
#include "control/model/model_tables.hpp"
#include "control/model/notices.hpp"
#include "control/model/spanning_trees.hpp"
#include "ports/engine/engine.hpp"

namespace rb {

class TreeModel {
 public:
  struct Options {
    EventLoop* loop = nullptr;  // where timers of trees wait; null: there is none
    SpanningTrees::Clock clock = SpanningTrees::steady_now;
    std::function<void()> publish;  // the states of ports have changed
  };
  /// All outlive this.
  TreeModel(Engine& engine, ModelTables& tables, Notices& notices, ModelObserver& observer, Options options)
      : engine_(engine),
        tables_(tables),
        notices_(notices),
        observer_(observer),
        trees_(engine, options.loop, std::move(options.clock),
               {.publish = std::move(options.publish),
                .tell = [this](const TreeEvent& event) { tell(event); },
                .take_waiting = [this] { (void)take_punted(); }}) {}

  /// A tree is about to begin: no port forwards any more, and states that were set by hand are forgotten.
  static void begin(ModelBridge& bridge);
  void remove(const ModelBridge& bridge) { trees_.remove(bridge.index); }

  // Around a publication.

  void prepare();
  void settle() { trees_.settle(); }

  /// Takes some of the frames that workers have handed over, and lets timers of trees expire; true when there may be
  /// more.
  bool take_punted();
  /// So that a flood of BPDUs keeps nobody else waiting for longer than some hundredths of a second.
  static constexpr std::size_t kPuntedAtOnce = 256;

  /// kBusy for a state that a spanning tree decides: a port can only be taken from the tree, and given back to it.
  [[nodiscard]] Result<> check_state(const ModelPort& port, StpState state) const;
  /// Opens a port that its BPDU guard has closed, with the next publication; false when the guard has not.
  bool reopen(const ModelPort& port) { return trees_.reopen(port.bridge, static_cast<stp::PortNumber>(port.number)); }
  /// Finds out again whether the bridges behind a port speak RSTP.
  Result<> check_migration(const ModelPort& port);

  // Questions.

  [[nodiscard]] const SpanningTrees& trees() const noexcept { return trees_; }
  /// The state that showstp shows: the device's word first, then the tree's, or without a tree the setting.
  [[nodiscard]] StpState state_of(const ModelPort& port) const;
  /// Of a port of this bridge.
  [[nodiscard]] static std::uint32_t path_cost_of(const ModelBridge& bridge, const ModelPort& port);
  /// How long a silent station is remembered now.
  [[nodiscard]] double ageing_s(const ModelBridge& bridge) const;
  /// The source address of the switch's own frames at a port.
  [[nodiscard]] MacAddress source_of(const ModelPort& port) const;

 private:
  [[nodiscard]] TreePort tree_port(const ModelPort& port) const;
  void tell(const TreeEvent& event);

  Engine& engine_;
  ModelTables& tables_;
  Notices& notices_;
  ModelObserver& observer_;
  SpanningTrees trees_;
};

}  // namespace rb
