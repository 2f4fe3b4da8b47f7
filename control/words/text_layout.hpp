// SPDX-License-Identifier: GPL-2.0-or-later
// Text for terminals: lines of limited width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rb {

/// Where text is laid out: the first line begins at `column` already, all others are indented by `indent`.
struct Layout {
  std::size_t column = 0;
  std::size_t indent = 0;
};

/// Breaks `text` at blanks so that no line is wider than a terminal of 100 columns, if words allow. No line end follows
/// the last line.
[[nodiscard]] std::string wrapped(std::string_view text, Layout layout);

/// "  NAME      meaning", with a line end: a row of a list whose meanings begin at `column`.
[[nodiscard]] std::string list_row(std::string_view name, std::string_view meaning, std::size_t column);

}  // namespace rb
