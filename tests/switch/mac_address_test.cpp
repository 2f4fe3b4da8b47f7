// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/mac_address.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace rb {
namespace {

TEST(MacAddress, ParsesColonsAndDashes) {
  EXPECT_EQ(parse_mac("02:00:00:00:00:1f")->to_number(), 0x02000000001fULL);
  EXPECT_EQ(parse_mac("2-0-0-0-A-1F")->to_number(), 0x020000000a1fULL);
}

TEST(MacAddress, RefusesEverythingElse) {
  for (const char* text : {"", ":", "02:00:00:00:00", "02:00:00:00:00:01:02", "02:00:00:00:00:001", "02:00-00:00:00:01",
                           "zz:00:00:00:00:01", "02:00:00:00:00:", "+2:00:00:00:00:01", "02:00:00:00:00:01 "}) {
    EXPECT_FALSE(parse_mac(text).has_value()) << text;
  }
}

TEST(MacAddress, PrintsWhatItParses) {
  EXPECT_EQ(to_string(*parse_mac("02:AB:00:00:00:01")), "02:ab:00:00:00:01");
}

TEST(MacAddress, KnowsGroupAndBroadcast) {
  EXPECT_TRUE(parse_mac("01:00:5e:00:00:01")->is_group());
  EXPECT_FALSE(parse_mac("02:00:00:00:00:01")->is_group());
  EXPECT_TRUE(parse_mac("ff:ff:ff:ff:ff:ff")->is_broadcast());
}

TEST(MacNumber, SaysOfAnAddressWhatTheAddressSays) {
  for (const char* text : {"02:ab:00:00:00:01", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}) {
    const MacAddress mac = *parse_mac(text);
    std::array<std::uint8_t, 8> octets{0, 0, 0,    0,
                                       0, 0, 0x77, 0x88};  // the last two octets are not part of the address
    std::ranges::copy(mac.octets, octets.begin());
    const MacNumber number = MacNumber::at(octets.data());
    EXPECT_EQ(number.value, mac.to_number());
    EXPECT_EQ(number.address(), mac);
    EXPECT_EQ(number.is_group(), mac.is_group());
    EXPECT_EQ(number.is_broadcast(), mac.is_broadcast());
    EXPECT_EQ(number.is_zero(), mac.is_zero());
  }
}

TEST(MacNumber, KnowsReservedGroups) {
  EXPECT_TRUE(MacNumber{0x0180c200000e}.is_reserved_group());
  EXPECT_EQ(MacNumber{0x0180c200000e}.last_digit(), 0xeU);
  EXPECT_FALSE(MacNumber{0x0180c2000010}.is_reserved_group());
  EXPECT_FALSE(MacNumber{0x1180c2000001}.is_reserved_group());
}

}  // namespace
}  // namespace rb
