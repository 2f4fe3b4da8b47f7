// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/engine.hpp"

#include <fmt/core.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cassert>
#include <latch>
#include <utility>

#include "ports/engine/huge_pages.hpp"
#include "ports/engine/monotonic.hpp"
#include "ports/engine/worker.hpp"

namespace rb {
namespace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  while (getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) {
  }
  return seed;
}

std::int64_t monotonic_s() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

/// Every tap queue, client and netlink socket needs a descriptor: take all that the hard limit gives.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return limit.rlim_cur;
}

}  // namespace

struct Engine::Impl {
  Impl(const Fdb::Options& fdb_options, unsigned worker_count) : shared(fdb_options, worker_count) {}

  EngineShared shared;
  std::unique_ptr<const ForwardingState> state;
  std::vector<std::unique_ptr<PortDevice>> devices{kMaxPorts};
  std::vector<PortTotals> cleared{kMaxPorts};
  std::vector<std::unique_ptr<Worker>> workers;  // last: they end first

  /// Runs `command` on every worker and waits for all.
  void on_all(const std::function<void(Worker&)>& command) {
    std::latch done(static_cast<std::ptrdiff_t>(workers.size()));
    for (const auto& worker : workers) {
      worker->post([&](Worker& inside) {
        command(inside);
        done.count_down();
      });
    }
    done.wait();
  }
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() {
  for (std::size_t index = 0; index < kMaxPorts; ++index) {
    if (impl_->devices[index]) (void)detach(static_cast<PortIndex>(index));
  }
}

Result<std::unique_ptr<Engine>> Engine::start(const EngineOptions& options) {
  const std::size_t descriptor_limit = raise_descriptor_limit();
  auto impl = std::make_unique<Impl>(
      Fdb::Options{.capacity = options.fdb_capacity, .hash_seed = random_seed(), .prepare_memory = ask_for_huge_pages},
      options.worker_count);
  EngineShared& shared = impl->shared;
  shared.start_s = monotonic_s();
  shared.file_count = static_cast<unsigned>(std::min<std::size_t>(2 * kMaxPorts, descriptor_limit));
  shared.prepare_stages = options.prepare_stages;
  shared.nowait = probe_ring_features().tap_nowait && !options.without_nowait;
  // Before Linux 6.4 too a file that leaves the table stays open for up to a second (io_rsrc_node_ref_zero): a tap that
  // is given back would be busy, and one made here would outlive its port.
  shared.file_names = shared.nowait ? FileNames::kRegistered : FileNames::kDescriptors;
  impl->state = std::make_unique<ForwardingState>(std::vector<BridgeState>{}, std::vector<PortState>{});
  shared.state.store(impl->state.get(), std::memory_order_release);
  shared.published.store(1, std::memory_order_release);
  for (unsigned number = 0; number < options.worker_count; ++number) {
    impl->workers.push_back(std::make_unique<Worker>(shared, number));
    if (Result<> started = impl->workers.back()->wait_started(); !started) return std::unexpected(started.error());
  }
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Fdb& Engine::fdb() noexcept {
  return impl_->shared.fdb;
}

std::uint32_t Engine::now_s() const noexcept {
  return static_cast<std::uint32_t>(monotonic_s() - impl_->shared.start_s);
}

TraceStages Engine::trace_stages() noexcept {
  return {&impl_->shared.stage_memory, monotonic_ns()};
}

Result<> Engine::attach(PortIndex index, std::unique_ptr<PortDevice> device) {
  assert(index < kMaxPorts && !impl_->devices[index]);
  impl_->devices[index] = std::move(device);
  std::atomic<bool> full{false};
  impl_->on_all([&](Worker& worker) {
    std::unique_ptr<Port> port = impl_->devices[index]->make_port(index, worker.context());
    port == nullptr ? full.store(true) : worker.add_port(std::move(port));
  });
  if (!full) return {};
  (void)detach(index);
  return fail(ErrorCode::kTableFull, fmt::format("no more than {} open queues fit; raise RLIMIT_NOFILE ('ulimit -n')",
                                                 impl_->shared.file_count));
}

std::unique_ptr<PortDevice> Engine::detach(PortIndex index) {
  std::latch done(static_cast<std::ptrdiff_t>(impl_->workers.size()));
  for (const auto& worker : impl_->workers) {
    worker->post([&done, index](Worker& inside) {
      inside.remove_port(index, [&done](std::unique_ptr<Port> port) {
        port.reset();
        done.count_down();
      });
    });
  }
  done.wait();
  return std::move(impl_->devices[index]);
}

void Engine::on_worker(unsigned number, const std::function<void(PortContext&)>& act) {
  std::latch done(1);
  impl_->workers[number]->post([&](Worker& worker) {
    act(worker.context());
    done.count_down();
  });
  done.wait();
}

int Engine::device_fd(PortIndex index) const noexcept {
  const std::unique_ptr<PortDevice>& device = impl_->devices[index];
  return device != nullptr ? device->fd() : -1;
}

void Engine::send(PortIndex port, std::span<const std::byte> frame) {
  assert(port < kMaxPorts && frame.size() >= kEthernetHeaderSize && frame.size() <= kMaxOwnFrameSize);
  // The owner of a stream, and the worker that has a guest's first receive ring; to others any worker writes.
  const auto& worker = impl_->workers[port % impl_->workers.size()];
  worker->post([port, octets = std::vector<std::byte>(frame.begin(), frame.end())](Worker& owner) {
    owner.send_own(port, octets);
  });
}

void Engine::publish(std::unique_ptr<const ForwardingState> state) {
  EngineShared& shared = impl_->shared;
  shared.state.store(state.get(), std::memory_order_release);
  const std::uint64_t number = shared.published.fetch_add(1, std::memory_order_acq_rel) + 1;
  for (const auto& worker : impl_->workers) worker->post([](Worker&) {});
  for (const auto& worker : impl_->workers) worker->wait_passed(number);
  impl_->state = std::move(state);
  for (const auto& worker : impl_->workers) worker->vlan_counters().forget();
}

std::uint64_t Engine::publication_count() const noexcept {
  return impl_->shared.published.load(std::memory_order_acquire) - 1;  // the state of start() was not published
}

const ForwardingState& Engine::state() const noexcept {
  return *impl_->state;
}

PortTotals Engine::counters(PortIndex index) const {
  PortTotals totals;
  for (const auto& worker : impl_->workers) totals.add(worker->counters_of(index));
  totals.subtract(impl_->cleared[index]);
  return totals;
}

void Engine::clear_counters(std::span<const PortIndex> indexes) {
  for (const PortIndex index : indexes) {
    PortTotals totals;
    for (const auto& worker : impl_->workers) totals.add(worker->counters_of(index));
    impl_->cleared[index] = totals;
    for (const auto& worker : impl_->workers) worker->vlan_counters().clear(index);
  }
  impl_->on_all([](Worker&) {});  // none counts into the old ones any more
  for (const auto& worker : impl_->workers) worker->vlan_counters().forget();
}

void Engine::count_vlans(PortIndex index, const VidSet& vids) {
  for (const auto& worker : impl_->workers) worker->vlan_counters().make(index, vids);
}

VlanTotals Engine::vlan_counters(PortIndex index, Vid vid) const {
  VlanTotals totals;
  for (const auto& worker : impl_->workers) worker->vlan_counters().add_to(totals, index, vid);
  return totals;
}

int Engine::event_fd() const noexcept {
  return impl_->shared.events.fd();
}

std::vector<EngineEvent> Engine::take_events() {
  impl_->shared.events.clear();
  std::vector<EngineEvent> events;
  for (const auto& worker : impl_->workers) {
    EngineEvent event;
    for (std::size_t i = 0; i < StationEvents::kCapacity && worker->station_events().pop(event); ++i)
      events.push_back(event);
    worker->port_errors().take([&](PortIndex port, int error) {
      events.push_back({.kind = EngineEvent::Kind::kPortError, .port = port, .error = error, .mac = {}});
    });
  }
  return events;
}

void Engine::want_fdb_events(bool wanted) {
  impl_->shared.fdb_events_wanted.store(wanted, std::memory_order_relaxed);
}

void Engine::want_move_events(bool wanted) {
  impl_->shared.move_events_wanted.store(wanted, std::memory_order_relaxed);
}

int Engine::punt_fd() const noexcept {
  return impl_->shared.punts.fd();
}

std::vector<PuntedFrame> Engine::take_punted(std::size_t max) {
  impl_->shared.punts.clear();
  std::vector<PuntedFrame> frames;
  for (bool any = true; any && frames.size() < max;) {
    any = false;
    for (const auto& worker : impl_->workers) {
      if (frames.size() == max) break;
      const auto take = [&](const PuntHeader& header, std::span<const std::byte> octets) {
        frames.push_back({header.kind, header.port, header.size, {octets.begin(), octets.end()}});
      };
      any = worker->punts().drain(take, 1) != 0 || any;
    }
  }
  if (frames.size() == max) impl_->shared.punts.wake();  // there may be more
  return frames;
}

std::size_t Engine::max_punted() const noexcept {
  return impl_->workers.size() * PuntQueue::kMaxFrames;
}

std::uint64_t Engine::lost_events() const noexcept {
  std::uint64_t lost = 0;
  for (const auto& worker : impl_->workers) lost += worker->station_events().lost();
  return lost;
}

unsigned Engine::worker_count() const noexcept {
  return static_cast<unsigned>(impl_->workers.size());
}

std::string Engine::describe() const {
  return fmt::format(
      "{} worker{}, io_uring with provided buffers, {}", worker_count(), worker_count() == 1 ? "" : "s",
      impl_->shared.nowait ? "bursts of nowait reads" : "bursts of waiting reads (no RWF_NOWAIT on taps)");
}

}  // namespace rb
