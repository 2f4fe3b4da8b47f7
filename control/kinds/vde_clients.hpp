// SPDX-License-Identifier: GPL-2.0-or-later
// VdeClients: the clients of a VDE switch that have connected and have not said yet what they want.
//
// A client sends its request at once. One that sends nothing, or half a request, is sent away after a while, and the
// number of such clients is bounded, so that they cost others nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>

#include "control/base/event_loop.hpp"
#include "control/kinds/peer_listener.hpp"
#include "control/kinds/vde_request.hpp"

namespace rb {

/// Control thread only.
class VdeClients {
 public:
  static constexpr std::size_t kMaxWaiting = 64;       // clients without a whole request
  static constexpr std::size_t kMaxWaitingOfUser = 8;  // the same of one user other than root
  static constexpr std::chrono::milliseconds kPatience{5000};

  using Asked = std::function<void(ArrivedPeer client, VdeRequest request)>;
  using Refused = std::function<void(VdeRefusal reason)>;

  /// `asked` gets each client whose request is whole; `refused` hears why another one was sent away. Neither may
  /// destroy this object.
  VdeClients(EventLoop& loop, Asked asked, Refused refused, std::chrono::milliseconds patience = kPatience);
  ~VdeClients();
  VdeClients(const VdeClients&) = delete;
  VdeClients& operator=(const VdeClients&) = delete;

  /// Waits for a client's request.
  void add(ArrivedPeer peer);
  [[nodiscard]] std::size_t waiting_count() const noexcept { return waiting_.size(); }

 private:
  struct Waiting {
    ArrivedPeer peer;
    std::chrono::steady_clock::time_point deadline;
    std::array<std::byte, kMaxVdeRequest> bytes;
    std::size_t size = 0;
  };
  using Place = std::list<Waiting>::iterator;

  void read(Place place);
  ArrivedPeer take(Place place);
  void send_away(Place place, VdeRefusal reason);
  void expire();
  void start_timer();

  EventLoop& loop_;
  Asked asked_;
  Refused refused_;
  std::chrono::milliseconds patience_;
  std::list<Waiting> waiting_;  // whoever came first is first
  Timer timer_;
};

}  // namespace rb
