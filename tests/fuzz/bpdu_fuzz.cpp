// SPDX-License-Identifier: GPL-2.0-or-later
// Decodes any octets as a BPDU, encodes the result and decodes it again. Then sends BPDUs, time and other events to a
// bridge of a few ports. Whatever its neighbours send, its effects are well formed, its states suit its roles, it sends
// no more than it may, and it is not woken without need.
//
// Input: two octets of settings, then steps. A step has an octet for the action, one for the port and one for a number.
// A step that receives a frame is followed by so many octets of the frame, after the header that every BPDU has.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <variant>
#include <vector>

#include "switch/stp/bpdu.hpp"
#include "switch/stp/spanning_tree.hpp"

namespace {

using namespace rb::stp;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr rb::MacAddress kOwnAddress{{0x02, 0, 0, 0, 0x40, 0}};
constexpr PortNumber kPorts = 4;
constexpr std::size_t kMaxSteps = 2000;
// The headers of Ethernet and LLC, and the longest message.
constexpr std::size_t kHeadSize = 17, kMessageSize = 36;

/// Decodes a frame, and checks that encoding the result and decoding it again gives the same.
std::optional<Bpdu> read(std::span<const std::byte> frame) {
  const auto bpdu = decode(frame);
  if (!bpdu) {
    require(!bpdu_error_name(bpdu.error()).empty());
    return std::nullopt;
  }
  require(!port_role_name(bpdu->role).empty());
  const BpduFrame written = encode(*bpdu, kOwnAddress);
  require(decode(written) == *bpdu);
  return *bpdu;
}

/// The bridge, with the state that its effects have reported so far.
class Watched {
 public:
  explicit Watched(const BridgeParameters& parameters) : tree_(parameters, 0), parameters_(parameters) {
    for (PortNumber number = 1; number <= kPorts; ++number) add(number);
    watch();
  }

  void receive(PortNumber number, const Bpdu& bpdu) {
    if (ports_.contains(number)) tree_.receive(number, bpdu, now_);
  }
  void set_enabled(PortNumber number, bool enabled) {
    if (ports_.contains(number)) tree_.set_enabled(number, enabled, now_);
  }
  void add_or_remove(PortNumber number) {
    if (ports_.contains(number)) {
      tree_.remove_port(number, now_);
      take();
      ports_.erase(number);
    } else {
      add(number);
    }
  }
  void set_port(PortNumber number, std::uint8_t octet) {
    if (!ports_.contains(number)) return;
    PortParameters& parameters = ports_[number].parameters;
    parameters.id = static_cast<PortId>((octet & 3) << 14 | number);
    parameters.path_cost = 1 + (octet & 4U) * 1000;
    parameters.edge = std::array{Choice::kOff, Choice::kOn, Choice::kAuto, Choice::kAuto}[octet >> 3 & 3];
    parameters.point_to_point = (octet & 32) == 0;
    parameters.loop_guard = (octet & 64) != 0;
    parameters.restricted_role = (octet & 128) != 0;
    parameters.restricted_tcn = (octet & 192) == 192;
    tree_.set_port(number, parameters, now_);
  }
  void set_bridge(std::uint8_t octet) {
    parameters_.id = BridgeId::of(static_cast<std::uint16_t>(octet << 12), kOwnAddress);
    if ((octet & 16) != 0)
      parameters_.protocol = parameters_.protocol == Protocol::kStp ? Protocol::kRstp : Protocol::kStp;
    parameters_.max_age = (octet & 32) != 0 ? 6'000 : 40'000;
    parameters_.hello = (octet & 64) != 0 ? 1'000 : 10'000;
    parameters_.tx_hold_count = 1 + (octet >> 5);
    for (auto& [number, port] : ports_) port.sent_in_second = 0;  // a change of protocol restarts the machines
    tree_.set_parameters(parameters_, now_);
  }
  void check_migration(PortNumber number) {
    if (ports_.contains(number)) tree_.check_migration(number, now_);
  }
  /// Lets time pass from deadline to deadline.
  void pass(TimeMs duration) {
    const TimeMs until = now_ + duration;
    // Each port has a few timers. Timers shorter than a second run only once.
    for (TimeMs left = 100 + 20 * kPorts * (duration / 1000 + 1);; --left) {
      require(left > 0);
      const auto deadline = tree_.next_deadline();
      if (!deadline || *deadline > until) break;
      now_ = std::max(now_, *deadline);
      tree_.advance(now_);
      require(!tree_.next_deadline() || *tree_.next_deadline() > now_);
      watch();
    }
    now_ = until;
    tree_.advance(now_);
  }

  void watch() {
    take();
    const BridgeStatus status = tree_.status(now_);
    require(status.id == parameters_.id && status.root <= status.id);
    require((status.root_port == 0) == (status.root == status.id));
    require(status.root_port == 0 || ports_.contains(status.root_port));
    require(status.times.max_age >= 6'000 && status.times.hello >= 1'000 && status.times.forward_delay >= 2'000);
    for (const auto& [number, port] : ports_) {
      const PortStatus now = tree_.port_status(number, now_);
      require(now.state == port.state);
      const bool active = now.role == PortRole::kRoot || now.role == PortRole::kDesignated;
      require(now.state == PortState::kDiscarding || (active && now.enabled));
      require((now.role == PortRole::kDisabled) == !now.enabled);
      require((now.role == PortRole::kRoot) == (number == status.root_port));
      require(now.role != PortRole::kRoot || !port.parameters.restricted_role);
      require(now.state == PortState::kDiscarding || !(now.loop_inconsistent || now.self_looped));
      require(parameters_.protocol == Protocol::kRstp || !now.sends_rstp);
      // No timer is longer than the maximum that a neighbour can request.
      for (const std::int64_t timer : {now.message_age_timer, now.forward_delay_timer, now.hold_timer})
        require(timer >= 0 && timer <= 40'000);
    }
  }

 private:
  struct Port {
    PortParameters parameters;
    PortState state = PortState::kDiscarding;
    TimeMs second_began = 0;
    unsigned sent_in_second = 0;
  };

  void add(PortNumber number) {
    ports_[number].parameters.id = number;
    tree_.add_port(number, ports_[number].parameters, now_);
  }
  void take() {
    for (const Effect& effect : tree_.take_effects()) {
      if (const auto* ageing = std::get_if<SetShortAgeing>(&effect)) {
        require(ageing->on != ages_short_);
        ages_short_ = ageing->on;
      } else if (const auto* flush = std::get_if<FlushPort>(&effect)) {
        require(ports_.contains(flush->port));
      } else if (const auto* change = std::get_if<SetPortState>(&effect)) {
        require(ports_.contains(change->port) && ports_[change->port].state != change->state);
        ports_[change->port].state = change->state;
      } else {
        const auto& message = std::get<SendBpdu>(effect);
        require(ports_.contains(message.port));
        check_sent(ports_[message.port], message.bpdu);
      }
    }
  }
  void check_sent(Port& port, const Bpdu& bpdu) {
    if (now_ >= port.second_began + 1'000) {
      port.second_began = now_;
      port.sent_in_second = 0;
    }
    // A port sends the transmit hold count at once, then one BPDU a second. STP's notifications are not held, but come
    // once in a hello time or for each acknowledgement.
    const bool held = parameters_.protocol == Protocol::kRstp || bpdu.kind == Bpdu::Kind::kConfiguration;
    if (held) require(++port.sent_in_second <= parameters_.tx_hold_count + 2);
    require(parameters_.protocol == Protocol::kRstp || bpdu.kind != Bpdu::Kind::kRapid);
    const auto read_back = read(encode(bpdu, kOwnAddress));
    require(read_back && read_back->kind == bpdu.kind);
  }

  SpanningTree tree_;
  BridgeParameters parameters_;
  std::map<PortNumber, Port> ports_;
  TimeMs now_ = 0;
  bool ages_short_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)read(std::as_bytes(std::span(data, size)));
  if (size < 2) return 0;
  Watched bridge({.id = BridgeId::of(static_cast<std::uint16_t>(data[0] << 12), kOwnAddress),
                  .protocol = (data[1] & 1) != 0 ? Protocol::kStp : Protocol::kRstp,
                  .tx_hold_count = 1 + (data[1] >> 1) % 10U});
  data += 2, size -= 2;
  for (std::size_t step = 0; step < kMaxSteps && size >= 3; ++step) {
    const std::uint8_t action = data[0], number = data[2];
    const auto port = static_cast<PortNumber>(1 + data[1] % kPorts);
    data += 3, size -= 3;
    switch (action % 8) {
      case 0:
      case 1: {
        BpduFrame frame = encode({.kind = Bpdu::Kind::kRapid}, kOwnAddress);
        const std::size_t given = std::min<std::size_t>({number, size, kMessageSize});
        for (std::size_t i = 0; i < given; ++i) frame[kHeadSize + i] = static_cast<std::byte>(data[i]);
        data += given, size -= given;
        if (const auto bpdu = read(frame)) bridge.receive(port, *bpdu);
        break;
      }
      case 2:
        bridge.pass(TimeMs{number} * number);  // up to 65 s
        break;
      case 3:
        bridge.set_enabled(port, (number & 3) != 0);
        break;
      case 4:
        bridge.set_port(port, number);
        break;
      case 5:
        bridge.set_bridge(number);
        break;
      case 6:
        bridge.add_or_remove(port);
        break;
      default:
        bridge.check_migration(port);
    }
    bridge.watch();
  }
  return 0;
}
