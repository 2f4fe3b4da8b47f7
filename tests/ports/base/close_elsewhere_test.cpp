// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/base/close_elsewhere.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

namespace rb {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(SentFiles, AreKnownWithoutAskingThem) {
  const auto kind = [](int fd) {
    const UniqueFd owned(fd);
    EXPECT_GE(fd, 0);
    return kind_of_sent_file(owned.get());
  };
  EXPECT_EQ(kind(::eventfd(0, EFD_CLOEXEC)), SentFile::kEventfd);
  EXPECT_EQ(kind(::memfd_create("memory", MFD_CLOEXEC)), SentFile::kMemory);
  EXPECT_EQ(kind(::memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING)), SentFile::kMemory);
  EXPECT_EQ(kind(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), SentFile::kOther);
  EXPECT_EQ(kind(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)), SentFile::kOther);
  EXPECT_EQ(kind(::open("/", O_RDONLY | O_CLOEXEC)), SentFile::kOther);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  EXPECT_EQ(kind(pipe[0]), SentFile::kOther);
  EXPECT_EQ(kind(pipe[1]), SentFile::kOther);
}

TEST(CloseElsewhere, ClosesInTheEnd) {
  std::vector<int> fds;
  for (int i = 0; i < 200; ++i) {
    UniqueFd fd(::eventfd(0, EFD_CLOEXEC));
    fds.push_back(fd.get());
    close_elsewhere(std::move(fd));
  }
  for (const int fd : fds) {
    while (is_open(fd)) std::this_thread::yield();
  }
}

/// The socket is a TCP connection of the loopback with unread data, and no reader.
TEST(CloseElsewhere, DoesNotWaitForASocketThatLingers) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), generic, size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), generic, &size), 0);
  UniqueFd sender(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(sender.get(), generic, size), 0);
  const std::vector<char> octets(1 << 20);
  while (::send(sender.get(), octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) continue;
  const linger waits{.l_onoff = 1, .l_linger = 3600};
  ASSERT_EQ(::setsockopt(sender.get(), SOL_SOCKET, SO_LINGER, &waits, sizeof waits), 0);
  // The connection is accepted before the close, because it might get the number of the closed socket.
  const UniqueFd receiver(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const int fd = sender.get();
  close_elsewhere(std::move(sender));  // close() in this thread would take an hour
  // A reader lets the close finish.
  std::vector<char> read(1 << 20);
  while (::recv(receiver.get(), read.data(), read.size(), 0) > 0) continue;
  while (is_open(fd)) std::this_thread::yield();
}

}  // namespace
}  // namespace rb
