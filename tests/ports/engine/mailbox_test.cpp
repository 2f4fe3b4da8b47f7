// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/mailbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace rb {
namespace {

/// A frame of two pieces. All of its octets are `mark`.
struct MarkedFrame {
  MarkedFrame(std::uint8_t mark, std::uint32_t size)
      : octets(size, std::byte{mark}),
        pieces{{{octets.data(), size / 3}, {octets.data() + size / 3, size - size / 3}}},
        view{&vnet, pieces.data(), size, 2, 0} {
    vnet.hdr_len = mark;
  }
  std::vector<std::byte> octets;
  std::array<Piece, 2> pieces;
  VnetHeader vnet;
  Frame view;
};

bool is_whole(const Frame& frame, std::uint8_t mark, std::uint32_t size) {
  return frame.size == size && frame.piece_count == 1 && frame.pieces[0].size == size && frame.vnet->hdr_len == mark &&
         reinterpret_cast<const std::byte*>(frame.vnet + 1) <= frame.pieces[0].data &&
         std::all_of(frame.pieces[0].data, frame.pieces[0].data + size,
                     [&](std::byte octet) { return octet == std::byte{mark}; });
}

TEST(Mailbox, GivesFramesInOrderAndRefusesWhatDoesNotFit) {
  Mailbox box;
  for (int round = 0; round < 5; ++round) {
    std::size_t pushed = 0, taken = 0;
    const MarkedFrame large(7, 65000);
    while (box.push(3, CastKind::kMulticast, large.view)) ++pushed;
    EXPECT_GE(pushed, 14U);
    box.drain([&](PortIndex to, CastKind cast, const Frame& frame) {
      EXPECT_EQ(to, 3);
      EXPECT_EQ(cast, CastKind::kMulticast);
      EXPECT_TRUE(is_whole(frame, 7, 65000));
      ++taken;
    });
    EXPECT_EQ(taken, pushed);
    EXPECT_TRUE(box.push(1, CastKind::kUnicast, MarkedFrame(1, 60).view)) << "there is room again, at another index";
    box.drain([](PortIndex, CastKind, const Frame& frame) { EXPECT_TRUE(is_whole(frame, 1, 60)); });
  }
}

TEST(Mailbox, GoesOnAtTheBeginningHoweverLittleIsLeft) {
  for (const std::uint32_t left : {8U, 16U, 24U, 32U}) {
    Mailbox box;
    constexpr std::uint32_t kHeader = 24;
    const MarkedFrame almost_all(1, static_cast<std::uint32_t>(Mailbox::kCapacity) - kHeader - left), small(2, 60);
    ASSERT_TRUE(box.push(0, CastKind::kUnicast, almost_all.view));
    box.drain([](PortIndex, CastKind, const Frame&) {});
    ASSERT_TRUE(box.push(5, CastKind::kUnicast, small.view)) << left;
    std::size_t taken = 0;
    box.drain([&](PortIndex to, CastKind, const Frame& frame) {
      EXPECT_EQ(to, 5);
      EXPECT_TRUE(is_whole(frame, 2, 60));
      ++taken;
    });
    EXPECT_EQ(taken, 1U) << left;
  }
}

TEST(MailboxConcurrency, TheOtherThreadGetsEveryFrameWhole) {
  Mailbox box;
  constexpr std::uint32_t kFrames = 20000;
  const auto size_of = [](std::uint32_t number) { return 20 + number * 37 % 3000; };
  std::thread producer([&] {
    for (std::uint32_t number = 0; number < kFrames; ++number) {
      const MarkedFrame frame(static_cast<std::uint8_t>(number), size_of(number));
      while (!box.push(static_cast<PortIndex>(number % 100), CastKind::kUnicast, frame.view)) std::this_thread::yield();
    }
  });
  std::uint32_t next = 0;
  bool whole = true;
  while (next < kFrames) {
    box.drain([&](PortIndex to, CastKind, const Frame& frame) {
      whole = whole && to == next % 100 && is_whole(frame, static_cast<std::uint8_t>(next), size_of(next));
      ++next;
    });
    std::this_thread::yield();
  }
  producer.join();
  EXPECT_TRUE(whole);
}

}  // namespace
}  // namespace rb
