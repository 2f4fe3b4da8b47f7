// SPDX-License-Identifier: GPL-2.0-or-later
// A switch model that needs no privilege: taps are socket pairs, and bridges have no interface of their own.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>

#include "control/api/commands.hpp"
#include "control/kinds/all_port_kinds.hpp"
#include "control/model/switch_model.hpp"
#include "ports/engine/engine.hpp"
#include "ports/links/link_monitor.hpp"

namespace rb::testing {

/// Opens a socket pair as a tap. The far end goes into `far_ends`.
inline Result<TapDevice> open_fake_tap(const TapOptions& options, std::map<std::string, UniqueFd>& far_ends) {
  if (options.name.starts_with("missing"))
    return fail(ErrorCode::kNoSuchInterface, "interface " + options.name + " does not exist", options.name);
  TapDevice device;
  for (unsigned i = 0; i < options.queue_count; ++i) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      return fail(ErrorCode::kSystem, "socketpair");
    device.queues.emplace_back(ends[0]);
    far_ends[options.name].reset(ends[1]);
  }
  device.created = options.create;
  return device;
}

struct FakeSwitch : ModelObserver {
  FakeSwitch() {
    Result<std::unique_ptr<Engine>> started = Engine::start({.fdb_capacity = 1024});
    if (!started) throw std::runtime_error(started.error().message);
    engine = std::move(*started);
    const auto open = [this](const TapOptions& options) -> Result<TapDevice> {
      if (refusal) return std::unexpected(*refusal);
      return open_fake_tap(options, far_ends);
    };
    // The tests use no interfaces of the host.
    const auto refuse = [](const PacketOptions& options) -> Result<PacketDevice> {
      return fail(ErrorCode::kNoSuchInterface, "interface " + options.name + " does not exist", options.name);
    };
    kinds = all_port_kinds(nullptr, {.open_tap = open, .open_packet = refuse});
    model = std::make_unique<SwitchModel>(
        *engine, links, kinds, *this, SwitchModel::Options{.clock = [this] { return now_ms; }, .host_ports = false});
    commands = std::make_unique<Commands>(*model, [this](const char* what, const FdbEntry& entry) {
      if (on_fdb_change) on_fdb_change(what, entry);
    });
  }
  void model_changed(const ModelEvent& event) override {
    if (on_event) on_event(event);
  }
  void retry_needed() override { ++retries_needed; }
  /// Calls a method. For an error, the answer's "error" has its message or kind.
  nlohmann::json call(const std::string& method, const nlohmann::json& params) {
    Caller caller;
    const auto answer = commands->call(method, params, caller);
    if (answer) return *answer;
    return {{"error", answer.error().message}, {"kind", answer.error().kind}, {"code", answer.error().code}};
  }

  std::optional<Error> refusal;  // while set, opening any tap fails with this error
  /// Lets time pass for spanning trees, in steps that miss none of their timers.
  void pass(std::chrono::milliseconds time) {
    for (const stp::TimeMs end = now_ms + time.count(); now_ms < end;) {
      now_ms = std::min<stp::TimeMs>(now_ms + 100, end);
      model->trees().take_punted();
    }
  }
  /// Sends a frame into a port and waits until the workers have handed it over. The model has not taken it yet.
  void punt(const std::string& port, std::span<const std::byte> frame) {
    std::vector<std::byte> octets(sizeof(VnetHeader) + frame.size());
    std::ranges::copy(frame, octets.begin() + sizeof(VnetHeader));
    if (::write(far_ends.at(port).get(), octets.data(), octets.size()) != static_cast<ssize_t>(octets.size()))
      throw std::runtime_error("write to " + port);
    pollfd waiting{engine->punt_fd(), POLLIN, 0};
    if (::poll(&waiting, 1, 10000) != 1) throw std::runtime_error("nothing was punted");
  }
  /// Returns the next BPDU that leaves by a port within `timeout_ms`.
  std::optional<stp::Bpdu> sent_by(const std::string& port, int timeout_ms = 10000) {
    pollfd waiting{far_ends.at(port).get(), POLLIN, 0};
    if (::poll(&waiting, 1, timeout_ms) != 1) return std::nullopt;
    std::array<std::byte, 2048> octets;
    const ssize_t size = ::read(far_ends.at(port).get(), octets.data(), octets.size());
    const auto frame = std::span(octets).first(static_cast<std::size_t>(size)).subspan(sizeof(VnetHeader));
    last_source = MacAddress::from_bytes(frame.data() + sizeof(MacAddress));
    const auto bpdu = stp::decode(frame);
    if (!bpdu) throw std::runtime_error("what has left is no BPDU");
    return *bpdu;
  }
  /// Forgets all frames that have left so far.
  void drain(const std::string& port) {
    while (sent_by(port, 0)) {
    }
  }

  stp::TimeMs now_ms = 1'000'000;
  MacAddress last_source;                    // the source of the last BPDU that sent_by() returned
  std::map<std::string, UniqueFd> far_ends;  // the far end of the last queue of each tap
  std::unique_ptr<Engine> engine;
  LinkMonitor links;
  PortKinds kinds;
  std::function<void(const ModelEvent&)> on_event;
  Commands::FdbListener on_fdb_change;
  unsigned retries_needed = 0;  // how often a port has asked for a retry
  std::unique_ptr<SwitchModel> model;
  std::unique_ptr<Commands> commands;
};

}  // namespace rb::testing
