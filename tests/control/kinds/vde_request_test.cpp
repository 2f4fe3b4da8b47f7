// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/kinds/vde_request.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace rb {
namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& value) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(&bytes[at], &value, sizeof value);
}

void append_text(Bytes& bytes, std::string_view text) {
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
}

sockaddr_un address_of(std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path);
  return address;
}

constexpr std::uint32_t kMagic = 0xfeedface;

Bytes version3(std::string_view name, std::uint32_t type = 0, std::string_view description = "") {
  Bytes bytes;
  append(bytes, kMagic);
  append(bytes, std::uint32_t{3});
  append(bytes, type);
  append(bytes, address_of(name));
  append_text(bytes, description);
  return bytes;
}

Bytes version1(std::string_view name, std::uint32_t type = 0, std::string_view description = "") {
  Bytes bytes;
  append(bytes, kMagic);
  append(bytes, type);
  append(bytes, std::array<std::uint8_t, 6>{2, 1, 2, 3, 4, 5});
  append(bytes, address_of(name));
  append_text(bytes, description);
  return bytes;
}

VdeRequest accepted(const Bytes& bytes) {
  const auto request = parse_vde_request(bytes);
  EXPECT_TRUE(request && *request);
  return request && *request ? **request : VdeRequest{};
}

VdeRefusal refused(const Bytes& bytes) {
  const auto request = parse_vde_request(bytes);
  EXPECT_TRUE(request && !*request);
  return request && !*request ? request->error() : VdeRefusal{};
}

TEST(VdeRequest, IsReadInBothVersions) {
  for (const Bytes& bytes : {version3("/run/vde/.00042-00000", 0, "vde_plug: user=alice PID=42"),
                             version1("/run/vde/.00042-00000", 0, "vde_plug: user=alice PID=42")}) {
    const VdeRequest request = accepted(bytes);
    EXPECT_EQ(request.socket, "/run/vde/.00042-00000");
    EXPECT_EQ(request.description, "vde_plug: user=alice PID=42");
    EXPECT_EQ(request.port, 0U);
  }
}

TEST(VdeRequest, MayAskForAPortByItsNumber) {
  EXPECT_EQ(accepted(version3("/s", 7U << 8)).port, 7U);
  EXPECT_EQ(accepted(version3("/s", 1)).port, 0U) << "the management's port is a port as any other";
  EXPECT_EQ(accepted(version1("/s", 1)).port, 0U);
}

TEST(VdeRequest, NeedsTheWholeAddressAndNothingMore) {
  for (const Bytes& whole : {version3("/s"), version1("/s")}) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(parse_vde_request(std::span(whole).first(size))) << size;
    EXPECT_EQ(accepted(whole).socket, "/s");
  }
}

TEST(VdeRequest, EndsItsDescriptionBeforePadding) {
  EXPECT_EQ(accepted(version3("/s", 0, std::string_view("\xfe\x01", 2))).description, "") << "User Mode Linux pads";
  EXPECT_EQ(accepted(version3("/s", 0, std::string_view("qemu\0\0\0junk", 11))).description, "qemu");
  EXPECT_EQ(accepted(version3("/s", 0, "a\x1b[31mb")).description, "a") << "nothing that a terminal obeys";
  EXPECT_EQ(accepted(version3("/s", 0, std::string(300, 'x'))).description, std::string(kMaxVdeDescription, 'x'));
}

TEST(VdeRequest, TakesAPathThatFillsTheField) {
  const std::string path = "/" + std::string(107, 'p');
  EXPECT_EQ(accepted(version3(path)).socket, path);
}

TEST(VdeRequest, TakesAnAbstractNameWithAllItsZeroBytes) {
  std::string name("\0\x12\x34\0\0\x56", 6);
  const std::string socket = accepted(version3(name)).socket;
  name.resize(108, '\0');
  EXPECT_EQ(socket, name);
}

TEST(VdeRequest, IsRefusedByItsFirstWrongField) {
  Bytes bytes = version3("/s");
  bytes[0] = std::byte{0};
  EXPECT_EQ(refused(bytes), VdeRefusal::kNoMagic);
  bytes.resize(4);
  EXPECT_EQ(refused(bytes), VdeRefusal::kNoMagic) << "nobody waits for the rest";
  for (const std::uint32_t version : {2U, 4U, 256U, 0xffffffffU}) {
    Bytes other = version3("/s");
    std::memcpy(&other[4], &version, sizeof version);
    EXPECT_EQ(refused(other), VdeRefusal::kVersion) << version;
  }
  EXPECT_EQ(refused(version3("/s", 2)), VdeRefusal::kType);
  EXPECT_EQ(refused(version3("/s", 0xff)), VdeRefusal::kType);
}

TEST(VdeRequest, IsRefusedWithoutAnAddressThatCanBeFound) {
  EXPECT_EQ(refused(version3("")), VdeRefusal::kNoAddress);
  EXPECT_EQ(refused(version3("relative.sock")), VdeRefusal::kNoAddress);
  Bytes inet = version3("/s");
  const sa_family_t family = AF_INET;
  std::memcpy(&inet[12], &family, sizeof family);
  EXPECT_EQ(refused(inet), VdeRefusal::kNoAddress);
}

TEST(VdeAnswer, IsASocketAddress) {
  const auto bytes = vde_answer("/run/vde/001.1");
  const sockaddr_un expected = address_of("/run/vde/001.1");
  EXPECT_EQ(std::memcmp(bytes.data(), &expected, sizeof expected), 0);
}

}  // namespace
}  // namespace rb
