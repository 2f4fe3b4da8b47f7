// SPDX-License-Identifier: GPL-2.0-or-later
// Huge pages for memory that is large and read here and there.
#pragma once

#include <sys/mman.h>

#include <cstddef>

namespace rb {

/// Asks for huge pages, where the kernel gives them to those who ask (transparent_hugepage: madvise). An address in
/// memory of 4 KiB pages, of which processors remember some thousand, costs a walk through tables, of which a virtual
/// machine has two. Where there are none, nothing changes.
inline void ask_for_huge_pages(void* memory, std::size_t size) noexcept {
  (void)::madvise(memory, size, MADV_HUGEPAGE);
}

}  // namespace rb
