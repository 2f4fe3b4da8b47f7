// SPDX-License-Identifier: GPL-2.0-or-later
// A network namespace in which devices are, and their receive counters.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ports/base/netns.hpp"
#include "ports/base/unique_fd.hpp"
#include "ports/links/rtnetlink.hpp"

namespace bench {

/// Shared by all ports in the namespace. Used by one thread at a time; ends the program when the namespace fails it.
class LoadNamespace {
 public:
  /// A namespace made by `ip netns add`; "" is the caller's.
  [[nodiscard]] static std::shared_ptr<LoadNamespace> find(const std::string& name);

  /// The calling thread is in the namespace for as long as the result lives.
  [[nodiscard]] rb::NetnsScope enter() const;
  /// Frames that the device has received. A question for one device is answered within microseconds, however many
  /// there are in the namespace.
  [[nodiscard]] std::uint64_t received(unsigned device);

 private:
  explicit LoadNamespace(const std::string& name);
  std::string name_;
  rb::UniqueFd netns_;
  std::unique_ptr<rb::Rtnetlink> netlink_;
};

}  // namespace bench
