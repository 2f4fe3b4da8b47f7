// SPDX-License-Identifier: GPL-2.0-or-later
// The relay decides a batch run by run. The result must be the same as if it decided frame by frame.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "switch/big_endian.hpp"
#include "switch/loop_probe.hpp"
#include "tests/switch/relay_fixture.hpp"
#include "tests/switch/tagged_frame.hpp"

namespace rb::testing {
namespace {

/// Two bridges, one of them VLAN-aware. Their ports differ in every setting that the relay reads. Every station is
/// behind one port, so that the order of learning makes no difference.
class Network {
 public:
  static constexpr std::uint64_t kProbeSender = 7;
  static constexpr PortIndex kPlain = 6, kTagged = 6,
                             kAll = kPlain + kTagged + 1;  // the last port belongs to no bridge

  Network() {
    board_.add_bridge();
    board_.add_bridge();
    for (PortIndex i = 0; i < kPlain; ++i) board_.add_port(0);
    for (PortIndex i = 0; i < kTagged; ++i) board_.add_port(1);
    board_.ports.emplace_back();
    board_.bridges[0].stp = true;
    board_.bridges[0].probe_sender = kProbeSender;
    board_.ports[1].hairpin = true;
    board_.ports[1].isolated = board_.ports[2].isolated = true;
    board_.ports[3].locked = true;
    board_.ports[4].gate = PortGate::kLearning;
    board_.ports[5].mtu = 600;
    board_.ports[8].flood = false;
    board_.ports[9].gate = PortGate::kDiscarding;
    board_.bridges[1].stp = true;
    board_.bridges[1].group_fwd_mask = 1 << 14;
    make_vlans();
  }

  /// Counts events: counters by port (and VLAN), and each frame that left with its octets.
  using Books = std::map<std::tuple<std::size_t, std::size_t, std::size_t>, std::uint64_t>;
  struct Outcome {
    Books books;
    std::map<PortIndex, std::vector<std::vector<std::uint8_t>>> left;
    std::vector<std::tuple<std::size_t, PortIndex, PuntKind, bool>> punted;  // by the number of the frame
    bool operator==(const Outcome&) const = default;
  };

  /// Sends all frames in batches; `size` gives the size of each.
  Outcome send(std::span<const Frame> frames, auto size) {
    const ForwardingState state(board_.bridges, board_.ports);
    Outcome outcome;
    const Books before = books();
    for (std::size_t begin = 0; begin < frames.size();) {
      const std::size_t count = std::min<std::size_t>(size(), frames.size() - begin);
      egress_.clear();
      board_.relay().process(frames.subspan(begin, count), state, 1, egress_);
      for (const PortIndex port : egress_.ports()) {
        for (const FrameIndex index : egress_.frames(port)) {
          std::vector<std::uint8_t> octets = octets_of(board_.relay().frame(index));
          octets.push_back(static_cast<std::uint8_t>(board_.relay().cast(index)));
          outcome.left[port].push_back(std::move(octets));
        }
      }
      for (const Punt& punt : board_.relay().punted())
        outcome.punted.emplace_back(begin + punt.frame, punt.port, punt.kind, punt.ends);
      begin += count;
    }
    for (const auto& [what, value] : books()) {
      if (value != before.at(what)) outcome.books[what] = value - before.at(what);
    }
    return outcome;
  }
  [[nodiscard]] std::uint64_t sum(const Outcome& outcome, DropReason reason) const {
    std::uint64_t sum = 0;
    for (PortIndex port = 0; port < kAll; ++port) {
      const auto found = outcome.books.find({port, kDrops, static_cast<std::size_t>(reason)});
      if (found != outcome.books.end()) sum += found->second;
    }
    return sum;
  }

 private:
  static constexpr std::size_t kDrops = 1, kTraffic = 2, kVlan = 3;

  void make_vlans() {
    std::vector<PortVlans> vlans(kTagged);
    for (PortVlans& port : vlans) {
      for (const Vid vid : {Vid{10}, Vid{20}}) {
        port.ingress.set(vid);
        port.egress.set(vid);
      }
      port.pvid = 10;
    }
    vlans[0].untagged.set(10);
    vlans[1].untagged.set(20);
    vlans[1].admit = AdmitFrames::kTaggedOnly;
    vlans[2].tunnel = true;
    vlans[3].regenerated = {7, 6, 5, 4, 3, 2, 1, 0};
    vlans[4].pvid = kNoVid;
    vlans[5].egress.reset(20);
    std::vector<BridgeVlans::Member> members;
    for (PortIndex i = 0; i < kTagged; ++i) {
      const auto index = static_cast<PortIndex>(kPlain + i);
      board_.ports[index].vlans = std::make_shared<PortVlans>(vlans[i]);
      members.push_back({index, &vlans[i]});
      board_.vlan_counters.make(index, vlans[i].ingress);
    }
    std::array<Fid, kVidCount> fids{};
    fids[10] = 1010;
    fids[20] = 1020;
    board_.bridges[1].vlans = std::make_shared<BridgeVlans>(kTpidCustomer, fids, members);
  }

  [[nodiscard]] Books books() const {
    Books books;
    for (PortIndex port = 0; port < kAll; ++port) {
      const PortTotals totals = board_.totals(port);
      for (std::size_t cast = 0; cast < kCastKindCount; ++cast) {
        books[{port, kTraffic, 2 * cast}] = totals.rx[cast].frames;
        books[{port, kTraffic, 2 * cast + 1}] = totals.rx[cast].bytes;
      }
      books[{port, kTraffic, 10}] = totals.forwarded;
      books[{port, kTraffic, 11}] = totals.flooded;
      books[{port, kTraffic, 12}] = totals.copies;
      for (std::size_t reason = 0; reason < kDropReasonCount; ++reason)
        books[{port, kDrops, reason}] = totals.drops[reason];
      for (const Vid vid : {Vid{10}, Vid{20}}) {
        VlanTotals vlan;
        board_.vlan_counters.add_to(vlan, port, vid);
        const std::array numbers = {vlan.rx_frames, vlan.rx_bytes, vlan.tx_frames, vlan.tx_bytes, vlan.drops};
        for (std::size_t i = 0; i < numbers.size(); ++i) books[{port, kVlan, 100 * vid + i}] = numbers[i];
      }
    }
    return books;
  }

  Switchboard board_{4096};
  EgressLists egress_{kMaxPorts + 1};
};

/// A frame that may be cut off anywhere after its fourteenth octet.
struct CutFrame {
  std::vector<std::byte> octets;
  std::array<Piece, 2> pieces;
  VnetHeader vnet;
  Frame view;

  void cut(std::size_t head, PortIndex ingress) {
    head = std::min(head, octets.size());
    pieces[0] = {octets.data(), static_cast<std::uint32_t>(head)};
    pieces[1] = {octets.data() + head, static_cast<std::uint32_t>(octets.size() - head)};
    const std::uint16_t count = head == octets.size() ? 1 : 2;
    view = {&vnet, pieces.data(), static_cast<std::uint32_t>(octets.size()), count, ingress};
  }
};

/// Makes runs of frames. Each run differs from the run before in any property that a frame can have.
class Traffic {
 public:
  explicit Traffic(unsigned seed, std::size_t count) : random_(seed) {
    for (std::size_t i = 0; i < count; ++i) {
      if (i == 0 || random_() % 3 == 0) change();
      owned_.push_back(std::make_unique<CutFrame>());
      build(*owned_.back());
      views.push_back(owned_.back()->view);
    }
  }
  std::vector<Frame> views;

 private:
  unsigned below(unsigned count) { return static_cast<unsigned>(random_() % count); }

  void change() {
    switch (below(8)) {
      case 0:
        ingress_ = static_cast<PortIndex>(below(Network::kAll));
        [[fallthrough]];  // stations do not move
      case 1:
        from_ = station(1000 + ingress_ * 10U + below(3));
        if (below(20) == 0) from_ = below(2) == 0 ? MacAddress::from_number(0) : kBroadcast;
        break;
      case 2:
        to_ = some_destination();
        break;
      case 3:
        tag_ = below(2) == 0 ? kUntagged : make_tag(below(9) == 0 ? kTpidService : kTpidCustomer, some_tci());
        break;
      case 4:
        type_ = below(2) == 0 ? 0x0800 : 0x88b5;
        break;
      case 5:
        size_ = std::array<std::size_t, 5>{60, 64, 13, 1514, 1600}[below(5)];
        break;
      case 6:
        head_ = std::array<std::size_t, 5>{14, 16, 18, 200, 5000}[below(5)];
        break;
      default:
        vnet_ = below(6) == 0 ? VnetHeader{.gso_type = 77} : VnetHeader{};
    }
  }
  std::uint16_t some_tci() {
    return static_cast<std::uint16_t>(below(3) << kPcpShift | std::array{0U, 10U, 20U, 30U, 4095U}[below(5)]);
  }
  MacAddress some_destination() {
    switch (below(9)) {
      case 8:
        return kLoopProbeGroup.address();
      case 0:
        return kBroadcast;
      case 1:
        return mac("01:00:5e:00:00:05");
      case 2:
        return MacAddress::from_number(0x0180c2000000ULL + std::array{0U, 1U, 14U, 3U}[below(4)]);
      case 3:
        return station(9999);
      default:
        return station(1000 + below(Network::kAll) * 10U + below(3));
    }
  }
  void build(CutFrame& frame) {
    frame.octets.assign(size_, std::byte{static_cast<unsigned char>(random_())});
    std::vector<std::byte> head(12);
    std::memcpy(head.data(), to_.octets.data(), 6);
    std::memcpy(head.data() + 6, from_.octets.data(), 6);
    if (tag_ != kUntagged) {
      head.resize(16);
      store32(head.data() + 12, tag_);
    }
    head.resize(head.size() + 2);
    store16(head.data() + head.size() - 2, type_);
    std::memcpy(frame.octets.data(), head.data(), std::min(head.size(), frame.octets.size()));
    // A frame that looks like a probe is either the bridge's own or another's.
    if (to_ == kLoopProbeGroup.address() && size_ >= kLoopProbeSize)
      store64(frame.octets.data() + kLoopProbeSenderAt, Network::kProbeSender + below(2));
    frame.vnet = vnet_;
    frame.cut(head_, ingress_);
  }

  std::mt19937 random_;
  std::vector<std::unique_ptr<CutFrame>> owned_;
  PortIndex ingress_ = 0;
  MacAddress from_ = station(1000), to_ = station(1010);
  VlanTag tag_ = kUntagged;
  std::uint16_t type_ = 0x0800;
  std::size_t size_ = 64, head_ = 5000;
  VnetHeader vnet_;
};

TEST(RelayRuns, OfABatchAreDecidedAsItsFramesOneByOne) {
  std::uint64_t forwarded = 0;
  std::size_t punted = 0;
  std::map<DropReason, std::uint64_t> dropped;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Traffic traffic(seed, 5000);
    Network one_by_one, in_batches;
    std::mt19937 random(seed);
    const auto one = [] { return std::size_t{1}; };
    const auto many = [&] { return 1 + random() % kMaxBatch; };
    // The first pass makes the stations known.
    one_by_one.send(traffic.views, one);
    in_batches.send(traffic.views, one);
    const Network::Outcome expected = one_by_one.send(traffic.views, one);
    const Network::Outcome got = in_batches.send(traffic.views, many);
    ASSERT_EQ(got.books, expected.books) << "seed " << seed;
    ASSERT_EQ(got.left, expected.left) << "seed " << seed;
    ASSERT_EQ(got.punted, expected.punted) << "seed " << seed;
    punted += got.punted.size();
    for (const auto& [port, frames] : got.left) forwarded += frames.size();
    for (std::size_t reason = 0; reason < kDropReasonCount; ++reason)
      dropped[static_cast<DropReason>(reason)] += one_by_one.sum(got, static_cast<DropReason>(reason));
  }
  // Every kind of difference has occurred.
  EXPECT_GT(forwarded, 20000U);
  EXPECT_GT(punted, 100U);
  for (const DropReason reason :
       {DropReason::kRunt, DropReason::kBadVnetHeader, DropReason::kIngressDown, DropReason::kInvalidSource,
        DropReason::kReservedGroup, DropReason::kBlocked, DropReason::kLocked, DropReason::kSamePort,
        DropReason::kIsolated, DropReason::kFrameType, DropReason::kNoPvid, DropReason::kInvalidVid,
        DropReason::kVlanIngress, DropReason::kVlanEgress, DropReason::kOverMtu, DropReason::kEgressBlocked}) {
    EXPECT_GT(dropped[reason], 0U) << drop_reason_name(reason);
  }
}

}  // namespace
}  // namespace rb::testing
