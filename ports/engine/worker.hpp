// SPDX-License-Identifier: GPL-2.0-or-later
// Worker: one thread with one ring, which receives, relays and transmits for its share of all ports.
//
// How it works. One round of run():
//   1. take the newest ForwardingState (one atomic load) and say that the old one is no longer used;
//   2. let ports that have nothing outstanding prepare their next reads, or give frames that they have left;
//   3. submit: the writes of the last batch and these reads in one system call, sleeping if no read has anything; where
//      frames come soon after each other, the worker looks for completions for a moment first (idle_spin.hpp);
//   4. give back the buffers whose writes have just completed;
//   5. reap completions into the batch, and forward the batch: relay, then each egress port's transmit(); what the
//      relay has for the control thread (punted frames, stations that moved) goes into queues that end there.
// So a loaded worker needs one system call a batch, and an idle worker sleeps in the kernel until a frame comes.
//
// Ports see none of this: they are given the PortContext, which the worker drives.
//
// Thread rules. Everything here belongs to the worker's thread, except post(), by which the control thread has
// something done inside the loop, and what is atomic: the state pointer, the counters, the queues to that thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "ports/engine/control_frames.hpp"
#include "ports/engine/engine_shared.hpp"
#include "ports/engine/hold_timer.hpp"
#include "ports/engine/idle_spin.hpp"
#include "ports/engine/own_frames.hpp"
#include "ports/engine/port_context.hpp"
#include "ports/engine/port_errors.hpp"
#include "ports/engine/port_table.hpp"
#include "ports/engine/punt_queue.hpp"
#include "ports/engine/station_events.hpp"
#include "switch/relay.hpp"
#include "switch/stages.hpp"

namespace rb {

class OwnedPort;

class Worker final : private Batch::Owner {
 public:
  using Command = std::function<void(Worker&)>;

  /// Starts the thread.
  Worker(EngineShared& shared, unsigned number);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Any thread.

  /// Waits until the thread runs or has failed to set its ring up.
  [[nodiscard]] Result<> wait_started();
  /// Has `command` run inside the loop, in order.
  void post(Command command);
  /// Waits until the worker uses publication `number` or a later one.
  void wait_passed(std::uint64_t number) const noexcept;
  [[nodiscard]] const PortCounters& counters_of(PortIndex port) const noexcept { return counters_[port]; }
  // The functions of these say whose thread they are for.
  [[nodiscard]] VlanCounterTable& vlan_counters() noexcept { return vlan_counters_; }
  [[nodiscard]] StationEvents& station_events() noexcept { return station_events_; }
  [[nodiscard]] PortErrors& port_errors() noexcept { return port_errors_; }
  [[nodiscard]] PuntQueue& punts() noexcept { return punts_; }

  // The worker's thread: commands.

  [[nodiscard]] PortContext& context() noexcept { return context_; }
  /// Takes a port in and arms it.
  void add_port(std::unique_ptr<Port> port);
  /// As PortTable::remove().
  void remove_port(PortIndex index, PortTable::Removed removed);
  /// Sends a frame of the switch's own, of at most kMaxOwnFrameSize octets, out of a port.
  void send_own(PortIndex port, std::span<const std::byte> octets) noexcept;

 private:
  void main() noexcept;
  void run() noexcept;
  void take_state() noexcept;
  void submit(unsigned wait_count) noexcept;
  [[nodiscard]] bool completes_soon() noexcept;
  void handle(const io_uring_cqe& completion) noexcept;
  void arm_doorbell() noexcept;
  void answer_doorbell() noexcept;
  void take_mail() noexcept;
  void forward() noexcept override;
  void release_held() noexcept;
  void transmit_decided(std::uint32_t now) noexcept;
  void report_learned(std::uint32_t now_s) noexcept;
  [[nodiscard]] std::uint32_t now_s() const noexcept;

  EngineShared& shared_;
  const unsigned number_;
  Doorbell& doorbell_;
  std::uint64_t rung_count_ = 0;  // what the read of the doorbell reads into

  std::mutex commands_mutex_;
  std::deque<Command> commands_;
  std::atomic<std::uint64_t> passed_{0};  // the publication that the worker uses
  bool stopping_ = false;

  // What the relay works with, and what the control thread reads.
  std::unique_ptr<PortCounters[]> counters_;
  VlanCounterTable vlan_counters_;
  Stages stages_;
  Relay relay_;
  EgressLists egress_{kMaxPorts + 1};
  const ForwardingState* state_ = nullptr;
  StationEvents station_events_;
  PortErrors port_errors_;
  PuntQueue punts_;

  PortContext context_;
  PortTable ports_;
  std::vector<OwnedPort*> mailed_;  // ports that have got mail, and have to flush it
  OwnFrames own_frames_;
  IdleSpin idle_spin_;
  HoldTimer hold_timer_;
  std::array<Frame, kMaxBatch> released_;  // held frames that go on
  std::array<HeldAt, kMaxBatch> released_at_;

  std::promise<Result<>> started_;
  std::thread thread_;  // last: everything above is there when it begins
};

}  // namespace rb
