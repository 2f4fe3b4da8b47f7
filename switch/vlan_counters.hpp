// SPDX-License-Identifier: GPL-2.0-or-later
// Counters by port and VLAN: one writer (a worker), any number of readers, memory only for VLANs that are there.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "switch/counters.hpp"
#include "switch/vlan.hpp"

namespace rb {

/// What one worker counted for one VLAN of one port. Octets as they are on that port's wire, own tag included.
struct VlanCounters {
  Counter rx_frames, rx_bytes;
  Counter tx_frames, tx_bytes;  // copies that were handed to the port
  Counter drops;                // frames of the VLAN that came in or should have left here, and did not
};

/// The sum over workers, plain numbers.
struct VlanTotals {
  std::uint64_t rx_frames = 0, rx_bytes = 0;
  std::uint64_t tx_frames = 0, tx_bytes = 0;
  std::uint64_t drops = 0;

  void add(const VlanCounters& counters) noexcept;
};

/// One worker's. Pages of 64 VLANs, made before a state that needs them is published.
class VlanCounterTable {
 public:
  VlanCounterTable() : ports_(kMaxPorts) {}

  /// Where to count; null when nobody asked for this VLAN to be counted. The worker.
  [[nodiscard]] VlanCounters* find(PortIndex port, Vid vid) noexcept {
    const Pages* pages = ports_[port].load(std::memory_order_acquire);
    if (pages == nullptr) return nullptr;
    Page* page = (*pages)[vid / kPageSize].load(std::memory_order_acquire);
    return page == nullptr ? nullptr : &(*page)[vid % kPageSize];
  }

  // Control thread.

  ~VlanCounterTable();
  VlanCounterTable(const VlanCounterTable&) = delete;
  VlanCounterTable& operator=(const VlanCounterTable&) = delete;

  /// Makes room for a port's VLANs; what is there stays.
  void make(PortIndex port, const VidSet& vids);
  void add_to(VlanTotals& totals, PortIndex port, Vid vid) const noexcept;
  /// Begins a port's counters anew; the worker may count meanwhile. What it may still write to is freed by forget().
  void clear(PortIndex port);
  /// Frees what clear() took away: every worker has been at the top of its loop since.
  void forget() noexcept { retired_.clear(); }

 private:
  static constexpr std::size_t kPageSize = 64;
  using Page = std::array<VlanCounters, kPageSize>;
  using Pages = std::array<std::atomic<Page*>, kVidCount / kPageSize>;
  struct Retired {
    std::vector<std::unique_ptr<Page>> pages;
    std::unique_ptr<Pages> directory;
  };
  static Retired take(std::atomic<Pages*>& port);

  std::vector<std::atomic<Pages*>> ports_;
  std::vector<Retired> retired_;
};

}  // namespace rb
