// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/stages.hpp"

#include <bit>
#include <utility>

namespace rb {

Stages::Stages(StageMemory& memory, Clock clock) : clock_(std::move(clock)) {
  set(StageId::kPolicer, std::make_unique<Policer>(memory.policer));
}

void Stages::set(StageId id, std::unique_ptr<Stage> stage) {
  stages_.at(static_cast<std::size_t>(id)) = std::move(stage);
}

void Stages::judge_ingress(std::uint16_t bits, Explainer* explainer) noexcept {
  set_time(explainer);
  while (bits != 0) {
    judge(static_cast<unsigned>(std::countr_zero(bits)));
    bits = static_cast<std::uint16_t>(bits & (bits - 1U));
  }
}

void Stages::judge_egress(std::uint16_t bits, Explainer* explainer) noexcept {
  set_time(explainer);
  while (bits != 0) {
    const auto number = static_cast<unsigned>(std::bit_width(bits)) - 1;
    judge(number);
    bits = static_cast<std::uint16_t>(bits & ~(1U << number));
  }
}

void Stages::judge(unsigned number) noexcept {
  if (stages_[number] != nullptr) stages_[number]->judge(frames_);
}

void Stages::set_time(Explainer* explainer) noexcept {
  if (now_ns_ == kNotAsked) now_ns_ = clock_();
  frames_.set_time(now_ns_, explainer);
}

}  // namespace rb
