// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/datagram_port.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cerrno>

#include "tests/ports/engine/port_fixture.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using testing::Ends;
using ::testing::IsEmpty;
using testing::OwnedFrame;
using ::testing::Pair;

class DatagramPortTest : public testing::PortTest {
 protected:
  enum class Reads : std::uint8_t { kYes, kNo };

  DatagramPort& add_datagram(const DatagramFormat& of = {}, Reads reads = Reads::kYes) {
    format = of;
    return add(std::make_unique<DatagramPort>(kPort, file_of(ends.port.get()), format, reads == Reads::kYes));
  }
  static std::vector<OwnedFrame> frames_of(const std::vector<std::string>& octets) {
    std::vector<OwnedFrame> frames;
    for (const std::string& each : octets) frames.emplace_back(each);
    return frames;
  }

  DatagramFormat format;
  Ends ends{SOCK_DGRAM | SOCK_NONBLOCK};
};

TEST_F(DatagramPortTest, EachMessageIsAFrame) {
  add_datagram();
  for (unsigned i = 0; i < 100; ++i) {
    ends.write("frame " + std::to_string(i));
    if (i % 10 == 9) receive(i + 1);
  }
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_EQ(received_[i].octets, "frame " + std::to_string(i));
    EXPECT_EQ(received_[i].ingress, kPort);
    EXPECT_EQ(received_[i].vnet.flags, 0);
    EXPECT_EQ(received_[i].vnet.csum_start, 0);
  }
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(DatagramPortTest, TakesAHeaderOfTenOctetsOffAndPutsItBeforeWhatLeaves) {
  DatagramPort& port = add_datagram({.header_size = 10});
  VnetHeader vnet;
  vnet.flags = kVnetDataValid;
  vnet.csum_start = 0x2211;
  const std::string header(reinterpret_cast<const char*>(&vnet), 10);
  ends.write(header + "with a header");
  receive(1);
  EXPECT_EQ(received_[0].octets, "with a header");
  EXPECT_EQ(received_[0].vnet.flags, kVnetDataValid);
  EXPECT_EQ(received_[0].vnet.csum_start, 0x2211);
  EXPECT_EQ(received_[0].vnet.num_buffers, 0);
  std::vector<OwnedFrame> frames;
  frames.emplace_back("leaves", vnet);
  transmit(port, frames);
  EXPECT_EQ(ends.read(), header + "leaves");
}

TEST_F(DatagramPortTest, BetweenBurstsOnlyAPollIsOutstanding) {
  add_datagram();
  round();
  const std::size_t free_buffers = context_.pool().free_count();
  ends.write("first");
  receive(1);
  // The poll says that there is something, and the burst behind it takes it.
  EXPECT_THAT(batches_, ElementsAre(1));
  for (int i = 0; i < 10; ++i) round();
  EXPECT_EQ(context_.pool().free_count(), free_buffers);
  const std::uint64_t before = completion_count_;
  for (int i = 0; i < 3; ++i) round();
  EXPECT_EQ(completion_count_, before);
}

TEST_F(DatagramPortTest, AMessageThatFitsNoBufferIsTruncatedAndDropped) {
  add_datagram();
  ends.write(std::string(BufferPool::kBufferSize, 'x'));
  ends.write("small");
  receive(1);
  EXPECT_EQ(received_[0].octets, "small");
  EXPECT_EQ(drops(DropReason::kTruncated), 1U);
  EXPECT_EQ(totals().rx[0].frames, 1U);
}

TEST_F(DatagramPortTest, AMessageWithoutAWholeHeaderEndsThePort) {
  add_datagram({.header_size = 10});
  ends.write("short");
  for (int i = 0; i < 5; ++i) round();
  EXPECT_THAT(errors(), ElementsAre(Pair(kPort, EPROTO)));
  EXPECT_THAT(received_, IsEmpty());
  for (int i = 0; i < 3; ++i) {  // the first completes the poll that is still outstanding
    ends.write(std::string(10, '\0') + "never");
    round();
  }
  EXPECT_THAT(received_, IsEmpty());
  EXPECT_TRUE(context_.ready().empty());
  EXPECT_THAT(errors(), IsEmpty()) << "an error is reported once";
}

TEST_F(DatagramPortTest, OnlyOneWorkersPortReads) {
  DatagramPort& port = add_datagram({}, Reads::kNo);
  ends.write("not read");
  for (int i = 0; i < 5; ++i) round();
  EXPECT_EQ(completion_count_, 0U);
  transmit(port, frames_of({"but written"}));
  EXPECT_EQ(ends.read(), "but written");
  EXPECT_TRUE(remove());
}

TEST_F(DatagramPortTest, APeerThatIsNotThereYetIsNoError) {
  // Two sockets on the loopback: the second one comes when the first has already sent to it.
  UniqueFd a(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), b;
  sockaddr_in here{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  sockaddr_in there = here;
  socklen_t size = sizeof here;
  ASSERT_EQ(bind(a.get(), reinterpret_cast<sockaddr*>(&here), size), 0);
  ASSERT_EQ(getsockname(a.get(), reinterpret_cast<sockaddr*>(&here), &size), 0);
  b = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(bind(b.get(), reinterpret_cast<sockaddr*>(&there), size), 0);
  ASSERT_EQ(getsockname(b.get(), reinterpret_cast<sockaddr*>(&there), &size), 0);
  b.reset();
  ASSERT_EQ(connect(a.get(), reinterpret_cast<sockaddr*>(&there), size), 0);
  ends.port = std::move(a);
  DatagramPort& port = add_datagram();
  round();
  transmit(port, frames_of({"to nobody"}));
  for (int i = 0; i < 5; ++i) round();
  EXPECT_THAT(errors(), IsEmpty());
  b = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(bind(b.get(), reinterpret_cast<sockaddr*>(&there), size), 0);
  ASSERT_EQ(sendto(b.get(), "here I am", 9, 0, reinterpret_cast<sockaddr*>(&here), size), 9);
  receive(1);
  EXPECT_EQ(received_[0].octets, "here I am");
}

TEST_F(DatagramPortTest, WhenItIsRemovedItsPollEndsAndItsFileIsFreeAgain) {
  DatagramPort& port = add_datagram();
  round();
  EXPECT_FALSE(port.stopped());
  EXPECT_TRUE(remove());
  EXPECT_EQ(free_files(), kFiles);
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(DatagramPortTest, ADeviceMakesOneReaderAndGivesUpWhenTheTableIsFull) {
  DatagramPortDevice device(std::move(ends.port), {}, nullptr);
  ends.write("waits");
  add(device.make_port(kPort + 1, context_));  // worker 1 reads
  for (int i = 0; i < 3; ++i) round();
  EXPECT_EQ(completion_count_, 0U);
  add(device.make_port(kPort, context_));
  receive(1);
  EXPECT_EQ(received_[0].ingress, kPort);
  while (context_.add_file(STDIN_FILENO)) {
  }
  EXPECT_EQ(device.make_port(kPort, context_), nullptr);
}

}  // namespace
}  // namespace rb
