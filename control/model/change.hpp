// SPDX-License-Identifier: GPL-2.0-or-later
// Changes: the one way in which a change of the model takes effect.
//
// How it works. A command, an event or a timer checks its change, applies it to the model, and hands a Change over that
// says what must follow. commit() then does this, in this order:
//   1. The new state is published; when publish() returns, every worker uses the new state.
//   2. Devices that no worker needs any more are let go, and devices are given to the workers that need them now.
//   3. FDB entries that the change has made invalid are flushed: by port, by VLAN, of ports and bridges that are gone.
//   4. Indexes and FIDs that have become free may be used again.
//   5. Spanning trees send what waited for the publication.
//   6. The observer is told.
// When commit() returns, the change can be acknowledged.
//
// A batch of commands is one change: while a Batch lives, changes are collected, and the end of the outermost Batch
// commits all of them at once. Until then no worker sees any part of the batch, with one exception: devices are let go
// at once, so that a later command of the batch finds the device, the name of its tap or the path of its socket free.
// Frames for such a port are dropped and counted. Indexes stay in use until the end of the batch.
//
// A change that comes up while another is being committed (a BPDU that is found while a port is being forgotten) is
// committed after it, before the outer commit() returns.
//
// Control thread only.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "control/model/model_observer.hpp"
#include "control/model/model_tables.hpp"
#include "control/model/tree_model.hpp"
#include "control/model/vlan_model.hpp"
#include "ports/engine/engine.hpp"

namespace rb {

/// What must follow a change of the model.
struct Change {
  std::vector<ModelEvent> events;
  std::vector<PortIndex> flushed_ports;          // the stations behind these ports are forgotten
  std::function<void()> released;                // lets go of what no worker needs after the publication
  std::vector<std::function<void()>> followers;  // called after the publication, and never before it
  std::vector<std::unique_ptr<ModelPort>> removed_ports;
  std::vector<std::unique_ptr<ModelBridge>> removed_bridges;  // with their ports
};

class Changes {
 public:
  /// All outlive this.
  Changes(Engine& engine, ModelTables& tables, VlanModel& vlans, TreeModel& trees, ModelObserver& observer)
      : engine_(engine), tables_(tables), vlans_(vlans), trees_(trees), observer_(observer) {}

  void commit(Change change);

  /// Collects changes while it lives.
  class Batch {
   public:
    explicit Batch(Changes& changes) : changes_(changes) { ++changes_.batch_depth_; }
    ~Batch() { changes_.end_batch(); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    Changes& changes_;
  };
  [[nodiscard]] bool in_batch() const noexcept { return batch_depth_ != 0; }
  /// Runs `act` as if there were no batch, unless changes have been collected: others' changes (of spanning trees)
  /// would publish half of the batch.
  void let_others_change(const std::function<void()>& act);

 private:
  void end_batch();
  void commit_waiting();
  [[nodiscard]] std::unique_ptr<const ForwardingState> make_state() const;
  void forget(const std::vector<const ModelPort*>& ports, const Change& change);
  void tell(const Change& change);

  Engine& engine_;
  ModelTables& tables_;
  VlanModel& vlans_;
  TreeModel& trees_;
  ModelObserver& observer_;
  Change waiting_;
  bool anything_waits_ = false;
  bool committing_ = false;
  unsigned batch_depth_ = 0;
};

}  // namespace rb
