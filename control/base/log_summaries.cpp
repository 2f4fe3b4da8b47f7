// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/log_summaries.hpp"

#include <algorithm>

namespace rb {

LogSummaries::LogSummaries(EventLoop& loop, Log& log)
    : log_(log), timer_(loop, [this] {
        if (const std::optional<Log::Time> next = log_.flush(std::chrono::steady_clock::now())) wake_at(*next);
      }) {
  log_.set_waker([this](Log::Time due) { wake_at(due); });
}

LogSummaries::~LogSummaries() {
  log_.set_waker({});
  log_.flush_all();
}

void LogSummaries::wake_at(Log::Time due) {
  using std::chrono::milliseconds;
  // A timer cannot be started with 0.
  const milliseconds delay =
      std::max(milliseconds(1), std::chrono::ceil<milliseconds>(due - std::chrono::steady_clock::now()));
  if (!timer_.running() || delay < timer_.left()) timer_.start_once(delay);
}

}  // namespace rb
