// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vhost_port.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ports/engine/port_context.hpp"
#include "ports/vhost/guest_frames.hpp"
#include "switch/copy.hpp"
#include "switch/flow_hash.hpp"
#include "switch/offload.hpp"

namespace rb {
namespace {

constexpr std::size_t kAheadOfOthers = 4;  // number of chains to look at after a frame that cannot simply be copied
constexpr unsigned kIdleRounds = 200;      // number of empty rounds before a ring asks for kicks
/// So many descriptors count as one frame: a guest that cuts its frames to pieces gets fewer frames served.
constexpr unsigned kDescriptorsAFrame = 16;
/// Octets of the largest frame that a guest may send. A buffer must hold it.
constexpr std::uint32_t kMaxFrameSize = BufferPool::kBufferSize - sizeof(VnetHeader) - 1;

/// Limit on guest buffers filled per batch. A full batch of 256 frames of 64 KiB in buffers of 1.5 KiB needs 11,008
/// buffers. The limit prevents a guest with tiny buffers from stalling the worker.
constexpr unsigned kBuffersPerRound = 16384;

const std::uint64_t kOne = 1;  // the value that a call writes into an eventfd

// Tag::detail of a request has its kind, the ring, and the generation of the ring with this number.
constexpr std::uint64_t kKick = 0, kCall = 1;
constexpr std::uint64_t notify_detail(std::uint64_t kind, unsigned ring, std::uint32_t generation) noexcept {
  return kind << 39 | std::uint64_t{ring} << 32 | generation;
}

/// Returns the header for a frame that need not be finished for the guest.
VnetHeader vnet_for(const Frame& frame, const PortState& to) noexcept {
  if (to.accepts.has(Offloads::kCsum)) return *frame.vnet;
  return {};  // the guest has not negotiated the meaning of DATA_VALID
}

}  // namespace

/// One ring of this worker.
struct VhostPort::Queue {
  unsigned number = 0;
  std::uint32_t generation = 0;  // distinguishes its requests from those of an earlier ring with the same number
  Vring ring;
  std::uint32_t header_size = 0;
  bool mergeable = false;
  bool enabled = false;
  bool was_enabled = false;
  bool awake = false;  // the worker looks at this transmit ring in every round
  unsigned idle_rounds = 0;
  int kick_fd = -1, call_fd = -1;
  unsigned put_budget = kBuffersPerRound;
  bool polled = false;      // a poll of kick_fd is outstanding
  bool calling = false;     // a write to call_fd is outstanding
  bool call_again = false;  // another write is wanted after it
};

VhostPort::VhostPort(PortIndex index, unsigned worker_count) noexcept : OwnedPort(index), worker_count_(worker_count) {}
VhostPort::~VhostPort() = default;

// Starting and stopping rings.

void VhostPort::start_ring(unsigned ring, const VringSetup& setup, PortContext& context) noexcept {
  if ((index() + ring / 2) % worker_count_ != context.worker_number() || stopping_) return;
  auto made = std::make_unique<Queue>();
  Queue& queue = *made;
  queue.number = ring;
  queue.generation = ++last_generation_;
  queue.ring = Vring(setup.layout, setup.next, setup.event_index, *setup.memory, setup.log, setup.used_log);
  queue.header_size = setup.header_size;
  queue.mergeable = setup.mergeable;
  queue.enabled = queue.was_enabled = setup.enabled;
  queue.kick_fd = setup.kick_fd;
  queue.call_fd = setup.call_fd;
  queues_[ring] = std::move(made);
  renew_lists();
  // The switch does not wait for buffers: a frame that finds none is dropped.
  queue.ring.suppress_kicks();
  if (is_receive_ring(ring)) return;
  wait_for_kick(queue, context);
  wake(queue, context);
}

std::optional<std::uint16_t> VhostPort::stop_ring(unsigned ring, PortContext& context) noexcept {
  if (queues_[ring] == nullptr) return std::nullopt;
  const Queue& queue = *queues_[ring];
  for (const auto& [outstanding, kind] : {std::pair{queue.polled, kKick}, std::pair{queue.calling, kCall}}) {
    if (!outstanding) continue;
    io_uring_sqe* sqe = context.ring().entry();
    io_uring_prep_cancel64(sqe, Tag{Operation::kNotify, index(), notify_detail(kind, ring, queue.generation)}.pack(),
                           0);
    io_uring_sqe_set_data64(sqe, Tag{Operation::kCancel}.pack());
  }
  const std::uint16_t next = queue.ring.next();
  queues_[ring].reset();
  renew_lists();
  // Prepared requests may still name its descriptors, which will be closed.
  context.ring().submit(0);
  return next;
}

void VhostPort::enable_ring(unsigned ring, bool enabled, PortContext& context) noexcept {
  if (queues_[ring] == nullptr) return;
  queues_[ring]->enabled = enabled;
  queues_[ring]->was_enabled |= enabled;
  renew_lists();
  if (!is_receive_ring(ring)) wake(*queues_[ring], context);
}

void VhostPort::set_call(unsigned ring, int fd, PortContext& context) noexcept {
  if (queues_[ring] == nullptr) return;
  context.ring().submit(0);  // as in stop_ring()
  queues_[ring]->call_fd = fd;
  // The front end may have missed a call while it changed the descriptor.
  call(*queues_[ring], context);
}

void VhostPort::set_open(bool open, PortContext& context) noexcept {
  open_ = open;
  for (Queue* queue : transmitting_) wake(*queue, context);
}

void VhostPort::renew_lists() noexcept {
  receiving_.clear();
  transmitting_.clear();
  for (const std::unique_ptr<Queue>& queue : queues_) {
    if (queue == nullptr) continue;
    if (!is_receive_ring(queue->number)) {
      transmitting_.push_back(queue.get());
    } else if (queue->enabled) {
      receiving_.push_back(queue.get());
    }
  }
}

void VhostPort::forget_trouble() noexcept {
  failed_ = false;
  fault_.store(VringFault::kNone, std::memory_order_relaxed);
}

VhostTrouble VhostPort::trouble() const noexcept {
  const VringFault fault = fault_.load(std::memory_order_acquire);
  return {fault_ring_.load(std::memory_order_relaxed), {fault, fault_value_.load(std::memory_order_relaxed)}};
}

void VhostPort::fail(const Queue& queue, PortContext& context) noexcept {
  if (std::exchange(failed_, true)) return;
  fault_ring_.store(queue.number, std::memory_order_relaxed);
  fault_value_.store(queue.ring.trouble().value, std::memory_order_relaxed);
  fault_.store(queue.ring.trouble().fault, std::memory_order_release);
  context.report_port_error(index(), EPROTO);
}

bool VhostPort::memory_lost(PortContext& context) noexcept {
  const std::uint64_t broken = GuardedMapping::broken_count();
  if (broken == broken_seen_) [[likely]]
    return false;
  broken_seen_ = broken;
  for (const std::unique_ptr<Queue>& queue : queues_) {
    if (queue == nullptr || !queue->ring.memory_lost()) continue;
    queue->ring.fail(VringFault::kMemoryLost, 0);
    fail(*queue, context);
    return true;
  }
  return false;
}

// Notifications.

void VhostPort::wait_for_kick(Queue& queue, PortContext& context) noexcept {
  // The poll is edge-triggered and reports each write, so the eventfd need not be read: it belongs to the guest and
  // might make us wait.
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_poll_multishot(sqe, queue.kick_fd, POLLIN);
  io_uring_sqe_set_data64(
      sqe, Tag{Operation::kNotify, index(), notify_detail(kKick, queue.number, queue.generation)}.pack());
  queue.polled = true;
  ++outstanding_;
}

void VhostPort::wake(Queue& queue, PortContext& context) noexcept {
  if (failed_ || stopping_) return;
  if (!queue.awake) queue.ring.suppress_kicks();
  queue.awake = true;
  queue.idle_rounds = 0;
  if (!std::exchange(queued_, true)) context.arm_later(*this);
}

void VhostPort::call(Queue& queue, PortContext& context) noexcept {
  if (queue.call_fd < 0) return;
  if (queue.calling) {
    queue.call_again = true;
    return;
  }
  // The eventfd belongs to the guest, which may have made writes to it block; then there is no call.
  io_uring_sqe* sqe = context.ring().entry();
  io_uring_prep_write(sqe, queue.call_fd, &kOne, sizeof kOne, 0);
  sqe->rw_flags = RWF_NOWAIT;
  io_uring_sqe_set_data64(
      sqe, Tag{Operation::kNotify, index(), notify_detail(kCall, queue.number, queue.generation)}.pack());
  queue.calling = true;
  ++outstanding_;
}

void VhostPort::complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept {
  const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
  if (!more) --outstanding_;
  Queue* queue = queues_[tag.detail >> 32 & (kMaxRings - 1)].get();
  if (queue == nullptr || queue->generation != static_cast<std::uint32_t>(tag.detail) || stopping_) return;
  if (tag.detail >> 39 == kCall) {
    queue->calling = false;
    if (std::exchange(queue->call_again, false)) call(*queue, context);
    return;
  }
  if (!more) {
    queue->polled = false;
    // A full completion queue ends a poll, too.
    if (completion.res >= 0) wait_for_kick(*queue, context);
  }
  if (completion.res > 0) wake(*queue, context);
}

void VhostPort::publish(Queue& queue, PortContext& context) noexcept {
  if (queue.ring.has_unpublished() && queue.ring.publish()) call(queue, context);
}

// From the guest.

void VhostPort::arm(PortContext& context) noexcept {
  queued_ = false;
  if (failed_ || stopping_ || memory_lost(context)) return;
  bool awake = false;
  // Another ring begins each time, because the budget of a round may not suffice for the last one.
  const std::size_t count = transmitting_.size();
  if (++first_ >= count) first_ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Queue* queue = transmitting_[first_ + i < count ? first_ + i : first_ + i - count];
    if (queue->awake) poll(*queue, context);
    awake = awake || queue->awake;
  }
  if (!awake || failed_) return;
  queued_ = true;
  context.arm_later(*this);
}

void VhostPort::poll(Queue& queue, PortContext& context) noexcept {
  // Chains of a disabled ring are taken and have no effect (vhost-user, "Ring states"). An exception is a ring that
  // will be enabled for the first time: frames that wait when a switch comes back need not be lost.
  if (queue.enabled ? !open_ : !queue.was_enabled) {
    queue.awake = false;  // until set_open(), enable_ring()
    return;
  }
  const unsigned wanted = std::min(kBurst, context.batch().read_budget());
  if (wanted == 0) return;
  if (const unsigned count = queue.ring.available(wanted); count != 0) {
    queue.idle_rounds = 0;
    context.batch().spend_read_budget(count);
    receive(queue, count, context);
  } else if (++queue.idle_rounds > kIdleRounds) {
    queue.awake = queue.ring.ask_for_kicks();
    if (queue.awake) queue.ring.suppress_kicks();
    queue.idle_rounds = 0;
  }
  if (queue.ring.trouble().fault != VringFault::kNone) fail(queue, context);
}

void VhostPort::receive(Queue& queue, unsigned count, PortContext& context) noexcept {
  Vring& ring = queue.ring;
  count = ring.look_ahead(count, VringDirection::kFromGuest, chains_);
  unsigned taken = 0;
  bool spent = false;
  for (; taken < count && ring.trouble().fault == VringFault::kNone; ++taken) {
    const WaitingChain& chain = chains_[taken];
    if (queue.enabled) [[likely]] {
      if (chain.simple.size >= queue.header_size && chain.simple.size <= kMaxFrameSize) [[likely]] {
        lend_simple(queue, chain.simple, context);
      } else if (spent || !receive_chain(queue, chain.head, context)) {
        break;
      } else {
        spent = context.batch().read_budget() == 0;  // chains of many pieces cost more of the budget
      }
    }
    ring.put_used(chain.head, 0);
  }
  ring.take(taken);
  context.batch().lent_by(*this);
}

bool VhostPort::receive_chain(Queue& queue, std::uint16_t head, PortContext& context) noexcept {
  std::array<Piece, ChainWalk::kMaxDescriptors> room;
  const std::optional<SentChain> chain = find_chain(queue.ring, head, queue.header_size, kMaxFrameSize, room);
  if (!chain) return false;
  const std::span<const Piece> pieces{room.data(), chain->piece_count};
  // The copied head is a piece of its own.
  if (pieces.size() < Batch::kMaxLentPieces) {
    lend(queue, pieces, chain->size, context);
    return true;
  }
  context.batch().spend_read_budget(static_cast<unsigned>(pieces.size()) / kDescriptorsAFrame);
  return copy(queue, pieces, chain->size, context);
}

/// Adds the frame of a chain of `size` octets to the batch. Only its head is copied; the rest stays in place. The chain
/// has at least its header, and fewer than kMaxLentPieces pieces.
void VhostPort::lend(const Queue& queue, std::span<const Piece> chain, std::uint32_t size,
                     PortContext& context) noexcept {
  const Batch::LentRoom room = context.batch().lent_room();
  ChainReader reader(chain);
  new (room.vnet) VnetHeader{};
  reader.read(reinterpret_cast<std::byte*>(room.vnet), queue.header_size);
  size -= queue.header_size;
  const std::uint32_t head_size = std::min(size, static_cast<std::uint32_t>(kMaxHeadersSize));
  reader.read(room.head, head_size);
  room.pieces[0] = {room.head, head_size};
  context.batch().receive_lent(index(), size, 1 + reader.rest({room.pieces + 1, Batch::kMaxLentPieces - 1}));
}

/// Does the same for a chain in one piece.
void VhostPort::lend_simple(const Queue& queue, Piece chain, PortContext& context) noexcept {
  const Batch::LentRoom room = context.batch().lent_room();
  std::memcpy(static_cast<void*>(room.vnet), chain.data, kLegacyHeaderSize);
  room.vnet->num_buffers = 0;
  const std::uint32_t size = chain.size - queue.header_size;
  const std::uint32_t head_size = std::min(size, static_cast<std::uint32_t>(kMaxHeadersSize));
  const std::byte* octets = chain.data + queue.header_size;
  copy_octets(room.head, octets, head_size);
  room.pieces[0] = {room.head, head_size};
  room.pieces[1] = {chain.data + queue.header_size + head_size, size - head_size};
  context.batch().receive_lent(index(), size, size > head_size ? 2 : 1);
}

/// Does the same for a chain of many pieces, by a copy of all octets. False if there is no buffer for the copy now.
bool VhostPort::copy(const Queue& queue, std::span<const Piece> chain, std::uint32_t size,
                     PortContext& context) noexcept {
  const BufferId buffer = context.pool().take();
  if (buffer == kNoBuffer) return false;
  std::byte* start = context.pool().address(buffer);
  new (start) VnetHeader{};
  ChainReader reader(chain);
  reader.read(start, queue.header_size);
  size -= queue.header_size;
  reader.read(start + sizeof(VnetHeader), size);
  context.batch().receive(index(), buffer, start, static_cast<std::uint32_t>(sizeof(VnetHeader)) + size);
  return true;
}

void VhostPort::take_back(PortContext& context) noexcept {
  for (Queue* queue : transmitting_) publish(*queue, context);
}

// To the guest.

void VhostPort::transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept {
  if (failed_ || stopping_ || memory_lost(context)) {
    return context.counters(index()).drop(DropReason::kEgressDown, indexes.size());
  }
  if (receiving_.empty()) {
    if (!mail_to_ || *mail_to_ == context.worker_number())
      return context.counters(index()).drop(DropReason::kEgressDown, indexes.size());
    for (const FrameIndex frame : indexes) {
      if (!context.mail(*mail_to_, index(), context.cast(frame), context.frame(frame)))
        context.counters(index()).drop(DropReason::kEgressFull);
    }
    return context.wake_for_mail(*mail_to_);
  }
  if (receiving_.size() == 1) {
    put_all(indexes, to, context);
  } else {
    for (const FrameIndex frame : indexes) send(context.frame(frame), context.cast(frame), to, context);
  }
  flush(context);
}

/// Puts frames into the only ring, in bursts as far as the frames and chains are simple.
void VhostPort::put_all(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept {
  std::array<std::uint64_t, kCastKindCount> frames{}, octets{};
  std::size_t most = Vring::kMaxAhead;
  while (!indexes.empty()) {
    const std::size_t wanted = std::min(indexes.size(), most);
    const std::size_t put = put_burst(*receiving_.front(), indexes.first(wanted), to, context);
    for (const FrameIndex frame : indexes.first(put)) {
      const auto cast = static_cast<std::size_t>(context.cast(frame));
      ++frames[cast];
      octets[cast] += context.frame(frame).size;
    }
    indexes = indexes.subspan(put);
    most = std::min<std::size_t>(2 * most, Vring::kMaxAhead);
    if (put == wanted) continue;
    // If one chain is not simple, others are not either: looking far ahead would be useless.
    most = kAheadOfOthers;
    send(context.frame(indexes.front()), context.cast(indexes.front()), to, context);
    indexes = indexes.subspan(1);
  }
  for (std::size_t cast = 0; cast < kCastKindCount; ++cast) {
    if (frames[cast] != 0) context.count_sent(index(), static_cast<CastKind>(cast), octets[cast], frames[cast]);
  }
}

/// Copies frames unchanged into chains of one buffer each, up to the first frame for which this is impossible, at most
/// Vring::kMaxAhead. The caller must count the frames. Returns the number of frames.
std::size_t VhostPort::put_burst(Queue& queue, std::span<const FrameIndex> indexes, const PortState& to,
                                 PortContext& context) noexcept {
  Vring& ring = queue.ring;
  const std::size_t wanted = std::min<std::size_t>(indexes.size(), queue.put_budget);
  const unsigned count =
      ring.look_ahead(ring.available(static_cast<unsigned>(wanted)), VringDirection::kToGuest, chains_);
  unsigned put = 0;
  for (; put < count; ++put) {
    const Frame& frame = context.frame(indexes[put]);
    const WaitingChain& chain = chains_[put];
    const std::uint32_t size = queue.header_size + frame.size;
    if (chain.simple.size < size || needs_software_offload(*frame.vnet, to.accepts)) break;
    write_frame(chain.simple.data, frame, vnet_for(frame, to), queue.header_size);
    ring.wrote(chain.guest_address, size);
    ring.put_used(chain.head, size);
  }
  ring.take(put);
  queue.put_budget -= put;
  return put;
}

void VhostPort::send(const Frame& frame, CastKind cast, const PortState& to, PortContext& context) noexcept {
  if (failed_ || stopping_ || receiving_.empty()) return context.counters(index()).drop(DropReason::kEgressDown);
  Queue& queue = receiving_.size() == 1 ? *receiving_.front() : *receiving_[flow_hash(frame) % receiving_.size()];
  std::optional<DropReason> dropped;
  if (needs_software_offload(*frame.vnet, to.accepts)) {
    dropped = put_segments(frame, queue);
  } else {
    dropped = put(frame, vnet_for(frame, to), queue);
  }
  dropped ? context.counters(index()).drop(*dropped) : context.count_sent(index(), cast, frame.size);
  if (queue.ring.trouble().fault != VringFault::kNone) [[unlikely]]
    fail(queue, context);
}

std::optional<DropReason> VhostPort::put(const Frame& frame, const VnetHeader& vnet, Queue& queue) noexcept {
  return put_frame(frame, vnet, {.header_size = queue.header_size, .mergeable = queue.mergeable}, queue.ring,
                   queue.put_budget);
}

std::optional<DropReason> VhostPort::put_segments(const Frame& frame, Queue& queue) noexcept {
  Segmenter segmenter(frame);
  if (!segmenter.valid()) return DropReason::kCannotSegment;
  // The frame counts once, and so does any loss of its segments.
  std::array<std::byte, Segmenter::kScratchSize> scratch;
  std::array<Piece, 1 + Segmenter::kMaxPayloadPieces> pieces;
  Segmenter::Segment segment;
  while (segmenter.next(scratch, segment)) {
    constexpr auto kSkipped = static_cast<std::uint32_t>(sizeof(VnetHeader));
    pieces[0] = {scratch.data() + kSkipped, segment.head_size - kSkipped};
    std::copy_n(segment.payload.begin(), segment.payload_count, pieces.begin() + 1);
    VnetHeader finished;
    const Frame whole{&finished, pieces.data(), segment.size, static_cast<std::uint16_t>(1 + segment.payload_count),
                      frame.ingress};
    if (const std::optional<DropReason> dropped = put(whole, finished, queue)) return dropped;
  }
  return std::nullopt;
}

void VhostPort::flush(PortContext& context) noexcept {
  for (Queue* queue : receiving_) {
    publish(*queue, context);
    queue->put_budget = kBuffersPerRound;
  }
}

void VhostPort::stop(PortContext& context) noexcept {
  for (unsigned ring = 0; ring < kMaxRings; ++ring) (void)stop_ring(ring, context);
  stopping_ = true;
}

std::unique_ptr<Port> VhostPortDevice::make_port(PortIndex index, PortContext& context) {
  auto port = std::make_unique<VhostPort>(index, context.worker_count());
  ports_[context.worker_number()] = port.get();
  return port;
}

}  // namespace rb
