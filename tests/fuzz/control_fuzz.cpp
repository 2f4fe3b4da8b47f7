// SPDX-License-Identifier: GPL-2.0-or-later
// Sends lines of any octets, as a client of the control socket may, through JSON-RPC and the whole command table. Taps
// are socket pairs, so nothing is created on the host.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/base/json_rpc.hpp"
#include "tests/control/model_fixture.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static rb::testing::FakeSwitch fake;
  std::string_view left(reinterpret_cast<const char*>(data), size);
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    const auto request = rb::parse_rpc_request(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
    if (!request) {
      (void)rb::rpc_error_line(request.error().id, request.error().error);
      continue;
    }
    if (request->method.starts_with("tap.")) continue;  // these commands would create real taps
    rb::Caller caller;
    const auto answer = fake.commands->call(request->method, request->params, caller);
    (void)(answer ? rb::rpc_result_line(request->id, *answer) : rb::rpc_error_line(request->id, answer.error()));
  }
  // The next input must begin with an empty switch.
  for (const rb::ModelBridge* bridge : fake.model->bridges()) {
    if (!fake.model->delete_bridge(std::string(bridge->name))) std::abort();
  }
  return 0;
}
