// SPDX-License-Identifier: GPL-2.0-or-later
// ModelObserver: who hears of the model's changes; given to the model at construction, so that nothing is missed.
#pragma once

#include <chrono>
#include <string_view>

#include "control/model/model_bridge.hpp"
#include "ports/engine/engine.hpp"

namespace rb {

/// A change that somebody may want to know of.
struct ModelEvent {
  enum class Kind : std::uint8_t { kBridge, kPort, kTree } kind;
  std::string_view what;  // "add", "delete", "change"; of kTree a tree_event_name()
  const ModelBridge* bridge;
  const ModelPort* port = nullptr;  // of kPort, and of kTree where the event is about a port
  bool on = true;                   // of kTree: false: the state has ended
};

/// All functions are called on the control thread. Lives longer than the model.
class ModelObserver {
 public:
  virtual ~ModelObserver() = default;
  /// Called after the change was published. Objects that were deleted are told last, and live until the call returns.
  virtual void model_changed(const ModelEvent&) {}
  /// A loop probe has come in.
  virtual void loop_probe_came(const PuntedFrame&) {}
  /// A port waits for SwitchModel::retry().
  virtual void retry_needed() {}
  /// The time until the FDB is swept next; 0 when nobody sweeps.
  [[nodiscard]] virtual std::chrono::milliseconds time_to_sweep() const { return std::chrono::milliseconds{0}; }
};

}  // namespace rb
