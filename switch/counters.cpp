// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/counters.hpp"

namespace rb {

void PortTotals::add(const PortCounters& counters) noexcept {
  for (std::size_t kind = 0; kind < kCastKindCount; ++kind) {
    rx[kind].frames += counters.rx[kind].frames.value();
    rx[kind].bytes += counters.rx[kind].bytes.value();
    tx[kind].frames += counters.tx[kind].frames.value();
    tx[kind].bytes += counters.tx[kind].bytes.value();
  }
  forwarded += counters.forwarded.value();
  flooded += counters.flooded.value();
  copies += counters.copies.value();
  punt_copies += counters.punt_copies.value();
  punt_copies_lost += counters.punt_copies_lost.value();
  for (std::size_t reason = 0; reason < kDropReasonCount; ++reason) drops[reason] += counters.drops[reason].value();
}

void PortTotals::subtract(const PortTotals& earlier) noexcept {
  for (std::size_t kind = 0; kind < kCastKindCount; ++kind) {
    rx[kind].frames -= earlier.rx[kind].frames;
    rx[kind].bytes -= earlier.rx[kind].bytes;
    tx[kind].frames -= earlier.tx[kind].frames;
    tx[kind].bytes -= earlier.tx[kind].bytes;
  }
  forwarded -= earlier.forwarded;
  flooded -= earlier.flooded;
  copies -= earlier.copies;
  punt_copies -= earlier.punt_copies;
  punt_copies_lost -= earlier.punt_copies_lost;
  for (std::size_t reason = 0; reason < kDropReasonCount; ++reason) drops[reason] -= earlier.drops[reason];
}

}  // namespace rb
