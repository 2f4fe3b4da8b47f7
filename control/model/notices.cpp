// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/notices.hpp"

#include <algorithm>
#include <utility>

#include "control/base/log.hpp"

namespace rb {
namespace {

constexpr std::size_t kMaxNotices = 256;

}  // namespace

void Notices::add(std::string text) {
  log_message(LogLevel::kNotice, text);
  // Others can cause notices again and again, under names of their own choice; they get no more room than this.
  if (std::ranges::find(texts_, text) != texts_.end()) return;
  if (texts_.size() == kMaxNotices) texts_.erase(texts_.begin());
  texts_.push_back(std::move(text));
}

}  // namespace rb
