// tcp_load: one TCP stream between two network namespaces; says how many octets arrived, and in which time.
//
// How it works. Two threads, each in a namespace of its own: one sends from a buffer of 128 KiB, one receives into
// another. What counts is what the receiver has taken in, in a window inside the run, beside the processor time of the
// whole machine in that window.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/program_options.hpp>
#include <iostream>
#include <thread>
#include <vector>

#include "bench/tap/support.hpp"

namespace {

using bench::die;
using bench::die_of_errno;

constexpr std::size_t kChunkSize = 128 * 1024;  // octets a system call, as iperf3 has it
constexpr double kWarmUpS = 0.3;                // lets the congestion window open
constexpr time_t kConnectTimeoutS = 5;

struct Options {
  std::string from, to;  // namespaces
  std::string address;   // of the receiver, IPv4
  double seconds = 1;
  int cpu_send = -1;
  int cpu_receive = -1;
  pid_t switch_pid = 0;
};

/// Makes a socket in a namespace without moving the caller there.
rb::UniqueFd socket_in(const std::string& netns) {
  rb::UniqueFd result;
  std::thread([&] {
    bench::enter_netns(netns);
    result.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }).join();
  if (!result) die_of_errno("TCP socket");
  return result;
}

struct Stream {
  rb::UniqueFd sender, receiver;
};

Stream connect_stream(const Options& options) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) != 1) die("not an address: " + options.address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  const rb::UniqueFd listener = socket_in(options.to);
  socklen_t size = sizeof address;
  if (bind(listener.get(), name, size) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), name, &size) != 0) {
    die_of_errno("listen on " + options.address);
  }
  Stream stream;
  stream.sender = socket_in(options.from);
  const timeval timeout{kConnectTimeoutS, 0};  // SO_SNDTIMEO bounds connect() too
  setsockopt(stream.sender.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (connect(stream.sender.get(), name, size) != 0) die_of_errno("connect to " + options.address);
  stream.receiver.reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!stream.receiver) die_of_errno("accept");
  return stream;
}

void run(const Options& options) {
  const Stream stream = connect_stream(options);
  std::atomic<std::uint64_t> received{0};
  std::thread receiver([&] {
    bench::pin(options.cpu_receive);
    std::vector<char> chunk(kChunkSize);
    for (;;) {
      const ssize_t size = recv(stream.receiver.get(), chunk.data(), chunk.size(), 0);
      if (size <= 0) return;
      received.fetch_add(static_cast<std::uint64_t>(size), std::memory_order_relaxed);
    }
  });
  std::thread sender([&] {
    bench::pin(options.cpu_send);
    const std::vector<char> chunk(kChunkSize);
    while (send(stream.sender.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  bench::sleep_s(kWarmUpS);
  const std::uint64_t first = received.load(std::memory_order_relaxed);
  const bench::CpuTime first_cpu = bench::CpuTime::now(options.switch_pid);
  const double start = bench::now_s();
  bench::sleep_s(options.seconds);
  const std::uint64_t octets = received.load(std::memory_order_relaxed) - first;
  const double seconds = bench::now_s() - start;
  const bench::CpuTime cpu = bench::CpuTime::now(options.switch_pid).since(first_cpu);
  shutdown(stream.receiver.get(), SHUT_RDWR);
  shutdown(stream.sender.get(), SHUT_RDWR);
  sender.join();
  receiver.join();
  fmt::print("{{\"octets\": {}, \"seconds\": {:.4f}, \"machine_s\": {:.2f}, \"switch_s\": {:.6f}}}\n", octets, seconds,
             cpu.machine_s, cpu.process_s);
}

Options parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  po::options_description description("tcp_load --from NETNS --to NETNS --address A [OPTIONS]");
  // clang-format off
  description.add_options()
    ("help,h", "this text")
    ("from", po::value(&options.from), "the sender's namespace")
    ("to", po::value(&options.to), "the receiver's namespace")
    ("address", po::value(&options.address), "the receiver's IPv4 address")
    ("seconds", po::value(&options.seconds)->default_value(1), "the window that is measured")
    ("switch-pid", po::value(&options.switch_pid)->default_value(0), "whose processor time is read, too")
    ("cpu-send", po::value(&options.cpu_send)->default_value(-1), "the sender's processor")
    ("cpu-receive", po::value(&options.cpu_receive)->default_value(-1), "the receiver's processor");
  // clang-format on
  po::variables_map values;
  try {
    po::store(po::parse_command_line(argc, argv, description), values);
    po::notify(values);
  } catch (const po::error& error) {
    die(error.what());
  }
  if (values.contains("help")) {
    std::cout << description;
    std::exit(0);
  }
  if (options.from.empty() || options.to.empty() || options.address.empty()) {
    die("--from, --to and --address are needed; --help tells more");
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  run(parse(argc, argv));
}
