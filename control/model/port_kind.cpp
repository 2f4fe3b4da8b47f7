// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/port_kind.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace rb {

std::string_view device_state_name(DeviceState state) noexcept {
  constexpr std::array<std::string_view, 4> kNames = {"up", "down", "gone", "unknown"};
  return kNames[static_cast<std::size_t>(state)];
}

Result<> PortDriver::set_address(const MacAddress& address) {
  return fail(ErrorCode::kNotSupported, fmt::format("a port of kind {} has no interface of its own that could get the "
                                                    "address {}",
                                                    options_.kind().name, to_string(address)));
}

Result<std::unique_ptr<PortDriver>> PortKind::make_port(
    PortRequest request) const {  // NOLINT(performance-unnecessary-value-param): kinds take it
  return fail(ErrorCode::kNotSupported,
              fmt::format("{}: the kind {} makes no port itself", request.options.name(), words().name));
}

Result<std::unique_ptr<ListenerDriver>> PortKind::make_listener(
    PortOptions options) const {  // NOLINT(performance-unnecessary-value-param): kinds take it
  return fail(ErrorCode::kNotSupported,
              fmt::format("{}: the kind {} does not listen for peers", options.name(), words().name));
}

const PortKind* PortKinds::find(const PortKindWords& words) const noexcept {
  const auto found = std::ranges::find_if(all, [&](const auto& kind) { return &kind->words() == &words; });
  return found == all.end() ? nullptr : found->get();
}

}  // namespace rb
