// SPDX-License-Identifier: GPL-2.0-or-later
// Random networks of bridges are made from a seed. They grow, break, heal and come to rest, while simulator.hpp watches
// them.
//
// RINGBRIDGE_STP_SEEDS sets the number of seeds (./check --long: 10,000). RINGBRIDGE_STP_SEED selects a single seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "tests/switch/stp/simulator.hpp"

namespace rb::stp::testing {
namespace {

/// The protocols that the bridges of a network speak.
enum class Mix : std::uint8_t { kRstp, kStp, kBoth };
constexpr std::array kMixNames = {"RSTP", "STP", "both"};

/// kPlain: a network that people may have built with care, to be measured. kAny: also hubs, plugs, odd timers and
/// costs.
enum class Style : std::uint8_t { kAny, kPlain };

/// The properties of a network, which stay the same as long as it lives.
struct Character {
  Mix mix = Mix::kRstp;
  Style style = Style::kAny;
  bool cables_only = true;  // every link is point to point, so that RSTP need not wait for timers
  bool faultless = true;    // no BPDU is lost or late, and ends notice when a neighbour goes
  BridgeParameters timers = {};
  unsigned max_depth = 0;  // segments between the root and any bridge
  TimeMs max_delay = 1;

  /// The time for which information about a dead root can last. In STP the message age is real time, so this is max
  /// age. In RSTP each bridge adds only a second to the message age (17.21.25) and may keep information for three hello
  /// times. So it lasts max age times as long: bridges count to infinity. Usually bridges pass information on within
  /// the second for which the transmit hold count makes them wait. But two designated ports whose messages have crossed
  /// may yield to each other, and then both are silent. In this case the true information comes after a hello time, and
  /// each bridge on the way may hold it for a second.
  [[nodiscard]] TimeMs age_bound() const {
    const TimeMs old_age = mix == Mix::kStp ? timers.max_age : timers.max_age / 1'000 * (3 * timers.hello + max_delay);
    return old_age + 4 * timers.hello + (max_depth + 1) * (1'000 + max_delay);
  }
  /// The longest duration of a loop. STP without faults has no loops: a port that begins to listen forwards after twice
  /// the forward delay, and by then the port that must block has heard of it (IEEE 802.1D-1998 annex B). RSTP forwards
  /// by agreement, which is safe only while both ends believe in a live root. Where a silent link speaks again, any
  /// protocol has a loop until a BPDU has passed. Both kinds of loops end when the wrong information has aged.
  [[nodiscard]] TimeMs loop_bound() const { return mix == Mix::kStp && faultless ? Network::kNoLoops : age_bound(); }
  /// The time until no state changes any more. RSTP finds out within 3 s that no neighbour agrees (17.25). On a link
  /// that is not point to point a port listens for max age when it comes up, and otherwise for hello times (17.29). STP
  /// needs twice the forward delay.
  [[nodiscard]] TimeMs convergence_bound() const {
    if (mix == Mix::kRstp) return age_bound() + (cables_only ? 3'000 : timers.max_age + 2 * timers.hello);
    const TimeMs first_step = mix == Mix::kStp ? timers.forward_delay : std::max(timers.forward_delay, timers.max_age);
    return age_bound() + first_step + timers.forward_delay;
  }
};

class Scenario {
 public:
  Scenario(std::uint64_t seed, Mix mix, Style style = Style::kAny) : net(seed), random_(seed) {
    about.mix = mix;
    about.style = style;
    choose_character();
    build();
    net.set_loop_bound(about.loop_bound());
  }

  /// Lets all kinds of events happen to a network.
  void live() {
    start();
    for (std::uint64_t rounds = below(8); rounds > 0 && net.failure().empty(); --rounds) {
      if (below(2) == 0) {
        if (net.run_until_quiet(40'000, 120'000)) forget_news();
        if (!net.has_loop()) net.learn_stations();
      } else {
        net.run_for(up_to_one_of({20, 500, 3'000, 20'000}));
      }
      for (std::uint64_t events = 1 + below(below(4) == 0 ? 6 : 2); events > 0 && net.failure().empty(); --events) {
        happen();
        net.run_for(up_to_one_of({0, 5, 200, 5'000}));
      }
    }
    net.set_faults({});
    for (std::size_t i = 0; i < net.segment_count(); ++i)
      if (net.is_silent(i)) net.set_silent(i, false);
    net.run_for(kCarrierMs);
    if (net.depth() <= about.max_depth) return;
    for (std::size_t i = 0; i < net.bridge_count(); ++i)
      if (!net.is_alive(i)) net.start(i);
    for (std::size_t i = 0; i < net.segment_count(); ++i)
      while (net.is_cut(i)) net.join(i);
  }

  /// Bridges and links come up, so information only gets better. STP has no loop. RSTP has no loop for longer than
  /// information takes over one link, with the time that it may have to wait before it is sent. An agreement stays
  /// valid when information gets better (17.21.1), also while the message that invalidates it is under way on a
  /// parallel link.
  void grow() {
    net.set_loop_bound(about.mix == Mix::kStp ? Network::kNoLoops : 1'000 + about.max_delay);
    make_costs_equal();  // so that any added link makes the network less deep
    std::vector<std::size_t> later;
    for (std::size_t i = 0; i < net.segment_count(); ++i)
      if (below(2) == 0) later.push_back(i);
    for (std::size_t& segment : later) {
      net.cut(segment);
      if (net.is_connected(Network::Of::kAll) && net.depth(Network::Of::kAll) <= about.max_depth) continue;
      net.join(segment);
      segment = net.segment_count();
    }
    std::erase(later, net.segment_count());
    start();
    for (const std::size_t segment : later) {
      if (!net.failure().empty()) return;
      net.run_for(up_to_one_of({20, 500, 3'000, 20'000}));
      net.join(segment);
    }
  }

  /// Lets the network come to rest: no events from now on. Returns the errors then, or an empty string.
  [[nodiscard]] std::string rest() {
    const BridgeParameters& timers = about.timers;
    const TimeMs quiet = timers.max_age + 2 * timers.forward_delay + 3 * timers.hello;
    if (!net.run_until_quiet(quiet, about.convergence_bound() + quiet)) return "states change for ever\n";
    forget_news();
    if (!net.failure().empty()) return net.failure() + '\n';
    std::string wrong = net.check_tree();
    if (const TimeMs took = convergence(); took > about.convergence_bound())
      wrong +=
          "converged after " + std::to_string(took) + " ms, the bound is " + std::to_string(about.convergence_bound());
    // A bridge that does not hear of a topology change does not forget stations.
    if (about.faultless) wrong += net.check_stations();
    if (wrong.empty()) wrong = net.check_calm(8);
    return wrong + net.failure();
  }
  [[nodiscard]] TimeMs convergence() const {
    return std::max<TimeMs>(0, net.last_state_change() - net.last_disturbance());
  }

  [[nodiscard]] std::string tell() const { return "topology:\n" + net.topology() + "last events:\n" + net.history(); }

  void set_cables(std::size_t bridge, bool cut) {
    for (std::size_t i = 0; i < net.segment_count(); ++i) {
      const std::vector<PortAt>& ends = net.ends(i);
      if (ends.size() > 2 || std::ranges::none_of(ends, [=](PortAt end) { return end.bridge == bridge; })) continue;
      if (cut) {
        net.cut(i);
      } else if (net.is_cut(i)) {
        net.join(i);
      }
    }
  }

  Character about;
  Network net;

 private:
  static constexpr TimeMs kCarrierMs = 500;

  /// Waits until no topology change is flagged. A change is flagged for this time (IEEE 802.1D-1998 8.5.3.13), and
  /// again where RSTP takes it over from STP. RSTP does not extend the time for a change during it (17.21.7), and then
  /// STP forgets too little.
  void forget_news() {
    const BridgeParameters& timers = about.timers;
    net.run_for((about.mix == Mix::kBoth ? 3 : 1) * (timers.max_age + timers.forward_delay + 3 * timers.hello));
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::size_t index_below(std::size_t bound) { return random_() % bound; }
  TimeMs up_to(TimeMs most) { return static_cast<TimeMs>(below(static_cast<std::uint64_t>(most) + 1)); }
  TimeMs up_to_one_of(std::initializer_list<TimeMs> mosts) { return up_to(mosts.begin()[below(mosts.size())]); }

  void choose_character() {
    BridgeParameters& timers = about.timers;
    if (about.style == Style::kAny) {
      about.cables_only = below(2) == 0;
      about.faultless = below(2) == 0;
      about.max_delay = up_to_one_of({1, 5, 50});
    }
    for (unsigned diameter = 0; diameter < 3; about.max_depth = diameter - 1) {
      timers = {};
      if (about.style == Style::kAny && below(3) == 0) {
        // 2 * (forward delay - 1 s) >= max age >= 2 * (hello + 1 s) (17.14).
        timers.hello = below(2) == 0 ? 1'000 : 2'000;
        timers.max_age = 1'000 * static_cast<TimeMs>(6 + below(35));
        timers.forward_delay =
            std::min<TimeMs>(30'000, timers.max_age / 2 + 1'000 + 500 * static_cast<TimeMs>(below(10)));
      }
      // The number of bridges in a row for which max age and forward delay suffice, with lost BPDUs and with ages that
      // each bridge overstates (IEEE 802.1D-1998 annex B). RSTP's ages count bridges, and half of that number leaves
      // room.
      const TimeMs by_age = (timers.max_age + 2'000 - 4 * timers.hello) / 2'000;
      const TimeMs by_delay = (2 * timers.forward_delay - 4 * timers.hello) / 3'000;
      const TimeMs most = about.mix == Mix::kRstp ? timers.max_age / 2'000 : std::min(by_age, by_delay);
      diameter = static_cast<unsigned>(std::max<TimeMs>(most, 0));
    }
  }

  void build() {
    const std::size_t count = choose_count();
    std::vector<std::uint64_t> addresses(count);
    std::iota(addresses.begin(), addresses.end(), std::uint64_t{1});
    std::ranges::shuffle(addresses, random_);
    const bool equal_priorities = below(2) == 0;
    for (std::size_t i = 0; i < count; ++i) {
      BridgeParameters parameters = about.timers;
      parameters.id = BridgeId::of(static_cast<std::uint16_t>(equal_priorities ? 0x8000 : 0x1000 * below(16)),
                                   MacAddress::from_number(0x020000000000 + addresses[i] * 0x1000));
      if (about.mix == Mix::kStp || (about.mix == Mix::kBoth && below(2) == 0)) parameters.protocol = Protocol::kStp;
      if (about.style == Style::kAny && below(4) == 0) parameters.tx_hold_count = 1 + static_cast<unsigned>(below(10));
      (void)net.add_bridge("b" + std::to_string(i), parameters);
    }
    costs_ = about.style == Style::kPlain ? 0 : static_cast<unsigned>(below(3));
    link_all(count);
    if (about.style == Style::kAny) add_oddities(count);
    for (std::uint64_t stubs = below(4); stubs > 0; --stubs) link({index_below(count)});
    if (net.depth(Network::Of::kAll) > about.max_depth) make_shallow();
  }
  std::size_t choose_count() {
    if (about.style == Style::kPlain) return 5 + index_below(56);
    const std::uint64_t kind = below(100);
    if (kind < 60) return 2 + index_below(11);
    if (kind < 90) return 13 + index_below(28);
    return kind < 98 ? 41 + index_below(20) : 150 + index_below(150);
  }
  void link_all(std::size_t count) {
    const std::uint64_t shape = below(5);
    if (shape == 0 && count <= about.max_depth) {  // a ring
      for (std::size_t i = 0; i < count; ++i) link({i, (i + 1) % count});
    } else if (shape == 1 && count <= 10) {  // every bridge with every other
      for (std::size_t i = 0; i < count; ++i)
        for (std::size_t k = 0; k < i; ++k) link({i, k});
    } else if (shape == 2 && count >= 6) {  // an edge, and a core of a few bridges
      const std::size_t cores = 2 + index_below(3);
      for (std::size_t i = 1; i < cores; ++i) link({i, i - 1});
      for (std::size_t i = cores; i < count; ++i) {
        const std::size_t core = index_below(cores);
        link({i, core});
        link({i, (core + 1) % cores});
      }
    } else {  // a tree and more links, self-loops among them
      for (std::size_t i = 1; i < count; ++i) link({i, index_below(i)});
      for (std::uint64_t more = below(count + 1); more > 0; --more) link({index_below(count), index_below(count)});
    }
  }
  void add_oddities(std::size_t count) {
    for (std::uint64_t more = below(3); more > 0; --more) {
      const std::size_t first = index_below(count), second = index_below(count);
      for (std::uint64_t parallel = 2 + below(2); parallel > 0; --parallel) link({first, second});
    }
    for (std::uint64_t hubs = about.cables_only ? 0 : 1 + below(3); hubs > 0; --hubs) {
      std::vector<std::size_t> members(3 + index_below(3));
      for (std::size_t& member : members) member = index_below(count);
      link(members);
    }
    if (below(4) == 0) {
      const std::size_t plugged = index_below(count);
      (void)net.add_segment({end_of(plugged)}, {.delay = 1, .plug = true});
    }
  }

  Network::End end_of(std::size_t bridge) {
    constexpr std::array<std::uint32_t, 4> kKernelCosts = {2, 4, 19, 100};
    Network::End end{.bridge = bridge};
    end.parameters.path_cost = costs_ == 0   ? 20'000
                               : costs_ == 1 ? kKernelCosts[below(kKernelCosts.size())]
                                             : 1 + static_cast<std::uint32_t>(below(200'000));
    return end;
  }
  void link(const std::vector<std::size_t>& members) {
    std::vector<Network::End> ends;
    for (const std::size_t member : members) ends.push_back(end_of(member));
    // One end of a cable, or both, may take it for another kind of link.
    const bool doubted = !about.cables_only && below(10) == 0;
    for (Network::End& end : ends) {
      end.parameters.point_to_point = members.size() <= 2 && !(doubted && below(2) == 0);
      if (members.size() == 1 && (about.style == Style::kPlain || below(2) == 0)) end.parameters.edge = Choice::kOn;
    }
    (void)net.add_segment(ends, {.delay = up_to(about.max_delay)});
  }
  void make_costs_equal() {
    costs_ = 0;
    for (std::size_t i = 0; i < net.bridge_count(); ++i) {
      for (PortNumber number = 1; number <= net.port_count(i); ++number) {
        PortParameters parameters = net.port_parameters({i, number});
        parameters.path_cost = end_of(i).parameters.path_cost;
        net.set_port({i, number}, parameters);
      }
    }
  }
  /// A network is not deep if one bridge has links to all others and all links cost the same.
  void make_shallow() {
    make_costs_equal();
    if (net.depth(Network::Of::kAll) <= about.max_depth) return;
    for (std::size_t i = 1; i < net.bridge_count(); ++i) link({0, i});
  }

  void start() {
    const bool at_once = below(2) == 0;
    for (std::size_t i = 0; i < net.bridge_count(); ++i) {
      net.start(i);
      if (!at_once && below(4) == 0) net.run_for(up_to_one_of({1, 100, 1'000}));
    }
  }

  /// Makes a random event happen, and undoes it if it makes the network too deep.
  void happen() {
    const std::size_t segment = index_below(net.segment_count()), bridge = index_below(net.bridge_count());
    const PortAt port = net.ends(segment)[index_below(net.ends(segment).size())];
    const auto too_deep = [this] { return net.depth() > about.max_depth; };
    switch (below(about.faultless ? 5 : 9)) {
      case 0:
      case 1:
        if (net.is_cut(segment)) {
          net.join(segment);
        } else {
          net.cut(segment);
          if (too_deep()) net.join(segment);
        }
        break;
      case 2: {
        const BridgeParameters before = net.parameters(bridge);
        BridgeParameters after = before;
        after.id = BridgeId::of(static_cast<std::uint16_t>(0x1000 * below(16)), before.id.address());
        if (about.mix == Mix::kBoth && below(8) == 0)
          after.protocol = before.protocol == Protocol::kStp ? Protocol::kRstp : Protocol::kStp;
        net.set_parameters(bridge, after);
        if (too_deep()) net.set_parameters(bridge, before);
        break;
      }
      case 3: {
        const PortParameters before = net.port_parameters(port);
        PortParameters after = before;
        after.path_cost = end_of(port.bridge).parameters.path_cost;
        if (below(4) == 0) after.id = static_cast<PortId>(0x1000 * below(16) | port.port);
        net.set_port(port, after);
        if (too_deep()) net.set_port(port, before);
        break;
      }
      case 4:
        if (net.is_alive(bridge)) {
          net.stop(bridge);
          set_cables(bridge, /*cut=*/true);
          if (!too_deep() && below(2) == 0) break;
          net.run_for(up_to_one_of({0, 100, 10'000}));
        }
        net.start(bridge);
        set_cables(bridge, /*cut=*/false);
        break;
      case 5:
        net.set_silent(segment, !net.is_silent(segment));
        if (too_deep()) net.set_silent(segment, false);
        break;
      case 6:  // a restart that no device notices
        if (!net.is_alive(bridge)) break;
        net.stop(bridge);
        net.run_for(up_to_one_of({0, 100, 10'000}));
        net.start(bridge);
        break;
      case 7:
        net.set_port_up(port, !net.is_port_up(port));
        if (too_deep()) net.set_port_up(port, true);
        break;
      case 8:
        net.set_faults({.lost_per_mille = static_cast<unsigned>(below(300)),
                        .late_per_mille = static_cast<unsigned>(below(2) * below(200)),
                        .late_ms = up_to_one_of({10, 3'000}),
                        .carrier_ms = up_to_one_of({10, kCarrierMs}),
                        .wake_ms = up_to_one_of({0, 30})});
        net.run_for(up_to(20'000));
        net.set_faults({});
        break;
      default:
        break;
    }
  }

  std::mt19937_64 random_;
  unsigned costs_ = 0;
};

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}
#ifdef NDEBUG
constexpr std::uint64_t kSeeds = 450;
#else
constexpr std::uint64_t kSeeds = 30;  // sanitizers take their time
#endif

/// Visits all seeds. Each mix has its own seeds.
template <typename Visit>
void for_each_seed(Mix mix, Visit visit) {
  const std::uint64_t only = number_of("RINGBRIDGE_STP_SEED", 0);
  const std::uint64_t last = only != 0 ? only : number_of("RINGBRIDGE_STP_SEEDS", kSeeds);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed)
    if (seed % kMixNames.size() == static_cast<std::size_t>(mix)) visit(seed);
}
/// The number of events in the report of a failure: a few to see the failure, or all for a single seed.
std::size_t history_size() {
  return number_of("RINGBRIDGE_STP_SEED", 0) != 0 ? 1'000'000 : 300;
}

class StpSimulation : public ::testing::TestWithParam<Mix> {};
std::string name_of(const ::testing::TestParamInfo<Mix>& info) {
  return kMixNames[static_cast<std::size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Mixes, StpSimulation, ::testing::Values(Mix::kRstp, Mix::kStp, Mix::kBoth), name_of);

TEST_P(StpSimulation, WhateverHappensThereIsATreeInTheEnd) {
  TimeMs longest_loop = 0, its_bound = 0, longest_convergence = 0;
  std::uint64_t networks = 0, with_loops = 0, with_long_loops = 0;
  for_each_seed(GetParam(), [&](std::uint64_t seed) {
    Scenario scenario(seed, GetParam());
    scenario.net.keep_history(history_size());
    scenario.live();
    const std::string wrong = scenario.rest();
    EXPECT_TRUE(wrong.empty()) << "RINGBRIDGE_STP_SEED=" << seed << '\n' << wrong << scenario.tell();
    ++networks;
    with_loops += scenario.net.longest_loop() > 0 ? 1 : 0;
    with_long_loops += scenario.net.longest_loop() > 4 * scenario.about.timers.hello ? 1 : 0;
    longest_convergence = std::max(longest_convergence, scenario.convergence());
    if (scenario.net.longest_loop() <= longest_loop) return;
    longest_loop = scenario.net.longest_loop();
    its_bound = scenario.about.loop_bound();
  });
  std::printf(
      "[  FIGURES ] %s: %lu networks, loops in %lu, beyond 4 hello times in %lu, the longest %ld ms (bound %ld ms); "
      "at rest after at most %ld ms\n",
      kMixNames[static_cast<std::size_t>(GetParam())], networks, with_loops, with_long_loops, longest_loop, its_bound,
      longest_convergence);
  // The bounds are the worst that the protocols allow. The common case is a loop that the next hello ends.
  EXPECT_LE(with_long_loops, networks / 50 + 1);
}

TEST_P(StpSimulation, WhatOnlyGrowsHardlyLoops) {
  for_each_seed(GetParam(), [&](std::uint64_t seed) {
    Scenario scenario(seed, GetParam());
    scenario.net.keep_history(history_size());
    scenario.grow();
    const std::string wrong = scenario.rest();
    EXPECT_TRUE(wrong.empty()) << "RINGBRIDGE_STP_SEED=" << seed << '\n' << wrong << scenario.tell();
  });
}

/// True if all bridges are joined without this segment and this bridge.
bool are_joined_without(const Network& net, std::size_t segment, std::size_t bridge) {
  std::vector<bool> reached(net.bridge_count());
  reached[bridge == 0 ? 1 : 0] = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < net.segment_count(); ++i) {
      if (i == segment || net.ends(i).size() != 2) continue;
      const std::size_t a = net.ends(i)[0].bridge, b = net.ends(i)[1].bridge;
      if (a == bridge || b == bridge || reached[a] == reached[b]) continue;
      changed = reached[a] = reached[b] = true;
    }
  }
  reached[bridge < reached.size() ? bridge : 0] = true;
  return std::ranges::all_of(reached, [](bool is) { return is; });
}

/// A list of times in order, described by its percentiles.
struct Distribution {
  std::vector<TimeMs> times = {};

  [[nodiscard]] TimeMs at(unsigned percent) const { return times.at((times.size() - 1) * percent / 100); }
  void print(const char* protocol, const char* what) {
    ASSERT_FALSE(times.empty());
    std::ranges::sort(times);
    std::printf("[  FIGURES ] %-4s after %-14s (%zu networks): p50 %5ld ms, p90 %5ld ms, p99 %5ld ms, max %5ld ms\n",
                protocol, what, times.size(), at(50), at(90), at(99), times.back());
  }
};

/// The time from an event until no port's state changes any more, in plain networks of 5 to 60 bridges.
struct Convergence {
  explicit Convergence(Mix mix) {
    for_each_seed(mix, [&](std::uint64_t seed) { measure(seed, mix); });
    const char* const name = kMixNames[static_cast<std::size_t>(mix)];
    cold_start.print(name, "a cold start");
    link_failure.print(name, "a link failure");
    root_failure.print(name, "a root failure");
  }

  void measure(std::uint64_t seed, Mix mix) {
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    Scenario scenario(seed, mix, Style::kPlain);
    Network& net = scenario.net;
    const auto settle = [&](Distribution& distribution) {
      ASSERT_TRUE(net.run_until_quiet(60'000, 300'000));
      ASSERT_EQ(net.failure() + net.check_tree(), "") << "seed " << seed;
      distribution.times.push_back(scenario.convergence());
    };
    net.start_all();
    settle(cold_start);
    for (std::size_t i = 0; i < net.segment_count(); ++i) {
      if (!net.is_forwarding(i) || net.ends(i).size() != 2 || !are_joined_without(net, i, kNone)) continue;
      net.cut(i);
      if (net.depth() <= scenario.about.max_depth) settle(link_failure);
      net.join(i);
      ASSERT_TRUE(net.run_until_quiet(60'000, 300'000));
      break;
    }
    const std::size_t root = net.expected_root(0);
    if (!are_joined_without(net, kNone, root)) return;
    net.stop(root);
    scenario.set_cables(root, /*cut=*/true);
    if (net.depth() <= scenario.about.max_depth) settle(root_failure);
  }

  Distribution cold_start, link_failure, root_failure;
};

TEST(StpConvergence, OfRstpIsFastWhereTheRootLives) {
  if (number_of("RINGBRIDGE_STP_SEED", 0) != 0) GTEST_SKIP() << "a single network gives no distribution";
  Convergence convergence(Mix::kRstp);
  EXPECT_LT(convergence.cold_start.at(99), 6'000);    // the transmit hold count makes some bridges wait, a second each
  EXPECT_LT(convergence.link_failure.at(90), 1'000);  // no timer is involved
  // In a meshed network the bridges count a dead root to infinity: this takes its max age and some hello times.
  EXPECT_LT(convergence.root_failure.at(99), 45'000);
}
TEST(StpConvergence, OfStpTakesTwiceTheForwardDelay) {
  if (number_of("RINGBRIDGE_STP_SEED", 0) != 0) GTEST_SKIP() << "a single network gives no distribution";
  Convergence convergence(Mix::kStp);
  EXPECT_GE(convergence.cold_start.at(0), 30'000);
  EXPECT_LT(convergence.cold_start.at(99), 40'000);
  // If the failure is not at the port that takes over, max age comes in addition.
  EXPECT_LT(convergence.link_failure.at(99), 20'000 + 30'000 + 5'000);
  EXPECT_LT(convergence.root_failure.at(99), 20'000 + 30'000 + 5'000);
}

}  // namespace
}  // namespace rb::stp::testing
