// SPDX-License-Identifier: GPL-2.0-or-later
// A 48-bit MAC address (IEEE 802-2014 8), its text form, and the group addresses a bridge treats apart.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace rb {

struct MacAddress {
  std::array<std::uint8_t, 6> octets{};

  auto operator<=>(const MacAddress&) const = default;

  /// Reads six octets. The caller has checked that they exist.
  [[nodiscard]] static MacAddress from_bytes(const void* bytes) noexcept {
    MacAddress mac;
    std::memcpy(mac.octets.data(), bytes, mac.octets.size());
    return mac;
  }
  /// The address as a number, first octet most significant: 02:00:00:00:00:01 is 0x020000000001.
  [[nodiscard]] constexpr std::uint64_t to_number() const noexcept {
    std::uint64_t number = 0;
    for (const std::uint8_t octet : octets) number = number << 8 | octet;
    return number;
  }
  [[nodiscard]] static constexpr MacAddress from_number(std::uint64_t number) noexcept {
    MacAddress mac;
    for (std::size_t i = 6; i-- > 0; number >>= 8) mac.octets[i] = static_cast<std::uint8_t>(number & 0xff);
    return mac;
  }
  /// The I/G bit: a group address, broadcast included.
  [[nodiscard]] constexpr bool is_group() const noexcept { return (octets[0] & 1) != 0; }
  [[nodiscard]] constexpr bool is_zero() const noexcept { return to_number() == 0; }
  [[nodiscard]] constexpr bool is_broadcast() const noexcept { return to_number() == 0xffffffffffffULL; }
};

/// An address for the hot path: a number, first octet most significant. With octets in memory, writes and later reads
/// would have different sizes, for which processors wait.
struct MacNumber {
  std::uint64_t value = 0;

  bool operator==(const MacNumber&) const = default;

  /// Reads the first six of eight octets.
  [[nodiscard]] static MacNumber at(const void* octets) noexcept {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t loaded = 0;
    std::memcpy(&loaded, octets, sizeof loaded);
    return {__builtin_bswap64(loaded) >> 16};
  }
  [[nodiscard]] constexpr MacAddress address() const noexcept { return MacAddress::from_number(value); }
  [[nodiscard]] constexpr bool is_group() const noexcept { return (value >> 40 & 1) != 0; }
  [[nodiscard]] constexpr bool is_zero() const noexcept { return value == 0; }
  [[nodiscard]] constexpr bool is_broadcast() const noexcept { return value == 0xffffffffffffULL; }
  /// 01-80-C2-00-00-0X (IEEE 802.1Q-2022 table 8-1); last_digit() is the X.
  [[nodiscard]] constexpr bool is_reserved_group() const noexcept { return value >> 4 == 0x0180c2000000ULL >> 4; }
  [[nodiscard]] constexpr unsigned last_digit() const noexcept { return static_cast<unsigned>(value & 0xf); }
};

/// "02:00:00:00:00:01", lower case.
[[nodiscard]] std::string to_string(const MacAddress& mac);

/// Accepts six groups of one or two hex digits, all separated by ':' or all by '-'; nullopt for anything else.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text) noexcept;

}  // namespace rb
