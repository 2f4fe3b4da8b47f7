// SPDX-License-Identifier: GPL-2.0-or-later
// How it works. Each stream has two threads: one sends from a buffer of 128 KiB, and one receives into another. The
// scheduler chooses their processors, as for real programs. The result is the data that the receivers have taken in
// during a window inside the run.
#include "bench/load/tcp_trial.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "bench/load/support.hpp"
#include "ports/base/netns.hpp"
#include "ports/base/unique_fd.hpp"

namespace bench {
namespace {

constexpr std::size_t kChunkSize = 128U << 10;  // octets a system call, as in iperf3
constexpr time_t kConnectTimeoutS = 5;

std::unexpected<std::string> failed(std::string_view what) {
  return std::unexpected(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Makes a socket in a namespace. The caller stays in its own namespace.
std::expected<rb::UniqueFd, std::string> socket_in(const std::string& name) {
  const auto netns = open_netns(name);
  if (!netns) return std::unexpected(netns.error());
  const rb::Result<rb::NetnsScope> inside = rb::NetnsScope::enter(netns->get());
  if (!inside) return std::unexpected(inside.error().message);
  rb::UniqueFd result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!result) return failed("TCP socket");
  return result;
}

/// A connection and the threads at its ends.
class Stream {
 public:
  Stream(rb::UniqueFd sender, rb::UniqueFd receiver) : sender_(std::move(sender)), receiver_(std::move(receiver)) {}
  ~Stream() {
    shutdown(receiver_.get(), SHUT_RDWR);
    shutdown(sender_.get(), SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void start() {
    threads_.emplace_back([this] { receive_all(); });
    threads_.emplace_back([this] { send_all(); });
  }
  [[nodiscard]] std::uint64_t received() const { return received_.load(std::memory_order_relaxed); }

 private:
  void receive_all() {
    std::vector<char> chunk(kChunkSize);
    for (;;) {
      const ssize_t size = recv(receiver_.get(), chunk.data(), chunk.size(), 0);
      if (size <= 0) return;
      received_.fetch_add(static_cast<std::uint64_t>(size), std::memory_order_relaxed);
    }
  }
  void send_all() const {
    const std::vector<char> chunk(kChunkSize);
    while (send(sender_.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
    }
  }

  rb::UniqueFd sender_, receiver_;
  alignas(64) std::atomic<std::uint64_t> received_{0};
  std::vector<std::thread> threads_;
};

using Streams = std::deque<Stream>;  // the address of a stream does not change

std::expected<void, std::string> connect_all(const TcpTrial& request, Streams& streams) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (inet_pton(AF_INET, request.address.c_str(), &address.sin_addr) != 1) {
    return std::unexpected(fmt::format("{} is no IPv4 address", request.address));
  }
  auto* name = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  const auto listener = socket_in(request.to);
  if (!listener) return std::unexpected(listener.error());
  if (bind(listener->get(), name, size) != 0 || listen(listener->get(), static_cast<int>(request.streams)) != 0 ||
      getsockname(listener->get(), name, &size) != 0) {
    return failed("listen on " + request.address);
  }
  const timeval timeout{kConnectTimeoutS, 0};
  setsockopt(listener->get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);  // this limits accept(), too
  for (unsigned i = 0; i < request.streams; ++i) {
    auto sender = socket_in(request.from);
    if (!sender) return std::unexpected(sender.error());
    setsockopt(sender->get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);  // this limits connect(), too
    if (connect(sender->get(), name, size) != 0) return failed("connect to " + request.address);
    rb::UniqueFd receiver(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!receiver) return failed("accept on " + request.address);
    streams.emplace_back(std::move(*sender), std::move(receiver));
  }
  return {};
}

std::uint64_t received_of(const Streams& streams) {
  std::uint64_t sum = 0;
  for (const Stream& stream : streams) sum += stream.received();
  return sum;
}

}  // namespace

std::expected<TcpResult, std::string> run_tcp_trial(const TcpTrial& request) {
  Streams streams;
  if (const auto connected = connect_all(request, streams); !connected) return std::unexpected(connected.error());
  for (Stream& stream : streams) stream.start();
  sleep_s(request.warm_up_s);
  const auto first_time = ProcessorTime::now(request.pids);
  if (!first_time) return std::unexpected(first_time.error());
  const std::uint64_t first = received_of(streams);
  const double start_s = now_s();
  sleep_s(request.seconds);
  TcpResult result;
  result.octets = received_of(streams) - first;
  result.seconds = now_s() - start_s;
  const auto last_time = ProcessorTime::now(request.pids);
  if (!last_time) return std::unexpected(last_time.error());
  result.time = last_time->since(*first_time);
  return result;
}

}  // namespace bench
