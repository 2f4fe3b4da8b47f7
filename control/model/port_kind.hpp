// SPDX-License-Identifier: GPL-2.0-or-later
// PortKind: what a kind of ports must provide; each kind is a module in control/kinds, and the model knows none of
// them.
//
// How it works. A PortKind makes the object behind a port (PortDriver), or the object behind a socket to which peers
// come (ListenerDriver), from the options that were given. The driver opens its device and gives it to the workers by
// its PortHost, which is the port as the driver sees it. Whatever happens to the device later (a link event, a peer
// that leaves, an error of reading) reaches the driver, or is found by the driver itself; the driver answers with a new
// DeviceStatus, and PortHost::change() carries this change out: published, flushed and told like any other.
//
// To add a kind: a row in control/words/port_kinds.cpp, a module in control/kinds, and a line in
// control/kinds/all_port_kinds.cpp.
//
// All functions: control thread only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "control/words/port_kinds.hpp"
#include "ports/base/unique_fd.hpp"
#include "ports/engine/engine.hpp"
#include "ports/links/link_monitor.hpp"
#include "ports/links/link_speed.hpp"
#include "switch/result.hpp"
#include "switch/vnet_header.hpp"

namespace rb {

/// How the device behind a port is.
enum class DeviceState : std::uint8_t {
  kUp,
  kDown,
  kGone,     // deleted; the port takes the device back when it comes again
  kUnknown,  // in a namespace that may not be looked into; frames pass, and the MTU is not enforced
};
/// "up", "down", "gone", "unknown"
[[nodiscard]] std::string_view device_state_name(DeviceState state) noexcept;

/// The device behind a port, as its kind describes the device to the model.
struct DeviceStatus {
  DeviceState state = DeviceState::kGone;
  LinkState link;                    // of a port that is no interface: a description in the same words
  LinkSpeed speed{.mbit_s = 10000};  // what a tap says of itself, and what others are taken for
  Offloads offloads;                 // what may be sent to the device unfinished
  std::size_t queue_count = 0;
  std::string error;  // why the device does not do what it should; "" when all is well

  /// Frames can pass.
  [[nodiscard]] bool carries() const noexcept { return state == DeviceState::kUp || state == DeviceState::kUnknown; }
};

/// A port that is asked for.
struct PortRequest {
  PortOptions options;
  /// The namespace that the option `netns` names; null: the daemon's own.
  std::shared_ptr<UniqueFd> netns = nullptr;
  bool may_be_missing = false;  // an interface that is not there yet is waited for
};

/// A port as its driver sees it. Lives longer than the driver.
class PortHost {
 public:
  virtual ~PortHost() = default;

  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual PortIndex index() const = 0;
  [[nodiscard]] virtual Engine& engine() = 0;
  [[nodiscard]] virtual LinkMonitor& links() = 0;
  /// What open() or the last change() has said.
  [[nodiscard]] virtual const DeviceStatus& status() const = 0;

  /// Gives a device to the workers. kTableFull when their tables of files are full.
  virtual Result<> attach(std::unique_ptr<PortDevice> device) = 0;
  /// Takes the device back from the workers; null when there is none.
  virtual std::unique_ptr<PortDevice> detach() = 0;
  [[nodiscard]] virtual bool attached() const = 0;
  /// A descriptor to ask questions about the device; borrowed. -1: there is none.
  [[nodiscard]] virtual int device_fd() const = 0;

  /// The device has changed. The model publishes the new status, then calls `released`, in which the driver lets go of
  /// what no worker needs any more, then forgets the stations behind a device that has ceased to carry frames, and
  /// tells who watches. Not to be called before open() has returned.
  virtual void change(DeviceStatus status, const std::function<void()>& released) = 0;
  void change(DeviceStatus status) { change(std::move(status), {}); }
  /// Has PortDriver::retry() called after a pause.
  virtual void retry_later() = 0;
  /// Deletes the port. The driver is gone when the call returns.
  virtual void remove() = 0;
  /// Has `text` said in the log and by notices().
  virtual void notice(std::string text) = 0;
};

/// The object behind one port. Owned by the port.
class PortDriver {
 public:
  explicit PortDriver(PortOptions options) : options_(std::move(options)) {}
  virtual ~PortDriver() = default;
  PortDriver(const PortDriver&) = delete;
  PortDriver& operator=(const PortDriver&) = delete;

  /// How the port was asked for, and what it has become: the kind of a plain name is known once its device is open.
  [[nodiscard]] const PortOptions& options() const noexcept { return options_; }

  /// Opens the device, or begins to wait for it or for a peer. An error leaves nothing behind.
  [[nodiscard]] virtual Result<DeviceStatus> open(PortHost& host) = 0;
  /// Lets everything go, the device that is attached included. Called once, after open() has succeeded.
  virtual void close() = 0;

  /// Whether the virtio_net_hdr of the device's frames can be believed: only what the kernel writes can.
  [[nodiscard]] virtual Trust trust() const noexcept = 0;
  /// How a dump writes the port.
  [[nodiscard]] virtual std::string to_text() const { return options_.to_text(); }
  /// Adds members of the kind's own to the port's JSON.
  virtual void describe(nlohmann::json&) const {}

  /// Something has happened to an interface. True: the interface is this port's, and the event has been followed.
  virtual bool follow(const LinkEvent&) { return false; }
  /// The workers have ceased to read from the device, by an error.
  virtual void failed() = 0;
  /// The pause that PortHost::retry_later() asked for is over.
  virtual void retry() {}

  /// Gives the interface an address, where the kind has an interface of its own.
  [[nodiscard]] virtual Result<> set_address(const MacAddress& address);
  /// Shows the station that its cable is pulled, or plugged in again. Called when the setting changes, and after each
  /// attach while the carrier is to be off. While the carrier is off, no worker has the device, so silence is all that
  /// a driver without an own way to say so (this default) needs. A refusal says what to do instead.
  [[nodiscard]] virtual Result<> set_carrier(bool /*on*/) { return {}; }
  /// The daemon gives up its configuration: what this process has made, and what would outlive the process, is to go.
  [[nodiscard]] virtual Result<> undo() { return {}; }

 protected:
  PortOptions options_;
};

/// A peer that has come to a listener.
struct Arrival {
  std::string listener;  // the name of the listener
  pid_t pid = 0;         // of the process that connected, as the kernel says
  uid_t uid = 0;
};

/// A listener as its driver sees it. Lives longer than the driver.
class ListenerHost {
 public:
  virtual ~ListenerHost() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual Engine& engine() = 0;

  /// Makes a port for a peer. The port is called `wanted_name` if that is usable, else after the user and the process.
  /// `make` makes its driver from the name. Refused silently when the user has `max_ports_of_user` ports already (root
  /// may have any number), and else with a notice. The port goes by PortHost::remove(), or with the listener.
  struct Peer {
    std::string wanted_name;
    pid_t pid = 0;
    uid_t uid = 0;
    std::size_t max_ports_of_user = 0;
  };
  using MakeDriver = std::function<std::unique_ptr<PortDriver>(const std::string& name)>;
  virtual Result<> add_port(const Peer& peer, const MakeDriver& make) = 0;
};

/// The object behind one socket to which many peers come, each of which gets a port.
class ListenerDriver {
 public:
  explicit ListenerDriver(PortOptions options) : options_(std::move(options)) {}
  virtual ~ListenerDriver() = default;
  ListenerDriver(const ListenerDriver&) = delete;
  ListenerDriver& operator=(const ListenerDriver&) = delete;

  [[nodiscard]] const PortOptions& options() const noexcept { return options_; }
  /// Begins to listen. Peers reach the host from the event loop only, never within this call.
  [[nodiscard]] virtual Result<> open(ListenerHost& host) = 0;
  /// Adds members of the kind's own to the listener's JSON.
  virtual void describe(nlohmann::json&) const {}

 private:
  PortOptions options_;
};

/// One kind of ports. Provides one of the two: ports, or listeners.
class PortKind {
 public:
  virtual ~PortKind() = default;
  [[nodiscard]] virtual const PortKindWords& words() const noexcept = 0;
  /// Checks the options and makes the object; opens nothing. The refusal names the option and the remedy.
  [[nodiscard]] virtual Result<std::unique_ptr<PortDriver>> make_port(PortRequest request) const;
  [[nodiscard]] virtual Result<std::unique_ptr<ListenerDriver>> make_listener(PortOptions options) const;
  /// Whether the kind provides listeners.
  [[nodiscard]] virtual bool listens() const noexcept { return false; }
};

/// The kinds that a switch has.
struct PortKinds {
  std::vector<std::unique_ptr<PortKind>> all;  // one for each row, and the kind of a plain name
  /// The interface of a bridge on this host. Made again when somebody has deleted it.
  std::function<std::unique_ptr<PortDriver>(const std::string& name, const MacAddress& address)> make_host_port;
  bool may_make_host_ports = false;  // this process may make interfaces

  /// nullptr when no kind has the row.
  [[nodiscard]] const PortKind* find(const PortKindWords& words) const noexcept;
};

}  // namespace rb
