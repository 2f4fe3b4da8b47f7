// SPDX-License-Identifier: GPL-2.0-or-later
// Engines that need no privilege: a datagram socket pair stands in for a tap. As with a tap, one read returns one frame
// and one write takes one. Unlike with a tap, the other end is a descriptor that the test holds.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "ports/engine/engine.hpp"
#include "ports/tap/tap_port.hpp"
#include "tests/switch/relay_fixture.hpp"

namespace rb::testing {

class EngineTest : public ::testing::Test {
 protected:
  void start(EngineOptions options = {}) {
    Result<std::unique_ptr<Engine>> started = Engine::start(options);
    ASSERT_TRUE(started.has_value()) << started.error().message;
    engine = std::move(*started);
  }
  /// Adds a port to bridge 0. The far end of each queue goes into far_ends.
  PortIndex add_port(std::size_t queue_count = 1) {
    TapDevice device;
    const auto index = static_cast<PortIndex>(far_ends.size());
    far_ends.emplace_back();
    for (std::size_t i = 0; i < queue_count; ++i) {
      int ends[2];
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
      device.queues.emplace_back(ends[0]);
      far_ends.back().emplace_back(ends[1]);
    }
    attach(index, std::make_unique<TapPortDevice>(std::move(device)));
    return index;
  }
  /// Attaches a device as the last port of bridge 0.
  void attach(PortIndex index, std::unique_ptr<PortDevice> device) {
    EXPECT_TRUE(engine->attach(index, std::move(device)).has_value());
    PortState port;
    port.bridge = 0;
    port.gate = PortGate::kForwarding;
    port.accepts.bits = Offloads::kAll;
    ports.push_back(port);
    publish();
  }
  void publish() { engine->publish(std::make_unique<ForwardingState>(std::vector<BridgeState>{bridge}, ports)); }
  /// Returns a frame as a tap delivers it: virtio_net_hdr, addresses, and `number` as its only content.
  static std::string frame(const MacAddress& source, const MacAddress& destination, std::uint32_t number = 0,
                           std::size_t size = 64) {
    std::string octets(sizeof(VnetHeader) + size, '\0');
    std::memcpy(&octets[12], destination.octets.data(), 6);
    std::memcpy(&octets[18], source.octets.data(), 6);
    std::memcpy(&octets[26], &number, sizeof number);
    return octets;
  }
  static std::uint32_t number_of(const std::string& octets) {
    std::uint32_t number = 0;
    std::memcpy(&number, &octets.at(26), sizeof number);
    return number;
  }
  void send(PortIndex port, const std::string& octets, std::size_t queue = 0) {
    pollfd waiting{far_ends[port][queue].get(), POLLOUT, 0};
    ASSERT_EQ(poll(&waiting, 1, 10000), 1);
    ASSERT_EQ(write(far_ends[port][queue].get(), octets.data(), octets.size()), static_cast<ssize_t>(octets.size()));
  }
  /// Returns the next frame that leaves by a port, or an empty string after ten seconds without a frame.
  std::string receive(PortIndex port, std::size_t queue = 0) {
    pollfd waiting{far_ends[port][queue].get(), POLLIN, 0};
    if (poll(&waiting, 1, 10000) != 1) return {};
    std::string octets(70000, '\0');
    const ssize_t size = read(far_ends[port][queue].get(), octets.data(), octets.size());
    octets.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return octets;
  }
  bool nothing_waits(PortIndex port, std::size_t queue = 0) {
    pollfd waiting{far_ends[port][queue].get(), POLLIN, 0};
    return poll(&waiting, 1, 0) == 0;
  }

  std::vector<std::vector<UniqueFd>> far_ends;
  BridgeState bridge{.present = true, .fid = 1};
  std::vector<PortState> ports;
  std::unique_ptr<Engine> engine;  // the last member, because the engine must end before the far ends close
};

}  // namespace rb::testing
