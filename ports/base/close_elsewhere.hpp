// SPDX-License-Identifier: GPL-2.0-or-later
// Closes descriptors that strangers have sent, on a thread that may wait.
#pragma once

#include "ports/base/unique_fd.hpp"

namespace rb {

/// Closes a descriptor whose other holders decide how long that takes: a socket that lingers, a file of a file system
/// in userspace, or a Unix socket whose queue may contain such descriptors. Returns at once. Any thread.
void close_elsewhere(UniqueFd fd);

/// The kinds of file that a front end may send and that are known without asking the file itself, which could make us
/// wait.
enum class SentFile : unsigned char {
  kEventfd,
  kMemory,  // a file of tmpfs or hugetlbfs, or a memfd
  kOther,
};
[[nodiscard]] SentFile kind_of_sent_file(int fd);

}  // namespace rb
