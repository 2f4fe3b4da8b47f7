// SPDX-License-Identifier: GPL-2.0-or-later
// Network runs bridges with the real state machines of switch/stp, and simulates the links between their ports, in
// simulated time.
//
// How it works. A segment carries frames between ports: a cable has two ends, a hub has more, a stub has one (for a
// station), and a plug returns a port's own frames. An event queue holds all that is under way: BPDUs as the octets of
// encode(), link changes that devices report, and the bridges' own timers. Events of the same millisecond happen in the
// order of their creation, and all random numbers come from one generator with a seed. So a run is the same each time.
//
// The network is checked at every event. The forwarding paths are a graph: its nodes are bridges and segments, and a
// port joins the two when it forwards and frames can pass it. A cycle in the graph is a loop. A loop must end within
// loop_bound after its beginning or the last disturbance, whichever is later. Disturbances are changes of a link,
// bridge or parameter, and BPDUs that are lost or late. An effect must be well formed, a state must suit its role, and
// a deadline must be in the future.
//
// expected_roles() computes the final roles from the topology alone. It follows the text of IEEE 802.1D-2004 17.6 and
// not the machines: shortest paths by relaxation until nothing changes.
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

/// The faults of links: lost and late BPDUs, and the delay until devices and bridges notice events.
struct Faults {
  unsigned lost_per_mille = 0;
  unsigned late_per_mille = 0;  // these BPDUs come up to late_ms later, so that later ones overtake them
  TimeMs late_ms = 0;
  TimeMs carrier_ms = 0;  // each end of a cable notices a change of the carrier after a delay of up to this
  TimeMs wake_ms = 0;     // timers are served up to this late
};

class Network {
 public:
  explicit Network(std::uint64_t seed = 1) : random_(seed) {}

  /// Reads lines (or text separated by ';') such as
  ///     A priority=4096 stp         a bridge with its settings; segments name the other bridges
  ///     A.1 B.1 delay=5             a cable
  ///     A.2(cost=5,edge=on) B.2     with parameters of a port
  ///     A.3 B.3 C.3                 a hub: ports are not point to point
  ///     A.4                         a stub
  ///     A.5 plug                    the port gets its own frames back
  /// A bridge is a capital letter. A letter earlier in the alphabet has the lower address. Aborts on any other text.
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
  /// Adds a segment, with a new port of each named bridge. Ports are numbered from 1.
  std::size_t add_segment(const std::vector<End>& ends, SegmentOptions options);

  /// Starts the bridge with a new SpanningTree, which has forgotten everything.
  void start(std::size_t bridge);
  void start_all();
  /// Stops the bridge: its ports pass no frames. Other bridges notice only that they hear it no more.
  void stop(std::size_t bridge);
  /// A segment that was cut n times needs n joins. The ends notice a cut after a delay.
  void cut(std::size_t segment);
  void join(std::size_t segment);
  /// The segment loses all frames, and its ends do not notice.
  void set_silent(std::size_t segment, bool silent);
  void set_parameters(std::size_t bridge, const BridgeParameters& parameters);
  void set_port(PortAt port, const PortParameters& parameters);
  void set_port_up(PortAt port, bool up);  // by the administrator of the port; the other ends do not notice
  void set_faults(const Faults& faults) { faults_ = faults; }
  static constexpr TimeMs kNoLoops = -1;
  void set_loop_bound(TimeMs bound) { loop_bound_ = bound; }
  /// Sets how many of the last events history() keeps.
  void keep_history(std::size_t count) { history_size_ = count; }

  /// Runs for this time. Frames that are under way at its end are still received later.
  void run_for(TimeMs duration);
  /// Runs until no forwarding has changed for `quiet`. False if that takes longer than `limit`.
  bool run_until_quiet(TimeMs quiet, TimeMs limit);

  [[nodiscard]] TimeMs now() const noexcept { return now_; }
  [[nodiscard]] TimeMs last_state_change() const noexcept { return last_state_change_; }
  [[nodiscard]] TimeMs last_disturbance() const noexcept { return last_disturbance_; }
  [[nodiscard]] bool has_loop() const noexcept { return loop_since_.has_value(); }
  /// The longest duration of a loop, from its beginning or from the last disturbance.
  [[nodiscard]] TimeMs longest_loop() const noexcept { return longest_loop_; }
  /// Describes for people the first rule that was broken; empty if there is none.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  /// Describes the errors of the tree, provided that nothing happens any more; empty if there are none.
  [[nodiscard]] std::string check_tree() const;
  /// The number of segments between a root and the bridge that is farthest from it, after everything has settled. It
  /// counts running bridges only, or all bridges.
  enum class Of : std::uint8_t { kRunning, kAll };
  [[nodiscard]] unsigned depth(Of of = Of::kRunning) const;
  [[nodiscard]] bool is_connected(Of of) const;
  /// Lets `hellos` hello times of the root pass and describes all events other than hellos; empty if there are none.
  [[nodiscard]] std::string check_calm(unsigned hellos);

  /// A station on every segment sends a frame, and every bridge that receives it learns the port.
  void learn_stations();
  /// Describes the bridges that would send frames for a station by a wrong port; empty if there are none.
  [[nodiscard]] std::string check_stations();

  /// The roles as text, "A: 1 D+, 2 R+; B: ...". R is root, D designated, A alternate, B backup, - disabled; +
  /// forwards, ~ learns.
  [[nodiscard]] std::string roles() const;
  [[nodiscard]] std::string topology() const;
  [[nodiscard]] std::string history() const;

  [[nodiscard]] std::size_t bridge_count() const noexcept { return bridges_.size(); }
  [[nodiscard]] std::size_t segment_count() const noexcept { return segments_.size(); }
  [[nodiscard]] bool is_alive(std::size_t bridge) const { return bridges_[bridge].tree.has_value(); }
  [[nodiscard]] bool is_cut(std::size_t segment) const { return segments_[segment].cuts != 0; }
  /// True if every end of the segment forwards.
  [[nodiscard]] bool is_forwarding(std::size_t segment) const;
  [[nodiscard]] bool is_silent(std::size_t segment) const { return segments_[segment].silent; }
  [[nodiscard]] const std::vector<PortAt>& ends(std::size_t segment) const { return segments_[segment].ends; }
  [[nodiscard]] const BridgeParameters& parameters(std::size_t bridge) const { return bridges_[bridge].parameters; }
  [[nodiscard]] const PortParameters& port_parameters(PortAt port) const { return port_at(port).parameters; }
  [[nodiscard]] bool is_port_up(PortAt port) const { return port_at(port).up; }
  [[nodiscard]] std::size_t port_count(std::size_t bridge) const { return bridges_[bridge].ports.size(); }
  /// Index of the present or expected root of the component of `bridge`.
  [[nodiscard]] std::size_t expected_root(std::size_t bridge) const;

  // These functions look up names of topologies that are written as text: "A", "A.1".
  [[nodiscard]] std::size_t bridge(std::string_view name) const;
  [[nodiscard]] PortAt port(std::string_view name) const;
  [[nodiscard]] std::size_t segment(std::string_view port) const { return port_at(this->port(port)).segment; }
  [[nodiscard]] SpanningTree& tree(std::string_view name) { return *bridges_[bridge(name)].tree; }
  [[nodiscard]] PortStatus status(std::string_view port) const;
  /// Counters of the BPDUs of a port, by kind, since forget_counts().
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
  /// The port behind which a bridge has learned a station. Port 0: the bridge has not learned the station.
  struct Learned {
    PortNumber port = 0;
    TimeMs at = 0;
  };
  struct Bridge {
    std::string name;
    BridgeParameters parameters;
    std::vector<Port> ports;           // [number - 1]
    std::optional<SpanningTree> tree;  // none: the bridge is stopped
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
    std::uint64_t generation = 0;  // frames of an earlier generation are lost
    TimeMs changed_at = -1;        // time of the last cut
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
  /// An event, for the report after a failure.
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
  /// True if frames can pass between port and segment, regardless of the port's state.
  [[nodiscard]] bool connects(PortAt at, Of of = Of::kRunning) const;
  [[nodiscard]] bool forwards(PortAt at) const;
  [[nodiscard]] bool find_loop();
  void watch_loops();
  /// For every bridge, the port by which the bridge reaches the segment; 0 if there is none.
  [[nodiscard]] std::vector<PortNumber> ways_to(std::size_t segment) const;

  struct Expected {
    std::vector<std::size_t> root;      // [bridge]
    std::vector<std::uint64_t> cost;    // [bridge]
    std::vector<unsigned> depth;        // [bridge]
    std::vector<PortNumber> root_port;  // [bridge], 0: none
    std::vector<PortAt> designated;     // [segment], port 0: none
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
  std::vector<std::size_t> sets_;  // memory of find_loop()
  std::deque<Happening> history_;
  std::size_t history_size_ = 300;
  std::string failure_;
};

}  // namespace rb::stp::testing
