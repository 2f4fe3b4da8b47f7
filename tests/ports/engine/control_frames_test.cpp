// SPDX-License-Identifier: GPL-2.0-or-later
// Tests frames that bypass the relay: frames that workers hand to the control thread, and frames that the control
// thread sends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <latch>
#include <thread>

#include "ports/engine/port_context.hpp"
#include "ports/engine/punt_queue.hpp"
#include "ports/socket/datagram_port.hpp"
#include "ports/socket/stream_port.hpp"
#include "ports/vhost/vhost_rings.hpp"
#include "switch/loop_probe.hpp"
#include "tests/ports/engine/engine_fixture.hpp"

namespace rb {
namespace {

using ::testing::IsEmpty;
using testing::kBroadcast;
using testing::received;
using testing::station;
using testing::sum_of_drops;

const MacAddress kBpdus = MacAddress::from_number(0x0180c2000000);

constexpr std::uint32_t kBpdusPerSecond = row_of(PuntKind::kBpdu).per_second;

class ControlFramesTest : public testing::EngineTest {
 protected:
  bool punts_wait(int timeout_ms = 10000) {
    pollfd waiting{engine->punt_fd(), POLLIN, 0};
    return poll(&waiting, 1, timeout_ms) == 1;
  }
  /// Takes punted frames until there are `count`. Returns fewer if none comes for ten seconds.
  std::vector<PuntedFrame> take_punted(std::size_t count) {
    std::vector<PuntedFrame> all;
    while (all.size() < count && punts_wait())
      std::ranges::copy(engine->take_punted(engine->max_punted()), std::back_inserter(all));
    return all;
  }
  std::uint64_t drops(PortIndex port, DropReason reason) {
    return engine->counters(port).drops[static_cast<std::size_t>(reason)];
  }
  /// Waits until a port has received `count` frames in all and the relay has decided them.
  void wait_received(PortIndex port, std::uint64_t count) {
    while (received(engine->counters(port)) < count) publish();  // each publication is a round of the workers
    publish();
  }
  static std::string octets_of(const PuntedFrame& punted) {
    return {reinterpret_cast<const char*>(punted.octets.data()), punted.octets.size()};
  }
  static std::string without_header(const std::string& octets) { return octets.substr(sizeof(VnetHeader)); }
};

TEST_F(ControlFramesTest, PuntedFramesAreGivenWithTheirKindThePortAndTheirFirstOctets) {
  start();
  const PortIndex a = add_port(), b = add_port();
  bridge.stp = true;
  bridge.probe_sender = 0;
  ports[b].gate = PortGate::kDiscarding;
  publish();
  EXPECT_FALSE(punts_wait(0));
  std::string probe = frame(station(1), kLoopProbeGroup.address(), 0, 100);
  probe.replace(24, 2, "\x88\xb5");
  std::string large = frame(station(1), kBpdus, 7, 60000);
  for (std::size_t i = 30; i < large.size(); ++i) large[i] = static_cast<char>(i % 251);
  const std::vector<std::string> frames = {frame(station(1), kBpdus, 1, 60), frame(station(1), kBpdus, 2, 14 + 4),
                                           probe, large, frame(station(1), kBpdus, 3, 128)};
  for (const PortIndex port : {a, b}) {
    for (const std::string& octets : frames) send(port, octets);
    const std::vector<PuntedFrame> punted = take_punted(frames.size());
    ASSERT_EQ(punted.size(), frames.size());
    publish();  // the worker counts a frame, and wakes the control thread, after the frame can be taken
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const PuntKind kind = i == 2 ? PuntKind::kLoopProbe : PuntKind::kBpdu;
      EXPECT_EQ(punted[i].kind, kind);
      EXPECT_EQ(punted[i].port, port);
      EXPECT_EQ(punted[i].size, without_header(frames[i]).size());
      EXPECT_EQ(octets_of(punted[i]), without_header(frames[i]).substr(0, row_of(kind).octets)) << i;
    }
    EXPECT_EQ(drops(port, DropReason::kPunted), frames.size());
  }
  EXPECT_THAT(engine->take_punted(engine->max_punted()), IsEmpty());
  EXPECT_FALSE(punts_wait(0));
  EXPECT_THAT(engine->take_events(), IsEmpty()) << "events have a queue of their own";
  EXPECT_TRUE(nothing_waits(a) && nothing_waits(b));
}

/// A port whose frames the test lends to the batch in pieces.
class LendingPort final : public Port {
 public:
  using Port::Port;
  void arm(PortContext&) noexcept override {}
  void complete(const Tag&, const io_uring_cqe&, PortContext&) noexcept override {}
  void transmit(std::span<const FrameIndex>, const PortState&, PortContext&) noexcept override {}
  void stop(PortContext&) noexcept override {}
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }
  [[nodiscard]] bool stopped() const noexcept override { return true; }
  void release(PortContext&) noexcept override {}
};

class LendingPortDevice final : public PortDevice {
 public:
  [[nodiscard]] std::unique_ptr<Port> make_port(PortIndex index, PortContext&) override {
    auto made = std::make_unique<LendingPort>(index);
    port = made.get();
    return made;
  }
  [[nodiscard]] int fd() const noexcept override { return -1; }
  LendingPort* port = nullptr;
};

TEST_F(ControlFramesTest, PuntedFramesArePutTogetherFromTheirPieces) {
  start();
  bridge.stp = true;
  auto device = std::make_unique<LendingPortDevice>();
  const LendingPortDevice& lender = *device;
  attach(0, std::move(device));
  for (const std::size_t size : {60U, 128U, 1518U}) {
    std::string octets = without_header(frame(station(1), kBpdus, 0, size));
    for (std::size_t i = 14; i < size; ++i) octets[i] = static_cast<char>(i);
    const std::array<std::size_t, 5> ends = {14, 15, 40, 41, size};
    engine->on_worker(0, [&](PortContext& context) {
      const Batch::LentRoom room = context.batch().lent_room();
      new (room.vnet) VnetHeader{};
      std::memcpy(room.head, octets.data(), ends[0]);
      room.pieces[0] = {room.head, static_cast<std::uint32_t>(ends[0])};
      for (std::size_t i = 1; i < ends.size(); ++i) {
        room.pieces[i] = {reinterpret_cast<std::byte*>(&octets[ends[i - 1]]),
                          static_cast<std::uint32_t>(ends[i] - ends[i - 1])};
      }
      context.batch().receive_lent(lender.port->index(), static_cast<std::uint32_t>(size), ends.size());
      context.batch().lent_by(*lender.port);
    });
    const std::vector<PuntedFrame> punted = take_punted(1);
    ASSERT_EQ(punted.size(), 1U);
    EXPECT_EQ(octets_of(punted[0]), octets);
  }
}

TEST_F(ControlFramesTest, WithoutAProtocolBpdusAreFlooded) {
  start();
  const PortIndex a = add_port(), b = add_port();
  send(a, frame(station(1), kBpdus, 5));
  EXPECT_EQ(number_of(receive(b)), 5U);
  EXPECT_FALSE(punts_wait(0));
}

TEST_F(ControlFramesTest, NoBpduIsLostAmongTenThousandFrames) {
  start();
  const PortIndex a = add_port(), b = add_port(), c = add_port();
  bridge.stp = true;
  publish();
  constexpr std::uint32_t kFrames = 10000, kEvery = 500, kBpduCount = kFrames / kEvery;
  std::atomic<bool> done{false};
  std::thread sinks([&] {  // empties the other sockets, so that they do not limit the rate
    char sink[2048];
    while (!done) {
      for (const PortIndex port : {b, c}) {
        while (read(far_ends[port][0].get(), sink, sizeof sink) > 0) {
        }
      }
    }
  });
  for (std::uint32_t i = 0; i < kFrames; ++i) {
    send(a, frame(station(i % 50), i % 5 == 0 ? kBroadcast : station(i % 70), i));
    if (i % kEvery == 0) send(a, frame(station(99), kBpdus, i / kEvery));
  }
  const std::vector<PuntedFrame> punted = take_punted(kBpduCount);
  ASSERT_EQ(punted.size(), kBpduCount);
  for (std::uint32_t i = 0; i < kBpduCount; ++i)
    EXPECT_EQ(number_of(std::string(sizeof(VnetHeader), '\0') + octets_of(punted[i])), i);
  wait_received(a, kFrames + kBpduCount);
  done = true;
  sinks.join();
  const PortTotals totals = engine->counters(a);
  EXPECT_EQ(drops(a, DropReason::kPunted), kBpduCount);
  EXPECT_EQ(received(totals), kFrames + kBpduCount);
  EXPECT_EQ(received(totals), totals.forwarded + totals.flooded + sum_of_drops(totals, false));
}

TEST_F(ControlFramesTest, APortPuntsNoMoreThanItsShareOfASecond) {
  start();
  const PortIndex a = add_port(), b = add_port();
  bridge.stp = true;
  publish();
  constexpr std::uint32_t kFrames = 1000;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < kFrames; ++i) send(a, frame(station(1), kBpdus, i));
  wait_received(a, kFrames);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count() + 1;
  const std::uint64_t punted = drops(a, DropReason::kPunted), refused = drops(a, DropReason::kPuntLimit);
  EXPECT_EQ(punted + refused, kFrames);
  EXPECT_GE(punted, kBpdusPerSecond);
  EXPECT_LE(punted, static_cast<std::uint64_t>(seconds) * kBpdusPerSecond);
  EXPECT_EQ(take_punted(punted).size(), punted);
  // Another port has its own share.
  send(b, frame(station(2), kBpdus, 5));
  const std::vector<PuntedFrame> of_another = take_punted(1);
  ASSERT_EQ(of_another.size(), 1U);
  EXPECT_EQ(of_another[0].port, b);
}

TEST_F(ControlFramesTest, AStormOfProbesTakesNoBpdusPlace) {
  start();
  const PortIndex a = add_port();
  bridge.stp = true;
  bridge.probe_sender = 0;
  publish();
  std::string probe = frame(station(1), kLoopProbeGroup.address(), 0, 100);
  probe.replace(24, 2, "\x88\xb5");
  constexpr std::uint32_t kProbes = 1000, kBpduCount = kBpdusPerSecond;
  for (std::uint32_t i = 0; i < kProbes; ++i) send(a, probe);
  for (std::uint32_t i = 0; i < kBpduCount; ++i) send(a, frame(station(1), kBpdus, i));
  wait_received(a, kProbes + kBpduCount);
  std::uint64_t bpdus = 0;
  for (const PuntedFrame& punted : engine->take_punted(engine->max_punted()))
    bpdus += punted.kind == PuntKind::kBpdu ? 1 : 0;
  EXPECT_EQ(bpdus, kBpduCount);
  EXPECT_GE(drops(a, DropReason::kPuntLimit), 1U);
}

TEST_F(ControlFramesTest, AFullQueueLosesTheNewestAndTheyAreCounted) {
  start();
  constexpr std::uint32_t kFramesAPort = kBpdusPerSecond, kSize = 1500;
  constexpr std::uint32_t kFit = PuntQueue::kCapacity / PuntQueue::Ring::record_size(kSize);
  constexpr PortIndex kPorts = kFit / kFramesAPort + 2;
  for (PortIndex port = 0; port < kPorts; ++port) add_port();
  bridge.stp = true;
  publish();
  std::uint64_t punted = 0, lost = 0;
  for (PortIndex port = 0; port < kPorts; ++port) {
    for (std::uint32_t i = 0; i < kFramesAPort; ++i) send(port, frame(station(port), kBpdus, i, kSize));
    wait_received(port, kFramesAPort);
    EXPECT_EQ(drops(port, DropReason::kPuntLimit), 0U);
    punted += drops(port, DropReason::kPunted);
    lost += drops(port, DropReason::kPuntFull);
  }
  EXPECT_EQ(punted, kFit);
  EXPECT_EQ(punted + lost, std::uint64_t{kPorts} * kFramesAPort);
  EXPECT_GE(engine->max_punted(), kFit);
  EXPECT_EQ(engine->take_punted(engine->max_punted()).size(), kFit);
}

TEST_F(ControlFramesTest, StationsThatMoveAreToldWithoutThoseThatCome) {
  start();
  const PortIndex a = add_port(), b = add_port();
  engine->want_move_events(true);
  constexpr std::uint64_t kStations = 3 * std::uint64_t{kMoveEventsPerSecond};
  for (std::uint64_t i = 0; i < kStations; ++i) send(a, frame(station(i), kBpdus));
  wait_received(a, kStations);
  EXPECT_THAT(engine->take_events(), IsEmpty());
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kStations; ++i) send(b, frame(station(i), kBpdus));
  wait_received(b, kStations);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count() + 1;
  pollfd waiting{engine->event_fd(), POLLIN, 0};
  EXPECT_EQ(poll(&waiting, 1, 0), 1);
  std::vector<EngineEvent> events = engine->take_events();
  EXPECT_GE(events.size(), kMoveEventsPerSecond);
  EXPECT_LE(events.size(), static_cast<std::uint64_t>(seconds) * kMoveEventsPerSecond);
  for (const EngineEvent& event : events) {
    EXPECT_EQ(event.kind, EngineEvent::Kind::kFdbMoved);
    EXPECT_EQ(event.port, b);
    EXPECT_EQ(event.previous, a);
  }
  // A client that wants all events gets all events.
  engine->want_fdb_events(true);
  for (std::uint64_t i = 0; i < kStations; ++i) send(a, frame(station(i), kBpdus));
  wait_received(a, 2 * kStations);
  EXPECT_EQ(engine->take_events().size(), kStations);
  engine->want_fdb_events(false);
  engine->want_move_events(false);
  for (std::uint64_t i = 0; i < kStations; ++i) send(b, frame(station(i), kBpdus));
  wait_received(b, 2 * kStations);
  EXPECT_THAT(engine->take_events(), IsEmpty());
}

/// A guest with a receive ring only, and some buffers of one descriptor each.
class Guest {
 public:
  static constexpr std::uint16_t kRingSize = 16;
  static constexpr std::uint32_t kHeaderSize = 12;
  static constexpr std::uint64_t kBufferSize = 2048;

  Guest() {
    EXPECT_EQ(ftruncate(file_.get(), kMemorySize), 0);
    EXPECT_TRUE(memory_.add({0, kMemorySize, 0, 0}, file_.get()).has_value());
    for (std::uint16_t i = 0; i < kRingSize; ++i) {
      descriptors()[i] = {kBuffers + i * kBufferSize, static_cast<std::uint32_t>(kBufferSize), VRING_DESC_F_WRITE, 0};
      available().ring[i] = i;
    }
    std::atomic_ref(available().idx).store(kRingSize, std::memory_order_release);
  }
  [[nodiscard]] VringSetup setup() {
    VringSetup setup;
    setup.layout = {.size = kRingSize,
                    .descriptors = descriptors(),
                    .available = &available(),
                    .used = &used(),
                    .used_guest_address = kUsed};
    setup.header_size = kHeaderSize;
    setup.enabled = true;
    setup.kick_fd = kick_.get();
    setup.call_fd = call_.get();
    setup.memory = &memory_;
    return setup;
  }
  /// Returns the next frame that the guest gets, or an empty string after ten seconds without a frame.
  std::string receive() {
    pollfd waiting{call_.get(), POLLIN, 0};
    while (std::atomic_ref(used().idx).load(std::memory_order_acquire) == taken_) {
      if (poll(&waiting, 1, 10000) != 1) return {};
      std::uint64_t count = 0;
      EXPECT_EQ(read(call_.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
    }
    const vring_used_elem element = used().ring[taken_++ % kRingSize];
    return {reinterpret_cast<const char*>(at(kBuffers + element.id * kBufferSize + kHeaderSize)),
            element.len - kHeaderSize};
  }

 private:
  static constexpr std::uint64_t kMemorySize = 0x10000, kAvailable = 0x1000, kUsed = 0x2000, kBuffers = 0x4000;

  [[nodiscard]] std::byte* at(std::uint64_t address) const {
    std::size_t hint = 0;
    return memory_.at(address, 1, hint).data;
  }
  vring_desc* descriptors() { return reinterpret_cast<vring_desc*>(at(0)); }
  vring_avail& available() { return *reinterpret_cast<vring_avail*>(at(kAvailable)); }
  vring_used& used() { return *reinterpret_cast<vring_used*>(at(kUsed)); }

  UniqueFd file_{memfd_create("control_frames_test", MFD_CLOEXEC)};
  UniqueFd kick_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, call_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  GuestMemory memory_;
  std::uint16_t taken_ = 0;
};

/// Tests sending by engines with one worker and with two.
class ControlSendTest : public ControlFramesTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  ControlSendTest() { start({.worker_count = GetParam()}); }
  ~ControlSendTest() override { engine.reset(); }  // the engine must end before the guests' memory is unmapped

  PortIndex add_socket(int type, const std::function<std::unique_ptr<PortDevice>(UniqueFd)>& device_of) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    const auto index = static_cast<PortIndex>(far_ends.size());
    far_ends.emplace_back().emplace_back(ends[1]);
    attach(index, device_of(UniqueFd(ends[0])));
    return index;
  }
  PortIndex add_datagram() {
    return add_socket(SOCK_DGRAM | SOCK_NONBLOCK, [](UniqueFd socket) {
      return std::make_unique<DatagramPortDevice>(std::move(socket), DatagramFormat{}, std::shared_ptr<const void>());
    });
  }
  PortIndex add_stream() {
    return add_socket(SOCK_STREAM, [](UniqueFd socket) {
      return std::make_unique<StreamPortDevice>(std::move(socket), Framing::kLen32);
    });
  }
  /// Adds a guest whose receive ring belongs to queue pair `pair`.
  Guest& add_guest(unsigned pair) {
    const auto index = static_cast<PortIndex>(far_ends.size());
    far_ends.emplace_back();
    auto device = std::make_unique<VhostPortDevice>(engine->worker_count());
    VhostPortDevice& rings = *device;
    attach(index, std::move(device));
    Guest& guest = *guests_.emplace_back(std::make_unique<Guest>());
    VhostRings(*engine, index, rings).start(2 * pair, guest.setup());
    return guest;
  }
  /// Returns a frame of `size` octets, counted from the destination on.
  static std::string own_frame(std::uint32_t number, std::size_t size = 60) {
    return without_header(frame(station(7), kBpdus, number, size));
  }
  void send_own(PortIndex port, const std::string& octets) { engine->send(port, std::as_bytes(std::span(octets))); }
  std::string receive_stream(PortIndex port, std::size_t size) {
    std::string octets(4 + size, '\0');
    EXPECT_EQ(recv(far_ends[port][0].get(), octets.data(), octets.size(), MSG_WAITALL),
              static_cast<ssize_t>(octets.size()));
    return octets;
  }
  static std::string with_length(const std::string& octets) {
    return std::string(2, '\0') + static_cast<char>(octets.size() >> 8) + static_cast<char>(octets.size()) + octets;
  }
  /// Waits until every frame that was given to send_own() has been sent.
  void settle() {
    for (unsigned number = 0; number < engine->worker_count(); ++number) engine->on_worker(number, [](PortContext&) {});
  }
  void set_gates(PortGate gate) {
    for (PortState& port : ports) port.gate = gate;
    publish();
  }

 private:
  std::vector<std::unique_ptr<Guest>> guests_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ControlSendTest, ::testing::Values(1, 2));

TEST_P(ControlSendTest, LeavesByPortsOfEveryKindWhateverTheirGate) {
  // There are two ports of each kind, so that with two workers each worker owns one.
  std::vector<PortIndex> taps, datagrams, streams;
  for (int i = 0; i < 2; ++i) taps.push_back(add_port());
  taps.push_back(add_port(2));
  for (int i = 0; i < 2; ++i) datagrams.push_back(add_datagram());
  for (int i = 0; i < 2; ++i) streams.push_back(add_stream());
  const auto first_guest = static_cast<PortIndex>(far_ends.size());
  // The last guest has its only ring at another worker than the one that gets the frame.
  const std::array<Guest*, 3> guests = {&add_guest(0), &add_guest(0), &add_guest(1)};
  const auto port_count = static_cast<PortIndex>(ports.size());
  ASSERT_EQ(port_count, first_guest + guests.size());
  std::uint32_t number = 0;
  for (const PortGate gate : {PortGate::kDiscarding, PortGate::kLearning, PortGate::kForwarding}) {
    set_gates(gate);
    for (const std::size_t size : {kEthernetHeaderSize + 4, std::size_t{60}, kMaxOwnFrameSize}) {
      const std::string octets = own_frame(++number, size);
      for (PortIndex port = 0; port < port_count; ++port) send_own(port, octets);
      for (const PortIndex port : taps)
        EXPECT_EQ(receive(port), std::string(sizeof(VnetHeader), '\0') + octets) << "tap " << port;
      for (const PortIndex port : datagrams) EXPECT_EQ(receive(port), octets) << "datagram " << port;
      for (const PortIndex port : streams) EXPECT_EQ(receive_stream(port, size), with_length(octets)) << port;
      for (Guest* guest : guests) EXPECT_EQ(guest->receive(), octets) << "guest";
    }
  }
  settle();
  for (PortIndex port = 0; port < port_count; ++port) {
    const PortTotals totals = engine->counters(port);
    EXPECT_EQ(totals.tx[static_cast<std::size_t>(CastKind::kMulticast)].frames, number) << port;
    EXPECT_EQ(totals.copies, number) << port;
    EXPECT_EQ(sum_of_drops(totals, true), 0U) << port;
  }
}

TEST_P(ControlSendTest, NothingLeavesByAPortThatIsDownOrGone) {
  const PortIndex a = add_port(), b = add_stream();
  set_gates(PortGate::kDown);
  for (const PortIndex port : {a, b, PortIndex{99}}) {
    send_own(port, own_frame(1));
    settle();
    const PortTotals totals = engine->counters(port);
    EXPECT_EQ(totals.drops[static_cast<std::size_t>(DropReason::kEgressDown)], 1U);
    EXPECT_EQ(totals.copies, 1U);
  }
  EXPECT_TRUE(nothing_waits(a) && nothing_waits(b));
}

TEST_P(ControlSendTest, ABurstLeavesWholeAndInOrder) {
  const PortIndex stream = add_stream();
  set_gates(PortGate::kDiscarding);
  constexpr std::uint32_t kFrames = 1000;
  for (std::uint32_t i = 0; i < kFrames; ++i) send_own(stream, own_frame(i));
  for (std::uint32_t i = 0; i < kFrames; ++i) ASSERT_EQ(receive_stream(stream, 60), with_length(own_frame(i)));
}

TEST_P(ControlSendTest, EachPortGetsItsOwnOfMoreFramesThanOneSubmitTakes) {
  constexpr PortIndex kPorts = 150;
  for (PortIndex port = 0; port < kPorts; ++port) port % 2 == 0 ? add_port() : add_datagram();
  set_gates(PortGate::kLearning);
  for (std::uint32_t round = 0; round < 5; ++round) {
    // The workers are held up, so that each finds all its frames in one round.
    std::latch held(engine->worker_count()), go_on(1);
    std::vector<std::jthread> holders;
    for (unsigned number = 0; number < engine->worker_count(); ++number) {
      holders.emplace_back([&, number] {
        engine->on_worker(number, [&](PortContext&) {
          held.count_down();
          go_on.wait();
        });
      });
    }
    held.wait();
    for (PortIndex port = 0; port < kPorts; ++port) send_own(port, own_frame(round * kPorts + port));
    go_on.count_down();
    for (PortIndex port = 0; port < kPorts; ++port) {
      const std::string header(port % 2 == 0 ? sizeof(VnetHeader) : 0, '\0');
      ASSERT_EQ(receive(port), header + own_frame(round * kPorts + port)) << port;
    }
  }
}

TEST_P(ControlSendTest, FramesOfTheSwitchAndOfOthersDoNotDisturbEachOther) {
  const PortIndex a = add_port(), b = add_port();
  send(b, frame(station(2), kBroadcast));
  receive(a);
  std::uint32_t data = 0, own = 0;
  for (int round = 0; round < 300; ++round) {
    constexpr std::uint32_t kData = 6, kOwn = 2;  // their sum is less than the socket holds
    for (std::uint32_t i = 0; i < kData; ++i) {
      send(a, frame(station(1), station(2), data + i, 64 + i * 100));
      if (i < kOwn) send_own(b, own_frame(own + i));
    }
    for (std::uint32_t data_end = data + kData, own_end = own + kOwn; data < data_end || own < own_end;) {
      const std::string got = receive(b);
      if (got == std::string(sizeof(VnetHeader), '\0') + own_frame(own)) {
        ++own;
      } else {
        ASSERT_EQ(got, frame(station(1), station(2), data, 64 + data % kData * 100));
        ++data;
      }
    }
  }
}

}  // namespace
}  // namespace rb
