// SPDX-License-Identifier: GPL-2.0-or-later
// Drives ports without a worker: the test itself is the loop, in one thread, and says when requests are submitted.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ports/engine/port_context.hpp"
#include "ports/engine/port_table.hpp"
#include "switch/fdb.hpp"
#include "switch/relay.hpp"

namespace rb::testing {

/// The two ends of a socket pair: a port's file, and what the test reads and writes.
struct Ends {
  UniqueFd port, far;

  explicit Ends(int type) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    port = UniqueFd(ends[0]);
    far = UniqueFd(ends[1]);
  }
  void write(const std::string& octets) const {
    ASSERT_EQ(::send(far.get(), octets.data(), octets.size(), MSG_NOSIGNAL), static_cast<ssize_t>(octets.size()));
  }
  /// Returns the next message, or what a stream has, without waiting; empty when there is nothing.
  [[nodiscard]] std::string read(std::size_t max = 70000) const {
    std::string octets(max, '\0');
    const ssize_t size = ::recv(far.get(), octets.data(), octets.size(), MSG_DONTWAIT);
    octets.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return octets;
  }
};

/// A frame to be transmitted, with memory of its own: one piece right behind its header.
class OwnedFrame {
 public:
  explicit OwnedFrame(std::string_view octets, const VnetHeader& vnet = {})
      : memory_(std::make_unique<std::byte[]>(sizeof vnet + octets.size())) {
    std::memcpy(memory_.get(), &vnet, sizeof vnet);
    std::memcpy(&memory_[sizeof vnet], octets.data(), octets.size());
    piece_ = std::make_unique<Piece>(Piece{&memory_[sizeof vnet], static_cast<std::uint32_t>(octets.size())});
  }
  [[nodiscard]] Frame view() const {
    return {reinterpret_cast<VnetHeader*>(memory_.get()), piece_.get(), piece_->size, 1, 0};
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::unique_ptr<Piece> piece_;
};

/// A port that accepts everything unfinished.
inline PortState accepting_all() {
  PortState state;
  state.gate = PortGate::kForwarding;
  state.accepts.bits = Offloads::kAll;
  return state;
}

class PortTest : public ::testing::Test, private Batch::Owner {
 protected:
  static constexpr PortIndex kPort = 6;
  static constexpr unsigned kWorkers = 2;  // the test is number 0
  static constexpr unsigned kFiles = 4;

  struct Received {
    PortIndex ingress = kNoPort;
    VnetHeader vnet;
    std::string octets;
  };

  explicit PortTest(bool nowait = true)
      : context_(
            {.number = 0, .file_count = kFiles, .file_names = FileNames::kRegistered, .nowait = nowait},
            {.relay = relay_, .counters = counters_, .mail_room = mail_room_, .errors = errors_, .batch_owner = *this}),
        ports_(context_) {
    const Result<> opened = context_.open_ring();
    EXPECT_TRUE(opened.has_value());
  }

  template <typename MadePort>
  MadePort& add(std::unique_ptr<MadePort> port) {
    MadePort& added = *port;
    ports_.add(std::move(port));
    return added;
  }
  [[nodiscard]] unsigned file_of(int fd) { return context_.add_file(fd).value(); }
  /// One round of a worker: arms ports, submits, waits for as many completions, and takes what has come.
  void round(unsigned wait_count = 0) {
    ports_.arm();
    forward();  // of ports that had frames left
    context_.submit(wait_count);
    context_.ring().reap([this](const io_uring_cqe& completion) {
      ++completion_count_;
      const Tag tag = Tag::unpack(completion.user_data);
      if (tag.operation != Operation::kCancel) ports_.complete(tag, completion);
    });
    forward();
  }
  /// Rounds until so many frames have been received in all; waits for ever when they do not come.
  void receive(std::size_t count) {
    // A port that wants to be armed may have frames left; otherwise the next completion has something.
    while (received_.size() < count) round(context_.ready().empty() ? 1 : 0);
  }
  /// Has a port transmit frames, and submits what it prepared.
  void transmit(Port& port, const std::vector<Frame>& frames, const PortState& to = accepting_all(),
                CastKind cast = CastKind::kUnicast) {
    relay_.place(frames, cast);
    std::vector<FrameIndex> indexes;
    for (std::size_t i = 0; i < frames.size(); ++i) indexes.push_back(static_cast<FrameIndex>(i));
    port.transmit(indexes, to, context_);
    round();
  }
  void transmit(Port& port, const std::vector<OwnedFrame>& frames, const PortState& to = accepting_all()) {
    std::vector<Frame> views;
    for (const OwnedFrame& frame : frames) views.push_back(frame.view());
    transmit(port, views, to);
  }
  /// Removes the port, and says whether it was given back.
  [[nodiscard]] bool remove() {
    bool removed = false;
    ports_.remove(kPort, [&](std::unique_ptr<Port> port) { removed = port != nullptr; });
    for (int rounds = 0; rounds < 10 && !removed; ++rounds) {
      round();
      ports_.finish_removals();
    }
    return removed;
  }
  /// The errors of ports since the last call, as (port, errno).
  std::vector<std::pair<PortIndex, int>> errors() {
    std::vector<std::pair<PortIndex, int>> all;
    errors_.take([&](PortIndex port, int error) { all.emplace_back(port, error); });
    return all;
  }
  [[nodiscard]] PortTotals totals() const {
    PortTotals totals;
    totals.add(counters_[kPort]);
    return totals;
  }
  [[nodiscard]] std::uint64_t drops(DropReason reason) const {
    return totals().drops[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] PortTotals::Traffic sent(CastKind cast = CastKind::kUnicast) const {
    return totals().tx[static_cast<std::size_t>(cast)];
  }
  /// Places of the ring's table that are free.
  [[nodiscard]] std::size_t free_files() {
    std::vector<unsigned> taken;
    while (const std::optional<unsigned> file = context_.add_file(STDIN_FILENO)) taken.push_back(*file);
    for (const unsigned file : taken) context_.remove_file(file);
    return taken.size();
  }

  Fdb fdb_{{.capacity = 64, .hash_seed = 1}};
  std::vector<PortCounters> counters_ = std::vector<PortCounters>(kMaxPorts + 1);
  VlanCounterTable vlan_counters_;
  Relay relay_{fdb_, counters_, vlan_counters_};
  MailRoom mail_room_{kWorkers};
  WakingFd waking_;
  PortErrors errors_{waking_};
  PortContext context_;
  PortTable ports_;
  std::vector<Received> received_;
  std::vector<std::size_t> batches_;  // the size of each batch that was not empty
  std::uint64_t completion_count_ = 0;

 private:
  /// Stands for the relay: keeps a copy of each frame.
  void forward() noexcept override {
    if (context_.batch().empty()) return;
    if (!context_.written()) context_.submit(0);
    const std::span<const Frame> frames = context_.batch().frames();
    if (!frames.empty()) batches_.push_back(frames.size());
    for (const Frame& frame : frames) {
      Received& copy = received_.emplace_back(Received{frame.ingress, *frame.vnet, {}});
      for (std::size_t i = 0; i < frame.piece_count; ++i)
        copy.octets.append(reinterpret_cast<const char*>(frame.pieces[i].data), frame.pieces[i].size);
      EXPECT_EQ(copy.octets.size(), frame.size);
    }
    context_.batch_sent();
  }
};

}  // namespace rb::testing
