// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/fdb.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "tests/switch/relay_fixture.hpp"

namespace rb {
namespace {

using testing::station;

FdbKey key_of(std::uint64_t number, Fid fid = 1) {
  return FdbKey::of(station(number), fid);
}
PortIndex port_of(const Fdb& fdb, FdbKey key) {
  FdbHit hit;
  fdb.look_up({&key, 1}, {&hit, 1});
  return hit.port;
}
void sweep_whole(Fdb& fdb, std::uint32_t now_s, std::uint32_t ageing_s = 300, std::vector<FdbEntry>* aged = nullptr) {
  fdb.sweep(
      fdb.bucket_count(), now_s, [=](Fid) { return ageing_s; },
      [=](const FdbEntry& entry) {
        if (aged != nullptr) aged->push_back(entry);
      });
}

TEST(Fdb, TellsEachLearnOutcome) {
  Fdb fdb({.capacity = 100});
  EXPECT_EQ(fdb.learn(key_of(1), 3, 10).outcome, LearnOutcome::kAdded);
  EXPECT_EQ(fdb.learn(key_of(1), 3, 10).outcome, LearnOutcome::kKnown);
  EXPECT_EQ(fdb.learn(key_of(1), 3, 11).outcome, LearnOutcome::kRefreshed);
  const LearnResult moved = fdb.learn(key_of(1), 4, 11);
  EXPECT_EQ(moved.outcome, LearnOutcome::kMoved);
  EXPECT_EQ(moved.previous, 3);
  ASSERT_TRUE(fdb.add(key_of(2), 5, FdbKind::kStatic, Fdb::IfExists::kFail, 11));
  EXPECT_EQ(fdb.learn(key_of(2), 6, 11).outcome, LearnOutcome::kPinned);
  EXPECT_EQ(fdb.learn(key_of(2), 5, 11).outcome, LearnOutcome::kKnown);
  EXPECT_EQ(port_of(fdb, key_of(1)), 4);
  EXPECT_EQ(port_of(fdb, key_of(2)), 5);
  EXPECT_EQ(port_of(fdb, key_of(3)), kNoPort);
}

TEST(Fdb, KeepsFidsApart) {
  Fdb fdb({.capacity = 100});
  fdb.learn(key_of(1, 1), 1, 0);
  fdb.learn(key_of(1, 2), 2, 0);
  EXPECT_EQ(port_of(fdb, key_of(1, 1)), 1);
  EXPECT_EQ(port_of(fdb, key_of(1, 2)), 2);
  fdb.flush_fid(1);
  EXPECT_EQ(port_of(fdb, key_of(1, 1)), kNoPort);
  EXPECT_EQ(port_of(fdb, key_of(1, 2)), 2);
}

TEST(Fdb, AgesWhatWasNotHeard) {
  Fdb fdb({.capacity = 100});
  fdb.learn(key_of(1), 1, 0);
  fdb.learn(key_of(2), 1, 0);
  fdb.learn(key_of(2), 1, 200);
  ASSERT_TRUE(fdb.add(key_of(3), 1, FdbKind::kStatic, Fdb::IfExists::kFail, 0));
  std::vector<FdbEntry> aged;
  sweep_whole(fdb, 299, 300, &aged);
  EXPECT_TRUE(aged.empty());
  sweep_whole(fdb, 300, 300, &aged);
  ASSERT_EQ(aged.size(), 1U);
  EXPECT_EQ(aged[0].mac, station(1));
  EXPECT_EQ(aged[0].age_s, 300U);
  EXPECT_EQ(fdb.get(key_of(2), 300)->age_s, 100U);
  sweep_whole(fdb, 301, 0);
  EXPECT_EQ(fdb.size(), 1U);
  EXPECT_EQ(fdb.get(key_of(3), 301)->kind, FdbKind::kStatic);
}

TEST(Fdb, CountsAgesAcrossTheWrapOfItsClock) {
  Fdb fdb({.capacity = 100});
  constexpr std::uint32_t kWrap = 1U << 20;
  fdb.learn(key_of(1), 1, kWrap - 10);
  EXPECT_EQ(fdb.get(key_of(1), kWrap + 5)->age_s, 15U);
  sweep_whole(fdb, kWrap + 289);
  EXPECT_EQ(fdb.size(), 1U);
  sweep_whole(fdb, kWrap + 290);
  EXPECT_EQ(fdb.size(), 0U);
}

TEST(Fdb, FlushOfAPortSparesOthersAndStaticEntries) {
  Fdb fdb({.capacity = 100});
  for (std::uint64_t i = 0; i < 40; ++i) fdb.learn(key_of(i), static_cast<PortIndex>(i % 2), 0);
  ASSERT_TRUE(fdb.add(key_of(99), 0, FdbKind::kStatic, Fdb::IfExists::kFail, 0));
  fdb.flush_port(0);
  for (std::uint64_t i = 0; i < 40; ++i) EXPECT_EQ(port_of(fdb, key_of(i)), i % 2 == 0 ? kNoPort : 1) << i;
  EXPECT_EQ(port_of(fdb, key_of(99)), 0);
  EXPECT_EQ(fdb.learn(key_of(0), 0, 1).outcome, LearnOutcome::kAdded);
  EXPECT_EQ(port_of(fdb, key_of(0)), 0);
  sweep_whole(fdb, 1);
  EXPECT_EQ(fdb.size(), 22U);
}

TEST(Fdb, AStationThatMovedSurvivesTheFlushOfItsOldPort) {
  Fdb fdb({.capacity = 100});
  fdb.learn(key_of(1), 1, 0);
  fdb.learn(key_of(1), 2, 0);
  fdb.flush_port(1);
  EXPECT_EQ(port_of(fdb, key_of(1)), 2);
}

TEST(Fdb, NoFlushIsForgottenAndNoneForgedWhenTheFlushCountComesRound) {
  Fdb fdb({.capacity = 64});
  fdb.learn(key_of(1), 1, 0);
  fdb.learn(key_of(2), 2, 0);
  fdb.flush_port(1);
  for (std::uint32_t i = 0; i < (1U << 20) + 5; ++i) {
    fdb.flush_port(3);
    if (i % 4096 == 0) {
      ASSERT_EQ(port_of(fdb, key_of(1)), kNoPort) << i;
      ASSERT_EQ(port_of(fdb, key_of(2)), 2) << i;
    }
  }
}

TEST(Fdb, AddRemoveReplaceSayWhatIsWrong) {
  Fdb fdb({.capacity = 100});
  ASSERT_TRUE(fdb.add(key_of(1), 1, FdbKind::kStatic, Fdb::IfExists::kFail, 0));
  EXPECT_EQ(fdb.add(key_of(1), 2, FdbKind::kStatic, Fdb::IfExists::kFail, 0).error().code, ErrorCode::kExists);
  EXPECT_EQ(port_of(fdb, key_of(1)), 1);
  ASSERT_TRUE(fdb.add(key_of(1), 2, FdbKind::kStatic, Fdb::IfExists::kReplace, 0));
  EXPECT_EQ(port_of(fdb, key_of(1)), 2);
  ASSERT_TRUE(fdb.remove(key_of(1)));
  EXPECT_EQ(fdb.remove(key_of(1)).error().code, ErrorCode::kNoSuchEntry);
  EXPECT_EQ(fdb.size(), 0U);
}

class FdbCapacity : public ::testing::TestWithParam<std::size_t> {};

TEST_P(FdbCapacity, HoldsExactlyWhatItPromises) {
  const std::size_t capacity = GetParam();
  Fdb fdb({.capacity = capacity, .hash_seed = 99});
  for (std::uint64_t i = 0; i < capacity; ++i) ASSERT_EQ(fdb.learn(key_of(i), 1, 0).outcome, LearnOutcome::kAdded) << i;
  for (std::uint64_t i = 0; i < capacity; ++i) ASSERT_EQ(port_of(fdb, key_of(i)), 1) << i;
  EXPECT_EQ(fdb.size(), capacity);
  EXPECT_EQ(fdb.add(key_of(capacity), 2, FdbKind::kStatic, Fdb::IfExists::kFail, 0).has_value(), true)
      << "the entry takes a slot of the port with too many stations";
  EXPECT_EQ(fdb.size(), capacity);
}
INSTANTIATE_TEST_SUITE_P(Sizes, FdbCapacity, ::testing::Values(64, 100, 1000, 4096, 65536, 1000000));

TEST(Fdb, LooksUpBatchesAsItLooksUpOne) {
  constexpr std::size_t kCapacity =
      21824;  // a table as full as possible: hundreds of entries are outside their home buckets
  Fdb fdb({.capacity = kCapacity, .hash_seed = 7});
  for (std::uint64_t i = 0; i < kCapacity; ++i)
    ASSERT_EQ(fdb.learn(key_of(i), static_cast<PortIndex>(i % 100), 0).outcome, LearnOutcome::kAdded);
  ASSERT_LT(fdb.bucket_count(), kCapacity * 3 / 4 + 32);
  std::array<FdbKey, Fdb::kMaxLookUps> keys;
  std::array<FdbHome, Fdb::kMaxLookUps> homes;
  std::array<FdbHit, Fdb::kMaxLookUps> hits;
  for (std::uint64_t first = 0; first < 2 * kCapacity; first += keys.size()) {
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = key_of((first + i * 7919) % (2 * kCapacity));
    fdb.prefetch(keys, homes);
    fdb.look_up(keys, homes, hits);
    for (std::size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(hits[i].port, port_of(fdb, keys[i])) << first + i;
  }
}

TEST(Fdb, AFullTableOfStaticEntriesRefusesOneMore) {
  Fdb fdb({.capacity = 64});
  for (std::uint64_t i = 0; i < 64; ++i) ASSERT_TRUE(fdb.add(key_of(i), 1, FdbKind::kStatic, Fdb::IfExists::kFail, 0));
  EXPECT_EQ(fdb.add(key_of(64), 1, FdbKind::kStatic, Fdb::IfExists::kFail, 0).error().code, ErrorCode::kTableFull);
  EXPECT_EQ(fdb.learn(key_of(65), 2, 0).outcome, LearnOutcome::kFull);
  for (std::uint64_t i = 0; i < 64; ++i) EXPECT_EQ(port_of(fdb, key_of(i)), 1);
}

TEST(Fdb, ASourceAddressFloodPushesOutNobodyElse) {
  constexpr std::size_t kCapacity = 4096;
  Fdb fdb({.capacity = kCapacity, .hash_seed = 5});
  // Three honest ports have fewer stations than their share, and the fourth port floods the table.
  for (std::uint64_t i = 0; i < 300; ++i) fdb.learn(key_of(i), static_cast<PortIndex>(i % 3), 0);
  for (std::uint64_t i = 0; i < 100000; ++i) fdb.learn(key_of(1000000 + i), 3, 1);
  for (std::uint64_t i = 0; i < 300; ++i) ASSERT_EQ(port_of(fdb, key_of(i)), i % 3) << i;
  EXPECT_LE(fdb.size(), kCapacity);
  // The flood fills the table, but an honest port below its share still gets its new stations in.
  for (std::uint64_t i = 300; i < 600; ++i) {
    ASSERT_EQ(fdb.learn(key_of(i), static_cast<PortIndex>(i % 3), 2).outcome, LearnOutcome::kAdded) << i;
  }
  for (std::uint64_t i = 0; i < 600; ++i) ASSERT_EQ(port_of(fdb, key_of(i)), i % 3) << i;
}

TEST(Fdb, AgreesWithAMapUnderRandomUse) {
  std::mt19937 random(11);
  Fdb fdb({.capacity = 2000, .hash_seed = 3});
  struct Known {
    PortIndex port;
    FdbKind kind;
  };
  std::map<std::uint64_t, Known> oracle;
  for (int i = 0; i < 200000; ++i) {
    const FdbKey key = key_of(random() % 500, static_cast<Fid>(1 + random() % 3));
    const auto port = static_cast<PortIndex>(random() % 5);
    const auto known = oracle.find(key.packed);
    switch (random() % 100) {
      case 0:
        fdb.flush_port(port);
        std::erase_if(oracle, [&](const auto& entry) {
          return entry.second.kind == FdbKind::kDynamic && entry.second.port == port;
        });
        break;
      case 1:
        fdb.flush_fid(key.fid());
        std::erase_if(oracle, [&](const auto& entry) {
          return entry.second.kind == FdbKind::kDynamic && FdbKey{entry.first}.fid() == key.fid();
        });
        break;
      case 2:
        ASSERT_EQ(fdb.remove(key).has_value(), oracle.erase(key.packed) == 1);
        break;
      case 3:
        ASSERT_EQ(fdb.add(key, port, FdbKind::kStatic, Fdb::IfExists::kFail, 0).has_value(), known == oracle.end());
        oracle.try_emplace(key.packed, Known{port, FdbKind::kStatic});
        break;
      case 4:
        sweep_whole(fdb, 0);
        break;
      default:
        if (random() % 2 == 0) {
          ASSERT_EQ(port_of(fdb, key), known == oracle.end() ? kNoPort : known->second.port);
        } else {
          fdb.learn(key, port, 0);
          if (known == oracle.end()) {
            oracle[key.packed] = {port, FdbKind::kDynamic};
          } else if (known->second.kind == FdbKind::kDynamic) {
            known->second.port = port;
          }
        }
    }
  }
  std::map<std::uint64_t, PortIndex> walked;
  fdb.for_each(0, [&](const FdbEntry& entry) {
    EXPECT_TRUE(walked.emplace(FdbKey::of(entry.mac, entry.fid).packed, entry.port).second);
  });
  ASSERT_EQ(walked.size(), oracle.size());
  for (const auto& [key, known] : oracle) EXPECT_EQ(walked.at(key), known.port);
  sweep_whole(fdb, 0);
  EXPECT_EQ(fdb.size(), oracle.size());
}

TEST(FdbConcurrency, NobodyIsTakenForSomebodyElse) {
  // Each station is only ever behind ports that are equal to its number modulo 8. The table is small, so that slots are
  // reused again and again while other threads read them.
  Fdb fdb({.capacity = 256, .hash_seed = 17});
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0};
  const auto worker = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 60000; ++i) {
      const std::uint64_t number = random() % 1024;
      fdb.learn(key_of(number), static_cast<PortIndex>(number % 8 + 8 * (random() % 4)),
                static_cast<std::uint32_t>(i / 1000));
      std::array<FdbKey, 16> keys;
      std::array<FdbHit, 16> hits;
      for (FdbKey& key : keys) key = key_of(random() % 1024);
      fdb.look_up(keys, hits);
      for (std::size_t k = 0; k < keys.size(); ++k) {
        if (hits[k].found() && hits[k].port % 8 != (keys[k].packed >> 16) % 8) ++wrong;
      }
    }
  };
  std::thread control([&] {
    std::mt19937 random(1);
    while (!done) {
      fdb.flush_port(static_cast<PortIndex>(random() % 32));
      sweep_whole(fdb, 0, 5);
      fdb.for_each(0, [&](const FdbEntry& entry) {
        if (entry.port % 8 != entry.mac.to_number() % 8) ++wrong;
      });
      (void)fdb.remove(key_of(random() % 1024));
    }
  });
  std::thread first(worker, 2), second(worker, 3);
  first.join();
  second.join();
  done = true;
  control.join();
  EXPECT_EQ(wrong, 0U);
  std::set<std::uint64_t> seen;
  fdb.for_each(0, [&](const FdbEntry& entry) {
    EXPECT_TRUE(seen.insert(entry.mac.to_number()).second) << "the table has a key twice";
  });
  for (PortIndex port = 0; port < 32; ++port) fdb.flush_port(port);
  sweep_whole(fdb, 0);
  EXPECT_EQ(fdb.size(), 0U) << "the count is wrong";
  for (PortIndex port = 0; port < 32; ++port) EXPECT_EQ(fdb.size_of_port(port), 0U);
}

}  // namespace
}  // namespace rb
