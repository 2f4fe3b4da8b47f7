// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/dgram_device.hpp"

#include <sys/un.h>

#include <filesystem>

#include "ports/base/owned_socket.hpp"
#include "tests/ports/engine/engine_fixture.hpp"

namespace rb::testing {
namespace {

namespace fs = std::filesystem;

class ConnectedDgram : public EngineTest {
 protected:
  ConnectedDgram() {
    std::string made = (fs::temp_directory_path() / "dgram-device-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = made;
  }
  ~ConnectedDgram() override { fs::remove_all(directory_); }

  [[nodiscard]] SocketAddress at(const char* name) const { return parse_socket_address(directory_ / name).value(); }
  [[nodiscard]] BoundSocket bound(const char* name) const {
    return BoundSocket::bind(at(name), SOCK_DGRAM, {}).value();
  }
  /// Attaches port 0, whose peer is "peer" and whose own socket is "switch".
  void attach_connected() {
    auto own = std::make_shared<BoundSocket>(bound("switch"));
    ASSERT_TRUE(connect_to_owned_socket(own->fd(), directory_ / "peer", ::geteuid()).has_value());
    Result<std::unique_ptr<PortDevice>> device = make_connected_dgram(own->fd(), own);
    ASSERT_TRUE(device.has_value()) << device.error().message;
    far_ends.emplace_back();
    attach(0, std::move(*device));
  }
  [[nodiscard]] ssize_t send_to_switch(const BoundSocket& from, std::uint32_t number) const {
    const std::string octets = frame({{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, number).substr(sizeof(VnetHeader));
    const SocketAddress to = at("switch");
    return ::sendto(from.fd(), octets.data(), octets.size(), 0, to.get(), to.size);
  }
  /// Waits for the workers.
  template <typename Condition>
  [[nodiscard]] static bool eventually(Condition holds) {
    for (int i = 0; i < 2000; ++i) {
      if (holds()) return true;
      ::poll(nullptr, 0, 5);
    }
    return false;
  }

  fs::path directory_;
};

TEST_F(ConnectedDgram, CarriesFramesOfItsPeer) {
  const BoundSocket peer = bound("peer");
  start();
  attach_connected();
  add_port();
  ASSERT_GT(send_to_switch(peer, 7), 0);
  EXPECT_EQ(number_of(receive(1)), 7U);
  send(1, frame({{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 1}}, 8));
  pollfd waiting{peer.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&waiting, 1, 10000), 1);
  std::array<char, 128> got{};
  EXPECT_EQ(::recv(peer.fd(), got.data(), got.size(), 0), 64);
}

TEST_F(ConnectedDgram, DropsDatagramsFromElsewhereOnceItsPeerHasGone) {
  auto peer = std::make_unique<BoundSocket>(bound("peer"));
  const BoundSocket other = bound("other");
  start();
  attach_connected();
  add_port();
  EXPECT_EQ(send_to_switch(other, 1), -1) << "the kernel refuses while the peer is there";
  EXPECT_EQ(errno, EPERM);
  peer.reset();
  // The kernel forgets the peer when the switch next sends to it.
  ASSERT_TRUE(eventually([&] {
    send(1, frame({{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 1}}, 2));
    return send_to_switch(other, 3) > 0;
  }));
  EXPECT_TRUE(
      eventually([&] { return engine->counters(0).drops[static_cast<std::size_t>(DropReason::kWrongPeer)] == 1; }));
  EXPECT_TRUE(nothing_waits(1));
}

TEST_F(ConnectedDgram, NeedsAPeerWithAName) {
  const BoundSocket alone = bound("switch");
  EXPECT_FALSE(make_connected_dgram(alone.fd(), nullptr).has_value());
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd one(ends[0]), two(ends[1]);
  EXPECT_FALSE(make_connected_dgram(one.get(), nullptr).has_value());
}

}  // namespace
}  // namespace rb::testing
