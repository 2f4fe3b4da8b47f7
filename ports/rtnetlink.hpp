// Rtnetlink: asks the kernel about network interfaces of one namespace, and sets them up or down.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "ports/unique_fd.hpp"
#include "switch/mac_address.hpp"
#include "switch/result.hpp"

struct nlmsghdr;

namespace rb {

/// One interface as rtnetlink describes it.
struct LinkState {
  int ifindex = 0;
  std::string name;
  std::uint32_t flags = 0;  // IFF_*
  std::uint32_t mtu = 0;    // octets
  MacAddress address;
  std::string kind;  // IFLA_INFO_KIND: "tun" (of taps too), "bridge", "veth"; empty for a physical device
  /// What IFLA_INFO_DATA says of a tun or tap (Linux 4.17).
  struct Tun {
    bool tap = false;
    bool multi_queue = false;
    bool persistent = false;
    std::optional<std::uint32_t> owner, group;  // uid, gid
    std::uint32_t queue_count = 0;              // that somebody holds
  };
  std::optional<Tun> tun;

  [[nodiscard]] bool admin_up() const noexcept;  // IFF_UP
  [[nodiscard]] bool running() const noexcept;   // IFF_UP and IFF_LOWER_UP: a tap that somebody holds has carrier
  [[nodiscard]] bool promiscuous() const noexcept;
};

/// Reads an RTM_NEWLINK or RTM_DELLINK; nullopt when it is malformed.
[[nodiscard]] std::optional<LinkState> parse_link(const nlmsghdr* message);

/// One request socket. Used by one thread; every call waits for the kernel's answer, which comes at once.
class Rtnetlink {
 public:
  /// In a namespace (-1: the calling thread's own).
  [[nodiscard]] static Result<Rtnetlink> open(int netns_fd);

  /// kNoSuchInterface when it is not there.
  [[nodiscard]] Result<LinkState> get(const std::string& name);
  [[nodiscard]] Result<LinkState> get(int ifindex);
  /// Every interface.
  [[nodiscard]] Result<> for_each(const std::function<void(const LinkState&)>& visit);
  /// Sets IFF_UP, or takes it away.
  enum class Admin : std::uint8_t { kDown, kUp };
  [[nodiscard]] Result<> set_admin(int ifindex, Admin admin);

 private:
  explicit Rtnetlink(UniqueFd socket) noexcept : socket_(std::move(socket)) {}
  [[nodiscard]] Result<> transact(nlmsghdr* request, const std::function<void(const nlmsghdr*)>& answer);
  [[nodiscard]] Result<LinkState> get(int ifindex, const std::string& name);

  UniqueFd socket_;
  std::uint32_t sequence_ = 0;
};

/// A socket that hears of every change of an interface of the namespace the thread is in (RTNLGRP_LINK).
[[nodiscard]] Result<UniqueFd> open_link_events();

}  // namespace rb
