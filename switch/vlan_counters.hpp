// SPDX-License-Identifier: GPL-2.0-or-later
// Counters by port and VLAN, with one writer (a worker) and any number of readers. Only existing VLANs use memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "switch/counters.hpp"
#include "switch/vlan.hpp"

namespace rb {

/// The counts of one worker for one VLAN of one port. Octets are as on that port's wire, own tag included.
struct VlanCounters {
  Counter rx_frames, rx_bytes;
  Counter tx_frames, tx_bytes;  // copies that were handed to the port
  Counter drops;                // frames of the VLAN that came in, or should have left by this port, and were dropped
};

/// The sums over workers, as plain numbers.
struct VlanTotals {
  std::uint64_t rx_frames = 0, rx_bytes = 0;
  std::uint64_t tx_frames = 0, tx_bytes = 0;
  std::uint64_t drops = 0;

  void add(const VlanCounters& counters) noexcept;
};

/// The counters of one worker, in pages of 64 VLANs. Pages are made before a state that needs them is published.
class VlanCounterTable {
 public:
  VlanCounterTable() : ports_(kMaxPorts) {}

  /// The worker gets its counters here; null if this VLAN is not counted.
  [[nodiscard]] VlanCounters* find(PortIndex port, Vid vid) noexcept {
    const Pages* pages = ports_[port].load(std::memory_order_acquire);
    if (pages == nullptr) return nullptr;
    Page* page = (*pages)[vid / kPageSize].load(std::memory_order_acquire);
    return page == nullptr ? nullptr : &(*page)[vid % kPageSize];
  }

  // These functions belong to the control thread.

  ~VlanCounterTable();
  VlanCounterTable(const VlanCounterTable&) = delete;
  VlanCounterTable& operator=(const VlanCounterTable&) = delete;

  /// Makes room for a port's VLANs. Existing counters stay.
  void make(PortIndex port, const VidSet& vids);
  void add_to(VlanTotals& totals, PortIndex port, Vid vid) const noexcept;
  /// Restarts a port's counters at zero while the worker may count. forget() frees the memory to which the worker may
  /// still write.
  void clear(PortIndex port);
  /// Frees the memory that clear() replaced. Every worker must have been at the top of its loop since then.
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
