// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers of virtio's feature bits: virtio 1.2 5.1.3 (network) and 6 (all devices). Linux's own headers do not compile
// as C++.
#pragma once

namespace rb::virtio {

inline constexpr unsigned kCsum = 0;       // the guest leaves checksums to be filled in
inline constexpr unsigned kGuestCsum = 1;  // the guest accepts such frames
inline constexpr unsigned kMtu = 3;
inline constexpr unsigned kGuestTso4 = 7;
inline constexpr unsigned kGuestTso6 = 8;
inline constexpr unsigned kGuestEcn = 9;
inline constexpr unsigned kHostTso4 = 11;
inline constexpr unsigned kHostTso6 = 12;
inline constexpr unsigned kHostEcn = 13;
inline constexpr unsigned kMergeableBuffers = 15;
inline constexpr unsigned kStatus = 16;
inline constexpr unsigned kControlQueue = 17;
inline constexpr unsigned kControlRx = 18;
inline constexpr unsigned kControlVlan = 19;
inline constexpr unsigned kGuestAnnounce = 21;
inline constexpr unsigned kMultiQueue = 22;
inline constexpr unsigned kControlMac = 23;
inline constexpr unsigned kLogAll = 26;     // VHOST_F_LOG_ALL
inline constexpr unsigned kAnyLayout = 27;  // of devices before 1.0
inline constexpr unsigned kIndirectDescriptors = 28;
inline constexpr unsigned kEventIndex = 29;
inline constexpr unsigned kProtocolFeatures = 30;  // VHOST_USER_F_PROTOCOL_FEATURES
inline constexpr unsigned kVersion1 = 32;
inline constexpr unsigned kPackedRing = 34;
inline constexpr unsigned kInOrder = 35;
inline constexpr unsigned kGuestUso4 = 54;
inline constexpr unsigned kGuestUso6 = 55;
inline constexpr unsigned kHostUso = 56;

}  // namespace rb::virtio
