// SPDX-License-Identifier: GPL-2.0-or-later
// EngineShared: what the workers of one engine share. The control thread writes it, all read it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "ports/engine/file_table.hpp"
#include "ports/engine/mail_room.hpp"
#include "ports/engine/waking_fd.hpp"
#include "switch/fdb.hpp"
#include "switch/forwarding_state.hpp"
#include "switch/stages.hpp"

namespace rb {

struct EngineShared {
  EngineShared(const Fdb::Options& fdb_options, unsigned worker_count) : fdb(fdb_options), mail_room(worker_count) {}

  Fdb fdb;
  std::atomic<const ForwardingState*> state{nullptr};
  std::atomic<std::uint64_t> published{0};  // counts publications
  std::atomic<bool> fdb_events_wanted{false};
  std::atomic<bool> move_events_wanted{false};
  WakingFd events;           // wakes the control thread for events of any worker
  WakingFd punts;            // and for punted frames
  std::int64_t start_s = 0;  // CLOCK_MONOTONIC
  MailRoom mail_room;
  StageMemory stage_memory;
  std::function<void(Stages&)> prepare_stages;  // EngineOptions::prepare_stages
  unsigned file_count = 0;                      // places for descriptors in each worker's ring
  bool nowait = false;                          // reads and writes with RWF_NOWAIT
  FileNames file_names = FileNames::kDescriptors;
};

}  // namespace rb
