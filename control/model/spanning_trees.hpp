// SPDX-License-Identifier: GPL-2.0-or-later
// SpanningTrees: runs the spanning tree of each bridge that has one, between the machines (switch/stp) and the workers.
//
// How it works. The switch model says before each publication what its bridges and ports are (renew), and afterwards
// that the workers know (settle). What the machines want done waits in between, for the order matters: an agreement
// tells another bridge that our ports discard, so it may leave only when they do. Hence whatever happens, a BPDU, a
// timer or a change of the model, first all machines run, then one publication has every new state, then what was
// learned behind ports is forgotten, and then BPDUs leave. When no state has changed there is no publication.
//
// A port with a BPDU guard is closed here, by the first BPDU: for the machines it is disabled, until its device has
// been down or somebody opens it again.
//
// Bounds. A BPDU costs work in proportion to the ports of its bridge at most, and the workers bound how many come.
// Watchers are told of a bridge at most once in kTellPause, and then what holds.
//
// Control thread only.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "control/base/event_loop.hpp"
#include "control/words/bridge_settings.hpp"
#include "control/words/port_settings.hpp"
#include "ports/engine/engine.hpp"
#include "switch/stp/spanning_tree.hpp"

namespace rb {

/// A port as its bridge's tree is to have it.
struct TreePort {
  PortIndex index = kNoPort;
  stp::PortNumber number = 0;
  bool enabled = false;  // frames can pass its device, and nobody has disabled it
  bool guard = false;
  bool bpdu_filter = false;
  MacAddress source;  // of its BPDUs
  stp::PortParameters parameters;
};

/// Something that has happened to a bridge's tree.
struct TreeEvent {
  enum class Kind : std::uint8_t {
    kTopologyChange,
    kRoot,       // the root, the way to it, or its cost is another
    kPortState,  // of `port`
    kGuard,      // the BPDU guard has closed `port`
    kRootGuard,  // ... holds `port` back, or not any more; likewise the others
    kLoopGuard,
    kSelfLooped,
  };
  Kind kind;
  BridgeIndex bridge;
  PortIndex port = kNoPort;
  bool on = true;  // false: not any more
};
[[nodiscard]] std::string_view tree_event_name(TreeEvent::Kind kind) noexcept;

class SpanningTrees {
 public:
  using Clock = std::function<stp::TimeMs()>;  // milliseconds, never going back
  /// CLOCK_MONOTONIC
  [[nodiscard]] static stp::TimeMs steady_now();
  /// What it wants of the switch model.
  struct Model {
    std::function<void()> publish;  // the states of ports have changed: renew(), publish, settle()
    std::function<void(const TreeEvent&)> tell;
    /// Has frames that wait received, then run() called: what has come in time must not look late.
    std::function<void()> take_waiting;
  };
  static constexpr std::chrono::milliseconds kTellPause{200};

  /// `loop` is where timers wait; null: nobody but the caller calls run(). All outlive this.
  SpanningTrees(Engine& engine, EventLoop* loop, Clock clock, Model model);

  // Around a publication.

  /// A bridge has a tree, with these ports and no others.
  void renew(BridgeIndex bridge, const stp::BridgeParameters& parameters, std::span<const TreePort> ports);
  /// It has none (any more).
  void remove(BridgeIndex bridge);
  /// The workers know all states.
  void settle();

  // What happens.

  /// A frame to the bridge group address has come in. To be followed by run().
  void receive(BridgeIndex bridge, stp::PortNumber port, std::span<const std::byte> frame);
  /// Lets timers expire, and has published what has come of that and of frames, if need be.
  void run();
  void check_migration(BridgeIndex bridge, stp::PortNumber port);
  /// Of a port that the BPDU guard has closed: true; it opens with the next publication.
  bool reopen(BridgeIndex bridge, stp::PortNumber port);

  // What there is to know; nothing of a bridge without a tree.

  [[nodiscard]] std::optional<stp::BridgeStatus> bridge_status(BridgeIndex bridge) const;
  /// Of a port that is in its bridge's tree.
  [[nodiscard]] std::optional<stp::PortStatus> port_status(BridgeIndex bridge, stp::PortNumber port) const;
  /// In the kernel bridge's words.
  [[nodiscard]] std::optional<StpState> port_state(BridgeIndex bridge, stp::PortNumber port) const;
  /// How long stations are to be remembered meanwhile; nullopt: as ever.
  [[nodiscard]] std::optional<double> short_ageing_s(BridgeIndex bridge) const;
  /// What the machines do not count.
  struct PortCounts {
    std::array<std::uint64_t, stp::kBpduErrorCount> malformed{};
    std::uint64_t suppressed = 0;  // BPDUs that the filter kept from leaving
    bool guarded = false;          // closed by the BPDU guard
  };
  [[nodiscard]] PortCounts counts(BridgeIndex bridge, stp::PortNumber port) const;

 private:
  struct Port {
    TreePort setup;
    stp::PortState state = stp::PortState::kDiscarding;
    PortCounts counts;
    // What watchers have been told.
    StpState told = StpState::kDisabled;
    bool told_guarded = false, told_root_guarded = false, told_loop_inconsistent = false, told_self_looped = false;
  };
  struct Tree {
    explicit Tree(const stp::BridgeParameters& parameters, stp::TimeMs now) : machines(parameters, now) {}
    stp::SpanningTree machines;
    std::map<stp::PortNumber, Port> ports;
    bool short_ageing = false;
    bool to_tell = false;
    stp::TimeMs next_tell = 0;
    stp::BridgeStatus told;
  };
  struct Leaving {
    PortIndex port;
    stp::BpduFrame frame;
  };

  void renew_port(Tree& tree, const TreePort& setup);
  void take_effects(Tree& tree);
  void tell_changes(BridgeIndex bridge, Tree& tree);
  void tell_port_changes(BridgeIndex bridge, const Tree& tree, Port& port);
  void arm();
  [[nodiscard]] StpState state_of(const Tree& tree, const Port& port) const;
  [[nodiscard]] const Tree* find(BridgeIndex bridge) const;
  [[nodiscard]] const Port* find(BridgeIndex bridge, stp::PortNumber port) const;

  Engine& engine_;
  Clock clock_;
  Model model_;
  std::map<BridgeIndex, Tree> trees_;
  bool states_changed_ = false;  // since the last publication
  // To be done after the next one, in this order.
  std::set<PortIndex> to_flush_;
  std::vector<Leaving> to_send_;
  std::vector<TreeEvent> to_tell_;  // of trees that are gone
  std::optional<Timer> timer_;      // none without a loop
};

}  // namespace rb
