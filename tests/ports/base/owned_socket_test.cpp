// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/owned_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "ports/base/unique_fd.hpp"

namespace rb {
namespace {

constexpr uid_t kNobody = 65534;

class OwnedSocket : public ::testing::Test {
 protected:
  OwnedSocket() {
    std::string made = (std::filesystem::temp_directory_path() / "owned-socket-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = made;
  }
  ~OwnedSocket() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const char* name) const { return directory_ / name; }
  static UniqueFd new_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }
  static UniqueFd bound(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path);
    UniqueFd socket = new_socket();
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("bind");
    return socket;
  }
  /// An abstract name that no other test has, as clients bind it.
  static std::string abstract_name() {
    std::string name = std::string(1, '\0') + "owned-socket-test-" + std::to_string(::getpid());
    name.resize(sizeof(sockaddr_un::sun_path), '\0');
    return name;
  }
  static std::optional<ErrorCode> refusal(const std::string& name, uid_t owner) {
    const UniqueFd socket = new_socket();
    const Result<> connected = connect_to_owned_socket(socket.get(), name, owner);
    if (connected) return std::nullopt;
    EXPECT_FALSE(connected.error().message.empty());
    return connected.error().code;
  }
  static void expect_connected(const std::string& name, const UniqueFd& peer) {
    const UniqueFd socket = new_socket();
    const Result<> connected = connect_to_owned_socket(socket.get(), name, ::geteuid());
    ASSERT_TRUE(connected.has_value()) << connected.error().message;
    EXPECT_EQ(::send(socket.get(), "frame", 5, 0), 5);
    std::array<char, 8> got{};
    EXPECT_EQ(::recv(peer.get(), got.data(), got.size(), 0), 5);
  }

  std::filesystem::path directory_;
};

TEST_F(OwnedSocket, IsConnectedByItsPath) {
  const UniqueFd peer = bound(path("own"));
  expect_connected(path("own"), peer);
}

TEST_F(OwnedSocket, IsConnectedByItsAbstractName) {
  const UniqueFd peer = bound(abstract_name());
  expect_connected(abstract_name(), peer);
}

TEST_F(OwnedSocket, OfAnotherUserIsRefused) {
  const UniqueFd file = bound(path("own")), abstract = bound(abstract_name());
  const uid_t other = ::geteuid() == kNobody ? 1 : kNobody;
  EXPECT_EQ(refusal(path("own"), other), ErrorCode::kPermission);
  EXPECT_EQ(refusal(abstract_name(), other), ErrorCode::kPermission);
}

TEST_F(OwnedSocket, GivenToAnotherUserIsThatUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const UniqueFd peer = bound(path("given"));
  ASSERT_EQ(::chown(path("given").c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(refusal(path("given"), 0), ErrorCode::kPermission);
  EXPECT_EQ(refusal(path("given"), kNobody), std::nullopt);
}

TEST_F(OwnedSocket, IsNotReachedThroughALink) {
  const UniqueFd peer = bound(path("own"));
  std::filesystem::create_symlink(path("own"), path("link"));
  EXPECT_EQ(refusal(path("link"), ::geteuid()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal("/proc/self/fd/" + std::to_string(peer.get()), ::geteuid()), ErrorCode::kInvalidArgument);
  std::filesystem::create_directory_symlink(directory_, path("there"));
  EXPECT_EQ(refusal(path("there/own"), ::geteuid()), std::nullopt) << "a link to a directory decides nothing";
}

TEST_F(OwnedSocket, MustBeThere) {
  EXPECT_EQ(refusal(path("nothing"), ::geteuid()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(directory_, ::geteuid()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(abstract_name(), ::geteuid()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal("relative", ::geteuid()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal("", ::geteuid()), ErrorCode::kInvalidArgument);
  {
    const UniqueFd gone = bound(path("stale"));
  }
  EXPECT_EQ(refusal(path("stale"), ::geteuid()), ErrorCode::kInvalidArgument);
}

TEST_F(OwnedSocket, TakesDatagramsFromItsPeerAlone) {
  // The kernel's rule that the VDE ports rest on: nobody else may send to a socket that is connected.
  const UniqueFd peer = bound(path("peer")), other = new_socket();
  const UniqueFd socket = bound(path("switch"));
  ASSERT_TRUE(connect_to_owned_socket(socket.get(), path("peer"), ::geteuid()).has_value());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path("switch").copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* const to = reinterpret_cast<const sockaddr*>(&address);
  EXPECT_EQ(::sendto(other.get(), "frame", 5, 0, to, sizeof address), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::sendto(peer.get(), "frame", 5, 0, to, sizeof address), 5);
}

}  // namespace
}  // namespace rb
