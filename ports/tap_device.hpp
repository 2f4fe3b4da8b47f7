// Tap devices, the cold part: open, create, identify, delete. The frames are tap_port's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ports/unique_fd.hpp"
#include "switch/mac_address.hpp"
#include "switch/result.hpp"
#include "switch/vnet_header.hpp"

namespace rb {

inline constexpr std::size_t kMaxInterfaceName = 15;  // octets, IFNAMSIZ - 1
/// What the kernel takes as an interface name (dev_valid_name): 1 to 15 octets, no '/', ':' or white space, not "." or
/// "..".
[[nodiscard]] Result<> check_interface_name(const std::string& name);

struct TapOptions {
  std::string name;
  bool create = false;      // make it; kExists when an interface of that name is there already
  bool may_exist = false;   // with `create`: a tap that is there already, from an earlier run, is taken instead
  bool persistent = false;  // of a created one: it stays when the daemon goes
  std::optional<std::uint32_t> owner = {}, group = {};  // uid and gid of a created one
  unsigned queue_count = 1;                             // > 1, or `multi_queue`: IFF_MULTI_QUEUE
  bool multi_queue = false;                             // of a created one: multi-queue even with one queue opened now
  bool offload = true;                                  // false: nothing unfinished is asked for (TUNSETOFFLOAD 0)
  bool allow_uso = true;                                // false: behave as on a kernel before 6.2
  int netns_fd = -1;  // borrowed; the namespace in which to find or make it; -1: the daemon's own
};

/// An open tap: one descriptor a queue, all O_NONBLOCK, IFF_NO_PI, vnet_hdr of 12 octets little-endian.
struct TapDevice {
  std::vector<UniqueFd> queues;
  Offloads offloads;  // what we get unfinished on read, and may write unfinished
  bool multi_queue = false;
  bool persistent = false;
  bool created = false;  // by this call
};

/// Opens (or creates, and opens) a tap. Needs CAP_NET_ADMIN, or the tap to be owned by the caller's user or group.
/// Errors: kNoSuchInterface, kNotATap, kIsTun, kBusy (another process holds it), kPermission (names the owner or the
/// capability), kExists, kNotSupported (kernel without vnet_hdr; more queues than it was made for), kInvalidArgument.
[[nodiscard]] Result<TapDevice> open_tap(const TapOptions& options);

/// Makes a persistent tap and closes it again, as `ip tuntap add`; deletes one, as `ip tuntap del` (kNoSuchInterface,
/// kNotATap, kBusy, kPermission).
[[nodiscard]] Result<> add_persistent_tap(const TapOptions& options);
[[nodiscard]] Result<> delete_tap(const std::string& name, int netns_fd);

/// A persistent tap goes with its last descriptor from here on.
[[nodiscard]] Result<> end_persistence(int tap_fd);

/// The name a tap has now (TUNGETIFF); nullopt when the device was deleted (EBADFD).
[[nodiscard]] std::optional<std::string> tap_name_now(int tap_fd);
/// The network namespace a tap is in now (TUNGETDEVNETNS); an empty UniqueFd without CAP_NET_ADMIN over it.
[[nodiscard]] UniqueFd tap_netns(int tap_fd);

/// Sets the address of a tap that this process made and holds (SIOCSIFHWADDR on the tap's descriptor), for a bridge's
/// own port.
[[nodiscard]] Result<> set_tap_address(int tap_fd, const MacAddress& address);
/// Whether this process has CAP_NET_ADMIN over its own network namespace.
[[nodiscard]] bool may_create_taps();

}  // namespace rb
