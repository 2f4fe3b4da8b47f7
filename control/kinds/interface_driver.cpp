// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/interface_driver.hpp"

#include <fmt/core.h>
#include <linux/if.h>

#include <utility>

namespace rb {
namespace {

/// How often an interface that is back but still held is asked for again.
constexpr unsigned kRetries = 50;

}  // namespace

Result<> InterfaceMethod::set_address(int, const MacAddress& address) const {
  return fail(ErrorCode::kNotSupported,
              fmt::format("the switch does not give an interface of kind {} the address {}; 'ip link set' does",
                          words().name, to_string(address)));
}

Result<> InterfaceMethod::end_persistence(int) const {
  return {};
}

void InterfaceDriver::use(const InterfaceMethod& method) {
  method_ = &method;
  options_.set_kind(method.words());
}

Result<DeviceStatus> InterfaceDriver::open(PortHost& host) {
  host_ = &host;
  return open(Opening::kFirst);
}

Result<DeviceStatus> InterfaceDriver::open(Opening opening) {
  Result<std::uint64_t> watched = host_->links().watch(netns_fd());
  if (!watched) return std::unexpected(watched.error());
  const InterfaceMethod& method = method_ != nullptr ? *method_ : choose_(request_);
  Result<OpenInterface> open = method.open(request_, opening);
  const bool may_be_missing = std::exchange(request_.may_be_missing, false);
  if (!open && may_be_missing && open.error().code == ErrorCode::kNoSuchInterface) {
    host_->notice(fmt::format("port {}: {}; the port waits for it", host_->name(), open.error().message));
    watched_ = *watched;
    return DeviceStatus{};
  }
  Result<> attached;
  if (!open) attached = std::unexpected(open.error());
  if (attached) attached = host_->attach(std::move(open->device));
  if (!attached) {
    host_->links().unwatch(*watched);
    return std::unexpected(attached.error());
  }
  if (!open->warning.empty()) host_->notice(open->warning);
  use(method);
  watched_ = *watched;
  return status_of_open(*open);
}

DeviceStatus InterfaceDriver::status_of_open(const OpenInterface& open) {
  made_ = open.made;
  persistent_ = open.persistent;
  stalled_ = false;
  // A namespace in which the interface was made is not kept alive: the interface goes with it.
  if (open.made) request_.netns.reset();
  if (is_host_) {
    if (Result<> set = set_address(is_host_->address); !set) host_->notice(set.error().message);
  }
  DeviceStatus status;
  const Result<LinkState> link = host_->links().get(watched_, host_->name());
  if (link) status.link = *link;
  status.state = !link ? DeviceState::kUnknown : status.link.running() ? DeviceState::kUp : DeviceState::kDown;
  status.speed = method_->speed(*host_);
  status.offloads = open.accepts;
  status.queue_count = open.queue_count;
  return status;
}

void InterfaceDriver::close() {
  if (!carrier_ && host_->attached()) (void)set_carrier(true);  // an interface that stays is left as it was
  (void)host_->detach();  // a tap that is not persistent goes with its descriptors
  if (watched_ != 0) host_->links().unwatch(std::exchange(watched_, 0));
}

std::string InterfaceDriver::to_text() const {
  // It is not known yet what an interface will be that has not come.
  PortOptions options = options_;
  if (&options.kind() == &any_port_kind()) options.set_kind(port_kind("tap"));
  const std::string text = options.to_text();
  return text == "tap:" + options.name() ? options.name() : text;
}

void InterfaceDriver::describe(nlohmann::json& object) const {
  object["persistent"] = persistent_;
}

bool InterfaceDriver::follow(const LinkEvent& event) {
  if (watched_ == 0 || watched_ != event.netns_id) return false;
  if (host_->attached() && host_->status().link.ifindex == event.link.ifindex) {
    event.gone ? look() : link_changed(event.link);
    return true;
  }
  if (host_->attached() || event.gone || event.link.name != host_->name()) return false;
  retries_left_ = kRetries;
  take_back();
  return true;
}

void InterfaceDriver::link_changed(const LinkState& link) {
  DeviceStatus status = host_->status();
  const bool was_up = status.state == DeviceState::kUp;
  const DeviceState state = link.running() ? DeviceState::kUp : DeviceState::kDown;
  const LinkState before = std::exchange(status.link, link);
  const bool same = before.flags == link.flags && before.mtu == link.mtu && before.name == link.name &&
                    before.address == link.address;
  if (same && state == status.state) {
    if (before != link) host_->change(std::move(status));
    return;
  }
  status.state = state;
  if (state == DeviceState::kUp && !was_up) status.speed = method_->speed(*host_);
  host_->change(std::move(status));
}

void InterfaceDriver::failed() {
  look();
  if (!host_->attached()) return;
  // The interface lives, and only its reading has ended. Reading does not begin again at once, lest an interface that
  // keeps failing keeps this thread busy.
  stalled_ = true;
  host_->retry_later();
}

void InterfaceDriver::look() {
  const InterfaceMethod::Whereabouts where = method_->find(*host_, watched_);
  switch (where.kind) {
    case InterfaceMethod::Whereabouts::Kind::kHere:
      return;
    case InterfaceMethod::Whereabouts::Kind::kMoved:
      return moved(where);
    case InterfaceMethod::Whereabouts::Kind::kGone:
      break;
  }
  lose();
  retries_left_ = kRetries;  // the interface may be there again already, its RTM_NEWLINK read and passed over
  take_back();
}

void InterfaceDriver::moved(const InterfaceMethod::Whereabouts& where) {
  LinkMonitor& links = host_->links();
  const Result<std::uint64_t> watched = where.netns ? links.watch(where.netns.get()) : std::unexpected(Error{});
  const Result<LinkState> link = watched ? links.get(*watched, where.name) : std::unexpected(Error{});
  if (watched) {
    links.unwatch(std::exchange(watched_, *watched));
  } else {
    watch_home();  // out of sight; the interface may come back
  }
  if (link) return link_changed(*link);
  DeviceStatus status = host_->status();
  status.link.mtu = 0;
  status.state = DeviceState::kUnknown;
  host_->change(std::move(status));
}

void InterfaceDriver::lose() {
  DeviceStatus status = host_->status();
  status.state = DeviceState::kGone;
  status.link.ifindex = 0;
  status.link.flags &= ~std::uint32_t{IFF_UP | IFF_RUNNING | IFF_LOWER_UP};
  stalled_ = false;
  host_->change(std::move(status), [this] {
    (void)host_->detach();
    watch_home();
  });
}

void InterfaceDriver::watch_home() {
  std::uint64_t home = 0;
  if (!went_with_its_namespace()) home = host_->links().watch(netns_fd()).value_or(0);
  if (watched_ != 0) host_->links().unwatch(watched_);
  watched_ = home;
}

bool InterfaceDriver::went_with_its_namespace() const {
  return !request_.netns && !options_.text("netns").empty();
}

void InterfaceDriver::take_back() {
  if (went_with_its_namespace()) return;
  const std::uint64_t watched = watched_;
  Result<DeviceStatus> status = open(is_host_ ? Opening::kFirst : Opening::kAgain);
  if (!status) {
    // Whoever made the interface may hold it for a moment; any other refusal stands until the interface changes.
    if (status.error().code != ErrorCode::kBusy || retries_left_ == 0) {
      retries_left_ = 0;
      return;
    }
    --retries_left_;
    return host_->retry_later();
  }
  if (watched != 0) host_->links().unwatch(watched);
  retries_left_ = 0;
  host_->change(std::move(*status));
}

void InterfaceDriver::retry() {
  if (stalled_) resume();
  if (!host_->attached() && retries_left_ != 0) take_back();
}

void InterfaceDriver::resume() {
  stalled_ = false;
  const Result<> attached = host_->attach(host_->detach());
  if (attached) return;
  host_->notice(fmt::format("port {}: {}", host_->name(), attached.error().message));
  lose();
}

Result<> InterfaceDriver::set_address(const MacAddress& address) {
  if (method_ == nullptr) return PortDriver::set_address(address);
  return method_->set_address(host_->device_fd(), address);
}

Result<> InterfaceDriver::set_carrier(bool on) {
  const InterfaceMethod& method = method_ != nullptr ? *method_ : choose_(request_);
  if (Result<> set = method.set_carrier(*host_, request_, on); !set) return set;
  carrier_ = on;
  return {};
}

Result<> InterfaceDriver::undo() {
  if (!host_->attached() || !made_ || !persistent_) return {};
  return method_->end_persistence(host_->device_fd());
}

}  // namespace rb
