// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the hot part of a tap over socket pairs: like a tap, one read gives one frame and one write takes one frame.
#include "ports/tap/tap_port.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/ports/engine/port_fixture.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using testing::Ends;
using ::testing::IsEmpty;
using testing::OwnedFrame;
using ::testing::Pair;

std::string with_header(const std::string& octets) {
  return std::string(sizeof(VnetHeader), '\0') + octets;
}
std::string frame_of(unsigned number, std::size_t size = 60) {
  std::string octets(size, static_cast<char>('a' + number % 26));
  octets[0] = static_cast<char>(number);
  octets[1] = static_cast<char>(number >> 8);
  return octets;
}

/// With reads that do not wait, and as on a kernel without such reads.
class TapPortTest : public testing::PortTest, public ::testing::WithParamInterface<bool> {
 protected:
  TapPortTest() : PortTest(GetParam()) {}

  TapPort& add_tap(std::size_t queue_count = 1) {
    std::vector<unsigned> files;
    for (std::size_t i = 0; i < queue_count; ++i)
      files.push_back(file_of(queues.emplace_back(SOCK_DGRAM | SOCK_NONBLOCK).port.get()));
    return add(std::make_unique<TapPort>(kPort, files.front(), files, GetParam()));
  }

  std::vector<Ends> queues;
};

INSTANTIATE_TEST_SUITE_P(Nowait, TapPortTest, ::testing::Bool());

TEST_P(TapPortTest, GivesEachFrameThatIsReadToTheBatchInOrder) {
  add_tap();
  for (unsigned i = 0; i < 100; ++i) {
    std::string octets = with_header(frame_of(i, 20 + i));
    octets[0] = 1;                     // flags
    octets[6] = static_cast<char>(i);  // csum_start
    queues[0].write(octets);
    if (i % 10 == 9) receive(i + 1);  // no more than a socket holds
  }
  ASSERT_EQ(received_.size(), 100U);
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_EQ(received_[i].ingress, kPort);
    EXPECT_EQ(received_[i].octets, frame_of(i, 20 + i));
    EXPECT_EQ(received_[i].vnet.flags, 1);
    EXPECT_EQ(received_[i].vnet.csum_start, i);
  }
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_P(TapPortTest, ABurstGrowsWithWhatTheLastBurstFound) {
  add_tap();
  for (unsigned i = 0; i < 10; ++i) queues[0].write(with_header(frame_of(i)));
  receive(10);
  // Bursts of 1, 2, 4, 7 reads: each is half as long again as the last burst found, and one.
  EXPECT_THAT(batches_, ElementsAre(1, 2, 4, 3));
}

TEST_P(TapPortTest, AnIdleQueueHasReadsOutstandingAndCostsNoRounds) {
  add_tap();
  queues[0].write(with_header(frame_of(0)));
  receive(1);
  for (int i = 0; i < 5; ++i) round();
  const std::uint64_t before = completion_count_;
  const std::size_t free_buffers = context_.pool().free_count();
  for (int i = 0; i < 5; ++i) round();
  EXPECT_EQ(completion_count_, before) << "nothing completes";
  EXPECT_TRUE(context_.ready().empty());
  EXPECT_EQ(context_.pool().free_count(), free_buffers);
  queues[0].write(with_header(frame_of(1)));
  receive(2);
  EXPECT_EQ(received_[1].octets, frame_of(1));
}

TEST_P(TapPortTest, ReadsAllItsQueuesAndWritesToTheQueueThatItWasGiven) {
  TapPort& port = add_tap(3);
  for (unsigned queue = 0; queue < 3; ++queue) queues[queue].write(with_header(frame_of(queue)));
  receive(3);
  std::vector<std::string> got;
  for (const Received& frame : received_) got.push_back(frame.octets);
  EXPECT_THAT(got, ::testing::UnorderedElementsAre(frame_of(0), frame_of(1), frame_of(2)));
  std::vector<OwnedFrame> frames;
  frames.emplace_back(frame_of(7));
  transmit(port, frames);
  EXPECT_EQ(queues[0].read(), with_header(frame_of(7)));
  EXPECT_EQ(queues[1].read() + queues[2].read(), "");
  EXPECT_EQ(port.waiting_read_count(), GetParam() ? 3U : 96U);
}

TEST_P(TapPortTest, AFrameThatFillsTheBufferIsTruncatedAndDropped) {
  add_tap();
  round();
  const std::size_t free_buffers = context_.pool().free_count();
  queues[0].write(std::string(BufferPool::kBufferSize, 'x'));
  queues[0].write(std::string(BufferPool::kBufferSize - 1, 'y'));
  receive(1);
  EXPECT_EQ(received_[0].octets, std::string(BufferPool::kBufferSize - 1 - sizeof(VnetHeader), 'y'));
  EXPECT_EQ(drops(DropReason::kTruncated), 1U);
  EXPECT_EQ(totals().rx[0].frames, 1U) << "the relay counts the others";
  EXPECT_EQ(totals().rx[0].bytes, BufferPool::kBufferSize);
  for (int i = 0; i < 5; ++i) round();
  EXPECT_GE(context_.pool().free_count() + 2, free_buffers);
}

TEST_P(TapPortTest, AReadThatIsShorterThanAHeaderEndsTheQueue) {
  add_tap();
  queues[0].write("short");
  round(1);
  EXPECT_THAT(errors(), ElementsAre(Pair(kPort, EPROTO)));
}

TEST_P(TapPortTest, ADeviceThatIsGoneIsReportedOnceAndNotReadAgain) {
  TapPort& port = add_tap(2);
  for (unsigned i = 0; i < 6; ++i) queues[0].write(with_header(frame_of(i)));
  receive(6);
  context_.remove_file(0);  // places are given from 0 on: what names the file now gets EBADF
  queues[0].write(with_header(frame_of(6)));
  receive(7);  // by the read that waited
  for (int i = 0; i < 5; ++i) round();
  EXPECT_THAT(errors(), ElementsAre(Pair(kPort, EBADF)));
  const std::uint64_t before = completion_count_;
  for (int i = 0; i < 5; ++i) round();
  EXPECT_EQ(completion_count_, before);
  // The other queue goes on.
  queues[1].write(with_header(frame_of(9)));
  receive(8);
  EXPECT_FALSE(port.stopped());
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_P(TapPortTest, AReadOfADeletedTapIsReported) {
  const UniqueFd unattached(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!unattached) GTEST_SKIP() << "no /dev/net/tun";
  const unsigned file = file_of(unattached.get());
  add(std::make_unique<TapPort>(kPort, file, std::vector{file}, GetParam()));
  round(1);
  EXPECT_THAT(errors(), ElementsAre(Pair(kPort, EBADFD)));
}

TEST_P(TapPortTest, AWriteThatFailsIsTakenBackFromTheCounters) {
  TapPort& port = add_tap();
  round();
  std::vector<OwnedFrame> frames;
  frames.emplace_back(frame_of(1, 100));
  transmit(port, frames);
  EXPECT_EQ(sent().frames, 1U);
  EXPECT_EQ(sent().bytes, 100U);
  queues[0].far.reset();
  transmit(port, frames);
  EXPECT_EQ(sent().frames, 1U);
  EXPECT_EQ(sent().bytes, 100U);
  EXPECT_EQ(drops(DropReason::kEgressDown), 1U);
}

TEST_P(TapPortTest, WhenItIsRemovedItsReadsEndAndItsFilesAreFreeAgain) {
  TapPort& port = add_tap(2);
  round();
  EXPECT_EQ(free_files(), kFiles - 2);
  for (unsigned i = 0; i < 3; ++i) queues[0].write(with_header(frame_of(i)));
  receive(3);
  EXPECT_FALSE(port.stopped());
  EXPECT_TRUE(remove());
  EXPECT_EQ(free_files(), kFiles);
  EXPECT_THAT(errors(), IsEmpty()) << "a cancelled read is no error";
  queues[0].write(with_header(frame_of(9)));
  round();
  EXPECT_EQ(received_.size(), 3U);
}

TEST_P(TapPortTest, FramesThatComeWhileItStopsAreStillReceived) {
  add_tap();
  round();
  queues[0].write(with_header(frame_of(1)));
  EXPECT_TRUE(remove());
  EXPECT_LE(received_.size(), 1U);
  EXPECT_EQ(context_.pool().free_count() + (GetParam() ? 5U : 36U), BufferPool(768).free_count());
}

class TapPortDeviceTest : public testing::PortTest {
 protected:
  /// A device with so many queues, and the port that this worker, 0 of 2, makes of it.
  std::unique_ptr<Port> make(PortIndex index, std::size_t queue_count) {
    TapDevice tap;
    for (std::size_t i = 0; i < queue_count; ++i)
      tap.queues.push_back(std::move(queues.emplace_back(SOCK_DGRAM | SOCK_NONBLOCK).port));
    device = std::make_unique<TapPortDevice>(std::move(tap));
    return device->make_port(index, context_);
  }
  std::vector<Ends> queues;
  std::unique_ptr<TapPortDevice> device;
};

TEST_F(TapPortDeviceTest, SharesTheQueuesOutOverTheWorkers) {
  EXPECT_EQ(make(0, 3)->waiting_read_count(), 2U) << "queues 0 and 2";
  EXPECT_EQ(make(1, 3)->waiting_read_count(), 1U) << "queue 1";
}

TEST_F(TapPortDeviceTest, AWorkerWithoutAQueueOfItsOwnWritesToOneOfAnother) {
  const std::unique_ptr<Port> port = make(1, 1);
  EXPECT_EQ(port->waiting_read_count(), 0U);
  std::vector<OwnedFrame> frames;
  frames.emplace_back(frame_of(3));
  transmit(*port, frames);
  EXPECT_EQ(queues[0].read(), with_header(frame_of(3)));
}

TEST_F(TapPortDeviceTest, WhenTheTableIsFullThereIsNoPortAndNoPlaceIsLost) {
  EXPECT_EQ(make(0, 2 * kFiles + 1), nullptr);
  EXPECT_EQ(free_files(), kFiles);
}

}  // namespace
}  // namespace rb
