// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/port_devices.hpp"

#include <fmt/core.h>

#include <utility>

namespace rb {

class PortDevices::Place final : public PortHost {
 public:
  Place(Parts& parts, ModelPort& port) : parts_(parts), port_(port) {}

  [[nodiscard]] const std::string& name() const override { return port_.name; }
  [[nodiscard]] PortIndex index() const override { return port_.index; }
  [[nodiscard]] Engine& engine() override { return parts_.engine; }
  [[nodiscard]] LinkMonitor& links() override { return parts_.links; }
  [[nodiscard]] const DeviceStatus& status() const override { return port_.device; }

  Result<> attach(std::unique_ptr<PortDevice> device) override {
    if (Result<> attached = parts_.engine.attach(port_.index, std::move(device)); !attached) return attached;
    port_.attached = true;
    if (port_.carrier) return {};
    if (Result<> set = port_.driver->set_carrier(false); !set)
      notice(fmt::format("port {}: {}", name(), set.error().message));
    return {};
  }

  std::unique_ptr<PortDevice> detach() override {
    if (!std::exchange(port_.attached, false)) return nullptr;
    return parts_.engine.detach(port_.index);
  }

  [[nodiscard]] bool attached() const override { return port_.attached; }

  void change(DeviceStatus status, const std::function<void()>& released) override {
    const bool carried = port_.device.carries();
    port_.device = std::move(status);
    Change change;
    change.released = released;
    if (carried && !port_.device.carries()) change.flushed_ports.push_back(port_.index);
    change.events.push_back({ModelEvent::Kind::kPort, "change", &parts_.tables.bridge_of(port_), &port_});
    parts_.changes.commit(std::move(change));
  }

  void retry_later() override {
    port_.retry_wanted = true;
    parts_.observer.retry_needed();
  }

  void remove() override { parts_.remove(port_); }
  void notice(std::string text) override { parts_.notices.add(std::move(text)); }

 private:
  Parts& parts_;
  ModelPort& port_;
};

Result<> PortDevices::open(ModelPort& port) {
  port.place = std::make_unique<Place>(parts_, port);
  Result<DeviceStatus> opened = port.driver->open(*port.place);
  if (!opened) return std::unexpected(opened.error());
  port.device = std::move(*opened);
  port.opened = true;
  return {};
}

void PortDevices::take_link_events() {
  for (const LinkEvent& event : parts_.links.take_events()) {
    for (const auto& [name, port] : parts_.tables.ports()) {
      if (port->driver->follow(event)) break;
    }
  }
}

void PortDevices::failed(PortIndex index) {
  ModelPort* const port = parts_.tables.port_at(index);
  if (port != nullptr && port->attached) port->driver->failed();
}

bool PortDevices::retry() {
  bool left = false;
  for (const auto& [name, port] : parts_.tables.ports()) {
    if (!std::exchange(port->retry_wanted, false)) continue;
    port->driver->retry();
    left = left || port->retry_wanted;
  }
  return left;
}

Result<> PortDevices::set_carrier(ModelPort& port, bool on) {
  if (port.attached) {
    if (Result<> set = port.driver->set_carrier(on); !set) return set;
  }
  port.carrier = on;
  return {};
}

void PortDevices::undo_all() {
  for (const auto& [name, port] : parts_.tables.ports()) {
    if (Result<> undone = port->driver->undo(); !undone) parts_.notices.add(undone.error().message);
  }
}

}  // namespace rb
