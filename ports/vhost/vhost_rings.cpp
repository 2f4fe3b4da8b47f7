// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vhost_rings.hpp"

#include <fmt/core.h>

#include <cstring>
#include <new>

#include "ports/engine/port_context.hpp"
#include "switch/big_endian.hpp"

namespace rb {
namespace {

/// A reverse ARP request (RFC 903). No host answers it, and every switch learns the station's place from it.
constexpr std::size_t kRarpSize = 60;
void write_rarp(std::byte* frame, const MacAddress& station) {
  constexpr std::uint16_t kRarp = 0x8035, kEthernet = 1, kIpv4 = 0x0800, kRequest = 3;
  std::memset(frame, 0, kRarpSize);
  std::memset(frame, 0xff, 6);
  std::memcpy(frame + 6, station.octets.data(), 6);
  store16(frame + 12, kRarp);
  store16(frame + 14, kEthernet);
  store16(frame + 16, kIpv4);
  frame[18] = std::byte{6};
  frame[19] = std::byte{4};
  store16(frame + 20, kRequest);
  std::memcpy(frame + 22, station.octets.data(), 6);
  std::memcpy(frame + 32, station.octets.data(), 6);
}

}  // namespace

void VhostRings::on_owner(unsigned ring, const std::function<void(VhostPort&, PortContext&)>& act) {
  const unsigned owner = owner_of(ring);
  engine_.on_worker(owner, [&](PortContext& context) { act(device_.port(owner), context); });
}

void VhostRings::start(unsigned ring, const VringSetup& setup) {
  on_owner(ring, [&](VhostPort& port, PortContext& context) { port.start_ring(ring, setup, context); });
  running_[ring] = true;
  enabled_[ring] = setup.enabled;
  renew_mail();
}

std::uint16_t VhostRings::stop(unsigned ring) {
  running_[ring] = false;
  renew_mail();
  std::uint16_t next = 0;
  on_owner(ring, [&](VhostPort& port, PortContext& context) { next = port.stop_ring(ring, context).value_or(0); });
  return next;
}

void VhostRings::enable(unsigned ring, bool enabled) {
  enabled_[ring] = enabled;
  on_owner(ring, [&](VhostPort& port, PortContext& context) { port.enable_ring(ring, enabled, context); });
  renew_mail();
}

void VhostRings::set_call(unsigned ring, int fd) {
  on_owner(ring, [&](VhostPort& port, PortContext& context) { port.set_call(ring, fd, context); });
}

void VhostRings::set_open(bool open) {
  for (unsigned number = 0; number < engine_.worker_count(); ++number)
    engine_.on_worker(number, [&](PortContext& context) { device_.port(number).set_open(open, context); });
}

void VhostRings::renew_mail() {
  if (engine_.worker_count() == 1) return;
  std::optional<unsigned> owner;
  for (unsigned ring = 0; ring < VhostPort::kMaxRings && !owner; ring += 2) {
    if (running_[ring] && enabled_[ring]) owner = owner_of(ring);
  }
  if (owner == mail_owner_) return;
  mail_owner_ = owner;
  for (unsigned number = 0; number < engine_.worker_count(); ++number)
    engine_.on_worker(number, [&](PortContext&) { device_.port(number).mail_to(owner); });
}

void VhostRings::announce(const MacAddress& station) {
  on_owner(0, [&](VhostPort& port, PortContext& context) {
    const BufferId buffer = context.pool().take();
    if (buffer == kNoBuffer) return;
    std::byte* start = context.pool().address(buffer);
    new (start) VnetHeader{};
    write_rarp(start + sizeof(VnetHeader), station);
    context.batch().receive(port.index(), buffer, start, sizeof(VnetHeader) + kRarpSize);
  });
}

std::string VhostRings::take_trouble() {
  std::string text;
  for (unsigned number = 0; number < engine_.worker_count(); ++number) {
    const auto [ring, trouble] = device_.port(number).trouble();
    if (trouble.fault == VringFault::kNone) continue;
    if (text.empty())
      text =
          fmt::format("ring {}: {}", ring, fmt::format(fmt::runtime(vring_fault_text(trouble.fault)), trouble.value));
    engine_.on_worker(number, [&](PortContext&) { device_.port(number).forget_trouble(); });
  }
  return text;
}

}  // namespace rb
