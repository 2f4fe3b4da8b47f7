// SPDX-License-Identifier: GPL-2.0-or-later
// The same for the tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmake/precompiled.hpp"
