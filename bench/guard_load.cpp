// SPDX-License-Identifier: GPL-2.0-or-later
// guard_load does a fixed amount of the switch's work, so that callgrind can count its instructions (bench/guard).
//
// How it works. Each scene is prepared and warmed up. Then a fixed number of passes goes through guard_counted(), and
// callgrind counts only the instructions inside this function (--toggle-collect=guard_counted). Work on frames between
// two passes is done outside. All random numbers have a fixed seed, so two runs of one program have equal counts.
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "bench/ports/ring_scene.hpp"
#include "bench/switch/scenes.hpp"
#include "switch/offload.hpp"
#include "switch/vnet_check.hpp"

namespace rb::bench {
namespace {

constexpr std::size_t kBatch = 32;  // frames

class Scene {
 public:
  virtual ~Scene() = default;
  /// Prepares a pass. The instructions do not count.
  virtual void prepare() noexcept {}
  /// Does a pass, whose instructions count. Returns the number of frames, look-ups, or other units of the scene.
  virtual std::size_t pass() noexcept = 0;
};

template <typename LoadKind>
class RelayScene final : public Scene {
 public:
  template <typename... Arguments>
  explicit RelayScene(Arguments... arguments) : load_(arguments...) {}
  std::size_t pass() noexcept override {
    load_.relay_next(kBatch);
    return kBatch;
  }

 private:
  LoadKind load_;
};

class LookUpScene final : public Scene {
 public:
  explicit LookUpScene(std::size_t from) : keys_(random_keys(from, kStations, kStations)) {}
  std::size_t pass() noexcept override {
    fdb_->look_up({&keys_[at_], kBatch}, hits_);
    at_ = (at_ + kBatch) % kStations;
    return kBatch;
  }

 private:
  static constexpr std::size_t kStations = 65536;
  std::unique_ptr<Fdb> fdb_ = full_fdb(kStations);
  std::vector<FdbKey> keys_;
  std::array<FdbHit, kBatch> hits_;
  std::size_t at_ = 0;
};

class LearnScene final : public Scene {
 public:
  void prepare() noexcept override {
    for (FdbKey& key : keys_) key = station_key(next_++);
  }
  std::size_t pass() noexcept override {
    fdb_.prefetch(keys_, homes_);
    for (std::size_t i = 0; i < kBatch; ++i) (void)fdb_.learn(keys_[i], homes_[i], 1, 0);
    return kBatch;
  }

 private:
  Fdb fdb_{fdb_options(65536)};
  std::array<FdbKey, kBatch> keys_;
  std::array<FdbHome, kBatch> homes_;
  std::uint64_t next_ = 0;
};

class SegmentScene final : public Scene {
 public:
  std::size_t pass() noexcept override {
    Segmenter segmenter(frame_.view);
    Segmenter::Segment segment;
    std::size_t segments = 0;
    while (segmenter.next(scratch_, segment)) ++segments;
    return segments == 0 ? 0 : 1;
  }

 private:
  SuperFrame frame_{65535};
  std::array<std::byte, Segmenter::kScratchSize> scratch_;
};

class VnetScene final : public Scene {
 public:
  enum class Asks : std::uint8_t { kNothing, kTso };
  explicit VnetScene(Asks asks) {
    if (asks == Asks::kNothing) frame_.vnet = {};
  }
  std::size_t pass() noexcept override {
    for (std::size_t i = 0; i < kBatch; ++i) {
      asm volatile("" ::"r"(&frame_) : "memory");  // a new frame each time, as far as the compiler knows
      if (!check_vnet_header(frame_.vnet, frame_.view, Trust::kPeer)) return 0;
    }
    return kBatch;
  }

 private:
  SuperFrame frame_{1514};
};

class VringScene final : public Scene {
 public:
  explicit VringScene(RingScene::Kind kind) : rings_(kind) {}
  void prepare() noexcept override { rings_.offer(); }
  std::size_t pass() noexcept override { return rings_.pass(); }

 private:
  RingScene rings_;
};

struct Named {
  const char* name;
  const char* title;  // the unit of the scene
  std::size_t passes;
  std::function<std::unique_ptr<Scene>()> make;
};

template <typename Kind, typename... Arguments>
std::function<std::unique_ptr<Scene>()> scene(Arguments... arguments) {
  return [=] { return std::make_unique<Kind>(arguments...); };
}

const std::vector<Named>& scenes() {
  using Bridge = RelayScene<BridgeLoad>;
  using Vlan = RelayScene<VlanLoad>;
  constexpr auto kStations = BridgeLoad::To::kStations, kEverybody = BridgeLoad::To::kEverybody;
  static const std::vector<Named> all = {
      {"unicast-2", "a frame through the relay: 2 ports, 2 stations", 512, scene<Bridge>(2U, 2U, kStations)},
      {"unicast-run", "a frame of a run of 32 from one station to another", 512,
       scene<Bridge>(2U, 2U, kStations, std::size_t{kBatch})},
      {"unicast-256", "a frame through the relay: 256 ports, 100,000 stations", 512,
       scene<Bridge>(256U, 100000U, kStations)},
      {"flood-63", "a frame that is flooded to 63 ports", 64, scene<Bridge>(64U, 1000U, kEverybody)},
      {"tagged-untagged", "a frame that comes tagged and leaves untagged, of 100 VLANs", 512,
       scene<Vlan>(100U, VlanLoad::Leaves::kUntagged)},
      {"learn-new", "learning a new station", 1024, scene<LearnScene>()},
      {"look-up-hit", "looking up a station that is known, of 65,536", 1024, scene<LookUpScene>(0)},
      {"look-up-miss", "looking up one that is not", 1024, scene<LookUpScene>(1ULL << 30)},
      {"cut-64k", "cutting a TCP super-frame of 64 KiB into segments", 8, scene<SegmentScene>()},
      {"vnet-nothing", "checking a virtio_net_hdr that asks for nothing", 128,
       scene<VnetScene>(VnetScene::Asks::kNothing)},
      {"vnet-tso", "checking one that asks for TSO", 128, scene<VnetScene>(VnetScene::Asks::kTso)},
      {"vring-split", "a frame from one split vring to another", 512, scene<VringScene>(RingScene::Kind::kSplit)},
      {"vring-packed", "a frame from one packed vring to another", 512, scene<VringScene>(RingScene::Kind::kPacked)},
  };
  return all;
}

}  // namespace
}  // namespace rb::bench

/// The only function whose instructions count. It is not inlined, and its name is the same with all compilers.
extern "C" [[gnu::noinline]] std::size_t guard_counted(rb::bench::Scene& scene) {
  const std::size_t units = scene.pass();
  asm volatile("" ::: "memory");  // prevents a tail call, so that callgrind sees the return
  return units;
}

int main(int argc, char** argv) {
  const std::string_view wanted = argc == 2 ? argv[1] : "--help";
  if (wanted == "--list") {
    for (const auto& scene : rb::bench::scenes()) std::printf("%s\t%s\n", scene.name, scene.title);
    return 0;
  }
  for (const auto& named : rb::bench::scenes()) {
    if (wanted != named.name) continue;
    const std::unique_ptr<rb::bench::Scene> scene = named.make();
    for (int warm_up = 0; warm_up < 16; ++warm_up) {
      scene->prepare();
      if (scene->pass() == 0) return std::fprintf(stderr, "%s: nothing went through\n", named.name), 1;
    }
    std::size_t units = 0;
    for (std::size_t pass = 0; pass < named.passes; ++pass) {
      scene->prepare();
      units += guard_counted(*scene);
    }
    std::printf("%zu\n", units);
    return 0;
  }
  std::puts(
      "Usage: guard_load SCENE | --list\n"
      "Does a fixed amount of work and says how many units of it; bench/guard counts the instructions of "
      "guard_counted().");
  return wanted == "--help" ? 0 : 1;
}
