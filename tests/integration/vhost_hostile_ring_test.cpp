// SPDX-License-Identifier: GPL-2.0-or-later
// Guests whose rings are wrong, or change while the switch reads them, lose their connection or their frames. No other
// port notices.
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <random>

#include "vhost_lab.hpp"

namespace rb::test {
namespace {

class VhostHostileRings : public VhostHostileTest {};

constexpr std::uint16_t kNext = Ring::kNext, kWrite = Ring::kWrite, kIndirect = Ring::kIndirect;
constexpr std::uint64_t kMemory = GuestMemory::kGuestAddresses[0],
                        kEnd = GuestMemory::kGuestAddresses[0] + GuestMemory::kRegionSize;

/// A bad action of a guest on one of its rings.
struct Misdeed {
  const char* name;
  std::function<void(Ring&)> commit;
};

void offer_and_publish(Ring& ring, std::uint16_t head) {
  ring.offer(head);
  ring.publish();
}

/// Writes one descriptor, or the first of several. Address 0 stands for some valid memory.
auto write(std::vector<Ring::Descriptor> descriptors) {
  return [descriptors](Ring& ring) {
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      ring.descriptor(i) = descriptors[i];
      if (descriptors[i].address == 0) ring.descriptor(i).address = ring.allocate(4096);
    }
    offer_and_publish(ring, 0);
  };
}

/// Writes an indirect table of good buffers, then changes the descriptor that points to it, or the table.
auto write_indirect(std::size_t count, std::function<void(Ring::Descriptor& pointer, Ring::Descriptor* table)> change) {
  return [count, change](Ring& ring) {
    const GuestMemory& memory = ring.memory();
    const std::uint64_t address = ring.allocate(16 * count + 16);
    auto* const table = reinterpret_cast<Ring::Descriptor*>(memory.at(address));
    for (std::size_t i = 0; i < count; ++i) {
      table[i] = {.address = ring.allocate(64), .size = 64, .next = static_cast<std::uint16_t>(i + 1)};
      table[i].flags = i + 1 < count ? kNext : std::uint16_t{0};
    }
    ring.descriptor(0) = {.address = address, .size = static_cast<std::uint32_t>(16 * count), .flags = kIndirect};
    change(ring.descriptor(0), table);
    offer_and_publish(ring, 0);
  };
}

std::vector<Misdeed> transmit_misdeeds() {
  using Descriptor = Ring::Descriptor;
  return {
      {"memory below", write({{.address = 0x40, .size = 100}})},
      {"memory in the gap", write({{.address = kEnd + 4096, .size = 100}})},
      {"memory above", write({{.address = 0x7000000000000000, .size = 100}})},
      {"the end of memory", write({{.address = kEnd - 50, .size = 100}})},
      {"around the end of addresses", write({{.address = ~std::uint64_t{49}, .size = 100}})},
      {"from the gap into memory", write({{.address = kMemory - 50, .size = 100}})},
      {"a huge length", write({{.address = kMemory, .size = 0xffffffff}})},
      {"second descriptor outside", write({{.size = 100, .flags = kNext, .next = 1}, {.address = 0x40, .size = 100}})},
      {"a loop of one", write({{.size = 100, .flags = kNext, .next = 0}})},
      {"a loop of two", write({{.size = 100, .flags = kNext, .next = 1}, {.size = 100, .flags = kNext, .next = 0}})},
      {"a loop of nothing", write({{.flags = kNext, .next = 0}})},
      {"next just outside the table", write({{.size = 100, .flags = kNext, .next = 64}})},
      {"next far outside the table", write({{.size = 100, .flags = kNext, .next = 65535}})},
      {"writable", write({{.size = 100, .flags = kWrite}})},
      {"readable, then writable", write({{.size = 100, .flags = kNext, .next = 1}, {.size = 100, .flags = kWrite}})},
      {"a head outside the table", [](Ring& ring) { offer_and_publish(ring, 64); }},
      {"a head far outside the table", [](Ring& ring) { offer_and_publish(ring, 65535); }},
      {"more available than the ring has", [](Ring& ring) { ring.publish_index(65); }},
      {"far more available than the ring has", [](Ring& ring) { ring.publish_index(0x8000); }},
      {"an index that goes back", [](Ring& ring) { ring.publish_index(65535); }},
      {"indirect: outside memory", write_indirect(2, [](Descriptor& to, Descriptor*) { to.address = 0x40; })},
      {"indirect: beyond memory", write_indirect(2, [](Descriptor& to, Descriptor*) { to.address = kEnd - 16; })},
      {"indirect: part of an entry", write_indirect(2, [](Descriptor& to, Descriptor*) { to.size = 24; })},
      {"indirect: nothing", write_indirect(2, [](Descriptor& to, Descriptor*) { to.size = 0; })},
      {"indirect: huge", write_indirect(2, [](Descriptor& to, Descriptor*) { to.size = 0xfffffff0; })},
      {"indirect: and next", write_indirect(2, [](Descriptor& to, Descriptor*) { to.flags |= kNext; })},
      {"indirect: nested",
       write_indirect(2, [](Descriptor& to, Descriptor* table) { table[1] = {to.address, 32, kIndirect, 0}; })},
      {"indirect: next outside", write_indirect(2, [](Descriptor&, Descriptor* table) { table[0].next = 2; })},
      {"indirect: a loop", write_indirect(2, [](Descriptor&, Descriptor* table) { table[0].next = 0; })},
      {"indirect: a buffer outside", write_indirect(2, [](Descriptor&, Descriptor* table) { table[1].address = 8; })},
      {"indirect: writable", write_indirect(2, [](Descriptor&, Descriptor* table) { table[1].flags = kWrite; })},
      // Linux does not limit tables by the ring's size: its drivers make larger tables. Our limit is QEMU's.
      {"indirect: more than there can be", write_indirect(1025, [](Descriptor&, Descriptor*) {})},
  };
}

std::vector<Misdeed> receive_misdeeds() {
  using Descriptor = Ring::Descriptor;
  return {
      {"readable", write({{.size = 2048}})},
      {"readable, then writable", write({{.size = 12, .flags = kNext, .next = 1}, {.size = 2048, .flags = kWrite}})},
      {"writable, then readable", write({{.size = 12, .flags = kWrite | kNext, .next = 1}, {.size = 2048}})},
      {"memory outside", write({{.address = 0x40, .size = 2048, .flags = kWrite}})},
      {"the end of memory", write({{.address = kEnd - 100, .size = 2048, .flags = kWrite}})},
      {"around the end of addresses", write({{.address = ~std::uint64_t{49}, .size = 2048, .flags = kWrite}})},
      {"a huge length", write({{.address = kMemory, .size = 0xffffffff, .flags = kWrite}})},
      {"a loop of one", write({{.size = 1, .flags = kWrite | kNext, .next = 0}})},
      {"next outside", write({{.size = 10, .flags = kWrite | kNext, .next = 64}})},
      {"a head outside", [](Ring& ring) { offer_and_publish(ring, 64); }},
      {"more available than the ring has", [](Ring& ring) { ring.publish_index(65); }},
      {"indirect: outside memory", write_indirect(2, [](Descriptor& to, Descriptor*) { to.address = 0x40; })},
      {"indirect: readable", write_indirect(2, [](Descriptor&, Descriptor*) {})},
  };
}

TEST_F(VhostHostileRings, EndTheConnectionOfASender) {
  for (const Misdeed& misdeed : transmit_misdeeds()) {
    SCOPED_TRACE(misdeed.name);
    const auto bad = add("bad", {.ring_size = 64, .buffer_count = 64});
    misdeed.commit(bad->tx());
    expect_ended(*bad, "bad");
    expect_good_traffic();
    Lab::ok("rbctl delif br0 bad");
  }
}

TEST_F(VhostHostileRings, EndTheConnectionOfAReceiver) {
  for (const Misdeed& misdeed : receive_misdeeds()) {
    SCOPED_TRACE(misdeed.name);
    const auto bad = add("bad", {.ring_size = 64, .buffer_count = 0});
    misdeed.commit(bad->rx());
    expect_good_traffic();  // some of the traffic is for this ring
    expect_ended(*bad, "bad");
    expect_good_traffic();
    Lab::ok("rbctl delif br0 bad");
  }
}

TEST_F(VhostHostileRings, AGuestThatWasPutOutMayComeAgain) {
  add_port("bad");
  for (int life = 0; life < 3; ++life) {
    FrontEnd bad;
    start(bad, "bad");
    EXPECT_TRUE(bad.send(kForOne));
    EXPECT_TRUE(one->sees(kForOne));
    offer_and_publish(bad.tx(), 65535);
    expect_ended(bad, "bad");
  }
}

TEST_F(VhostHostileRings, ChainsTooShortForAnythingHarmNobody) {
  for (const std::uint32_t size : {0U, 1U, 11U, 12U, 13U, 25U}) {
    SCOPED_TRACE(size);
    const auto bad = add("bad", {.buffer_count = 0});
    bad->tx().descriptor(0) = {.address = bad->tx().allocate(64), .size = size};
    offer_and_publish(bad->tx(), 0);
    EXPECT_TRUE(eventually([&] { return bad->tx().used_index() == 1 || !trouble("bad").empty(); }));
    bad->rx().descriptor(0) = {.address = bad->rx().allocate(64), .size = size, .flags = kWrite};
    offer_and_publish(bad->rx(), 0);
    expect_good_traffic();
    Lab::ok("rbctl delif br0 bad");
  }
  // An empty descriptor is between others, which virtio 1.2 does not explicitly forbid.
  const auto bad = add("bad");
  bad->tx().send({.octets = kForOne}, {.sizes = {12, 0, 20, 0, 0}});
  EXPECT_TRUE(eventually([&] { return bad->tx().used_index() == 1 || !trouble("bad").empty(); }));
}

TEST_F(VhostHostileRings, MemoryThatIsTakenAwayTakesOnlyItsOwnPort) {
  // Region 0 has the rings, and region 1 has the receive buffers and the frame to send. After truncating a region, the
  // guest cannot read it either.
  for (const std::size_t region : {0U, 1U}) {
    for (const bool sends : {false, true}) {
      SCOPED_TRACE("region " + std::to_string(region) + (sends ? ", sending" : ", receiving"));
      const auto bad = add("bad", {.seal = GuestMemory::Seal::kNone});
      const std::uint64_t frame = bad->memory.allocate(1, 4096, 4096);
      bad->tx().descriptor(0) = {.address = frame, .size = 1000};
      bad->tx().offer(0);
      std::atomic<bool> done = false;
      std::thread traffic([&] {
        while (!done) expect_good_traffic();
      });
      if (region == 0) {
        bad->memory.truncate(region);
        if (sends) bad->tx().kick();
      } else {
        bad->memory.truncate(region);
        if (sends) bad->tx().publish();
      }
      EXPECT_TRUE(bad->is_closed());
      EXPECT_TRUE(eventually([] { return !trouble("bad").empty(); }));
      done = true;
      traffic.join();
      EXPECT_TRUE(daemon_lives());
      Lab::ok("rbctl delif br0 bad");
    }
  }
}

TEST_F(VhostHostileRings, ACallThatWouldBlockHoldsNobodyUp) {
  const UniqueFd full(::eventfd(0, EFD_CLOEXEC));
  const std::uint64_t most = 0xfffffffffffffffe;
  ASSERT_EQ(::write(full.get(), &most, sizeof most), 8);
  const auto bad = add("bad", {.features = virtio::kVersion1});
  for (const std::uint64_t ring : {0U, 1U}) EXPECT_EQ(bad->say(vhost::kSetVringCall, packed(ring), {full.get()}), 0U);
  EXPECT_FALSE(bad->rx().wait_used(1, 0)) << "the guest asks for calls and does not wait";
  EXPECT_FALSE(bad->tx().wait_used(1, 0));
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(bad->send(ethernet_frame(kA, kC, content(7))));
    expect_good_traffic();
  }
  EXPECT_TRUE(eventually([&] { return bad->rx().pending() >= 50; }));
  // The guest makes the descriptor blocking again. Frames and the end of the port must still not wait.
  EXPECT_EQ(::fcntl(full.get(), F_SETFL, 0), 0);
  EXPECT_TRUE(bad->send(ethernet_frame(kA, kC, content(7))));
  expect_good_traffic();
  Lab::ok("rbctl delif br0 bad");
}

// Rings that change while the switch reads them.

std::uint16_t word(const Octets& octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets.at(at) << 8 | octets.at(at + 1));
}

/// Describes the error in a header for this frame; "" if there is none.
std::string complaint(const OffloadedFrame& frame) {
  const VnetHeader& header = frame.header;
  const std::size_t size = frame.octets.size();
  if (size < 14) return "no Ethernet header";
  if ((header.flags & ~(kVnetNeedsCsum | kVnetDataValid)) != 0) return "flags";
  if ((header.flags & kVnetNeedsCsum) != 0 && header.csum_start + header.csum_offset + 2U > size) return "csum_start";
  if (header.gso_type == kGsoNone) return "";
  if ((header.flags & kVnetNeedsCsum) == 0 || header.gso_size == 0) return "segments without sums or sizes";
  std::size_t at = 12;
  while (word(frame.octets, at) == 0x8100 || word(frame.octets, at) == 0x88a8) at += 4;
  const std::uint16_t type = word(frame.octets, at);
  const std::uint8_t kind = header.gso_type & static_cast<std::uint8_t>(~kGsoEcn);
  if (kind != kGsoTcpV4 && kind != kGsoTcpV6 && kind != kGsoUdpL4) return "an unknown kind of segments";
  if (type != 0x0800 && type != 0x86dd) return "neither IPv4 nor IPv6";
  if (kind == kGsoTcpV4 && type != 0x0800) return "TSO4 without IPv4";
  if (kind == kGsoTcpV6 && type != 0x86dd) return "TSO6 without IPv6";
  if (type == 0x0800 && frame.octets.at(at + 11) != (kind == kGsoUdpL4 ? 17 : 6)) return "another protocol";
  if (header.csum_start < at + 22 || header.csum_start + (kind == kGsoUdpL4 ? 8U : 20U) > size) return "no layer 4";
  return "";
}

/// Rewrites the frames that a guest sends, until it is destroyed.
class Mutator {
 public:
  static constexpr std::uint16_t kChains = 32;  // of two descriptors each

  /// `wild`: it also rewrites descriptors.
  Mutator(Ring& ring, bool wild) : ring_(ring) {
    Octets whole = packed(VnetHeader{});
    const OffloadedFrame frame = make_super_frame({.source = kC, .segment_size = 100}, std::string(1000, 'x'));
    std::memcpy(whole.data(), &frame.header, sizeof frame.header);
    whole.insert(whole.end(), frame.octets.begin(), frame.octets.end());
    for (std::uint16_t i = 0; i < kChains; ++i) {
      const std::uint64_t address = ring.allocate(2048);
      std::copy(whole.begin(), whole.end(), ring.memory().at(address));
      frames_.push_back(ring.memory().at(address));
      const auto first = static_cast<std::uint16_t>(2 * i), second = static_cast<std::uint16_t>(2 * i + 1);
      ring.descriptor(first) = {address, kFirstSize, kNext, second};
      ring.descriptor(second) = {address + kFirstSize, static_cast<std::uint32_t>(whole.size() - kFirstSize), 0, 0};
    }
    for (std::uint16_t i = 0; i < ring.size(); ++i) ring.offer(static_cast<std::uint16_t>(2 * (i % kChains)));
    thread_ = std::thread([this, wild] {
      std::minstd_rand random(1);
      while (!done_) {
        change_frame(random);
        if (wild && random() % 1000 == 0) change_descriptor(random);
      }
    });
  }
  ~Mutator() {
    done_ = true;
    thread_.join();
  }
  Mutator(const Mutator&) = delete;
  Mutator& operator=(const Mutator&) = delete;

  /// Sends all chains again that have come back.
  void send_all() { ring_.publish_index(static_cast<std::uint16_t>(ring_.used_index() + kChains)); }

 private:
  static constexpr std::uint32_t kFirstSize = 30;

  static void store(std::uint8_t* at, std::uint16_t value) {
    std::atomic_ref(*reinterpret_cast<std::uint16_t*>(at)).store(value, std::memory_order_relaxed);
  }
  void change_frame(std::minstd_rand& random) const {
    static constexpr std::uint16_t kTypes[] = {0x0008, 0xdd86, 0x0081, 0xa888, 0xb588};  // in their order in memory
    static constexpr std::uint8_t kGso[] = {0, 1, 3, 4, 5, 0x81, 0x84, 0x85, 0xff};
    std::uint8_t* const frame = frames_[random() % frames_.size()];
    const auto any = static_cast<std::uint16_t>(random() & 0xffff);
    const auto small = static_cast<std::uint16_t>(random() % 128);
    switch (random() % 8) {
      case 0:
        return store(frame,
                     static_cast<std::uint16_t>(random() % 4 | std::uint32_t{kGso[random() % std::size(kGso)]} << 8));
      case 1:
        return store(frame + 2 + 2 * (random() % 4), any);
      case 2:
        return store(frame + 2 + 2 * (random() % 4), small);
      case 3:
        return store(frame + 6, static_cast<std::uint16_t>(34 + random() % 2 * 20));  // a csum_start that may be valid
      case 4:
        return store(frame + 24, kTypes[random() % std::size(kTypes)]);
      case 5:
        return store(frame + 26 + 2 * (random() % 27), any);  // headers of IP and TCP
      case 6:
        return store(frame + 26, static_cast<std::uint16_t>(random() % 2 != 0 ? 0x45 : 0x60));
      default:
        return store(frame + 34, static_cast<std::uint16_t>(64 | (random() % 2 != 0 ? 6 : 17) << 8));
    }
  }
  void change_descriptor(std::minstd_rand& random) const {
    auto* const octets = reinterpret_cast<std::uint8_t*>(&ring_.descriptor(random() % (2 * kChains)));
    static constexpr std::size_t kFields[] = {0, 8, 8, 12, 14};  // low address, low size, flags, next
    const std::size_t field = kFields[random() % std::size(kFields)];
    store(octets + field, static_cast<std::uint16_t>(random() % (field < 12 ? 65536U : field == 12 ? 8U : 70U)));
  }

  Ring& ring_;
  std::vector<std::uint8_t*> frames_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

TEST_F(VhostHostileRings, FramesMayChangeWhileTheyAreRead) {
  const auto bad = add("bad", {.ring_size = 64, .buffer_count = 0});
  std::uint64_t received = 0;
  {
    Mutator mutator(bad->tx(), false);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (std::chrono::steady_clock::now() < end) {
      mutator.send_all();
      while (const std::optional<OffloadedFrame> frame = two->rx().receive(0)) {
        ++received;
        ASSERT_EQ(complaint(*frame), "") << ::testing::PrintToString(frame->octets);
      }
    }
  }
  EXPECT_TRUE(eventually([&] { return bad->tx().used_index() == bad->tx().avail_index(); }));
  EXPECT_GT(received, 0U);
  EXPECT_FALSE(bad->is_closed(0)) << "only the frames were bad";
}

TEST_F(VhostHostileRings, DescriptorsMayChangeWhileTheyAreRead) {
  add_port("bad");
  for (int life = 0; life < 5; ++life) {
    FrontEnd bad({.ring_size = 64, .buffer_count = 0});
    start(bad, "bad");
    Mutator mutator(bad.tx(), true);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    while (std::chrono::steady_clock::now() < end && !bad.is_closed(0)) {
      mutator.send_all();
      while (const std::optional<OffloadedFrame> frame = two->rx().receive(0)) ASSERT_EQ(complaint(*frame), "");
    }
    EXPECT_TRUE(eventually([&] { return bad.tx().used_index() == bad.tx().avail_index() || bad.is_closed(0); }));
  }
}

}  // namespace
}  // namespace rb::test
