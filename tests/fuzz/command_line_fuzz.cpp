// SPDX-License-Identifier: GPL-2.0-or-later
// Any line is either refused or becomes requests in JSON. The same words never crash brctl's parser.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "control/rbctl/brctl_words.hpp"
#include "control/rbctl/completion.hpp"
#include "control/rbctl/help.hpp"
#include "control/rbctl/read_command.hpp"
#include "control/words/spelling.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line(data, data + size);
  const auto words = rb::split_words(line);
  if (!words) return 0;
  const auto replace = nlohmann::json::error_handler_t::replace;
  if (const auto requests = rb::parse_change_command(*words)) {
    for (const rb::Request& request : *requests) (void)request.params.dump(-1, ' ', false, replace);
  }
  const rb::CallDaemon refuse = [&](const rb::Request& request) -> rb::Result<nlohmann::json> {
    return rb::fail(rb::ErrorCode::kNoSuchBridge, request.params.dump(-1, ' ', false, replace));
  };
  (void)rb::run_read_command(*words, {}, refuse);
  for (const rb::Spelling spelling : {rb::Spelling::kPrefix, rb::Spelling::kBridge, rb::Spelling::kIp})
    (void)rb::write_out(*words, spelling);
  (void)rb::complete(*words, refuse);
  (void)rb::help_of(*words);
  std::vector<std::string> brctl_words = {"brctl",
                                          "--"};  // after "--" there are no options for getopt to complain about
  brctl_words.insert(brctl_words.end(), words->begin(), words->end());
  std::ostringstream out;
  std::ostringstream err;
  (void)rb::run_brctl(brctl_words, refuse, out, err);
  return 0;
}
