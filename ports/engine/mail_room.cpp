// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/engine/mail_room.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace rb {

Doorbell::Doorbell() : fd_(eventfd(0, EFD_CLOEXEC)) {}

void Doorbell::ring() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_.get(), &one, sizeof one);
}

void Doorbell::ring_for_mail() noexcept {
  if (!mail_pending_.exchange(true, std::memory_order_acq_rel)) ring();
}

MailRoom::MailRoom(unsigned worker_count)
    : worker_count_(worker_count), doorbells_(std::make_unique<Doorbell[]>(worker_count)) {
  for (unsigned box = 0; box < worker_count * worker_count && worker_count > 1; ++box)
    mailboxes_.push_back(std::make_unique<Mailbox>());
}

}  // namespace rb
