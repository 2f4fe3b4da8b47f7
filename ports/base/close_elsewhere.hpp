// SPDX-License-Identifier: GPL-2.0-or-later
// Closing what strangers have sent, on a thread that may wait for it.
#pragma once

#include "ports/base/unique_fd.hpp"

namespace rb {

/// Closes a descriptor whose other holders decide how long that takes: a socket that lingers, a file of a file system
/// in userspace, or a Unix socket in whose queue such descriptors may still lie. Returns at once; any thread.
void close_elsewhere(UniqueFd fd);

/// What a front end may send: what these are is known without asking the file itself, which could make us wait.
enum class SentFile : unsigned char {
  kEventfd,
  kMemory,  // of tmpfs, a memfd, or of hugetlbfs
  kOther,
};
[[nodiscard]] SentFile kind_of_sent_file(int fd);

}  // namespace rb
