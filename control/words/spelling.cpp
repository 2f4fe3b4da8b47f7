// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/words/spelling.hpp"

#include "control/words/command_table.hpp"
#include "control/words/iproute2_words.hpp"

namespace rb {

Result<std::vector<std::string>> write_out(std::vector<std::string> words, Spelling spelling) {
  switch (spelling) {
    case Spelling::kWhole:
      break;
    case Spelling::kPrefix:
      return write_out_prefixes(std::move(words));
    case Spelling::kBridge:
      return write_out_iproute2(Iproute2Program::kBridge, std::move(words));
    case Spelling::kIp:
      return write_out_iproute2(Iproute2Program::kIp, std::move(words));
  }
  return words;
}

}  // namespace rb
