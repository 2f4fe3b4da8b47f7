// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/vhost/vhost_backend.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "ports/vhost/virtio_features.hpp"

namespace rb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Request = VhostRequest;
using Calls = std::vector<std::string>;

constexpr std::uint64_t kRegionSize = 0x40000, kUser = 0x7f0000000000, kGuest = 0x100000;

std::uint64_t bit(unsigned feature) {
  return std::uint64_t{1} << feature;
}
const std::uint64_t kModern = bit(virtio::kVersion1) | bit(virtio::kProtocolFeatures);
const std::uint64_t kReplyAck = bit(static_cast<unsigned>(VhostProtocolFeature::kReplyAck));

UniqueFd shared_file(std::uint64_t size = 4 * kRegionSize) {
  UniqueFd file(::memfd_create("vhost_backend_test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
  return file;
}
UniqueFd eventfd() {
  return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}
std::vector<UniqueFd> one(UniqueFd fd) {
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(fd));
  return fds;
}
std::size_t open_fds() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

/// Records its calls, and checks that the memory and descriptors of a ring are valid until the ring stops.
class RecordingRunner final : public VringRunner {
 public:
  void start(unsigned ring, const VringSetup& setup) override {
    EXPECT_TRUE(running.emplace(ring, setup).second) << "ring " << ring << " runs";
    calls.push_back(fmt::format("start {} at {}", ring, setup.next));
    expect_usable(setup);
  }
  std::uint16_t stop(unsigned ring) override {
    EXPECT_TRUE(running.contains(ring)) << "ring " << ring << " does not run";
    expect_usable(running[ring]);
    running.erase(ring);
    calls.push_back(fmt::format("stop {}", ring));
    return static_cast<std::uint16_t>(stops_at + ring);
  }
  void enable(unsigned ring, bool enabled) override { calls.push_back(fmt::format("enable {} {}", ring, enabled)); }
  void set_call(unsigned ring, int fd) override {
    EXPECT_TRUE(running[ring].call_fd < 0 || ::fcntl(running[ring].call_fd, F_GETFD) >= 0)
        << "the descriptor is in use until now";
    running[ring].call_fd = fd;
    calls.push_back(fmt::format("call {}{}", ring, fd < 0 ? " never" : ""));
  }
  void announce(const MacAddress& station) override { calls.push_back("announce " + to_string(station)); }

  Calls take() { return std::exchange(calls, {}); }
  std::map<unsigned, VringSetup> running;
  Calls calls;
  unsigned stops_at = 1000;  // the ring's number is added

 private:
  static void expect_usable(const VringSetup& setup) {
    EXPECT_GE(::fcntl(setup.kick_fd, F_GETFD), 0);
    if (setup.layout.is_packed) {
      setup.layout.packed.ring[setup.layout.size - 1].len = 1;
      setup.layout.packed.device_event->flags = 1;
      EXPECT_EQ(static_cast<const volatile vring_packed_desc_event*>(setup.layout.packed.driver_event)->off_wrap, 0);
      return;
    }
    setup.layout.used->ring[setup.layout.size - 1].len = 1;
    const auto* const last = &setup.layout.descriptors[setup.layout.size - 1].next;
    EXPECT_EQ(*static_cast<const volatile std::uint16_t*>(last), 0);
  }
};

class VhostBackendTest : public ::testing::Test {
 protected:
  using Answer = Result<std::optional<VhostBackend::Reply>>;

  template <typename Payload = std::uint64_t>
  static VhostMessage message(Request request, const Payload& payload = {}, std::vector<UniqueFd> fds = {}) {
    VhostMessage made;
    made.header = {static_cast<std::uint32_t>(request), VhostHeader::kVersion, sizeof payload};
    made.payload.resize(sizeof payload);
    std::memcpy(made.payload.data(), &payload, sizeof payload);
    made.fds = std::move(fds);
    return made;
  }
  /// The front end sends a message that is accepted and needs no answer.
  template <typename Payload = std::uint64_t>
  void say(Request request, const Payload& payload = {}, std::vector<UniqueFd> fds = {}) {
    const Answer answer = backend->handle(message(request, payload, std::move(fds)));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_FALSE(answer->has_value());
  }
  template <typename Number = std::uint64_t, typename Payload = std::uint64_t>
  Number ask(Request request, const Payload& payload = {}, std::vector<UniqueFd> fds = {}) {
    const Answer answer = backend->handle(message(request, payload, std::move(fds)));
    EXPECT_TRUE(answer && *answer);
    return answer && *answer ? number_in<Number>(**answer, request) : Number{};
  }
  template <typename Number = std::uint64_t>
  static Number number_in(const VhostBackend::Reply& reply, Request request) {
    VhostHeader header;
    Number number{};
    EXPECT_EQ(reply.octets.size(), sizeof header + sizeof number);
    std::memcpy(&header, reply.octets.data(), sizeof header);
    std::memcpy(&number, reply.octets.data() + sizeof header, sizeof number);
    EXPECT_EQ(header.request, static_cast<std::uint32_t>(request));
    EXPECT_EQ(header.flags, VhostHeader::kVersion | VhostHeader::kReply);
    EXPECT_EQ(header.size, sizeof number);
    return number;
  }

  /// Returns a table of one region that begins at `offset` of the file.
  static VhostMessage memory_table(UniqueFd file, std::uint64_t offset = 0, std::uint64_t size = kRegionSize) {
    struct {
      std::uint64_t count = 1;
      VhostRegion region;
    } table;
    table.region = {kGuest, size, kUser, offset};
    return message(Request::kSetMemTable, table, one(std::move(file)));
  }
  static VhostOneRegion region(std::uint64_t number) {
    return {.region = {kGuest + number * kRegionSize, kRegionSize, kUser + number * kRegionSize, number * kRegionSize}};
  }
  static VhostRingAddresses addresses_of(std::uint32_t ring, std::uint32_t flags = 0) {
    const std::uint64_t at = kUser + ring * 0x4000ULL;
    return {ring, flags, at, at + 0x2000, at + 0x1000, kGuest + ring * 0x4000ULL + 0x2000};
  }
  void negotiate(std::uint64_t features = kModern, std::uint64_t protocol_features = 0) {
    say(Request::kSetOwner);
    say(Request::kSetFeatures, features);
    say(Request::kSetProtocolFeatures, protocol_features);
    ASSERT_TRUE(backend->handle(memory_table(shared_file())));
  }
  void start_ring(std::uint32_t ring) {
    say(Request::kSetVringNum, VhostRingState{ring, 256});
    say(Request::kSetVringBase, VhostRingState{ring, 0});
    say(Request::kSetVringAddr, addresses_of(ring));
    say(Request::kSetVringCall, std::uint64_t{ring}, one(eventfd()));
    say(Request::kSetVringKick, std::uint64_t{ring}, one(eventfd()));
  }
  /// Starts and enables two rings.
  void start_pair(std::uint64_t features = kModern, std::uint64_t protocol_features = 0) {
    negotiate(features, protocol_features);
    for (const std::uint32_t ring : {0U, 1U}) {
      start_ring(ring);
      say(Request::kSetVringEnable, VhostRingState{ring, 1});
    }
    runner.calls.clear();
  }

  RecordingRunner runner;
  std::unique_ptr<VhostBackend> backend = std::make_unique<VhostBackend>(VhostOptions{}, runner);
};

TEST_F(VhostBackendTest, TellsWhatItOffers) {
  const auto features = ask(Request::kGetFeatures);
  for (const unsigned feature : {virtio::kVersion1, virtio::kMergeableBuffers, virtio::kEventIndex,
                                 virtio::kIndirectDescriptors, virtio::kLogAll, virtio::kProtocolFeatures,
                                 virtio::kMultiQueue, virtio::kCsum, virtio::kGuestTso4, virtio::kHostTso6})
    EXPECT_NE(features & bit(feature), 0U) << feature;
  const auto protocol_features = ask(Request::kGetProtocolFeatures);
  for (const VhostProtocolFeature feature :
       {VhostProtocolFeature::kMultiQueue, VhostProtocolFeature::kReplyAck, VhostProtocolFeature::kLogShmfd,
        VhostProtocolFeature::kInflightShmfd, VhostProtocolFeature::kConfigureMemSlots})
    EXPECT_NE(protocol_features & bit(static_cast<unsigned>(feature)), 0U);
  EXPECT_EQ(ask(Request::kGetQueueNum), VhostPort::kMaxQueuePairs);
  EXPECT_EQ(ask(Request::kGetMaxMemSlots), GuestMemory::kMaxRegions);
  VhostBackend plain({.offload = false}, runner);
  const Answer answer = plain.handle(message(Request::kGetFeatures));
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(number_in(**answer, Request::kGetFeatures) & (bit(virtio::kCsum) | bit(virtio::kGuestTso4)), 0U);
}

TEST_F(VhostBackendTest, ARingRunsFromItsKickOn) {
  negotiate();
  for (const std::uint32_t ring : {0U, 1U}) {
    EXPECT_THAT(runner.take(), IsEmpty());
    start_ring(ring);
    EXPECT_THAT(runner.take(), ElementsAre(fmt::format("start {} at 0", ring)));
    EXPECT_FALSE(backend->is_up());
    say(Request::kSetVringEnable, VhostRingState{ring, 1});
    EXPECT_THAT(runner.take(), ElementsAre(fmt::format("enable {} true", ring)));
  }
  EXPECT_TRUE(backend->is_up());
  EXPECT_EQ(backend->pair_count(), 1U);
  const VringSetup& setup = runner.running.at(1);
  EXPECT_EQ(setup.layout.size, 256U);
  EXPECT_EQ(setup.layout.used_guest_address, addresses_of(1).log);
  const auto* const table = reinterpret_cast<const std::byte*>(setup.layout.descriptors);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(setup.layout.available), table + 0x1000);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(setup.layout.used), table + 0x2000);
  std::size_t hint = 0;
  EXPECT_EQ(setup.memory->at(kGuest + 0x4000, 1, hint).data, table);
  EXPECT_EQ(setup.log, nullptr);
  say(Request::kSetVringEnable, VhostRingState{1, 0});
  EXPECT_FALSE(backend->is_up());
  EXPECT_EQ(backend->pair_count(), 1U);
}

TEST_F(VhostBackendTest, ARingGoesOnWhereTheFrontEndSays) {
  negotiate();
  say(Request::kSetVringNum, VhostRingState{0, 256});
  say(Request::kSetVringAddr, addresses_of(0));
  say(Request::kSetVringBase, VhostRingState{0, 65535});
  say(Request::kSetVringEnable, VhostRingState{0, 1});
  say(Request::kSetVringKick, std::uint64_t{0}, one(eventfd()));
  EXPECT_THAT(runner.take(), ElementsAre("start 0 at 65535"));
  EXPECT_TRUE(runner.running.at(0).enabled);
  EXPECT_EQ(runner.running.at(0).call_fd, -1);
}

TEST_F(VhostBackendTest, FrontEndsWithoutProtocolFeaturesHaveTheirRingsEnabled) {
  negotiate(bit(virtio::kVersion1));
  start_ring(0);
  start_ring(1);
  EXPECT_TRUE(runner.running.at(0).enabled);
  EXPECT_TRUE(backend->is_up());
}

TEST_F(VhostBackendTest, FeaturesReachTheRings) {
  struct {
    std::uint64_t features;
    std::uint32_t header_size;
    bool mergeable, event_index;
  } constexpr kCases[] = {{0, 10, false, false},
                          {std::uint64_t{1} << virtio::kVersion1, 12, false, false},
                          {std::uint64_t{1} << virtio::kMergeableBuffers, 12, true, false},
                          {std::uint64_t{1} << virtio::kEventIndex, 10, false, true}};
  start_pair();
  for (const auto& expected : kCases) {
    say(Request::kSetFeatures, expected.features);
    EXPECT_EQ(backend->features(), expected.features);
    const VringSetup& setup = runner.running.at(0);
    EXPECT_EQ(setup.header_size, expected.header_size);
    EXPECT_EQ(setup.mergeable, expected.mergeable);
    EXPECT_EQ(setup.event_index, expected.event_index);
  }
  EXPECT_EQ(backend->accepts(), Offloads{});
  say(Request::kSetFeatures, bit(virtio::kGuestCsum) | bit(virtio::kGuestTso4));
  EXPECT_EQ(backend->accepts(), Offloads{Offloads::kCsum | Offloads::kTso4});
  say(Request::kSetFeatures, bit(virtio::kGuestTso4));  // has no meaning without checksums
  EXPECT_EQ(backend->accepts(), Offloads{});
}

TEST_F(VhostBackendTest, AChangeOfMemoryStopsAllRingsAndStartsThemWhereTheyWere) {
  start_pair();
  const std::byte* const before = reinterpret_cast<const std::byte*>(runner.running.at(0).layout.descriptors);
  ASSERT_TRUE(backend->handle(memory_table(shared_file())));
  EXPECT_THAT(runner.take(), ElementsAre("stop 0", "stop 1", "start 0 at 1000", "start 1 at 1001"));
  EXPECT_NE(reinterpret_cast<const std::byte*>(runner.running.at(0).layout.descriptors), before);
  EXPECT_TRUE(runner.running.at(0).enabled);
  say(Request::kAddMemReg, region(1), one(shared_file()));
  EXPECT_THAT(runner.take(), ElementsAre("stop 0", "stop 1", "start 0 at 1000", "start 1 at 1001"));
  EXPECT_EQ(runner.running.at(0).memory->region_count(), 2U);
  say(Request::kRemMemReg, region(1));
  EXPECT_THAT(runner.take(), ElementsAre("stop 0", "stop 1", "start 0 at 1000", "start 1 at 1001"));
  EXPECT_EQ(runner.running.at(0).memory->region_count(), 1U);
}

TEST_F(VhostBackendTest, ARingThatRunsMayMove) {
  start_pair();
  VhostRingAddresses addresses = addresses_of(0);
  addresses.descriptors += 0x20000;
  const auto* const before = runner.running.at(0).layout.descriptors;
  say(Request::kSetVringAddr, addresses);
  EXPECT_THAT(runner.take(), ElementsAre("stop 0", "start 0 at 1000"));
  EXPECT_EQ(runner.running.at(0).layout.descriptors, before + 0x20000 / sizeof(vring_desc));
}

TEST_F(VhostBackendTest, WritesAreLoggedFromTheFeatureOn) {
  const std::uint64_t logged = kModern | bit(virtio::kLogAll);
  start_pair();
  // This request is always answered, also if the front end did not ask for an answer.
  EXPECT_EQ(ask(Request::kSetLogBase, VhostLog{.size = 4096, .offset = 4096}, one(shared_file())), 0U);
  EXPECT_EQ(runner.running.at(0).log, nullptr);
  say(Request::kSetFeatures, logged);
  say(Request::kSetVringAddr, addresses_of(1, VhostRingAddresses::kLog));
  ASSERT_NE(runner.running.at(0).log, nullptr);
  EXPECT_EQ(runner.running.at(0).used_log, nullptr);
  EXPECT_EQ(runner.running.at(1).used_log, runner.running.at(0).log);
  runner.calls.clear();
  const DirtyLog* const before = runner.running.at(0).log;
  EXPECT_EQ(ask(Request::kSetLogBase, VhostLog{.size = 4096}, one(shared_file())), 0U);
  EXPECT_THAT(runner.take(), ElementsAre("stop 0", "stop 1", "start 0 at 1000", "start 1 at 1001"));
  EXPECT_NE(runner.running.at(0).log, before);
  say(Request::kSetFeatures, kModern);
  EXPECT_EQ(runner.running.at(0).log, nullptr);
  EXPECT_EQ(runner.running.at(1).used_log, nullptr);
}

TEST_F(VhostBackendTest, TellsWhereAStoppedRingStands) {
  const std::size_t before = open_fds();
  start_pair();
  runner.stops_at = 4711;
  const auto state = ask<VhostRingState>(Request::kGetVringBase, VhostRingState{1, 0});
  EXPECT_EQ(state.ring, 1U);
  EXPECT_EQ(state.number, 4712U);
  EXPECT_THAT(runner.take(), ElementsAre("stop 1"));
  EXPECT_FALSE(backend->is_up());
  EXPECT_EQ(open_fds(), before + 2) << "of ring 0";
  EXPECT_EQ(ask<VhostRingState>(Request::kGetVringBase, VhostRingState{1, 0}).number, 4712U);
  EXPECT_THAT(runner.take(), IsEmpty());
  say(Request::kSetVringKick, std::uint64_t{1}, one(eventfd()));
  EXPECT_THAT(runner.take(), ElementsAre("start 1 at 4712"));
  EXPECT_TRUE(backend->is_up());
}

TEST_F(VhostBackendTest, AReplacedCallIsClosedWhenTheRingHasTheNewOne) {
  start_pair();
  const std::size_t before = open_fds();
  say(Request::kSetVringCall, std::uint64_t{0}, one(eventfd()));
  say(Request::kSetVringCall, std::uint64_t{1} | kVhostNoFd);
  EXPECT_THAT(runner.take(), ElementsAre("call 0", "call 1 never"));
  EXPECT_EQ(open_fds(), before - 1);
  say(Request::kSetVringErr, std::uint64_t{0}, one(eventfd()));
  say(Request::kSetVringErr, std::uint64_t{0}, one(eventfd()));
  EXPECT_EQ(open_fds(), before - 1) << "an error ends the connection, and needs no descriptor";
  say(Request::kSetVringKick, std::uint64_t{0}, one(eventfd()));
  EXPECT_THAT(runner.take(), ElementsAre("stop 0", "start 0 at 1000"));
  EXPECT_EQ(open_fds(), before - 1);
}

TEST_F(VhostBackendTest, AResetStopsEverything) {
  for (const auto& [request, payload] :
       {std::pair{Request::kResetOwner, 0U}, {Request::kResetDevice, 0U}, {Request::kSetStatus, 0U}}) {
    start_pair();
    say(Request::kSetStatus, std::uint64_t{15});
    EXPECT_EQ(ask(Request::kGetStatus), 15U);
    say(request, std::uint64_t{payload});
    EXPECT_THAT(runner.take(), ElementsAre("stop 0", "stop 1"));
    EXPECT_FALSE(backend->is_up());
    EXPECT_EQ(ask(Request::kGetStatus), 0U);
  }
}

TEST_F(VhostBackendTest, HandsOnWhatIsNotAboutRings) {
  say(Request::kNetSetMtu, std::uint64_t{9000});
  EXPECT_EQ(backend->mtu(), 9000);
  say(Request::kSendRarp, std::uint64_t{0x060504030252});
  EXPECT_THAT(runner.take(), ElementsAre("announce 52:02:03:04:05:06"));
}

TEST_F(VhostBackendTest, GivesMemoryForChainsInFlightAndTakesItBack) {
  const std::size_t before = open_fds();
  const VhostInflight wanted{.ring_count = 4, .ring_size = 256};
  {
    Answer answer = backend->handle(message(Request::kGetInflightFd, wanted));
    ASSERT_TRUE(answer && *answer);
    const auto given = number_in<VhostInflight>(**answer, Request::kGetInflightFd);
    struct stat status{};
    ASSERT_EQ(::fstat((*answer)->fd.get(), &status), 0);
    EXPECT_EQ(given.offset, 0U);
    EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), given.size);
    EXPECT_GE(given.size, 4 * (sizeof(VhostInflightRing) + 256 * 16));
    say(Request::kSetInflightFd, given, one(std::move((*answer)->fd)));
  }
  EXPECT_EQ(open_fds(), before);
}

TEST_F(VhostBackendTest, StopsWhatRunsAndClosesEverythingInTheEnd) {
  const std::size_t before = open_fds();
  start_pair();
  EXPECT_EQ(open_fds(), before + 4);
  backend.reset();
  EXPECT_THAT(runner.take(), ElementsAre("stop 0", "stop 1"));
  EXPECT_EQ(open_fds(), before);
}

TEST_F(VhostBackendTest, AcknowledgesOnlyWhatAsksForIt) {
  start_pair(kModern, kReplyAck);
  VhostMessage asks = message(Request::kSetVringEnable, VhostRingState{0, 1});
  asks.header.flags |= VhostHeader::kNeedReply;
  const Answer answer = backend->handle(std::move(asks));
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(number_in(**answer, Request::kSetVringEnable), 0U);
  say(Request::kSetVringEnable, VhostRingState{0, 1});
  // Without the negotiated feature there is no answer.
  say(Request::kSetProtocolFeatures, std::uint64_t{0});
  asks = message(Request::kSetVringEnable, VhostRingState{0, 1});
  asks.header.flags |= VhostHeader::kNeedReply;
  const Answer none = backend->handle(std::move(asks));
  EXPECT_TRUE(none && !*none);
}

// Messages that the back end refuses.

class VhostBackendRefusals : public VhostBackendTest {
 protected:
  struct Bad {
    const char* name;
    std::function<VhostMessage()> make;
  };
  template <typename Payload = std::uint64_t>
  static Bad bad(const char* name, Request request, const Payload& payload, int (*open)() = nullptr) {
    return {name, [=] {
              return message(request, payload, open == nullptr ? std::vector<UniqueFd>() : one(UniqueFd(open())));
            }};
  }
  static int an_eventfd() { return eventfd().release(); }
  static int memory() { return shared_file().release(); }
  static int a_directory() { return ::open("/", O_RDONLY | O_CLOEXEC); }
  static VhostRingAddresses moved(std::uint64_t VhostRingAddresses::* part, std::uint64_t to, std::uint32_t ring = 0) {
    VhostRingAddresses addresses = addresses_of(ring);
    addresses.*part = to;
    return addresses;
  }
  /// Rings 0 and 1 run. Ring 2 is stopped and has a base. Ring 3 has nothing.
  static std::vector<Bad> all() {
    const std::uint64_t end = kUser + kRegionSize;
    using At = VhostRingAddresses;
    return {
        bad("unknown request", Request{999}, std::uint64_t{0}),
        bad("a request of none", Request{0}, std::uint64_t{0}),
        bad("payload too short", Request::kSetFeatures, std::uint32_t{0}),
        bad("payload too long", Request::kSetVringNum, std::array<std::uint64_t, 2>{}),
        bad("features not offered", Request::kSetFeatures, ~std::uint64_t{0}),
        bad("protocol features not offered", Request::kSetProtocolFeatures, ~std::uint64_t{0}),
        bad("memory table without descriptor", Request::kSetMemTable,
            std::array<std::uint64_t, 5>{1, kGuest, 1, kUser}),
        bad("memory table with nine regions", Request::kSetMemTable, std::array<std::uint64_t, 40>{9}),
        bad("memory table without its region", Request::kSetMemTable, std::array<std::uint64_t, 4>{1}, memory),
        bad("memory table that rings are not in", Request::kSetMemTable,
            std::array<std::uint64_t, 5>{1, kGuest, 0x1000, kUser, 0}, memory),
        bad("memory table of a directory", Request::kSetMemTable,
            std::array<std::uint64_t, 5>{1, kGuest, kRegionSize, kUser, 0}, a_directory),
        bad("empty memory table", Request::kSetMemTable, std::uint64_t{0}),
        bad("too many descriptors", Request::kSetMemTable, std::uint64_t{0}, memory),
        bad("region without descriptor", Request::kAddMemReg, region(1)),
        bad("region that overlaps", Request::kAddMemReg, region(0), memory),
        bad("region that its file does not have", Request::kAddMemReg, region(4), memory),
        bad("region that rings are in", Request::kRemMemReg, region(0)),
        bad("region that is not there", Request::kRemMemReg, region(1)),
        bad("log without descriptor", Request::kSetLogBase, VhostLog{4096, 0}),
        bad("log of an eventfd", Request::kSetLogBase, VhostLog{4096, 0}, an_eventfd),
        bad("log behind its file", Request::kSetLogBase, VhostLog{4096, 4 * kRegionSize}, memory),
        bad("size 0", Request::kSetVringNum, VhostRingState{2, 0}),
        bad("size 3", Request::kSetVringNum, VhostRingState{2, 3}),
        bad("size 65536", Request::kSetVringNum, VhostRingState{2, 65536}),
        bad("size of a ring that runs", Request::kSetVringNum, VhostRingState{0, 128}),
        bad("size of ring 64", Request::kSetVringNum, VhostRingState{64, 128}),
        bad("base of a ring that runs", Request::kSetVringBase, VhostRingState{0, 1}),
        bad("base of 17 bits", Request::kSetVringBase, VhostRingState{2, 65536}),
        bad("base of ring 64", Request::kSetVringBase, VhostRingState{64, 0}),
        bad("where ring 64 stands", Request::kGetVringBase, VhostRingState{64, 0}),
        bad("addresses of ring 64", Request::kSetVringAddr, addresses_of(64)),
        bad("table outside", Request::kSetVringAddr, moved(&At::descriptors, end - 256 * 16 + 16)),
        bad("available ring outside", Request::kSetVringAddr, moved(&At::available, end - (4 + 256 * 2 + 2) + 2)),
        bad("used ring outside", Request::kSetVringAddr, moved(&At::used, end - (4 + 256 * 8 + 2))),
        bad("table at a guest's address", Request::kSetVringAddr, moved(&At::descriptors, kGuest)),
        bad("table misaligned", Request::kSetVringAddr, moved(&At::descriptors, kUser + 8)),
        bad("available ring misaligned", Request::kSetVringAddr, moved(&At::available, kUser + 0x1001)),
        bad("used ring misaligned", Request::kSetVringAddr, moved(&At::used, kUser + 0x2002)),
        bad("no kick", Request::kSetVringKick, 0 | kVhostNoFd),
        bad("kick without descriptor", Request::kSetVringKick, std::uint64_t{0}),
        bad("kick by a file", Request::kSetVringKick, std::uint64_t{0}, memory),
        bad("kick of a ring that is not described", Request::kSetVringKick, std::uint64_t{3}, an_eventfd),
        bad("kick of ring 64", Request::kSetVringKick, std::uint64_t{64}, an_eventfd),
        bad("call by a directory", Request::kSetVringCall, std::uint64_t{0}, a_directory),
        bad("error without descriptor", Request::kSetVringErr, std::uint64_t{0}),
        bad("neither enabled nor not", Request::kSetVringEnable, VhostRingState{0, 2}),
        bad("enables ring 64", Request::kSetVringEnable, VhostRingState{64, 1}),
        bad("MTU too small", Request::kNetSetMtu, std::uint64_t{67}),
        bad("MTU too large", Request::kNetSetMtu, std::uint64_t{65536}),
        bad("group's RARP", Request::kSendRarp, std::uint64_t{0x060504030201}),
        bad("nobody's RARP", Request::kSendRarp, std::uint64_t{0}),
        bad("no chains in flight", Request::kGetInflightFd, VhostInflight{.ring_count = 0, .ring_size = 256}),
        bad("chains in flight of 65 rings", Request::kGetInflightFd, VhostInflight{.ring_count = 65, .ring_size = 256}),
        bad("chains in flight nowhere", Request::kSetInflightFd,
            VhostInflight{.size = 64, .ring_count = 1, .ring_size = 1}),
    };
  }
  void prepare(std::uint64_t protocol_features) {
    start_pair(kModern | bit(virtio::kLogAll), protocol_features);
    say(Request::kNetSetMtu, std::uint64_t{1500});
    ask(Request::kSetLogBase, VhostLog{.size = 4096}, one(shared_file()));
    say(Request::kSetVringNum, VhostRingState{2, 64});
    say(Request::kSetVringBase, VhostRingState{2, 77});
    say(Request::kSetStatus, std::uint64_t{15});
    runner.calls.clear();
  }
  /// The visible state of the back end. It also restarts the rings, to see the state with which they start.
  std::string state() {
    std::string text = fmt::format("{:x} {} {} {} fds {}\n", backend->features(), backend->mtu(), backend->is_up(),
                                   backend->pair_count(), open_fds());
    text += fmt::format("status {} base {}\n", ask(Request::kGetStatus),
                        ask<VhostRingState>(Request::kGetVringBase, VhostRingState{2, 0}).number);
    say(Request::kSetFeatures, backend->features());
    for (const auto& [ring, setup] : runner.running) {
      text += fmt::format("ring {}: {} of {} {} {} at {}, {} {}, memory {} of {} log {} {}\n", ring, setup.next,
                          setup.layout.size, fmt::ptr(setup.layout.descriptors), fmt::ptr(setup.layout.used),
                          setup.kick_fd, setup.call_fd, setup.enabled, fmt::ptr(setup.memory),
                          setup.memory->region_count(), fmt::ptr(setup.log), fmt::ptr(setup.used_log));
    }
    runner.calls.clear();
    return text;
  }
};

TEST_F(VhostBackendRefusals, EndTheConnectionAndChangeNothing) {
  prepare(0);
  const std::string before = state();
  for (const Bad& bad : all()) {
    const Answer answer = backend->handle(bad.make());
    EXPECT_FALSE(answer) << bad.name;
    EXPECT_THAT(runner.take(), IsEmpty()) << bad.name;
    ASSERT_EQ(state(), before) << bad.name;
  }
}

TEST_F(VhostBackendRefusals, AreToldToWhoAsksForAnAnswerAndChangeNothing) {
  prepare(kReplyAck);
  const std::string before = state();
  for (const Bad& bad : all()) {
    VhostMessage asks = bad.make();
    asks.header.flags |= VhostHeader::kNeedReply;
    const auto request = asks.request();
    const Answer answer = backend->handle(std::move(asks));
    const bool has_its_own = request == VhostRequest::kSetLogBase || request == VhostRequest::kGetVringBase ||
                             request == VhostRequest::kGetInflightFd;
    if (has_its_own) {
      // The front end would take an error for the requested value, so the connection ends.
      EXPECT_FALSE(answer.has_value()) << bad.name;
      ASSERT_EQ(state(), before) << bad.name;
      continue;
    }
    ASSERT_TRUE(answer && *answer) << bad.name;
    EXPECT_NE(number_in(**answer, request), 0U) << bad.name;
    EXPECT_FALSE(backend->refusal().empty()) << bad.name;
    EXPECT_THAT(runner.take(), IsEmpty()) << bad.name;
    ASSERT_EQ(state(), before) << bad.name;
    EXPECT_TRUE(backend->refusal().empty());
  }
}

// Packed rings.

class VhostBackendPacked : public VhostBackendTest {
 protected:
  static constexpr std::uint64_t kEnd = kUser + kRegionSize;
  /// True if ring 0 starts with these addresses.
  bool starts_with(const VhostRingAddresses& addresses) {
    say(Request::kSetVringAddr, addresses);
    const bool starts = backend->handle(message(Request::kSetVringKick, std::uint64_t{0}, one(eventfd()))).has_value();
    EXPECT_EQ(runner.running.contains(0), starts);
    if (starts) ask<VhostRingState>(Request::kGetVringBase, VhostRingState{0, 0});
    return starts;
  }
  static VhostRingAddresses moved(std::uint64_t VhostRingAddresses::* part, std::uint64_t to) {
    VhostRingAddresses addresses = addresses_of(0);
    addresses.*part = to;
    return addresses;
  }
  const std::uint64_t packed = kModern | bit(virtio::kPackedRing);
};

TEST_F(VhostBackendPacked, FeaturesReachTheRings) {
  EXPECT_NE(ask(Request::kGetFeatures) & bit(virtio::kPackedRing), 0U);
  start_pair(packed);
  const VringLayout& layout = runner.running.at(1).layout;
  EXPECT_TRUE(layout.is_packed);
  EXPECT_EQ(layout.size, 256U);
  EXPECT_EQ(layout.used_guest_address, kGuest + 0x4000) << "the used descriptors are in the ring itself";
  EXPECT_EQ(layout.descriptors, nullptr);
  const auto* const ring = reinterpret_cast<const std::byte*>(layout.packed.ring);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(layout.packed.driver_event), ring + 0x1000);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(layout.packed.device_event), ring + 0x2000);
  std::size_t hint = 0;
  EXPECT_EQ(runner.running.at(1).memory->at(kGuest + 0x4000, 1, hint).data, ring);
  say(Request::kSetFeatures, kModern);
  EXPECT_FALSE(runner.running.at(1).layout.is_packed);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(runner.running.at(1).layout.descriptors), ring);
}

TEST_F(VhostBackendPacked, ABaseOfTwoHalvesIsForPackedRings) {
  const VhostRingState both{0, 0x80058005};
  negotiate();
  EXPECT_FALSE(backend->handle(message(Request::kSetVringBase, both)));
  EXPECT_EQ(ask<VhostRingState>(Request::kGetVringBase, VhostRingState{0, 0}).number, 0U);
  say(Request::kSetFeatures, packed);
  say(Request::kSetVringNum, VhostRingState{0, 256});
  say(Request::kSetVringAddr, addresses_of(0));
  for (const std::uint32_t half : {0x8005U, 0x00ffU, 0x8000U, 0U}) {
    say(Request::kSetVringBase, VhostRingState{0, half << 16 | half});
    say(Request::kSetVringKick, std::uint64_t{0}, one(eventfd()));
    EXPECT_THAT(runner.take(), ElementsAre(fmt::format("start 0 at {}", half)));
    runner.stops_at = half ^ 0x8010;
    const auto state = ask<VhostRingState>(Request::kGetVringBase, VhostRingState{0, 0});
    EXPECT_EQ(state.ring, 0U);
    EXPECT_EQ(state.number, (half ^ 0x8010) << 16 | (half ^ 0x8010));
    runner.calls.clear();
  }
  // Only the lower half counts, because a front end may not know the upper half.
  say(Request::kSetVringBase, VhostRingState{0, 0x8000});
  say(Request::kSetVringKick, std::uint64_t{0}, one(eventfd()));
  EXPECT_THAT(runner.take(), ElementsAre("start 0 at 32768"));
}

TEST_F(VhostBackendPacked, TheirPartsLieInTheMemoryToItsLastOctet) {
  using At = VhostRingAddresses;
  negotiate(packed);
  say(Request::kSetVringNum, VhostRingState{0, 256});
  EXPECT_TRUE(starts_with(addresses_of(0)));
  EXPECT_TRUE(starts_with(moved(&At::descriptors, kEnd - 256 * 16)));
  EXPECT_FALSE(starts_with(moved(&At::descriptors, kEnd - 256 * 16 + 16)));
  for (const auto event : {&At::available, &At::used}) {
    EXPECT_TRUE(starts_with(moved(event, kEnd - 4)));
    EXPECT_FALSE(starts_with(moved(event, kEnd)));
    EXPECT_FALSE(starts_with(moved(event, kEnd - 2)));
    EXPECT_FALSE(starts_with(moved(event, kUser + 0x1002))) << "is not aligned";
    EXPECT_FALSE(starts_with(moved(event, kUser - 4)));
  }
  EXPECT_FALSE(starts_with(moved(&At::descriptors, kUser + 8)));
}

TEST_F(VhostBackendPacked, FeaturesThatARingCannotFollowChangeNothing) {
  using At = VhostRingAddresses;
  negotiate(packed);
  say(Request::kSetVringNum, VhostRingState{0, 256});
  say(Request::kSetVringAddr, moved(&At::available, kEnd - 4));  // there is room for an event structure only
  say(Request::kSetVringKick, std::uint64_t{0}, one(eventfd()));
  EXPECT_FALSE(backend->handle(message(Request::kSetFeatures, kModern)));
  EXPECT_EQ(backend->features(), packed);
  EXPECT_TRUE(runner.running.contains(0));
}

TEST_F(VhostBackendPacked, AResetTakesAwayWhatARingHasKeptOfItself) {
  for (const bool by_status : {false, true}) {
    start_pair(packed);
    vring_packed_desc_event* event = runner.running.at(0).layout.packed.device_event;
    event->off_wrap = 0x8004;
    by_status ? say(Request::kSetStatus) : say(Request::kResetDevice);
    EXPECT_EQ(event->off_wrap, 0);
  }
}

}  // namespace
}  // namespace rb
