// SPDX-License-Identifier: GPL-2.0-or-later
// InterfaceDriver: the part that all ports share whose device is a network interface: the interface is followed
// wherever it goes, and taken back when it comes again.
//
// How it works. A port keeps its place in the bridge whatever happens to its interface. Link events of the namespace in
// which the interface is (LinkMonitor) tell of each change. An interface that has gone is waited for in the namespace
// in which it was found: when an interface of its name appears there, it is opened again as it stands. Whoever makes an
// interface may hold it for a moment (`ip tuntap add` does), so a busy one is asked for again a number of times.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/model/port_kind.hpp"

namespace rb {

/// An interface that has been opened.
struct OpenInterface {
  std::unique_ptr<PortDevice> device;
  Offloads accepts;
  std::size_t queue_count = 1;
  bool persistent = false;
  bool made = false;    // by this call
  std::string warning;  // "" when there is nothing to say
};

/// What differs between interfaces that are opened in different ways. Stateless.
class InterfaceMethod {
 public:
  /// An interface that is taken back is opened as it stands.
  enum class Opening : std::uint8_t { kFirst, kAgain };

  virtual ~InterfaceMethod() = default;
  [[nodiscard]] virtual const PortKindWords& words() const noexcept = 0;
  [[nodiscard]] virtual Result<OpenInterface> open(const PortRequest& request, Opening opening) const = 0;
  /// What has become of the interface.
  struct Whereabouts {
    enum class Kind : std::uint8_t {
      kHere,   // in the namespace that is watched
      kMoved,  // elsewhere, under this name; the namespace may be out of reach
      kGone,
    } kind = Kind::kGone;
    std::string name = {};
    UniqueFd netns = {};
  };
  /// Looks for the interface of a port; `watched` is the namespace that the port follows.
  [[nodiscard]] virtual Whereabouts find(PortHost& host, std::uint64_t watched) const = 0;
  [[nodiscard]] virtual LinkSpeed speed(PortHost& host) const = 0;
  [[nodiscard]] virtual Result<> set_address(int fd, const MacAddress& address) const;
  [[nodiscard]] virtual Result<> set_carrier(PortHost& host, const PortRequest& request, bool on) const = 0;
  [[nodiscard]] virtual Result<> end_persistence(int fd) const;
};

class InterfaceDriver final : public PortDriver {
 public:
  /// Chooses the method when the interface is opened.
  using Choose = std::function<const InterfaceMethod&(const PortRequest&)>;
  /// The interface of a bridge: made again whenever it is gone, and with this address.
  struct Host {
    MacAddress address;
  };

  /// The methods live longer than the driver.
  InterfaceDriver(PortRequest request, Choose choose, std::optional<Host> host = std::nullopt)
      : PortDriver(request.options), request_(std::move(request)), choose_(std::move(choose)), is_host_(host) {}

  Result<DeviceStatus> open(PortHost& host) override;
  void close() override;
  [[nodiscard]] Trust trust() const noexcept override { return Trust::kKernel; }
  [[nodiscard]] std::string to_text() const override;
  void describe(nlohmann::json& object) const override;
  bool follow(const LinkEvent& event) override;
  void failed() override;
  void retry() override;
  Result<> set_address(const MacAddress& address) override;
  Result<> set_carrier(bool on) override;
  Result<> undo() override;

 private:
  using Opening = InterfaceMethod::Opening;

  [[nodiscard]] Result<DeviceStatus> open(Opening opening);
  [[nodiscard]] DeviceStatus status_of_open(const OpenInterface& open);
  void use(const InterfaceMethod& method);
  /// Finds out what has happened to the interface.
  void look();
  void moved(const InterfaceMethod::Whereabouts& where);
  void link_changed(const LinkState& link);
  void lose();
  void take_back();
  void resume();
  /// Watches the namespace in which the interface was found, instead of the namespace in which it is.
  void watch_home();
  /// The interface was made in another namespace, of which nothing of ours is left.
  [[nodiscard]] bool went_with_its_namespace() const;
  [[nodiscard]] int netns_fd() const { return request_.netns ? request_.netns->get() : -1; }

  PortRequest request_;
  Choose choose_;
  std::optional<Host> is_host_;
  const InterfaceMethod* method_ = nullptr;  // null: not known yet
  PortHost* host_ = nullptr;
  std::uint64_t watched_ = 0;  // the namespace that is followed; 0: none
  bool made_ = false;          // by this process
  bool persistent_ = false;
  bool carrier_ = true;        // as it was last shown to the station
  bool stalled_ = false;       // reading has ended by an error, and begins again by retry()
  unsigned retries_left_ = 0;  // while the interface is back, and still held by whoever made it
};

}  // namespace rb
