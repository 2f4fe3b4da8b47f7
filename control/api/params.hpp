// SPDX-License-Identifier: GPL-2.0-or-later
// Params: reads a request's params strictly: every member by its type and range, and none that is unknown.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "switch/mac_address.hpp"
#include "switch/result.hpp"

namespace rb {

/// Thrown by Params, caught where the method was called: the request is refused with kRpcInvalidParams.
struct InvalidParams {
  std::string message;
};

/// Thrown where a value is of the right type and yet cannot be: the request is refused with this error.
struct RefusedParams {
  Error error;
};

class Params {
 public:
  /// `object` outlives this.
  explicit Params(const nlohmann::json& object) : object_(object) {}

  [[nodiscard]] bool has(const char* name);
  [[nodiscard]] std::string text(const char* name);
  [[nodiscard]] std::optional<std::string> maybe_text(const char* name);
  [[nodiscard]] bool flag(const char* name, bool otherwise);
  [[nodiscard]] std::optional<bool> maybe_flag(const char* name);
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(const char* name, std::int64_t lowest, std::int64_t highest);
  [[nodiscard]] std::optional<double> maybe_number(const char* name);
  [[nodiscard]] std::optional<std::vector<std::string>> maybe_texts(const char* name);
  [[nodiscard]] MacAddress mac(const char* name);
  /// A member of whatever type; nullptr when it is not there.
  [[nodiscard]] const nlohmann::json* maybe(const char* name) { return find(name); }
  /// A member that is an object; it has to be read with a Params of its own.
  [[nodiscard]] const nlohmann::json& object(const char* name);
  [[nodiscard]] const nlohmann::json* maybe_object(const char* name);

  /// All members as they came; for a member that may be of two types.
  [[nodiscard]] const nlohmann::json& raw() const noexcept { return object_; }

  /// To be called when all has been read: refuses what was not.
  void finish() const;

 private:
  const nlohmann::json* find(const char* name);
  [[noreturn]] static void refuse(const char* name, const std::string& expected);

  const nlohmann::json& object_;
  std::set<std::string> read_;
};

}  // namespace rb
