#include "switch/mac_address.hpp"

#include <gtest/gtest.h>

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

TEST(MacAddress, KnowsGroupBroadcastAndReserved) {
  EXPECT_TRUE(parse_mac("01:00:5e:00:00:01")->is_group());
  EXPECT_FALSE(parse_mac("02:00:00:00:00:01")->is_group());
  EXPECT_TRUE(parse_mac("ff:ff:ff:ff:ff:ff")->is_broadcast());
  EXPECT_TRUE(parse_mac("01:80:c2:00:00:0e")->is_reserved_group());
  EXPECT_FALSE(parse_mac("01:80:c2:00:00:10")->is_reserved_group());
}

}  // namespace
}  // namespace rb
