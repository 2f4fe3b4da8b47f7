// SPDX-License-Identifier: GPL-2.0-or-later
// PortContext: what a port uses of the worker that it belongs to. Ports know nothing else of workers.
//
// A context has no thread and no loop: a worker drives it, and so does the unit test of a port. All its functions that
// are called for each frame are inline and none is virtual.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ports/engine/batch.hpp"
#include "ports/engine/buffer_pool.hpp"
#include "ports/engine/file_table.hpp"
#include "ports/engine/mail_room.hpp"
#include "ports/engine/port.hpp"
#include "ports/engine/port_errors.hpp"
#include "ports/engine/ring.hpp"
#include "ports/engine/write_spaces.hpp"
#include "switch/counters.hpp"
#include "switch/relay.hpp"

namespace rb {

class PortContext {
 public:
  struct Options {
    unsigned number = 0;  // of the worker
    unsigned file_count = 0;
    FileNames file_names = FileNames::kDescriptors;
    bool nowait = false;  // reads and writes of taps with RWF_NOWAIT
  };
  /// What a context uses; everything outlives the context.
  struct Surroundings {
    const Relay& relay;                // decides the frames that ports are given to transmit
    std::span<PortCounters> counters;  // by port
    MailRoom& mail_room;
    PortErrors& errors;
    Batch::Owner& batch_owner;
  };
  PortContext(const Options& options, const Surroundings& surroundings);

  // Ports: which worker.

  [[nodiscard]] unsigned worker_number() const noexcept { return options_.number; }
  [[nodiscard]] unsigned worker_count() const noexcept { return mail_room_.worker_count(); }
  [[nodiscard]] bool nowait() const noexcept { return options_.nowait; }

  // Ports: requests to the kernel.

  [[nodiscard]] Ring& ring() noexcept { return *ring_; }
  [[nodiscard]] BufferPool& pool() noexcept { return pool_; }
  /// As FileTable::add(), remove(), flag().
  [[nodiscard]] std::optional<unsigned> add_file(int fd) { return files_.add(*ring_, fd); }
  void remove_file(unsigned file) noexcept { files_.remove(*ring_, file); }
  [[nodiscard]] unsigned file_flag() const noexcept { return files_.flag(); }
  /// Has port.arm() called before the next submit.
  void arm_later(Port& port) noexcept { ready_.push_back(&port); }

  // Ports: frames that come in.

  [[nodiscard]] Batch& batch() noexcept { return batch_; }
  /// Counts a frame that came in but cannot enter the batch, and gives its buffer back.
  void drop_received(PortIndex ingress, BufferId buffer, std::uint32_t size, DropReason reason) noexcept;

  // Ports: frames that leave.

  /// A frame of the batch being sent, which lives until the next submit, and how the frame is addressed.
  [[nodiscard]] const Frame& frame(FrameIndex index) const noexcept { return relay_.frame(index); }
  [[nodiscard]] CastKind cast(FrameIndex index) const noexcept { return relay_.cast(index); }
  /// Memory for one write, until the next submit. May submit what is prepared so far.
  [[nodiscard]] WriteSpace write_space() noexcept {
    // The frames being written stay in the batch, so only the writes that are prepared need to go.
    if (spaces_.full()) [[unlikely]] {
      ring_->submit(0);
      spaces_.clear();
    }
    return spaces_.take();
  }
  [[nodiscard]] PortCounters& counters(PortIndex port) noexcept { return counters_[port]; }
  /// Counts frames that are on their way out, `octets` in all.
  void count_sent(PortIndex port, CastKind cast, std::uint64_t octets, std::uint64_t frames = 1) noexcept {
    PortCounters::Traffic& tx = counters_[port].tx[static_cast<std::size_t>(cast)];
    tx.frames.add(frames);
    tx.bytes.add(octets);
  }
  /// Hands a frame to the worker that owns the port; returns false when that worker's mailbox is full. After the last
  /// frame, the caller calls wake_for_mail() once.
  [[nodiscard]] bool mail(unsigned worker, PortIndex port, CastKind cast, const Frame& frame) noexcept {
    return mail_room_.push(options_.number, worker, port, cast, frame);
  }
  void wake_for_mail(unsigned worker) noexcept { mail_room_.doorbell(worker).ring_for_mail(); }

  /// Tells the control thread that a port failed with an errno.
  void report_port_error(PortIndex port, int error) noexcept { errors_.report(port, error); }

  // Whoever drives the context.

  /// Makes the ring. To be called by the thread that will use the context (IORING_SETUP_SINGLE_ISSUER).
  [[nodiscard]] Result<> open_ring();
  /// The ports that have called arm_later() since the last call.
  [[nodiscard]] std::vector<Port*>& ready() noexcept { return ready_; }
  /// Keeps `count` buffers, or as many as the kernel takes, ready for reads that wait (Operation::kReadWait).
  void provide_buffers(std::size_t count) noexcept;
  /// A read has taken a provided buffer.
  void provided_buffer_taken() noexcept { --provided_count_; }
  /// Submits everything, waits until `wait_count` completions are there, and gives back what the writes used.
  void submit(unsigned wait_count) noexcept;
  /// True when everything that the last batch needs has been submitted.
  [[nodiscard]] bool written() const noexcept { return written_; }
  /// Ports have prepared the writes of the batch: empties the batch.
  void batch_sent() noexcept;

 private:
  /// Two batches (one being sent), and as many buffers again that wait in the kernel.
  static constexpr std::size_t kBufferCount = 768;
  static constexpr std::size_t kMaxProvided = 256;

  Options options_;
  const Relay& relay_;
  std::span<PortCounters> counters_;
  MailRoom& mail_room_;
  PortErrors& errors_;
  std::optional<Ring> ring_;
  BufferPool pool_{kBufferCount};
  std::size_t provided_count_ = 0;  // buffers in the ring of provided buffers
  FileTable files_;
  std::vector<Port*> ready_;
  bool written_ = true;
  WriteSpaces spaces_;
  Batch batch_;
};

}  // namespace rb
