// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/stream_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <list>

#include "tests/ports/engine/port_fixture.hpp"
#include "tests/switch/offload_frames.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using testing::Ends;
using ::testing::IsEmpty;
using testing::OwnedFrame;
using ::testing::Pair;

class StreamPortTest : public testing::PortTest {
 protected:
  StreamPort& add_stream(Framing framing = Framing::kLen32) {
    framing_ = framing;
    return add(std::make_unique<StreamPort>(kPort, file_of(ends.port.get()), framing, buffers_.emplace_back()));
  }
  /// Octets behind their length.
  [[nodiscard]] std::string framed(const std::string& octets) const {
    std::string length;
    for (int shift = framing_ == Framing::kLen32 ? 24 : 8; shift >= 0; shift -= 8)
      length += static_cast<char>(octets.size() >> shift);
    return length + octets;
  }
  static std::string frame_of(unsigned number, std::size_t size = 60) {
    return std::string(size, static_cast<char>('a' + number % 26));
  }
  static std::vector<OwnedFrame> frames_of(const std::vector<std::string>& octets) {
    std::vector<OwnedFrame> frames;
    for (const std::string& each : octets) frames.emplace_back(each);
    return frames;
  }
  /// Reads from the far end, in rounds, until there are so many octets.
  std::string drain(std::size_t size) {
    std::string got;
    for (int idle = 0; got.size() < size && idle < 100; ++idle) {
      const std::string part = ends.read(10000);
      if (!part.empty()) idle = 0;
      got += part;
      round();
    }
    return got;
  }

  Ends ends{SOCK_STREAM};

  std::list<StreamBuffers> buffers_;  // of each port that a test has added

 private:
  Framing framing_ = Framing::kLen32;
};

TEST_F(StreamPortTest, AConnectionGoesOnInTheMiddleOfAFrameAtTheNextPort) {
  add_stream();
  const std::string whole = framed(frame_of(3, 1500));
  ends.write(framed("one") + whole.substr(0, 100));
  receive(1);
  EXPECT_TRUE(remove());
  ends.write(whole.substr(100));
  add(std::make_unique<StreamPort>(kPort, file_of(ends.port.get()), Framing::kLen32, buffers_.front()));
  receive(2);
  EXPECT_EQ(received_[1].octets, frame_of(3, 1500));
}

TEST_F(StreamPortTest, FramesComeInAndLeaveBehindTheirLengths) {
  for (const Framing framing : {Framing::kLen32, Framing::kLen16}) {
    received_.clear();
    StreamPort& port = add_stream(framing);
    ends.write(framed("one") + framed("four") + framed(frame_of(3, 1500)));
    receive(3);
    EXPECT_EQ(received_[0].octets, "one");
    EXPECT_EQ(received_[1].octets, "four");
    EXPECT_EQ(received_[2].octets, frame_of(3, 1500));
    EXPECT_EQ(received_[0].ingress, kPort);
    EXPECT_EQ(received_[0].vnet.flags, 0);
    transmit(port, frames_of({"first", "second frame"}));
    EXPECT_EQ(drain(1), framed("first") + framed("second frame"));
    EXPECT_TRUE(remove());
  }
  EXPECT_EQ(sent().frames, 4U);
  EXPECT_EQ(sent().bytes, 2 * 17U);
}

TEST_F(StreamPortTest, AFrameThatComesOctetByOctetIsPutTogether) {
  add_stream();
  const std::string octets = framed(frame_of(1, 20)) + framed(frame_of(2, 20));
  for (std::size_t i = 0; i < octets.size(); ++i) {
    EXPECT_EQ(received_.size(), i / 24) << "no frame before its last octet";
    ends.write(octets.substr(i, 1));
    round();
    round();
  }
  receive(2);
  EXPECT_EQ(received_[0].octets, frame_of(1, 20));
  EXPECT_EQ(received_[1].octets, frame_of(2, 20));
}

TEST_F(StreamPortTest, MoreFramesThanABatchHoldsComeInTheirOrder) {
  add_stream();
  std::string all;
  constexpr unsigned kFrames = 3 * kMaxBatch + 7;
  for (unsigned i = 0; i < kFrames; ++i) all += framed(std::to_string(i));
  ends.write(all);
  receive(kFrames);
  for (unsigned i = 0; i < kFrames; ++i) ASSERT_EQ(received_[i].octets, std::to_string(i));
  for (const std::size_t size : batches_) EXPECT_LE(size, kMaxBatch);
}

TEST_F(StreamPortTest, TheLargestFrameComesWhole) {
  add_stream();
  const std::string largest = frame_of(5, StreamPort::kMaxFrameSize);
  ends.write(framed(largest) + framed("next"));
  receive(2);
  EXPECT_TRUE(received_[0].octets == largest);
  EXPECT_EQ(received_[1].octets, "next");
}

TEST_F(StreamPortTest, ALengthThatNoFrameCanHaveEndsTheConnection) {
  for (const std::string& length : {std::string("\0\0\0\0", 4), std::string("\xff\xff\xff\xff", 4),
                                    framed(frame_of(0, StreamPort::kMaxFrameSize + 1)).substr(0, 4)}) {
    received_.clear();
    ends = Ends(SOCK_STREAM);
    StreamPort& port = add_stream();
    ends.write(framed("good") + length + framed("never"));
    receive(1);
    round();
    EXPECT_THAT(errors(), ElementsAre(Pair(kPort, EPROTO)));
    ends.write(framed("never"));
    for (int i = 0; i < 3; ++i) round();
    EXPECT_EQ(received_.size(), 1U);
    // Nothing is sent to a peer that is out of step, and it is said only once.
    const std::uint64_t before = drops(DropReason::kEgressDown);
    transmit(port, frames_of({"lost"}));
    EXPECT_EQ(drops(DropReason::kEgressDown), before + 1);
    EXPECT_EQ(ends.read(), "");
    EXPECT_THAT(errors(), IsEmpty());
    EXPECT_TRUE(remove());
  }
}

TEST_F(StreamPortTest, APeerThatClosesIsReported) {
  add_stream();
  ends.write(framed("last") + "\0");
  ends.far.reset();
  receive(1);
  round();
  EXPECT_EQ(received_[0].octets, "last");
  EXPECT_THAT(errors(), ElementsAre(Pair(kPort, ECONNRESET)));
}

TEST_F(StreamPortTest, AShortSendIsResumedBeforeTheNextFrame) {
  const int small = 4096;
  ASSERT_EQ(setsockopt(ends.port.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  StreamPort& port = add_stream();
  std::string expected;
  for (unsigned i = 0; i < 6; ++i) {
    const std::string octets = frame_of(i, 60000 + i);
    transmit(port, frames_of({octets}));
    expected += framed(octets);
  }
  EXPECT_TRUE(drain(expected.size()) == expected);
  EXPECT_EQ(sent().frames, 6U);
  EXPECT_EQ(drops(DropReason::kEgressFull), 0U);
}

TEST_F(StreamPortTest, WhatFindsNoRoomIsDroppedWholeAndTheStreamStaysInStep) {
  const int small = 4096;
  ASSERT_EQ(setsockopt(ends.port.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  StreamPort& port = add_stream();
  for (unsigned i = 0; i < 20; ++i) transmit(port, frames_of({frame_of(i, 60000)}));
  const std::uint64_t sent_count = sent().frames, dropped = drops(DropReason::kEgressFull);
  EXPECT_EQ(sent_count + dropped, 20U);
  EXPECT_GE(sent_count, 8U) << "512 KiB hold eight";
  EXPECT_GE(dropped, 5U);
  std::string expected;
  for (unsigned i = 0; i < sent_count; ++i) expected += framed(frame_of(i, 60000));
  EXPECT_TRUE(drain(expected.size()) == expected);
  // The ring of octets goes on where it was, beyond its end.
  transmit(port, frames_of({frame_of(9, 50000)}));
  EXPECT_TRUE(drain(50004) == framed(frame_of(9, 50000)));
}

TEST_F(StreamPortTest, TwoOctetsOfLengthCarryNoLargerFrame) {
  StreamPort& port = add_stream(Framing::kLen16);
  transmit(port, frames_of({frame_of(1, 65536), frame_of(2, 60)}));
  EXPECT_EQ(drops(DropReason::kOverMtu), 1U);
  EXPECT_EQ(sent().frames, 1U);
  EXPECT_EQ(drain(62), framed(frame_of(2, 60)));
}

TEST_F(StreamPortTest, ASuperFrameIsCutIntoSegments) {
  testing::Sample sample({.payload = testing::random_octets(3500), .gso_size = 1000});
  StreamPort& port = add_stream();
  PortState to = testing::accepting_all();
  to.accepts.bits = 0;
  PortTest::transmit(port, std::vector{sample.frame()}, to);
  std::string expected;
  for (const testing::Octets& segment : sample.expected()) expected += framed({segment.begin(), segment.end()});
  EXPECT_TRUE(drain(expected.size()) == expected);
  EXPECT_EQ(sent().frames, 1U);
  EXPECT_EQ(sent().bytes, sample.octets.size());
  sample.vnet.gso_type = kGsoUdpL4;
  PortTest::transmit(port, std::vector{sample.frame()}, to);
  EXPECT_EQ(drops(DropReason::kCannotSegment), 1U);
}

TEST_F(StreamPortTest, WhenItIsRemovedBothDirectionsEnd) {
  const int small = 4096;
  ASSERT_EQ(setsockopt(ends.port.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  StreamPort& port = add_stream();
  transmit(port, frames_of({frame_of(1, 60000), frame_of(2, 60000)}));  // more than the socket takes: a send waits
  EXPECT_FALSE(port.stopped());
  EXPECT_TRUE(remove());
  EXPECT_EQ(free_files(), kFiles);
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(StreamPortTest, AnotherWorkersStreamGetsItsFramesByMail) {
  Ends other(SOCK_STREAM);
  StreamPortDevice device(std::move(other.port), Framing::kLen32);
  const std::unique_ptr<Port> port = device.make_port(kPort + 1, context_);  // of worker 1
  EXPECT_EQ(port->owned(), nullptr);
  transmit(*port, frames_of({"one", "two"}));
  std::vector<std::string> mail;
  mail_room_.drain(1, [&](PortIndex to, CastKind cast, const Frame& frame) {
    EXPECT_EQ(to, kPort + 1);
    EXPECT_EQ(cast, CastKind::kUnicast);
    mail.emplace_back(reinterpret_cast<const char*>(frame.pieces[0].data), frame.size);
  });
  EXPECT_THAT(mail, ElementsAre("one", "two"));
  EXPECT_TRUE(mail_room_.doorbell(1).took_mail());
  // A full mailbox loses frames, and they are counted.
  for (int i = 0; i < 20; ++i) transmit(*port, frames_of({frame_of(1, 65000)}));
  EXPECT_GE(counters_[kPort + 1].drops[static_cast<std::size_t>(DropReason::kEgressFull)].value(), 1U);
  EXPECT_NE(device.make_port(kPort, context_)->owned(), nullptr) << "of this worker";
}

}  // namespace
}  // namespace rb
