// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/model/listeners.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "ports/base/account_names.hpp"
#include "ports/base/interface_name.hpp"
#include "ports/base/netns.hpp"

namespace rb {

class Listeners::Place final : public ListenerHost {
 public:
  Place(Listeners& listeners, ModelListener& listener) : listeners_(listeners), listener_(listener) {}

  [[nodiscard]] const std::string& name() const override { return listener_.name; }
  [[nodiscard]] Engine& engine() override { return listeners_.parts_.engine; }

  Result<> add_port(const Peer& peer, const MakeDriver& make) override {
    Parts& parts = listeners_.parts_;
    const auto of_user = std::ranges::count_if(parts.tables.ports(), [&](const auto& entry) {
      const std::optional<Arrival>& arrival = entry.second->arrival;
      return arrival && arrival->listener == name() && arrival->uid == peer.uid;
    });
    // A user who may connect must not use all ports up.
    if (peer.uid != 0 && static_cast<std::size_t>(of_user) >= peer.max_ports_of_user) {
      return fail(ErrorCode::kLimit, fmt::format("user {} has {} ports of {}, and no more are possible", peer.uid,
                                                 peer.max_ports_of_user, name()));
    }
    const Result<> added =
        parts.add_port(*parts.tables.bridge_at(listener_.bridge),
                       {.listener = name(), .pid = peer.pid, .uid = peer.uid}, make(listeners_.name_for(peer)));
    // Said once, not each time that somebody tries again.
    if (!added && !std::exchange(listener_.refusing, true))
      parts.notices.add(fmt::format("listener {}: {}", name(), added.error().message));
    if (added) listener_.refusing = false;
    return added;
  }

 private:
  Listeners& listeners_;
  ModelListener& listener_;
};

Result<> Listeners::add(ModelBridge& bridge, std::unique_ptr<ListenerDriver> driver) {
  auto listener = std::make_unique<ModelListener>();
  listener->name = driver->options().name();
  listener->bridge = bridge.index;
  listener->driver = std::move(driver);
  listener->place = std::make_unique<Place>(*this, *listener);
  if (Result<> opened = listener->driver->open(*listener->place); !opened) return opened;
  parts_.tables.add(bridge, std::move(listener));
  return {};
}

std::string Listeners::name_for(const ListenerHost::Peer& peer) {
  // The name of an interface is left to somebody who may want to add that interface.
  const auto usable = [&](const std::string& name) {
    return check_interface_name(name) && parts_.tables.check_free(name) && !parts_.links.get(netns_id(-1), name);
  };
  if (usable(peer.wanted_name)) return peer.wanted_name;
  // "alice-4711", or "alice-4711.2": as much of the user's name as has room.
  std::string user = account_name(peer.uid);
  if (!is_plain_name(user)) user = std::to_string(peer.uid);
  std::string end = fmt::format("-{}", peer.pid);
  for (std::size_t number = 2;; ++number) {
    std::string name = user.substr(0, kMaxInterfaceName - std::min(end.size(), kMaxInterfaceName)) + end;
    if (usable(name) || number > kMaxPorts) return name;
    end = fmt::format("-{}.{}", peer.pid, number);
  }
}

}  // namespace rb
