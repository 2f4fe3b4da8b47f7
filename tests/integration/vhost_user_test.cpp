// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the frames that guests on vhost-user ports send each other, with rings of all kinds. vhost_session_test.cpp
// tests how connections come and go, and vhost_hostile_*_test.cpp tests hostile guests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <set>

#include "vhost_lab.hpp"

namespace rb::test {

/// Prints a parameter for GoogleTest.
static void PrintTo(const SuperFrameFields& fields, std::ostream* out) {
  *out << (fields.udp ? "UDP" : "TCP") << (fields.ipv6 ? " over IPv6" : " over IPv4");
}

namespace {

using ::testing::HasSubstr;

class VhostUser : public VhostLabTest {};

const Octets kOne = ethernet_frame(kEverybody, kA, content(1)), kTwo = ethernet_frame(kA, kB, content(2, 1400)),
             kLast = ethernet_frame(kEverybody, kC, content(99));

Octets numbered(const std::string& to, const std::string& from, unsigned number, std::size_t size) {
  Octets octets = content(static_cast<std::uint8_t>(number % 251), size);
  octets[2] = static_cast<std::uint8_t>(number >> 8 & 0xff);
  octets[3] = static_cast<std::uint8_t>(number & 0xff);
  return ethernet_frame(to, from, octets);
}

/// Returns a text in which no two parts are equal.
std::string text(std::size_t size) {
  std::string octets;
  for (std::uint32_t i = 0; octets.size() < size; ++i) octets += std::to_string(i * 2654435761U);
  octets.resize(size);
  return octets;
}

TEST_F(VhostUser, CarriesFramesBetweenGuests) {
  const auto a = add("vm1"), b = add("vm2"), c = add("vm3");
  EXPECT_TRUE(a->send(kOne));
  EXPECT_TRUE(b->sees(kOne));
  EXPECT_TRUE(c->sees(kOne));
  EXPECT_TRUE(b->send(kTwo));
  EXPECT_TRUE(a->sees(kTwo));
  EXPECT_TRUE(a->send(kLast));
  EXPECT_TRUE(c->until(kLast).empty()) << "the frame for the first guest alone";
  EXPECT_TRUE(a->tx().drained());
  EXPECT_THAT(Lab::ok("rbctl fdb show br br0"), HasSubstr(kB + " dev vm2 master br0"));
  EXPECT_TRUE(eventually([] { return Lab::stats("vm1")["tx"]["unicast"]["frames"] == 1; }));
  EXPECT_TRUE(eventually([] { return Lab::stats("vm1")["rx"]["broadcast"]["frames"] == 2; }));
}

TEST_F(VhostUser, IsAnsweredByAnOldGuestWithoutProtocolFeatures) {
  const auto a = add("vm1", {.features = 0, .protocol_features = 0}), b = add("vm2");
  EXPECT_TRUE(a->send(kOne));
  EXPECT_TRUE(b->sees(kOne));
  EXPECT_TRUE(b->send(kTwo));
  EXPECT_TRUE(a->sees(kTwo));
}

// Rings of every kind.

class VhostRings : public VhostLabTest, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(VhostRings, CarryFramesBothWays) {
  const std::uint64_t features = GetParam();
  const bool indirect = (features & virtio::kIndirect) != 0;
  // The rings are so small that indices wrap several times.
  const auto a = add("vm1", {.features = features, .ring_size = 64, .buffer_count = 24, .indirect_buffers = indirect});
  const auto b = add("vm2", {.features = features, .ring_size = 128, .buffer_count = 48});
  for (unsigned i = 0; i < 300; ++i) {
    const std::size_t size = 48 + i * 37 % 1450;
    const Octets there = numbered(kB, kA, i, size), back = numbered(kA, kB, i, size);
    const std::size_t header = a->tx().header_size();
    ASSERT_TRUE(indirect ? a->tx().send({.octets = there}, {.sizes = {header}, .indirect = i % 2 == 0})
                         : a->send(there));
    ASSERT_TRUE(b->sees(there)) << i;
    ASSERT_TRUE(b->send(back));
    ASSERT_TRUE(a->sees(back)) << i;
  }
  EXPECT_TRUE(a->tx().drained());
  EXPECT_TRUE(b->tx().drained());
}

std::string features_name(const ::testing::TestParamInfo<std::uint64_t>& info) {
  std::string name;
  for (const auto& [bit, word] : {std::pair{virtio::kVersion1, "Version1"}, std::pair{virtio::kMergeable, "Mergeable"},
                                  std::pair{virtio::kEventIndex, "Events"}, std::pair{virtio::kIndirect, "Indirect"},
                                  std::pair{virtio::kInOrder, "InOrder"}}) {
    if ((info.param & bit) != 0) name += word;
  }
  return name.empty() ? "Plain" : name;
}

std::vector<std::uint64_t> all_kinds() {
  std::vector<std::uint64_t> kinds;
  for (const std::uint64_t version : {std::uint64_t{0}, virtio::kVersion1}) {
    for (const std::uint64_t mergeable : {std::uint64_t{0}, virtio::kMergeable}) {
      for (const std::uint64_t events : {std::uint64_t{0}, virtio::kEventIndex}) {
        for (const std::uint64_t indirect : {std::uint64_t{0}, virtio::kIndirect})
          kinds.push_back(version | mergeable | events | indirect);
      }
    }
  }
  kinds.push_back(virtio::kModern | virtio::kInOrder);
  kinds.push_back(virtio::kVersion1 | virtio::kInOrder);
  return kinds;
}
INSTANTIATE_TEST_SUITE_P(Features, VhostRings, ::testing::ValuesIn(all_kinds()), features_name);

TEST_F(VhostUser, GoesRoundTheRingsAndTheirIndices) {
  const auto a = add("vm1", {.ring_size = 32, .base = 65530, .buffer_count = 32});
  const auto b = add("vm2", {.ring_size = 64, .base = 65500, .buffer_count = 64});
  // Receives as many frames as fit at a time.
  unsigned received = 0;
  for (unsigned sent = 0; sent < 320;) {
    for (unsigned i = 0; i < 32; ++i) ASSERT_TRUE(a->tx().add({.octets = numbered(kB, kA, sent++, 100)}));
    a->tx().publish();
    for (unsigned i = 0; i < 32; ++i) ASSERT_TRUE(b->sees(numbered(kB, kA, received++, 100))) << received;
    ASSERT_TRUE(a->tx().drained());
  }
  EXPECT_EQ(a->tx().used_index(), static_cast<std::uint16_t>(65530 + 320));
  EXPECT_EQ(b->rx().used_index(), static_cast<std::uint16_t>(65500 + 320));
}

TEST_F(VhostUser, TakesFramesInAsManyPiecesAsTheyCome) {
  const auto a = add("vm1"), b = add("vm2");
  const Wire tap = lab->add_host("br0").wire();
  const std::size_t whole = a->tx().header_size() + kOne.size();
  using Sizes = std::vector<std::size_t>;
  const Sizes ones(whole, 1);
  Sizes header_in_ones(12, 1);
  for (const Sizes& sizes : {Sizes{12}, Sizes{5}, Sizes{11}, Sizes{13}, Sizes{5, 7}, Sizes{1, 10, 2}, Sizes{12, 6, 6},
                             Sizes{12, 13}, Sizes{12, 14}, header_in_ones, ones, Sizes(60, 1)}) {
    for (const bool indirect : {false, true}) {
      SCOPED_TRACE(::testing::PrintToString(sizes) + (indirect ? " indirect" : ""));
      EXPECT_TRUE(a->tx().send({.octets = kOne}, {.sizes = sizes, .indirect = indirect}));
      EXPECT_TRUE(b->sees(kOne));
      EXPECT_TRUE(tap.sees(kOne));
    }
  }
  EXPECT_TRUE(a->tx().drained());
}

TEST_F(VhostUser, FillsBuffersOfManyPieces) {
  const auto a = add("vm1");
  const auto b = add(
      "vm2",
      {.features = virtio::kVersion1 | virtio::kIndirect, .buffer_count = 32, .buffer_size = 1600, .buffer_pieces = 8});
  const auto c = add("vm3", {.buffer_count = 100, .buffer_size = 1600, .buffer_pieces = 160, .indirect_buffers = true});
  for (const std::size_t size : {48U, 186U, 187U, 188U, 189U, 400U, 1500U}) {
    const Octets frame = numbered(kEverybody, kA, 7, size);
    EXPECT_TRUE(a->send(frame));
    EXPECT_TRUE(b->sees(frame)) << size;
    EXPECT_TRUE(c->sees(frame)) << size;
  }
}

TEST_F(VhostUser, KeepsTheOrderOfABurstWhateverItsBuffersAre) {
  const auto a = add("vm1"), b = add("vm2", {.buffer_count = 0});
  std::mt19937 random(1);
  for (unsigned i = 0; i < 60; ++i) b->rx().post(1, 600, random() % 3 == 0 ? 3 : 1, random() % 8 == 0);
  constexpr unsigned kBurst = 16, kBursts = 200;
  unsigned number = 0;
  for (unsigned burst = 0; burst < kBursts; ++burst) {
    std::vector<Octets> sent;
    for (unsigned i = 0; i < kBurst; ++i) {
      // Some frames need several buffers, and some fit one.
      const std::size_t size = random() % 4 == 0 ? 500 + random() % 1000 : 46 + random() % 400;
      sent.push_back(numbered(kEverybody, kA, number++, size));
      ASSERT_TRUE(a->tx().add({.octets = sent.back()}));
    }
    a->tx().publish();
    for (const Octets& frame : sent) {
      const std::optional<OffloadedFrame> got = b->rx().receive();
      ASSERT_TRUE(got.has_value()) << burst;
      ASSERT_TRUE(got->octets == frame) << burst;
    }
  }
  EXPECT_TRUE(eventually([] { return Lab::stats("vm2")["tx"]["broadcast"]["frames"] == kBurst * kBursts; }));
  EXPECT_EQ(egress_drops("vm2"), 0U);
}

TEST_F(VhostUser, LosesWhatDoesNotFitABufferThatCannotBeMerged) {
  const auto a = add("vm1"), c = add("vm3");
  const auto b = add("vm2", {.features = virtio::kVersion1, .buffer_size = 600});
  const Octets largest = numbered(kEverybody, kA, 1, 600 - 12 - 12), too_large = numbered(kEverybody, kA, 2, 600 - 23);
  for (const Octets& frame : {largest, too_large, kLast}) EXPECT_TRUE(a->send(frame));
  const std::vector<OffloadedFrame> got = b->until(kLast);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].octets, largest);
  EXPECT_TRUE(c->sees(too_large));
  EXPECT_TRUE(eventually([] { return egress_drops("vm2") == 1; }));
  EXPECT_EQ(egress_drops("vm3"), 0U);
}

// Offloads.

TEST_F(VhostUser, SpreadsLargeFramesOverSeveralBuffers) {
  const auto a = add("vm1"), b = add("vm2", {.buffer_size = 512});
  for (const std::size_t size : {400U, 446U, 447U, 1000U, 9000U, 60000U}) {
    const OffloadedFrame sent = make_super_frame({.segment_size = 200}, text(size));
    EXPECT_TRUE(a->tx().send(sent));
    const std::optional<OffloadedFrame> got = b->rx().receive();
    ASSERT_TRUE(got.has_value());
    EXPECT_TRUE(got->octets == sent.octets);
    EXPECT_EQ(got->header.num_buffers, (12 + sent.octets.size() + 511) / 512);
    EXPECT_EQ(got->header.gso_size, 200);
  }
}

class VhostSuperFrames : public VhostLabTest, public ::testing::WithParamInterface<SuperFrameFields> {};

/// Collects the payload of finished frames until there are `size` octets.
std::string gather(const FrontEnd& guest, std::size_t size) {
  std::string together;
  while (together.size() < size) {
    const std::optional<OffloadedFrame> segment = guest.rx().receive();
    const std::optional<std::string> payload = segment ? payload_of(*segment) : std::nullopt;
    EXPECT_TRUE(payload.has_value()) << "after " << together.size() << " octets";
    if (!payload) break;
    EXPECT_EQ(segment->header.gso_type, kGsoNone);
    EXPECT_EQ(segment->header.flags & kVnetNeedsCsum, 0);
    EXPECT_LE(segment->octets.size(), 1514U);
    together += *payload;
  }
  return together;
}

TEST_P(VhostSuperFrames, CrossWholeToWhoTakesThemAndCutToWhoDoesNot) {
  const auto a = add("vm1"), whole = add("vm2"), cut = add("vm3", {.features = virtio::kModern}),
             old = add("vm4", {.features = virtio::kEventIndex});
  const std::string payload = text(60000);
  const OffloadedFrame sent = make_super_frame(GetParam(), payload);
  EXPECT_TRUE(a->tx().send(sent));
  const std::optional<OffloadedFrame> got = whole->rx().receive();
  ASSERT_TRUE(got.has_value());
  EXPECT_TRUE(got->octets == sent.octets);
  EXPECT_EQ(got->header.gso_type, sent.header.gso_type);
  EXPECT_EQ(got->header.gso_size, sent.header.gso_size);
  EXPECT_EQ(got->header.flags, kVnetNeedsCsum);
  EXPECT_EQ(got->header.csum_start, sent.header.csum_start);
  EXPECT_EQ(got->header.csum_offset, sent.header.csum_offset);
  EXPECT_TRUE(gather(*cut, payload.size()) == payload);
  EXPECT_TRUE(gather(*old, payload.size()) == payload);
}

TEST_P(VhostSuperFrames, HaveTheirSumsFinishedForWhoCannot) {
  const auto a = add("vm1"), whole = add("vm2"), finished = add("vm3", {.features = virtio::kModern});
  OffloadedFrame sent = make_super_frame(GetParam(), text(999));
  sent.header.gso_type = kGsoNone;
  sent.header.gso_size = 0;
  EXPECT_TRUE(a->tx().send(sent));
  const std::optional<OffloadedFrame> got = whole->rx().receive();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->header.flags, kVnetNeedsCsum);
  EXPECT_TRUE(got->octets == sent.octets);
  EXPECT_EQ(gather(*finished, 999), text(999));
}

TEST_P(VhostSuperFrames, CrossToTapsAndBack) {
  const auto a = add("vm1");
  const OffloadedWire tap(lab->add_host("br0"));
  const OffloadedFrame sent = make_super_frame(GetParam(), text(60000));
  EXPECT_TRUE(a->tx().send(sent));
  const std::optional<OffloadedFrame> there = tap.receive();
  ASSERT_TRUE(there.has_value());
  EXPECT_TRUE(there->octets == sent.octets);
  EXPECT_EQ(there->header.gso_size, sent.header.gso_size);
  tap.send(sent);
  const std::optional<OffloadedFrame> back = a->rx().receive();
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(back->octets == sent.octets);
  EXPECT_EQ(back->header.gso_type, sent.header.gso_type);
  EXPECT_EQ(back->header.gso_size, sent.header.gso_size);
}

std::string protocol_name(const ::testing::TestParamInfo<SuperFrameFields>& info) {
  return std::string(info.param.udp ? "Udp" : "Tcp") + (info.param.ipv6 ? "6" : "4");
}
INSTANTIATE_TEST_SUITE_P(Protocol, VhostSuperFrames,
                         ::testing::Values(SuperFrameFields{}, SuperFrameFields{.ipv6 = true},
                                           SuperFrameFields{.udp = true}, SuperFrameFields{.ipv6 = true, .udp = true}),
                         protocol_name);

// Kicks and calls.

TEST_F(VhostUser, AGuestWithoutBuffersLosesItsOwnFramesAlone) {
  const auto a = add("vm1"), b = add("vm2"), slow = add("slow", {.buffer_count = 0});
  for (unsigned i = 0; i < 300; ++i) {
    EXPECT_TRUE(a->send(numbered(kEverybody, kA, i, 200)));
    ASSERT_TRUE(b->sees(numbered(kEverybody, kA, i, 200)));
  }
  EXPECT_TRUE(eventually([] { return Lab::drops("slow", "egress_full") == 300; }));
  EXPECT_EQ(egress_drops("vm2"), 0U);
  slow->rx().post(16, 2048);
  EXPECT_TRUE(a->send(kLast));
  EXPECT_TRUE(slow->until(kLast).empty()) << "no frame was kept for the guest";
}

std::uint64_t cpu_ticks(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string field;
  std::getline(file, field, ')');  // the process name may contain spaces
  std::uint64_t user = 0, system = 0;
  for (int i = 3; i < 14; ++i) file >> field;
  file >> user >> system;
  return user + system;
}

TEST_F(VhostUser, SleepsWhileNobodySends) {
  const auto a = add("vm1"), b = add("vm2", {.features = virtio::kVersion1});
  EXPECT_TRUE(a->send(kOne));
  EXPECT_TRUE(b->sees(kOne));
  EXPECT_TRUE(eventually([&] { return a->tx().wants_kick() && b->tx().wants_kick(); }));
  // The test is that nothing happens for a second.
  const std::uint64_t before = cpu_ticks(lab->daemon.pid());
  ::poll(nullptr, 0, 1000);
  EXPECT_LE(cpu_ticks(lab->daemon.pid()),
            before + 10);  // of a hundred; the kernel charges a tick to the process that runs at that moment
  EXPECT_TRUE(b->send(kTwo));
  EXPECT_TRUE(a->sees(kTwo));
}

TEST_F(VhostUser, CallsNobodyWhoDoesNotWait) {
  for (const std::uint64_t features : {virtio::kVersion1, virtio::kModern}) {
    const auto a = add("vm1"), b = add("vm2", {.features = features});
    // The switch may call once at the beginning. It has done so when it goes on to a second frame.
    for (unsigned i = 1; i <= 2; ++i) {
      EXPECT_TRUE(a->send(kOne));
      EXPECT_TRUE(eventually([&] { return b->rx().pending() == i; }));
    }
    (void)b->rx().was_called();
    for (unsigned i = 0; i < 50; ++i) EXPECT_TRUE(a->send(numbered(kEverybody, kA, i, 200)));
    EXPECT_TRUE(eventually([&] { return b->rx().pending() == 52; }));
    EXPECT_TRUE(a->tx().drained());
    EXPECT_FALSE(b->rx().was_called());
    EXPECT_TRUE(b->sees(numbered(kEverybody, kA, 49, 200)));
    Lab::ok("rbctl delif br0 vm1 && rbctl delif br0 vm2");
  }
}

// Several queues.

/// Makes a UDP frame of one of many flows.
Octets flow_frame(const std::string& to, const std::string& from, unsigned flow, unsigned number) {
  Octets frame = make_super_frame({.destination = to, .source = from, .udp = true}, text(100)).octets;
  frame.at(35) = static_cast<std::uint8_t>(flow);  // the source port
  frame.at(42) = static_cast<std::uint8_t>(number);
  return frame;
}

class VhostQueues : public VhostLabTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped()) return;
    lab.emplace(std::vector<std::string>{"--no-host-port", "--workers", GetParam()});
    Lab::ok("rbctl addbr br0");
  }
};

TEST_P(VhostQueues, KeepEachFlowTogetherAndInOrder) {
  const FrontEnd::Options two_pairs{
      .features = virtio::kModern | virtio::kOffloads | virtio::kMultiQueue, .queue_pairs = 2, .buffer_count = 256};
  const auto a = add("vm1", two_pairs), b = add("vm2");
  constexpr unsigned kFlows = 32, kFrames = 8;
  EXPECT_TRUE(b->send(ethernet_frame(kEverybody, kB, content(3))));  // teaches the switch the port of the answers
  EXPECT_TRUE(eventually([&] { return a->rx(0).pending() + a->rx(1).pending() == 1; }));
  for (unsigned i = 0; i < 2; ++i) (void)a->rx(i).receive(0);
  // The guest sends frames from both rings and gets an answer to each.
  for (unsigned number = 0; number < kFrames; ++number) {
    for (unsigned flow = 0; flow < kFlows; ++flow)
      ASSERT_TRUE(a->tx(flow % 2).send({.octets = flow_frame(kB, kA, flow, number)}));
    for (unsigned flow = 0; flow < kFlows; ++flow) {
      const std::optional<OffloadedFrame> got = b->rx().receive();
      ASSERT_TRUE(got.has_value());
      Octets answer = got->octets;
      std::swap_ranges(answer.begin(), answer.begin() + 6, answer.begin() + 6);         // MAC addresses
      std::swap_ranges(answer.begin() + 26, answer.begin() + 30, answer.begin() + 30);  // IP addresses
      std::swap_ranges(answer.begin() + 34, answer.begin() + 36, answer.begin() + 36);  // ports
      ASSERT_TRUE(b->send(answer));
    }
    EXPECT_TRUE(eventually([&] { return a->rx(0).pending() + a->rx(1).pending() >= kFlows * (number + 1); }));
  }
  std::map<unsigned, std::set<unsigned>> rings_of;
  std::map<unsigned, unsigned> next;
  for (unsigned ring = 0; ring < 2; ++ring) {
    a->rx(ring).refills = false;
    while (const std::optional<OffloadedFrame> got = a->rx(ring).receive(0)) {
      const unsigned flow = got->octets.at(37);
      rings_of[flow].insert(ring);
      EXPECT_EQ(got->octets.at(42), next[flow]++) << "flow " << flow;
    }
  }
  std::set<unsigned> rings;
  for (const auto& [flow, its] : rings_of) {
    EXPECT_EQ(its.size(), 1U) << "flow " << flow;
    EXPECT_EQ(next[flow], kFrames);
    rings.insert(its.begin(), its.end());
  }
  EXPECT_EQ(rings_of.size(), kFlows);
  // With two workers each worker has one ring, and the answers come by the ring of the worker that serves their sender.
  EXPECT_EQ(rings.size(), GetParam() == std::string("1") ? 2U : 1U);
}

TEST_P(VhostQueues, TakeFramesFromBothRingsAtOnce) {
  const FrontEnd::Options two_pairs{.features = virtio::kModern | virtio::kMultiQueue, .queue_pairs = 2};
  const auto a = add("vm1", two_pairs), b = add("vm2", two_pairs);
  const Wire tap = lab->add_host("br0").wire();
  constexpr unsigned kFrames = 5000;
  std::vector<std::thread> senders;
  for (unsigned ring = 0; ring < 2; ++ring) {
    senders.emplace_back([&a, ring] {
      for (unsigned i = 0; i < kFrames; ++i) a->tx(ring).send({.octets = numbered(kEverybody, kA, i, 100)});
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_TRUE(a->tx(0).drained());
  EXPECT_TRUE(a->tx(1).drained());
  EXPECT_TRUE(eventually([] { return Lab::stats("vm1")["rx"]["broadcast"]["frames"] == 2 * kFrames; }));
  EXPECT_TRUE(eventually([&] { return egress_drops("vm2") + b->rx(0).pending() + b->rx(1).pending() == 2 * kFrames; }))
      << "each frame was delivered or counted";
  EXPECT_TRUE(a->tx(1).send({.octets = kLast}));
  EXPECT_TRUE(tap.sees(kLast));
}

std::string workers_name(const ::testing::TestParamInfo<const char*>& info) {
  return info.param + std::string("OfThem");
}
INSTANTIATE_TEST_SUITE_P(Workers, VhostQueues, ::testing::Values("1", "2"), workers_name);

}  // namespace
}  // namespace rb::test
