// SPDX-License-Identifier: GPL-2.0-or-later
// Engine: the workers and what they share. The control thread's only way to the hot side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ports/engine/control_frames.hpp"
#include "ports/engine/engine_event.hpp"
#include "ports/engine/port_device.hpp"
#include "switch/counters.hpp"
#include "switch/fdb.hpp"
#include "switch/forwarding_state.hpp"
#include "switch/punt.hpp"
#include "switch/result.hpp"
#include "switch/trace.hpp"
#include "switch/vlan_counters.hpp"

namespace rb {

class PortContext;

class Stages;

struct EngineOptions {
  unsigned worker_count = 1;
  std::size_t fdb_capacity = 65536;
  /// Behave as a kernel without nowait reads and writes on taps (before 6.4) would have it.
  bool without_nowait = false;
  /// Called with the stages of each worker before the worker starts, to add stages that StageId does not name.
  std::function<void(Stages&)> prepare_stages = {};
};

/// All functions: control thread only.
class Engine {
 public:
  /// Starts the workers. kNotSupported when io_uring is missing or too old, kPermission when it is switched off.
  [[nodiscard]] static Result<std::unique_ptr<Engine>> start(const EngineOptions& options);
  /// Frames in flight finish; then the workers end.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] Fdb& fdb() noexcept;
  /// Seconds since start(), the clock of the FDB.
  [[nodiscard]] std::uint32_t now_s() const noexcept;
  /// For trace_frame(): what the stages of the workers share, and the time of their clock.
  [[nodiscard]] TraceStages trace_stages() noexcept;

  /// Gives a device to the workers, which begin to read; frames are dropped as kIngressDown until a published state has
  /// the port forwarding. The index must be unused. kTableFull when the workers' tables of files are full.
  [[nodiscard]] Result<> attach(PortIndex index, std::unique_ptr<PortDevice> device);
  /// Takes it back; returns after the last completion. The caller has published a state without the port, and flushes
  /// the FDB afterwards; then the index may be used again.
  [[nodiscard]] std::unique_ptr<PortDevice> detach(PortIndex index);
  /// Runs `act` on a worker's thread, between two rounds, and waits for it.
  void on_worker(unsigned number, const std::function<void(PortContext&)>& act);
  /// PortDevice::fd() of an attached port; -1: not attached.
  [[nodiscard]] int device_fd(PortIndex index) const noexcept;
  /// Sends a frame of the switch's own, `frame` from its destination on (kEthernetHeaderSize to kMaxOwnFrameSize
  /// octets), out of a port whatever its gate, unless that is kDown. Does not wait; it is counted as sent, or under the
  /// reason why not, like any other.
  void send(PortIndex port, std::span<const std::byte> frame);
  /// Swaps the state; returns when every worker uses it. Never null.
  void publish(std::unique_ptr<const ForwardingState> state);
  [[nodiscard]] const ForwardingState& state() const noexcept;
  /// The number of publications since start().
  [[nodiscard]] std::uint64_t publication_count() const noexcept;

  /// Sums over workers since start() or the last clear.
  [[nodiscard]] PortTotals counters(PortIndex index) const;
  void clear_counters(std::span<const PortIndex> indexes);
  /// Has a port's frames counted by VLAN, for these VLANs too; said before a state with them is published.
  void count_vlans(PortIndex index, const VidSet& vids);
  [[nodiscard]] VlanTotals vlan_counters(PortIndex index, Vid vid) const;

  /// Readable when events wait. FDB events are only made while wanted; port errors always.
  [[nodiscard]] int event_fd() const noexcept;
  [[nodiscard]] std::vector<EngineEvent> take_events();
  void want_fdb_events(bool wanted);
  /// kFdbMoved events, at most kMoveEventsPerSecond of each worker, also while FDB events are not wanted.
  void want_move_events(bool wanted);
  [[nodiscard]] std::uint64_t lost_events() const noexcept;

  /// Readable when punted frames wait. The limits of each kind stand in switch/punt.hpp.
  [[nodiscard]] int punt_fd() const noexcept;
  [[nodiscard]] std::vector<PuntedFrame> take_punted(std::size_t max);
  /// The number of frames that can wait at once.
  [[nodiscard]] std::size_t max_punted() const noexcept;

  [[nodiscard]] unsigned worker_count() const noexcept;
  /// One line for the log: which ways of io_uring are used.
  [[nodiscard]] std::string describe() const;

 private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rb
