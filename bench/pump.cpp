// SPDX-License-Identifier: GPL-2.0-or-later
// pump is the floor of rbbench. It copies frames between two taps with io_uring and does not look at them.
//
// How it works. There are two taps, one thread and one ring. A round is one system call: it hands over the writes of
// the frames that the last round read, together with the next reads of both taps, and sleeps only if there is nothing
// to read. The pump does not parse, learn or count frames. So the time that a switch needs beyond the pump is the price
// of switching. The time that the pump needs beyond the kernel's bridge is the price of the tap.
//
// The options select the variants that were tried; the defaults are the fastest (docs/performance.md has the figures).
//   --reads burst      reads with RWF_NOWAIT, and a last one that waits for a frame if there was none
//   --reads multishot  one IORING_OP_READ_MULTISHOT (Linux 6.7) a tap, into a ring of provided buffers
//   --burst N          maximum of reads, or provided buffers, a tap and round
//   --length           a burst is always full, or half as long again as the frames of the last burst
//   --slots            the next read gets the free slot that was used last, or the one that was used longest ago
//   --submits          reads together with writes, or writes first and reads by a system call of their own
//   --spin US          look for frames for so long before sleeping
//   --huge             slots are in transparent huge pages
//   --fixed            slots are registered with the ring (READ_FIXED, WRITE_FIXED)
#include <fcntl.h>
#include <fmt/core.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/uio.h>
#include <time.h>

#include <array>
#include <boost/program_options.hpp>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <string>
#include <vector>

#include "ports/base/unique_fd.hpp"
#include "ports/tap/tap_device.hpp"

namespace {

constexpr std::uint8_t kReadMultishot = 49;          // IORING_OP_READ_MULTISHOT; liburing 2.3 does not know it
constexpr std::size_t kSlotStride = 66 * 1024 + 64;  // octets; heads of slots fall into different cache sets
constexpr unsigned kSlotSize = 66 * 1024;            // octets; the largest GSO frame fits
constexpr unsigned kRingEntries = 1024;
constexpr unsigned kMaxBurst = 256;
constexpr std::size_t kSlotCount = 6 * kMaxBurst;  // per direction: being read, being written, and provided

struct Options {
  std::array<std::string, 2> taps;  // NAME or NAME@NETNS
  bool multishot = false;
  bool adaptive = true;  // length of a burst
  bool fifo = false;
  bool two_submits = false;
  bool fixed = false;
  bool huge = false;
  bool offload = true;
  unsigned burst = 64;
  unsigned spin_us = 0;
  int cpu = -1;
};

[[noreturn]] void die(const std::string& message) {
  fmt::print(stderr, "pump: {}\n", message);
  std::exit(1);
}

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

rb::UniqueFd open_endpoint(const std::string& endpoint, bool offload) {
  const std::size_t at = endpoint.find('@');
  rb::TapOptions options;
  options.name = endpoint.substr(0, at);
  options.create = true;
  options.offload = offload;
  rb::UniqueFd netns;
  if (at != std::string::npos) {
    netns.reset(open(("/run/netns/" + endpoint.substr(at + 1)).c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns) die(fmt::format("no namespace {}: {}", endpoint.substr(at + 1), std::strerror(errno)));
    options.netns_fd = netns.get();
  }
  auto tap = rb::open_tap(options);
  if (!tap) die(tap.error().message);
  return std::move(tap->queues[0]);
}

/// The frame buffers, and the order of their reuse.
class Slots {
 public:
  Slots(bool fifo, bool huge) : fifo_(fifo) {
    void* memory = mmap(nullptr, kSlotCount * kSlotStride, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (memory == MAP_FAILED) die("no memory");
    if (huge) madvise(memory, kSlotCount * kSlotStride, MADV_HUGEPAGE);  // if this fails, the pump is only slower
    memory_ = static_cast<std::byte*>(memory);
    for (std::size_t i = kSlotCount; i-- > 0;) free_.push_back(static_cast<std::uint16_t>(i));
  }
  std::uint16_t take() {
    if (free_.empty()) die("out of slots");  // impossible: kSlotCount covers every use
    const std::uint16_t slot = fifo_ ? free_.front() : free_.back();
    fifo_ ? free_.pop_front() : free_.pop_back();
    return slot;
  }
  void give_back(std::uint16_t slot) { free_.push_back(slot); }
  [[nodiscard]] std::byte* address(std::uint16_t slot) const { return memory_ + slot * kSlotStride; }
  [[nodiscard]] iovec memory() const { return {memory_, kSlotCount * kSlotStride}; }

 private:
  bool fifo_;
  std::byte* memory_ = nullptr;
  std::deque<std::uint16_t> free_;
};

class Pump {
 public:
  explicit Pump(const Options& options) : options_(options), slots_(options.fifo, options.huge) {
    for (std::size_t i = 0; i < 2; ++i) taps_[i].fd = open_endpoint(options.taps[i], options.offload);
    open_stop();
    open_ring();
  }

  void run() {
    arm_stop();
    while (!stopped_) {
      if (options_.two_submits) submit(0);
      for (unsigned i = 0; i < 2; ++i) arm(i);
      wait();
      reap();
    }
  }

  void report() const {
    fmt::print("{{\"frames\": {}, \"rounds\": {}, \"reads_in_vain\": {}, \"refused_writes\": {}}}\n", frames_, rounds_,
               reads_in_vain_, refused_writes_);
  }

 private:
  // The kind of a request is in the top octet of user_data. Below it are the tap (of a read) and the slot.
  enum Kind : std::uint64_t { kStop, kRead, kWrite };
  static std::uint64_t tag(Kind kind, unsigned tap, std::uint16_t slot) {
    return std::uint64_t{kind} << 56 | std::uint64_t{tap} << 16 | slot;
  }

  struct Tap {
    rb::UniqueFd fd;
    unsigned outstanding = 0;
    unsigned burst = 1;
    unsigned found = 0;
    unsigned provided = 0;
    io_uring_buf_ring* buffers = nullptr;
  };

  void open_stop() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    stop_.reset(signalfd(-1, &signals, SFD_CLOEXEC));
  }

  void open_ring() {
    io_uring_params params{};
    params.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE;
    params.cq_entries = 8 * kRingEntries;
    if (io_uring_queue_init_params(kRingEntries, &ring_, &params) < 0) die("io_uring_queue_init_params");
    io_uring_register_ring_fd(&ring_);
    const std::array<int, 2> files = {taps_[0].fd.get(), taps_[1].fd.get()};
    if (io_uring_register_files(&ring_, files.data(), 2) < 0) die("io_uring_register_files");
    const iovec memory = slots_.memory();
    if (options_.fixed && io_uring_register_buffers(&ring_, &memory, 1) < 0) die("io_uring_register_buffers");
    if (!options_.multishot) return;
    for (unsigned i = 0; i < 2; ++i) {
      io_uring_buf_reg registration{};
      void* entries =
          mmap(nullptr, kMaxBurst * sizeof(io_uring_buf), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
      if (entries == MAP_FAILED) die("no memory");
      registration.ring_addr = reinterpret_cast<std::uint64_t>(entries);
      registration.ring_entries = kMaxBurst;
      registration.bgid = static_cast<std::uint16_t>(i);
      if (io_uring_register_buf_ring(&ring_, &registration, 0) < 0) die("io_uring_register_buf_ring");
      taps_[i].buffers = static_cast<io_uring_buf_ring*>(entries);
      io_uring_buf_ring_init(taps_[i].buffers);
    }
  }

  void arm_stop() {
    io_uring_sqe* sqe = entry();
    io_uring_prep_poll_add(sqe, stop_.get(), POLLIN);
    io_uring_sqe_set_data64(sqe, tag(kStop, 0, 0));
  }

  io_uring_sqe* entry() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
      submit(0);
      sqe = io_uring_get_sqe(&ring_);
    }
    return sqe;
  }

  void submit(unsigned wait_count) {
    if (wait_count != 0) {
      io_uring_submit_and_wait(&ring_, wait_count);
    } else {
      io_uring_submit(&ring_);
    }
    ++rounds_;
    // A tap write completes inside the submit, so its slot is free again.
    for (const std::uint16_t slot : written_) slots_.give_back(slot);
    written_.clear();
  }

  void wait() {
    if (options_.spin_us == 0) return submit(1);
    submit(0);
    const std::int64_t end = now_ns() + std::int64_t{options_.spin_us} * 1000;
    while (io_uring_cq_ready(&ring_) == 0 && now_ns() < end) {
      if ((IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_TASKRUN) != 0) io_uring_get_events(&ring_);
    }
    if (io_uring_cq_ready(&ring_) == 0) submit(1);
  }

  void arm(unsigned number) {
    Tap& tap = taps_[number];
    if (options_.multishot) {
      provide(number);
      if (tap.outstanding == 0) read_multishot(number);
      return;
    }
    if (tap.outstanding != 0) return;
    const unsigned burst = options_.adaptive ? tap.burst : options_.burst;
    for (unsigned i = 0; i + 1 < burst; ++i) read(number, RWF_NOWAIT);
    read(number, 0);
    tap.outstanding = burst;
    tap.found = 0;
  }

  void read(unsigned number, int flags) {
    const std::uint16_t slot = slots_.take();
    io_uring_sqe* sqe = entry();
    if (options_.fixed) {
      io_uring_prep_read_fixed(sqe, static_cast<int>(number), slots_.address(slot), kSlotSize, 0, 0);
    } else {
      io_uring_prep_read(sqe, static_cast<int>(number), slots_.address(slot), kSlotSize, 0);
    }
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->rw_flags = flags;
    io_uring_sqe_set_data64(sqe, tag(kRead, number, slot));
  }

  void read_multishot(unsigned number) {
    io_uring_sqe* sqe = entry();
    io_uring_prep_rw(kReadMultishot, sqe, static_cast<int>(number), nullptr, 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = static_cast<std::uint16_t>(number);
    io_uring_sqe_set_data64(sqe, tag(kRead, number, 0));
    taps_[number].outstanding = 1;
  }

  void provide(unsigned number) {
    Tap& tap = taps_[number];
    int added = 0;
    for (; tap.provided < options_.burst; ++tap.provided) {
      const std::uint16_t slot = slots_.take();
      io_uring_buf_ring_add(tap.buffers, slots_.address(slot), kSlotSize, slot, kMaxBurst - 1, added++);
    }
    if (added != 0) io_uring_buf_ring_advance(tap.buffers, added);
  }

  void reap() {
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++count;
      switch (cqe->user_data >> 56) {
        case kRead:
          read_completed(*cqe);
          break;
        case kWrite:
          ++refused_writes_;  // successful writes make no completion
          break;
        default:
          stopped_ = true;
      }
    }
    io_uring_cq_advance(&ring_, count);
  }

  void read_completed(const io_uring_cqe& cqe) {
    const auto number = static_cast<unsigned>(cqe.user_data >> 16 & 1);
    auto slot = static_cast<std::uint16_t>(cqe.user_data);
    Tap& tap = taps_[number];
    bool has_slot = true;
    if (options_.multishot) {
      has_slot = (cqe.flags & IORING_CQE_F_BUFFER) != 0;
      if (has_slot) --tap.provided;
      slot = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
      if ((cqe.flags & IORING_CQE_F_MORE) == 0) tap.outstanding = 0;
    } else {
      --tap.outstanding;
    }
    if (cqe.res > 0) {
      ++tap.found;
      write(1 - number, slot, static_cast<unsigned>(cqe.res));
    } else {
      ++reads_in_vain_;
      if (has_slot) slots_.give_back(slot);
      if (cqe.res != -EAGAIN && cqe.res != -ENOBUFS) die(fmt::format("read: {}", std::strerror(-cqe.res)));
    }
    tap.burst = std::min(tap.found + tap.found / 2 + 1, options_.burst);
  }

  void write(unsigned number, std::uint16_t slot, unsigned size) {
    io_uring_sqe* sqe = entry();
    if (options_.fixed) {
      io_uring_prep_write_fixed(sqe, static_cast<int>(number), slots_.address(slot), size, 0, 0);
    } else {
      io_uring_prep_write(sqe, static_cast<int>(number), slots_.address(slot), size, 0);
    }
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    sqe->rw_flags = RWF_NOWAIT;
    io_uring_sqe_set_data64(sqe, tag(kWrite, number, slot));
    written_.push_back(slot);
    ++frames_;
  }

  Options options_;
  Slots slots_;
  std::array<Tap, 2> taps_;
  rb::UniqueFd stop_;
  io_uring ring_{};
  bool stopped_ = false;
  std::vector<std::uint16_t> written_;
  std::uint64_t frames_ = 0, rounds_ = 0, reads_in_vain_ = 0, refused_writes_ = 0;
};

Options parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  std::vector<std::string> taps;
  std::string reads, length, slots, submits;
  po::options_description description(
      "pump [OPTIONS] TAP[@NETNS] TAP[@NETNS]\n"
      "Makes two taps, says \"ready\", and copies frames between them until SIGTERM; then prints what it counted.");
  // clang-format off
  description.add_options()
    ("help,h", "this text")
    ("reads", po::value(&reads)->default_value("burst"), "burst or multishot")
    ("burst", po::value(&options.burst)->default_value(options.burst), "reads a tap and round, 1 to 256")
    ("length", po::value(&length)->default_value("adaptive"), "of a burst: adaptive or full")
    ("slots", po::value(&slots)->default_value("lifo"), "lifo or fifo")
    ("submits", po::value(&submits)->default_value("one"), "one or two a round")
    ("spin", po::value(&options.spin_us)->default_value(0), "microseconds before sleeping")
    ("fixed", po::bool_switch(&options.fixed), "registered buffers")
    ("huge", po::bool_switch(&options.huge), "slots in huge pages")
    ("no-offload", "frames come checksummed and cut")
    ("cpu", po::value(&options.cpu), "run on this processor")
    ("tap", po::value(&taps), "");
  // clang-format on
  po::positional_options_description positional;
  positional.add("tap", 2);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(argc, argv).options(description).positional(positional).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    die(error.what());
  }
  if (values.contains("help")) {
    std::cout << description;
    std::exit(0);
  }
  if (taps.size() != 2) die("two taps are needed; --help tells more");
  if (options.burst < 1 || options.burst > kMaxBurst) die("--burst is 1 to 256");
  options.taps = {taps[0], taps[1]};
  options.multishot = reads == "multishot";
  options.adaptive = length == "adaptive";
  options.fifo = slots == "fifo";
  options.two_submits = submits == "two";
  options.offload = !values.contains("no-offload");
  if (options.multishot && options.fixed) die("multishot reads cannot use registered buffers");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.cpu >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<std::size_t>(options.cpu), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) die(fmt::format("cpu: {}", std::strerror(errno)));
  }
  Pump pump(options);
  fmt::print("ready\n");
  std::fflush(stdout);
  pump.run();
  pump.report();
}
