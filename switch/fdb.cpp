// SPDX-License-Identifier: GPL-2.0-or-later
#include "switch/fdb.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <new>
#include <string>

#include "switch/fdb_value.hpp"

namespace rb {
namespace {

constexpr std::size_t kSlotsPerBucket = 4;
/// The number of buckets in which a station may be; its own (home) bucket is the first. At most between a sixth and a
/// third of all slots are in use, so that hardly any station is outside its home, where it costs a second cache miss,
/// and at most one bucket in twenty is full. The buckets of a window are apart from each other, so that all sixteen are
/// full once in 10^20. (Neighbours would be full together: at a million stations some windows of eight were.) In a full
/// table a window has 11 to 21 stations, among which a port that is past its share looks for one of its own.
constexpr std::size_t kWindow = 16;
/// The three reach bits of a bucket mean 0 to 6 exactly, and 7 means the whole window.
constexpr std::size_t kLargestExactReach = 6;

/// The kind of a slot whose key is being written. The slot is not empty, and nobody may read it.
constexpr auto kReserved = static_cast<FdbKind>(3);
constexpr bool is_reserved(FdbValue value) noexcept {
  return value.kind() == kReserved;
}

struct Slot {
  std::atomic<std::uint64_t> key;
  std::atomic<std::uint64_t> value;

  [[nodiscard]] FdbValue load() const noexcept { return {value.load(std::memory_order_acquire)}; }
  /// Replaces `expected` by `desired`, except for the bucket bit, which other threads may change meanwhile.
  bool replace(FdbValue expected, FdbValue desired) noexcept {
    std::uint64_t old = expected.bits;
    for (;;) {
      const bool bucket_bit = FdbValue{old}.bucket_bit();
      if (value.compare_exchange_weak(old, desired.with_bucket_bit(bucket_bit).bits, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return true;
      }
      if (FdbValue{old}.with_bucket_bit(false).bits != expected.with_bucket_bit(false).bits) return false;
    }
  }
  /// The owner of a reserved slot fills it. Only the bucket bit can change meanwhile.
  void fill(std::uint64_t new_key, FdbValue desired) noexcept {
    key.store(new_key, std::memory_order_release);
    std::uint64_t old = value.load(std::memory_order_relaxed);
    while (!value.compare_exchange_weak(old, desired.with_bucket_bit(FdbValue{old}.bucket_bit()).bits,
                                        std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
  }
};

struct alignas(64) Bucket {
  std::array<Slot, kSlotsPerBucket> slots;

  bool try_lock() noexcept {
    return (slots[0].value.fetch_or(FdbValue::kBucketBit, std::memory_order_acq_rel) & FdbValue::kBucketBit) == 0;
  }
  void unlock() noexcept { slots[0].value.fetch_and(~FdbValue::kBucketBit, std::memory_order_acq_rel); }
  /// Returns the first slot with a key, or null. No branch depends on the slot's place, which processors cannot
  /// predict.
  [[nodiscard]] Slot* slot_of(std::uint64_t key) noexcept {
    Slot* found = nullptr;
    for (std::size_t i = kSlotsPerBucket; i-- > 0;)
      found = slots[i].key.load(std::memory_order_acquire) == key ? &slots[i] : found;
    return found;
  }
  /// The number of places beyond this bucket that may have stations of this home.
  [[nodiscard]] std::size_t reach() const noexcept {
    std::size_t reach = 0;
    for (std::size_t i = 1; i < kSlotsPerBucket; ++i) reach |= std::size_t{slots[i].load().bucket_bit()} << (i - 1);
    return reach <= kLargestExactReach ? reach : kWindow - 1;
  }
  [[nodiscard]] bool reaches_beyond() const noexcept {
    return ((slots[1].load().bits | slots[2].load().bits | slots[3].load().bits) & FdbValue::kBucketBit) != 0;
  }
  /// The caller must hold the lock. The reach grows before a station is placed beyond it, and shrinks after the last
  /// one there is removed. A reader that meets a half-written reach misses a station once, as if the reader had come
  /// earlier.
  void set_reach(std::size_t reach) noexcept {
    reach = std::min(reach, kLargestExactReach + 1);
    for (std::size_t i = 1; i < kSlotsPerBucket; ++i) {
      if ((reach >> (i - 1) & 1) != 0) {
        slots[i].value.fetch_or(FdbValue::kBucketBit, std::memory_order_acq_rel);
      } else {
        slots[i].value.fetch_and(~FdbValue::kBucketBit, std::memory_order_acq_rel);
      }
    }
  }
};
static_assert(sizeof(Bucket) == 64);

struct BucketDeleter {
  void operator()(Bucket* buckets) const noexcept { ::operator delete(buckets, std::align_val_t{kAlignment}); }
  /// The alignment of a huge page, so that a large table can be in huge pages as a whole.
  static constexpr std::size_t kAlignment = 2U << 20;
};

class BucketLock {
 public:
  explicit BucketLock(Bucket& bucket) noexcept : bucket_(bucket) {
    while (!bucket_.try_lock()) {
    }
  }
  BucketLock(Bucket& bucket, std::adopt_lock_t) noexcept : bucket_(bucket) {}
  ~BucketLock() { bucket_.unlock(); }
  BucketLock(const BucketLock&) = delete;
  BucketLock& operator=(const BucketLock&) = delete;

 private:
  Bucket& bucket_;
};

struct Place {
  Slot* slot = nullptr;
  FdbValue value;
};

}  // namespace

struct Fdb::Table {
  explicit Table(const Options& options)
      : capacity(std::max<std::size_t>(options.capacity, 1)),
        seed(options.hash_seed),
        bucket_count(std::bit_ceil((3 * capacity + kSlotsPerBucket - 1) / kSlotsPerBucket + kWindow)),
        buckets(static_cast<Bucket*>(
            ::operator new(bucket_count * sizeof(Bucket), std::align_val_t{BucketDeleter::kAlignment}))) {
    if (options.prepare_memory != nullptr) options.prepare_memory(buckets.get(), bucket_count * sizeof(Bucket));
    for (std::size_t i = 0; i < bucket_count; ++i) {
      auto* bucket = new (&buckets.get()[i]) Bucket;
      for (Slot& slot : bucket->slots) {
        slot.key.store(0, std::memory_order_relaxed);
        slot.value.store(FdbValue::empty().bits, std::memory_order_relaxed);
      }
    }
  }

  [[nodiscard]] std::size_t home_of(std::uint64_t key) const noexcept {
    return XXH3_64bits_withSeed(&key, sizeof key, seed) & (bucket_count - 1);
  }
  [[nodiscard]] Bucket& bucket(std::size_t index) const noexcept { return buckets.get()[index]; }
  /// The bucket at `distance` in the window of a home. The odd stride of the home visits each bucket once.
  [[nodiscard]] Bucket& bucket_at(std::size_t home, std::size_t distance) const noexcept {
    const std::size_t stride = (home * 0x9e3779b97f4a7c15ULL >> 32) | 1;  // 2^64 / golden ratio (Knuth, 6.4)
    return buckets.get()[(home + distance * stride) & (bucket_count - 1)];
  }

  /// True if the entry was not flushed after it was learned. Such flushes do not concern static and local entries.
  [[nodiscard]] bool alive(FdbValue value, Fid fid) const noexcept {
    if (value.is_empty() || is_reserved(value)) return false;
    if (value.kind() != FdbKind::kDynamic) return true;
    const std::uint32_t now = flushes.load(std::memory_order_acquire);
    const std::uint32_t since = (now - value.generation()) & FdbValue::kGenerationMask;
    if (since == 0) return true;
    // `since` is exact: the whole table is swept before the count can wrap.
    return since <= now - flushed_port[value.port()].load(std::memory_order_acquire) &&
           since <= now - flushed_fid[fid].load(std::memory_order_acquire);
  }
  static Fid fid_of(std::uint64_t key) noexcept { return static_cast<Fid>(key & 0xffff); }

  /// Returns the place of a key, alive or not, and a value that belonged to the key while it was there.
  [[nodiscard]] Place find(std::uint64_t key, std::size_t home) const noexcept {
    Place place;
    return find_at_home(key, home, place) ? place : find_in_window(key, home);
  }
  /// The common case: finds the key in its home, or finds that no station of this home is elsewhere. False: the caller
  /// must search the window.
  bool find_at_home(std::uint64_t key, std::size_t home, Place& place) const noexcept {
    Bucket& here = bucket(home);
    Slot* const slot = here.slot_of(key);
    if (slot == nullptr) return !here.reaches_beyond();
    const FdbValue value = slot->load();
    if (!holds(*slot, key, value)) return false;
    place = {slot, value};
    return true;
  }
  [[nodiscard]] Place find_in_window(std::uint64_t key, std::size_t home) const noexcept;
  /// True if a value that was read from a slot with a key belongs to this key. If the same key and version are there
  /// again, the slot has not changed between the two loads.
  static bool holds(const Slot& slot, std::uint64_t key, FdbValue value) noexcept {
    return slot.key.load(std::memory_order_acquire) == key && slot.load().version() == value.version() &&
           !value.is_empty() && !is_reserved(value);
  }

  void count_in(PortIndex port, FdbKind kind) noexcept {
    size.fetch_add(1, std::memory_order_relaxed);
    if (kind == FdbKind::kDynamic && port_size[port].fetch_add(1, std::memory_order_relaxed) == 0) {
      active_ports.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void count_out(FdbValue value) noexcept {
    size.fetch_sub(1, std::memory_order_relaxed);
    if (value.kind() == FdbKind::kDynamic && port_size[value.port()].fetch_sub(1, std::memory_order_relaxed) == 1) {
      active_ports.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  void count_move(PortIndex from, PortIndex to) noexcept {
    if (port_size[from].fetch_sub(1, std::memory_order_relaxed) == 1)
      active_ports.fetch_sub(1, std::memory_order_relaxed);
    if (port_size[to].fetch_add(1, std::memory_order_relaxed) == 0)
      active_ports.fetch_add(1, std::memory_order_relaxed);
  }

  [[nodiscard]] FdbValue make_value(PortIndex port, FdbKind kind, std::uint32_t now_s) const noexcept {
    return FdbValue{}.with_port(port).with_kind(kind).with_seen(now_s).with_generation(
        flushes.load(std::memory_order_acquire));
  }
  /// Removes an entry if it is still equal to `seen`.
  bool erase(Slot& slot, FdbValue seen) noexcept {
    if (!slot.replace(seen, FdbValue::empty().with_next_version_of(seen))) return false;
    count_out(seen);
    return true;
  }
  /// Puts a station into a slot that holds `seen`. If that was a station, it is no longer counted.
  bool take_slot(Slot& slot, FdbValue seen, std::uint64_t key, FdbValue value) noexcept {
    const FdbValue reserved = FdbValue::empty().with_kind(kReserved).with_next_version_of(seen);
    if (!slot.replace(seen, reserved)) return false;
    if (!seen.is_empty()) count_out(seen);
    slot.fill(key, value.with_version_of(reserved));
    count_in(value.port(), value.kind());
    return true;
  }

  [[nodiscard]] bool is_full() const noexcept {
    // Flushed entries that are not swept yet do not count as load: until the sweep, the bound is the number of slots.
    return size.load(std::memory_order_relaxed) >= capacity && !unswept_flush.load(std::memory_order_relaxed);
  }
  LearnOutcome insert(std::uint64_t key, std::size_t home, FdbValue value, std::uint32_t now_s) noexcept;
  bool recycle(std::uint64_t key, std::size_t home, FdbValue value, std::uint32_t now_s) noexcept;
  void extend_reach(std::size_t home, std::size_t distance) noexcept {
    if (Bucket& at_home = bucket(home); distance > at_home.reach()) at_home.set_reach(distance);
  }
  void shorten_reach(std::size_t home) noexcept;
  void purge(std::size_t index) noexcept;
  void note_flush();

  const std::size_t capacity;
  const std::uint64_t seed;
  const std::size_t bucket_count;
  const std::unique_ptr<Bucket, BucketDeleter> buckets;

  std::atomic<std::uint32_t> flushes{0};
  std::array<std::atomic<std::uint32_t>, kMaxPorts + 1> flushed_port{};
  std::array<std::atomic<std::uint32_t>, 65536> flushed_fid{};

  std::atomic<std::size_t> size{0};
  std::array<std::atomic<std::uint32_t>, kMaxPorts + 1> port_size{};
  std::atomic<std::uint32_t> active_ports{0};
  std::atomic<bool> unswept_flush{false};

  // The members below belong to the control thread.
  std::size_t sweep_at = 0;
  std::uint32_t flushes_at_sweep_start = 0;  // flush count at the start of the present walk
  std::uint32_t flushes_swept = 0;           // every entry is from a later flush count than this, or removed
};

[[gnu::noinline]] Place Fdb::Table::find_in_window(std::uint64_t key, std::size_t home) const noexcept {
  std::size_t reach = 0;
  for (std::size_t distance = 0; distance <= reach; ++distance) {
    Bucket& here = bucket_at(home, distance);
    for (Slot& slot : here.slots) {
      if (slot.key.load(std::memory_order_acquire) != key) continue;
      if (const FdbValue value = slot.load(); holds(slot, key, value)) return {&slot, value};
    }
    if (distance == 0) reach = here.reach();
  }
  return {};
}

void Fdb::Table::note_flush() {
  // An entry's generation distinguishes 2^20 flushes. If half as many come without a whole sweep between them, this
  // flush does the sweep itself, so that no dead entry can seem alive again.
  if (flushes.load(std::memory_order_relaxed) - flushes_swept < FdbValue::kGenerationMask / 2) return;
  for (std::size_t i = 0; i < bucket_count; ++i) purge(i);
  flushes_swept = flushes_at_sweep_start = flushes.load(std::memory_order_relaxed);
  sweep_at = 0;
}

void Fdb::Table::purge(std::size_t index) noexcept {
  for (Slot& slot : bucket(index).slots) {
    const FdbValue value = slot.load();
    if (value.is_empty() || is_reserved(value)) continue;
    if (!alive(value, fid_of(slot.key.load(std::memory_order_acquire)))) {
      erase(slot, value);
      continue;
    }
    // A live entry gets the present generation, so that its count cannot wrap.
    const FdbValue renewed = value.with_generation(flushes.load(std::memory_order_relaxed));
    if (renewed.bits != value.bits) (void)slot.replace(value, renewed);
  }
}

LearnOutcome Fdb::Table::insert(std::uint64_t key, std::size_t home, FdbValue value, std::uint32_t now_s) noexcept {
  if (!is_full()) {
    for (std::size_t distance = 0; distance < kWindow; ++distance) {
      for (Slot& slot : bucket_at(home, distance).slots) {
        const FdbValue there = slot.load();
        if (is_reserved(there)) continue;
        if (!there.is_empty() && alive(there, fid_of(slot.key.load(std::memory_order_acquire)))) continue;
        extend_reach(home, distance);
        if (take_slot(slot, there, key, value)) return LearnOutcome::kAdded;
      }
    }
  }
  return recycle(key, home, value, now_s) ? LearnOutcome::kAdded : LearnOutcome::kFull;
}

bool Fdb::Table::recycle(std::uint64_t key, std::size_t home, FdbValue value, std::uint32_t now_s) noexcept {
  const std::uint32_t own_size = port_size[value.port()].load(std::memory_order_relaxed);
  const std::uint32_t ports = active_ports.load(std::memory_order_relaxed) + (own_size == 0 ? 1 : 0);
  const auto share = static_cast<std::uint32_t>(capacity / std::max(1U, ports));
  const bool past_share = own_size >= share;
  // The order of victims is: flushed entries; entries of a port past its share, if this port is not; this port's own
  // entries. Among equals the oldest is taken. This port is past its share if one more station would exceed it (>=);
  // another port is if it exceeds the share already (>).
  enum Rank { kFlushed, kOfAHog, kOwn, kNot };
  const auto rank_of = [&](const Slot& slot, FdbValue there) {
    if (there.is_empty() || there.kind() != FdbKind::kDynamic) return kNot;
    if (!alive(there, fid_of(slot.key.load(std::memory_order_acquire)))) return kFlushed;
    if (!past_share && port_size[there.port()].load(std::memory_order_relaxed) > share) return kOfAHog;
    return there.port() == value.port() ? kOwn : kNot;
  };
  Slot* victim = nullptr;
  FdbValue victim_value;
  Rank victim_rank = kNot;
  std::size_t victim_distance = 0;
  for (std::size_t distance = 0; distance < kWindow; ++distance) {
    for (Slot& slot : bucket_at(home, distance).slots) {
      const FdbValue there = slot.load();
      const Rank rank = rank_of(slot, there);
      if (rank > victim_rank || rank == kNot) continue;
      if (rank == victim_rank && there.age_s(now_s) <= victim_value.age_s(now_s)) continue;
      victim = &slot;
      victim_value = there;
      victim_rank = rank;
      victim_distance = distance;
    }
  }
  if (victim == nullptr) return false;
  extend_reach(home, victim_distance);
  return take_slot(*victim, victim_value, key, value);
}

void Fdb::Table::shorten_reach(std::size_t home) noexcept {
  Bucket& at_home = bucket(home);
  const std::size_t reach = at_home.reach();
  if (reach == 0 || !at_home.try_lock()) return;
  const BucketLock lock(at_home, std::adopt_lock);
  std::size_t needed = 0;
  for (std::size_t distance = 1; distance <= reach; ++distance) {
    for (Slot& slot : bucket_at(home, distance).slots) {
      const FdbValue value = slot.load();
      if (value.is_empty()) continue;
      if (is_reserved(value) || home_of(slot.key.load(std::memory_order_acquire)) == (home & (bucket_count - 1)))
        needed = distance;
    }
  }
  if (needed < reach) at_home.set_reach(needed);
}

std::string_view fdb_kind_name(FdbKind kind) noexcept {
  switch (kind) {
    case FdbKind::kDynamic:
      return "dynamic";
    case FdbKind::kStatic:
      return "static";
    case FdbKind::kLocal:
      return "local";
  }
  return "dynamic";
}

Fdb::Fdb(const Options& options) : table_(std::make_unique<Table>(options)) {}
Fdb::~Fdb() = default;

void Fdb::prefetch(std::span<const FdbKey> keys, std::span<FdbHome> homes) const noexcept {
  assert(keys.size() == homes.size());
  const Table& table = *table_;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t home = table.home_of(keys[i].packed);
    homes[i] = {static_cast<std::uint32_t>(home)};
    __builtin_prefetch(&table.bucket(home));
  }
}

void Fdb::look_up(std::span<const FdbKey> keys, std::span<const FdbHome> homes, std::span<FdbHit> hits) const noexcept {
  assert(keys.size() == homes.size() && keys.size() == hits.size() && keys.size() <= kMaxLookUps);
  const Table& table = *table_;
  const auto hit_of = [&table](FdbKey key, const Place& place) {
    return place.slot != nullptr && table.alive(place.value, key.fid()) ? FdbHit{place.value.port(), place.value.kind()}
                                                                        : FdbHit{};
  };
  // Keys that may be elsewhere wait until the next bucket of each is on its way to the cache.
  std::array<std::uint16_t, kMaxLookUps> elsewhere;
  std::size_t elsewhere_count = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Place place;
    if (table.find_at_home(keys[i].packed, homes[i].bucket, place)) [[likely]] {
      hits[i] = hit_of(keys[i], place);
      continue;
    }
    __builtin_prefetch(&table.bucket_at(homes[i].bucket, 1));
    elsewhere[elsewhere_count++] = static_cast<std::uint16_t>(i);
  }
  for (const std::uint16_t i : std::span(elsewhere).first(elsewhere_count))
    hits[i] = hit_of(keys[i], table.find_in_window(keys[i].packed, homes[i].bucket));
}

void Fdb::look_up(std::span<const FdbKey> keys, std::span<FdbHit> hits) const noexcept {
  std::array<FdbHome, kMaxLookUps> homes;
  assert(keys.size() <= kMaxLookUps);
  const std::span<FdbHome> these{homes.data(), keys.size()};
  prefetch(keys, these);
  look_up(keys, these, hits);
}

LearnResult Fdb::learn(FdbKey key, PortIndex port, std::uint32_t now_s) noexcept {
  return learn(key, {static_cast<std::uint32_t>(table_->home_of(key.packed))}, port, now_s);
}

LearnResult Fdb::learn(FdbKey key, FdbHome home, PortIndex port, std::uint32_t now_s) noexcept {
  // Usually the station is where it was, and was heard within this second.
  if (Place place; table_->find_at_home(key.packed, home.bucket, place) && place.slot != nullptr) [[likely]] {
    if (place.value.port() == port && place.value.age_s(now_s) == 0 && place.value.kind() == FdbKind::kDynamic &&
        table_->alive(place.value, key.fid())) [[likely]]
      return {LearnOutcome::kKnown};
  }
  return learn_anew(key, home, port, now_s);
}

[[gnu::noinline]] LearnResult Fdb::learn_anew(FdbKey key, FdbHome at, PortIndex port, std::uint32_t now_s) noexcept {
  const std::size_t home = at.bucket;
  for (bool locked = false;; locked = true) {
    const Place place = table_->find(key.packed, home);
    const bool alive = place.slot != nullptr && table_->alive(place.value, key.fid());
    if (alive) {
      if (locked) table_->bucket(home).unlock();
      if (place.value.kind() != FdbKind::kDynamic) {
        return {place.value.port() == port ? LearnOutcome::kKnown : LearnOutcome::kPinned};
      }
      if (place.value.port() == port) {
        if (place.value.age_s(now_s) == 0) return {LearnOutcome::kKnown};
        const bool written = place.slot->replace(place.value, place.value.with_seen(now_s));
        return {written ? LearnOutcome::kRefreshed : LearnOutcome::kKnown};
      }
      // The flush count is read again: a station that moves is learned now, even if its old port was flushed.
      const FdbValue moved = table_->make_value(port, FdbKind::kDynamic, now_s).with_version_of(place.value);
      if (!place.slot->replace(place.value, moved)) return {LearnOutcome::kBusy};
      table_->count_move(place.value.port(), port);
      return {LearnOutcome::kMoved, place.value.port()};
    }
    if (!locked) {
      if (!table_->bucket(home).try_lock()) return {LearnOutcome::kBusy};
      continue;  // another worker may have entered the station before this thread had the lock: look again
    }
    const BucketLock lock(table_->bucket(home), std::adopt_lock);
    const FdbValue value = table_->make_value(port, FdbKind::kDynamic, now_s);
    if (place.slot != nullptr) {  // the station has a slot, but was flushed
      return {table_->take_slot(*place.slot, place.value, key.packed, value) ? LearnOutcome::kAdded
                                                                             : LearnOutcome::kBusy};
    }
    return {table_->insert(key.packed, home, value, now_s)};
  }
}

Result<> Fdb::add(FdbKey key, PortIndex port, FdbKind kind, IfExists if_exists, std::uint32_t now_s) {
  const std::size_t home = table_->home_of(key.packed);
  const BucketLock lock(table_->bucket(home));
  const FdbValue value = table_->make_value(port, kind, now_s);
  for (;;) {
    const Place place = table_->find(key.packed, home);
    if (place.slot == nullptr) break;
    if (table_->alive(place.value, key.fid()) && if_exists == IfExists::kFail) {
      return fail(ErrorCode::kExists,
                  to_string(key.mac()) + " is in the FDB already; 'replace' changes it, 'del' removes it");
    }
    if (table_->take_slot(*place.slot, place.value, key.packed, value)) return {};
  }
  if (table_->insert(key.packed, home, value, now_s) == LearnOutcome::kAdded) return {};
  return fail(ErrorCode::kTableFull, "the FDB is full: it holds " + std::to_string(table_->capacity) +
                                         " stations; start ringbridged with a larger --fdb-size");
}

Result<> Fdb::remove(FdbKey key) {
  const std::size_t home = table_->home_of(key.packed);
  for (;;) {
    const Place place = table_->find(key.packed, home);
    if (place.slot == nullptr || !table_->alive(place.value, key.fid())) {
      return fail(ErrorCode::kNoSuchEntry, to_string(key.mac()) + " is not in the FDB");
    }
    if (table_->erase(*place.slot, place.value)) return {};
  }
}

std::optional<FdbEntry> Fdb::get(FdbKey key, std::uint32_t now_s) const {
  const Place place = table_->find(key.packed, table_->home_of(key.packed));
  if (place.slot == nullptr || !table_->alive(place.value, key.fid())) return std::nullopt;
  return FdbEntry{key.mac(), key.fid(), place.value.port(), place.value.kind(), place.value.age_s(now_s)};
}

void Fdb::flush_port(PortIndex port) {
  table_->unswept_flush.store(true, std::memory_order_relaxed);
  const std::uint32_t count = table_->flushes.fetch_add(1, std::memory_order_acq_rel) + 1;
  table_->flushed_port[port].store(count, std::memory_order_release);
  table_->note_flush();
}

void Fdb::flush_fid(Fid fid) {
  table_->unswept_flush.store(true, std::memory_order_relaxed);
  const std::uint32_t count = table_->flushes.fetch_add(1, std::memory_order_acq_rel) + 1;
  table_->flushed_fid[fid].store(count, std::memory_order_release);
  table_->note_flush();
}

namespace {

/// Returns one slot as the control side sees it, or nothing if it has no live entry.
template <typename Table>
std::optional<std::pair<FdbValue, FdbEntry>> read_slot(const Table& table, const Slot& slot, std::uint32_t now_s) {
  const FdbValue value = slot.load();
  const FdbKey key{slot.key.load(std::memory_order_acquire)};
  if (!table.alive(value, key.fid()) || slot.load().version() != value.version()) return std::nullopt;
  return std::pair{value, FdbEntry{key.mac(), key.fid(), value.port(), value.kind(), value.age_s(now_s)}};
}

}  // namespace

std::size_t Fdb::remove_if(const std::function<bool(const FdbEntry&)>& matches, std::uint32_t now_s) {
  std::size_t removed = 0;
  for (std::size_t i = 0; i < table_->bucket_count; ++i) {
    for (Slot& slot : table_->bucket(i).slots) {
      const auto found = read_slot(*table_, slot, now_s);
      if (found && matches(found->second) && table_->erase(slot, found->first)) ++removed;
    }
  }
  return removed;
}

bool Fdb::sweep(std::size_t bucket_count, std::uint32_t now_s, const AgeingTimes& ageing_time_s,
                const std::function<void(const FdbEntry&)>& aged) {
  for (std::size_t i = 0; i < bucket_count; ++i) {
    if (table_->sweep_at == 0) table_->flushes_at_sweep_start = table_->flushes.load(std::memory_order_acquire);
    table_->purge(table_->sweep_at);
    for (Slot& slot : table_->bucket(table_->sweep_at).slots) {
      const auto found = read_slot(*table_, slot, now_s);
      if (!found || found->second.kind != FdbKind::kDynamic || found->second.age_s < ageing_time_s(found->second.fid))
        continue;
      if (table_->erase(slot, found->first) && aged) aged(found->second);
    }
    table_->shorten_reach(table_->sweep_at);
    if (++table_->sweep_at < table_->bucket_count) continue;
    table_->sweep_at = 0;
    table_->flushes_swept = table_->flushes_at_sweep_start;
    if (table_->flushes_at_sweep_start == table_->flushes.load(std::memory_order_acquire)) {
      table_->unswept_flush.store(false, std::memory_order_relaxed);
    }
    return true;
  }
  return false;
}

void Fdb::for_each(std::uint32_t now_s, const std::function<void(const FdbEntry&)>& visit) const {
  for (std::size_t i = 0; i < table_->bucket_count; ++i) {
    for (const Slot& slot : table_->bucket(i).slots) {
      if (const auto found = read_slot(*table_, slot, now_s)) visit(found->second);
    }
  }
}

std::size_t Fdb::capacity() const noexcept {
  return table_->capacity;
}
std::size_t Fdb::bucket_count() const noexcept {
  return table_->bucket_count;
}
std::size_t Fdb::size() const noexcept {
  return table_->size.load(std::memory_order_relaxed);
}
std::size_t Fdb::size_of_port(PortIndex port) const noexcept {
  return table_->port_size[port].load(std::memory_order_relaxed);
}

}  // namespace rb
