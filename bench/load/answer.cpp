// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/answer.hpp"

#include <nlohmann/json.hpp>

namespace bench {
namespace {

using Json = nlohmann::json;

std::string line_of(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json to_json(const FlowLatency& latency) {
  const LatencyHistogram& histogram = latency.histogram;
  return {{"samples", histogram.samples()},
          {"mean_ns", histogram.mean_ns()},
          {"p50_ns", histogram.percentile_ns(0.5)},
          {"p90_ns", histogram.percentile_ns(0.9)},
          {"p99_ns", histogram.percentile_ns(0.99)},
          {"p999_ns", histogram.percentile_ns(0.999)},
          {"max_ns", histogram.max_ns()},
          {"reordered", latency.reordered}};
}

}  // namespace

std::string ready_line() {
  return line_of({{"ready", true}});
}

std::string error_line(std::string_view message) {
  return line_of({{"error", message}});
}

std::string answer_line(const TrialResult& result) {
  Json latency;
  if (!result.latency.empty()) latency = Json::array();
  for (const FlowLatency& flow : result.latency) latency.push_back(to_json(flow));
  return line_of({{"window",
                   {{"seconds", result.window.seconds},
                    {"sent", result.window.sent},
                    {"refused", result.window.refused},
                    {"received", result.window.received},
                    {"machine_s", result.window.time.machine_s},
                    {"switch_s", result.window.time.processes_s},
                    {"busy", result.window.busy}}},
                  {"total",
                   {{"seconds", result.total.seconds},
                    {"sent", result.total.sent},
                    {"refused", result.total.refused},
                    {"received", result.total.received},
                    {"foreign", result.foreign},
                    {"overrun", result.overrun}}},
                  {"latency", latency}});
}

std::string answer_line(const TcpResult& result) {
  return line_of({{"window",
                   {{"octets", result.octets},
                    {"seconds", result.seconds},
                    {"machine_s", result.time.machine_s},
                    {"switch_s", result.time.processes_s}}}});
}

}  // namespace bench
