// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/worker.hpp"

#include <fmt/core.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>

#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "ports/engine/owned_port.hpp"
#include "switch/loop_probe.hpp"
#include "switch/parse.hpp"

namespace rb {
namespace {

constexpr unsigned kPausesPerLook = 4;  // some 0.1 us, so that the clock is not read all the time

std::int64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

WakingFd::WakingFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void WakingFd::wake() noexcept {
  if (pending_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_.get(), &one, sizeof one);
}

void WakingFd::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_.get(), &count, sizeof count);
  pending_.exchange(false, std::memory_order_acq_rel);
}

Worker::Worker(EngineShared& shared, unsigned number)
    : shared_(shared),
      number_(number),
      wake_fd_(eventfd(0, EFD_CLOEXEC)),
      counters_(std::make_unique<PortCounters[]>(kMaxPorts + 1)),
      relay_(shared.fdb, {counters_.get(), kMaxPorts + 1}, vlan_counters_),
      ports_(kMaxPorts),
      scratch_(kMaxSegmentSpaces * Segmenter::kScratchSize),
      vectors_(kMaxSegmentSpaces * kVectorsPerSegment),
      messages_(kMaxSegmentSpaces) {
  ready_.reserve(kMaxPorts);
  arming_.reserve(kMaxPorts);
  mailed_.reserve(Mailbox::kCapacity / 64);
  sending_.reserve(kBufferCount);
  lenders_.reserve(kMaxPorts);
  sending_lenders_.reserve(kMaxPorts);
  free_files_.reserve(shared.file_count);
  for (unsigned place = shared.file_count; place-- > 0;) free_files_.push_back(place);
  thread_ = std::thread([this] { main(); });
}

Worker::~Worker() {
  post([](Worker& worker) { worker.stop(); });
  thread_.join();
}

Result<> Worker::wait_started() {
  return started_.get_future().get();
}

void Worker::post(Command command) {
  {
    const std::lock_guard lock(commands_mutex_);
    commands_.push_back(std::move(command));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_.get(), &one, sizeof one);
}

void Worker::wait_passed(std::uint64_t number) const noexcept {
  for (std::uint64_t passed = passed_.load(std::memory_order_acquire); passed < number;
       passed = passed_.load(std::memory_order_acquire)) {
    passed_.wait(passed, std::memory_order_acquire);
  }
}

void Worker::main() noexcept {
  pthread_setname_np(pthread_self(), fmt::format("rb-worker{}", number_).c_str());
  Result<Ring> ring = Ring::make(shared_.file_count, kMaxProvided);
  if (!ring) {
    started_.set_value(std::unexpected(ring.error()));
    return;
  }
  ring_.emplace(std::move(*ring));
  arm_wake();
  started_.set_value({});
  run();
  ring_.reset();
}

void Worker::run() noexcept {
  while (!stopping_) {
    take_state();
    arm_ports();
    forward();  // of ports that had frames left
    // Others still have some, or wait for their memory: then there is no time to sleep.
    if (!ready_.empty() || !sending_lenders_.empty() || completes_soon()) {
      submit(0);
    } else {
      submit(1);
    }
    ring_->reap([this](const io_uring_cqe& completion) { handle(completion); });
    forward();
    if (!removals_.empty()) finish_removals();
  }
  submit(0);
}

void Worker::take_state() noexcept {
  // The count is read first: the state is then at least as new as the count says.
  const std::uint64_t published = shared_.published.load(std::memory_order_acquire);
  if (published == passed_.load(std::memory_order_relaxed)) return;
  state_ = shared_.state.load(std::memory_order_acquire);
  passed_.store(published, std::memory_order_release);
  passed_.notify_all();
}

void Worker::arm_ports() noexcept {
  read_budget_ = kMaxReadsPerRound;
  std::swap(ready_, arming_);
  std::size_t next = 0;
  for (; next < arming_.size() && read_budget_ > 0; ++next) arming_[next]->arm(*this);
  // Who found no budget comes first in the next round.
  ready_.insert(ready_.begin(), arming_.begin() + static_cast<std::ptrdiff_t>(next), arming_.end());
  arming_.clear();
  provide_buffers();
}

void Worker::provide_buffers() noexcept {
  const std::size_t wanted = std::min(waiting_read_count_ + 4, kMaxProvided);
  while (provided_count_ < wanted) {
    const BufferId id = pool_.take();
    if (id == kNoBuffer) break;
    ring_->provide_buffer(pool_.address(id), BufferPool::kBufferSize, id);
    ++provided_count_;
  }
  ring_->commit_buffers();
}

bool Worker::completes_soon() noexcept {
  if (!idle_spin_.worth_it()) return false;
  submit(0);
  // What has completed in the submit, reads of queues that are empty for instance, says nothing of what comes.
  if (ring_->has_completions()) return true;
  idle_spin_.start(monotonic_ns());
  do {
    for (unsigned pause = 0; pause < kPausesPerLook; ++pause) pause_processor();
    if (ring_->has_completions()) {
      idle_spin_.found(monotonic_ns());
      return true;
    }
  } while (idle_spin_.goes_on(monotonic_ns()));
  return false;
}

void Worker::submit(unsigned wait_count) noexcept {
  // Rings in memory need no system call; completions that wait for one are found by reap().
  if (wait_count != 0 || ring_->has_unsubmitted()) ring_->submit(wait_count);
  // Writes to taps complete inside the submit (they never wait, see tap_port.hpp), so what they read is free again.
  for (const BufferId id : sending_) pool_.give_back(id);
  sending_.clear();
  segment_count_ = own_frame_count_ = 0;
  written_ = true;
  give_back_lent();
}

void Worker::give_back_lent() noexcept {
  for (Port* port : sending_lenders_) port->take_back(*this);
  sending_lenders_.clear();
}

void Worker::handle(const io_uring_cqe& completion) noexcept {
  const Tag tag = Tag::unpack(completion.user_data);
  switch (tag.operation) {
    case Operation::kNone:
    case Operation::kCancel:
      return;
    case Operation::kWake:
      return handle_wake();
    case Operation::kReadWait:
      if ((completion.flags & IORING_CQE_F_BUFFER) != 0) --provided_count_;
      break;
    case Operation::kReadNow:
    case Operation::kPoll:
    case Operation::kSocket:
    case Operation::kNotify:
    case Operation::kWrite:
      break;
  }
  if (Port* port = ports_[tag.port].get(); port != nullptr) port->complete(tag, completion, *this);
}

void Worker::arm_wake() noexcept {
  io_uring_sqe* sqe = ring_->entry();
  io_uring_prep_read(sqe, wake_fd_.get(), &wake_count_, sizeof wake_count_, 0);
  io_uring_sqe_set_data64(sqe, Tag{Operation::kWake}.pack());
}

void Worker::handle_wake() noexcept {
  arm_wake();
  std::deque<Command> commands;
  {
    const std::lock_guard lock(commands_mutex_);
    commands.swap(commands_);
  }
  // Before the commands: what was sent to a port that has gone must not reach the one that one of them puts in its
  // place.
  if (mail_pending_.exchange(false, std::memory_order_acq_rel)) take_mail();
  for (Command& command : commands) command(*this);
}

void Worker::wake_for_mail() noexcept {
  if (mail_pending_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_.get(), &one, sizeof one);
}

void Worker::take_mail() noexcept {
  for (unsigned from = 0; from < shared_.worker_count; ++from) {
    if (from == number_) continue;
    shared_.mailboxes[from * shared_.worker_count + number_]->drain(
        [&](PortIndex index, CastKind cast, const Frame& frame) {
          OwnedPort* port = ports_[index] == nullptr ? nullptr : ports_[index]->owned();
          if (port == nullptr) return counters_[index].drop(DropReason::kEgressDown);
          port->send(frame, cast, state_->port(index), *this);
          if (mailed_.empty() || mailed_.back() != port) mailed_.push_back(port);
        });
  }
  for (OwnedPort* port : mailed_) port->flush(*this);
  mailed_.clear();
}

void Worker::add_port(std::unique_ptr<Port> port) noexcept {
  port_errors_[port->index()].store(0, std::memory_order_release);  // of whoever had this index before
  waiting_read_count_ += port->waiting_read_count();
  arm_later(*port);
  ports_[port->index()] = std::move(port);
}

void Worker::remove_port(PortIndex index, std::function<void(std::unique_ptr<Port>)> done) {
  Port* port = ports_[index].get();
  if (port == nullptr) return done(nullptr);
  std::erase(ready_, port);
  port->stop(*this);
  removals_.push_back({index, std::move(done)});
}

void Worker::finish_removals() noexcept {
  for (std::size_t i = 0; i < removals_.size();) {
    if (!ports_[removals_[i].index]->stopped()) {
      ++i;
      continue;
    }
    submit(0);  // nothing unsubmitted may still name the port's files
    Removal removal = std::move(removals_[i]);
    removals_.erase(removals_.begin() + static_cast<std::ptrdiff_t>(i));
    std::unique_ptr<Port> port = std::move(ports_[removal.index]);
    waiting_read_count_ -= port->waiting_read_count();
    port->release(*this);
    removal.done(std::move(port));
  }
}

std::optional<unsigned> Worker::register_file(int fd) {
  if (!shared_.register_files) return static_cast<unsigned>(fd);
  if (free_files_.empty()) return std::nullopt;
  const unsigned place = free_files_.back();
  if (ring_->register_file(place, fd) < 0) return std::nullopt;
  free_files_.pop_back();
  return place;
}

void Worker::unregister_file(unsigned file) noexcept {
  if (!shared_.register_files) return;
  (void)ring_->register_file(file, -1);
  free_files_.push_back(file);
}

void Worker::receive(PortIndex ingress, BufferId buffer, std::byte* start, std::uint32_t size) noexcept {
  if (batch_count_ == kMaxBatch) forward();
  auto* vnet = reinterpret_cast<VnetHeader*>(start);
  const std::uint32_t frame_size = size - static_cast<std::uint32_t>(sizeof(VnetHeader));
  pieces_[batch_count_] = {start + sizeof(VnetHeader), frame_size};
  frames_[batch_count_] = {vnet, &pieces_[batch_count_], frame_size, 1, ingress};
  buffers_[batch_count_] = buffer;
  ++batch_count_;
}

void Worker::drop_received(PortIndex ingress, BufferId buffer, std::uint32_t size, DropReason reason) noexcept {
  PortCounters& counters = counters_[ingress];
  PortCounters::Traffic& rx = counters.rx[static_cast<std::size_t>(CastKind::kUnicast)];
  rx.frames.add(1);
  rx.bytes.add(size);
  counters.drop(reason);
  pool_.give_back(buffer);
}

void Worker::forward() noexcept {
  if (batch_count_ == 0 && lenders_.empty()) return;
  // What the relay lent to the last batch must have been written before it is lent again.
  if (!written_) submit(0);
  const std::uint32_t now = now_s();
  relay_.process({frames_.data(), batch_count_}, *state_, now, egress_);
  if (!relay_.punted().empty()) hand_punted_over(now);
  for (const PortIndex index : egress_.ports()) {
    if (Port* port = ports_[index].get(); port != nullptr) {
      port->transmit(egress_.frames(index), state_->port(index), *this);
    } else {
      counters_[index].drop(DropReason::kEgressDown, egress_.frames(index).size());
    }
  }
  egress_.clear();
  if (!relay_.learned().empty()) report_learned(now);
  for (std::size_t i = 0; i < batch_count_; ++i) {
    if (buffers_[i] != kNoBuffer) sending_.push_back(buffers_[i]);
  }
  batch_count_ = lent_piece_count_ = lent_heads_size_ = 0;
  std::swap(lenders_, sending_lenders_);
  written_ = !ring_->has_unsubmitted();
  if (written_) give_back_lent();
}

void Worker::hand_punted_over(std::uint32_t now_s) noexcept {
  bool any = false;
  for (const FrameIndex index : relay_.punted()) {
    const Frame& frame = frames_[index];
    DropReason ends = DropReason::kPuntLimit;
    const bool probe = MacNumber::at(frame.pieces[0].data) == kLoopProbeGroup;
    if (probe ? probe_limits_[frame.ingress].take(now_s) : punt_limits_[frame.ingress].take(now_s)) {
      PuntedFrame punted{.port = frame.ingress};
      for (std::size_t i = 0; i < frame.piece_count && punted.size < punted.octets.size(); ++i) {
        const std::size_t size = std::min<std::size_t>(frame.pieces[i].size, punted.octets.size() - punted.size);
        std::memcpy(&punted.octets[punted.size], frame.pieces[i].data, size);
        punted.size = static_cast<std::uint16_t>(punted.size + size);
      }
      any = true;
      ends = punts_.push(punted) ? DropReason::kPunted : DropReason::kPuntFull;
    }
    counters_[frame.ingress].drop(ends);
  }
  if (any) shared_.punts.wake();
}

void Worker::report_learned(std::uint32_t now_s) noexcept {
  const bool all = shared_.fdb_events_wanted.load(std::memory_order_relaxed);
  if (!all && !shared_.move_events_wanted.load(std::memory_order_relaxed)) return;
  bool any = false;
  for (const LearnEvent& learned : relay_.learned()) {
    const bool moved = learned.previous != kNoPort;
    if (!all && !(moved && move_limit_.take(now_s))) continue;
    any = true;
    EngineEvent event;
    event.kind = moved ? EngineEvent::Kind::kFdbMoved : EngineEvent::Kind::kFdbAdded;
    event.port = learned.port;
    event.previous = learned.previous;
    event.fid = learned.key.fid();
    event.mac = learned.key.mac();
    events_.push(event);
  }
  if (any) shared_.events.wake();
}

void Worker::send_own(PortIndex index, std::span<const std::byte> octets) noexcept {
  const PortState& to = state_->port(index);
  PortCounters& counters = counters_[index];
  counters.copies.add(1);
  if (ports_[index] == nullptr || to.gate == PortGate::kDown) return counters.drop(DropReason::kEgressDown);
  if (own_frame_count_ == own_frames_.size()) submit(0);
  OwnFrame& own = own_frames_[own_frame_count_++];
  own.vnet = {};
  std::memcpy(own.octets.data(), octets.data(), octets.size());
  own.piece = {own.octets.data(), static_cast<std::uint32_t>(octets.size())};
  own.frame = {&own.vnet, &own.piece, own.piece.size, 1, kNoPort};
  relay_.place(own.frame, cast_of(MacNumber::at(own.octets.data())));
  ports_[index]->transmit(std::array{FrameIndex{0}}, to, *this);
}

void Worker::report_port_error(PortIndex port, int error) noexcept {
  port_errors_[port].store(error, std::memory_order_release);
  port_failed_.store(true, std::memory_order_release);
  shared_.events.wake();
}

Worker::SegmentSpace Worker::segment_space() noexcept {
  // The frames being cut stay in the batch, so only what has been prepared so far needs to have gone.
  if (segment_count_ == kMaxSegmentSpaces) {
    ring_->submit(0);
    segment_count_ = 0;
  }
  const std::size_t index = segment_count_++;
  return {std::span<std::byte, Segmenter::kScratchSize>(&scratch_[index * Segmenter::kScratchSize],
                                                        Segmenter::kScratchSize),
          {&vectors_[index * kVectorsPerSegment], kVectorsPerSegment},
          messages_[index]};
}

std::uint32_t Worker::now_s() const noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec - shared_.start_s);
}

}  // namespace rb
