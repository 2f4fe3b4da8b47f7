// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/buffer_pool.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace rb {
namespace {

TEST(BufferPool, GivesTheLowestFreeBuffer) {
  BufferPool pool(100);
  EXPECT_EQ(pool.take(), 0);
  EXPECT_EQ(pool.take(), 1);
  EXPECT_EQ(pool.take(), 2);
  pool.give_back(1);
  pool.give_back(0);
  EXPECT_EQ(pool.take(), 0);
  EXPECT_EQ(pool.take(), 1);
  EXPECT_EQ(pool.take(), 3);
}

TEST(BufferPool, GivesEachBufferOnceAndThenNone) {
  BufferPool pool(130);
  std::set<BufferId> taken;
  for (int i = 0; i < 130; ++i) EXPECT_TRUE(taken.insert(pool.take()).second);
  EXPECT_EQ(pool.take(), kNoBuffer);
  EXPECT_EQ(pool.free_count(), 0U);
}

TEST(BufferPool, BuffersDoNotOverlap) {
  BufferPool pool(3);
  EXPECT_GE(pool.address(1) - pool.address(0), static_cast<std::ptrdiff_t>(BufferPool::kBufferSize));
  EXPECT_GE(pool.address(2) - pool.address(1), static_cast<std::ptrdiff_t>(BufferPool::kBufferSize));
}

TEST(BufferPool, AgreesWithASetUnderRandomUse) {
  std::mt19937 random(3);
  BufferPool pool(200);
  std::set<BufferId> free_ids;
  for (BufferId id = 0; id < 200; ++id) free_ids.insert(id);
  std::vector<BufferId> held;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 == 0 && !free_ids.empty()) {
      const BufferId id = pool.take();
      ASSERT_EQ(id, *free_ids.begin());
      free_ids.erase(id);
      held.push_back(id);
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      pool.give_back(held.back());
      free_ids.insert(held.back());
      held.pop_back();
    }
  }
}

}  // namespace
}  // namespace rb
