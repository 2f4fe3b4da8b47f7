// A switch model without privilege: taps are socket pairs, and bridges have no interface of their own.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <stdexcept>

#include "control/commands.hpp"
#include "control/switch_model.hpp"
#include "ports/engine.hpp"
#include "ports/link_monitor.hpp"

namespace rb::testing {

/// Opens what stands in for a tap; the far end is closed, so that nothing ever comes in.
inline Result<TapDevice> open_fake_tap(const TapOptions& options) {
  if (options.name.starts_with("missing"))
    return fail(ErrorCode::kNoSuchInterface, "interface " + options.name + " does not exist", options.name);
  TapDevice device;
  for (unsigned i = 0; i < options.queue_count; ++i) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      return fail(ErrorCode::kSystem, "socketpair");
    device.queues.emplace_back(ends[0]);
    ::close(ends[1]);
  }
  device.created = options.create;
  return device;
}

struct FakeSwitch {
  FakeSwitch() {
    Result<std::unique_ptr<Engine>> started = Engine::start({.fdb_capacity = 1024});
    if (!started) throw std::runtime_error(started.error().message);
    engine = std::move(*started);
    const auto open = [this](const TapOptions& options) -> Result<TapDevice> {
      if (refusal) return std::unexpected(*refusal);
      return open_fake_tap(options);
    };
    // Interfaces of the host are nobody's business here.
    const auto refuse = [](const PacketOptions& options) -> Result<PacketDevice> {
      return fail(ErrorCode::kNoSuchInterface, "interface " + options.name + " does not exist", options.name);
    };
    model = std::make_unique<SwitchModel>(
        *engine, links, SwitchModel::Options{.host_ports = false, .open_tap = open, .open_packet = refuse});
    commands = std::make_unique<Commands>(*model);
  }
  /// Calls a method; an error's message or kind is in the answer's "error".
  nlohmann::json call(const std::string& method, const nlohmann::json& params) {
    Caller caller;
    const auto answer = commands->call(method, params, caller);
    if (answer) return *answer;
    return {{"error", answer.error().message}, {"kind", answer.error().kind}, {"code", answer.error().code}};
  }

  std::optional<Error> refusal;  // what opening any tap comes to, while it is set
  std::unique_ptr<Engine> engine;
  LinkMonitor links;
  std::unique_ptr<SwitchModel> model;
  std::unique_ptr<Commands> commands;
};

}  // namespace rb::testing
