// SPDX-License-Identifier: GPL-2.0-or-later
// FdbAgeing: sweeps the FDB slice by slice while there is something in it that can age, and sleeps otherwise.
//
// How it works. Workers learn without a word to the control thread, so falling asleep takes care that nothing is
// overlooked. A whole walk that has met no dynamic entry is not enough: a station may have been learned behind its
// back. So the walk's end asks the workers to tell what they learn, and a second walk that meets none either ends in
// sleep. From then on the first station learned wakes the timer, and the workers fall silent again. A switch without
// stations never wakes; one with stations wakes once a second, on the control thread alone, or more often where the FDB
// is so large that a second's share of it would keep a processor from the workers for long.
//
// Control thread only.
#pragma once

#include <functional>

#include "control/base/event_loop.hpp"
#include "control/model/switch_model.hpp"

namespace rb {

class FdbAgeing {
 public:
  /// Says an entry that was removed because its station was not heard for too long.
  using Aged = std::function<void(const FdbEntry&)>;
  /// Asleep at first. All outlive this.
  FdbAgeing(EventLoop& loop, SwitchModel& model, Aged aged);

  /// A dynamic entry was made: by a worker, as its events say, or by hand.
  void learned();
  /// Whether somebody else wants the workers' FDB events, too.
  void want_events(bool wanted);
  /// One slice. The timer calls it, at least every second.
  void tick();
  /// Until the next slice; 0 while asleep.
  [[nodiscard]] std::chrono::milliseconds left() const { return timer_.left(); }
  [[nodiscard]] bool asleep() const noexcept { return phase_ == Phase::kAsleep; }

 private:
  enum class Phase : std::uint8_t {
    kAsleep,    // no dynamic entry; workers tell what they learn
    kWalking,   // there are some, or may be; workers are silent
    kSettling,  // the last whole walk met none; workers tell what they learn while one more walk makes sure
  };
  void enter(Phase phase);
  void renew_wish();

  SwitchModel& model_;
  Aged aged_;
  Phase phase_ = Phase::kAsleep;
  bool met_dynamic_ = false;  // in the walk at hand
  bool others_want_events_ = false;
  Timer timer_;
};

}  // namespace rb
