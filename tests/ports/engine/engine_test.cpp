// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "ports/socket/datagram_port.hpp"
#include "tests/ports/engine/engine_fixture.hpp"

namespace rb {
namespace {

using testing::kBroadcast;
using testing::received;
using testing::station;
using testing::sum_of_drops;

using EngineTest = testing::EngineTest;

TEST_F(EngineTest, FloodsThenForwards) {
  start();
  const PortIndex a = add_port(), b = add_port(), c = add_port();
  send(a, frame(station(1), kBroadcast, 1));
  EXPECT_EQ(number_of(receive(b)), 1U);
  EXPECT_EQ(number_of(receive(c)), 1U);
  send(b, frame(station(2), station(1), 2));
  EXPECT_EQ(number_of(receive(a)), 2U);
  EXPECT_TRUE(nothing_waits(c));
}

TEST_F(EngineTest, KeepsOrderAndOctetsThroughBursts) {
  start();
  const PortIndex a = add_port(), b = add_port();
  for (std::uint32_t round = 0; round < 50; ++round) {
    for (std::uint32_t i = 0; i < 8; ++i) send(a, frame(station(1), station(2), round * 8 + i, 64 + i * 100));
    for (std::uint32_t i = 0; i < 8; ++i) {
      const std::string got = receive(b);
      ASSERT_EQ(got, frame(station(1), station(2), round * 8 + i, 64 + i * 100));
    }
  }
}

TEST_F(EngineTest, WorksWithoutNowaitReads) {
  start({.without_nowait = true});
  const PortIndex a = add_port(), b = add_port();
  for (std::uint32_t round = 0; round < 50; ++round) {
    for (std::uint32_t i = 0; i < 8; ++i) send(a, frame(station(1), station(2), i));
    for (std::uint32_t i = 0; i < 8; ++i) ASSERT_EQ(number_of(receive(b)), i);
  }
}

TEST_F(EngineTest, CarriesFramesOf64KiB) {
  start();
  const PortIndex a = add_port(), b = add_port();
  const std::string large = frame(station(1), station(2), 7, 65536 + 14);
  send(a, large);
  EXPECT_EQ(receive(b), large);
}

TEST_F(EngineTest, CountsAFrameTooLargeForAnyBufferAsTruncated) {
  start();
  const PortIndex a = add_port(), b = add_port();
  send(a, frame(station(1), station(2), 0, 66000));
  send(a, frame(station(1), station(2), 5));
  EXPECT_EQ(number_of(receive(b)), 5U);
  EXPECT_EQ(engine->counters(a).drops[static_cast<std::size_t>(DropReason::kTruncated)], 1U);
}

TEST_F(EngineTest, DetachedPortLeavesTheOthersWorkingAndItsIndexIsUsableAgain) {
  start();
  const PortIndex a = add_port(), b = add_port();
  send(a, frame(station(1), kBroadcast, 1));
  EXPECT_EQ(number_of(receive(b)), 1U);
  ports[a] = PortState{};
  publish();
  std::unique_ptr<PortDevice> device = engine->detach(a);
  engine->fdb().flush_port(a);
  EXPECT_GE(device->fd(), 0);
  ASSERT_TRUE(engine->attach(a, std::move(device)).has_value());
  ports[a] = ports[b];
  publish();
  send(b, frame(station(2), station(1), 2));
  EXPECT_EQ(number_of(receive(a)), 2U);
}

TEST_F(EngineTest, MoreCopiesThanThereIsRoomForInOneSubmitAllLeave) {
  start();
  // Port 0 is a trunk and the others are access ports, so that each copy takes a scatter list of its own.
  constexpr PortIndex kPorts = 300;
  constexpr Vid kVid = 10;
  auto trunk = std::make_shared<PortVlans>(), access = std::make_shared<PortVlans>();
  for (const auto& vlans : {trunk, access}) {
    vlans->ingress.set(kVid);
    vlans->egress.set(kVid);
  }
  access->untagged.set(kVid);
  access->pvid = kVid;
  std::vector<BridgeVlans::Member> members;
  for (PortIndex port = 0; port < kPorts; ++port) {
    add_port();
    ports[port].vlans = port == 0 ? trunk : access;
    members.push_back({port, ports[port].vlans.get()});
  }
  std::array<Fid, kVidCount> fids{};
  fids[kVid] = 2;
  bridge.vlans = std::make_shared<const BridgeVlans>(kTpidCustomer, fids, members);
  publish();
  std::string tagged = frame(station(1), kBroadcast);
  tagged.replace(24, 4, std::string("\x81\x00\x00\x0a", 4));
  for (std::uint32_t round = 0; round < 20; ++round) {
    std::memcpy(&tagged[30], &round, sizeof round);
    send(0, tagged);
    for (PortIndex port = 1; port < kPorts; ++port) {
      const std::string got = receive(port);
      ASSERT_EQ(got.size(), tagged.size() - kVlanTagSize) << port << " in round " << round;
      ASSERT_EQ(number_of(got), round) << port;
    }
  }
  // The engine still reads from the trunk and from the other ports.
  send(7, frame(station(7), station(1), 7));
  EXPECT_EQ(receive(0).size(), tagged.size() + kVlanTagSize);
}

TEST_F(EngineTest, ReportsAPortThatFailsAndGoesOn) {
  start();
  const PortIndex a = add_port(), b = add_port();
  // The read end of a pipe cannot be written and the write end cannot be read, so these descriptors fail like a deleted
  // tap.
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  const UniqueFd unused(ends[0]);
  TapDevice broken;
  broken.queues.emplace_back(ends[1]);
  ASSERT_TRUE(engine->attach(10, std::make_unique<TapPortDevice>(std::move(broken))).has_value());
  pollfd waiting{engine->event_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&waiting, 1, 10000), 1);
  const std::vector<EngineEvent> events = engine->take_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EngineEvent::Kind::kPortError);
  EXPECT_EQ(events[0].port, 10);
  EXPECT_EQ(events[0].error, EBADF);
  send(a, frame(station(1), kBroadcast, 3));
  EXPECT_EQ(number_of(receive(b)), 3U);
  (void)engine->detach(10);
}

TEST_F(EngineTest, TellsWhatItLearnsWhileSomebodyWantsToKnow) {
  start();
  const PortIndex a = add_port(), b = add_port();
  send(a, frame(station(1), kBroadcast));
  receive(b);
  EXPECT_TRUE(engine->take_events().empty());
  engine->want_fdb_events(true);
  send(b, frame(station(1), kBroadcast));
  receive(a);
  pollfd waiting{engine->event_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&waiting, 1, 10000), 1);
  const std::vector<EngineEvent> events = engine->take_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EngineEvent::Kind::kFdbMoved);
  EXPECT_EQ(events[0].port, b);
  EXPECT_EQ(events[0].previous, a);
}

TEST_F(EngineTest, DropsAndCountsWhereAnEgressPortIsFullAndTheBooksBalance) {
  start();
  const PortIndex a = add_port(), b = add_port(), c = add_port();
  send(b, frame(station(2), kBroadcast));
  receive(a);
  receive(c);
  constexpr std::uint64_t kFrames = 5000;  // far more than the socket of b holds, and nobody reads from b
  for (std::uint32_t i = 0; i < kFrames; ++i) send(a, frame(station(1), station(2), i));
  send(a, frame(station(1), station(3),
                99));  // station 3 is unknown, so the frame reaches c after the relay has decided all frames before it
  while (number_of(receive(c)) != 99) {
  }
  const PortTotals in = engine->counters(a);
  PortTotals out;
  std::uint64_t sent = 0;
  // The engine learns of a failed write some rounds later (from Linux 6.13 on, twenty a round). Each publication is a
  // round.
  for (int round = 0; round < 1000; ++round) {
    publish();
    out = engine->counters(b);
    sent = out.tx[0].frames + out.tx[1].frames + out.tx[2].frames;
    if (out.copies == sent + sum_of_drops(out, true)) break;
  }
  EXPECT_EQ(received(in), kFrames + 1);
  EXPECT_EQ(received(in), in.forwarded + in.flooded + sum_of_drops(in, false));
  EXPECT_EQ(out.copies, sent + sum_of_drops(out, true));
  EXPECT_GT(out.drops[static_cast<std::size_t>(DropReason::kEgressFull)], 0U);
  EXPECT_GT(sent, 0U);
}

TEST_F(EngineTest, ASocketThatIsFullLosesFramesAtOnceAndSendsNoneLater) {
  start();
  const PortIndex a = add_port(), c = add_port();
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const UniqueFd far(ends[1]);
  const PortIndex b = 2;
  ASSERT_TRUE(engine
                  ->attach(b, std::make_unique<DatagramPortDevice>(UniqueFd(ends[0]), DatagramFormat{},
                                                                   std::shared_ptr<const void>()))
                  .has_value());
  ports.push_back(ports[a]);
  publish();
  const std::string hello = frame(station(2), kBroadcast).substr(sizeof(VnetHeader));
  ASSERT_EQ(write(far.get(), hello.data(), hello.size()), static_cast<ssize_t>(hello.size()));
  receive(a);
  receive(c);
  constexpr std::uint32_t kFrames = 3000;  // far more than the socket holds, and nobody reads from it
  for (std::uint32_t i = 0; i < kFrames; ++i) send(a, frame(station(1), station(2), i));
  send(a, frame(station(1), station(3), 99999));
  while (number_of(receive(c)) != 99999) {
  }
  // The frames that found room arrive in order, without octets of later frames.
  std::string octets(2000, '\0');
  std::uint32_t got = 0;
  for (ssize_t size = 0; (size = read(far.get(), octets.data(), octets.size())) > 0; ++got) {
    std::uint32_t number = 0;
    std::memcpy(&number, &octets[14], sizeof number);
    if (number == 99999) break;  // this frame may have found room again
    ASSERT_EQ(number, got);
  }
  EXPECT_GT(got, 0U);
  EXPECT_LT(got, kFrames);
  publish();
  EXPECT_GT(engine->counters(b).drops[static_cast<std::size_t>(DropReason::kEgressFull)], 0U);
  ports[b] = PortState{};
  publish();
  (void)engine->detach(b);
}

TEST_F(EngineTest, SpreadsQueuesOverWorkersAndWritesFromAll) {
  start({.worker_count = 2});
  const PortIndex a = add_port(2), b = add_port(2);
  for (std::size_t queue = 0; queue < 2; ++queue) {
    send(a, frame(station(1), station(9), static_cast<std::uint32_t>(queue)), queue);
  }
  std::vector<std::uint32_t> got{number_of(receive(b, 0)), number_of(receive(b, 1))};
  std::ranges::sort(got);
  EXPECT_THAT(got, ::testing::ElementsAre(0U, 1U));
}

TEST_F(EngineTest, IdleWorkersSleep) {
  start({.worker_count = 2});
  const PortIndex a = add_port(), b = add_port();
  send(a, frame(station(1), kBroadcast));
  receive(b);
  const auto cpu_ticks = [] {
    std::uint64_t total = 0;
    std::ifstream stat("/proc/self/stat");
    std::string field;
    for (int i = 1; i <= 15 && stat >> field; ++i) {
      if (i >= 14) total += std::stoull(field);
    }
    return total;
  };
  const std::uint64_t before = cpu_ticks();
  pollfd nothing{far_ends[b][0].get(), POLLIN, 0};
  EXPECT_EQ(poll(&nothing, 1, 1000), 0);  // the test is that no frame comes for a second
  EXPECT_LE(cpu_ticks() - before,
            10U);  // of a hundred; the kernel charges a tick to the process that runs at that moment
}

using EngineConcurrencyTest = EngineTest;

TEST_F(EngineConcurrencyTest, StatesArePublishedAndPortsComeAndGoUnderTraffic) {
  start({.worker_count = 2});
  const PortIndex a = add_port(), b = add_port(), c = add_port(2);
  std::atomic<bool> done{false};
  std::thread traffic([&] {
    for (std::uint32_t i = 0; !done; ++i) {
      const std::string octets = frame(station(i % 100), i % 3 == 0 ? kBroadcast : station(i % 7), i);
      for (const PortIndex port : {a, b, c}) {
        [[maybe_unused]] const ssize_t written = write(far_ends[port][0].get(), octets.data(), octets.size());
        char sink[2048];
        while (read(far_ends[port][0].get(), sink, sizeof sink) > 0) {
        }
      }
    }
  });
  for (int round = 0; round < 60; ++round) {
    ports[c].hairpin = round % 2 == 0;
    publish();
    if (round % 3 == 0) {
      const PortState kept = ports[b];
      ports[b] = PortState{};
      publish();
      std::unique_ptr<PortDevice> device = engine->detach(b);
      engine->fdb().flush_port(b);
      ASSERT_TRUE(engine->attach(b, std::move(device)).has_value());
      ports[b] = kept;
      publish();
    }
    (void)engine->counters(a);
    (void)engine->take_events();
    engine->want_fdb_events(round % 2 == 0);
  }
  done = true;
  traffic.join();
}

}  // namespace
}  // namespace rb
