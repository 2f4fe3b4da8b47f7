// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/json_text.hpp"

namespace rb {
namespace {

/// Writes while it walks down; `depth` counts the brackets and braces that are open, four blanks each.
class Writer {
 public:
  explicit Writer(JsonLayout layout) : pretty_(layout == JsonLayout::kPretty) {}

  void write(const OrderedJson& value) {
    if (value.is_object()) {
      write_object(value);
    } else if (value.is_array()) {
      write_array(value);
    } else {
      out_ += value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void write_object(const OrderedJson& object) {
    out_ += '{';
    ++depth_;
    bool first = true;
    for (const auto& [key, value] : object.items()) {
      if (!first) out_ += ',';
      first = false;
      new_line();
      write(OrderedJson(key));
      out_ += pretty_ ? ": " : ":";
      write(value);
    }
    --depth_;
    if (!first) new_line();
    out_ += '}';
  }

  void write_array(const OrderedJson& array) {
    out_ += pretty_ ? "[ " : "[";
    ++depth_;
    bool first = true;
    for (const OrderedJson& value : array) {
      if (!first) out_ += ',';
      first = false;
      write(value);
    }
    --depth_;
    out_ += pretty_ && !first ? " ]" : "]";
  }

  void new_line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(4 * depth_, ' ');
  }

  bool pretty_;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string json_text(const OrderedJson& value, JsonLayout layout) {
  Writer writer(layout);
  writer.write(value);
  return writer.take() + '\n';
}

}  // namespace rb
