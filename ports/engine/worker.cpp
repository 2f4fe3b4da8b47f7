// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/worker.hpp"

#include <fmt/core.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "ports/engine/monotonic.hpp"
#include "ports/engine/owned_port.hpp"
#include "switch/parse.hpp"

namespace rb {
namespace {

constexpr unsigned kPausesPerLook = 4;  // some 0.1 us, so that the clock is not read all the time

}  // namespace

Worker::Worker(EngineShared& shared, unsigned number)
    : shared_(shared),
      number_(number),
      doorbell_(shared.mail_room.doorbell(number)),
      counters_(std::make_unique<PortCounters[]>(kMaxPorts + 1)),
      stages_(shared.stage_memory, monotonic_ns),
      relay_(shared.fdb, {counters_.get(), kMaxPorts + 1}, vlan_counters_, &stages_),
      port_errors_(shared.events),
      context_(
          {.number = number, .file_count = shared.file_count, .file_names = shared.file_names, .nowait = shared.nowait},
          {.relay = relay_,
           .counters = {counters_.get(), kMaxPorts + 1},
           .mail_room = shared.mail_room,
           .errors = port_errors_,
           .batch_owner = *this}),
      ports_(context_) {
  if (shared.prepare_stages) shared.prepare_stages(stages_);
  mailed_.reserve(Mailbox::kCapacity / 64);
  thread_ = std::thread([this] { main(); });
}

Worker::~Worker() {
  post([](Worker& worker) { worker.stopping_ = true; });
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
  doorbell_.ring();
}

void Worker::wait_passed(std::uint64_t number) const noexcept {
  for (std::uint64_t passed = passed_.load(std::memory_order_acquire); passed < number;
       passed = passed_.load(std::memory_order_acquire)) {
    passed_.wait(passed, std::memory_order_acquire);
  }
}

void Worker::main() noexcept {
  pthread_setname_np(pthread_self(), fmt::format("rb-worker{}", number_).c_str());
  if (Result<> opened = context_.open_ring(); !opened) {
    started_.set_value(std::unexpected(opened.error()));
    return;
  }
  arm_doorbell();
  started_.set_value({});
  run();
}

void Worker::run() noexcept {
  while (!stopping_) {
    take_state();
    ports_.arm();
    forward();  // of ports that had frames left
    // Other ports still have some, or wait for their memory: then there is no time to sleep.
    if (!context_.ready().empty() || context_.batch().has_sending_lenders() || completes_soon()) {
      submit(0);
    } else {
      submit(1);
    }
    context_.ring().reap([this](const io_uring_cqe& completion) { handle(completion); });
    forward();
    if (ports_.has_removals()) ports_.finish_removals();
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

bool Worker::completes_soon() noexcept {
  if (!idle_spin_.worth_it()) return false;
  submit(0);
  // What has completed in the submit, reads of queues that are empty for instance, says nothing of what comes.
  if (context_.ring().has_completions()) return true;
  idle_spin_.start(monotonic_ns());
  do {
    for (unsigned pause = 0; pause < kPausesPerLook; ++pause) pause_processor();
    if (context_.ring().has_completions()) {
      idle_spin_.found(monotonic_ns());
      return true;
    }
  } while (idle_spin_.goes_on(monotonic_ns()));
  return false;
}

void Worker::submit(unsigned wait_count) noexcept {
  context_.submit(wait_count);
  own_frames_.clear();
}

void Worker::handle(const io_uring_cqe& completion) noexcept {
  const Tag tag = Tag::unpack(completion.user_data);
  switch (tag.operation) {
    case Operation::kNone:
    case Operation::kCancel:
      return;
    case Operation::kWake:
      return answer_doorbell();
    case Operation::kTimer:
      hold_timer_.fired();
      return release_held();
    case Operation::kReadWait:
    case Operation::kReadNow:
    case Operation::kPoll:
    case Operation::kSocket:
    case Operation::kNotify:
    case Operation::kWrite:
      return ports_.complete(tag, completion);
  }
}

void Worker::arm_doorbell() noexcept {
  io_uring_sqe* sqe = context_.ring().entry();
  io_uring_prep_read(sqe, doorbell_.fd(), &rung_count_, sizeof rung_count_, 0);
  io_uring_sqe_set_data64(sqe, Tag{Operation::kWake}.pack());
}

void Worker::answer_doorbell() noexcept {
  arm_doorbell();
  std::deque<Command> commands;
  {
    const std::lock_guard lock(commands_mutex_);
    commands.swap(commands_);
  }
  // Mail comes before the commands: a frame for a port that has gone must not reach the port that a command puts in its
  // place.
  if (doorbell_.took_mail()) take_mail();
  for (Command& command : commands) command(*this);
}

void Worker::take_mail() noexcept {
  shared_.mail_room.drain(number_, [this](PortIndex index, CastKind cast, const Frame& frame) {
    Port* port = ports_.find(index);
    OwnedPort* owned = port == nullptr ? nullptr : port->owned();
    if (owned == nullptr) return counters_[index].drop(DropReason::kEgressDown);
    owned->send(frame, cast, state_->port(index), context_);
    if (mailed_.empty() || mailed_.back() != owned) mailed_.push_back(owned);
  });
  for (OwnedPort* port : mailed_) port->flush(context_);
  mailed_.clear();
}

void Worker::add_port(std::unique_ptr<Port> port) {
  port_errors_.forget(port->index());  // of the port that had this index before
  ports_.add(std::move(port));
}

void Worker::remove_port(PortIndex index, PortTable::Removed removed) {
  stages_.held().forget(index);
  hold_timer_.set(context_.ring(), stages_.held().next_due());
  ports_.remove(index, std::move(removed));
}

void Worker::forward() noexcept {
  Batch& batch = context_.batch();
  if (batch.empty()) return;
  // The forms that the relay lent to the last batch must have been written before they are used again.
  if (!context_.written()) submit(0);
  const std::uint32_t now = now_s();
  relay_.process(batch.frames(), *state_, now, egress_);
  transmit_decided(now);
  context_.batch_sent();
  if (stages_.held().count() != 0) [[unlikely]]
    hold_timer_.set(context_.ring(), stages_.held().next_due());
}

void Worker::release_held() noexcept {
  forward();  // frames that came before go first
  HeldFrames& held = stages_.held();
  const std::int64_t now_ns = monotonic_ns();
  while (const std::size_t count = held.take_due(now_ns, released_, released_at_)) {
    if (!context_.written()) submit(0);
    const std::uint32_t now = now_s();
    relay_.resume({released_.data(), count}, {released_at_.data(), count}, *state_, now, egress_);
    transmit_decided(now);
    submit(0);  // the frames lie in the memory that is freed now
    held.release_taken();
  }
  hold_timer_.set(context_.ring(), held.next_due());
}

/// Hands the frames that the relay has decided to the control thread and to the ports.
void Worker::transmit_decided(std::uint32_t now) noexcept {
  if (!relay_.punted().empty() && punts_.hand_over(relay_, {counters_.get(), kMaxPorts + 1}, now)) shared_.punts.wake();
  for (const PortIndex index : egress_.ports()) {
    if (Port* port = ports_.find(index); port != nullptr) {
      port->transmit(egress_.frames(index), state_->port(index), context_);
    } else {
      counters_[index].drop(DropReason::kEgressDown, egress_.frames(index).size());
    }
  }
  egress_.clear();
  if (!relay_.learned().empty()) report_learned(now);
}

void Worker::report_learned(std::uint32_t now_s) noexcept {
  const StationEvents::Wanted wanted{.all = shared_.fdb_events_wanted.load(std::memory_order_relaxed),
                                     .moves = shared_.move_events_wanted.load(std::memory_order_relaxed)};
  if (station_events_.report(relay_.learned(), wanted, now_s)) shared_.events.wake();
}

void Worker::send_own(PortIndex index, std::span<const std::byte> octets) noexcept {
  const PortState& to = state_->port(index);
  PortCounters& counters = counters_[index];
  counters.copies.add(1);
  Port* port = ports_.find(index);
  if (port == nullptr || to.gate == PortGate::kDown) return counters.drop(DropReason::kEgressDown);
  if (own_frames_.full()) submit(0);
  const Frame& frame = own_frames_.add(octets);
  relay_.place({&frame, 1}, cast_of(MacNumber::at(frame.pieces[0].data)));
  port->transmit(std::array{FrameIndex{0}}, to, context_);
}

std::uint32_t Worker::now_s() const noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec - shared_.start_s);
}

}  // namespace rb
