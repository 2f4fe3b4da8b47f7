// SPDX-License-Identifier: GPL-2.0-or-later
// Tap devices, the cold part: open, create, identify, delete. The frames are tap_port's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "switch/mac_address.hpp"
#include "switch/result.hpp"
#include "switch/vnet_header.hpp"

namespace rb {

struct TapOptions {
  std::string name;
  bool create = false;      // make it; kExists when an interface of that name is there already
  bool persistent = false;  // it stays when the daemon goes; only with create
  std::optional<std::uint32_t> owner = std::nullopt;  // uid that may attach to it later; only with create
  std::optional<std::uint32_t> group = std::nullopt;  // gid whose members may; with both, both must fit
  unsigned queue_count = 1;                           // > 1, or `multi_queue`: IFF_MULTI_QUEUE
  bool multi_queue = false;                           // of a created one: multi-queue even with one queue opened now
  bool offload = true;                                // false: nothing unfinished is asked for (TUNSETOFFLOAD 0)
  bool allow_uso = true;                              // false: behave as on a kernel before 6.2
  /// Borrowed; the namespace in which to find it (needs CAP_SYS_ADMIN; lasts as long as the queues are open), or into
  /// which to move it when created (CAP_NET_ADMIN there; goes when its last process does, and the tap with it).
  /// -1: the daemon's own.
  int netns_fd = -1;
};

/// An open tap: one descriptor a queue, all O_NONBLOCK, IFF_NO_PI, vnet_hdr of 12 octets little-endian.
struct TapDevice {
  std::vector<UniqueFd> queues;
  Offloads offloads;  // what we get unfinished on read, and may write unfinished
  bool multi_queue = false;
  bool persistent = false;
  bool created = false;  // by this call
};

/// Opens (or creates, and opens) a tap. Needs CAP_NET_ADMIN, or the tap to be owned by the caller's user or group, or
/// by nobody. What fails has changed nothing. Any thread; with a netns_fd the calling one is elsewhere for a moment.
/// Errors: kNoSuchInterface, kNotATap, kIsTun, kBusy (another process holds it), kPermission (names the owner or the
/// capability), kExists, kNotSupported (kernel without vnet_hdr; more queues than it was made for), kInvalidArgument,
/// kOutOfRange (0 queues, or more than 256).
[[nodiscard]] Result<TapDevice> open_tap(const TapOptions& options);

/// Makes a persistent tap and closes it again, as `ip tuntap add`; deletes one, as `ip tuntap del` (kNoSuchInterface,
/// kNotATap, kIsTun, kBusy, kPermission). An owner may delete his tap without privilege.
[[nodiscard]] Result<> add_persistent_tap(const TapOptions& options);
[[nodiscard]] Result<> delete_tap(const std::string& name, int netns_fd);

/// A persistent tap goes with its last descriptor from here on.
[[nodiscard]] Result<> end_persistence(int tap_fd);

/// The name a tap has now, wherever it was moved or renamed to (TUNGETIFF); nullopt when the device was deleted
/// (EBADFD), by itself or with the namespace it had been moved to.
[[nodiscard]] std::optional<std::string> tap_name_now(int tap_fd);
/// The network namespace a tap is in now (TUNGETDEVNETNS); an empty UniqueFd without CAP_NET_ADMIN over it.
[[nodiscard]] UniqueFd tap_netns(int tap_fd);

/// Sets the address of a tap that this process made and holds (SIOCSIFHWADDR on the tap's descriptor), for a bridge's
/// own port. kInvalidArgument for a group address, kNoSuchInterface when the device was deleted.
[[nodiscard]] Result<> set_tap_address(int tap_fd, const MacAddress& address);
/// Sets the carrier that the station sees at a tap (TUNSETCARRIER, Linux 5.0). TUNSETIFF switches the carrier on, so
/// this is repeated after each attach. kNotSupported on an older kernel, kNoSuchInterface when the tap was deleted.
[[nodiscard]] Result<> set_tap_carrier(int tap_fd, const std::string& name, bool on);
/// Whether this process has CAP_NET_ADMIN over its own network namespace.
[[nodiscard]] bool may_create_taps();

}  // namespace rb
