// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vde_clients.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace rb {
namespace {

constexpr uid_t kAlice = 1000, kBob = 1001;

class VdeClientsTest : public ::testing::Test {
 protected:
  /// A client that has connected; what it holds is its end.
  UniqueFd come(uid_t user) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ArrivedPeer peer;
    peer.socket.reset(ends[0]);
    peer.uid = user;
    clients.add(std::move(peer));
    return UniqueFd(ends[1]);
  }
  static std::vector<std::byte> request() {
    std::vector<std::byte> bytes(12);
    const std::array<std::uint32_t, 3> head = {0xfeedface, 3, 0};
    std::memcpy(bytes.data(), head.data(), sizeof head);
    const auto address = vde_answer("/run/client");  // a sockaddr_un as any other
    bytes.insert(bytes.end(), address.begin(), address.end());
    return bytes;
  }
  static void send(const UniqueFd& client, std::span<const std::byte> bytes) {
    EXPECT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  static bool is_closed(const UniqueFd& client) {
    char byte = 0;
    return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }
  void handle_all() {
    while (loop.run_once(0) != 0) {
    }
  }

  EventLoop loop;
  std::vector<VdeRequest> asked;
  std::vector<VdeRefusal> refused;
  VdeClients clients{loop, [this](ArrivedPeer, VdeRequest request) { asked.push_back(std::move(request)); },
                     [this](VdeRefusal reason) { refused.push_back(reason); }, std::chrono::milliseconds(100)};
};

TEST_F(VdeClientsTest, ARequestIsTakenHoweverItsBytesCome) {
  const UniqueFd whole = come(kAlice), cut = come(kBob);
  send(whole, request());
  handle_all();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].socket, "/run/client");
  for (const std::byte& byte : request()) {
    send(cut, std::span(&byte, 1));
    handle_all();
  }
  EXPECT_EQ(asked.size(), 2U);
  EXPECT_EQ(clients.waiting_count(), 0U);
  EXPECT_TRUE(refused.empty());
}

TEST_F(VdeClientsTest, GarbageIsSentAwayAtOnce) {
  const UniqueFd client = come(kAlice);
  send(client, std::vector<std::byte>(4));
  handle_all();
  EXPECT_EQ(refused, std::vector{VdeRefusal::kNoMagic});
  EXPECT_TRUE(is_closed(client));
}

TEST_F(VdeClientsTest, AClientThatGoesWithoutARequestIsForgotten) {
  {
    const UniqueFd client = come(kAlice);
  }
  handle_all();
  EXPECT_EQ(clients.waiting_count(), 0U);
  EXPECT_TRUE(refused.empty());
}

TEST_F(VdeClientsTest, ASilentClientBlocksNobodyAndIsSentAway) {
  const UniqueFd silent = come(kAlice), half = come(kAlice), quick = come(kBob);
  const std::vector<std::byte> whole = request();
  send(half, std::span(whole).first(50));
  send(quick, whole);
  handle_all();
  EXPECT_EQ(asked.size(), 1U);
  while (clients.waiting_count() != 0) loop.run_once(-1);
  EXPECT_EQ(refused, std::vector(2, VdeRefusal::kSilent));
  EXPECT_TRUE(is_closed(silent) && is_closed(half));
}

TEST_F(VdeClientsTest, OneUserHasAFewSilentClientsOnly) {
  std::vector<UniqueFd> silent;
  for (std::size_t i = 0; i < VdeClients::kMaxWaitingOfUser; ++i) silent.push_back(come(kAlice));
  const UniqueFd one_more = come(kAlice), other = come(kBob);
  EXPECT_EQ(refused, std::vector{VdeRefusal::kTooMany});
  EXPECT_TRUE(is_closed(one_more));
  send(other, request());
  handle_all();
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(VdeClientsTest, TheOldestSilentClientMakesRoomForTheNext) {
  std::vector<UniqueFd> silent;
  for (std::size_t i = 0; i <= VdeClients::kMaxWaiting; ++i) silent.push_back(come(0));
  EXPECT_EQ(clients.waiting_count(), VdeClients::kMaxWaiting);
  EXPECT_EQ(refused, std::vector{VdeRefusal::kSilent});
  EXPECT_TRUE(is_closed(silent.front()));
  EXPECT_FALSE(is_closed(silent.back()));
}

}  // namespace
}  // namespace rb
