// SPDX-License-Identifier: GPL-2.0-or-later
// The tests share these headers; see precompiled.hpp.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmake/precompiled.hpp"
