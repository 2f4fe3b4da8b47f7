// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/text_layout.hpp"

#include <algorithm>

namespace rb {
namespace {

constexpr std::size_t kWidth = 100;  // columns

}  // namespace

std::string wrapped(std::string_view text, Layout layout) {
  std::string out;
  std::size_t column = layout.column;
  bool begins = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!begins && column + 1 + word.size() > kWidth) {
      out += '\n' + std::string(layout.indent, ' ');
      column = layout.indent;
    } else if (!begins) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    begins = false;
  }
  return out;
}

std::string list_row(std::string_view name, std::string_view meaning, std::size_t column) {
  std::string row = "  " + std::string(name);
  if (row.size() + 2 > column) row += '\n' + std::string(column, ' ');
  if (row.size() < column) row.resize(column, ' ');
  return row + wrapped(meaning, {.column = column, .indent = column}) + '\n';
}

}  // namespace rb
