// SPDX-License-Identifier: GPL-2.0-or-later
// VhostRings: a port's rings, spread over the workers of the engine.
#pragma once

#include "ports/engine/engine.hpp"
#include "ports/vhost/vhost_backend.hpp"

namespace rb {

/// The VringRunner of a port in the engine. Only the control thread uses it; each call waits for a round of the
/// workers.
class VhostRings final : public VringRunner {
 public:
  /// Both arguments must outlive it. `device` is attached as `index`.
  VhostRings(Engine& engine, PortIndex index, const VhostPortDevice& device) noexcept
      : engine_(engine), index_(index), device_(device) {}

  void start(unsigned ring, const VringSetup& setup) override;
  std::uint16_t stop(unsigned ring) override;
  void enable(unsigned ring, bool enabled) override;
  void set_call(unsigned ring, int fd) override;
  void announce(const MacAddress& station) override;

  /// True: frames of the guest are taken; false: they wait.
  void set_open(bool open);
  /// Returns in words the guest's action that ended its port, and forgets it; "" if there is none.
  [[nodiscard]] std::string take_trouble();

 private:
  [[nodiscard]] unsigned owner_of(unsigned ring) const noexcept { return (index_ + ring / 2) % engine_.worker_count(); }
  /// Runs `act` on the worker that has a ring.
  void on_owner(unsigned ring, const std::function<void(VhostPort&, PortContext&)>& act);
  /// Tells workers without a receive ring where to send frames.
  void renew_mail();

  Engine& engine_;
  PortIndex index_;
  const VhostPortDevice& device_;
  std::array<bool, VhostPort::kMaxRings> running_{}, enabled_{};
  std::optional<unsigned> mail_owner_;  // the owner that the workers know
};

}  // namespace rb
