// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/daemon/daemon.hpp"

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "control/api/commands.hpp"
#include "control/api/model_json.hpp"
#include "control/base/event_loop.hpp"
#include "control/base/log_summaries.hpp"
#include "control/daemon/config_file.hpp"
#include "control/daemon/control_socket.hpp"
#include "control/kinds/all_port_kinds.hpp"
#include "control/model/fdb_ageing.hpp"
#include "control/model/loop_guard.hpp"
#include "control/model/switch_model.hpp"
#include "ports/links/link_monitor.hpp"

namespace rb {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kRetryPause{100};

UniqueFd block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread is made, so that all have it
  std::signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

class Daemon final : private ModelObserver {
 public:
  /// Everything is put together before the configuration is read: whatever happens meanwhile is heard. Clients can
  /// connect from here on, and are served by serve().
  Daemon(std::unique_ptr<Engine> engine, SocketPath path, const DaemonOptions& options)
      : engine_(std::move(engine)),
        kinds_(all_port_kinds(&loop_, {.allow_uso = options.allow_uso})),
        model_(*engine_, links_, kinds_, *this,
               {.loop = &loop_,
                .socket_path = std::filesystem::absolute(options.socket_path).lexically_normal(),
                .host_ports = options.host_ports}),
        commands_(model_, [this](const char* what, const FdbEntry& entry) { tell_fdb(what, entry); }),
        socket_(loop_, commands_, std::move(path), options.access,
                [this] { ageing_.want_events(socket_.anybody_wants("fdb")); }) {}

  Result<> configure(const std::string& file) {
    std::ifstream input(file);
    if (!input)
      return fail(ErrorCode::kInvalidArgument, fmt::format("cannot read {}: {}", file, std::strerror(errno)), file);
    Result<> applied = apply_configuration(input, file, commands_);
    if (applied) {
      log_message(LogLevel::kInfo, fmt::format("{} has been carried out", file));
    } else {
      commands_.undo_made_taps();
    }
    return applied;
  }

  void serve(const std::string& socket_path, int signals) {
    loop_.add(links_.event_fd(), EPOLLIN, [this](std::uint32_t) { model_.devices().take_link_events(); });
    loop_.add(engine_->event_fd(), EPOLLIN, [this](std::uint32_t) { take_engine_events(); });
    loop_.add(engine_->punt_fd(), EPOLLIN, [this](std::uint32_t) { model_.trees().take_punted(); }, Urgency::kUrgent);
    loop_.add(signals, EPOLLIN, [this](std::uint32_t) { loop_.stop(); });
    log_message(LogLevel::kNotice,
                fmt::format("ready, version {}, listening on {} ({})", RB_VERSION, socket_path, engine_->describe()));
    loop_.run();
    log_message(LogLevel::kNotice, "stopping");
    loop_.remove(signals);
    loop_.remove(engine_->punt_fd());
    loop_.remove(engine_->event_fd());
    loop_.remove(links_.event_fd());
  }

 private:
  // ModelObserver.

  void model_changed(const ModelEvent& event) override {
    loop_guard_.model_changed(event);
    tell(event);
  }
  void loop_probe_came(const PuntedFrame& frame) override { loop_guard_.frame_came(frame); }
  void retry_needed() override {
    if (!retry_.running()) retry_.start_once(kRetryPause);
  }
  [[nodiscard]] std::chrono::milliseconds time_to_sweep() const override { return ageing_.left(); }

  void take_engine_events() {
    for (const EngineEvent& event : engine_->take_events()) {
      if (event.kind == EngineEvent::Kind::kPortError) {
        model_.devices().failed(event.port);
        continue;
      }
      const bool moved = event.kind == EngineEvent::Kind::kFdbMoved;
      if (moved) loop_guard_.station_moved(event);
      ageing_.learned();
      if (!socket_.anybody_wants("fdb")) continue;
      json object = fdb_event(moved ? "move" : "add", {event.mac, event.fid, event.port, FdbKind::kDynamic, 0});
      if (const ModelPort* previous = moved ? model_.port_at(event.previous) : nullptr) object["from"] = previous->name;
      socket_.broadcast("fdb", object);
    }
    if (const std::uint64_t lost = engine_->lost_events(); lost != lost_told_) {
      ageing_.learned();  // one of them may have said so
      socket_.broadcast("fdb", {{"kind", "lost"}, {"count", lost - std::exchange(lost_told_, lost)}});
    }
  }

  void tell_fdb(const char* what, const FdbEntry& entry) {
    if (entry.kind == FdbKind::kDynamic && std::string_view(what) == "add") ageing_.learned();
    if (socket_.anybody_wants("fdb")) socket_.broadcast("fdb", fdb_event(what, entry));
  }

  json fdb_event(const char* what, const FdbEntry& entry) {
    json object = fdb_entry_json(model_, entry);
    object["entry"] = object["kind"];
    object["kind"] = "fdb";
    object["event"] = what;
    return object;
  }

  void tell(const ModelEvent& event) {
    if (event.kind == ModelEvent::Kind::kTree) return socket_.broadcast("stp", tree_event_json(model_, event));
    if (event.kind == ModelEvent::Kind::kBridge) {
      socket_.broadcast("bridge", {{"kind", "bridge"}, {"event", event.what}, {"name", event.bridge->name}});
      return;
    }
    if (!socket_.anybody_wants("port")) return;
    json port = port_json(model_, *event.bridge, *event.port);
    socket_.broadcast("port", {{"kind", "port"},
                               {"event", event.what},
                               {"name", event.port->name},
                               {"bridge", event.bridge->name},
                               {"device", port["device"]},
                               {"state", port["state"]},
                               {"port", port}});
  }

  EventLoop loop_;
  LogSummaries log_summaries_{loop_, daemon_log()};
  std::unique_ptr<Engine> engine_;
  LinkMonitor links_;
  PortKinds kinds_;
  SwitchModel model_;
  Commands commands_;
  std::uint64_t lost_told_ = 0;
  FdbAgeing ageing_{loop_, model_, [this](const FdbEntry& entry) { tell_fdb("age", entry); }};
  LoopGuard loop_guard_{loop_, model_, [this](const json& event) { socket_.broadcast("loop", event); }};
  Timer retry_{loop_, [this] {
                 if (model_.devices().retry()) retry_.start_once(kRetryPause);
               }};
  ControlSocket socket_;
};

}  // namespace

Result<> run_daemon(const DaemonOptions& options) {
  const UniqueFd signals = block_signals();
  // The socket first: a second daemon must not disturb the first one's taps.
  Result<SocketPath> path = SocketPath::listen_on(options.socket_path);
  if (!path) return std::unexpected(path.error());
  Result<std::unique_ptr<Engine>> engine = Engine::start(options.engine);
  if (!engine) return std::unexpected(engine.error());
  Daemon daemon(std::move(*engine), std::move(*path), options);
  if (options.config_file) {
    if (Result<> configured = daemon.configure(*options.config_file); !configured) return configured;
  }
  daemon.serve(options.socket_path, signals.get());
  return {};
}

}  // namespace rb
