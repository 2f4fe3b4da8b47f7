// SPDX-License-Identifier: GPL-2.0-or-later
// PortTable: the ports of one worker: their coming, their turns, and their going.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "ports/engine/port.hpp"
#include "ports/engine/port_context.hpp"

namespace rb {

/// The worker's thread.
class PortTable {
 public:
  /// Called with a port that was removed, for the last time; with null when there was none.
  using Removed = std::function<void(std::unique_ptr<Port>)>;

  /// `context` outlives the table.
  explicit PortTable(PortContext& context);

  /// The port with an index; null when there is none.
  [[nodiscard]] Port* find(PortIndex index) const noexcept { return ports_[index].get(); }
  /// Takes a port in; it is armed in the next round.
  void add(std::unique_ptr<Port> port);
  /// Stops a port. `removed` is called by finish_removals() when no request of the port is outstanding.
  void remove(PortIndex index, Removed removed);
  [[nodiscard]] bool has_removals() const noexcept { return !removals_.empty(); }
  void finish_removals();

  /// Lets the ports that asked for it prepare their reads, within the budget of a round, and provides buffers for them.
  void arm();
  /// Gives a completion to the port whose request it answers.
  void complete(const Tag& tag, const io_uring_cqe& completion) noexcept;

 private:
  struct Removal {
    PortIndex index;
    Removed removed;
  };

  PortContext& context_;
  std::vector<std::unique_ptr<Port>> ports_;  // by index
  std::vector<Port*> arming_;
  std::vector<Removal> removals_;
  std::size_t waiting_read_count_ = 0;  // how many reads may wait in the kernel at once, over all ports
};

}  // namespace rb
