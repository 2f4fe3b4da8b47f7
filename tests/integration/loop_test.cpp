// A loop: two bridges that are joined twice, and a host that says something to everybody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spanning_tree_lab.hpp"

namespace rb::test {
namespace {

using namespace std::chrono_literals;

class Loop : public SpanningTreeLab {
 protected:
  void SetUp() override {
    SpanningTreeLab::SetUp();
    if (IsSkipped()) return;
    add_bridge("br1", "off");
    add_bridge("br2", "off");
    host_ = &lab->add_host("br1");
    other_ = &lab->add_host("br2");
    connect("br1", "a", "br2", "b");
    connect("br1", "c", "br2", "d");
    const auto forwarding = [] { return count(states("br1"), "forwarding") + count(states("br2"), "forwarding"); };
    ASSERT_TRUE(eventually([&] { return forwarding() == 6; })) << Lab::ok("rbctl link show");
  }
  static std::uint64_t received(const std::string& port) { return Lab::stats(port)["rx"]["broadcast"]["frames"]; }
  /// Broadcast frames that all ends of both cables have seen.
  static std::uint64_t seen() { return received("a") + received("b") + received("c") + received("d"); }
  void say_something() const {
    host_->wire().send(ethernet_frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:01", Octets(60, 1)));
  }
  /// One frame has become very many, and there are more from one look to the next.
  static bool multiplies() {
    constexpr std::uint64_t kMany = 20'000;
    return eventually_within(30s, [] { return seen() > kMany; });
  }
  /// Nothing more comes for longer than any frame stays anywhere.
  static bool ends() {
    return eventually_within(60s, [] {
      const std::uint64_t before = seen();
      ::poll(nullptr, 0, 300);
      return seen() == before;
    });
  }
  static void set_stp(const std::string& mode) { Lab::ok("rbctl stp br1 " + mode + " && rbctl stp br2 " + mode); }

  Lab::Host* host_ = nullptr;
  Lab::Host* other_ = nullptr;
};

TEST_F(Loop, MultipliesABroadcastWithoutSpanningTree) {
  say_something();
  EXPECT_TRUE(multiplies()) << seen();
}

class LoopUnder : public Loop, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Protocols, LoopUnder, ::testing::Values("on", "rstp"),
                         [](const auto& protocol) { return std::string(protocol.param) == "on" ? "Stp" : "Rstp"; });

TEST_P(LoopUnder, EndsWhenSpanningTreeIsSwitchedOnInTheMidstOfIt) {
  say_something();
  ASSERT_TRUE(multiplies());
  set_stp(GetParam());
  EXPECT_TRUE(ends()) << seen();
  const auto one_blocks = [] { return count(states("br1"), "blocking") + count(states("br2"), "blocking") == 1; };
  EXPECT_TRUE(eventually_within(60s, one_blocks)) << Lab::ok("rbctl showstp br1; rbctl showstp br2");
}

TEST_P(LoopUnder, CarriesABroadcastOnce) {
  set_stp(GetParam());
  ASSERT_TRUE(eventually_within(60s, [] {
    return count(states("br1"), "forwarding") + count(states("br2"), "forwarding") == 5 &&
           count(states("br1"), "blocking") + count(states("br2"), "blocking") == 1;
  })) << Lab::ok("rbctl showstp br1; rbctl showstp br2");
  const std::uint64_t before = seen();
  const Wire to = other_->wire();
  constexpr unsigned kFrames = 100;
  for (unsigned i = 0; i < kFrames; ++i) say_something();
  unsigned copies = 0;
  const Octets last = ethernet_frame("ff:ff:ff:ff:ff:ff", "02:00:00:00:77:02", Octets(60, 2));
  host_->wire().send(last);
  for (const Octets& frame : to.until(last)) copies += frame.size() > 6 && frame[11] == 1 ? 1 : 0;
  EXPECT_EQ(copies, kFrames);
  EXPECT_TRUE(ends());
  // Once over the cable that forwards; and where the other's far end is open, once over that, too.
  EXPECT_LE(seen() - before, 2 * (kFrames + 1));
}

}  // namespace
}  // namespace rb::test
