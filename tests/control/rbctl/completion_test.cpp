// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/words/command_table.hpp"
#include "tests/control/model_fixture.hpp"

namespace rb {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using Words = std::vector<std::string>;

/// Completes lines beside a switch in this process, with bridge br0 and its ports tap0 and tap1.
class CompletionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(fake.call("bridge.add", {{"name", "br0"}}).contains("error"));
    for (const char* name : {"tap0", "tap1"}) {
      const json added = fake.call("port.add", {{"bridge", "br0"}, {"port", {{"name", name}}}});
      ASSERT_FALSE(added.contains("error")) << added;
    }
    ASSERT_FALSE(fake.call("vlan.add", {{"port", "tap0"}, {"vid", 10}}).contains("error"));
  }
  /// The last word is completed; it is empty behind a blank.
  Words at(const std::string& line) const {
    Words words = split_words(line).value();
    if (line.empty() || line.ends_with(' ')) words.emplace_back();
    return complete(words, [this](const Request& request) -> Result<json> {
      json result = fake.call(request.method, request.params);
      if (result.contains("error")) return fail(ErrorCode::kInvalidArgument, result["error"].get<std::string>());
      return result;
    });
  }

  mutable testing::FakeSwitch fake;
};

TEST_F(CompletionTest, OffersEveryWordOfEveryName) {
  for (const Command* command : all_commands()) {
    std::string line;
    for (const std::string_view word : name_words(command->name)) {
      EXPECT_THAT(at(line), Contains(std::string(word))) << line;
      line += std::string(word) + ' ';
    }
  }
}

TEST_F(CompletionTest, OffersEveryArgumentOfEveryExampleInItsPlace) {
  for (const Command* command : all_commands()) {
    const Words words = split_words(command->example).value();
    std::string line;
    for (const std::string& word : words) {
      const bool keyword = std::ranges::any_of(command->arguments, [&](const Argument& argument) {
        return argument.keyword == word ||
               std::ranges::find(argument.choices, word, &Choice::word) != argument.choices.end();
      });
      if (keyword) {
        EXPECT_THAT(at(line), Contains(word)) << line;
      }
      line += word + ' ';
    }
  }
}

TEST_F(CompletionTest, AsksTheDaemonForNames) {
  EXPECT_THAT(at("showmacs "), ElementsAre("br0"));
  EXPECT_THAT(at("show br0 "), ElementsAre("br0"));
  EXPECT_THAT(at("delif br0 "), UnorderedElementsAre("tap0", "tap1"));
  EXPECT_THAT(at("delif br0 tap0 "), UnorderedElementsAre("tap0", "tap1"));
  EXPECT_THAT(at("link set dev "), UnorderedElementsAre("tap0", "tap1"));
  EXPECT_THAT(at("link set "), UnorderedElementsAre("dev", "br0"));
  EXPECT_THAT(at("vlan private dev "), ElementsAre("br0"));
  EXPECT_THAT(at("spanning-tree "), UnorderedElementsAre("show", "mcheck", "br0"));
  EXPECT_THAT(at("vlan show vid "), UnorderedElementsAre("1", "10"));
  EXPECT_THAT(at("trace br0 --in "), UnorderedElementsAre("tap0", "tap1"));
}

TEST_F(CompletionTest, OffersKeywordsThatAreNotThereYet) {
  EXPECT_THAT(at("vlan add "), ElementsAre("dev", "vid", "pvid", "untagged"));
  EXPECT_THAT(at("vlan add dev tap0 vid 10 pvid "), ElementsAre("untagged"));
  EXPECT_THAT(at("fdb flush dev tap0 dynamic "), ElementsAre("br", "vlan"));
  EXPECT_THAT(at("fdb add 02:00:00:00:00:01 dev tap0 s"), ElementsAre("static"));
  EXPECT_THAT(at("link show br br0 "), ElementsAre("dev"));
  EXPECT_THAT(at("vlan private dev br0 vid 101 isolated "), ElementsAre("of"));
  EXPECT_THAT(at("fdb get "), IsEmpty());
  EXPECT_THAT(at("addbr br1 "), ElementsAre("--no-host-port"));
  EXPECT_THAT(at("vlan frob "), IsEmpty());
}

TEST_F(CompletionTest, OffersSettingsAndTheirValues) {
  EXPECT_THAT(at("link set dev tap0 "), IsSupersetOf({"learning", "cost", "admit"}));
  EXPECT_THAT(at("link set dev tap0 learning "), ElementsAre("on", "off"));
  EXPECT_THAT(at("link set dev tap0 learning off "), Not(Contains("learning")));
  EXPECT_THAT(at("link set br0 "), IsSupersetOf({"ageing", "vlan_filtering"}));
  EXPECT_THAT(at("link set br0 loop_guard r"), ElementsAre("report"));
  EXPECT_THAT(at("link set br0 frob "), IsEmpty());
}

TEST_F(CompletionTest, OffersTheFieldsOfAFrame) {
  EXPECT_THAT(at("trace br0 --in tap0 "), ElementsAre("src", "dst", "type", "vlan", "size"));
  EXPECT_THAT(at("trace br0 --in tap0 src 02:00:00:00:00:01 "), ElementsAre("dst", "type", "vlan", "size"));
}

TEST_F(CompletionTest, OffersOptionsWhereADashIsTyped) {
  EXPECT_THAT(at("--js"), ElementsAre("--json"));
  EXPECT_THAT(at("trace br0 --"), IsSupersetOf({"--in", "--json"}));
  EXPECT_THAT(at("-j --socket /tmp/x showmacs "), ElementsAre("br0"));
  EXPECT_THAT(at("showmacs -j "), ElementsAre("br0"));
}

TEST_F(CompletionTest, UnderstandsShortenedWords) {
  EXPECT_THAT(at("v m a dev "), UnorderedElementsAre("tap0", "tap1"));
  EXPECT_THAT(at("f f "), ElementsAre("dev", "br", "vlan", "static", "dynamic", "all"));
}

TEST_F(CompletionTest, OffersKindsOfPortsAndTheirOptions) {
  EXPECT_THAT(at("addif br0 "), IsSupersetOf({"tap:", "vde:", "listen:"}));
  EXPECT_THAT(at("addif br0 tap:tap7,cr"), ElementsAre("tap:tap7,create"));
  EXPECT_THAT(at("addif br0 stream:/run/x,"), IsSupersetOf({"stream:/run/x,client", "stream:/run/x,framing=len16"}));
  EXPECT_THAT(at("addif br0 nosuch:x,"), IsEmpty());
}

TEST(Completion, IsSilentAboutNamesWithoutADaemon) {
  const CallDaemon refuse = [](const Request&) -> Result<json> { return fail(ErrorCode::kSystem, "not running"); };
  EXPECT_THAT(complete(Words{"link", "set", ""}, refuse), ElementsAre("dev"));
  EXPECT_THAT(complete(Words{"showmacs", ""}, refuse), IsEmpty());
  EXPECT_THAT(complete(Words{}, refuse), Contains("addbr"));
}

TEST(Completion, SurvivesAnAnswerOfAnotherShape) {
  const CallDaemon answer = [](const Request&) -> Result<json> { return json{{"bridges", {1, 2}}}; };
  EXPECT_THAT(complete(Words{"link", "set", ""}, answer), ElementsAre("dev"));
}

TEST(Completion, FindsTheSocket) {
  EXPECT_EQ(socket_of(Words{"-j", "--socket", "/tmp/x", "show"}), "/tmp/x");
  EXPECT_EQ(socket_of(Words{"show", "--socket"}), "");
}

}  // namespace
}  // namespace rb
