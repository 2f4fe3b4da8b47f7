// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/checksum.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace rb {
namespace {

// The definition of the sum, octet by octet, in network order.
std::uint16_t naive_sum(std::span<const std::byte> octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto octet = std::to_integer<std::uint32_t>(octets[i]);
    sum += i % 2 == 0 ? octet << 8 : octet;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

std::uint16_t to_network_order(std::uint16_t value) {
  return static_cast<std::uint16_t>(value << 8 | value >> 8);
}

std::vector<std::byte> random_octets(std::size_t size, std::mt19937& random) {
  std::vector<std::byte> octets(size);
  for (std::byte& octet : octets) octet = static_cast<std::byte>(random());
  return octets;
}

TEST(Checksum, SumsTheExampleOfRfc1071) {
  // RFC 1071 section 3 sums 00 01 f2 03 f4 f5 f6 f7 to ddf2.
  const std::vector<std::byte> octets = {std::byte{0x00}, std::byte{0x01}, std::byte{0xf2}, std::byte{0x03},
                                         std::byte{0xf4}, std::byte{0xf5}, std::byte{0xf6}, std::byte{0xf7}};
  EXPECT_EQ(internet_sum(octets), to_network_order(0xddf2));
}

TEST(Checksum, SumsNothingToZero) {
  EXPECT_EQ(internet_sum({}), 0);
  EXPECT_EQ(ChecksumSum().finish(), 0xffff);
}

TEST(Checksum, AgreesWithTheDefinitionAtEverySizeAndAlignment) {
  std::mt19937 random(1);
  const std::vector<std::byte> octets = random_octets(300, random);
  for (std::size_t start = 0; start < 9; ++start) {
    for (std::size_t size = 0; size + start <= octets.size(); ++size) {
      const auto part = std::span(octets).subspan(start, size);
      ASSERT_EQ(internet_sum(part), to_network_order(naive_sum(part))) << start << "+" << size;
    }
  }
}

TEST(Checksum, CarriesThroughTheLargestFrame) {
  const std::vector<std::byte> octets(65550, std::byte{0xff});
  EXPECT_EQ(internet_sum(octets), 0xffff);
  std::mt19937 random(2);
  const std::vector<std::byte> mixed = random_octets(65549, random);
  EXPECT_EQ(internet_sum(mixed), to_network_order(naive_sum(mixed)));
}

TEST(Checksum, DoesNotDependOnHowTheOctetsAreCut) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    const std::vector<std::byte> octets = random_octets(random() % 2000, random);
    ChecksumSum sum;
    for (std::size_t at = 0; at < octets.size();) {
      const std::size_t size = std::min<std::size_t>(random() % 70, octets.size() - at);
      sum.add(std::span(octets).subspan(at, size));
      at += size;
    }
    ASSERT_EQ(sum.finish(), static_cast<std::uint16_t>(~internet_sum(octets)));
  }
}

TEST(Checksum, AddsWordsInHostOrder) {
  const std::vector<std::byte> octets = {std::byte{0x12}, std::byte{0x34}, std::byte{0xfe}, std::byte{0xdc}};
  for (const std::size_t odd : {0U, 1U}) {  // the sum must also work after an odd number of octets
    ChecksumSum as_words, as_octets;
    for (ChecksumSum* sum : {&as_words, &as_octets}) sum->add(std::span(octets).first(odd));
    as_words.add_word(0x1234);
    as_words.add_word(0xfedc);
    as_octets.add(octets);
    EXPECT_EQ(as_words.finish(), as_octets.finish());
  }
}

TEST(Checksum, VerifiesToAllOnesWithItsOwnChecksumInPlace) {
  std::mt19937 random(4);
  std::vector<std::byte> octets = random_octets(1500, random);
  std::memset(&octets[10], 0, 2);
  ChecksumSum sum;
  sum.add(octets);
  const std::uint16_t checksum = sum.finish();
  std::memcpy(&octets[10], &checksum, sizeof checksum);
  EXPECT_EQ(internet_sum(octets), 0xffff);
}

}  // namespace
}  // namespace rb
