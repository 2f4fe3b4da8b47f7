// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vde_directory.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>

namespace rb {
namespace {

namespace fs = std::filesystem;
constexpr uid_t kNobody = 65534;

class VdeDirectoryTest : public ::testing::Test {
 protected:
  VdeDirectoryTest() {
    std::string made = (fs::temp_directory_path() / "vde-directory-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("mkdtemp");
    base = made;
    fs::permissions(base, fs::perms(0755));
    path = base / "vde.ctl";
  }
  ~VdeDirectoryTest() override { fs::remove_all(base); }

  static mode_t mode_of(const std::string& file) {
    struct stat status{};
    EXPECT_EQ(::lstat(file.c_str(), &status), 0) << file;
    return status.st_mode & 07777;
  }
  static uid_t owner_of(const std::string& file) {
    struct stat status{};
    EXPECT_EQ(::lstat(file.c_str(), &status), 0) << file;
    return status.st_uid;
  }
  static BoundSocket client_at(const std::string& name) {
    return BoundSocket::bind(parse_socket_address(name).value(), SOCK_DGRAM, {}).value();
  }
  ErrorCode refusal(const SocketOwner& owner = {}) const {
    const auto opened = VdeDirectory::open(path, owner);
    EXPECT_FALSE(opened.has_value());
    return opened ? ErrorCode{} : opened.error().code;
  }

  fs::path base;
  std::string path;
};

TEST(VdeDirectoryMode, LetsInWhoeverMayUseTheSocket) {
  EXPECT_EQ(vde_directory_mode(0600), 02700U);
  EXPECT_EQ(vde_directory_mode(0660), 03770U);
  EXPECT_EQ(vde_directory_mode(0666), 03777U);
  EXPECT_EQ(vde_directory_mode(0620), 03730U);
}

TEST_F(VdeDirectoryTest, IsMadeWithItsPermissionsAndGoes) {
  {
    const auto directory = VdeDirectory::open(path + "/", {.mode = 0660});
    ASSERT_TRUE(directory.has_value()) << directory.error().message;
    EXPECT_EQ(directory->ctl().text, path + "/ctl");
    EXPECT_EQ(mode_of(path), 03770U);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(VdeDirectoryTest, ThatIsThereStaysAsItIs) {
  fs::create_directory(path);
  fs::permissions(path, fs::perms(0711));
  {
    EXPECT_TRUE(VdeDirectory::open(path, {.mode = 0660}).has_value());
  }
  EXPECT_EQ(mode_of(path), 0711U);
}

TEST_F(VdeDirectoryTest, StaysUntilTheLastSocketHasGone) {
  const BoundSocket client = client_at(base / "client");
  std::optional<VdeSocket> socket;
  {
    auto directory = VdeDirectory::open(path, {});
    auto made = directory->connect(base / "client", ::geteuid());
    ASSERT_TRUE(made.has_value());
    socket = std::move(*made);
  }
  EXPECT_TRUE(fs::exists(socket->path));
  socket.reset();
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(VdeDirectoryTest, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  fs::create_directory(path);
  ASSERT_EQ(::chown(path.c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(refusal(), ErrorCode::kPermission);
  EXPECT_TRUE(VdeDirectory::open(path, {.user = kNobody}).has_value()) << "unless it is this user's switch";
}

TEST_F(VdeDirectoryTest, IsRefusedWhereThereCannotBeOne) {
  std::ofstream(path) << "text";
  EXPECT_EQ(refusal(), ErrorCode::kInvalidArgument);
  fs::remove(path);
  fs::create_directory_symlink(base, path);
  EXPECT_EQ(refusal(), ErrorCode::kInvalidArgument) << "a link";
  fs::remove(path);
  path += "/in/nothing";
  EXPECT_EQ(refusal(), ErrorCode::kInvalidArgument);
  for (const std::string& wrong :
       {std::string("vde.ctl"), std::string("/"), std::string(), "/" + std::string(92, 'x')}) {
    path = wrong;
    EXPECT_EQ(refusal(), ErrorCode::kInvalidArgument) << wrong;
  }
}

TEST_F(VdeDirectoryTest, GivesEachClientASocketOfItsOwn) {
  const BoundSocket one = client_at(base / "one"), two = client_at(base / "two");
  auto directory = VdeDirectory::open(path, {});
  auto first = directory->connect(base / "one", ::geteuid()), second = directory->connect(base / "two", ::geteuid());
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->path, path + "/001.1");
  EXPECT_EQ(second->path, path + "/002.2");
  EXPECT_EQ(mode_of(first->path), 0600U);
  EXPECT_EQ(::send(first->socket.fd(), "frame", 5, 0), 5);
  std::array<char, 8> got{};
  EXPECT_EQ(::recv(one.fd(), got.data(), got.size(), MSG_DONTWAIT), 5);
  EXPECT_EQ(::recv(two.fd(), got.data(), got.size(), MSG_DONTWAIT), -1);
}

TEST_F(VdeDirectoryTest, GivesTheSocketToTheClientsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const BoundSocket client = client_at(base / "client");
  ASSERT_EQ(::chown((base / "client").c_str(), kNobody, kNobody), 0);
  auto directory = VdeDirectory::open(path, {.mode = 0666});
  const auto made = directory->connect(base / "client", kNobody);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(owner_of(made->path), kNobody);
  EXPECT_EQ(mode_of(made->path), 0600U);
}

TEST_F(VdeDirectoryTest, RefusesSocketsOfOthersAndLeavesNothing) {
  const BoundSocket client = client_at(base / "client");
  fs::create_symlink(base / "client", base / "link");
  auto directory = VdeDirectory::open(path, {});
  const uid_t me = ::geteuid(), other = me == kNobody ? 1 : kNobody;
  const auto why = [&](const fs::path& name, uid_t user) {
    const auto made = directory->connect(name, user);
    EXPECT_FALSE(made.has_value());
    return made ? VdeRefusal{} : made.error();
  };
  EXPECT_EQ(why(base / "client", other), VdeRefusal::kOwner);
  EXPECT_EQ(why(base / "link", me), VdeRefusal::kNoSocket);
  EXPECT_EQ(why(base / "nothing", me), VdeRefusal::kNoSocket);
  EXPECT_TRUE(fs::is_empty(path));
}

TEST_F(VdeDirectoryTest, RemovesWhatNobodyHasOpen) {
  fs::create_directory(path);
  const auto leave = [&](const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (path + "/" + name).copy(address.sun_path, sizeof address.sun_path - 1);
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  };
  for (const char* name : {"001.7", ".00042-00000", "mine.sock", ".hidden"}) leave(name);
  const BoundSocket live = client_at(path + "/.00043-00000");
  std::ofstream(path + "/002.8") << "no socket";
  VdeDirectory::open(path, {})->remove_left_over_sockets();
  EXPECT_FALSE(fs::exists(path + "/001.7"));
  EXPECT_FALSE(fs::exists(path + "/.00042-00000"));
  for (const char* kept : {"mine.sock", ".hidden", ".00043-00000", "002.8"})
    EXPECT_TRUE(fs::exists(fs::symlink_status(path + "/" + kept))) << kept;
}

TEST_F(VdeDirectoryTest, StepsOverNamesThatOthersHaveTaken) {
  const BoundSocket client = client_at(base / "client");
  auto directory = VdeDirectory::open(path, {});
  std::ofstream(path + "/001.1") << "in the way";
  const auto made = directory->connect(base / "client", ::geteuid());
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->path, path + "/002.2");
}

}  // namespace
}  // namespace rb
