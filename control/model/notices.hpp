// SPDX-License-Identifier: GPL-2.0-or-later
// Notices: what an administrator should know and nobody has asked for; kept for daemon.info.
#pragma once

#include <string>
#include <vector>

namespace rb {

class Notices {
 public:
  /// Writes the text to the log, and keeps the text once. The oldest texts go when there are too many.
  void add(std::string text);
  [[nodiscard]] const std::vector<std::string>& list() const noexcept { return texts_; }

 private:
  std::vector<std::string> texts_;
};

}  // namespace rb
