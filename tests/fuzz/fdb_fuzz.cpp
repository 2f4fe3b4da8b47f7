// SPDX-License-Identifier: GPL-2.0-or-later
// Applies the same operations to the FDB and to a map. Five octets of input are one operation.
#include <cstdint>
#include <cstdlib>
#include <map>

#include "switch/fdb.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using rb::Fdb;
  using rb::FdbKey;
  using rb::FdbKind;
  Fdb fdb({.capacity = 512, .hash_seed = 9});                      // all 512 keys fit, so no entry is ever replaced
  std::map<std::uint64_t, std::pair<rb::PortIndex, bool>> oracle;  // key -> port, pinned
  for (; size >= 5; data += 5, size -= 5) {
    const auto fid = static_cast<rb::Fid>(1 + data[1] % 2);
    const FdbKey key = FdbKey::of(rb::MacAddress::from_number(0x020000000000ULL + data[2]), fid);
    const auto port = static_cast<rb::PortIndex>(data[3] % 8);
    const auto found = oracle.find(key.packed);
    switch (data[0] % 8) {
      case 0:
      case 1:
        fdb.learn(key, port, data[4]);
        if (found == oracle.end() || !found->second.second) oracle[key.packed] = {port, false};
        break;
      case 2: {
        const bool pinned = data[4] % 2 == 1;
        const FdbKind kind = pinned ? FdbKind::kStatic : FdbKind::kDynamic;
        require(fdb.add(key, port, kind, Fdb::IfExists::kFail, 0).has_value() == (found == oracle.end()));
        if (found == oracle.end()) oracle[key.packed] = {port, pinned};
        break;
      }
      case 3:
        require(fdb.remove(key).has_value() == (oracle.erase(key.packed) == 1));
        break;
      case 4:
        fdb.flush_port(port);
        std::erase_if(oracle, [&](const auto& entry) { return !entry.second.second && entry.second.first == port; });
        break;
      case 5:
        fdb.flush_fid(fid);
        std::erase_if(oracle, [&](const auto& entry) { return !entry.second.second && (entry.first & 0xffff) == fid; });
        break;
      case 6:
        fdb.sweep(data[4], 255, [](rb::Fid) { return 100000U; }, {});
        break;
      default:
        require(fdb.add(key, port, FdbKind::kLocal, Fdb::IfExists::kReplace, 0).has_value());
        oracle[key.packed] = {port, true};
    }
    rb::FdbHit hit;
    fdb.look_up({&key, 1}, {&hit, 1});
    const auto expected = oracle.find(key.packed);
    require(hit.port == (expected == oracle.end() ? rb::kNoPort : expected->second.first));
  }
  std::size_t visited = 0;
  fdb.for_each(0, [&](const rb::FdbEntry&) { ++visited; });
  require(visited == oracle.size());
  return 0;
}
