// SPDX-License-Identifier: GPL-2.0-or-later
// PortDevice: the descriptors and the memory of a port, which the engine keeps while the port is attached.
#pragma once

#include <memory>

#include "ports/engine/port.hpp"

namespace rb {

/// Owns the descriptors (and the memory) that the workers' Ports use. Made and destroyed by the control thread.
class PortDevice {
 public:
  PortDevice() = default;
  virtual ~PortDevice() = default;
  PortDevice(const PortDevice&) = delete;
  PortDevice& operator=(const PortDevice&) = delete;

  /// One worker's part of the port, with its descriptors in that worker's table of files; null when the table is full.
  /// Called once on each worker's thread.
  [[nodiscard]] virtual std::unique_ptr<Port> make_port(PortIndex index, PortContext& context) = 0;
  /// A descriptor to ask questions about the device; borrowed. -1: there is none.
  [[nodiscard]] virtual int fd() const noexcept = 0;
};

}  // namespace rb
