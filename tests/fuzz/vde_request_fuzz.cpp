// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a request to a VDE switch: what is accepted names a socket and says nothing that a terminal obeys, and
// how the bytes are cut into reads does not change the meaning.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "control/kinds/vde_request.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const rb::VdeRequest& request) {
  require(!request.socket.empty() && request.socket.size() <= sizeof(sockaddr_un::sun_path));
  if (request.socket.front() == '/') {
    require(request.socket.find('\0') == std::string::npos);
  } else {
    require(request.socket.front() == '\0' && request.socket.size() == sizeof(sockaddr_un::sun_path));
  }
  require(request.description.size() <= rb::kMaxVdeDescription);
  require(std::ranges::all_of(request.description, [](char c) { return c >= ' ' && c <= '~'; }));
  require(request.port < 1U << 24);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bool was_decided = false;
  for (std::size_t length = 0; length <= std::min(size, rb::kMaxVdeRequest); ++length) {
    // Exactly as many bytes as there are, so that a read behind them is seen.
    const auto copy = std::make_unique<std::byte[]>(length);
    std::copy_n(reinterpret_cast<const std::byte*>(data), length, copy.get());
    const auto request = rb::parse_vde_request({copy.get(), length});
    require(request || !was_decided);  // more bytes never make a whole request incomplete
    was_decided = was_decided || request;
    if (!request) continue;
    if (!*request) require(static_cast<std::size_t>(request->error()) < rb::kVdeRefusalCount);
    if (*request) check(**request);
  }
  return 0;
}
