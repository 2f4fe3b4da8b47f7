// SPDX-License-Identifier: GPL-2.0-or-later
// Network: bridges that run the very state machines of switch/stp, and what lies between their ports, in simulated
// time.
//
// How it works. A segment is whatever frames cross between ports: a cable with two ends, a hub with more, a stub with
// one (a station's), a plug that gives a port its own frames back. An event queue holds what is under way: BPDUs, as
// the octets that encode() makes; what devices tell of their links; the bridges' own timers. Events of the same
// millisecond happen in the order in which they came to be, and chance is one generator with a seed, so a run is the
// same each time.
//
// Watched at every event. What is forwarded is a graph: bridges and segments are its nodes, and a port joins the two
// when it forwards and frames can pass it. A cycle in it is a loop. A loop has to end within loop_bound of the later of
// its beginning and the last disturbance: a link, bridge or parameter that changed, a BPDU that was lost or came late.
// An effect has to be well formed, a state has to suit its role, and a deadline has to be in the future.
//
// expected_roles() says what has to come of it in the end, from the topology alone and by the rules of IEEE 802.1D-2004
// 17.6 as text has them, not by the machines: shortest paths by relaxation until nothing changes.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "switch/stp/spanning_tree.hpp"

namespace rb::stp::testing {

struct PortAt {
  std::size_t bridge = 0;
  PortNumber port = 0;

  auto operator<=>(const PortAt&) const = default;
};

/// What happens to BPDUs on their way, and how fast devices and bridges notice.
struct Faults {
  unsigned lost_per_mille = 0;
  unsigned late_per_mille = 0;  // by up to late_ms, so that later ones come first
  TimeMs late_ms = 0;
  TimeMs carrier_ms = 0;  // until an end of a cable notices that it came or went: up to this, each end on its own
  TimeMs wake_ms = 0;     // a timer is served up to this late
};

class Network {
 public:
  explicit Network(std::uint64_t seed = 1) : random_(seed) {}

  /// Reads lines (or ';') such as
  ///     A priority=4096 stp         a bridge and how it differs; the others are named by their segments
  ///     A.1 B.1 delay=5             a cable
  ///     A.2(cost=5,edge=on) B.2     with parameters of a port
  ///     A.3 B.3 C.3                 a hub: ports are not point to point
  ///     A.4                         a stub
  ///     A.5 plug                    its own frames come back
  /// A bridge is a capital letter, and the earlier one in the alphabet has the lower address. Aborts on anything else.
  explicit Network(std::string_view text);

  std::size_t add_bridge(std::string name, const BridgeParameters& parameters);
  struct End {
    std::size_t bridge = 0;
    PortParameters parameters = {};  // id 0: priority 128 and the number
  };
  struct SegmentOptions {
    TimeMs delay = 1;
    bool plug = false;
  };
  /// A new port of each bridge that is named, numbered from 1.
  std::size_t add_segment(const std::vector<End>& ends, SegmentOptions options);

  /// A new SpanningTree: everything is forgotten.
  void start(std::size_t bridge);
  void start_all();
  /// Its ports pass nothing any more. Others see it only by what they hear no more.
  void stop(std::size_t bridge);
  /// Cut as often as joined; ends notice by and by.
  void cut(std::size_t segment);
  void join(std::size_t segment);
  /// Frames get lost, and no end notices.
  void set_silent(std::size_t segment, bool silent);
  void set_parameters(std::size_t bridge, const BridgeParameters& parameters);
  void set_port(PortAt port, const PortParameters& parameters);
  void set_port_up(PortAt port, bool up);  // by its administrator; the others do not notice
  void set_faults(const Faults& faults) { faults_ = faults; }
  static constexpr TimeMs kNoLoops = -1;
  void set_loop_bound(TimeMs bound) { loop_bound_ = bound; }
  /// How many of the last events history() has.
  void keep_history(std::size_t count) { history_size_ = count; }

  /// Frames that are under way are heard all the same.
  void run_for(TimeMs duration);
  /// Until nothing that forwards has changed for so long; false: not before `limit` from now.
  bool run_until_quiet(TimeMs quiet, TimeMs limit);

  [[nodiscard]] TimeMs now() const noexcept { return now_; }
  [[nodiscard]] TimeMs last_state_change() const noexcept { return last_state_change_; }
  [[nodiscard]] TimeMs last_disturbance() const noexcept { return last_disturbance_; }
  [[nodiscard]] bool has_loop() const noexcept { return loop_since_.has_value(); }
  /// The longest that a loop has lasted, from its beginning or the last disturbance on.
  [[nodiscard]] TimeMs longest_loop() const noexcept { return longest_loop_; }
  /// What broke a rule first, for a human; empty: nothing.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  /// What is wrong with the tree as it is, if nothing happens any more; empty: nothing.
  [[nodiscard]] std::string check_tree() const;
  /// How many segments lie between a root and the bridge that is farthest from it, once all has settled; of those
  /// bridges that run, or of all.
  enum class Of : std::uint8_t { kRunning, kAll };
  [[nodiscard]] unsigned depth(Of of = Of::kRunning) const;
  [[nodiscard]] bool is_connected(Of of) const;
  /// Lets `hellos` of the root go by and says what else happened but hellos; empty: nothing.
  [[nodiscard]] std::string check_calm(unsigned hellos);

  /// A station at every segment says something: every bridge that hears it learns by which port.
  void learn_stations();
  /// Which bridge would send frames for a station another way than to it; empty: none.
  [[nodiscard]] std::string check_stations();

  /// "A: 1 D+, 2 R+; B: ...": R root, D designated, A alternate, B backup, - disabled; + forwards, ~ learns.
  [[nodiscard]] std::string roles() const;
  [[nodiscard]] std::string topology() const;
  [[nodiscard]] std::string history() const;

  [[nodiscard]] std::size_t bridge_count() const noexcept { return bridges_.size(); }
  [[nodiscard]] std::size_t segment_count() const noexcept { return segments_.size(); }
  [[nodiscard]] bool is_alive(std::size_t bridge) const { return bridges_[bridge].tree.has_value(); }
  [[nodiscard]] bool is_cut(std::size_t segment) const { return segments_[segment].cuts != 0; }
  /// From every end.
  [[nodiscard]] bool is_forwarding(std::size_t segment) const;
  [[nodiscard]] bool is_silent(std::size_t segment) const { return segments_[segment].silent; }
  [[nodiscard]] const std::vector<PortAt>& ends(std::size_t segment) const { return segments_[segment].ends; }
  [[nodiscard]] const BridgeParameters& parameters(std::size_t bridge) const { return bridges_[bridge].parameters; }
  [[nodiscard]] const PortParameters& port_parameters(PortAt port) const { return port_at(port).parameters; }
  [[nodiscard]] bool is_port_up(PortAt port) const { return port_at(port).up; }
  [[nodiscard]] std::size_t port_count(std::size_t bridge) const { return bridges_[bridge].ports.size(); }
  /// Index of the bridge that is or will be the root of the component where `bridge` is.
  [[nodiscard]] std::size_t expected_root(std::size_t bridge) const;

  // By name, for topologies written as text: "A", "A.1".
  [[nodiscard]] std::size_t bridge(std::string_view name) const;
  [[nodiscard]] PortAt port(std::string_view name) const;
  [[nodiscard]] std::size_t segment(std::string_view port) const { return port_at(this->port(port)).segment; }
  [[nodiscard]] SpanningTree& tree(std::string_view name) { return *bridges_[bridge(name)].tree; }
  [[nodiscard]] PortStatus status(std::string_view port) const;
  /// Of a port, of each kind, since forget_counts().
  struct Counts {
    unsigned sent = 0, configurations = 0, notifications = 0, flushes = 0;
  };
  [[nodiscard]] const Counts& counts(std::string_view port) const { return port_at(this->port(port)).counts; }
  void forget_counts();
  [[nodiscard]] bool is_ageing_short(std::string_view name) const { return bridges_[bridge(name)].ages_short; }

 private:
  static constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();

  struct Port {
    PortParameters parameters;
    std::size_t segment = 0;
    bool up = true, carrier = true;
    PortState state = PortState::kDiscarding;
    Counts counts = {};
    TimeMs window_begin = 0;
    unsigned sent_in_window = 0;
  };
  /// Where a bridge has learned a station; port 0: it has not.
  struct Learned {
    PortNumber port = 0;
    TimeMs at = 0;
  };
  struct Bridge {
    std::string name;
    BridgeParameters parameters;
    std::vector<Port> ports;           // [number - 1]
    std::optional<SpanningTree> tree;  // none: it is dead
    TimeMs wake_at = kNever;
    TimeMs woken_at = -1;
    unsigned woken_count = 0;  // at woken_at
    bool ages_short = false;
    std::vector<Learned> stations;  // [segment]
  };
  struct Segment {
    std::vector<PortAt> ends;
    SegmentOptions options;
    unsigned cuts = 0;
    bool silent = false;
    std::uint64_t generation = 0;  // frames of an earlier one are lost
    TimeMs changed_at = -1;        // when it was cut last
  };

  struct Event {
    enum class Kind : std::uint8_t { kWake, kBpdu, kCarrier } kind = Kind::kWake;
    bool carrier = false;
    PortAt to;
    std::size_t segment = 0;
    std::uint64_t generation = 0;
    BpduFrame frame = {};
  };
  struct Due {
    TimeMs at;
    std::uint64_t sequence;
    std::size_t event;

    bool operator>(const Due& other) const { return at != other.at ? at > other.at : sequence > other.sequence; }
  };
  /// What is told after a failure.
  struct Happening {
    enum class Kind : std::uint8_t { kSent, kHeard, kLost, kState, kFlush, kCarrier, kNote, kLoop } kind;
    TimeMs at;
    PortAt port;
    PortState state = PortState::kDiscarding;
    bool on = false;
    Bpdu bpdu = {};
    std::string note = {};
  };

  [[nodiscard]] Port& port_at(PortAt at) { return bridges_[at.bridge].ports[at.port - 1U]; }
  [[nodiscard]] const Port& port_at(PortAt at) const { return bridges_[at.bridge].ports[at.port - 1U]; }
  [[nodiscard]] std::string name_of(PortAt at) const;
  [[nodiscard]] TimeMs up_to(TimeMs most) {
    return most == 0 ? 0 : static_cast<TimeMs>(random_() % static_cast<std::uint64_t>(most + 1));
  }
  [[nodiscard]] bool chance(unsigned per_mille) { return per_mille != 0 && random_() % 1000 < per_mille; }
  void fail(std::string why);
  void note(PortAt at, std::string text);
  void disturb() { last_disturbance_ = now_; }
  void schedule(TimeMs at, Event event);
  void step(const Due& due, Event event);
  void tell_ends(std::size_t segment);
  void wake(std::size_t bridge);
  void serve(std::size_t bridge);
  void send(PortAt from, const Bpdu& bpdu);
  void set_state(PortAt at, PortState state);
  void set_short_ageing(Bridge& bridge, bool on);
  void expire_stations(Bridge& bridge);
  /// Whether frames can pass between port and segment, whatever the port's state.
  [[nodiscard]] bool connects(PortAt at, Of of = Of::kRunning) const;
  [[nodiscard]] bool forwards(PortAt at) const;
  [[nodiscard]] bool find_loop();
  void watch_loops();
  /// For every bridge the port by which the segment is reached; 0: not at all.
  [[nodiscard]] std::vector<PortNumber> ways_to(std::size_t segment) const;

  struct Expected {
    std::vector<std::size_t> root;      // [bridge]
    std::vector<std::uint64_t> cost;    // [bridge]
    std::vector<unsigned> depth;        // [bridge]
    std::vector<PortNumber> root_port;  // [bridge], 0: none
    std::vector<PortAt> designated;     // [segment], port 0: nobody
    std::vector<std::vector<PortRole>> roles;
  };
  [[nodiscard]] Expected expected(Of of = Of::kRunning) const;
  [[nodiscard]] PriorityVector claim(const Expected& expected, PortAt at) const;

  std::mt19937_64 random_;
  Faults faults_;
  std::vector<Bridge> bridges_;
  std::vector<Segment> segments_;
  TimeMs now_ = 0;
  std::uint64_t sequence_ = 0;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> queue_;
  std::vector<Event> events_;
  std::vector<std::size_t> free_events_;

  bool graph_changed_ = false;
  TimeMs last_state_change_ = 0, last_disturbance_ = 0;
  TimeMs loop_bound_ = kNever;
  std::optional<TimeMs> loop_since_;
  TimeMs longest_loop_ = 0;
  std::vector<std::size_t> sets_;  // find_loop()'s
  std::deque<Happening> history_;
  std::size_t history_size_ = 300;
  std::string failure_;
};

}  // namespace rb::stp::testing
