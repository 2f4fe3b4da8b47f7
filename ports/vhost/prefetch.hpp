// SPDX-License-Identifier: GPL-2.0-or-later
// Bringing memory near before it is needed.
#pragma once

namespace rb {

/// To be written: the line is taken from whoever has it. What compilers make of __builtin_prefetch() only reads, and
/// the write would wait for its owner all the same.
inline void prefetch_to_write(const void* address) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace rb
