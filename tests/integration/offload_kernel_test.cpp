// SPDX-License-Identifier: GPL-2.0-or-later
// Compares the software offloads with Linux's own. The Segmenter and a kernel bridge finish the same unfinished frames
// of a kernel, unchanged and altered. Both must give equal frames.
#include <gtest/gtest.h>
#include <netinet/udp.h>

#include <algorithm>

#include "offload_kernel_lab.hpp"
#include "switch/big_endian.hpp"
#include "switch/checksum.hpp"
#include "switch/offload.hpp"
#include "switch/vnet_check.hpp"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103  // Linux 4.18
#endif

namespace rb::test {
namespace {

using OffloadKernel = LabTest;

std::byte* bytes(TapFrame& frame) {
  return reinterpret_cast<std::byte*>(frame.octets.data());
}

/// A view of a frame. The octets after the headers are cut into pieces of at most `piece_size`.
struct View {
  explicit View(TapFrame& frame, std::uint32_t piece_size = 4096) {
    const auto size = static_cast<std::uint32_t>(frame.octets.size());
    for (std::uint32_t at = 0; at < size; at += pieces.back().size) {
      pieces.push_back({bytes(frame) + at, std::min(at == 0 ? 192 : piece_size, size - at)});
    }
    view = {&frame.vnet, pieces.data(), size, static_cast<std::uint16_t>(pieces.size()), 0};
  }
  std::vector<Piece> pieces;
  Frame view;
};

std::vector<Octets> finish_in_software(const Frame& frame) {
  Segmenter segmenter(frame);
  std::vector<Octets> finished;
  std::array<std::byte, Segmenter::kScratchSize> scratch;
  Segmenter::Segment segment;
  while (segmenter.next(scratch, segment)) {
    Octets octets;
    const auto take = [&](const std::byte* data, std::size_t size) {
      const auto* from = reinterpret_cast<const std::uint8_t*>(data);
      octets.insert(octets.end(), from, from + size);
    };
    take(scratch.data() + sizeof(VnetHeader), segment.head_size - sizeof(VnetHeader));
    for (std::uint32_t i = 0; i < segment.payload_count; ++i) take(segment.payload[i].data, segment.payload[i].size);
    finished.push_back(std::move(octets));
  }
  return finished;
}

/// Passes one frame over the border and finishes it both ways. Returns the number of resulting frames.
std::size_t expect_finished_alike(const KernelFinisher& kernel, TapFrame frame) {
  const View view(frame);
  EXPECT_TRUE(check_vnet_header(frame.vnet, view.view, Trust::kKernel));
  const std::vector<Octets> ours = finish_in_software(view.view);
  const std::optional<std::vector<Octets>> theirs = kernel.finish(frame);
  EXPECT_TRUE(theirs.has_value()) << "the kernel refuses the frame";
  if (!theirs) return 0;
  EXPECT_EQ(ours.size(), theirs->size());
  for (std::size_t i = 0; i < std::min(ours.size(), theirs->size()); ++i) {
    EXPECT_EQ(ours[i], (*theirs)[i]) << "segment " << i << " of " << ours.size();
    if (ours[i] != (*theirs)[i]) break;
  }
  return ours.size();
}

// Senders.

sockaddr_storage address_of_second(int family, std::uint16_t port) {
  sockaddr_storage storage{};
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    ::inet_pton(AF_INET, "10.88.0.2", &v4.sin_addr);
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    ::inet_pton(AF_INET6, "fd88::2", &v6.sin6_addr);
  }
  return storage;
}

/// Returns the unfinished frames that the first host has sent.
std::vector<TapFrame> unfinished(const TwoHosts& hosts) {
  std::vector<TapFrame> frames;
  std::ranges::copy_if(hosts.sent, std::back_inserter(frames),
                       [](const TapFrame& frame) { return needs_software_offload(frame.vnet, Offloads{}); });
  return frames;
}
/// Returns the largest of these frames.
TapFrame large_one(const std::vector<TapFrame>& frames) {
  const auto best = std::ranges::max_element(frames, {}, [](const TapFrame& frame) { return frame.octets.size(); });
  if (best == frames.end() || best->vnet.gso_type == kGsoNone) throw std::runtime_error("the kernel sent no GSO frame");
  return *best;
}

/// Returns the frames of a TCP connection by which a host sends `size` octets and then closes it.
std::vector<TapFrame> send_by_tcp(TwoHosts& hosts, int family, std::size_t size) {
  sockaddr_storage to = address_of_second(family, 5001);
  auto* name = reinterpret_cast<sockaddr*>(&to);
  const UniqueFd listener = hosts.socket(1, family, SOCK_STREAM), sender = hosts.socket(0, family, SOCK_STREAM);
  EXPECT_EQ(::bind(listener.get(), name, sizeof to), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::connect(sender.get(), name, sizeof to), -1);  // the connection is in progress
  UniqueFd receiver;
  std::size_t sent = 0, received = 0;
  Octets buffer(256 << 10);
  for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = static_cast<std::uint8_t>(i * i / 7);
  EXPECT_TRUE(hosts.carry_until([&] {
    if (!receiver) receiver.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!receiver) return false;
    while (sent < size) {
      const ssize_t part = ::send(sender.get(), buffer.data(), std::min(buffer.size(), size - sent), MSG_NOSIGNAL);
      if (part <= 0) break;
      sent += static_cast<std::size_t>(part);
      if (sent == size) ::shutdown(sender.get(), SHUT_WR);
    }
    for (ssize_t part = 1; part > 0; received += static_cast<std::size_t>(std::max<ssize_t>(part, 0))) {
      part = ::recv(receiver.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    }
    return received == size;
  }));
  return unfinished(hosts);
}

/// Returns the frames of one datagram of `size` octets, or of many if the kernel cuts it every `segment_size` octets.
std::vector<TapFrame> send_by_udp(TwoHosts& hosts, int family, std::size_t size, int segment_size) {
  const sockaddr_storage to = address_of_second(family, 5002);
  const UniqueFd sender = hosts.socket(0, family, SOCK_DGRAM);
  if (segment_size != 0) {
    EXPECT_EQ(::setsockopt(sender.get(), IPPROTO_UDP, UDP_SEGMENT, &segment_size, sizeof segment_size), 0);
  }
  Octets datagram(size);
  for (std::size_t i = 0; i < size; ++i) datagram[i] = static_cast<std::uint8_t>(i * i / 5);
  EXPECT_EQ(::sendto(sender.get(), datagram.data(), size, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(size));
  std::vector<TapFrame> frames;
  const auto is_udp = [](const TapFrame& frame) { return frame.vnet.csum_offset == 6 && frame.octets.size() > 100; };
  EXPECT_TRUE(hosts.carry_until([&] {
    frames = unfinished(hosts);
    return std::ranges::any_of(frames, is_udp);
  }));
  std::erase_if(frames, [&](const TapFrame& frame) { return !is_udp(frame); });
  return frames;
}

// A kernel inside a network may see these frames, but two directly connected hosts do not send them.

void insert(TapFrame& frame, std::size_t at, const Octets& octets) {
  frame.octets.insert(frame.octets.begin() + static_cast<std::ptrdiff_t>(at), octets.begin(), octets.end());
  frame.vnet.csum_start = static_cast<std::uint16_t>(frame.vnet.csum_start + octets.size());
}
TapFrame with_tag(TapFrame frame, std::uint8_t type_high, std::uint8_t type_low) {
  insert(frame, 12, {type_high, type_low, 0x60, 0x64});
  return frame;
}
TapFrame with_ipv4_options(TapFrame frame) {
  insert(frame, 34, {1, 1, 1, 1, 7, 3, 4, 0});  // no-operations, an empty record of the route
  frame.octets[14] = 0x47;
  store16(bytes(frame) + 16, load16(bytes(frame) + 16) + 8U);
  store16(bytes(frame) + 24, 0);
  const auto checksum = static_cast<std::uint16_t>(~internet_sum({bytes(frame) + 14, 28}));
  std::memcpy(bytes(frame) + 24, &checksum, sizeof checksum);
  return frame;
}
/// Inserts an IPv6 extension header in front of all others.
TapFrame with_extension(TapFrame frame, std::uint8_t kind, Octets header) {
  header[0] = std::exchange(frame.octets[20], kind);
  insert(frame, 54, header);
  store16(bytes(frame) + 18, load16(bytes(frame) + 18) + static_cast<std::uint32_t>(header.size()));
  return frame;
}
TapFrame with_destination_options(TapFrame frame) {
  return with_extension(std::move(frame), 60, {0, 0, 1, 4, 0, 0, 0, 0});
}
/// One segment is left to visit: the checksum is computed with a destination that is not in the IPv6 header.
TapFrame with_routing_header(TapFrame frame) {
  Octets header(24, 0x99);
  std::ranges::copy(std::array{0, 2, 4, 1, 0, 0, 0, 0}, header.begin());
  frame.octets[50] ^= 0x55;
  return with_extension(std::move(frame), 43, header);
}
TapFrame with_all_tcp_flags(TapFrame frame) {
  frame.octets[frame.vnet.csum_start + 13U] = 0xff;
  frame.vnet.gso_type |= kGsoEcn;
  return frame;
}
TapFrame with_gso_size(TapFrame frame, std::size_t gso_size) {
  frame.vnet.gso_size = static_cast<std::uint16_t>(gso_size);
  return frame;
}

TEST_F(OffloadKernel, FinishesEveryFrameOfATcpConnectionAsTheKernelDoes) {
  const KernelFinisher kernel;
  for (const int family : {AF_INET, AF_INET6}) {
    SCOPED_TRACE(family == AF_INET ? "IPv4" : "IPv6");
    TwoHosts hosts;
    const std::vector<TapFrame> frames = send_by_tcp(hosts, family, 2 << 20);
    EXPECT_GT(large_one(frames).octets.size(), 20000U);
    std::size_t finished = 0;
    for (const TapFrame& frame : frames) finished += expect_finished_alike(kernel, frame);
    EXPECT_GT(finished, 1400U);
  }
}

TEST_F(OffloadKernel, CutsAlteredTcpFramesAsTheKernelDoes) {
  const KernelFinisher kernel;
  for (const int family : {AF_INET, AF_INET6}) {
    SCOPED_TRACE(family == AF_INET ? "IPv4" : "IPv6");
    TwoHosts hosts;
    const TapFrame frame = large_one(send_by_tcp(hosts, family, 2 << 20));
    const auto alike = [&](const TapFrame& altered) { EXPECT_GT(expect_finished_alike(kernel, altered), 10U); };
    const TapFrame longer = family == AF_INET ? with_ipv4_options(frame) : with_destination_options(frame);
    alike(longer);
    if (family == AF_INET6) alike(with_routing_header(longer));
    alike(with_all_tcp_flags(frame));
    for (const std::size_t gso_size : {100U, 101U, 536U, 1447U, 3000U}) alike(with_gso_size(frame, gso_size));
    alike(with_tag(frame, 0x81, 0x00));
    alike(with_tag(frame, 0x88, 0xa8));
    alike(with_tag(with_tag(with_all_tcp_flags(longer), 0x81, 0x00), 0x88, 0xa8));
  }
}

TEST_F(OffloadKernel, OnlySumsATcpFrameThatFitsOneSegmentAsTheKernelDoes) {
  const KernelFinisher kernel;
  TwoHosts hosts;
  const TapFrame frame = large_one(send_by_tcp(hosts, AF_INET, 2 << 20));
  const std::size_t headers = frame.vnet.csum_start + std::size_t{32};
  // The kernel assumes a TCP header of 20 octets when it decides if a frame is too small to cut.
  EXPECT_EQ(expect_finished_alike(kernel, with_gso_size(frame, frame.octets.size() - headers + 12)), 1U);
  EXPECT_EQ(expect_finished_alike(kernel, with_gso_size(frame, frame.octets.size() - headers - 1)), 2U);
}

TEST_F(OffloadKernel, CutsUdpAsTheKernelDoes) {
  const KernelFinisher kernel;
  for (const int family : {AF_INET, AF_INET6}) {
    SCOPED_TRACE(family == AF_INET ? "IPv4" : "IPv6");
    TwoHosts hosts;
    if (!hosts.offloads().has(Offloads::kUso)) GTEST_SKIP() << "Linux before 6.2 gives no UDP GSO frames to taps";
    const TapFrame frame = large_one(send_by_udp(hosts, family, 50123, 1231));
    EXPECT_EQ(expect_finished_alike(kernel, frame), 41U);
    const TapFrame longer = family == AF_INET ? with_ipv4_options(frame) : with_destination_options(frame);
    EXPECT_EQ(expect_finished_alike(kernel, longer), 41U);
    EXPECT_EQ(expect_finished_alike(kernel, with_tag(longer, 0x81, 0x00)), 41U);
    EXPECT_EQ(expect_finished_alike(kernel, with_gso_size(frame, 600)), 84U);
  }
}

TEST_F(OffloadKernel, SumsUdpAsTheKernelDoesAlsoToZero) {
  const KernelFinisher kernel;
  for (const int family : {AF_INET, AF_INET6}) {
    SCOPED_TRACE(family == AF_INET ? "IPv4" : "IPv6");
    TwoHosts hosts;
    const std::vector<TapFrame> frames = send_by_udp(hosts, family, 1001, 0);
    ASSERT_FALSE(frames.empty());
    TapFrame frame = frames.front();
    EXPECT_EQ(expect_finished_alike(kernel, frame), 1U);
    EXPECT_EQ(expect_finished_alike(kernel, with_tag(frame, 0x81, 0x00)), 1U);
    // The first word of the payload is changed so that the sum becomes all ones.
    const std::size_t field = frame.vnet.csum_start + std::size_t{6}, payload = field + 2;
    Octets finished = finish_in_software(View(frame).view).front();
    const std::uint32_t word = load16(bytes(frame) + payload), checksum = finished[field] * 256U + finished[field + 1];
    store16(bytes(frame) + payload, (word + checksum) % 0xffff);
    finished = finish_in_software(View(frame).view).front();
    EXPECT_EQ(finished[field], 0xff);
    EXPECT_EQ(finished[field + 1], 0xff);
    EXPECT_EQ(expect_finished_alike(kernel, frame), 1U);
  }
}

}  // namespace
}  // namespace rb::test
