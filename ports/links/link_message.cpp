// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/links/link_message.hpp"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include <cstring>

#include "ports/links/rtnetlink.hpp"

namespace rb {

LinkState read_link(const nlmsghdr& message) {
  LinkState link;
  ifinfomsg header{};
  std::memcpy(&header, mnl_nlmsg_get_payload(&message), sizeof header);
  link.ifindex = header.ifi_index;
  link.flags = header.ifi_flags;
  for_each_attribute(message, sizeof header, [&](const nlattr& attribute) {
    switch (attribute_type(attribute)) {
      case IFLA_IFNAME:
        link.name = attribute_string(attribute);
        break;
      case IFLA_MTU:
        link.mtu = attribute_u32(attribute).value_or(0);
        break;
      case IFLA_ADDRESS:
        if (mnl_attr_get_payload_len(&attribute) == sizeof link.address.octets) {
          link.address = MacAddress::from_bytes(mnl_attr_get_payload(&attribute));
        }
        break;
      default:
        break;
    }
  });
  return link;
}

bool is_link_message(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK) return false;
  if (mnl_nlmsg_get_payload_len(&message) < sizeof(ifinfomsg)) return false;
  ifinfomsg header{};
  std::memcpy(&header, mnl_nlmsg_get_payload(&message), sizeof header);
  return header.ifi_family == AF_UNSPEC;
}

int read_nsid(const nlmsghdr& message) {
  int nsid = kOwnNsid;
  for_each_attribute(message, sizeof(rtgenmsg), [&](const nlattr& attribute) {
    if (attribute_type(attribute) == NETNSA_NSID) nsid = static_cast<int>(attribute_u32(attribute).value_or(0));
  });
  return nsid;
}

int origin_of(msghdr& received) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&received); control != nullptr; control = CMSG_NXTHDR(&received, control)) {
    if (control->cmsg_level == SOL_NETLINK && control->cmsg_type == NETLINK_LISTEN_ALL_NSID) {
      int nsid = kOwnNsid;
      std::memcpy(&nsid, CMSG_DATA(control), sizeof nsid);
      return nsid;
    }
  }
  return kOwnNsid;
}

}  // namespace rb
