// SPDX-License-Identifier: GPL-2.0-or-later
// WriteSpaces: memory for what writes name besides the frames' own octets, until the next submit.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

#include "switch/offload.hpp"

namespace rb {

/// The memory of one write: the head of a segment, the vectors of its pieces, and the message of a socket.
struct WriteSpace {
  std::span<std::byte, Segmenter::kScratchSize> scratch;
  std::span<iovec> vectors;  // kVectors
  msghdr& message;

  static constexpr std::size_t kVectors = Segmenter::kMaxPayloadPieces + 1;
};

/// One worker's.
class WriteSpaces {
 public:
  static constexpr std::size_t kCount = 256;

  WriteSpaces()
      : scratch_(kCount * Segmenter::kScratchSize), vectors_(kCount * WriteSpace::kVectors), messages_(kCount) {}

  [[nodiscard]] bool full() const noexcept { return used_ == kCount; }
  /// The next space; not when full().
  [[nodiscard]] WriteSpace take() noexcept {
    const std::size_t index = used_++;
    return {std::span<std::byte, Segmenter::kScratchSize>(&scratch_[index * Segmenter::kScratchSize],
                                                          Segmenter::kScratchSize),
            {&vectors_[index * WriteSpace::kVectors], WriteSpace::kVectors},
            messages_[index]};
  }
  /// All writes have been submitted: every space is free again.
  void clear() noexcept { used_ = 0; }

 private:
  std::size_t used_ = 0;
  std::vector<std::byte> scratch_;
  std::vector<iovec> vectors_;
  std::vector<msghdr> messages_;
};

}  // namespace rb
