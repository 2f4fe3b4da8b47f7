// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the hot part of a vhost-user port: the rings of a guest lie in memory, and the test drives both sides.
#include "ports/vhost/vhost_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <map>
#include <set>

#include "tests/ports/engine/port_fixture.hpp"
#include "tests/ports/vhost/packed_driver.hpp"
#include "tests/switch/offload_frames.hpp"

namespace rb {
namespace {

using test::Driver;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::OwnedFrame;
using ::testing::Pair;

constexpr unsigned kReceiveRing = 0, kTransmitRing = 1;  // of the guest's first pair
constexpr std::uint32_t kHeaderSize = 12;

/// One ring of a guest, with memory and eventfds of its own.
struct GuestRing {
  explicit GuestRing(unsigned size = 16) : driver(size) {}
  [[nodiscard]] VringSetup setup() const {
    VringSetup setup;
    setup.layout.size = static_cast<std::uint16_t>(driver.size);
    setup.layout.is_packed = true;
    setup.layout.packed = driver.layout();
    setup.layout.used_guest_address = test::kRing;
    setup.next = 0x8000;
    setup.header_size = kHeaderSize;
    setup.mergeable = true;
    setup.enabled = true;
    setup.kick_fd = kick.get();
    setup.call_fd = call.get();
    setup.memory = &driver.memory;
    return setup;
  }
  /// The guest sends a frame in one chain of some buffers, the first of which has `first` bytes.
  void send(const std::string& frame, std::uint32_t first = 4096, const VnetHeader& vnet = {}) {
    std::string octets(reinterpret_cast<const char*>(&vnet), kHeaderSize);
    octets += frame;
    test::Buffers buffers;
    for (std::size_t at = 0; at < octets.size();) {
      const std::size_t size = std::min<std::size_t>(octets.size() - at, at == 0 ? first : 4096);
      std::memcpy(driver.at(next_), &octets[at], size);
      buffers.push_back({next_, static_cast<std::uint32_t>(size)});
      next_ += 4096;
      at += size;
    }
    driver.offer(id_++, buffers);
  }
  /// The guest offers a buffer for a frame.
  void offer(std::uint32_t size = 2048) {
    driver.offer(id_, {{next_, size}}, test::kWrite);
    buffers_[id_++] = next_;
    next_ += size;
  }
  /// The next frame that the guest has received; empty when there is none.
  std::string received() {
    const std::optional<Driver::Used> used = driver.collect();
    if (!used) return {};
    return {reinterpret_cast<const char*>(driver.at(buffers_[used->id])) + kHeaderSize, used->written - kHeaderSize};
  }
  /// How often the guest was called since the last look.
  [[nodiscard]] std::uint64_t calls() const {
    std::uint64_t count = 0;
    return ::read(call.get(), &count, sizeof count) == sizeof count ? count : 0;
  }
  void kick_switch() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(kick.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

  Driver driver;
  UniqueFd kick{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, call{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

 private:
  std::uint64_t next_ = test::kBuffers;
  std::uint16_t id_ = 0;
  std::map<unsigned, std::uint64_t> buffers_;
};

class VhostPortTest : public testing::PortTest {
 protected:
  VhostPortTest() { port.set_open(true, context_); }

  void start(unsigned number, const GuestRing& ring) { port.start_ring(number, ring.setup(), context_); }
  static std::string frame_of(unsigned number, std::size_t size = 300) {
    std::string octets(size, '\0');
    for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<char>(i * 7 + number);
    return octets;
  }
  void transmit(const std::vector<std::string>& octets, const PortState& to = testing::accepting_all()) {
    std::vector<OwnedFrame> frames;
    for (const std::string& each : octets) frames.emplace_back(each);
    PortTest::transmit(port, frames, to);
  }
  void rounds(int count) {
    for (int i = 0; i < count; ++i) round();
  }

  GuestRing to_guest, from_guest;  // before the port, which names their memory
  VhostPort& port = add(std::make_unique<VhostPort>(kPort, kWorkers));
};

TEST_F(VhostPortTest, TakesFramesOutOfTheTransmitRingInTheirOrder) {
  start(kTransmitRing, from_guest);
  VnetHeader vnet;
  vnet.flags = kVnetNeedsCsum;
  vnet.csum_start = 34;
  from_guest.send(frame_of(1), 4096, vnet);
  from_guest.send(frame_of(2, 1500), kHeaderSize);        // the header alone in the first buffer
  from_guest.send(frame_of(3, 9000), kHeaderSize + 100);  // a head that lies in two
  round();
  ASSERT_EQ(received_.size(), 3U);
  EXPECT_EQ(received_[0].octets, frame_of(1));
  EXPECT_EQ(received_[0].vnet.csum_start, 34);
  EXPECT_EQ(received_[0].ingress, kPort);
  EXPECT_TRUE(received_[1].octets == frame_of(2, 1500));
  EXPECT_TRUE(received_[2].octets == frame_of(3, 9000));
  // What was lent has been given back, in order, and the guest was called.
  for (unsigned id = 0; id < 3; ++id) {
    const std::optional<Driver::Used> used = from_guest.driver.collect();
    ASSERT_TRUE(used.has_value());
    EXPECT_EQ(used->id, id);
    EXPECT_EQ(used->written, 0U);
  }
  round();  // which submits the call
  EXPECT_EQ(from_guest.calls(), 1U);
}

TEST_F(VhostPortTest, ChainsComeBackOnlyWhenTheirFramesHaveBeenWritten) {
  start(kTransmitRing, from_guest);
  from_guest.send(frame_of(1));
  ports_.arm();
  ASSERT_EQ(context_.batch().frames().size(), 1U);
  EXPECT_FALSE(from_guest.driver.collect()) << "the batch is still being filled";
  context_.ring().entry()->opcode = IORING_OP_NOP;  // a write that is not submitted yet
  context_.batch_sent();
  EXPECT_FALSE(context_.written());
  EXPECT_FALSE(from_guest.driver.collect()) << "the kernel may still read the frame";
  context_.submit(0);
  EXPECT_TRUE(from_guest.driver.collect());
}

TEST_F(VhostPortTest, AGuestThatCutsItsFramesToPiecesHasThemCopied) {
  GuestRing ring(64);
  start(kTransmitRing, ring);
  const std::string octets = frame_of(1, 30 * 40);
  test::Buffers buffers = {{test::kBuffers, kHeaderSize}};
  for (std::size_t i = 0; i < 40; ++i) {
    const std::uint64_t at = test::kBuffers + 0x1000 + i * 64;
    std::memcpy(ring.driver.at(at), &octets[i * 30], 30);
    buffers.push_back({at, 30});
  }
  const std::size_t free_buffers = context_.pool().free_count();
  ring.driver.offer(7, buffers);
  round();
  ASSERT_EQ(received_.size(), 1U);
  EXPECT_TRUE(received_[0].octets == octets);
  EXPECT_TRUE(ring.driver.collect());
  rounds(2);
  EXPECT_GE(context_.pool().free_count() + 4, free_buffers) << "its buffer came back; four are provided";
}

TEST_F(VhostPortTest, PutsFramesIntoTheReceiveRingAndCallsOnce) {
  start(kReceiveRing, to_guest);
  for (int i = 0; i < 4; ++i) to_guest.offer();
  transmit({frame_of(1), frame_of(2, 60), frame_of(3, 2000)});
  EXPECT_EQ(to_guest.received(), frame_of(1));
  EXPECT_EQ(to_guest.received(), frame_of(2, 60));
  EXPECT_TRUE(to_guest.received() == frame_of(3, 2000));
  EXPECT_EQ(to_guest.received(), "");
  EXPECT_EQ(to_guest.calls(), 1U);
  EXPECT_EQ(sent().frames, 3U);
  EXPECT_EQ(sent().bytes, 2360U);
}

TEST_F(VhostPortTest, AFrameThatFindsNoChainIsDroppedAndCounted) {
  start(kReceiveRing, to_guest);
  to_guest.offer();
  transmit({frame_of(1), frame_of(2), frame_of(3)});
  EXPECT_EQ(to_guest.received(), frame_of(1));
  EXPECT_EQ(sent().frames, 1U);
  EXPECT_EQ(sent().bytes, 300U);
  EXPECT_EQ(drops(DropReason::kEgressFull), 2U);
  // A chain that comes later takes the next frame.
  to_guest.offer();
  transmit({frame_of(4)});
  EXPECT_EQ(to_guest.received(), frame_of(4));
}

TEST_F(VhostPortTest, ASuperFrameIsCutForAGuestThatTakesNone) {
  GuestRing ring(64);
  start(kReceiveRing, ring);
  for (int i = 0; i < 8; ++i) ring.offer();
  testing::Sample sample({.payload = testing::random_octets(3500), .gso_size = 1000});
  PortState to = testing::accepting_all();
  to.accepts.bits = 0;
  PortTest::transmit(port, std::vector{sample.frame()}, to);
  for (const testing::Octets& segment : sample.expected())
    EXPECT_TRUE(ring.received() == std::string(segment.begin(), segment.end()));
  EXPECT_EQ(ring.received(), "");
  EXPECT_EQ(sent().frames, 1U);
  sample.vnet.gso_type = kGsoUdpL4;
  PortTest::transmit(port, std::vector{sample.frame()}, to);
  EXPECT_EQ(drops(DropReason::kCannotSegment), 1U);
}

TEST_F(VhostPortTest, AnIdleRingAsksForAKickAndIsWokenByIt) {
  start(kTransmitRing, from_guest);
  rounds(300);
  EXPECT_TRUE(context_.ready().empty()) << "the port sleeps";
  EXPECT_EQ(from_guest.driver.device_event().flags, VRING_PACKED_EVENT_FLAG_ENABLE);
  from_guest.send(frame_of(1));
  rounds(3);
  EXPECT_THAT(received_, IsEmpty());
  from_guest.kick_switch();
  round(1);
  round();
  ASSERT_EQ(received_.size(), 1U);
  EXPECT_EQ(from_guest.driver.device_event().flags, VRING_PACKED_EVENT_FLAG_DISABLE) << "while it is looked at";
  // And so again.
  rounds(300);
  from_guest.send(frame_of(2));
  from_guest.kick_switch();
  round(1);
  round();
  EXPECT_EQ(received_.size(), 2U);
}

TEST_F(VhostPortTest, ChainsOfADisabledRingAreTakenWithoutEffect) {
  start(kTransmitRing, from_guest);
  port.enable_ring(kTransmitRing, false, context_);
  from_guest.send(frame_of(1));
  rounds(2);
  EXPECT_THAT(received_, IsEmpty());
  EXPECT_TRUE(from_guest.driver.collect());
  port.enable_ring(kTransmitRing, true, context_);
  from_guest.send(frame_of(2));
  rounds(2);
  ASSERT_EQ(received_.size(), 1U);
  EXPECT_EQ(received_[0].octets, frame_of(2));
}

TEST_F(VhostPortTest, ChainsOfARingThatIsEnabledLaterWait) {
  VringSetup setup = from_guest.setup();
  setup.enabled = false;
  from_guest.send(frame_of(1));
  port.start_ring(kTransmitRing, setup, context_);
  rounds(3);
  EXPECT_THAT(received_, IsEmpty());
  EXPECT_FALSE(from_guest.driver.collect());
  port.enable_ring(kTransmitRing, true, context_);
  rounds(2);
  EXPECT_EQ(received_.size(), 1U);
}

TEST_F(VhostPortTest, BeforeTheSwitchForwardsFramesWaitInTheirRing) {
  port.set_open(false, context_);
  start(kTransmitRing, from_guest);
  from_guest.send(frame_of(1));
  rounds(3);
  EXPECT_THAT(received_, IsEmpty());
  port.set_open(true, context_);
  round();
  EXPECT_EQ(received_.size(), 1U);
}

TEST_F(VhostPortTest, AStoppedRingTellsItsPositionAndIsNotUsedAgain) {
  start(kTransmitRing, from_guest);
  start(kReceiveRing, to_guest);
  for (unsigned i = 0; i < 3; ++i) from_guest.send(frame_of(i));
  round();
  EXPECT_EQ(port.stop_ring(kTransmitRing, context_), std::uint16_t{0x8003});
  EXPECT_EQ(port.stop_ring(kTransmitRing, context_), std::nullopt) << "it does not run";
  from_guest.send(frame_of(4));
  from_guest.kick_switch();
  rounds(5);
  EXPECT_EQ(received_.size(), 3U);
  to_guest.offer();
  EXPECT_TRUE(port.stop_ring(kReceiveRing, context_).has_value());
  transmit({frame_of(5)});
  EXPECT_EQ(to_guest.received(), "");
  EXPECT_EQ(drops(DropReason::kEgressDown), 1U);
}

TEST_F(VhostPortTest, ARingOfAnotherWorkerIsNotStartedHere) {
  port.start_ring(2, to_guest.setup(), context_);  // of pair 1, which is worker 1's
  EXPECT_EQ(port.stop_ring(2, context_), std::nullopt);
}

TEST_F(VhostPortTest, WithoutAReceiveRingFramesGoToTheWorkerThatHasOne) {
  transmit({frame_of(1)});
  EXPECT_EQ(drops(DropReason::kEgressDown), 1U) << "nobody has one";
  port.mail_to(1);
  transmit({frame_of(2), frame_of(3)});
  std::vector<std::string> mail;
  mail_room_.drain(1, [&](PortIndex to, CastKind, const Frame& frame) {
    EXPECT_EQ(to, kPort);
    mail.emplace_back(reinterpret_cast<const char*>(frame.pieces[0].data), frame.size);
  });
  EXPECT_THAT(mail, ElementsAre(frame_of(2), frame_of(3)));
  EXPECT_TRUE(mail_room_.doorbell(1).took_mail());
  EXPECT_EQ(drops(DropReason::kEgressDown), 1U);
}

TEST_F(VhostPortTest, AmongSeveralReceiveRingsAFlowKeepsItsRing) {
  GuestRing second;
  start(kReceiveRing, to_guest);
  start(4, second);  // of pair 2, which is this worker's too
  std::set<int> rings;
  for (std::uint8_t flow = 0; flow < 16; ++flow) {
    testing::Shape shape{.udp = true, .payload = testing::random_octets(20)};
    testing::Octets octets = testing::FrameWriter(shape).write(testing::Checksum::kFinished);
    octets[34] = flow;  // the source port of UDP
    const std::string frame(octets.begin(), octets.end());
    int ring_of_flow = -1;
    for (int i = 0; i < 3; ++i) {
      to_guest.offer(256);
      second.offer(256);
      transmit({frame});
      const int ring = to_guest.received() == frame ? 0 : second.received() == frame ? 1 : -1;
      ASSERT_NE(ring, -1);
      if (i != 0) {
        EXPECT_EQ(ring, ring_of_flow);
      }
      ring_of_flow = ring;
      // What was not used stays on offer: the rings hold 16 chains.
      if (to_guest.driver.free < 4 || second.driver.free < 4) break;
    }
    rings.insert(ring_of_flow);
    if (to_guest.driver.free < 4 || second.driver.free < 4) break;
  }
  EXPECT_EQ(rings.size(), 2U) << "both are used";
}

TEST_F(VhostPortTest, AFaultOfTheGuestEndsThePortAndIsTold) {
  start(kTransmitRing, from_guest);
  start(kReceiveRing, to_guest);
  from_guest.send(frame_of(1));
  from_guest.driver.offer(9, {{0x40000000, 100}});  // outside its memory
  rounds(2);
  EXPECT_EQ(received_.size(), 1U);
  EXPECT_THAT(errors(), ElementsAre(Pair(kPort, EPROTO)));
  EXPECT_EQ(port.trouble().ring, kTransmitRing);
  EXPECT_EQ(port.trouble().trouble.fault, VringFault::kOutsideMemory);
  EXPECT_EQ(port.trouble().trouble.value, 0x40000000U);
  to_guest.offer();
  transmit({frame_of(2)});
  EXPECT_EQ(drops(DropReason::kEgressDown), 1U);
  EXPECT_THAT(errors(), IsEmpty()) << "it is told once";
  // A guest that comes back begins anew.
  (void)port.stop_ring(kTransmitRing, context_);
  port.forget_trouble();
  EXPECT_EQ(port.trouble().trouble.fault, VringFault::kNone);
  transmit({frame_of(3)});
  EXPECT_EQ(to_guest.received(), frame_of(3));
}

TEST_F(VhostPortTest, AFrameThatIsTooLongEndsThePort) {
  GuestRing ring(64);
  start(kTransmitRing, ring);
  ring.send(frame_of(1, 20 * 4096));
  rounds(2);
  EXPECT_THAT(received_, IsEmpty());
  EXPECT_THAT(errors(), ElementsAre(Pair(kPort, EPROTO)));
  EXPECT_EQ(port.trouble().trouble.fault, VringFault::kTooLong);
}

TEST_F(VhostPortTest, WhileACallIsUnderWayTheNextWaits) {
  // An eventfd that is full makes the write wait, or fail with RWF_NOWAIT: a call is lost, the port goes on.
  const std::uint64_t full = UINT64_MAX - 1;
  ASSERT_EQ(::write(to_guest.call.get(), &full, sizeof full), static_cast<ssize_t>(sizeof full));
  start(kReceiveRing, to_guest);
  for (int i = 0; i < 3; ++i) to_guest.offer();
  transmit({frame_of(1)});
  transmit({frame_of(2)});
  EXPECT_EQ(to_guest.received(), frame_of(1));
  EXPECT_EQ(to_guest.received(), frame_of(2));
  (void)to_guest.calls();
  transmit({frame_of(3)});
  rounds(2);
  EXPECT_EQ(to_guest.calls(), 1U);
}

TEST_F(VhostPortTest, WhoeverChangesTheCallDescriptorIsCalled) {
  start(kReceiveRing, to_guest);
  const UniqueFd other(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  port.set_call(kReceiveRing, other.get(), context_);
  round();
  std::uint64_t count = 0;
  EXPECT_EQ(::read(other.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
  EXPECT_EQ(to_guest.calls(), 0U);
}

TEST_F(VhostPortTest, WhenItIsRemovedNothingIsOutstanding) {
  start(kTransmitRing, from_guest);
  start(kReceiveRing, to_guest);
  round();
  EXPECT_FALSE(port.stopped());
  EXPECT_TRUE(remove());
}

}  // namespace
}  // namespace rb
