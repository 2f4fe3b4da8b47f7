// SPDX-License-Identifier: GPL-2.0-or-later
// Most sources of ports/ and control/ share these headers. They are compiled once if that makes the build faster
// (RB_PCH).
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <expected>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <vector>
