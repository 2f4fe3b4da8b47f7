// SPDX-License-Identifier: GPL-2.0-or-later
// Connects a datagram socket to an AF_UNIX socket that another process has named, if that process's user owns it.
//
// The daemon may be privileged, and a process of any user names the address. Without care the daemon would write to
// sockets of other users, with its own rights and credentials. Two rules prevent that.
//
// 1. A path is opened without following a link in its last component, and the owner is read from that descriptor. The
//    connection then goes through the same descriptor (/proc/self/fd/N), so nobody can put another socket at the path
//    in between.
// 2. An abstract name has no file and no owner. The connection is made first, and then the kernel is asked (sock_diag)
//    which socket is at the other end and who created that socket. Nothing is sent in between.
//
// The path is looked up in the kernel's cache alone (RESOLVE_CACHED). A bound socket keeps its path in that cache, and
// a path into a file system that a user serves or has made slow cannot stop the calling thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "switch/result.hpp"

namespace rb {

/// Connects `socket`, a datagram socket of AF_UNIX, to `name`: a path from the root, or an abstract name that begins
/// with a zero byte and is as long as sockaddr_un lets it be. Threads: any. Errors: kPermission when `owner` does not
/// own the socket, kInvalidArgument when there is none at the name (or something else than a socket, or a link),
/// kNotSupported when the kernel does not tell who created an abstract socket, kSystem. After an error the caller must
/// close `socket`, which may be connected.
[[nodiscard]] Result<> connect_to_owned_socket(int socket, const std::string& name, uid_t owner);

}  // namespace rb
