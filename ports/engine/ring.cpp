// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/ring.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "ports/base/unique_fd.hpp"

namespace rb {
namespace {

Error explain_setup_failure(int error) {
  if (error == EPERM || error == EACCES) {
    int disabled = 0;
    std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
    const std::string_view cause =
        disabled == 2   ? "kernel.io_uring_disabled is 2; 'sysctl kernel.io_uring_disabled=0' allows it"
        : disabled == 1 ? "kernel.io_uring_disabled is 1, which leaves it to CAP_SYS_ADMIN and kernel.io_uring_group"
                        : "a security filter (seccomp of a container, or an LSM) forbids it; allow io_uring_setup, "
                          "io_uring_enter and io_uring_register";
    return {ErrorCode::kPermission, fmt::format("io_uring is switched off here: {}", cause)};
  }
  if (error == ENOSYS) {
    return {
        ErrorCode::kNotSupported,
        "this kernel has no io_uring, or a security filter hides it (ENOSYS); ringbridged needs Linux 6.1 or later"};
  }
  if (error == EINVAL) {
    return {ErrorCode::kNotSupported,
            "this kernel's io_uring is too old: ringbridged needs Linux 6.1 or later (DEFER_TASKRUN)"};
  }
  if (error == ENOMEM) {
    return {ErrorCode::kSystem, "io_uring: not enough memory that may be locked; raise RLIMIT_MEMLOCK ('ulimit -l')"};
  }
  return {ErrorCode::kSystem, fmt::format("io_uring cannot be set up: {}", std::strerror(error))};
}

}  // namespace

Result<Ring> Ring::make(unsigned file_count, unsigned buffer_count) {
  Ring ring;
  io_uring_params params{};
  params.flags =
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE;
  params.cq_entries = kCompletionEntries;
  if (const int result = io_uring_queue_init_params(kSubmissionEntries, &ring.ring_, &params); result < 0) {
    return std::unexpected(explain_setup_failure(-result));
  }
  ring.open_ = true;
  // Saves the kernel one descriptor look-up a call; purely an optimisation, so a refusal is no error.
  (void)io_uring_register_ring_fd(&ring.ring_);
  if (const int result = io_uring_register_files_sparse(&ring.ring_, file_count); result < 0) {
    return fail(ErrorCode::kSystem,
                fmt::format("io_uring cannot register a table of {} files: {}; raise RLIMIT_NOFILE ('ulimit -n')",
                            file_count, std::strerror(-result)));
  }
  ring.buffer_capacity_ = std::bit_ceil(buffer_count);
  const std::size_t bytes = ring.buffer_capacity_ * sizeof(io_uring_buf);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  if (memory == MAP_FAILED) return fail(ErrorCode::kSystem, "no memory for the ring of provided buffers");
  ring.buffers_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = ring.buffer_capacity_;
  registration.bgid = kBufferGroup;
  if (const int result = io_uring_register_buf_ring(&ring.ring_, &registration, 0); result < 0) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("io_uring cannot register a ring of provided buffers: {}", std::strerror(-result)));
  }
  io_uring_buf_ring_init(ring.buffers_);
  return ring;
}

Ring::Ring(Ring&& other) noexcept
    : ring_(other.ring_),
      open_(std::exchange(other.open_, false)),
      buffers_(std::exchange(other.buffers_, nullptr)),
      buffer_capacity_(other.buffer_capacity_),
      added_buffers_(other.added_buffers_) {}

Ring::~Ring() {
  if (open_) io_uring_queue_exit(&ring_);
  if (buffers_ != nullptr) munmap(buffers_, buffer_capacity_ * sizeof(io_uring_buf));
}

io_uring_sqe* Ring::entry() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {
    submit(0);
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

void Ring::submit(unsigned wait_count) noexcept {
  for (;;) {
    const int result =
        wait_count == 0 ? io_uring_submit_and_get_events(&ring_) : io_uring_submit_and_wait(&ring_, wait_count);
    if (result >= 0) {
      // A submission that stops short (a bad entry ends it) is taken up again, so that entries never linger.
      if (io_uring_sq_ready(&ring_) == 0) return;
      continue;
    }
    // EINTR: a signal (a debugger's). EAGAIN, EBUSY: the kernel wants completions reaped first; get_events above has
    // moved them to the completion queue, and NODROP keeps what does not fit.
    assert(result == -EINTR || result == -EAGAIN || result == -EBUSY || result == -ETIME);
    if (result == -EBUSY || result == -EAGAIN) return;
  }
}

int Ring::register_file(unsigned index, int fd) noexcept {
  return io_uring_register_files_update(&ring_, index, &fd, 1);
}

void Ring::provide_buffer(void* address, unsigned size, std::uint16_t id) noexcept {
  io_uring_buf_ring_add(buffers_, address, size, id, static_cast<int>(buffer_capacity_ - 1), added_buffers_++);
}

void Ring::commit_buffers() noexcept {
  if (added_buffers_ != 0) io_uring_buf_ring_advance(buffers_, std::exchange(added_buffers_, 0));
}

RingFeatures probe_ring_features() {
  RingFeatures features;
  // A tap that is not attached yet answers EBADFD where nowait reads are known, EOPNOTSUPP where they are not.
  const UniqueFd tap(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  char octet = 0;
  iovec vector{&octet, 1};
  features.tap_nowait = tap && preadv2(tap.get(), &vector, 1, -1, RWF_NOWAIT) < 0 && errno == EBADFD;
  return features;
}

}  // namespace rb
