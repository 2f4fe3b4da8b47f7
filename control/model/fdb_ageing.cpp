// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/fdb_ageing.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace rb {
namespace {

constexpr std::chrono::milliseconds kLongestRest{1000}, kShortestRest{1};
/// Buckets at once, unless the walk takes more: a quarter of a MiB, or some 50 us, for which a worker may have to wait
/// that has the same processor.
constexpr double kUsualSlice = 4096;
/// The whole FDB is looked at in a tenth of the shortest ageing time, within these bounds.
constexpr double kShortestWalk_s = 1, kLongestWalk_s = 30;

}  // namespace

FdbAgeing::FdbAgeing(EventLoop& loop, SwitchModel& model, Aged aged)
    : model_(model), aged_(std::move(aged)), timer_(loop, [this] { tick(); }) {
  renew_wish();
}

void FdbAgeing::enter(Phase phase) {
  phase_ = phase;
  met_dynamic_ = false;
  if (phase == Phase::kAsleep) timer_.stop();
  if (phase != Phase::kAsleep && !timer_.running()) timer_.start_once(kLongestRest);
  renew_wish();
}

void FdbAgeing::renew_wish() {
  model_.engine().want_fdb_events(others_want_events_ || phase_ != Phase::kWalking);
}

void FdbAgeing::learned() {
  if (phase_ != Phase::kWalking) enter(Phase::kWalking);
  met_dynamic_ = true;
}

void FdbAgeing::want_events(bool wanted) {
  others_want_events_ = wanted;
  renew_wish();
}

void FdbAgeing::tick() {
  double shortest_s = kLongestWalk_s * 10;
  std::vector<std::uint32_t> times_s;  // by BridgeIndex
  for (const ModelBridge* bridge : model_.bridges()) {
    const double ageing_s = model_.trees().ageing_s(*bridge);
    shortest_s = std::min(shortest_s, ageing_s);
    if (times_s.size() <= bridge->index) times_s.resize(bridge->index + 1U);
    // The FDB counts whole seconds: rather a fraction too late than too early.
    times_s[bridge->index] = static_cast<std::uint32_t>(std::ceil(ageing_s));
  }
  Fdb& fdb = model_.engine().fdb();
  const double walk_s = std::clamp(shortest_s / 10, kShortestWalk_s, kLongestWalk_s);
  const double buckets_a_second = static_cast<double>(fdb.bucket_count()) / walk_s + 1;
  const double least = buckets_a_second * std::chrono::duration<double>(kShortestRest).count();
  const double slice = std::min(buckets_a_second, std::max(kUsualSlice, least));
  const std::chrono::duration<double> rest(slice / buckets_a_second);
  timer_.start_once(std::max(kShortestRest, std::chrono::duration_cast<std::chrono::milliseconds>(rest)));
  const auto ageing_time_of = [&](Fid fid) {
    met_dynamic_ = true;  // asked for dynamic entries only
    const ModelBridge* bridge = model_.vlans().bridge_of_fid(fid);
    return bridge == nullptr ? 0 : times_s[bridge->index];
  };
  const bool walked_round = fdb.sweep(static_cast<std::size_t>(slice), model_.engine().now_s(), ageing_time_of, aged_);
  if (!walked_round) return;
  if (met_dynamic_) return enter(Phase::kWalking);
  enter(phase_ == Phase::kWalking ? Phase::kSettling : Phase::kAsleep);
}

}  // namespace rb
