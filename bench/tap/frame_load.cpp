// frame_load: sends frames of one size out of one device as fast as it can, and counts what arrives at another.
//
// How it works. Each sender is a thread with a packet socket, in the namespace of its device, that hands over 64 frames
// a system call (sendmmsg). PACKET_QDISC_BYPASS is the choice that treats both kinds of device alike: a veth has no
// queueing discipline and a tap has one, which would cost the tap's sender only. The frames carry an EtherType that
// nobody listens to (0x88b5, IEEE 802 local experimental), so the far host counts them and lets them go: the far
// device's own receive counter is the measurement, and costs nothing.
//
// Both devices send a few frames first, so that a switch between them knows both stations and does not flood. Counters
// and processor time are read at the edges of a window inside the run, so starting and stopping are not measured.
//
// --null counts what the sender hands over and not what arrives: with a device that throws everything away it shows
// how fast the generator is, which must be faster than what it measures.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/program_options.hpp>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "bench/tap/support.hpp"

namespace {

using bench::die;
using bench::die_of_errno;

constexpr unsigned kFramesPerCall = 64;
constexpr std::size_t kMaxFrameSize = 9018;
constexpr std::uint16_t kEtherType = 0x88b5;
constexpr double kWarmUpS = 0.1;

struct Options {
  bench::Endpoint from, to;
  std::size_t size = 64;  // octets, with the FCS that is not there: 64 sends 60
  double seconds = 1;
  double rate = 0;  // frames a second, 0: unbounded
  bool both = false;
  bool qdisc = false;
  bool null = false;
  int cpu = -1;
  pid_t switch_pid = 0;
};

using Address = std::array<std::uint8_t, ETH_ALEN>;

/// A packet socket bound to a device, and the thread that sends by it.
class Sender {
 public:
  Sender(const bench::Endpoint& device, bool qdisc) : device_(device) {
    std::thread([&] { open(qdisc); }).join();
  }
  ~Sender() { stop(); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  [[nodiscard]] const Address& address() const { return address_; }
  /// Frames that the device took, and calls that ended because it took no more.
  [[nodiscard]] std::uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

  void prepare(const Address& destination, std::size_t size) {
    frame_.assign(size, 0);
    std::ranges::copy(destination, frame_.begin());
    std::ranges::copy(address_, frame_.begin() + ETH_ALEN);
    frame_[12] = kEtherType >> 8;
    frame_[13] = kEtherType & 0xff;
    vector_ = {frame_.data(), frame_.size()};
    for (mmsghdr& message : messages_) {
      message = {};
      message.msg_hdr.msg_iov = &vector_;
      message.msg_hdr.msg_iovlen = 1;
    }
  }
  /// So that a switch learns where this station is.
  void greet() { (void)sendmmsg(socket_.get(), messages_.data(), 3, 0); }

  void start(int cpu, double rate) {
    thread_ = std::thread([this, cpu, rate] {
      bench::pin(cpu);
      send(rate);
    });
  }
  void stop() {
    running_.store(false, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void open(bool qdisc) {
    bench::enter_netns(device_.netns);
    socket_.reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // protocol 0: sends only
    if (!socket_) die_of_errno("packet socket");
    ifreq request{};
    device_.name.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0) die_of_errno(device_.name);
    std::copy_n(reinterpret_cast<const std::uint8_t*>(request.ifr_hwaddr.sa_data), ETH_ALEN, address_.begin());
    sockaddr_ll local{};
    local.sll_family = AF_PACKET;
    local.sll_ifindex = static_cast<int>(if_nametoindex(device_.name.c_str()));
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) die_of_errno(device_.name);
    const int bypass = qdisc ? 0 : 1;
    if (setsockopt(socket_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) != 0) {
      die_of_errno("PACKET_QDISC_BYPASS");
    }
  }

  void send(double rate) {
    const double start = bench::now_s();
    while (running_.load(std::memory_order_relaxed)) {
      const int count = sendmmsg(socket_.get(), messages_.data(), kFramesPerCall, 0);
      // ENOBUFS: the device or its queue is full, which is what a full load means.
      if (count < 0 && errno != ENOBUFS && errno != EAGAIN) die_of_errno("send by " + device_.name);
      if (count > 0) sent_.store(sent() + static_cast<std::uint64_t>(count), std::memory_order_relaxed);
      if (count < static_cast<int>(kFramesPerCall)) refused_.store(refused() + 1, std::memory_order_relaxed);
      if (rate > 0) {
        // Sleeps, so that the processor time of a bounded load is what its frames cost.
        const double early_s = start + static_cast<double>(sent()) / rate - bench::now_s();
        if (early_s > 0) bench::sleep_s(early_s);
      }
    }
  }

  bench::Endpoint device_;
  rb::UniqueFd socket_;
  Address address_{};
  std::vector<std::uint8_t> frame_;
  iovec vector_{};
  std::array<mmsghdr, kFramesPerCall> messages_{};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<bool> running_{true};
  std::thread thread_;
};

/// Everything that is read at an edge of the window.
struct Reading {
  double time_s = 0;
  bench::CpuTime cpu;
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  std::uint64_t received = 0;
};

Reading read_all(const std::vector<std::unique_ptr<Sender>>& senders,
                 const std::vector<bench::ReceiveCounter>& receivers, pid_t process) {
  Reading reading;
  for (const auto& sender : senders) {
    reading.sent += sender->sent();
    reading.refused += sender->refused();
  }
  for (const bench::ReceiveCounter& receiver : receivers) reading.received += receiver.frames();
  reading.time_s = bench::now_s();
  reading.cpu = bench::CpuTime::now(process);
  return reading;
}

void run(const Options& options) {
  std::vector<std::unique_ptr<Sender>> senders;
  senders.push_back(std::make_unique<Sender>(options.from, options.qdisc));
  if (!options.null) senders.push_back(std::make_unique<Sender>(options.to, options.qdisc));
  const std::size_t size = options.size - ETHER_CRC_LEN;
  senders[0]->prepare(options.null ? Address{2, 0, 0, 0, 0, 1} : senders[1]->address(), size);
  if (!options.null) {
    senders[1]->prepare(senders[0]->address(), size);
    for (const auto& sender : senders) sender->greet();
    if (!options.both) senders.resize(1);
  }
  for (std::size_t i = 0; i < senders.size(); ++i) {
    senders[i]->start(options.cpu < 0 ? -1 : options.cpu + static_cast<int>(i), options.rate);
  }
  std::vector<bench::ReceiveCounter> receivers;
  if (!options.null) receivers.emplace_back(options.to);
  if (options.both) receivers.emplace_back(options.from);
  bench::sleep_s(kWarmUpS);
  const Reading first = read_all(senders, receivers, options.switch_pid);
  bench::sleep_s(options.seconds);
  const Reading last = read_all(senders, receivers, options.switch_pid);
  for (const auto& sender : senders) sender->stop();
  const bench::CpuTime cpu = last.cpu.since(first.cpu);
  fmt::print(
      "{{\"sent\": {}, \"refused\": {}, \"received\": {}, \"seconds\": {:.4f}, \"machine_s\": {:.2f}, "
      "\"switch_s\": {:.6f}}}\n",
      last.sent - first.sent, last.refused - first.refused, last.received - first.received, last.time_s - first.time_s,
      cpu.machine_s, cpu.process_s);
}

Options parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  std::string from, to;
  po::options_description description("frame_load --from DEVICE[@NETNS] --to DEVICE[@NETNS] [OPTIONS]");
  // clang-format off
  description.add_options()
    ("help,h", "this text")
    ("from", po::value(&from), "the device that sends")
    ("to", po::value(&to), "the device that counts")
    ("size", po::value(&options.size)->default_value(64), "octets on a wire, FCS included")
    ("seconds", po::value(&options.seconds)->default_value(1), "the window that is measured")
    ("rate", po::value(&options.rate)->default_value(0), "frames a second and sender; 0: no bound")
    ("both", po::bool_switch(&options.both), "both devices send, and count")
    ("qdisc", po::bool_switch(&options.qdisc), "through the device's queueing discipline")
    ("null", po::bool_switch(&options.null), "count what is sent; --to is not needed")
    ("switch-pid", po::value(&options.switch_pid)->default_value(0), "whose processor time is read, too")
    ("cpu", po::value(&options.cpu)->default_value(-1), "first sender's processor; the second takes the next");
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
  if (from.empty() || (to.empty() && !options.null)) die("--from and --to are needed; --help tells more");
  if (options.size < ETH_ZLEN + ETHER_CRC_LEN || options.size > kMaxFrameSize) die("--size is 64 to 9018");
  options.from = bench::Endpoint::parse(from);
  options.to = bench::Endpoint::parse(to);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  run(parse(argc, argv));
}
