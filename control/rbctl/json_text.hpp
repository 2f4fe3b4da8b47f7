// SPDX-License-Identifier: GPL-2.0-or-later
// JSON as iproute2 lays it out, on one line (-j) or over many (-j -p).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace rb {

/// Keys are printed in the order they were entered, as scripts that read iproute2's output with line tools expect.
using OrderedJson = nlohmann::ordered_json;

/// A member that is text.
[[nodiscard]] inline std::string text_of(const nlohmann::json& object, const char* key) {
  return object.at(key).get<std::string>();
}

enum class JsonLayout { kLine, kPretty };

/// `value` and a line end.
[[nodiscard]] std::string json_text(const OrderedJson& value, JsonLayout layout);

}  // namespace rb
