// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/switch/stp/simulator.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <sstream>
#include <utility>

namespace rb::stp::testing {
namespace {

// The limit on how often a bridge may be woken within a millisecond. One wake for each timer of each port would be a
// few.
constexpr unsigned kMaxWakesAtOnce = 20;
// A port sends the transmit hold count of BPDUs at once and then one each second (17.13.12), and one more in a second
// that begins at any time. STP's notifications do not count, but come once in a hello time.
constexpr TimeMs kWindow = 1'000;

MacAddress address_of(BridgeId id, PortNumber port) {
  return MacAddress::from_number(id.address().to_number() + port);
}

std::size_t find_set(std::vector<std::size_t>& sets, std::size_t x) {
  while (sets[x] != x) x = sets[x] = sets[sets[x]];
  return x;
}
/// False if the two sets were one set already.
bool unite(std::vector<std::size_t>& sets, std::size_t a, std::size_t b) {
  a = find_set(sets, a);
  b = find_set(sets, b);
  sets[a] = b;
  return a != b;
}

[[noreturn]] void refuse(std::string_view word) {
  std::fprintf(stderr, "no topology: '%.*s'\n", static_cast<int>(word.size()), word.data());
  std::abort();
}
std::int64_t number_in(std::string_view text, std::string_view word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse(word);
  return value;
}
/// A setting as text: "name=value" or "name".
struct Setting {
  explicit Setting(std::string_view setting)
      : word(setting),
        name(setting.substr(0, setting.find('='))),
        text(setting.size() == name.size() ? std::string_view() : setting.substr(name.size() + 1)) {}

  [[nodiscard]] std::int64_t number() const { return number_in(text, word); }
  [[nodiscard]] Choice choice() const {
    if (text == "on") return Choice::kOn;
    if (text == "off") return Choice::kOff;
    if (text != "auto") refuse(word);
    return Choice::kAuto;
  }

  std::string_view word, name, text;
};
void set_bridge(BridgeParameters& parameters, const Setting& setting) {
  if (setting.name == "stp") {
    parameters.protocol = Protocol::kStp;
  } else if (setting.name == "priority") {
    parameters.id = BridgeId::of(static_cast<std::uint16_t>(setting.number()), parameters.id.address());
  } else if (setting.name == "hello") {
    parameters.hello = setting.number();
  } else if (setting.name == "max_age") {
    parameters.max_age = setting.number();
  } else if (setting.name == "forward_delay") {
    parameters.forward_delay = setting.number();
  } else if (setting.name == "hold") {
    parameters.tx_hold_count = static_cast<unsigned>(setting.number());
  } else {
    refuse(setting.word);
  }
}
void set_port_parameter(PortParameters& parameters, const Setting& setting) {
  if (setting.name == "cost") {
    parameters.path_cost = static_cast<std::uint32_t>(setting.number());
  } else if (setting.name == "id") {
    parameters.id = static_cast<PortId>(setting.number());
  } else if (setting.name == "edge") {
    parameters.edge = setting.choice();
  } else if (setting.name == "shared") {
    parameters.point_to_point = false;
  } else if (setting.name == "restricted_role") {
    parameters.restricted_role = true;
  } else if (setting.name == "restricted_tcn") {
    parameters.restricted_tcn = true;
  } else if (setting.name == "loop_guard") {
    parameters.loop_guard = true;
  } else {
    refuse(setting.word);
  }
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find_first_not_of(separators, at);
    if (begin == std::string_view::npos) break;
    at = std::min(text.find_first_of(separators, begin), text.size());
    words.emplace_back(text.substr(begin, at - begin));
  }
  return words;
}

std::string describe(const Bpdu& bpdu) {
  if (bpdu.kind == Bpdu::Kind::kTopologyChangeNotification) return "TCN";
  std::ostringstream out;
  out << std::hex << (bpdu.kind == Bpdu::Kind::kRapid ? "RST " : "config ");
  if (bpdu.kind == Bpdu::Kind::kRapid) out << port_role_name(bpdu.role) << ' ';
  out << "root " << bpdu.priority.root.value << std::dec << " cost " << bpdu.priority.root_path_cost << std::hex
      << " by " << bpdu.priority.designated_bridge.value << '/' << bpdu.priority.designated_port << std::dec << " age "
      << bpdu.times.message_age;
  if (bpdu.topology_change) out << " tc";
  if (bpdu.topology_change_ack) out << " tca";
  if (bpdu.proposal) out << " proposal";
  if (bpdu.agreement) out << " agreement";
  if (bpdu.learning) out << " learning";
  if (bpdu.forwarding) out << " forwarding";
  return std::move(out).str();
}

}  // namespace

Network::Network(std::string_view text) : Network() {
  const auto bridge_named = [&](char name) {
    if (name < 'A' || name > 'Z') refuse({&name, 1});
    for (std::size_t i = 0; i < bridges_.size(); ++i)
      if (bridges_[i].name[0] == name) return i;
    const MacAddress address{{0x02, 0, 0, 0, static_cast<std::uint8_t>(name - 'A' + 1), 0}};
    return add_bridge(std::string(1, name), {.id = BridgeId::of(0x8000, address)});
  };
  for (const std::string& line : split(text, "\n;")) {
    const std::vector<std::string> words = split(line, " ");
    if (words.empty()) continue;
    if (words[0].size() == 1) {
      BridgeParameters& parameters = bridges_[bridge_named(words[0][0])].parameters;
      for (std::size_t i = 1; i < words.size(); ++i) set_bridge(parameters, Setting(words[i]));
      continue;
    }
    std::vector<End> ends;
    SegmentOptions options;
    for (const std::string& word : words) {
      if (word.size() < 3 || word[1] != '.') {
        const Setting setting(word);
        if (setting.name == "plug") {
          options.plug = true;
        } else if (setting.name == "delay") {
          options.delay = setting.number();
        } else {
          refuse(word);
        }
        continue;
      }
      const std::vector<std::string> parts = split(word.substr(2), "(,)");
      End end{.bridge = bridge_named(word[0])};
      // Ports are added in the order of their numbers.
      const auto before = std::ranges::count(ends, end.bridge, &End::bridge);
      if (number_in(parts[0], word) != std::ssize(bridges_[end.bridge].ports) + before + 1) refuse(word);
      end.parameters.path_cost = 10;
      for (std::size_t i = 1; i < parts.size(); ++i) set_port_parameter(end.parameters, Setting(parts[i]));
      ends.push_back(end);
    }
    if (ends.size() > 2)
      for (End& end : ends) end.parameters.point_to_point = false;
    add_segment(ends, options);
  }
}

std::size_t Network::add_bridge(std::string name, const BridgeParameters& parameters) {
  bridges_.push_back({.name = std::move(name), .parameters = parameters, .ports = {}, .tree = {}, .stations = {}});
  return bridges_.size() - 1;
}

std::size_t Network::add_segment(const std::vector<End>& ends, SegmentOptions options) {
  Segment& segment = segments_.emplace_back();
  segment.options = options;
  for (const End& end : ends) {
    std::vector<Port>& ports = bridges_[end.bridge].ports;
    const auto number = static_cast<PortNumber>(ports.size() + 1);
    ports.push_back({.parameters = end.parameters, .segment = segments_.size() - 1});
    if (end.parameters.id == 0) ports.back().parameters.id = static_cast<PortId>(0x8000 | number);
    segment.ends.push_back({end.bridge, number});
  }
  return segments_.size() - 1;
}

void Network::start(std::size_t index) {
  Bridge& bridge = bridges_[index];
  disturb();
  note({index, 0}, "starts");
  bridge.tree.emplace(bridge.parameters, now_);
  bridge.stations.assign(segments_.size(), {});
  for (PortNumber number = 1; number <= bridge.ports.size(); ++number) {
    Port& port = bridge.ports[number - 1U];
    bridge.tree->add_port(number, port.parameters, now_);
    port.sent_in_window = 0;
    port.state = PortState::kDiscarding;
    if (port.up && port.carrier) bridge.tree->set_enabled(number, true, now_);
  }
  serve(index);
}
void Network::start_all() {
  for (std::size_t i = 0; i < bridges_.size(); ++i) start(i);
}

void Network::stop(std::size_t index) {
  Bridge& bridge = bridges_[index];
  disturb();
  note({index, 0}, "stops");
  bridge.tree.reset();
  bridge.wake_at = kNever;
  bridge.stations.clear();
  bridge.ages_short = false;
  for (Port& port : bridge.ports) port.state = PortState::kDiscarding;
  graph_changed_ = true;
  watch_loops();
}

void Network::cut(std::size_t index) {
  Segment& segment = segments_[index];
  disturb();
  note(segment.ends[0], "cable cut");
  ++segment.generation;
  segment.changed_at = now_;
  graph_changed_ = true;
  if (segment.cuts++ == 0) tell_ends(index);
  watch_loops();
}
void Network::join(std::size_t index) {
  Segment& segment = segments_[index];
  disturb();
  note(segment.ends[0], "cable joined");
  graph_changed_ = true;
  if (--segment.cuts == 0) tell_ends(index);
  watch_loops();
}
void Network::set_silent(std::size_t index, bool silent) {
  disturb();
  note(segments_[index].ends[0], silent ? "silent from here" : "frames pass again");
  segments_[index].silent = silent;
  ++segments_[index].generation;
  graph_changed_ = true;
  watch_loops();
}

void Network::set_parameters(std::size_t index, const BridgeParameters& parameters) {
  disturb();
  note({index, 0}, "parameters change, priority " + std::to_string(parameters.id.priority()));
  bridges_[index].parameters = parameters;
  if (!bridges_[index].tree) return;
  bridges_[index].tree->set_parameters(parameters, now_);
  serve(index);
}
void Network::set_port(PortAt at, const PortParameters& parameters) {
  disturb();
  note(at, "parameters change, cost " + std::to_string(parameters.path_cost));
  port_at(at).parameters = parameters;
  if (!bridges_[at.bridge].tree) return;
  bridges_[at.bridge].tree->set_port(at.port, parameters, now_);
  serve(at.bridge);
}
void Network::set_port_up(PortAt at, bool up) {
  disturb();
  note(at, up ? "switched on" : "switched off");
  port_at(at).up = up;
  graph_changed_ = true;
  if (!bridges_[at.bridge].tree) return;
  bridges_[at.bridge].tree->set_enabled(at.port, up && port_at(at).carrier, now_);
  serve(at.bridge);
}

void Network::run_for(TimeMs duration) {
  const TimeMs until = now_ + duration;
  while (failure_.empty() && !queue_.empty() && queue_.top().at <= until) {
    const Due due = queue_.top();
    queue_.pop();
    now_ = due.at;
    const Event event = events_[due.event];
    free_events_.push_back(due.event);
    step(due, event);
  }
  now_ = until;
}
bool Network::run_until_quiet(TimeMs quiet, TimeMs limit) {
  const TimeMs end = now_ + limit, begin = now_;
  while (failure_.empty() && now_ < std::max(last_state_change_, begin) + quiet) {
    if (now_ >= end) return false;
    run_for(std::min(std::max(last_state_change_, begin) + quiet, end) - now_);
  }
  return true;
}

void Network::schedule(TimeMs at, Event event) {
  std::size_t slot = events_.size();
  if (free_events_.empty()) {
    events_.push_back(event);
  } else {
    slot = free_events_.back();
    free_events_.pop_back();
    events_[slot] = event;
  }
  queue_.push({at, sequence_++, slot});
}

void Network::step(const Due& due, Event event) {
  Bridge& bridge = bridges_[event.to.bridge];
  switch (event.kind) {
    case Event::Kind::kWake:
      if (bridge.wake_at == due.at && bridge.tree) wake(event.to.bridge);
      break;
    case Event::Kind::kBpdu: {
      const Segment& segment = segments_[event.segment];
      if (!bridge.tree || segment.generation != event.generation || !connects(event.to)) break;
      const auto bpdu = decode(event.frame);
      if (!bpdu) {
        // Of the machines' messages, decode() refuses only a configuration message that has counted to infinity.
        if (bpdu.error() == BpduError::kStale) break;
        fail(name_of(event.to) + " hears what cannot be read: " + std::string(bpdu_error_name(bpdu.error())));
        break;
      }
      history_.push_back({.kind = Happening::Kind::kHeard, .at = now_, .port = event.to, .bpdu = *bpdu});
      bridge.tree->receive(event.to.port, *bpdu, now_);
      serve(event.to.bridge);
      break;
    }
    case Event::Kind::kCarrier: {
      Port& port = port_at(event.to);
      const bool carrier = segments_[port.segment].cuts == 0;
      if (port.carrier == carrier) break;
      disturb();
      history_.push_back({.kind = Happening::Kind::kCarrier, .at = now_, .port = event.to, .on = carrier});
      port.carrier = carrier;
      graph_changed_ = true;
      if (!bridge.tree) break;
      bridge.tree->set_enabled(event.to.port, port.up && carrier, now_);
      serve(event.to.bridge);
      break;
    }
  }
  watch_loops();
  while (history_.size() > history_size_) history_.pop_front();
}

void Network::tell_ends(std::size_t segment) {
  for (const PortAt& end : segments_[segment].ends)
    schedule(now_ + up_to(faults_.carrier_ms), {.kind = Event::Kind::kCarrier, .to = end});
}

void Network::wake(std::size_t index) {
  Bridge& bridge = bridges_[index];
  bridge.wake_at = kNever;
  bridge.woken_count = bridge.woken_at == now_ ? bridge.woken_count + 1 : 1;
  bridge.woken_at = now_;
  if (bridge.woken_count > kMaxWakesAtOnce) fail(bridge.name + " is woken again and again");
  bridge.tree->advance(now_);
  if (const auto deadline = bridge.tree->next_deadline(); deadline && *deadline <= now_)
    fail(bridge.name + " has a deadline that is not in the future, " + std::to_string(*deadline));
  serve(index);
}

void Network::serve(std::size_t index) {
  Bridge& bridge = bridges_[index];
  bool states_changed = false;
  for (const Effect& effect : bridge.tree->take_effects()) {
    const PortNumber number = std::visit(
        [](const auto& of) {
          if constexpr (requires { of.port; }) return of.port;
          return PortNumber{1};
        },
        effect);
    if (number == 0 || number > bridge.ports.size()) {
      fail(bridge.name + " has an effect on a port that is not there, " + std::to_string(number));
      return;
    }
    const PortAt at{index, number};
    if (const auto* message = std::get_if<SendBpdu>(&effect)) {
      send(at, message->bpdu);
    } else if (const auto* change = std::get_if<SetPortState>(&effect)) {
      set_state(at, change->state);
      states_changed = true;
    } else if (std::holds_alternative<FlushPort>(effect)) {
      ++port_at(at).counts.flushes;
      history_.push_back({.kind = Happening::Kind::kFlush, .at = now_, .port = at});
      for (Learned& station : bridge.stations)
        if (station.port == number) station = {};
    } else if (const auto* ageing = std::get_if<SetShortAgeing>(&effect)) {
      set_short_ageing(bridge, ageing->on);
    }
  }
  if (states_changed) {
    for (PortNumber number = 1; number <= bridge.ports.size(); ++number) {
      const PortStatus status = bridge.tree->port_status(number, now_);
      const PortState state = bridge.ports[number - 1U].state;
      const bool active = status.role == PortRole::kRoot || status.role == PortRole::kDesignated;
      if (status.state != state) fail(name_of({index, number}) + " tells of another state than it has");
      if (state != PortState::kDiscarding && !(active && status.enabled))
        fail(name_of({index, number}) + " does not discard, and its role is " +
             std::string(port_role_name(status.role)));
    }
  }
  if (const auto deadline = bridge.tree->next_deadline(); deadline && *deadline < bridge.wake_at) {
    bridge.wake_at = std::max(now_, *deadline) + up_to(faults_.wake_ms);
    schedule(bridge.wake_at, {.kind = Event::Kind::kWake, .to = {index, 0}});
  }
  watch_loops();
}

void Network::send(PortAt from, const Bpdu& bpdu) {
  Port& port = port_at(from);
  ++port.counts.sent;
  if (bpdu.kind == Bpdu::Kind::kConfiguration) ++port.counts.configurations;
  if (bpdu.kind == Bpdu::Kind::kTopologyChangeNotification) ++port.counts.notifications;
  history_.push_back({.kind = Happening::Kind::kSent, .at = now_, .port = from, .bpdu = bpdu});
  if (now_ >= port.window_begin + kWindow) {
    port.window_begin = now_;
    port.sent_in_window = 0;
  }
  if (++port.sent_in_window > bridges_[from.bridge].parameters.tx_hold_count + 2)
    fail(name_of(from) + " sends more than the transmit hold count allows");
  const Segment& segment = segments_[port.segment];
  if (segment.cuts != 0 || segment.silent) return;
  const BpduFrame frame = encode(bpdu, address_of(bridges_[from.bridge].parameters.id, from.port));
  for (const PortAt& end : segment.ends) {
    if (end == from && !segment.options.plug) continue;
    if (chance(faults_.lost_per_mille)) {
      history_.push_back({.kind = Happening::Kind::kLost, .at = now_, .port = end, .bpdu = bpdu});
      disturb();
      continue;
    }
    TimeMs at = now_ + segment.options.delay;
    if (chance(faults_.late_per_mille)) {
      at += up_to(faults_.late_ms);
      last_disturbance_ = std::max(last_disturbance_, at);
    }
    schedule(at, {.kind = Event::Kind::kBpdu,
                  .to = end,
                  .segment = port.segment,
                  .generation = segment.generation,
                  .frame = frame});
  }
}

void Network::set_state(PortAt at, PortState state) {
  Port& port = port_at(at);
  if (port.state == state) fail(name_of(at) + " is told a state that it has");
  history_.push_back({.kind = Happening::Kind::kState, .at = now_, .port = at, .state = state});
  if (port.state == PortState::kForwarding || state == PortState::kForwarding) graph_changed_ = true;
  port.state = state;
  last_state_change_ = now_;
}

void Network::set_short_ageing(Bridge& bridge, bool on) {
  if (bridge.ages_short == on) fail(bridge.name + " is told an ageing that it has");
  if (!on) expire_stations(bridge);
  bridge.ages_short = on;
}
void Network::expire_stations(Bridge& bridge) {
  const TimeMs oldest = now_ - bridge.tree->status(now_).times.forward_delay;
  for (Learned& station : bridge.stations)
    if (station.at < oldest) station = {};
}

bool Network::connects(PortAt at, Of of) const {
  const Port& port = port_at(at);
  const Segment& segment = segments_[port.segment];
  return (of == Of::kAll || bridges_[at.bridge].tree) && port.up && port.carrier && segment.cuts == 0 &&
         !segment.silent;
}
bool Network::forwards(PortAt at) const {
  return port_at(at).state == PortState::kForwarding && connects(at);
}

bool Network::is_forwarding(std::size_t segment) const {
  return std::ranges::all_of(segments_[segment].ends, [this](PortAt end) { return forwards(end); });
}

bool Network::find_loop() {
  sets_.resize(bridges_.size() + segments_.size());
  std::iota(sets_.begin(), sets_.end(), std::size_t{0});
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    for (const PortAt& end : segments_[i].ends) {
      if (!forwards(end)) continue;
      if (segments_[i].options.plug || !unite(sets_, end.bridge, bridges_.size() + i)) return true;
    }
  }
  return false;
}

void Network::watch_loops() {
  if (std::exchange(graph_changed_, false)) {
    const bool loop = find_loop();
    if (loop != loop_since_.has_value()) {
      history_.push_back({.kind = Happening::Kind::kLoop, .at = now_, .port = {}, .on = loop});
      loop_since_ = loop ? std::optional(now_) : std::nullopt;
    }
  }
  if (!loop_since_) return;
  const TimeMs lasts = now_ - std::max(*loop_since_, last_disturbance_);
  longest_loop_ = std::max(longest_loop_, lasts);
  if (lasts > loop_bound_) fail("a loop since " + std::to_string(*loop_since_) + " ms lasts longer than it may");
}

Network::Expected Network::expected(Of of) const {
  constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();
  Expected result;
  const std::size_t count = bridges_.size();
  result.root.resize(count);
  std::iota(result.root.begin(), result.root.end(), std::size_t{0});
  // The root is the lowest id within each component: ids spread until no bridge hears of a lower one.
  for (bool changed = true; changed;) {
    changed = false;
    for (const Segment& segment : segments_) {
      std::optional<std::size_t> best;
      for (const PortAt& end : segment.ends) {
        if (!connects(end, of)) continue;
        const std::size_t root = result.root[end.bridge];
        if (!best || bridges_[root].parameters.id < bridges_[*best].parameters.id) best = root;
      }
      for (const PortAt& end : segment.ends) {
        if (!connects(end, of) || result.root[end.bridge] == *best) continue;
        result.root[end.bridge] = *best;
        changed = true;
      }
    }
  }
  result.cost.assign(count, kUnknown);
  for (std::size_t i = 0; i < count; ++i)
    if (result.root[i] == i) result.cost[i] = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (const Segment& segment : segments_) {
      std::uint64_t least = kUnknown;
      for (const PortAt& end : segment.ends)
        if (connects(end, of)) least = std::min(least, result.cost[end.bridge]);
      if (least == kUnknown) continue;
      for (const PortAt& end : segment.ends) {
        const std::uint64_t cost = least + port_at(end).parameters.path_cost;
        if (!connects(end, of) || result.cost[end.bridge] <= cost) continue;
        result.cost[end.bridge] = cost;
        changed = true;
      }
    }
  }
  for (const Segment& segment : segments_) {
    PortAt& best = result.designated.emplace_back();
    for (const PortAt& end : segment.ends)
      if (connects(end, of) && (best.port == 0 || claim(result, end) < claim(result, best))) best = end;
  }
  result.root_port.assign(count, 0);
  result.roles.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Bridge& bridge = bridges_[i];
    std::pair<PriorityVector, PortId> best;
    for (PortNumber number = 1; number <= bridge.ports.size(); ++number) {
      const Port& port = bridge.ports[number - 1U];
      const PortAt designated = result.designated[port.segment];
      if (!connects({i, number}, of) || designated.bridge == i) continue;
      std::pair path(claim(result, designated), port.parameters.id);
      path.first.root_path_cost += port.parameters.path_cost;
      if (result.cost[i] == 0 || (result.root_port[i] != 0 && best < path)) continue;
      best = path;
      result.root_port[i] = number;
    }
    for (PortNumber number = 1; number <= bridge.ports.size(); ++number) {
      const Port& port = bridge.ports[number - 1U];
      const PortAt designated = result.designated[port.segment];
      PortRole role = PortRole::kAlternate;
      if ((of == Of::kRunning && !bridge.tree) || !port.up || !port.carrier) {
        role = PortRole::kDisabled;
      } else if (!connects({i, number}, of) || designated == PortAt{i, number}) {
        role = PortRole::kDesignated;
      } else if (designated.bridge == i) {
        role = PortRole::kBackup;
      } else if (number == result.root_port[i]) {
        role = PortRole::kRoot;
      }
      result.roles[i].push_back(role);
    }
  }
  result.depth.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t at = i; result.root_port[at] != 0; ++result.depth[i])
      at = result.designated[bridges_[at].ports[result.root_port[at] - 1U].segment].bridge;
  }
  return result;
}

PriorityVector Network::claim(const Expected& expected, PortAt at) const {
  return {.root = bridges_[expected.root[at.bridge]].parameters.id,
          .root_path_cost = static_cast<std::uint32_t>(expected.cost[at.bridge]),
          .designated_bridge = bridges_[at.bridge].parameters.id,
          .designated_port = port_at(at).parameters.id};
}

std::size_t Network::expected_root(std::size_t index) const {
  return expected().root[index];
}

unsigned Network::depth(Of of) const {
  const Expected tree = expected(of);
  return tree.depth.empty() ? 0 : *std::ranges::max_element(tree.depth);
}

bool Network::is_connected(Of of) const {
  const std::vector<std::size_t> roots = expected(of).root;
  return std::ranges::adjacent_find(roots, std::ranges::not_equal_to()) == roots.end();
}

std::string Network::check_tree() const {
  const Expected tree = expected();
  std::ostringstream wrong;
  for (std::size_t i = 0; i < bridges_.size(); ++i) {
    const Bridge& bridge = bridges_[i];
    if (!bridge.tree) continue;
    const BridgeStatus status = bridge.tree->status(now_);
    const std::string& root = bridges_[tree.root[i]].name;
    if (status.root != bridges_[tree.root[i]].parameters.id)
      wrong << bridge.name << " takes " << std::hex << status.root.value << std::dec << " for the root, and not "
            << root << '\n';
    if (status.root_path_cost != tree.cost[i])
      wrong << bridge.name << " has the path cost " << status.root_path_cost << ", and not " << tree.cost[i] << '\n';
    if (status.root_port != tree.root_port[i])
      wrong << bridge.name << " has the root port " << status.root_port << ", and not " << tree.root_port[i] << '\n';
    for (PortNumber number = 1; number <= bridge.ports.size(); ++number) {
      const PortAt at{i, number};
      const PortRole role = tree.roles[i][number - 1U];
      const PortStatus port = bridge.tree->port_status(number, now_);
      const bool plug = segments_[port_at(at).segment].options.plug;
      const bool active = (role == PortRole::kRoot || role == PortRole::kDesignated) && !plug;
      if (port.role != role && !plug)
        wrong << name_of(at) << " is " << port_role_name(port.role) << ", and not " << port_role_name(role) << '\n';
      if (port_at(at).state != (active ? PortState::kForwarding : PortState::kDiscarding))
        wrong << name_of(at) << " is " << port_state_name(port_at(at).state) << ", its role " << port_role_name(role)
              << '\n';
    }
  }
  // The second check ignores roles: forwarding ports must join everything that is connected, and join nothing twice.
  std::vector<std::size_t> joined(bridges_.size() + segments_.size());
  std::iota(joined.begin(), joined.end(), std::size_t{0});
  std::vector<std::size_t> reached = joined;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].options.plug) continue;
    for (const PortAt& end : segments_[i].ends) {
      if (connects(end)) (void)unite(joined, end.bridge, bridges_.size() + i);
      if (forwards(end) && !unite(reached, end.bridge, bridges_.size() + i))
        wrong << "a loop at " << name_of(end) << '\n';
    }
  }
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].options.plug) continue;
    for (const PortAt& end : segments_[i].ends) {
      if (connects(end) && find_set(reached, end.bridge) != find_set(reached, bridges_.size() + i))
        wrong << "from " << bridges_[end.bridge].name << " the segment at " << name_of(end) << " is not reached\n";
    }
  }
  return std::move(wrong).str();
}

std::string Network::check_calm(unsigned hellos) {
  TimeMs hello = 0;
  for (const Bridge& bridge : bridges_) hello = std::max(hello, bridge.parameters.hello);
  forget_counts();
  const TimeMs begin = now_;
  run_for(hellos * hello);
  std::ostringstream wrong;
  if (last_state_change_ > begin) wrong << "a state has changed at " << last_state_change_ << " ms\n";
  const Expected tree = expected();
  for (std::size_t i = 0; i < bridges_.size(); ++i) {
    const Bridge& bridge = bridges_[i];
    if (!bridge.tree) continue;
    if (bridge.ages_short) wrong << bridge.name << " still ages fast\n";
    for (PortNumber number = 1; number <= bridge.ports.size(); ++number) {
      const Port& port = bridge.ports[number - 1U];
      if (segments_[port.segment].options.plug) continue;
      const bool designated = tree.roles[i][number - 1U] == PortRole::kDesignated;
      // On a LAN that is not point to point agreements do not count, so each hello proposes and RSTP's ports answer.
      // From the answers the designated port knows that it is not an edge port.
      const bool answers = std::ranges::any_of(segments_[port.segment].ends,
                                               [&](PortAt end) { return !port_at(end).parameters.point_to_point; });
      const unsigned least = designated ? hellos - 1 : 0, most = designated || answers ? hellos + 1 : 0;
      if (port.counts.sent < least || port.counts.sent > most || port.counts.notifications != 0)
        wrong << name_of({i, number}) << " has sent " << port.counts.sent << " BPDUs within " << hellos << " hellos, "
              << port.counts.notifications << " of them notifications\n";
      if (port.counts.flushes != 0) wrong << name_of({i, number}) << " was flushed\n";
    }
  }
  return std::move(wrong).str();
}

std::vector<PortNumber> Network::ways_to(std::size_t segment) const {
  std::vector<PortNumber> ways(bridges_.size(), 0);
  std::vector<std::size_t> next = {segment};
  std::vector<bool> seen(segments_.size());
  seen[segment] = true;
  while (!next.empty()) {
    const std::size_t at = next.back();
    next.pop_back();
    for (const PortAt& end : segments_[at].ends) {
      if (!forwards(end) || ways[end.bridge] != 0) continue;
      ways[end.bridge] = end.port;
      for (const Port& port : bridges_[end.bridge].ports) {
        if (seen[port.segment]) continue;
        const auto number = static_cast<PortNumber>(&port - bridges_[end.bridge].ports.data() + 1);
        if (!forwards({end.bridge, number})) continue;
        seen[port.segment] = true;
        next.push_back(port.segment);
      }
    }
  }
  return ways;
}

void Network::learn_stations() {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const std::vector<PortNumber> ways = ways_to(i);
    for (std::size_t b = 0; b < bridges_.size(); ++b)
      if (ways[b] != 0) bridges_[b].stations[i] = {ways[b], now_};
  }
}

std::string Network::check_stations() {
  for (Bridge& bridge : bridges_)
    if (bridge.tree && bridge.ages_short) expire_stations(bridge);
  std::ostringstream wrong;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const std::vector<PortNumber> ways = ways_to(i);
    for (std::size_t b = 0; b < bridges_.size(); ++b) {
      if (!bridges_[b].tree) continue;
      const Learned& learned = bridges_[b].stations[i];
      // A station that comes back at a place without other bridges makes itself known: an edge port announces no
      // topology change.
      if (learned.port == 0 || ways[b] == 0 || learned.at <= segments_[i].changed_at) continue;
      if (learned.port != ways[b])
        wrong << "from " << bridges_[b].name << " the station at " << name_of(segments_[i].ends[0])
              << " is behind port " << ways[b] << ", not " << learned.port << '\n';
    }
  }
  return std::move(wrong).str();
}

std::string Network::roles() const {
  std::string text;
  for (const Bridge& bridge : bridges_) {
    if (!text.empty()) text += "; ";
    text += bridge.name + ":";
    for (PortNumber number = 1; number <= bridge.ports.size(); ++number) {
      text += (number == 1 ? " " : ", ") + std::to_string(number) + ' ';
      if (!bridge.tree) {
        text += '-';
        continue;
      }
      const PortStatus status = bridge.tree->port_status(number, now_);
      text += "-ABRD"[static_cast<std::size_t>(status.role)];
      if (status.state == PortState::kLearning) text += '~';
      if (status.state == PortState::kForwarding) text += '+';
    }
  }
  return text;
}

std::string Network::topology() const {
  std::ostringstream out;
  for (const Bridge& bridge : bridges_) {
    out << bridge.name << " id=" << std::hex << bridge.parameters.id.value << std::dec
        << (bridge.parameters.protocol == Protocol::kStp ? " stp" : "") << (bridge.tree ? "" : " stopped")
        << " hello=" << bridge.parameters.hello << " max_age=" << bridge.parameters.max_age
        << " forward_delay=" << bridge.parameters.forward_delay << " hold=" << bridge.parameters.tx_hold_count << '\n';
  }
  for (const Segment& segment : segments_) {
    for (const PortAt& end : segment.ends) {
      const Port& port = port_at(end);
      out << name_of(end) << "(cost=" << port.parameters.path_cost << ",id=" << std::hex << port.parameters.id
          << std::dec << (port.parameters.point_to_point ? "" : ",shared")
          << (port.parameters.edge == Choice::kAuto ? ""
              : port.parameters.edge == Choice::kOn ? ",edge=on"
                                                    : ",edge=off")
          << (port.up ? "" : ",down") << ") ";
    }
    out << "delay=" << segment.options.delay << (segment.options.plug ? " plug" : "")
        << (segment.cuts != 0 ? " cut" : "") << (segment.silent ? " silent" : "") << '\n';
  }
  out << roles() << '\n';
  return std::move(out).str();
}

std::string Network::history() const {
  std::ostringstream out;
  for (const Happening& happening : history_) {
    out << happening.at << ' ' << name_of(happening.port) << ' ';
    switch (happening.kind) {
      case Happening::Kind::kSent:
        out << "sends " << describe(happening.bpdu);
        break;
      case Happening::Kind::kHeard:
        out << "hears " << describe(happening.bpdu);
        break;
      case Happening::Kind::kLost:
        out << "does not hear " << describe(happening.bpdu);
        break;
      case Happening::Kind::kState:
        out << port_state_name(happening.state);
        break;
      case Happening::Kind::kCarrier:
        out << (happening.on ? "link up" : "link down");
        break;
      case Happening::Kind::kFlush:
        out << "is flushed";
        break;
      case Happening::Kind::kNote:
        out << happening.note;
        break;
      case Happening::Kind::kLoop:
        out << (happening.on ? "LOOP" : "no loop any more");
        break;
    }
    out << '\n';
  }
  return std::move(out).str();
}

std::size_t Network::bridge(std::string_view name) const {
  const auto found = std::ranges::find(bridges_, name, &Bridge::name);
  if (found == bridges_.end()) refuse(name);
  return static_cast<std::size_t>(found - bridges_.begin());
}
PortAt Network::port(std::string_view name) const {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) refuse(name);
  const PortAt at{bridge(name.substr(0, dot)), static_cast<PortNumber>(number_in(name.substr(dot + 1), name))};
  if (at.port == 0 || at.port > port_count(at.bridge)) refuse(name);
  return at;
}
PortStatus Network::status(std::string_view name) const {
  const PortAt at = port(name);
  return bridges_[at.bridge].tree->port_status(at.port, now_);
}
void Network::forget_counts() {
  for (Bridge& bridge : bridges_)
    for (Port& port : bridge.ports) port.counts = {};
}

std::string Network::name_of(PortAt at) const {
  return bridges_[at.bridge].name + (at.port == 0 ? "" : "." + std::to_string(at.port));
}
void Network::fail(std::string why) {
  if (failure_.empty()) failure_ = "at " + std::to_string(now_) + " ms: " + std::move(why);
}
void Network::note(PortAt at, std::string text) {
  history_.push_back({.kind = Happening::Kind::kNote, .at = now_, .port = at, .note = std::move(text)});
}

}  // namespace rb::stp::testing
