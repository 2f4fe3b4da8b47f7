// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/links/link_speed.hpp"

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace rb {

LinkSpeed link_speed(int socket, const std::string& name) {
  // ETHTOOL_GLINKSETTINGS would add link modes beyond 32 bits, which are not needed here.
  ethtool_cmd settings{};
  settings.cmd = ETHTOOL_GSET;
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&settings);
  if (::ioctl(socket, SIOCETHTOOL, &request) != 0) return {};
  LinkSpeed speed{.mbit_s = {}, .half_duplex = settings.duplex == DUPLEX_HALF};
  const std::uint32_t told = ethtool_cmd_speed(&settings);
  if (told != 0 && told != static_cast<std::uint32_t>(SPEED_UNKNOWN)) speed.mbit_s = told;
  return speed;
}

}  // namespace rb
