// SPDX-License-Identifier: GPL-2.0-or-later
// Two references for cutting frames that are independent of the switch: hosts whose kernels hand over unfinished
// frames, and a kernel bridge that finishes any frame. All namespaces are without names, so nothing outlives its
// object.
#pragma once

#include <poll.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lab.hpp"
#include "ports/tap/tap_device.hpp"

namespace rb::test {

/// A frame as a tap delivers it.
struct TapFrame {
  VnetHeader vnet;
  Octets octets;
};

/// A tap in a namespace of its own, or in an existing one.
class Tap {
 public:
  enum class Offload : std::uint8_t { kOff, kOn };

  Tap(int netns_fd, const std::string& name, Offload offload) {
    Result<TapDevice> opened =
        open_tap({.name = name, .create = true, .offload = offload == Offload::kOn, .netns_fd = netns_fd});
    if (!opened) throw std::runtime_error(opened.error().message);
    device_ = std::move(*opened);
  }
  [[nodiscard]] int fd() const { return device_.queues[0].get(); }
  [[nodiscard]] Offloads offloads() const { return device_.offloads; }

  /// Returns the next waiting frame, or nullopt.
  [[nodiscard]] std::optional<TapFrame> read() const {
    TapFrame frame{{}, Octets(70000)};
    const std::array<iovec, 2> vectors = {
        {{&frame.vnet, sizeof frame.vnet}, {frame.octets.data(), frame.octets.size()}}};
    const ssize_t size = ::readv(fd(), vectors.data(), vectors.size());
    if (size < static_cast<ssize_t>(sizeof frame.vnet)) return std::nullopt;
    frame.octets.resize(static_cast<std::size_t>(size) - sizeof frame.vnet);
    return frame;
  }
  /// Writes a frame. False if the kernel refuses it.
  [[nodiscard]] bool write(TapFrame frame) const {
    const std::array<iovec, 2> vectors = {
        {{&frame.vnet, sizeof frame.vnet}, {frame.octets.data(), frame.octets.size()}}};
    return ::writev(fd(), vectors.data(), vectors.size()) > 0;
  }

 private:
  TapDevice device_;
};

/// Runs a shell command in a namespace. The command must succeed.
inline void run_in(const UniqueFd& netns, const std::string& command) {
  const Result<NetnsScope> scope = NetnsScope::enter(netns.get());
  if (!scope) throw std::runtime_error(scope.error().message);
  const CommandResult result = run_shell(command);
  if (result.exit_status != 0) throw std::runtime_error(command + ": " + result.output);
}

/// Two hosts with kernels of their own, 10.88.0.1 and .2, fd88::1 and ::2. The test carries frames between their taps.
/// The hosts' largest frames leave room for more headers.
class TwoHosts {
 public:
  TwoHosts() {
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string number = std::to_string(i + 1);
      run_in(netns_[i], "ip addr add 10.88.0." + number + "/24 dev khost && ip addr add fd88::" + number +
                            "/64 dev khost nodad && ip link set dev khost gso_max_size 60000 up");
    }
  }

  [[nodiscard]] Offloads offloads() const { return taps_[0].offloads(); }
  /// Makes a non-blocking socket of one host.
  [[nodiscard]] UniqueFd socket(std::size_t host, int family, int type) const {
    const Result<NetnsScope> scope = NetnsScope::enter(netns_[host].get());
    return UniqueFd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  /// Carries frames until `done`, or until nothing happens for ten seconds. `done` is checked after every round. The
  /// frames of the first host are kept in `sent`.
  [[nodiscard]] bool carry_until(const std::function<bool()>& done) {
    for (;;) {
      for (std::size_t from : {0U, 1U}) carry(from);
      if (done()) return true;
      std::array<pollfd, 2> waiting = {{{taps_[0].fd(), POLLIN, 0}, {taps_[1].fd(), POLLIN, 0}}};
      if (::poll(waiting.data(), waiting.size(), 10000) <= 0) return false;
    }
  }

  std::vector<TapFrame> sent;  // by the first host

 private:
  void carry(std::size_t from) {
    while (std::optional<TapFrame> frame = taps_[from].read()) {
      [[maybe_unused]] const bool taken = taps_[1 - from].write(*frame);  // TCP sends a lost frame again
      if (from == 0) sent.push_back(std::move(*frame));
    }
  }

  std::array<UniqueFd, 2> netns_ = {Lab::new_netns(), Lab::new_netns()};
  std::array<Tap, 2> taps_ = {Tap(netns_[0].get(), "khost", Tap::Offload::kOn),
                              Tap(netns_[1].get(), "khost", Tap::Offload::kOn)};
};

/// A kernel bridge from a tap that takes unfinished frames to a tap that takes none. The frames that leave were
/// finished by Linux.
class KernelFinisher {
 public:
  KernelFinisher() {
    // The MTU admits frames that are large but are no GSO frames.
    run_in(netns_,
           "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; ip link add kbr type bridge && "
           "for port in kin kout; do ip link set dev $port mtu 65500 master kbr up || exit; done && "
           "ip link set dev kbr up");
    // The ports forward after the kernel's link watch has seen them. There is no event for this.
    if (!eventually([&] { return in_.write(kMark) && next(50) == kMark.octets; })) {
      throw std::runtime_error("the bridge does not forward");
    }
  }

  /// Returns the kernel's frames for a frame, in order, or nullopt if the kernel refuses it.
  [[nodiscard]] std::optional<std::vector<Octets>> finish(const TapFrame& frame) const {
    while (next(0)) continue;  // skip the marks of the start
    if (!in_.write(frame) || !in_.write(kMark)) return std::nullopt;
    std::vector<Octets> finished;
    for (;;) {
      std::optional<Octets> octets = next(10000);
      if (!octets) throw std::runtime_error("the frame behind the last segment did not come");
      if (*octets == kMark.octets) return finished;
      finished.push_back(std::move(*octets));
    }
  }

 private:
  [[nodiscard]] std::optional<Octets> next(int timeout_ms) const {
    pollfd waiting{out_.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, timeout_ms) != 1) return std::nullopt;
    std::optional<TapFrame> frame = out_.read();
    if (!frame) return std::nullopt;
    return std::move(frame->octets);
  }

  inline static const TapFrame kMark = {
      {}, ethernet_frame("ff:ff:ff:ff:ff:ff", "02:aa:aa:aa:aa:aa", {0x88, 0xb5, 'm', 'a', 'r', 'k', 0, 0, 0, 0})};
  UniqueFd netns_ = Lab::new_netns();
  Tap in_{netns_.get(), "kin", Tap::Offload::kOn};
  Tap out_{netns_.get(), "kout", Tap::Offload::kOff};
};

}  // namespace rb::test
