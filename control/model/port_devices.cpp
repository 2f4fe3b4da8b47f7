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
    if (!port_.settings.carrier) {
      port_.unplugged = std::move(device);
      port_.attached = true;
      // The kernel turns the carrier of a tap on whenever somebody attaches to the tap.
      if (Result<> set = port_.driver->set_carrier(false); !set)
        notice(fmt::format("port {}: {}", name(), set.error().message));
      return {};
    }
    Result<> attached = parts_.engine.attach(port_.index, std::move(device));
    port_.attached = attached.has_value();
    return attached;
  }

  std::unique_ptr<PortDevice> detach() override {
    if (!std::exchange(port_.attached, false)) return nullptr;
    if (port_.unplugged != nullptr) return std::move(port_.unplugged);
    return parts_.engine.detach(port_.index);
  }

  [[nodiscard]] bool attached() const override { return port_.attached; }
  [[nodiscard]] int device_fd() const override {
    return port_.unplugged != nullptr ? port_.unplugged->fd() : parts_.engine.device_fd(port_.index);
  }

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

Result<> PortDevices::show_carrier(ModelPort& port, bool on) {
  return port.attached ? port.driver->set_carrier(on) : Result<>{};
}

void PortDevices::follow_carrier(ModelPort& port) {
  const bool unplugged = port.unplugged != nullptr;
  if (!port.attached || unplugged != port.settings.carrier) return;
  if (!unplugged) {
    port.unplugged = parts_.engine.detach(port.index);
    return;
  }
  port.attached = false;
  if (Result<> attached = port.place->attach(std::move(port.unplugged)); !attached)
    parts_.notices.add(fmt::format("port {}: {}", port.name, attached.error().message));
}

void PortDevices::undo_all() {
  for (const auto& [name, port] : parts_.tables.ports()) {
    if (Result<> undone = port->driver->undo(); !undone) parts_.notices.add(undone.error().message);
  }
}

}  // namespace rb
