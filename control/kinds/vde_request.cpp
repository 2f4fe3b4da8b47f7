// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vde_request.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace rb {
namespace {

constexpr std::uint32_t kMagic = 0xfeedface;
constexpr std::uint32_t kVersion3 = 3;
constexpr std::uint32_t kNewPort = 0, kNewManagementPort = 1;  // types
constexpr std::size_t kVersion3Address = 12, kVersion1Address = 14;
constexpr std::size_t kPathStart = offsetof(sockaddr_un, sun_path);
constexpr std::size_t kPathSize = sizeof(sockaddr_un::sun_path);
static_assert(sizeof(sockaddr_un) == 110, "the protocol has Linux's sockaddr_un");

using Bytes = std::span<const std::byte>;

std::uint32_t number_at(Bytes bytes, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
  return value;
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The name in a sockaddr_un; empty when there is none that a socket can be found by.
std::string socket_name(Bytes address) {
  sa_family_t family = 0;
  std::memcpy(&family, address.data(), sizeof family);
  const std::string_view field = text_of(address.subspan(kPathStart, kPathSize));
  if (family != AF_UNIX) return {};
  if (field.starts_with('/')) return std::string(field.substr(0, field.find('\0')));
  // Clients bind an abstract name with the whole sockaddr_un, so all of the field is the name.
  const bool abstract = field.starts_with('\0') && field.find_first_not_of('\0') != std::string_view::npos;
  return abstract ? std::string(field) : std::string();
}

std::string description_in(Bytes rest) {
  const std::string_view text = text_of(rest.first(std::min(rest.size(), kMaxVdeDescription)));
  const auto end = std::ranges::find_if_not(text, [](char c) { return c >= ' ' && c <= '~'; });
  return {text.begin(), end};
}

}  // namespace

std::optional<std::expected<VdeRequest, VdeRefusal>> parse_vde_request(Bytes bytes) {
  const std::size_t size = bytes.size();
  if (size < 4) return std::nullopt;
  if (number_at(bytes, 0) != kMagic) return std::unexpected(VdeRefusal::kNoMagic);
  if (size < 8) return std::nullopt;
  // Version 1 has its type where later versions have their number.
  const std::uint32_t version = number_at(bytes, 4);
  const bool old = version == kNewPort || version == kNewManagementPort;
  if (!old && version != kVersion3) return std::unexpected(VdeRefusal::kVersion);
  if (size < kVersion3Address) return std::nullopt;
  const std::uint32_t type = old ? version : number_at(bytes, 8);
  if ((type & 0xff) != kNewPort && (type & 0xff) != kNewManagementPort) return std::unexpected(VdeRefusal::kType);
  const std::size_t address = old ? kVersion1Address : kVersion3Address;
  if (size < address + sizeof(sockaddr_un)) return std::nullopt;
  VdeRequest request;
  request.socket = socket_name(bytes.subspan(address, sizeof(sockaddr_un)));
  if (request.socket.empty()) return std::unexpected(VdeRefusal::kNoAddress);
  request.description = description_in(bytes.subspan(address + sizeof(sockaddr_un)));
  request.port = type >> 8;
  return request;
}

std::array<std::byte, sizeof(sockaddr_un)> vde_answer(const std::string& path) {
  assert(path.size() < kPathSize);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, kPathSize - 1);
  std::array<std::byte, sizeof address> bytes;
  std::memcpy(bytes.data(), &address, sizeof address);
  return bytes;
}

}  // namespace rb
