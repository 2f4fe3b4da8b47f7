// SPDX-License-Identifier: GPL-2.0-or-later
// SwitchModel: the truth about bridges and ports, from which every ForwardingState is built.
//
// How it works. Each change is checked first, then made here, then published to the workers as a whole new state; what
// must not survive it is flushed from the FDB after that, and only then the change is acknowledged. A change that
// fails leaves everything as it was. Devices have a life of their own: LinkMonitor and the engine tell what happens to
// them, and a port follows (device_changed, device_lost, retry), while its place in the bridge stays.
//
// All functions: control thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/base/socket_path.hpp"
#include "control/kinds/peer_link.hpp"
#include "control/kinds/peer_listener.hpp"
#include "control/kinds/vhost_connection.hpp"
#include "control/model/fid_table.hpp"
#include "control/model/spanning_trees.hpp"
#include "control/words/bridge_settings.hpp"
#include "control/words/port_settings.hpp"
#include "control/words/vlan_settings.hpp"
#include "ports/engine/engine.hpp"
#include "ports/links/link_monitor.hpp"
#include "ports/links/link_speed.hpp"
#include "ports/socket/packet_device.hpp"
#include "ports/socket/stream_port.hpp"
#include "ports/tap/tap_device.hpp"

namespace rb {

/// What a port's network device is doing.
enum class DeviceState : std::uint8_t {
  kUp,
  kDown,
  kGone,     // deleted; the port takes it back when it comes again
  kUnknown,  // in a namespace that may not be looked into; forwards, MTU not enforced
};
[[nodiscard]] std::string_view device_state_name(DeviceState state) noexcept;

/// What a port is made of.
enum class PortKind : std::uint8_t {
  kAny,        // a tap, or an existing interface of whatever kind: one of the others from its opening on
  kTap,        // we are the other end of it
  kPacket,     // an interface that exists and somebody else may hold: frames by a packet socket
  kStream,     // a process at the other end of a stream socket
  kDgram,      // one that exchanges datagrams with us
  kVhostUser,  // a guest whose rings we serve
};
/// "tap", "packet", "stream", "dgram", "vhost-user"
[[nodiscard]] std::string_view port_kind_name(PortKind kind) noexcept;

/// How a port was asked for: enough to ask for it again.
struct PortSpec {
  PortKind kind = PortKind::kTap;
  std::string name;       // of the device, and of the port
  bool offload = true;    // false: frames are finished before they leave here
  PeerAddress peer;       // of a stream, dgram or vhost-user: where we are, or of a client where the other is
  SocketAddress peer_at;  // of a dgram: where the other is
  std::string listener;   // of a stream that a peer has opened: by which listener; its port goes with the connection
  UniqueFd arrived;       // and its socket, until the port is open
  pid_t peer_pid = 0;     // and who that is
  uid_t peer_uid = 0;
  Framing framing = Framing::kLen32;
  TapOptions tap;               // of a tap: how it is made; name, offload and netns_fd are not used
  bool may_exist = false;       // with `create`: a tap that is there already, from an earlier run, is taken instead
  bool may_be_missing = false;  // an interface that is not there is waited for, as one that has gone
  std::string netns_label;      // what the user called the namespace; empty: the daemon's own
  /// The namespace; null: the daemon's own, or one that a tap was made in: nothing of ours keeps that one alive, and
  /// the tap goes with it.
  std::shared_ptr<UniqueFd> netns;
};

/// One port of a bridge.
struct ModelPort {
  std::string name;  // the name it was added by; stays when the device is renamed
  PortSpec spec;
  PortIndex index = kNoPort;
  BridgeIndex bridge = kNoBridge;
  unsigned number = 0;  // within its bridge, from 1; 0: the bridge's own port
  bool host = false;
  PortSettings settings;
  PortVlanSettings vlans;
  std::shared_ptr<const PortVlans> relay_vlans;  // made of them; null: to be made, or filtering is off

  // The device.
  DeviceState device = DeviceState::kGone;
  LinkState link;
  LinkSpeed speed{.mbit_s = 10000};  // what a tap says of itself, and what others are taken for; a packet port's own
  std::uint64_t netns_id = 0;        // what is watched: where it is, or where it would come back; 0: nothing
  bool attached = false;             // the engine holds it
  bool stalled = false;              // attached, but reading has ended by an error; begun again by retry()
  bool made = false;                 // by this process
  bool multi_queue = false, persistent = false;
  std::size_t queue_count = 0;
  Offloads offloads;
  std::unique_ptr<PeerLink> peer;  // of a stream or vhost-user: its connection, or the wait for one
  // Of vhost-user.
  std::unique_ptr<VhostRings> rings;
  std::unique_ptr<VhostConnection> front_end;  // null: none is there; gone before `rings`
  std::string trouble;                         // why the last one was turned away, or a message of it; "": it was not
  bool loop_closed = false;                    // by the loop guard, for a time
  unsigned retries_left = 0;                   // while it is back but still held by whoever made it

  /// As the kernel's bridge has it: six bits of priority, ten of number.
  [[nodiscard]] stp::PortId id() const noexcept {
    return static_cast<stp::PortId>(unsigned{settings.priority} << 10 | number);
  }
  /// Whether frames can pass its device, and nobody has disabled it.
  [[nodiscard]] bool enabled() const noexcept {
    const bool carries = device == DeviceState::kUp || device == DeviceState::kUnknown;
    return carries && settings.state != StpState::kDisabled;
  }
};

/// One socket for many peers of a bridge; each that connects becomes a port.
struct ModelListener {
  std::string name;
  BridgeIndex bridge = kNoBridge;
  SocketAddress address;
  SocketOwner owner;
  Framing framing = Framing::kLen32;
  std::size_t max_per_user = 64;  // ports at once; root may have more
  std::unique_ptr<PeerListener> socket;
  bool refusing = false;  // the last peer could not be given a port
};

struct ModelBridge {
  std::string name;
  BridgeIndex index = kNoBridge;
  Fid fid = 0;
  BridgeSettings settings;
  bool wants_host_port = true;

  // VLANs.
  BridgeVlanSettings vlans;
  VidSet vids;                                     // that some port is a member of, as last published
  std::map<Vid, Fid> fids;                         // of its VLANs; of private ones the primary's alone
  std::shared_ptr<const BridgeVlans> relay_vlans;  // null: filtering is off
  bool vlans_stale = true;                         // `vids` and `relay_vlans` have to be made anew
  bool forget_learned = false;                     // after the next publication
  std::vector<Fid> local_fids;                     // where the FDB has local_address as its own, ascending
  MacAddress local_address;

  MacAddress stable_address;       // of its name and this daemon
  std::uint64_t probe_sender = 0;  // what its loop probes say whose they are; random
  ModelPort* host_port = nullptr;  // null: it has none
  /// The address of its own interface; zero without.
  [[nodiscard]] MacAddress address() const noexcept {
    return host_port != nullptr ? host_port->link.address : MacAddress{};
  }
  [[nodiscard]] stp::BridgeId id() const noexcept {
    return stp::BridgeId::of(settings.priority, address().is_zero() ? stable_address : address());
  }
};

/// What somebody may want to know about; see monitor.hpp.
struct ModelEvent {
  enum class Kind : std::uint8_t { kBridge, kPort, kTree } kind;
  std::string_view what;  // "add", "delete", "change"; of kTree a tree_event_name()
  const ModelBridge* bridge;
  const ModelPort* port;  // of kPort, and of kTree where it is about one
  bool on = true;         // of kTree: false: not any more
};

class SwitchModel {
 public:
  struct Options {
    EventLoop* loop = nullptr;  // where connections to peers and timers wait; null: there can be none
    std::string socket_path = kDefaultSocketPath;  // tells this daemon from others of this machine
    SpanningTrees::Clock clock = SpanningTrees::steady_now;
    bool host_ports = true;  // --no-host-port clears it
    bool allow_uso = true;   // --without uso clears it
    /// Opens taps; tests put their own in.
    std::function<Result<TapDevice>(const TapOptions&)> open_tap = rb::open_tap;
    std::function<Result<PacketDevice>(const PacketOptions&)> open_packet = rb::open_packet;
  };
  SwitchModel(Engine& engine, LinkMonitor& links, Options options);
  ~SwitchModel();
  SwitchModel(const SwitchModel&) = delete;
  SwitchModel& operator=(const SwitchModel&) = delete;

  // Bridges.

  Result<> add_bridge(const std::string& name, bool host_port);
  /// With its ports, as the kernel does; kBridgeUp while its own interface is up.
  Result<> delete_bridge(const std::string& name);
  Result<> set_bridge(const std::string& name, const BridgeSettings& settings);
  /// Whether costs that were set by hand are in the range of these.
  [[nodiscard]] Result<> check_costs(const ModelBridge& bridge, PathCosts costs) const;
  [[nodiscard]] Result<ModelBridge*> find_bridge(const std::string& name);
  [[nodiscard]] std::vector<const ModelBridge*> bridges() const;  // by name

  /// Whatever `settings` say of ports (default_pvid) is done to them.
  Result<> set_bridge_vlans(const std::string& name, const BridgeVlanSettings& settings);

  // Ports. Names are unique over all bridges.

  Result<> add_port(const std::string& bridge, PortSpec spec);
  /// A listener goes as a port does, and with it the ports of its peers.
  Result<> delete_port(const std::string& bridge, const std::string& name);
  Result<> add_listener(const std::string& bridge, ModelListener listener);
  [[nodiscard]] std::vector<const ModelListener*> listeners_of(const ModelBridge& bridge) const;
  Result<> set_port(const std::string& name, const PortSettings& settings);
  Result<> set_port_vlans(const std::string& name, const PortVlanSettings& settings);
  /// kBusy for what a spanning tree decides: it can only be taken from the tree, and what has been is given back to it.
  [[nodiscard]] Result<> check_state(const ModelPort& port, StpState state) const;
  /// Opens a port again that its BPDU guard has closed.
  void reopen_port(const ModelPort& port);
  /// Finds out anew whether the bridges behind a port speak RSTP.
  Result<> check_migration(const std::string& name);
  [[nodiscard]] Result<ModelPort*> find_port(const std::string& name);
  /// By name; the bridge's own port only when `with_host` is said.
  enum class WithHost : std::uint8_t { kNo, kYes };
  [[nodiscard]] std::vector<const ModelPort*> ports_of(const ModelBridge& bridge, WithHost with_host) const;
  [[nodiscard]] const ModelPort* port_at(PortIndex index) const;
  [[nodiscard]] const ModelBridge* bridge_at(BridgeIndex index) const;
  [[nodiscard]] const ModelBridge* bridge_of_fid(Fid fid) const;
  /// kNoVid: entries of this FID belong to no VLAN.
  [[nodiscard]] Vid vid_of_fid(Fid fid) const { return fids_.owner(fid).vid; }
  /// Where the stations of a VLAN are entered, or with kNoVid of the whole bridge; 0 when no port is a member.
  [[nodiscard]] Fid fid_of(const ModelBridge& bridge, Vid vid) const;
  /// The VLANs under which a port's stations are entered: those it is a member of, or their primaries.
  [[nodiscard]] VidSet learning_vids(const ModelPort& port) const;

  // Spanning trees.

  /// What showstp shows: the device's word first, then the tree's, or without one the setting.
  [[nodiscard]] StpState state_of(const ModelPort& port) const;
  /// Of a port of this bridge.
  [[nodiscard]] static std::uint32_t path_cost_of(const ModelBridge& bridge, const ModelPort& port);
  [[nodiscard]] const SpanningTrees& trees() const noexcept { return trees_; }
  /// How long a silent station is remembered now.
  [[nodiscard]] double ageing_s(const ModelBridge& bridge) const;
  /// Takes some of the frames that workers have handed over, and lets timers of trees expire; true when there may be
  /// more.
  bool take_punted();
  /// Where the switch's own frames come from at a port.
  [[nodiscard]] MacAddress source_of(const ModelPort& port) const;

  // Loops (loop_guard.hpp).

  /// Whether frames pass a port, other than those of the switch's own.
  [[nodiscard]] bool forwards(const ModelPort& port) const { return state_of(port) == StpState::kForwarding; }
  /// Nothing but BPDUs and probes passes a port that is closed.
  void set_loop_closed(PortIndex index, bool closed);
  /// Gets probes that have come in.
  void on_loop_probe(std::function<void(const PuntedFrame&)> listener) { loop_probe_ = std::move(listener); }

  /// While one lives, changes of VLANs are published together, when the last one goes.
  class Batch {
   public:
    explicit Batch(SwitchModel& model) : model_(model) { ++model_.batch_depth_; }
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    SwitchModel& model_;
  };

  // Devices.

  void take_link_events();
  /// Reading a port's device has failed.
  void device_failed(PortIndex index);
  /// Tries again to take back devices that were held by somebody else, and to read from those that failed; false when
  /// none is left to try.
  bool retry();

  /// Persistent taps that this process made go with it after all.
  void end_persistence_of_made_taps();

  /// Whether a batch has changed what is not published yet.
  [[nodiscard]] bool has_unpublished() const noexcept { return unpublished_; }
  [[nodiscard]] Engine& engine() noexcept { return engine_; }
  /// Has something said in the log, and by notices().
  void notice(std::string text);
  [[nodiscard]] const std::vector<std::string>& notices() const noexcept { return notices_; }
  /// Called after each change has been published. What was deleted is told last, and lives until the call returns.
  void on_event(std::function<void(const ModelEvent&)> listener) { listener_ = std::move(listener); }
  /// Asked for the time until the FDB is swept next.
  void on_sweep_time(std::function<std::chrono::milliseconds()> ask) { sweep_time_ = std::move(ask); }
  [[nodiscard]] std::chrono::milliseconds sweep_time() const { return sweep_time_ ? sweep_time_() : kNotSwept; }
  /// Called when a port waits for retry().
  void on_retry_needed(std::function<void()> listener) { retry_needed_ = std::move(listener); }

 private:
  Result<> add_host_port(ModelBridge& bridge);
  /// What opening a device has given.
  struct OpenDevice {
    std::unique_ptr<PortDevice> device;
    Offloads accepts;
    std::size_t queue_count = 1;
    bool multi_queue = false, persistent = false, made = false;
  };
  /// A device that is taken back is opened as it stands.
  enum class Opening : std::uint8_t { kFirst, kAgain };
  [[nodiscard]] Result<OpenDevice> open(PortSpec& spec, Opening opening);
  [[nodiscard]] Result<OpenDevice> open_tap(const PortSpec& spec, Opening opening) const;
  [[nodiscard]] Result<OpenDevice> open_packet(const PortSpec& spec);
  /// Opens and attaches the device and begins to follow it.
  Result<> open_device(ModelPort& port, Opening opening);
  Result<> open_host_device(ModelPort& port, Opening opening);
  /// Waits for the peer, or goes to it.
  Result<> open_peer(ModelPort& port);
  Result<> wait_for_peer(ModelPort& port, PeerLink::Connected connected);
  Result<> open_dgram_port(ModelPort& port);
  void peer_connected(ModelPort& port, UniqueFd socket);
  void peer_lost(ModelPort& port);
  void peer_arrived(const std::string& listener, ArrivedPeer peer);
  Result<> open_vhost_port(ModelPort& port);
  void front_end_connected(ModelPort& port, UniqueFd socket);
  void front_end_changed(ModelPort& port);
  void front_end_ended(ModelPort& port, const VhostEnd& how);
  Result<> attach_stream(ModelPort& port, UniqueFd socket);
  void delete_listener(const std::string& name);
  [[nodiscard]] std::string name_for(const ArrivedPeer& peer);
  /// Refused when a bridge, a port or a listener has it.
  [[nodiscard]] Result<> check_free(const std::string& name) const;
  void look_at_speed(ModelPort& port);
  void close_device(ModelPort& port);
  void look_at_device(ModelPort& port);
  void take_device_back(ModelPort& port);
  void link_changed(ModelPort& port, const LinkState& link);
  /// Of a port that is in no published state any more: its device, what was learned behind it, its counters.
  void forget_device(ModelPort& port);
  /// The device was deleted.
  void lose_device(ModelPort& port);
  /// Watches the namespace where the device was found or made, instead of where it is.
  void watch_home(ModelPort& port);
  void resume(ModelPort& port);
  /// A tap made in another namespace, of which nothing of ours is left.
  [[nodiscard]] static bool went_with_its_namespace(const ModelPort& port);
  void publish();
  void publish_soon();
  void begin_tree(ModelBridge& bridge);
  void renew_trees();
  [[nodiscard]] TreePort tree_port(const ModelPort& port) const;
  void tell_tree(const TreeEvent& event);
  /// All that are needed for these VLANs, or none.
  [[nodiscard]] Result<> take_fids(ModelBridge& bridge, const VidSet& vids);
  /// The VLANs that some port is a member of.
  [[nodiscard]] VidSet member_vids(const ModelBridge& bridge) const;
  void renew_relay_vlans(ModelBridge& bridge);
  void retire_fids(ModelBridge& bridge);
  /// What must follow a publication.
  void settle_vlans();
  [[nodiscard]] Result<> carry_entries(const ModelBridge& bridge, const BridgeVlanSettings& before);
  [[nodiscard]] std::vector<Fid> own_fids(const ModelBridge& bridge) const;
  void enter_own_addresses();
  void forget_own_addresses();
  /// Of a change that publish_soon() has published, or will.
  void tell_change(ModelEvent::Kind kind, const ModelBridge& bridge, const ModelPort* port = nullptr);
  void tell(ModelEvent::Kind kind, std::string_view what, const ModelBridge& bridge, const ModelPort* port = nullptr);
  /// The same on every start; locally administered, unicast.
  [[nodiscard]] MacAddress stable_address(const std::string& bridge) const;
  ModelPort& keep(std::unique_ptr<ModelPort> port);
  std::unique_ptr<ModelPort> take_out(std::map<std::string, std::unique_ptr<ModelPort>>::iterator port);
  std::unique_ptr<ModelBridge> take_out(ModelBridge& bridge);
  [[nodiscard]] std::optional<PortIndex> free_index() const;
  [[nodiscard]] unsigned free_number(BridgeIndex bridge) const;

  Engine& engine_;
  LinkMonitor& links_;
  Options options_;
  std::map<std::string, std::unique_ptr<ModelBridge>> bridges_;
  std::map<std::string, std::unique_ptr<ModelPort>> ports_;  // host ports by their bridge's name
  std::map<std::string, ModelListener> listeners_;
  // The same once more by index; null: free.
  std::vector<ModelBridge*> bridge_by_index_;
  std::vector<ModelPort*> port_by_index_;
  FidTable fids_;
  // What has to be looked for in the FDB after the next publication: entries of ports that may have left their VLAN, of
  // FIDs without a VLAN.
  std::set<PortIndex> unsettled_ports_;
  std::vector<Fid> retired_fids_;
  // Changes to be told of then.
  struct LaterEvent {
    ModelEvent::Kind kind;
    std::string bridge, port;  // port: "" of a bridge's
  };
  std::vector<LaterEvent> later_events_;
  unsigned batch_depth_ = 0;
  bool unpublished_ = false;
  std::vector<std::string> notices_;
  std::function<void(const ModelEvent&)> listener_;
  std::function<void()> retry_needed_;
  std::function<void(const PuntedFrame&)> loop_probe_;
  static constexpr std::chrono::milliseconds kNotSwept{0};
  /// So that a flood of BPDUs keeps nobody else waiting for longer than some hundredths of a second.
  static constexpr std::size_t kPuntedAtOnce = 256;
  std::function<std::chrono::milliseconds()> sweep_time_;
  SpanningTrees trees_;
};

}  // namespace rb
