// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the sessions of vhost-user ports: how connections, rings, memory and settings come, change and go, also across
// a restart of the switch.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <set>

#include "vhost_lab.hpp"

namespace rb::test {
namespace {

class VhostSession : public VhostLabTest {};

const Octets kOne = ethernet_frame(kEverybody, kA, content(1)), kTwo = ethernet_frame(kA, kB, content(2, 1400)),
             kThree = ethernet_frame(kEverybody, kA, content(3)), kLast = ethernet_frame(kEverybody, kC, content(99));

/// Sends frames each way.
void expect_traffic(const FrontEnd& a, const FrontEnd& b) {
  EXPECT_TRUE(a.send(kOne));
  EXPECT_TRUE(b.sees(kOne));
  EXPECT_TRUE(b.send(kTwo));
  EXPECT_TRUE(a.sees(kTwo));
}

constexpr std::uint32_t kRx = 0, kTx = 1;  // rings of the first pair

// Rings.

TEST_F(VhostSession, ARingThatIsStoppedGoesOnWhereItWas) {
  const auto a = add("vm1"), b = add("vm2");
  expect_traffic(*a, *b);
  EXPECT_EQ(a->stop(kTx), a->tx().used_index());
  EXPECT_EQ(a->stop(kRx), a->rx().used_index());
  EXPECT_TRUE(becomes("vm1", "disabled"));
  EXPECT_TRUE(a->send(kThree));  // the switch does not read this ring
  EXPECT_TRUE(b->send(kLast));
  EXPECT_TRUE(b->tx().drained());
  EXPECT_EQ(a->rx().pending(), 0U);
  EXPECT_EQ(a->tx().pending(), 0U);
  a->restart(kRx);
  a->restart(kTx);
  EXPECT_TRUE(becomes("vm1", "forwarding"));
  EXPECT_TRUE(b->sees(kThree));
  expect_traffic(*a, *b);
}

TEST_F(VhostSession, ARingThatIsDisabledTakesAndLosesFrames) {
  const auto a = add("vm1"), b = add("vm2");
  expect_traffic(*a, *b);
  a->enable(kRx, false);
  a->enable(kTx, false);
  EXPECT_TRUE(becomes("vm1", "disabled"));
  EXPECT_TRUE(a->send(kThree));
  EXPECT_TRUE(a->tx().drained()) << "the switch still takes the frame";
  EXPECT_TRUE(b->send(kTwo));
  EXPECT_TRUE(b->tx().drained());
  EXPECT_EQ(a->rx().pending(), 0U);
  a->enable(kRx, true);
  a->enable(kTx, true);
  EXPECT_TRUE(becomes("vm1", "forwarding"));
  EXPECT_TRUE(a->send(kLast));
  EXPECT_TRUE(b->until(kLast).empty());
  expect_traffic(*a, *b);
}

// Connections.

TEST_F(VhostSession, APortWaitsForItsGuestAndKeepsItsSettings) {
  const auto b = add("vm2");
  add_port("vm1");
  EXPECT_EQ(Lab::port("vm1")["state"], "disabled");
  EXPECT_EQ(Lab::call("port.set", {{"name", "vm1"}, {"cost", 77}, {"bcast_flood", false}}), nlohmann::json::object());
  for (int life = 0; life < 3; ++life) {
    FrontEnd a;
    start(a, "vm1");
    expect_traffic(a, *b);
    EXPECT_EQ(Lab::port("vm1")["cost"], 77);
    EXPECT_EQ(Lab::port("vm1")["bcast_flood"], false);
    EXPECT_EQ(trouble("vm1"), "");
    a.disconnect();
    EXPECT_TRUE(becomes("vm1", "disabled"));
  }
}

TEST_F(VhostSession, AGuestMayComeAgainWithItsRingsAsTheyAre) {
  const auto a = add("vm1"), b = add("vm2");
  for (int life = 0; life < 5; ++life) {
    expect_traffic(*a, *b);
    a->disconnect();
    EXPECT_TRUE(becomes("vm1", "disabled"));
    EXPECT_TRUE(a->send(kThree));
    start(*a, "vm1");
    EXPECT_TRUE(a->send(kLast));
    // The waiting frame may be lost, because a started ring that is not yet enabled loses its frames. It must not come
    // twice.
    EXPECT_LE(b->until(kLast).size(), 1U);
    EXPECT_TRUE(a->tx().drained());
  }
}

TEST_F(VhostSession, AClientGoesToItsGuestWheneverThatIsThere) {
  const auto b = add("vm2");
  add_port("vm1", ",client");
  EXPECT_EQ(Lab::port("vm1")["state"], "disabled");
  for (int life = 0; life < 2; ++life) {
    const VhostListener listener(path("vm1"));
    FrontEnd a;
    a.attach(listener.accept());
    a.start();
    EXPECT_TRUE(becomes("vm1", "forwarding"));
    expect_traffic(a, *b);
    a.disconnect();
    EXPECT_TRUE(becomes("vm1", "disabled"));
  }
}

TEST_F(VhostSession, ASecondGuestWaitsForTheFirstToGo) {
  const auto first = add("vm1"), b = add("vm2");
  FrontEnd second;
  second.connect(path("vm1"));
  second.send_message({.request = vhost::kGetFeatures});
  expect_traffic(*first, *b);
  EXPECT_EQ(trouble("vm1"), "");
  first->disconnect();
  const std::optional<VhostReply> reply = second.receive_reply();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->request, vhost::kGetFeatures);
  second.start();
  EXPECT_TRUE(becomes("vm1", "forwarding"));
  expect_traffic(second, *b);
}

TEST_F(VhostSession, ComesBackFromADump) {
  add_port("vm1", ",mode=600");
  add_port("vm2", ",client,name=second");
  const std::string dump = Lab::ok("rbctl dump"), file = lab->daemon.directory() / "dump";
  Lab::ok("rbctl delbr br0");
  EXPECT_NE(::access(path("vm1").c_str(), F_OK), 0) << "the port removes its socket's file";
  Lab::ok("cat > " + file + " <<'END'\n" + dump + "END\nrbctl -batch " + file);
  EXPECT_EQ(Lab::ok("rbctl dump"), dump);
}

TEST_F(VhostSession, NothingIsDeliveredTwiceWhenTheSwitchIsKilled) {
  const VhostListener at_a(path("vm1")), at_b(path("vm2"));
  FrontEnd a({.ring_size = 64, .buffer_count = 64}), b({.ring_size = 64, .buffer_count = 64});
  const auto come = [&] {
    for (const auto& [guest, listener] : {std::pair{&a, &at_a}, std::pair{&b, &at_b}}) {
      guest->attach(listener->accept());
      guest->start();
    }
    EXPECT_TRUE(becomes("vm1", "forwarding"));
    EXPECT_TRUE(becomes("vm2", "forwarding"));
  };
  add_port("vm1", ",client");
  add_port("vm2", ",client");
  come();
  const std::string file = lab->daemon.directory() / "dump";
  Lab::ok("rbctl dump > " + file);
  for (int life = 0; life < 3; ++life) {
    expect_traffic(a, b);
    EXPECT_TRUE(a.tx().drained());
    EXPECT_TRUE(b.tx().drained());
    EXPECT_EQ(lab->daemon.kill_hard(), -SIGKILL);
    EXPECT_TRUE(a.is_closed());
    EXPECT_TRUE(b.is_closed());
    EXPECT_TRUE(a.send(kThree));  // this frame waits in the ring
    lab->daemon.start({"--no-host-port", "--config", file});
    come();
    EXPECT_TRUE(a.send(kLast));
    // The waiting frame may be too early for a peer that is still connecting. It must not come twice, and nothing else
    // may come.
    EXPECT_LE(b.until(kLast).size(), 1U);
    EXPECT_EQ(a.rx().pending(), 0U);
  }
  expect_traffic(a, b);
}

TEST_F(VhostSession, ASwitchThatWasKilledTakesItsPathAgain) {
  const std::string file = lab->daemon.directory() / "dump";
  FrontEnd a, b;
  add_port("vm1");
  add_port("vm2");
  start(a, "vm1");
  start(b, "vm2");
  Lab::ok("rbctl dump > " + file);
  expect_traffic(a, b);
  EXPECT_EQ(lab->daemon.kill_hard(), -SIGKILL);
  lab->daemon.start({"--no-host-port", "--config", file});
  start(a, "vm1");
  start(b, "vm2");
  expect_traffic(a, b);
}

// Messages about the device.

TEST_F(VhostSession, TheGuestsMtuIsThePorts) {
  const auto a = add("vm1"), b = add("vm2");
  EXPECT_EQ(a->say(vhost::kNetSetMtu, packed(std::uint64_t{1400})), 0U);
  EXPECT_TRUE(eventually([] { return Lab::port("vm1")["mtu"] == 1400; }));
  // Like the kernel's bridge, the switch allows for a VLAN tag.
  const Octets largest = ethernet_frame(kEverybody, kB, content(5, 1402)),  // an EtherType and 1400 octets
      too_large = ethernet_frame(kEverybody, kB, content(6, 1402 + 5));
  for (const Octets& frame : {largest, too_large, kLast}) EXPECT_TRUE(b->send(frame));
  const std::vector<OffloadedFrame> got = a->until(kLast);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].octets, largest);
  EXPECT_TRUE(eventually([] { return Lab::drops("vm1", "over_mtu") == 1; }));
}

TEST_F(VhostSession, AGuestThatHasMovedHereIsAnnounced) {
  const auto a = add("vm1"), b = add("vm2");
  const Wire tap = lab->add_host("br0").wire();
  EXPECT_EQ(a->say(vhost::kSendRarp, {0x02, 0xaa, 0, 0, 0, 0x55, 0, 0}), 0U);
  const std::optional<OffloadedFrame> got = b->rx().receive();
  ASSERT_TRUE(got.has_value());
  const Octets start = ethernet_frame(kEverybody, "02:aa:00:00:00:55", {0x80, 0x35});  // RFC 903
  ASSERT_GE(got->octets.size(), 42U);
  EXPECT_EQ(Octets(got->octets.begin(), got->octets.begin() + 14), start);
  EXPECT_TRUE(tap.sees(got->octets));
  EXPECT_TRUE(eventually(
      [] { return Lab::ok("rbctl fdb show br br0").find("02:aa:00:00:00:55 dev vm1") != std::string::npos; }));
  EXPECT_EQ(a->rx().pending(), 0U) << "not to the guest itself";
}

TEST_F(VhostSession, SaysWhetherARequestWasGood) {
  add_port("vm1");
  const std::uint32_t none = 0, odd = 3, far = 2000;
  const std::vector<VhostMessage> bad = {{.request = vhost::kSetVringNum, .payload = packed(none, odd)},
                                         {.request = vhost::kSetVringNum, .payload = packed(far, odd + 5)},
                                         {.request = vhost::kSetVringEnable, .payload = packed(far, odd)}};
  for (VhostMessage message : bad) {
    SCOPED_TRACE("request " + std::to_string(message.request));
    FrontEnd a;
    start(a, "vm1");
    EXPECT_EQ(a.say(vhost::kNetSetMtu, packed(std::uint64_t{1500})), 0U);
    message.answer = VhostMessage::Answer::kAcknowledgement;
    EXPECT_NE(a.exchange(message).number(), 0U);
  }
  FrontEnd unasked({.protocol_features = vhost::kAllProtocolFeatures & ~vhost::kReplyAck});
  start(unasked, "vm1");
  unasked.send_message({.request = vhost::kNetSetMtu, .payload = packed(std::uint64_t{1500})});
  EXPECT_EQ(unasked.exchange({.request = vhost::kGetFeatures}).request, vhost::kGetFeatures)
      << "no other reply came before this one";
}

TEST_F(VhostSession, MemoryComesAndGoesWhileFramesPass) {
  const auto a = add("vm1", {.memory_slots = true}), b = add("vm2");
  EXPECT_GE(a->ask(vhost::kGetMaxMemSlots), 8U);
  const std::size_t extra = a->memory.add_region(0x80000000, 1 << 20);
  const std::uint64_t buffer = a->memory.allocate(extra, 4096);
  const VhostMessage plug = a->memory_region(vhost::kAddMemReg, extra),
                     unplug = a->memory_region(vhost::kRemMemReg, extra);
  Octets whole(a->tx().header_size());
  whole.insert(whole.end(), kThree.begin(), kThree.end());
  std::copy(whole.begin(), whole.end(), a->memory.at(buffer));
  // Meanwhile, frames go on from b to a's other memory.
  std::atomic<bool> done = false;
  unsigned sent = 0;
  std::thread sender([&] {
    for (; !done; ++sent) b->send(ethernet_frame(kA, kB, content(4)));
  });
  Ring& ring = a->tx();
  for (std::uint16_t i = 0; i < 20; ++i) {
    EXPECT_EQ(a->say(plug.request, plug.payload, plug.fds), 0U);
    ring.descriptor(i) = {.address = buffer, .size = static_cast<std::uint32_t>(whole.size())};
    ring.offer(i);
    ring.publish();
    EXPECT_TRUE(eventually([&] { return ring.used_index() == i + 1; }));
    EXPECT_EQ(ring.used(i).id, i);
    EXPECT_EQ(a->say(unplug.request, unplug.payload), 0U);
  }
  done = true;
  sender.join();
  EXPECT_TRUE(b->tx().drained());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(b->sees(kThree));
  EXPECT_TRUE(eventually([&] { return a->rx().pending() + egress_drops("vm1") == sent; }));
  // The guest must not use memory that it has removed.
  ring.descriptor(20) = {.address = buffer, .size = static_cast<std::uint32_t>(whole.size())};
  ring.offer(20);
  ring.publish();
  EXPECT_TRUE(a->is_closed());
  EXPECT_TRUE(eventually([] { return !trouble("vm1").empty(); }));
}

TEST_F(VhostSession, TheDeviceHasAStatusAndCanBeReset) {
  const auto a = add("vm1"), b = add("vm2");
  EXPECT_EQ(a->ask(vhost::kGetStatus), 15U) << "ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK (virtio 1.2 2.1)";
  for (int life = 0; life < 2; ++life) {
    expect_traffic(*a, *b);
    EXPECT_EQ(a->say(vhost::kResetDevice, {}), 0U);
    EXPECT_TRUE(becomes("vm1", "disabled"));
    EXPECT_EQ(a->ask(vhost::kGetStatus), 0U);
    bool again = false;  // true for the messages after SET_OWNER
    for (const VhostMessage& message : a->negotiation()) {
      if (again) {
        EXPECT_EQ(a->exchange(message).number(), 0U) << "request " << message.request;
      }
      again = again || message.request == vhost::kSetOwner;
    }
    a->rx().kick();
    a->tx().kick();
    EXPECT_TRUE(becomes("vm1", "forwarding"));
    EXPECT_EQ(a->ask(vhost::kGetStatus), 15U);
  }
  expect_traffic(*a, *b);
}

// Migration.

/// The log of pages to which the switch has written.
class DirtyLog {
 public:
  static constexpr std::uint64_t kOffset = 0x2000;
  static constexpr std::size_t kSize =
      (GuestMemory::kGuestAddresses[1] + GuestMemory::kRegionSize) / vhost::kLogPage / 8;

  DirtyLog() : file_(::memfd_create("log", MFD_CLOEXEC)) {
    if (::ftruncate(file_.get(), kOffset + kSize) != 0) throw std::runtime_error("ftruncate");
    void* const mapped = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), kOffset);
    if (mapped == MAP_FAILED) throw std::runtime_error("mmap");
    octets_ = static_cast<std::uint8_t*>(mapped);
  }
  ~DirtyLog() { ::munmap(octets_, kSize); }
  DirtyLog(const DirtyLog&) = delete;
  DirtyLog& operator=(const DirtyLog&) = delete;

  [[nodiscard]] VhostMessage message() const {
    return {.request = vhost::kSetLogBase, .payload = packed(std::uint64_t{kSize}, kOffset), .fds = {file_.get()}};
  }
  /// Returns the numbers of marked pages.
  [[nodiscard]] std::set<std::uint64_t> pages() const {
    std::set<std::uint64_t> marked;
    for (std::size_t i = 0; i < kSize; ++i) {
      const std::uint8_t octet = std::atomic_ref(octets_[i]).load();
      for (unsigned bit = 0; bit < 8; ++bit) {
        if ((octet >> bit & 1) != 0) marked.insert(8 * i + bit);
      }
    }
    return marked;
  }

 private:
  UniqueFd file_;
  std::uint8_t* octets_ = nullptr;
};

void add_pages(std::set<std::uint64_t>& pages, std::uint64_t address, std::uint64_t size) {
  for (std::uint64_t page = address / vhost::kLogPage; page <= (address + size - 1) / vhost::kLogPage; ++page)
    pages.insert(page);
}

TEST_F(VhostSession, MarksThePagesThatItWrites) {
  const auto a = add("vm1"), b = add("vm2", {.buffer_size = 512});
  expect_traffic(*a, *b);
  const DirtyLog log;
  (void)b->exchange(log.message());
  const std::uint64_t features = virtio::kModern | virtio::kOffloads | virtio::kProtocolFeatures;
  EXPECT_EQ(b->say(vhost::kSetFeatures, packed(features | virtio::kLogAll)), 0U);
  for (const std::uint32_t index : {kRx, kTx})
    EXPECT_EQ(b->say(vhost::kSetVringAddr, b->vring_addr(index, vhost::kRingLogged).payload), 0U);
  std::set<std::uint64_t> needed;
  const auto used_page = [&](const Ring& ring, std::uint16_t index) {
    add_pages(needed, ring.used_address() + 4 + 8U * (index % ring.size()), 8);
    add_pages(needed, ring.used_address() + 2, 2);
  };
  for (const std::size_t size : {400U, 1400U, 60U}) {
    const Octets frame = ethernet_frame(kEverybody, kA, content(8, size));
    std::size_t left = frame.size() + b->rx().header_size();
    for (std::size_t i = 0; left > 0; ++i) {
      const Ring::Descriptor& buffer = b->rx().next_buffers(i).at(0);
      const std::size_t part = std::min<std::size_t>(left, buffer.size);
      add_pages(needed, buffer.address, part);
      used_page(b->rx(), static_cast<std::uint16_t>(b->rx().used_index() + i));
      left -= part;
    }
    EXPECT_TRUE(a->send(frame));
    EXPECT_TRUE(b->sees(frame));
  }
  used_page(b->tx(), b->tx().used_index());
  EXPECT_TRUE(b->send(kTwo));
  EXPECT_TRUE(b->tx().drained());
  const auto all_marked = [&] {
    const std::set<std::uint64_t> marked = log.pages();
    return std::includes(marked.begin(), marked.end(), needed.begin(), needed.end());
  };
  EXPECT_TRUE(eventually(all_marked));
  // The used rings also have flags and events, so all of their pages may be marked.
  for (const std::uint32_t index : {kRx, kTx}) add_pages(needed, b->ring(index).used_address(), b->rx().used_size());
  for (const std::uint64_t page : log.pages()) EXPECT_TRUE(needed.contains(page)) << "page " << page;
  // After logging ends, no further page is marked.
  EXPECT_EQ(b->say(vhost::kSetFeatures, packed(features)), 0U);
  for (const std::uint32_t index : {kRx, kTx})
    EXPECT_EQ(b->say(vhost::kSetVringAddr, b->vring_addr(index).payload), 0U);
  const std::set<std::uint64_t> before = log.pages();
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(a->send(kOne) && b->sees(kOne));
  EXPECT_EQ(log.pages(), before);
}

TEST_F(VhostSession, InflightRegionIsGivenAndTakenBack) {
  constexpr std::uint16_t kRings = 2, kSize = 256;
  const auto b = add("vm2");
  add_port("vm1");
  FrontEnd a({.protocol_features = vhost::kAllProtocolFeatures | vhost::kInflightShmfd, .ring_size = kSize});
  UniqueFd region;
  std::uint64_t area[2] = {};  // size in octets, and offset
  for (int life = 0; life < 2; ++life) {
    a.connect(path("vm1"));
    a.start([&] {
      if (life == 0) {
        VhostReply reply =
            a.exchange({.request = vhost::kGetInflightFd,
                        .payload = packed(std::uint64_t{0}, std::uint64_t{0}, std::uint16_t{kRings}, kSize)});
        ASSERT_EQ(reply.fds.size(), 1U);
        ASSERT_GE(reply.payload.size(), 20U);
        std::memcpy(area, reply.payload.data(), sizeof area);
        EXPECT_GT(area[0], 0U);
        region = std::move(reply.fds[0]);
      }
      EXPECT_EQ(a.say(vhost::kSetInflightFd, packed(area[0], area[1], std::uint16_t{kRings}, kSize), {region.get()}),
                0U);
    });
    EXPECT_TRUE(becomes("vm1", "forwarding"));
    expect_traffic(a, *b);
    a.disconnect();
  }
}

}  // namespace
}  // namespace rb::test
