// SPDX-License-Identifier: GPL-2.0-or-later
// The port modes and kinds of frames that tests/golden/kernel-vlan-rules.txt combines.
#pragma once

#include <cstdint>
#include <vector>

namespace rb::testing {

/// One VLAN of a port, as `bridge vlan add` sets it.
struct VlanOfMode {
  std::uint16_t vid = 0;
  bool pvid = false;
  bool untagged = false;
};

struct VlanMode {
  const char* name = nullptr;
  std::vector<VlanOfMode> vlans;
};

inline const std::vector<VlanMode>& vlan_modes() {
  static const std::vector<VlanMode> modes = {
      {"access", {{10, true, true}}},
      {"trunk", {{10, false, false}, {20, false, false}}},
      {"native-untagged", {{10, true, true}, {20, false, false}}},
      {"native-tagged", {{10, true, false}, {20, false, false}}},
      {"hybrid", {{10, true, true}, {20, false, true}}},
      {"other", {{30, true, true}}},
      {"none", {}},
  };
  return modes;
}

struct FrameKind {
  const char* name = nullptr;
  std::vector<std::uint32_t> tags;  // TPID above TCI, the outermost first
};

inline const std::vector<FrameKind>& frame_kinds() {
  static const std::vector<FrameKind> kinds = {
      {"untagged", {}},
      {"priority", {0x8100a000}},
      {"priority-ad", {0x88a8a000}},
      {"q10", {0x8100700a}},  // priority 3, drop eligible
      {"q20", {0x81000014}},
      {"q30", {0x8100001e}},
      {"q4095", {0x81000fff}},
      {"q10q20", {0x8100700a, 0x81000014}},
      {"q20q10", {0x81000014, 0x8100700a}},
      {"ad10", {0x88a8700a}},
      {"ad20", {0x88a80014}},
      {"ad10q20", {0x88a8700a, 0x81000014}},
      {"q10ad20", {0x8100700a, 0x88a80014}},
  };
  return kinds;
}

}  // namespace rb::testing
