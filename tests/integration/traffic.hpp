// SPDX-License-Identifier: GPL-2.0-or-later
// Traffic between the hosts of a lab: frames of known octets, pings, and TCP.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "lab.hpp"

namespace rb::test {

inline const std::string kEverybody = "ff:ff:ff:ff:ff:ff", kA = "02:aa:00:00:00:01", kB = "02:bb:00:00:00:02",
                         kC = "02:cc:00:00:00:03";
/// An EtherType for local experiments (IEEE 802 9.2.4), then some octets.
inline Octets content(std::uint8_t mark, std::size_t size = 60) {
  Octets octets(size, mark);
  octets[0] = 0x88;
  octets[1] = 0xb5;
  return octets;
}

/// A TCP connection between two hosts.
class Stream {
 public:
  Stream(const Lab::Host& from, const Lab::Host& to, const std::string& address) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (address.find(':') == std::string::npos) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
      v4.sin_family = AF_INET;
      ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr);
      size = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
      v6.sin6_family = AF_INET6;
      ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr);
      size = sizeof v6;
    }
    auto* name = reinterpret_cast<sockaddr*>(&storage);
    const UniqueFd listener = socket_in(to, storage.ss_family);
    if (::bind(listener.get(), name, size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), name, &size) != 0) {
      throw std::runtime_error("cannot listen on " + address);
    }
    sender_ = socket_in(from, storage.ss_family);
    if (::connect(sender_.get(), name, size) != 0) throw std::runtime_error("cannot connect to " + address);
    receiver_.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  void send_from(const std::string& file) const {
    const UniqueFd from(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    for (std::array<char, 262144> buffer;;) {
      const ssize_t size = ::read(from.get(), buffer.data(), buffer.size());
      if (size <= 0) break;
      for (ssize_t at = 0; at < size;) {
        const ssize_t sent =
            ::send(sender_.get(), buffer.data() + at, static_cast<std::size_t>(size - at), MSG_NOSIGNAL);
        ASSERT_GT(sent, 0);
        at += sent;
      }
    }
    ::shutdown(sender_.get(), SHUT_WR);
  }
  void receive_into(const std::string& file) const {
    const UniqueFd to(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    for (std::array<char, 262144> buffer;;) {
      const ssize_t size = ::recv(receiver_.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) break;
      ASSERT_EQ(::write(to.get(), buffer.data(), static_cast<std::size_t>(size)), size);
    }
  }

 private:
  static UniqueFd socket_in(const Lab::Host& host, int family) {
    const Result<NetnsScope> visit = NetnsScope::enter(host.netns.get());
    return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
  UniqueFd sender_, receiver_;
};

inline void expect_pings(const Lab::Host& from, const std::string& to) {
  const CommandResult result = from.run("ping -c 1 -W 10 " + to);
  EXPECT_EQ(result.exit_status, 0) << result.output;
}

/// Sends random octets from one host to another by TCP, and compares the result by its sha256.
inline void expect_transfer(const Lab& lab, const Lab::Host& from, const Lab::Host& to, unsigned megabytes,
                            const std::string& address = {}) {
  const std::string sent = lab.daemon.directory() / "sent", got = lab.daemon.directory() / "got";
  Lab::ok("head -c " + std::to_string(megabytes) + "M /dev/urandom > " + sent);
  const Stream stream(from, to, address.empty() ? to.address() : address);
  std::thread receiver([&] { stream.receive_into(got); });
  stream.send_from(sent);
  receiver.join();
  EXPECT_EQ(Lab::ok("sha256sum < " + sent), Lab::ok("sha256sum < " + got));
}

/// Reads all waiting frames of a wire and returns the size of the largest TCP frame.
inline std::size_t largest_frame(const Wire& wire) {
  std::size_t largest = 0;
  for (Octets frame = wire.receive(0); !frame.empty(); frame = wire.receive(0))
    largest = std::max(largest, frame.size());
  return largest;
}

/// Runs TCP between hosts, both ways, and expects no frame longer than Ethernet's maximum.
inline void expect_tcp_is_cut(const Lab& lab, const Lab::Host& one, const Lab::Host& two) {
  const Wire far = two.wire();
  expect_pings(one, two.address());
  expect_transfer(lab, one, two, 16);
  EXPECT_LE(largest_frame(far), 1514U);
  expect_transfer(lab, two, one, 16);
}

}  // namespace rb::test
