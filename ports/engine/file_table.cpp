// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/file_table.hpp"

namespace rb {

FileTable::FileTable(FileNames names, unsigned place_count) : registers_(names == FileNames::kRegistered) {
  free_places_.reserve(place_count);
  for (unsigned place = place_count; place-- > 0;) free_places_.push_back(place);
}

std::optional<unsigned> FileTable::add(Ring& ring, int fd) {
  if (!registers_) return static_cast<unsigned>(fd);
  if (free_places_.empty()) return std::nullopt;
  const unsigned place = free_places_.back();
  if (ring.register_file(place, fd) < 0) return std::nullopt;
  free_places_.pop_back();
  return place;
}

void FileTable::remove(Ring& ring, unsigned file) noexcept {
  if (!registers_) return;
  (void)ring.register_file(file, -1);
  free_places_.push_back(file);
}

}  // namespace rb
