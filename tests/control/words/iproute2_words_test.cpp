// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/iproute2_words.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "test_paths.hpp"

namespace rb {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

Words written(const std::string& program, const Words& words) {
  return write_out_iproute2(program == "ip" ? Iproute2Program::kIp : Iproute2Program::kBridge, words);
}

TEST(Iproute2Words, ShortFormsMeanWhatTheyMeanThere) {
  std::ifstream golden(RB_SOURCE_DIR "/tests/golden/iproute2-prefixes.txt");
  int lines = 0;
  for (std::string line; std::getline(golden, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t arrow = line.find(" -> ");
    ASSERT_NE(arrow, std::string::npos) << line;
    Words typed = words_of(line.substr(0, arrow));
    const std::string program = typed.front();
    typed.erase(typed.begin());
    const Words meant = words_of(line.substr(arrow + 4));
    EXPECT_EQ(written(program, typed), meant == Words{"unknown"} ? typed : written(program, meant)) << line;
    ++lines;
  }
  EXPECT_GT(lines, 100);
}

TEST(Iproute2Words, BecomeTheWordsOfRbctl) {
  EXPECT_EQ(written("bridge", {"f", "s", "br", "br0"}), (Words{"fdb", "show", "br", "br0"}));
  EXPECT_EQ(written("bridge", {"f", "d", "02:00:00:00:00:01"}), (Words{"fdb", "del", "02:00:00:00:00:01"}));
  EXPECT_EQ(written("bridge", {"v", "li"}), (Words{"vlan", "show"}));
  EXPECT_EQ(written("bridge", {"link", "change", "d", "tap0"}), (Words{"link", "set", "d", "tap0"}));
  EXPECT_EQ(written("ip", {"tuntap", "a", "dev", "tap0"}), (Words{"tap", "add", "dev", "tap0"}));
  EXPECT_EQ(written("bridge", {"addbr", "br0"}), (Words{"addbr", "br0"}));
  EXPECT_EQ(written("bridge", {"", ""}), (Words{"", ""}));
  EXPECT_EQ(written("ip", {}), Words{});
}

TEST(Iproute2Words, KnowTheObjectsOfBridge) {
  for (const char* object : {"fdb", "mdb", "vlan", "link"}) EXPECT_TRUE(is_iproute2_object(object)) << object;
  for (const char* word : {"", "f", "addbr", "tap"}) EXPECT_FALSE(is_iproute2_object(word)) << word;
}

}  // namespace
}  // namespace rb
