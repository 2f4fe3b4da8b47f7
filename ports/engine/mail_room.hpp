// SPDX-License-Identifier: GPL-2.0-or-later
// MailRoom: the mailboxes between all workers of an engine, and the doorbells that wake the workers.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "ports/engine/mailbox.hpp"

namespace rb {

/// An eventfd that a worker's ring reads. Any thread rings it.
class Doorbell {
 public:
  Doorbell();
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void ring() noexcept;
  /// The same after mail was pushed: the eventfd is written once until the worker calls took_mail().
  void ring_for_mail() noexcept;
  /// The worker, before it reads its mailboxes. Returns true when there may be mail.
  [[nodiscard]] bool took_mail() noexcept { return mail_pending_.exchange(false, std::memory_order_acq_rel); }

 private:
  UniqueFd fd_;
  std::atomic<bool> mail_pending_{false};
};

/// Made before the workers, and destroyed after them. A worker's number says which mailboxes are its own.
class MailRoom {
 public:
  explicit MailRoom(unsigned worker_count);

  [[nodiscard]] unsigned worker_count() const noexcept { return worker_count_; }
  [[nodiscard]] Doorbell& doorbell(unsigned worker) noexcept { return doorbells_[worker]; }
  /// Copies a frame into the mailbox from one worker to another; returns false when that mailbox is full. The thread of
  /// `from`. After the last push, the sender rings the doorbell of `to` once.
  [[nodiscard]] bool push(unsigned from, unsigned to, PortIndex port, CastKind cast, const Frame& frame) noexcept {
    return mailboxes_[from * worker_count_ + to]->push(port, cast, frame);
  }
  /// Calls `use(PortIndex, CastKind, const Frame&)` for each frame that waits for a worker. The thread of `to`.
  template <typename Use>
  void drain(unsigned to, Use&& use) noexcept {
    for (unsigned from = 0; from < worker_count_; ++from) {
      if (from != to) mailboxes_[from * worker_count_ + to]->drain(use);
    }
  }

 private:
  unsigned worker_count_;
  std::unique_ptr<Doorbell[]> doorbells_;            // by worker
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;  // from * worker_count + to; none with one worker
};

}  // namespace rb
