// SPDX-License-Identifier: GPL-2.0-or-later
// The shortened words of iproute2: `bridge f s` is `bridge fdb show`, `ip l` is `ip link`.
//
// iproute2 compares a word with its objects, and then with the object's verbs, in an order of its own, and takes the
// first one that begins with the word. The order also holds words for which ringbridge has no command, so that a
// shortened word never means something else here than there. tests/golden/iproute2-prefixes.txt has what the programs
// do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rb {

/// The programs of iproute2 that rbctl can be called as.
enum class Iproute2Program { kBridge, kIp };

/// Writes out the object and the verb: {"f", "s", "br", "br0"} gives {"fdb", "show", "br", "br0"}. A word that iproute2
/// does not know is left as it is.
[[nodiscard]] std::vector<std::string> write_out_iproute2(Iproute2Program program, std::vector<std::string> words);

/// Whether `bridge` has an object of this name, be it one that ringbridge has no commands for.
[[nodiscard]] bool is_iproute2_object(std::string_view word);

}  // namespace rb
