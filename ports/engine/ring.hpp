// SPDX-License-Identifier: GPL-2.0-or-later
// Ring: one worker's io_uring, set up for a single issuer, with registered files and one ring of provided buffers.
#pragma once

#include <liburing.h>

#include <cstdint>

#include "switch/result.hpp"

namespace rb {

/// What a completion belongs to; stands in the top octet of user_data.
enum class Operation : std::uint8_t {
  kNone,      // nobody waits for it
  kWake,      // the control thread has something to say
  kReadWait,  // a read that waits for a frame, into a provided buffer
  kReadNow,   // a read that does not wait, into a buffer of the issuer's choice
  kPoll,      // something can be read
  kWrite,     // one frame
  kSocket,    // octets of a stream, either way
  kNotify,    // of a vring: the guest has kicked, or a call has gone
  kTimer,     // the time has come at which a held frame goes on
  kCancel,    // a cancellation
};

/// What a request carries through the kernel in its 64 bits of user_data.
struct Tag {
  Operation operation = Operation::kNone;
  std::uint16_t port = 0;
  std::uint64_t detail = 0;  // 40 bits, the operation's own

  [[nodiscard]] constexpr std::uint64_t pack() const noexcept {
    return std::uint64_t{static_cast<std::uint8_t>(operation)} << 56 | std::uint64_t{port} << 40 | detail;
  }
  [[nodiscard]] static constexpr Tag unpack(std::uint64_t user_data) noexcept {
    return {static_cast<Operation>(user_data >> 56), static_cast<std::uint16_t>(user_data >> 40 & 0xffff),
            user_data & 0xffffffffffULL};
  }
};

/// Used by its worker's thread alone: SINGLE_ISSUER makes the kernel refuse anybody else.
class Ring {
 public:
  static constexpr unsigned kSubmissionEntries = 1024;
  static constexpr unsigned kCompletionEntries = 8192;
  static constexpr std::uint16_t kBufferGroup = 0;
  static constexpr unsigned kMaxReaped = 2048;

  /// To be called by the thread that will use it. Needs Linux 6.1 (DEFER_TASKRUN): kNotSupported before; kPermission
  /// when io_uring is switched off (kernel.io_uring_disabled, or a seccomp filter).
  [[nodiscard]] static Result<Ring> make(unsigned file_count, unsigned buffer_count);
  Ring(Ring&& other) noexcept;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// A submission entry; when none is free, those that stand there are submitted first.
  [[nodiscard]] io_uring_sqe* entry() noexcept;
  /// Submits everything; then waits until `wait_count` completions are there.
  void submit(unsigned wait_count) noexcept;
  /// True while entries stand there that submit() has not handed over.
  [[nodiscard]] bool has_unsubmitted() noexcept { return io_uring_sq_ready(&ring_) != 0; }

  /// True when reap() may find something; costs no system call.
  [[nodiscard]] bool has_completions() noexcept {
    return io_uring_cq_ready(&ring_) != 0 ||
           (io_uring_smp_load_acquire(ring_.sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
  }

  /// Calls `handle(const io_uring_cqe&)` for every completion that is there, at most kMaxReaped: more may come as fast
  /// as they are handled. The entry is freed before the call, so that `handle` may submit.
  template <typename Handle>
  void reap(Handle&& handle) noexcept {
    io_uring_cqe* next = nullptr;
    for (unsigned count = 0; count < kMaxReaped && io_uring_peek_cqe(&ring_, &next) == 0 && next != nullptr; ++count) {
      const io_uring_cqe completion = *next;
      io_uring_cqe_seen(&ring_, next);
      handle(completion);
    }
  }

  /// Puts a descriptor (-1: none) at a place of the table of registered files.
  [[nodiscard]] int register_file(unsigned index, int fd) noexcept;
  /// Adds a buffer to the ring of provided buffers; commit_buffers() makes those added since visible to the kernel.
  void provide_buffer(void* address, unsigned size, std::uint16_t id) noexcept;
  void commit_buffers() noexcept;

 private:
  Ring() = default;

  io_uring ring_{};
  bool open_ = false;
  io_uring_buf_ring* buffers_ = nullptr;
  unsigned buffer_capacity_ = 0;  // a power of two
  int added_buffers_ = 0;
};

/// What the running kernel can do that 6.1 cannot; asked once at start.
struct RingFeatures {
  bool tap_nowait = false;  // RWF_NOWAIT on a tap (Linux 6.4): an empty queue answers EAGAIN instead of arming a poll
};
[[nodiscard]] RingFeatures probe_ring_features();

}  // namespace rb
