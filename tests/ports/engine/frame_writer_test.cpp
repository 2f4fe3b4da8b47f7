// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/frame_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <array>

#include "tests/ports/engine/port_fixture.hpp"
#include "tests/switch/offload_frames.hpp"

namespace rb {
namespace {

using testing::Ends;
using testing::OwnedFrame;

/// The smallest port: a writer.
class WritingPort final : public Port {
 public:
  explicit WritingPort(PortIndex index, FrameWriter writer) : Port(index), writer_(writer) {}
  void arm(PortContext&) noexcept override {}
  void complete(const Tag& tag, const io_uring_cqe& completion, PortContext& context) noexcept override {
    writer_.failed(tag, -completion.res, context);
  }
  void transmit(std::span<const FrameIndex> indexes, const PortState& to, PortContext& context) noexcept override {
    writer_.transmit(indexes, to, context);
  }
  void stop(PortContext&) noexcept override {}
  [[nodiscard]] std::size_t waiting_read_count() const noexcept override { return 0; }
  [[nodiscard]] bool stopped() const noexcept override { return true; }
  void release(PortContext&) noexcept override {}

 private:
  FrameWriter writer_;
};

class FrameWriterTest : public testing::PortTest {
 protected:
  Port& tap_writer(int fd) { return add(std::make_unique<WritingPort>(kPort, FrameWriter(kPort, file_of(fd), 0))); }
  Port& socket_writer(int fd, std::uint32_t header_size, const SocketAddress* to = nullptr) {
    return add(std::make_unique<WritingPort>(kPort, FrameWriter(kPort, file_of(fd), header_size, to)));
  }
  static std::vector<OwnedFrame> frames_of(const std::vector<std::string>& octets, const VnetHeader& vnet = {}) {
    std::vector<OwnedFrame> frames;
    for (const std::string& each : octets) frames.emplace_back(each, vnet);
    return frames;
  }
  static std::string text(const testing::Octets& octets) { return {octets.begin(), octets.end()}; }
  /// A header that asks for nothing and whose octets can be told apart.
  static VnetHeader some_header() {
    VnetHeader vnet;
    vnet.flags = kVnetDataValid;
    vnet.hdr_len = 0x1234;
    vnet.num_buffers = 1;
    return vnet;
  }
  static std::string octets_of(const VnetHeader& vnet) { return {reinterpret_cast<const char*>(&vnet), sizeof vnet}; }
  static testing::Sample tcp(std::size_t payload_size) {
    return testing::Sample({.payload = testing::random_octets(payload_size), .gso_size = 1000});
  }

  Ends ends{SOCK_DGRAM | SOCK_NONBLOCK};
};

TEST_F(FrameWriterTest, WritesAFrameToATapBehindItsWholeHeader) {
  Port& port = tap_writer(ends.port.get());
  transmit(port, frames_of({"first frame", "second"}, some_header()));
  EXPECT_EQ(ends.read(), octets_of(some_header()) + "first frame");
  EXPECT_EQ(ends.read(), octets_of(some_header()) + "second");
  EXPECT_EQ(sent().frames, 2U);
  EXPECT_EQ(sent().bytes, 17U);
}

TEST_F(FrameWriterTest, CountsAFrameByHowItIsAddressed) {
  Port& port = tap_writer(ends.port.get());
  const OwnedFrame frame("broadcast");
  PortTest::transmit(port, std::vector{frame.view()}, testing::accepting_all(), CastKind::kBroadcast);
  EXPECT_EQ(sent(CastKind::kBroadcast).frames, 1U);
  EXPECT_EQ(sent(CastKind::kBroadcast).bytes, 9U);
  EXPECT_EQ(sent(CastKind::kUnicast).frames, 0U);
  ends.far.reset();
  PortTest::transmit(port, std::vector{frame.view()}, testing::accepting_all(), CastKind::kBroadcast);
  EXPECT_EQ(sent(CastKind::kBroadcast).frames, 1U);
  EXPECT_EQ(sent(CastKind::kBroadcast).bytes, 9U);
}

TEST_F(FrameWriterTest, PutsThePiecesOfAFrameTogether) {
  for (const bool tap : {true, false}) {
    Port& port = tap ? tap_writer(ends.port.get()) : socket_writer(ends.port.get(), 0);
    const OwnedFrame head("head ", some_header());
    std::string middle = "middle ", end = "end";
    std::array<Piece, 3> pieces = {head.view().pieces[0],
                                   {reinterpret_cast<std::byte*>(middle.data()), 7},
                                   {reinterpret_cast<std::byte*>(end.data()), 3}};
    PortTest::transmit(port, std::vector{Frame{head.view().vnet, pieces.data(), 15, 3, 0}});
    EXPECT_EQ(ends.read(), (tap ? octets_of(some_header()) : "") + "head middle end");
  }
}

TEST_F(FrameWriterTest, ASocketGetsAsMuchOfTheHeaderAsItWants) {
  transmit(socket_writer(ends.port.get(), 10), frames_of({"frame"}, some_header()));
  EXPECT_EQ(ends.read(), octets_of(some_header()).substr(0, 10) + "frame");
  transmit(socket_writer(ends.port.get(), 0), frames_of({"frame"}, some_header()));
  EXPECT_EQ(ends.read(), "frame");
}

TEST_F(FrameWriterTest, ASocketThatIsNotConnectedSendsToItsAddress) {
  const UniqueFd receiver(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const UniqueFd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The kernel gives the receiver an abstract address.
  const sockaddr_un any{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_EQ(bind(receiver.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(sa_family_t)), 0);
  SocketAddress to;
  to.size = sizeof to.storage;
  ASSERT_EQ(getsockname(receiver.get(), reinterpret_cast<sockaddr*>(&to.storage), &to.size), 0);
  transmit(socket_writer(sender.get(), 0, &to), frames_of({"to an address"}));
  char octets[64];
  ASSERT_EQ(recv(receiver.get(), octets, sizeof octets, 0), 13);
  EXPECT_EQ(std::string(octets, 13), "to an address");
}

TEST_F(FrameWriterTest, CutsASuperFrameForADeviceThatTakesNone) {
  testing::Sample sample = tcp(3500);
  sample.cut_every(700);
  const std::vector<testing::Octets> expected = sample.expected();
  ASSERT_EQ(expected.size(), 4U);
  PortState to = testing::accepting_all();
  to.accepts.bits = 0;
  for (const std::uint32_t header_size : {12U, 10U, 0U}) {
    Port& port = header_size == 12 ? tap_writer(ends.port.get()) : socket_writer(ends.port.get(), header_size);
    const PortTotals::Traffic before = sent();
    PortTest::transmit(port, std::vector{sample.frame()}, to);
    for (const testing::Octets& segment : expected)
      EXPECT_EQ(ends.read(), std::string(header_size, '\0') + text(segment)) << header_size;
    EXPECT_EQ(ends.read(), "");
    EXPECT_EQ(sent().frames, before.frames + 1) << "the frame counts as one";
    EXPECT_EQ(sent().bytes, before.bytes + sample.octets.size());
    context_.remove_file(0);
  }
}

TEST_F(FrameWriterTest, ASuperFrameGoesWholeToADeviceThatTakesIt) {
  testing::Sample sample = tcp(3500);
  const OwnedFrame frame(text(sample.octets), sample.vnet);
  Port& port = tap_writer(ends.port.get());
  PortTest::transmit(port, std::vector{frame.view()});
  EXPECT_EQ(ends.read(), octets_of(sample.vnet) + text(sample.octets));
}

TEST_F(FrameWriterTest, WritesMoreSegmentsThanThereIsSpaceForAtOnce) {
  testing::Sample sample({.payload = testing::random_octets(60000), .gso_size = 200});
  const std::vector<testing::Octets> expected = sample.expected();
  ASSERT_GT(expected.size(), WriteSpaces::kCount);
  // A stream keeps no borders, and holds all of it.
  Ends stream(SOCK_STREAM | SOCK_NONBLOCK);
  const int size = 1 << 20;
  ASSERT_EQ(setsockopt(stream.port.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  PortState to = testing::accepting_all();
  to.accepts.bits = 0;
  PortTest::transmit(socket_writer(stream.port.get(), 0), std::vector{sample.frame()}, to);
  std::string all, got;
  for (const testing::Octets& segment : expected) all += text(segment);
  while (got.size() < all.size()) {
    const std::string part = stream.read();
    if (part.empty()) break;
    got += part;
  }
  EXPECT_TRUE(got == all) << got.size() << " of " << all.size();
  EXPECT_EQ(drops(DropReason::kEgressFull), 0U);
}

TEST_F(FrameWriterTest, ASuperFrameThatCannotBeCutIsDropped) {
  testing::Sample sample = tcp(3500);
  sample.vnet.gso_type = kGsoUdpL4;
  PortState to = testing::accepting_all();
  to.accepts.bits = 0;
  PortTest::transmit(tap_writer(ends.port.get()), std::vector{sample.frame()}, to);
  EXPECT_EQ(drops(DropReason::kCannotSegment), 1U);
  EXPECT_EQ(sent().frames, 0U);
  EXPECT_EQ(ends.read(), "");
}

TEST_F(FrameWriterTest, ASuperFrameWhoseSegmentsFailCountsAsOneLost) {
  testing::Sample sample = tcp(3500);
  PortState to = testing::accepting_all();
  to.accepts.bits = 0;
  Port& port = tap_writer(ends.port.get());
  ends.far.reset();
  PortTest::transmit(port, std::vector{sample.frame()}, to);
  EXPECT_EQ(drops(DropReason::kEgressDown), 1U);
  EXPECT_EQ(sent().frames, 0U);
  EXPECT_EQ(sent().bytes, 0U);
}

TEST_F(FrameWriterTest, AFailedWriteIsCountedUnderTheReasonOfItsError) {
  const std::vector<OwnedFrame> frames = frames_of({std::string(60, 'x')});
  // EBADF: a file that cannot be written.
  const UniqueFd read_only(open("/dev/null", O_RDONLY | O_CLOEXEC));
  transmit(tap_writer(read_only.get()), frames);
  EXPECT_EQ(drops(DropReason::kEgressDown), 1U);
  // EINVAL: as a tap answers to a header that it does not believe.
  const UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  transmit(tap_writer(timer.get()), frames);
  EXPECT_EQ(drops(DropReason::kRefused), 1U);
  // ENOSPC stands for an error that no device of ours gives.
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  transmit(tap_writer(full.get()), frames);
  if (drops(DropReason::kEgressError) == 0) round(1);  // the kernel may hand such a write to a thread
  EXPECT_EQ(drops(DropReason::kEgressError), 1U);
  // EMSGSIZE: a datagram beyond the send buffer.
  const int small = 4096;
  Ends tight(SOCK_DGRAM | SOCK_NONBLOCK);
  ASSERT_EQ(setsockopt(tight.port.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  transmit(socket_writer(tight.port.get(), 0), frames_of({std::string(60000, 'x')}));
  EXPECT_EQ(drops(DropReason::kOverMtu), 1U);
  EXPECT_EQ(sent().frames, 0U);
}

TEST_F(FrameWriterTest, WhatASocketHasNoRoomForIsDroppedAndTheRestIsSent) {
  const int small = 4096;
  ASSERT_EQ(setsockopt(ends.port.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  Port& port = socket_writer(ends.port.get(), 0);
  std::vector<std::string> many;
  for (int i = 0; i < 200; ++i) many.push_back("frame " + std::to_string(i));
  transmit(port, frames_of(many));
  std::size_t got = 0;
  for (; ends.read() == "frame " + std::to_string(got); ++got) {
  }
  EXPECT_GT(got, 0U);
  EXPECT_EQ(sent().frames, got);
  EXPECT_EQ(drops(DropReason::kEgressFull), many.size() - got);
  EXPECT_GT(drops(DropReason::kEgressFull), 0U);
}

}  // namespace
}  // namespace rb
