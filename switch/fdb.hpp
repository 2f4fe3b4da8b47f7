// SPDX-License-Identifier: GPL-2.0-or-later
// Fdb is the filtering database (IEEE 802.1Q-2022 8.8): it tells which station is behind which port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "switch/frame.hpp"
#include "switch/mac_address.hpp"
#include "switch/result.hpp"

namespace rb {

/// A station within a filtering identifier, packed: 48 bits of address above 16 bits of FID. Never 0, as FID 0 is
/// unused.
struct FdbKey {
  std::uint64_t packed = 0;

  [[nodiscard]] static constexpr FdbKey of(const MacAddress& mac, Fid fid) noexcept {
    return {mac.to_number() << 16 | fid};
  }
  [[nodiscard]] static constexpr FdbKey of(MacNumber mac, Fid fid) noexcept { return {mac.value << 16 | fid}; }
  [[nodiscard]] constexpr MacNumber mac_number() const noexcept { return {packed >> 16}; }
  [[nodiscard]] constexpr MacAddress mac() const noexcept { return MacAddress::from_number(packed >> 16); }
  [[nodiscard]] constexpr Fid fid() const noexcept { return static_cast<Fid>(packed & 0xffff); }
  bool operator==(const FdbKey&) const = default;
};

/// The start of a key's look-up in one Fdb, set by Fdb::prefetch(). It is valid as long as the Fdb lives, because the
/// table never grows.
struct FdbHome {
  std::uint32_t bucket;  // not initialised, because hot paths have arrays of these
};

enum class FdbKind : std::uint8_t {
  kDynamic,  // learned; ages, moves
  kStatic,   // entered by hand; neither ages nor moves
  kLocal,    // an address of the bridge itself ("permanent" in iproute2's words)
};

/// "dynamic", "static", "local"
[[nodiscard]] std::string_view fdb_kind_name(FdbKind kind) noexcept;

/// The result of a look-up. port is kNoPort if the station is unknown.
struct FdbHit {
  PortIndex port = kNoPort;
  FdbKind kind = FdbKind::kDynamic;

  [[nodiscard]] bool found() const noexcept { return port != kNoPort; }
};

/// One entry as the control side sees it.
struct FdbEntry {
  MacAddress mac;
  Fid fid = 0;
  PortIndex port = kNoPort;
  FdbKind kind = FdbKind::kDynamic;
  std::uint32_t age_s = 0;  // seconds since the station was last heard (or the entry was made)
};

enum class LearnOutcome : std::uint8_t {
  kKnown,      // the entry exists and was heard within this second: nothing was written
  kRefreshed,  // the entry exists, and its time was updated
  kAdded,      // a new station
  kMoved,      // the station was behind `previous` until now
  kPinned,     // a static or local entry has another port: nothing was changed
  kBusy,       // another worker holds the bucket; the station's next frame will be learned
  kFull,       // there is no slot, and no entry of this port to replace
};

struct LearnResult {
  LearnOutcome outcome = LearnOutcome::kKnown;
  PortIndex previous = kNoPort;  // of kMoved
};

class Fdb {
 public:
  struct Options {
    std::size_t capacity = 65536;  // number of stations that always fit
    std::uint64_t hash_seed = 0;   // random for each start, so that attackers cannot aim at a bucket
    /// Called with the place of the table before its first write, e.g. to request huge pages. May be null.
    void (*prepare_memory)(void* memory, std::size_t size) = nullptr;
  };
  explicit Fdb(const Options& options);
  ~Fdb();
  Fdb(const Fdb&) = delete;
  Fdb& operator=(const Fdb&) = delete;

  // Hot functions: any worker may call them at any time without a lock. `now_s` is seconds since the daemon started and
  // never goes back.

  /// Finds the start of the look-up of keys[i], and fetches it into the cache. Both spans have the same size.
  void prefetch(std::span<const FdbKey> keys, std::span<FdbHome> homes) const noexcept;
  /// Looks up keys[i] into hits[i]. All spans have the same size, at most kMaxLookUps, and `homes` comes from
  /// prefetch().
  void look_up(std::span<const FdbKey> keys, std::span<const FdbHome> homes, std::span<FdbHit> hits) const noexcept;
  /// Does both in one call.
  void look_up(std::span<const FdbKey> keys, std::span<FdbHit> hits) const noexcept;
  static constexpr std::size_t kMaxLookUps = 256;
  /// Learns that a station is behind a port, or refreshes it. `home` comes from prefetch().
  LearnResult learn(FdbKey key, FdbHome home, PortIndex port, std::uint32_t now_s) noexcept;
  LearnResult learn(FdbKey key, PortIndex port, std::uint32_t now_s) noexcept;

  // Cold functions: one control thread calls them while workers go on.

  /// Enters a static, local or (kDynamic) hand-made ageing entry. Fails with kExists if the key exists, unless
  /// `replace` is given, and with kTableFull if there is no slot.
  enum class IfExists : std::uint8_t { kFail, kReplace };
  Result<> add(FdbKey key, PortIndex port, FdbKind kind, IfExists if_exists, std::uint32_t now_s);
  /// Fails with kNoSuchEntry if the entry does not exist.
  Result<> remove(FdbKey key);
  [[nodiscard]] std::optional<FdbEntry> get(FdbKey key, std::uint32_t now_s) const;

  /// Forgets a port's, a FID's or all dynamic entries; O(1). Static and local entries stay.
  void flush_port(PortIndex port);
  void flush_fid(Fid fid);
  /// Removes every entry, static and local ones included, that `matches`; walks the whole table.
  std::size_t remove_if(const std::function<bool(const FdbEntry&)>& matches, std::uint32_t now_s);

  /// Ages entries: looks at the next `bucket_count` buckets, removes dynamic entries not heard for the ageing time of
  /// their FID, and passes each to `aged` (may be empty). Returns true when the walk is at the start again.
  using AgeingTimes = std::function<std::uint32_t(Fid)>;  // seconds; 0: dynamic entries go at once
  bool sweep(std::size_t bucket_count, std::uint32_t now_s, const AgeingTimes& ageing_time_s,
             const std::function<void(const FdbEntry&)>& aged);

  /// Calls `visit` for every live entry, in no order. Entries that come and go meanwhile may be missed.
  void for_each(std::uint32_t now_s, const std::function<void(const FdbEntry&)>& visit) const;

  [[nodiscard]] std::size_t capacity() const noexcept;
  [[nodiscard]] std::size_t bucket_count() const noexcept;
  /// Live entries, approximately while workers learn, exactly when they are quiet and a full sweep has passed.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::size_t size_of_port(PortIndex port) const noexcept;

 private:
  LearnResult learn_anew(FdbKey key, FdbHome home, PortIndex port, std::uint32_t now_s) noexcept;

  struct Table;
  std::unique_ptr<Table> table_;
};

}  // namespace rb
