// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/trial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "bench/load/stamp.hpp"

namespace bench {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;

/// The faults of a wire between two ports.
struct Weather {
  std::size_t lose_each = 0;    // one of so many frames is lost; 0: none
  std::size_t refuse_each = 0;  // only half of one of so many bursts is taken; 0: none
  std::size_t swap_each = 0;    // one of so many frames overtakes the frame before; 0: none
  std::size_t add_each = 0;     // a foreign frame comes after so many frames; 0: none
};

/// A port at one end of a wire. Sent frames come out of the other end. The port always looks at frames, like a guest.
class WirePort final : public LoadPort {
 public:
  explicit WirePort(const Weather& weather) : weather_(weather), octets_(kMaxBurst * kMaxFrameSize) {}
  void connect(WirePort& peer) { peer_ = &peer; }
  void put(std::vector<std::byte> frame) { queue_.push_back(std::move(frame)); }

  std::size_t reserve(std::span<std::byte*> slots) override {
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = octets_.data() + i * kMaxFrameSize;
    return slots.size();
  }
  std::size_t send(std::span<const std::uint32_t> sizes) override {
    ++bursts_;
    std::size_t taken = sizes.size();
    if (weather_.refuse_each != 0 && bursts_ % weather_.refuse_each == 0) taken /= 2;
    for (std::size_t i = 0; i < taken; ++i) {
      const std::byte* octets = octets_.data() + i * kMaxFrameSize;
      ++frames_;
      if (weather_.lose_each != 0 && frames_ % weather_.lose_each == 0) continue;
      peer_->put({octets, octets + sizes[i]});
      if (weather_.add_each != 0 && frames_ % weather_.add_each == 0) peer_->put(std::vector<std::byte>(60));
      auto& queue = peer_->queue_;
      if (weather_.swap_each != 0 && frames_ % weather_.swap_each == 0 && queue.size() > 1) {
        std::swap(queue.back(), *(queue.end() - 2));
      }
    }
    return taken;
  }
  bool looks() const override { return true; }
  void look(bool) override {}
  std::span<const ReceivedFrame> receive() override {
    taken_.clear();
    frames_taken_.clear();
    while (!queue_.empty() && taken_.size() < kMaxBurst) {
      taken_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    for (const auto& frame : taken_) {
      frames_taken_.push_back({frame.data(), static_cast<std::uint32_t>(frame.size()), 0});
    }
    received_ += taken_.size();
    return frames_taken_;
  }
  std::uint64_t received() const override { return received_; }
  std::uint64_t overrun() const override { return 0; }

 private:
  Weather weather_;
  WirePort* peer_ = nullptr;
  std::vector<std::byte> octets_;
  std::deque<std::vector<std::byte>> queue_;
  std::vector<std::vector<std::byte>> taken_;
  std::vector<ReceivedFrame> frames_taken_;
  std::uint64_t received_ = 0;
  std::size_t bursts_ = 0, frames_ = 0;
};

/// A wire between ports 0 and 1.
struct Wire {
  explicit Wire(const Weather& weather = {}) {
    auto a = std::make_unique<WirePort>(weather);
    auto b = std::make_unique<WirePort>(weather);
    a->connect(*b);
    b->connect(*a);
    far = b.get();
    ports.push_back(std::move(a));
    ports.push_back(std::move(b));
  }
  TrialResult run(const FrameTrial& trial) {
    auto result = run_frame_trial(ports, trial);
    if (!result) throw std::runtime_error(result.error());
    return *result;
  }
  std::vector<std::unique_ptr<LoadPort>> ports;
  WirePort* far = nullptr;
};

FrameTrial trial_of(const Flow& flow) {
  FrameTrial trial;
  trial.seconds = flow.count > 0 ? 20 : 0.05;
  trial.warm_up_s = 0.01;
  trial.drain_s = 0;
  trial.flows = {flow};
  return trial;
}

TEST(Trial, CountsEveryFrame) {
  Wire wire;
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .count = 10'007});
  trial.flows.push_back({.from = 1, .to = {0}, .count = 503, .sizes = {64, 1518}});
  const TrialResult result = wire.run(trial);
  EXPECT_THAT(result.total.sent, ElementsAre(10'007U, 503U));
  EXPECT_THAT(result.total.received, ElementsAre(503U, 10'007U));
  EXPECT_THAT(result.total.refused, Each(0U));
  EXPECT_THAT(result.foreign, Each(0U));
  EXPECT_EQ(result.window.received, result.total.received);
  EXPECT_LT(result.window.seconds, result.total.seconds);
}

TEST(Trial, CountsWhatIsRefused) {
  Wire wire({.refuse_each = 3});
  const TrialResult result = wire.run(trial_of({.from = 0, .to = {1}, .count = 10'000}));
  EXPECT_EQ(result.total.sent[0] + result.total.refused[0], 10'000U);
  EXPECT_NEAR(static_cast<double>(result.total.refused[0]), 64, 10);  // one frame of each third burst
  EXPECT_EQ(result.total.received[1], result.total.sent[0]);
}

TEST(Trial, SendsAgainWhatIsRefused) {
  Wire wire({.refuse_each = 3});
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .count = 10'000, .stations = 77, .retry = true});
  trial.latency = true;
  const TrialResult result = wire.run(trial);
  EXPECT_EQ(result.total.sent[0], 10'000U);
  EXPECT_EQ(result.total.refused[0], 0U);
  EXPECT_EQ(result.total.received[1], 10'000U);
  EXPECT_EQ(result.latency[0].histogram.samples(), 10'000U);
  EXPECT_EQ(result.latency[0].reordered, 0U);
}

TEST(Trial, MeasuresAWindowWithinTheRun) {
  Wire wire;
  const TrialResult result = wire.run(trial_of({.from = 0, .to = {1}}));
  EXPECT_GT(result.window.sent[0], 0U);
  EXPECT_LT(result.window.sent[0], result.total.sent[0]);
  EXPECT_EQ(result.total.received[1], result.total.sent[0]);
  EXPECT_NEAR(result.window.seconds, 0.05, 0.04);
  EXPECT_GT(result.window.busy, 0.5);
}

TEST(Trial, SeesReorderedFrames) {
  Wire wire({.swap_each = 100});
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .count = 1000});
  trial.latency = true;
  const TrialResult result = wire.run(trial);
  EXPECT_EQ(result.latency[0].histogram.samples(), 1000U);
  EXPECT_NEAR(static_cast<double>(result.latency[0].reordered), 10, 3);
}

TEST(Trial, GivesUpWhatAWindowLost) {
  Wire wire({.lose_each = 50});
  const TrialResult result = wire.run(trial_of({.from = 0, .to = {1}, .count = 1000, .window = 32}));
  EXPECT_EQ(result.total.sent[0], 1000U);
  EXPECT_EQ(result.total.received[1], 980U);
}

TEST(Trial, KeepsWindowsApartByStamps) {
  Wire wire;
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .count = 1000, .window = 1});
  trial.flows.push_back({.from = 0, .to = {1}, .count = 5000, .window = 8});
  const TrialResult result = wire.run(trial);
  EXPECT_THAT(result.total.sent, ElementsAre(1000U, 5000U));
  EXPECT_LT(result.window.seconds, 1);  // there was nothing to wait for
}

TEST(Trial, FindsForeignFrames) {
  Wire wire({.add_each = 10});
  const TrialResult result = wire.run(trial_of({.from = 0, .to = {1}, .count = 1000}));
  EXPECT_THAT(result.total.received, ElementsAre(0U, 1100U));
  EXPECT_THAT(result.foreign, ElementsAre(0U, 100U));
}

TEST(Trial, KnowsItsFramesWithoutStampsByType) {
  Wire wire({.add_each = 10});
  const Flow flow{.from = 0, .to = {1}, .count = 1000, .sizes = {18}, .ethertype = 0x1234};
  EXPECT_THAT(wire.run(trial_of(flow)).foreign, ElementsAre(0U, 100U));
}

TEST(Trial, ThrowsAwayWhatCameBefore) {
  Wire wire;
  for (int i = 0; i < 1000; ++i) wire.far->put(std::vector<std::byte>(60));
  const TrialResult result = wire.run(trial_of({.from = 0, .to = {1}, .count = 10}));
  EXPECT_EQ(result.total.received[1], 10U);
  EXPECT_EQ(result.foreign[1], 0U);
}

TEST(Trial, LeavesIdlePortsAlone) {
  Wire wire;
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .count = 10});
  trial.idle_ports = {1};
  EXPECT_THAT(wire.run(trial).total.received, ElementsAre(0U, 0U));
}

TEST(Trial, PacesFrames) {
  Wire wire;
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .rate = 20'000});
  trial.seconds = 0.1;
  const TrialResult result = wire.run(trial);
  EXPECT_LE(static_cast<double>(result.total.sent[0]), 20'000 * result.total.seconds + 1);
  EXPECT_GT(result.total.sent[0], 100U);  // on a busy machine the generator gets less time than it needs
  EXPECT_LT(result.window.busy, 0.9);
}

TEST(Trial, EndsInTimeWhenACountIsTooHigh) {
  Wire wire;
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .rate = 1000, .count = 1'000'000});
  trial.seconds = 0.05;
  const TrialResult result = wire.run(trial);
  EXPECT_LT(result.total.sent[0], 1000U);
  EXPECT_THAT(result.total.sent, Each(Gt(0U)));
}

TEST(Trial, ComplainsAboutWhatIsNotThere) {
  Wire wire;
  FrameTrial trial = trial_of({.from = 0, .to = {1}, .count = 1});
  trial.cpus = {4000};
  EXPECT_EQ(run_frame_trial(wire.ports, trial).error(), "there is no processor 4000");
  trial.cpus = {};
  trial.pids = {0x3ffffff};
  EXPECT_EQ(run_frame_trial(wire.ports, trial).error(), "there is no process 67108863");
}

}  // namespace
}  // namespace bench
