// SPDX-License-Identifier: GPL-2.0-or-later
// VhostPort: the hot part of a vhost-user port: takes frames out of a guest's transmit rings, and puts frames into its
// receive rings.
//
// How it works
//
// 1. From the guest. A burst of chains is taken at once. Of each frame the virtio_net_hdr and the first octets, which
//    hold all headers, are copied: that copy is judged and sent, whatever the guest does meanwhile; the rest is lent to
//    the batch where it lies. When the batch has been written (Batch::receive_lent()) the chains go back, in their
//    order.
// 2. To the guest. A frame is copied from where it lies, another guest's memory or a buffer, into the chains that the
//    guest has made available: one copy from guest to guest. What finds no chain is a counted drop, never a wait.
// 3. Adaptive polling. While a ring gives frames it is looked at in every round, and the guest does not kick. A ring
//    that has been empty for some rounds asks for kicks and sleeps, with a poll of its eventfd in the worker's
//    io_uring.
// 4. Several queues. Pair q belongs to worker (index + q) % workers. A worker puts frames into its own receive rings;
//    one that has none mails them to one that has. Among several a flow keeps its ring (flow_hash.hpp).
//
// Rings come and go by start_ring() and stop_ring() on the worker's thread, while the port stays. When stop_ring() has
// returned, nothing of the guest's memory is in use any more: what is lent is given back in the same round, before
// commands are run.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ports/engine/owned_port.hpp"
#include "ports/engine/port_device.hpp"
#include "ports/vhost/vring.hpp"

namespace rb {

/// What a guest did that ended its port.
struct VhostTrouble {
  unsigned ring = 0;
  VringTrouble trouble;
};

class VhostPort final : public OwnedPort {
 public:
  static constexpr unsigned kMaxQueuePairs = 32;
  static constexpr unsigned kMaxRings = 2 * kMaxQueuePairs;
  /// Ring 2q is the receive ring of pair q, as the guest calls it, and 2q + 1 its transmit ring (virtio 1.2 5.1.2).
  [[nodiscard]] static constexpr bool is_receive_ring(unsigned ring) noexcept { return ring % 2 == 0; }

  VhostPort(PortIndex index, unsigned worker_count) noexcept;
  ~VhostPort() override;

  // The worker's thread, by the control thread's commands.

  void start_ring(unsigned ring, const VringSetup& setup, PortContext& context) noexcept;
  /// Where the ring stands in its available ring; nullopt when it does not run here.
  [[nodiscard]] std::optional<std::uint16_t> stop_ring(unsigned ring, PortContext& context) noexcept;
  void enable_ring(unsigned ring, bool enabled, PortContext& context) noexcept;
  void set_call(unsigned ring, int fd, PortContext& context) noexcept;
  /// Whether frames of the guest's are taken; before the switch forwards them they wait in their rings.
  void set_open(bool open, PortContext& context) noexcept;
  /// Where a worker without receive rings sends frames; nullopt: nowhere.
  void mail_to(std::optional<unsigned> worker) noexcept { mail_to_ = worker; }
  /// What was wrong is forgotten; no ring runs.
  void forget_trouble() noexcept;

  /// Any thread, after the engine has told that the port failed.
  [[nodiscard]] VhostTrouble trouble() const noexcept;

  void arm(PortContext& context) noexcept override;
  void complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept override;
  void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept override;
  void send(const Frame& frame, CastKind cast, const PortState& to, PortContext& context) noexcept override;
  void flush(PortContext& context) noexcept override;
  void take_back(PortContext& context) noexcept override;
  void stop(PortContext& context) noexcept override;
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }
  [[nodiscard]] bool stopped() const noexcept override { return stopping_ && outstanding_ == 0; }
  void release(PortContext&) noexcept override {}

 private:
  struct Queue;

  void poll(Queue& queue, PortContext& context) noexcept;
  void receive(Queue& queue, unsigned count, PortContext& context) noexcept;
  [[nodiscard]] bool receive_chain(Queue& queue, std::uint16_t head, PortContext& context) noexcept;
  void lend(const Queue& queue, std::span<const Piece> chain, std::uint32_t size, PortContext& context) noexcept;
  void lend_simple(const Queue& queue, Piece chain, PortContext& context) noexcept;
  [[nodiscard]] bool copy(const Queue& queue, std::span<const Piece> chain, std::uint32_t size,
                          PortContext& context) noexcept;
  void put_all(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept;
  [[nodiscard]] std::size_t put_burst(Queue& queue, std::span<const FrameIndex> indexes, const PortState& to,
                                      PortContext& context) noexcept;
  [[nodiscard]] static std::optional<DropReason> put(const Frame& frame, const VnetHeader& vnet, Queue& queue) noexcept;
  [[nodiscard]] static std::optional<DropReason> put_segments(const Frame& frame, Queue& queue) noexcept;
  void publish(Queue& queue, PortContext& context) noexcept;
  void call(Queue& queue, PortContext& context) noexcept;
  void wake(Queue& queue, PortContext& context) noexcept;
  void wait_for_kick(Queue& queue, PortContext& context) noexcept;
  void renew_lists() noexcept;
  /// Whether a mapping anywhere has broken since the last look, and it was one of ours.
  [[nodiscard]] bool memory_lost(PortContext& context) noexcept;
  void fail(const Queue& queue, PortContext& context) noexcept;

  static constexpr unsigned kBurst = Vring::kMaxAhead;  // chains taken from a ring in one round

  unsigned worker_count_;
  std::array<std::unique_ptr<Queue>, kMaxRings> queues_;
  std::vector<Queue*> receiving_, transmitting_;  // rings of each kind that run; receiving ones only while enabled
  std::optional<unsigned> mail_to_;
  std::uint64_t broken_seen_ = 0;
  std::uint32_t last_generation_ = 0;
  std::size_t first_ = 0;     // of transmitting_, where the next round begins
  unsigned outstanding_ = 0;  // requests in the worker's ring
  // Of the burst at hand: one is taken, or given, before another is looked at.
  std::array<WaitingChain, Vring::kMaxAhead> chains_;
  bool queued_ = false;  // arm() is going to be called
  bool open_ = false;
  bool failed_ = false, stopping_ = false;

  std::atomic<VringFault> fault_{VringFault::kNone};
  std::atomic<std::uint64_t> fault_value_{0};
  std::atomic<unsigned> fault_ring_{0};
};

/// A vhost-user port, as the engine keeps it: there for as long as the port is, whether a guest has come or not.
class VhostPortDevice final : public PortDevice {
 public:
  explicit VhostPortDevice(unsigned worker_count) : ports_(worker_count) {}
  [[nodiscard]] std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) override;
  [[nodiscard]] int fd() const noexcept override { return -1; }
  /// A worker's part of it, while attached.
  [[nodiscard]] VhostPort& port(unsigned worker) const noexcept { return *ports_[worker]; }

 private:
  std::vector<VhostPort*> ports_;  // by worker, who makes its own
};

}  // namespace rb
