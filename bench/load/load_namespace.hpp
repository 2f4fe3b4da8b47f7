// SPDX-License-Identifier: GPL-2.0-or-later
// The network namespace of some devices, and the devices' receive counters.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ports/base/netns.hpp"
#include "ports/base/unique_fd.hpp"
#include "ports/links/rtnetlink.hpp"

namespace bench {

/// All ports in the namespace share one object. One thread at a time uses it. It ends the program if an operation in
/// the namespace fails.
class LoadNamespace {
 public:
  /// Returns the namespace that `ip netns add` made; "" is the caller's namespace.
  [[nodiscard]] static std::shared_ptr<LoadNamespace> find(const std::string& name);

  /// The calling thread is in the namespace while the result lives.
  [[nodiscard]] rb::NetnsScope enter() const;
  /// Returns the number of frames that the device has received. The answer takes microseconds, however many devices are
  /// in the namespace.
  [[nodiscard]] std::uint64_t received(unsigned device);

 private:
  explicit LoadNamespace(const std::string& name);
  std::string name_;
  rb::UniqueFd netns_;
  std::unique_ptr<rb::Rtnetlink> netlink_;
};

}  // namespace bench
