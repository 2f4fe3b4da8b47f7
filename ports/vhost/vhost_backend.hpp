// SPDX-License-Identifier: GPL-2.0-or-later
// VhostBackend: the back end's side of one vhost-user connection: what each message means, and what it changes.
//
// How it works. It keeps what the front end has said (features, memory, rings) and has rings started and stopped by
// whoever owns them (VringRunner). It knows no socket and no thread: a message comes in as a value, the answer goes out
// as one, so that it can be tested and fuzzed as it stands.
//
// 1. A ring runs from SET_VRING_KICK, which comes last, until GET_VRING_BASE. Whatever changes under a running ring,
// the
//    memory table, its addresses, the features that log it: it is stopped, and started again where it was.
// 2. Nothing of the guest's is unmapped or closed before VringRunner::stop() has returned for every ring that used it.
// 3. Chains are used in the order in which they were made available, so the used ring alone tells a successor which are
//    still to be done, and it begins there. The region of chains in flight (INFLIGHT_SHMFD) therefore holds no mark.
// 4. A message that cannot be followed changes nothing. It is answered with an error where the front end has asked for
//    an answer (REPLY_ACK); else the connection has no meaning any more, and ends.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ports/vhost/dirty_log.hpp"
#include "ports/vhost/guest_memory.hpp"
#include "ports/vhost/vhost_message.hpp"
#include "ports/vhost/vhost_port.hpp"
#include "switch/mac_address.hpp"
#include "switch/vnet_header.hpp"

namespace rb {

/// What a back end has done with its rings. Each call returns when it is done.
class VringRunner {
 public:
  virtual ~VringRunner() = default;
  virtual void start(unsigned ring, const VringSetup& setup) = 0;
  /// Where it stands; nothing of its setup is in use any more.
  virtual std::uint16_t stop(unsigned ring) = 0;
  virtual void enable(unsigned ring, bool enabled) = 0;
  virtual void set_call(unsigned ring, int fd) = 0;
  /// Has the switch learn that a station is here now, by a frame of its own (RARP).
  virtual void announce(const MacAddress& station) = 0;
};

struct VhostOptions {
  bool offload = true;  // offer checksums and segmentation
};

class VhostBackend {
 public:
  VhostBackend(const VhostOptions& options, VringRunner& runner);
  /// Stops all rings.
  ~VhostBackend();
  VhostBackend(const VhostBackend&) = delete;
  VhostBackend& operator=(const VhostBackend&) = delete;

  /// An answer: a header and what follows it, and at most one descriptor.
  struct Reply {
    std::vector<std::byte> octets;
    UniqueFd fd;
  };
  /// Follows a message; nullopt: it has no answer. An error ends the connection.
  [[nodiscard]] Result<std::optional<Reply>> handle(VhostMessage message);

  /// Whether a ring of each kind runs and is enabled: the link is up.
  [[nodiscard]] bool is_up() const noexcept;
  [[nodiscard]] unsigned pair_count() const noexcept;
  /// What the guest takes unfinished.
  [[nodiscard]] Offloads accepts() const noexcept;
  [[nodiscard]] std::uint16_t mtu() const noexcept { return mtu_; }
  [[nodiscard]] std::uint64_t features() const noexcept { return features_; }
  /// Why the last message could not be followed although the connection goes on; "" if it could.
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

 private:
  /// One ring as the front end has described it.
  struct RingState {
    std::uint32_t size = 0;
    std::uint16_t base = 0;
    std::optional<VhostRingAddresses> addresses;
    UniqueFd kick, call;
    bool enabled = false;
    bool running = false;
  };
  using Answer = Result<std::optional<Reply>>;

  struct Handler;

  Result<> reset_device(const VhostMessage& message);
  Result<> set_features(std::uint64_t features);
  Result<> set_protocol_features(std::uint64_t features);
  Result<> set_mtu(std::uint64_t mtu);
  Result<> send_rarp(std::uint64_t station);
  Result<> set_mem_table(VhostMessage& message);
  Result<> add_region(VhostMessage& message);
  Result<> remove_region(const VhostMessage& message);
  Answer set_log_base(VhostMessage& message);
  Result<> set_ring_size(const VhostRingState& state);
  Result<> set_ring_addresses(const VhostRingAddresses& addresses);
  Result<> set_ring_base(const VhostRingState& state);
  Answer get_ring_base(const VhostMessage& message);
  Result<> set_ring_fd(VhostMessage& message);
  Result<> set_ring_enable(const VhostRingState& state);
  Answer get_inflight(const VhostMessage& message) const;
  Result<> set_inflight(const VhostMessage& message) const;
  Result<> set_status(std::uint64_t status);

  [[nodiscard]] Result<RingState*> ring_of(std::uint32_t number);
  [[nodiscard]] Result<VringSetup> setup_of(const RingState& ring, const GuestMemory& memory) const;
  [[nodiscard]] bool has(unsigned feature) const noexcept { return (features_ >> feature & 1) != 0; }
  [[nodiscard]] bool speaks(VhostProtocolFeature feature) const noexcept {
    return (protocol_features_ >> static_cast<unsigned>(feature) & 1) != 0;
  }
  Result<> start(RingState& ring);
  void stop(RingState& ring);
  void stop_all();
  /// What a packed ring that does not run has kept of itself in the guest's memory.
  void forget_position(const RingState& ring);
  void forget_positions();
  /// Whether all rings that run could be started in a memory, with the features as they are.
  [[nodiscard]] Result<> running_rings_fit(const GuestMemory& memory) const;
  /// Stops what runs, has `change` made, and starts it again.
  template <typename Change>
  Result<> change_under_rings(Change change);
  /// The same rings in other memory, or an error, and everything as it was.
  Result<> use_memory(std::unique_ptr<const GuestMemory> memory);
  [[nodiscard]] unsigned number_of(const RingState& ring) const noexcept {
    return static_cast<unsigned>(&ring - rings_.data());
  }

  VringRunner& runner_;
  std::uint64_t offered_;
  std::uint64_t features_ = 0;
  std::uint64_t protocol_features_ = 0;
  std::unique_ptr<const GuestMemory> memory_;  // never null
  std::unique_ptr<const DirtyLog> log_;
  std::array<RingState, VhostPort::kMaxRings> rings_;
  std::uint64_t status_ = 0;
  std::uint16_t mtu_ = 0;
  std::string refusal_;
};

}  // namespace rb
