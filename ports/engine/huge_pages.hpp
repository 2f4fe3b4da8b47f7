// SPDX-License-Identifier: GPL-2.0-or-later
// Huge pages for large memory that is read at random places.
#pragma once

#include <sys/mman.h>

#include <cstddef>

namespace rb {

/// Asks for huge pages, where the kernel gives them on request (transparent_hugepage: madvise). A processor remembers
/// the addresses of some thousand pages; any other page costs a walk through the page tables, and a virtual machine has
/// two sets of tables. Where the kernel has no huge pages, nothing changes.
inline void ask_for_huge_pages(void* memory, std::size_t size) noexcept {
  (void)::madvise(memory, size, MADV_HUGEPAGE);
}

}  // namespace rb
