// SPDX-License-Identifier: GPL-2.0-or-later
// VhostRings: a port's rings, spread over the workers of the engine.
#pragma once

#include "ports/engine/engine.hpp"
#include "ports/vhost/vhost_backend.hpp"

namespace rb {

/// The VringRunner of a port that the engine has. Control thread only; each call waits for a round of the workers.
class VhostRings final : public VringRunner {
 public:
  /// Both outlive it; `device` is attached under `index`.
  VhostRings(Engine& engine, PortIndex index, const VhostPortDevice& device) noexcept
      : engine_(engine), index_(index), device_(device) {}

  void start(unsigned ring, const VringSetup& setup) override;
  std::uint16_t stop(unsigned ring) override;
  void enable(unsigned ring, bool enabled) override;
  void set_call(unsigned ring, int fd) override;
  void announce(const MacAddress& station) override;

  /// Whether frames of the guest's are taken, or wait.
  void set_open(bool open);
  /// What the guest has done that ended its port, in words; "" if nothing. Forgotten after that.
  [[nodiscard]] std::string take_trouble();

 private:
  [[nodiscard]] unsigned owner_of(unsigned ring) const noexcept { return (index_ + ring / 2) % engine_.worker_count(); }
  /// Has `act` done on the worker that has a ring.
  void on_owner(unsigned ring, const std::function<void(VhostPort&, PortContext&)>& act);
  /// Tells workers without a receive ring where to send frames.
  void renew_mail();

  Engine& engine_;
  PortIndex index_;
  const VhostPortDevice& device_;
  std::array<bool, VhostPort::kMaxRings> running_{}, enabled_{};
  std::optional<unsigned> mail_owner_;  // as the workers know it
};

}  // namespace rb
