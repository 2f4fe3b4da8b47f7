// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/base/random_number.hpp"

#include <sys/random.h>

#include <stdexcept>

namespace rb {

std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0) {
    if (getrandom(&number, sizeof number, 0) != sizeof number)
      throw std::runtime_error("getrandom gives no random numbers");
  }
  return number;
}

}  // namespace rb
