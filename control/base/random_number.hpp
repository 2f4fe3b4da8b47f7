// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers that nobody can guess.
#pragma once

#include <cstdint>

namespace rb {

/// Never 0. Throws std::runtime_error where the kernel has no random numbers.
[[nodiscard]] std::uint64_t random_number();

}  // namespace rb
