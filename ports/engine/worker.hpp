// SPDX-License-Identifier: GPL-2.0-or-later
// Worker: one thread with one ring, which receives, relays and transmits for its share of all ports.
//
// How it works. One round of run():
//   1. take the newest ForwardingState (one atomic load) and say that the old one is no longer used;
//   2. let ports that have nothing outstanding prepare their next reads, or give frames that they have left;
//   3. submit: the writes of the last batch and these reads in one system call, sleeping if no read has anything; where
//      frames come one soon after the other, it looks for a moment first (idle_spin.hpp);
//   4. give back the buffers whose writes have just completed;
//   5. reap completions into the batch, and forward it: relay, then each egress port's transmit(); what the relay has
//      for the control thread (punted frames, stations that moved) goes into queues that end there.
// So a loaded worker needs one system call a batch, and an idle one sleeps in the kernel until a frame comes.
//
// Thread rules. Everything here belongs to the worker's thread, except post(), which the control thread uses to have
// something done inside the loop, and what is atomic: the state pointer, the counters, the queues to that thread.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "ports/engine/buffer_pool.hpp"
#include "ports/engine/engine.hpp"
#include "ports/engine/event_queue.hpp"
#include "ports/engine/idle_spin.hpp"
#include "ports/engine/mailbox.hpp"
#include "ports/engine/port.hpp"
#include "ports/engine/rate_limit.hpp"
#include "ports/engine/ring.hpp"
#include "switch/offload.hpp"
#include "switch/relay.hpp"

namespace rb {

class Worker;

/// What wakes the control thread up; written once until it has looked.
class WakingFd {
 public:
  WakingFd();
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Any worker, after what it has to say stands in its queue.
  void wake() noexcept;
  /// The control thread, before it looks into the queues: whoever adds to one from here on wakes it again.
  void clear() noexcept;

 private:
  UniqueFd fd_;
  std::atomic<bool> pending_{false};  // fd_ has been written and not yet been read
};

/// What the workers of one engine share. Written by the control thread, read by all.
struct EngineShared {
  EngineShared(const Fdb::Options& fdb_options) : fdb(fdb_options) {}

  Fdb fdb;
  std::atomic<const ForwardingState*> state{nullptr};
  std::atomic<std::uint64_t> published{0};  // counts publications
  std::atomic<bool> fdb_events_wanted{false};
  std::atomic<bool> move_events_wanted{false};
  WakingFd events;           // the control thread, for events of any worker
  WakingFd punts;            // and for frames
  std::int64_t start_s = 0;  // CLOCK_MONOTONIC
  unsigned worker_count = 1;
  std::vector<Worker*> workers;                     // by number; there before any port is
  std::vector<std::unique_ptr<Mailbox>> mailboxes;  // from a worker to another: from * worker_count + to
  unsigned file_count = 0;                          // places for descriptors in each worker's ring
  bool nowait = false;                              // reads and writes with RWF_NOWAIT
  bool register_files = false;                      // name files by their place in the ring's table; else by descriptor
};

/// How many reads the next burst of a queue should have. What the last one found is the best guess of what waits now:
/// half as much again, so that a growing load is met in a few rounds, and an ebbing one costs few reads in vain.
[[nodiscard]] inline unsigned next_burst(unsigned found, unsigned longest) noexcept {
  return std::min(found + found / 2 + 1, longest);
}

class Worker {
 public:
  static constexpr std::size_t kEventCapacity = 4096;
  static constexpr std::size_t kPuntCapacity = 4096;  // of 80 ports that punt as much as they may for a second
  using Command = std::function<void(Worker&)>;

  /// Starts the thread; `started` gets the ring's Result once.
  Worker(EngineShared& shared, unsigned number);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Any thread.

  /// Waits until the thread runs or has failed to set its ring up.
  [[nodiscard]] Result<> wait_started();
  /// Has `command` run inside the loop, in order.
  void post(Command command);
  /// Has the worker look into its mailboxes.
  void wake_for_mail() noexcept;
  /// Waits until the worker uses publication `number` or a later one.
  void wait_passed(std::uint64_t number) const noexcept;
  [[nodiscard]] const PortCounters& counters_of(PortIndex port) const noexcept { return counters_[port]; }
  /// Its own functions say whose thread they are for.
  [[nodiscard]] VlanCounterTable& vlan_counters() noexcept { return vlan_counters_; }
  [[nodiscard]] EventQueue<EngineEvent, kEventCapacity>& events() noexcept { return events_; }
  [[nodiscard]] EventQueue<PuntedFrame, kPuntCapacity>& punts() noexcept { return punts_; }
  /// Calls `use(port, errno)` for each port that has failed since the last call. Unlike events none is ever lost.
  template <typename Use>
  void take_port_errors(Use use) {
    if (!port_failed_.exchange(false, std::memory_order_acq_rel)) return;
    for (std::size_t port = 0; port < port_errors_.size(); ++port) {
      if (const int error = port_errors_[port].exchange(0, std::memory_order_acq_rel); error != 0)
        use(static_cast<PortIndex>(port), error);
    }
  }

  // The worker's thread: commands.

  [[nodiscard]] unsigned number() const noexcept { return number_; }
  [[nodiscard]] unsigned worker_count() const noexcept { return shared_.worker_count; }
  /// Takes a port in and arms it.
  void add_port(std::unique_ptr<Port> port) noexcept;
  /// Stops a port; `done` is called with the port, for the last time, when nothing of it is outstanding.
  void remove_port(PortIndex index, std::function<void(std::unique_ptr<Port>)> done);
  /// How requests name a file: its place in the table of registered files, nothing when that is full, or the
  /// descriptor itself. file_flag() goes with it.
  [[nodiscard]] std::optional<unsigned> register_file(int fd);
  void unregister_file(unsigned file) noexcept;
  void stop() noexcept { stopping_ = true; }
  /// Sends a frame of the switch's own, of at most Engine::kMaxSendSize octets, out of a port.
  void send_own(PortIndex port, std::span<const std::byte> octets) noexcept;

  // The worker's thread: ports.

  [[nodiscard]] Ring& ring() noexcept { return *ring_; }
  [[nodiscard]] BufferPool& pool() noexcept { return pool_; }
  [[nodiscard]] bool nowait() const noexcept { return shared_.nowait; }
  [[nodiscard]] unsigned file_flag() const noexcept { return shared_.register_files ? IOSQE_FIXED_FILE : 0; }
  [[nodiscard]] PortCounters& counters(PortIndex port) noexcept { return counters_[port]; }
  /// A frame of the batch being sent; it lives until the next submit. And how it is addressed.
  [[nodiscard]] const Frame& frame(FrameIndex index) const noexcept { return relay_.frame(index); }
  [[nodiscard]] CastKind cast(FrameIndex index) const noexcept { return relay_.cast(index); }
  /// Puts a received frame into the batch: `size` octets of virtio_net_hdr and frame at `start`, which lies in `buffer`
  /// (aligned to two octets); the batch owns the buffer from here.
  void receive(PortIndex ingress, BufferId buffer, std::byte* start, std::uint32_t size) noexcept;
  /// Room for the next frame that a port lends: its pieces[0] is what the port copies to `head`, which must hold all
  /// headers, and the others lie in memory that somebody else may change. Never used in a round whose batch is full:
  /// read_budget() is to be kept.
  struct LentRoom {
    VnetHeader* vnet;  // uninitialised; `head` is behind it without a gap
    std::byte* head;   // kMaxHeadersSize octets
    Piece* pieces;     // kMaxLentPieces
  };
  /// Pieces of one, which with a head of another tag still are no more than writes take.
  static constexpr std::size_t kMaxLentPieces = Segmenter::kMaxPayloadPieces - 1;
  [[nodiscard]] LentRoom lent_room() noexcept {
    std::byte* vnet = &lent_heads_[lent_heads_size_];
    return {reinterpret_cast<VnetHeader*>(vnet), vnet + sizeof(VnetHeader), &lent_pieces_[lent_piece_count_]};
  }
  /// Puts the frame that stands in lent_room() into the batch. When it has been written, lender.take_back() is called,
  /// where lent_by() says so once for the batch.
  void receive_lent(const Port& lender, std::uint32_t size, std::size_t piece_count) noexcept {
    const LentRoom room = lent_room();
    frames_[batch_count_] = {room.vnet, room.pieces, size, static_cast<std::uint16_t>(piece_count), lender.index()};
    buffers_[batch_count_] = kNoBuffer;
    lent_piece_count_ += piece_count;
    lent_heads_size_ += (sizeof(VnetHeader) + room.pieces[0].size + 15) / 16 * 16;
    ++batch_count_;
  }
  /// Has lender.take_back() called when the batch that is being filled has been written.
  void lent_by(Port& lender) noexcept {
    if (lenders_.empty() || lenders_.back() != &lender) lenders_.push_back(&lender);
  }
  /// Has port.arm() called before the next submit.
  void arm_later(Port& port) noexcept { ready_.push_back(&port); }
  /// How many reads may still be prepared in this round, so that all ports get their share of the batch.
  [[nodiscard]] unsigned read_budget() const noexcept { return read_budget_; }
  void spend_read_budget(unsigned reads) noexcept { read_budget_ -= std::min(reads, read_budget_); }
  /// Memory that lives until the next submit: one Segmenter scratch, and `count` (at most kMaxPayloadPieces + 1)
  /// iovecs.
  struct SegmentSpace {
    std::span<std::byte, Segmenter::kScratchSize> scratch;
    std::span<iovec> vectors;
    msghdr& message;
  };
  [[nodiscard]] SegmentSpace segment_space() noexcept;
  /// Hands a frame to another worker, which owns the port it is for; false when its mailbox is full. After some of
  /// them, once, wake_for_mail().
  [[nodiscard]] bool mail(unsigned worker, PortIndex port, CastKind cast, const Frame& frame) noexcept {
    return shared_.mailboxes[number_ * shared_.worker_count + worker]->push(port, cast, frame);
  }
  void wake_for_mail(unsigned worker) noexcept { shared_.workers[worker]->wake_for_mail(); }
  /// Counts a frame that came in but cannot enter the batch, and gives its buffer back.
  void drop_received(PortIndex ingress, BufferId buffer, std::uint32_t size, DropReason reason) noexcept;
  /// Counts frames that are on their way out, `octets` in all.
  void count_sent(PortIndex port, CastKind cast, std::uint64_t octets, std::uint64_t frames = 1) noexcept {
    PortCounters::Traffic& tx = counters_[port].tx[static_cast<std::size_t>(cast)];
    tx.frames.add(frames);
    tx.bytes.add(octets);
  }
  /// Tells the control thread that a port failed with an errno.
  void report_port_error(PortIndex port, int error) noexcept;

 private:
  static constexpr std::size_t kBufferCount =
      768;  // two batches (one being sent), and as many again that wait in the kernel
  static constexpr unsigned kMaxReadsPerRound = kMaxBatch;
  static constexpr std::size_t kMaxSegmentSpaces = 256;
  static constexpr std::size_t kVectorsPerSegment = Segmenter::kMaxPayloadPieces + 1;
  static constexpr std::size_t kMaxProvided = 256;

  void main() noexcept;
  void run() noexcept;
  void take_state() noexcept;
  void arm_ports() noexcept;
  void provide_buffers() noexcept;
  void submit(unsigned wait_count) noexcept;
  [[nodiscard]] bool completes_soon() noexcept;
  void handle(const io_uring_cqe& completion) noexcept;
  void handle_wake() noexcept;
  void take_mail() noexcept;
  void forward() noexcept;
  void hand_punted_over(std::uint32_t now_s) noexcept;
  void report_learned(std::uint32_t now_s) noexcept;
  void give_back_lent() noexcept;
  void finish_removals() noexcept;
  void arm_wake() noexcept;
  [[nodiscard]] std::uint32_t now_s() const noexcept;

  struct Removal {
    PortIndex index;
    std::function<void(std::unique_ptr<Port>)> done;
  };

  EngineShared& shared_;
  const unsigned number_;
  UniqueFd wake_fd_;
  std::uint64_t wake_count_ = 0;  // what the armed read of wake_fd_ reads into

  std::mutex commands_mutex_;
  std::deque<Command> commands_;
  std::atomic<std::uint64_t> passed_{0};
  std::atomic<bool> mail_pending_{false};  // wake_fd_ has been written for it, and it has not been taken yet

  std::optional<Ring> ring_;  // made by the thread itself, which SINGLE_ISSUER demands
  BufferPool pool_{kBufferCount};
  std::size_t provided_count_ = 0;      // buffers in the ring of provided buffers
  std::size_t waiting_read_count_ = 0;  // how many reads may wait in the kernel at once, over all ports

  std::unique_ptr<PortCounters[]> counters_;
  VlanCounterTable vlan_counters_;
  Relay relay_;
  EgressLists egress_{kMaxPorts + 1};
  EventQueue<EngineEvent, kEventCapacity> events_;
  RateLimit<Engine::kMoveEventsPerSecond> move_limit_;
  EventQueue<PuntedFrame, kPuntCapacity> punts_;
  std::vector<RateLimit<Engine::kPuntsPerSecond>> punt_limits_{kMaxPorts};  // by port
  std::vector<RateLimit<Engine::kProbesPerSecond>> probe_limits_{kMaxPorts};
  std::array<std::atomic<int>, kMaxPorts> port_errors_{};  // errno of each port that has failed; 0: it has not
  std::atomic<bool> port_failed_{false};

  const ForwardingState* state_ = nullptr;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<Port*> ready_, arming_;
  std::vector<OwnedPort*> mailed_;  // who have got mail, and have to flush it
  std::vector<Removal> removals_;
  std::vector<unsigned> free_files_;
  unsigned read_budget_ = 0;
  IdleSpin idle_spin_;
  bool stopping_ = false;

  // The batch being filled, and the buffers of batches whose writes are not submitted yet.
  std::size_t batch_count_ = 0;
  std::array<Frame, kMaxBatch> frames_;
  std::array<Piece, kMaxBatch> pieces_;
  std::array<BufferId, kMaxBatch> buffers_;
  std::vector<BufferId> sending_;
  bool written_ = true;  // what the last batch prepared has been submitted

  // Frames of the batch that are lent: their heads behind each other, each as long as it is, so that a batch of short
  // frames stays in the first-level cache, and all their pieces likewise. And who lent them: to the batch being filled,
  // to batches whose writes are not submitted yet.
  static constexpr std::size_t kLentHeadSize = (sizeof(VnetHeader) + kMaxHeadersSize + 15) / 16 * 16;
  std::unique_ptr<std::byte[]> lent_heads_ = std::make_unique<std::byte[]>(kMaxBatch * kLentHeadSize);
  std::unique_ptr<Piece[]> lent_pieces_ = std::make_unique<Piece[]>(kMaxBatch * kMaxLentPieces);
  std::size_t lent_heads_size_ = 0, lent_piece_count_ = 0;
  std::vector<Port*> lenders_, sending_lenders_;

  // Frames of the switch's own, until the next submit.
  struct OwnFrame {
    alignas(8) VnetHeader vnet;
    // Behind it without a gap, so that both can be written in one go.
    std::array<std::byte, Engine::kMaxSendSize> octets;
    Piece piece;
    Frame frame;
  };
  static_assert(offsetof(OwnFrame, octets) == offsetof(OwnFrame, vnet) + sizeof(VnetHeader));
  std::array<OwnFrame, 64> own_frames_;
  std::size_t own_frame_count_ = 0;

  std::size_t segment_count_ = 0;
  std::vector<std::byte> scratch_;
  std::vector<iovec> vectors_;
  std::vector<msghdr> messages_;

  std::promise<Result<>> started_;
  std::thread thread_;  // last: everything above is there when it begins
};

}  // namespace rb
