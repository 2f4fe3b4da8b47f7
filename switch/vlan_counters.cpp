// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/vlan_counters.hpp"

namespace rb {

void VlanTotals::add(const VlanCounters& counters) noexcept {
  rx_frames += counters.rx_frames.value();
  rx_bytes += counters.rx_bytes.value();
  tx_frames += counters.tx_frames.value();
  tx_bytes += counters.tx_bytes.value();
  drops += counters.drops.value();
}

VlanCounterTable::~VlanCounterTable() {
  for (std::atomic<Pages*>& port : ports_) take(port);
}

void VlanCounterTable::make(PortIndex port, const VidSet& vids) {
  Pages* pages = ports_[port].load(std::memory_order_relaxed);
  if (pages == nullptr) {
    pages = new Pages{};
    ports_[port].store(pages, std::memory_order_release);
  }
  vids.for_each([&](Vid vid) {
    std::atomic<Page*>& page = (*pages)[vid / kPageSize];
    if (page.load(std::memory_order_relaxed) == nullptr) page.store(new Page{}, std::memory_order_release);
  });
}

void VlanCounterTable::add_to(VlanTotals& totals, PortIndex port, Vid vid) const noexcept {
  const Pages* pages = ports_[port].load(std::memory_order_relaxed);
  const Page* page = pages == nullptr ? nullptr : (*pages)[vid / kPageSize].load(std::memory_order_relaxed);
  if (page != nullptr) totals.add((*page)[vid % kPageSize]);
}

VlanCounterTable::Retired VlanCounterTable::take(std::atomic<Pages*>& port) {
  Retired taken;
  taken.directory.reset(port.exchange(nullptr, std::memory_order_acq_rel));
  if (taken.directory == nullptr) return taken;
  for (const std::atomic<Page*>& page : *taken.directory)
    taken.pages.emplace_back(page.load(std::memory_order_relaxed));
  return taken;
}

void VlanCounterTable::clear(PortIndex port) {
  const Pages* before = ports_[port].load(std::memory_order_relaxed);
  if (before == nullptr) return;
  auto fresh = std::make_unique<Pages>();
  for (std::size_t i = 0; i < fresh->size(); ++i) {
    if ((*before)[i].load(std::memory_order_relaxed) != nullptr)
      (*fresh)[i].store(new Page{}, std::memory_order_relaxed);
  }
  Retired old = take(ports_[port]);
  ports_[port].store(fresh.release(), std::memory_order_release);
  retired_.push_back(std::move(old));
}

}  // namespace rb
