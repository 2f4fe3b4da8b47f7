// SPDX-License-Identifier: GPL-2.0-or-later
// LogSummaries: has a Log write its summaries of repeated messages in time, by a timer of the event loop.
#pragma once

#include "control/base/event_loop.hpp"
#include "control/base/log.hpp"

namespace rb {

/// While it lives, summaries are written when they are due. The timer runs only while a message is held back. The
/// destructor writes what is left.
class LogSummaries {
 public:
  /// Both references must outlive this object.
  LogSummaries(EventLoop& loop, Log& log);
  ~LogSummaries();
  LogSummaries(const LogSummaries&) = delete;
  LogSummaries& operator=(const LogSummaries&) = delete;

 private:
  void wake_at(Log::Time due);

  Log& log_;
  Timer timer_;
};

}  // namespace rb
