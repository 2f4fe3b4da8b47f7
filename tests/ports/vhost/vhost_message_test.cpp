// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vhost_message.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <string>
#include <vector>

namespace rb {
namespace {

using Octets = std::vector<std::byte>;

/// Returns the octets of a message with a payload of `size` octets. Each payload octet is the message's request.
Octets wire(std::uint32_t request, std::uint32_t size, std::uint32_t flags = VhostHeader::kVersion) {
  const VhostHeader header{request, flags, size};
  Octets octets(sizeof header + size, static_cast<std::byte>(request));
  std::memcpy(octets.data(), &header, sizeof header);
  return octets;
}
bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}
std::vector<UniqueFd> some_fds(std::size_t count) {
  std::vector<UniqueFd> fds;
  for (std::size_t i = 0; i < count; ++i) fds.emplace_back(::eventfd(0, EFD_CLOEXEC));
  return fds;
}
std::vector<int> numbers_of(const std::vector<UniqueFd>& fds) {
  std::vector<int> numbers;
  for (const UniqueFd& fd : fds) numbers.push_back(fd.get());
  return numbers;
}
/// Adds a header without its payload to a reader.
Result<bool> add_header(std::uint32_t flags, std::uint32_t size) {
  Octets octets = wire(1, size, flags);
  octets.resize(sizeof(VhostHeader));
  return VhostMessageReader().add(octets, {});
}

TEST(VhostMessageReader, CutsMessagesHoweverTheyCome) {
  const std::vector<std::uint32_t> sizes = {0, 8, 1, 264, 0, 0, 40, VhostMessage::kMaxPayload, 4};
  Octets stream;
  for (std::uint32_t i = 0; i < sizes.size(); ++i) {
    const Octets one = wire(i + 1, sizes[i]);
    stream.insert(stream.end(), one.begin(), one.end());
  }
  for (const std::size_t chunk : {1, 2, 3, 5, 7, 11, 12, 13, 16, 20, 52, 1000, 10000}) {
    VhostMessageReader reader;
    std::uint32_t messages = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t here = std::min({chunk, reader.wanted(), stream.size() - at});
      ASSERT_GT(here, 0U);
      const Result<bool> whole = reader.add({stream.data() + at, here}, {});
      at += here;
      ASSERT_TRUE(whole) << whole.error().message;
      if (!*whole) continue;
      const VhostMessage message = reader.take();
      ASSERT_LT(messages, sizes.size());
      const std::uint32_t size = sizes[messages++];
      const Octets expected(size, static_cast<std::byte>(messages));
      EXPECT_EQ(message.header.request, messages);
      EXPECT_TRUE(message.payload == expected) << "message " << messages << " in chunks of " << chunk;
      EXPECT_FALSE(reader.in_message());
    }
    EXPECT_EQ(messages, sizes.size());
  }
}

TEST(VhostMessageReader, WantsNothingOfTheNextMessage) {
  VhostMessageReader reader;
  const Octets octets = wire(1, 8);
  EXPECT_EQ(reader.wanted(), 12U);
  EXPECT_FALSE(reader.in_message());
  EXPECT_FALSE(*reader.add({octets.data(), 5}, {}));
  EXPECT_EQ(reader.wanted(), 7U);
  EXPECT_TRUE(reader.in_message());
  EXPECT_FALSE(*reader.add({octets.data() + 5, 7}, {}));
  EXPECT_EQ(reader.wanted(), 8U);
  EXPECT_FALSE(*reader.add({octets.data() + 12, 7}, {}));
  EXPECT_EQ(reader.wanted(), 1U);
  EXPECT_TRUE(*reader.add({octets.data() + 19, 1}, {}));
  (void)reader.take();
  EXPECT_EQ(reader.wanted(), 12U);
  EXPECT_FALSE(reader.in_message());
}

TEST(VhostMessageReader, GivesDescriptorsWithTheirMessage) {
  VhostMessageReader reader;
  std::vector<UniqueFd> first = some_fds(2), late = some_fds(1);
  const std::vector<int> numbers = {first[0].get(), first[1].get(), late[0].get()};
  const Octets octets = wire(5, 4);
  ASSERT_FALSE(*reader.add({octets.data(), 12}, std::move(first)));
  ASSERT_TRUE(*reader.add({octets.data() + 12, 4}, std::move(late)));
  {
    const VhostMessage message = reader.take();
    EXPECT_EQ(numbers_of(message.fds), numbers);
    ASSERT_TRUE(*reader.add(wire(6, 0), {}));
    EXPECT_TRUE(reader.take().fds.empty());
    EXPECT_TRUE(is_open(numbers[0]));
  }
  for (const int number : numbers) EXPECT_FALSE(is_open(number));
}

TEST(VhostMessageReader, ClosesDescriptorsOfAMessageThatNeverEnds) {
  std::vector<UniqueFd> fds = some_fds(1);
  const int number = fds[0].get();
  {
    VhostMessageReader reader;
    const Octets octets = wire(5, 4);
    ASSERT_FALSE(*reader.add({octets.data(), 3}, std::move(fds)));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(VhostMessageReader, RefusesMoreDescriptorsThanAMessageHas) {
  VhostMessageReader reader;
  const Octets octets = wire(5, 4);
  ASSERT_TRUE(reader.add({octets.data(), 12}, some_fds(VhostMessage::kMaxFds)));
  const Result<bool> whole = reader.add({octets.data() + 12, 4}, some_fds(1));
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, ErrorCode::kInvalidArgument);
}

TEST(VhostMessageReader, RefusesOtherVersions) {
  for (const std::uint32_t version : {0U, 2U, 3U}) EXPECT_FALSE(add_header(version, 0));
  EXPECT_TRUE(add_header(VhostHeader::kVersion, 0));
  EXPECT_TRUE(add_header(VhostHeader::kVersion | VhostHeader::kNeedReply, 0));
}

TEST(VhostMessageReader, RefusesPayloadsThatNoMessageHas) {
  EXPECT_TRUE(add_header(VhostHeader::kVersion, VhostMessage::kMaxPayload));
  EXPECT_FALSE(add_header(VhostHeader::kVersion, VhostMessage::kMaxPayload + 1));
  EXPECT_FALSE(add_header(VhostHeader::kVersion, 1U << 20));
}

TEST(VhostMessage, GivesOnlyWhatItsPayloadHolds) {
  VhostMessage message;
  EXPECT_FALSE(message.as<std::uint32_t>());
  for (const unsigned octet : {1U, 0U, 0U, 0U, 2U, 0U, 0U, 0U})
    message.payload.push_back(static_cast<std::byte>(octet));
  EXPECT_EQ(message.as<std::uint32_t>(), 1U);
  EXPECT_EQ(message.as<std::uint32_t>(4), 2U);
  EXPECT_EQ(message.as<std::uint64_t>(), 0x200000001U);
  EXPECT_FALSE(message.as<std::uint32_t>(5));
  EXPECT_FALSE(message.as<std::uint32_t>(8));
  EXPECT_FALSE(message.as<std::uint32_t>(SIZE_MAX));
  EXPECT_FALSE(message.as<VhostRingAddresses>());
}

TEST(VhostMessage, EveryRequestHasTheNameOfTheProtocol) {
  EXPECT_EQ(vhost_request_name(VhostRequest::kSetMemTable), "VHOST_USER_SET_MEM_TABLE");
  unsigned known = 0;
  for (std::uint32_t request = 0; request < 100; ++request) {
    const std::string_view name = vhost_request_name(static_cast<VhostRequest>(request));
    if (name.empty()) continue;
    ++known;
    EXPECT_TRUE(name.starts_with("VHOST_USER_")) << name;
  }
  EXPECT_EQ(known, 28U);
}

}  // namespace
}  // namespace rb
