// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/load/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/load/load_port.hpp"
#include "bench/load/stamp.hpp"

namespace bench {
namespace {

using Json = nlohmann::json;

constexpr double kMostSeconds = 86'400;
constexpr std::size_t kMostFlows = 1U << 16;  // a stamp has 16 bits for the flow
constexpr std::uint32_t kMostStreams = 1024;
constexpr std::uint16_t kLastVid = 4094;
constexpr std::uint64_t kMostCount = std::uint64_t{1} << 53;  // other programs read JSON numbers as doubles

/// Describes the error of a request. It is used in this file only.
struct Complaint {
  std::string text;
};
template <typename... Arguments>
[[noreturn]] void complain(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw Complaint{fmt::format(format, std::forward<Arguments>(arguments)...)};
}

/// Returns a value for a complaint. A long value is cut off.
std::string shown(const Json& value) {
  constexpr std::size_t kMostShown = 60;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMostShown) text = text.substr(0, kMostShown) + "...";
  return text;
}

double number_in(const Json& value, const std::string& name, double low, double high) {
  if (!value.is_number()) complain("{} is {}; it has to be a number", name, shown(value));
  const auto number = value.get<double>();
  if (number < low || number > high) complain("{} is {}; it has to be {} to {}", name, shown(value), low, high);
  return number;
}

template <typename T>
T integer_in(const Json& value, const std::string& name, std::uint64_t low, std::uint64_t high) {
  if (!value.is_number_integer()) complain("{} is {}; it has to be a whole number", name, shown(value));
  const bool negative = !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
  if (negative || value.get<std::uint64_t>() < low || value.get<std::uint64_t>() > high) {
    complain("{} is {}; it has to be {} to {}", name, shown(value), low, high);
  }
  return static_cast<T>(value.get<std::uint64_t>());
}

/// The members of one object. Every member that is read is known; finish() complains about the others.
class Members {
 public:
  Members(const Json& object, std::string prefix) : object_(object), prefix_(std::move(prefix)) {
    if (!object.is_object())
      complain("{} is {}; it has to be an object", prefix_.empty() ? "the request" : prefix_, shown(object));
  }

  /// Null if the member is missing. A member with the value `null` counts as missing.
  [[nodiscard]] const Json* find(const char* key) {
    known_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  [[nodiscard]] std::string name(std::string_view key) const {
    return prefix_.empty() ? std::string(key) : fmt::format("{}.{}", prefix_, key);
  }
  void number(const char* key, double& into, double low, double high) {
    if (const Json* value = find(key)) into = number_in(*value, name(key), low, high);
  }
  template <typename T>
  void integer(const char* key, T& into, std::uint64_t low, std::uint64_t high) {
    if (const Json* value = find(key)) into = integer_in<T>(*value, name(key), low, high);
  }
  void flag(const char* key, bool& into) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) complain("{} is {}; it has to be true or false", name(key), shown(*value));
    into = value->get<bool>();
  }
  void text(const char* key, std::string& into) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_string()) complain("{} is {}; it has to be a string", name(key), shown(*value));
    into = value->get<std::string>();
  }
  template <typename T>
  void integers(const char* key, std::vector<T>& into, std::uint64_t low, std::uint64_t high) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_array()) complain("{} is {}; it has to be a list", name(key), shown(*value));
    into.clear();
    for (const Json& item : *value) into.push_back(integer_in<T>(item, name(key), low, high));
  }
  void address(const char* key, std::optional<rb::MacAddress>& into) {
    std::string words;
    text(key, words);
    if (words.empty()) return;
    into = rb::parse_mac(words);
    if (!into) complain("{} is {}; it has to be a MAC address", name(key), shown(words));
  }
  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (!known_.contains(key)) complain("nothing is known as {}", name(shown(key)));
    }
  }

 private:
  const Json& object_;
  std::string prefix_;
  std::set<std::string, std::less<>> known_;
};

void read_destination(Members& members, Flow& flow, std::size_t port_count) {
  const Json* to = members.find("to");
  if (to == nullptr) complain("{} is missing", members.name("to"));
  if (to->is_string()) {
    const auto words = to->get<std::string>();
    flow.to_address = words == "broadcast" ? rb::MacAddress::from_number(0xffffffffffff) : rb::parse_mac(words);
    if (!flow.to_address)
      complain("{} is {}; as a string it has to be \"broadcast\" or a MAC address", members.name("to"), shown(*to));
  } else if (to->is_array()) {
    members.integers("to", flow.to, 0, port_count - 1);
    if (flow.to.empty()) complain("{} is an empty list", members.name("to"));
  } else {
    flow.to = {integer_in<std::size_t>(*to, members.name("to"), 0, port_count - 1)};
  }
}

Flow read_flow(const Json& object, const std::string& prefix, std::span<const std::size_t> most_octets) {
  const std::size_t port_count = most_octets.size();
  Members members(object, prefix);
  Flow flow;
  if (members.find("from") == nullptr) complain("{} is missing", members.name("from"));
  members.integer("from", flow.from, 0, port_count - 1);
  read_destination(members, flow, port_count);
  members.number("rate", flow.rate, 0, 1e9);
  members.integer("count", flow.count, 0, kMostCount);
  if (const Json* vid = members.find("vlan"))
    flow.vlan = integer_in<std::uint16_t>(*vid, members.name("vlan"), 0, kLastVid);
  members.integers("sizes", flow.sizes, smallest_size(flow), most_octets[flow.from] + kCheckSequenceSize);
  if (flow.sizes.empty()) complain("{} is an empty list", members.name("sizes"));
  if (is_super(flow) && flow.sizes.size() > 1)
    complain("{} has super-frames; then there can be only one size", members.name("sizes"));
  members.integer("stations", flow.stations, 1, kMostStations);
  members.integer("first_station", flow.first_station, 0, kMostStations - flow.stations);
  members.integer("to_stations", flow.to_stations, 1, kMostStations);
  members.integer("to_first_station", flow.to_first_station, 0, kMostStations - flow.to_stations);
  members.flag("retry", flow.retry);
  members.integer("window", flow.window, 0, std::numeric_limits<std::uint32_t>::max());
  members.address("source", flow.source);
  members.integer("ethertype", flow.ethertype, 0, std::numeric_limits<std::uint16_t>::max());
  members.finish();
  return flow;
}

/// Checks that arriving frames of these flows can be recognized.
void check_stamped(const Flow& flow, const std::string& prefix, const char* why) {
  const std::uint32_t smallest = smallest_stamped_size(flow);
  if (*std::ranges::min_element(flow.sizes) < smallest) {
    complain("{}.sizes has {}; {} needs {} or more", prefix, *std::ranges::min_element(flow.sizes), why, smallest);
  }
  if (is_super(flow)) complain("{}.sizes has super-frames; {} cannot be had with them", prefix, why);
  if (flow.ethertype != kLoadEtherType)
    complain("{}.ethertype is {:#06x}; {} needs {:#06x}", prefix, flow.ethertype, why, kLoadEtherType);
}

void read_common(Members& members, double& seconds, double& warm_up_s, std::vector<pid_t>& pids) {
  members.number("seconds", seconds, 0, kMostSeconds);
  members.number("warm_up", warm_up_s, 0, kMostSeconds);
  members.integers("pids", pids, 1, std::numeric_limits<pid_t>::max());
}

/// Stamps tell the frames of windows that share a port.
void check_windows(const std::vector<Flow>& flows, std::size_t port_count) {
  std::vector<unsigned> windows(port_count);
  for (const Flow& flow : flows) {
    for (const std::size_t port : flow.to) windows[port] += flow.window > 0 ? 1 : 0;
  }
  if (std::ranges::max(windows) < 2) return;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    if (flows[i].window > 0) check_stamped(flows[i], fmt::format("flows[{}]", i), "a port of several windows");
  }
}

FrameTrial read_frame_trial(Members& members, std::span<const std::size_t> most_octets) {
  FrameTrial trial;
  read_common(members, trial.seconds, trial.warm_up_s, trial.pids);
  members.number("drain", trial.drain_s, 0, kMostSeconds);
  members.integers("cpus", trial.cpus, 0, 4095);
  members.flag("latency", trial.latency);
  members.flag("sleep", trial.sleep);
  members.integers("idle_ports", trial.idle_ports, 0, most_octets.size() - 1);
  const Json* flows = members.find("flows");
  if (flows == nullptr || !flows->is_array() || flows->empty()) complain("flows has to be a list of one flow or more");
  if (flows->size() > kMostFlows) complain("flows has {} flows; {} are the most", flows->size(), kMostFlows);
  for (const Json& object : *flows) {
    const std::string prefix = fmt::format("flows[{}]", trial.flows.size());
    trial.flows.push_back(read_flow(object, prefix, most_octets));
    const Flow& flow = trial.flows.back();
    if ((flow.count > 0) != trial.counted()) complain("{}: all flows need a count, or none may have one", prefix);
    if (trial.latency) check_stamped(flow, prefix, "latency");
    if (flow.window > 0 && flow.to_address) complain("{}.window needs ports in {}.to", prefix, prefix);
  }
  check_windows(trial.flows, most_octets.size());
  return trial;
}

TcpTrial read_tcp_trial(Members& members) {
  TcpTrial trial;
  read_common(members, trial.seconds, trial.warm_up_s, trial.pids);
  members.text("from", trial.from);
  members.text("to", trial.to);
  members.text("address", trial.address);
  if (trial.address.empty()) complain("address is missing");
  members.integer("streams", trial.streams, 1, kMostStreams);
  return trial;
}

Request read_request(const Json& object, std::span<const std::size_t> most_octets) {
  Members members(object, "");
  std::string kind;
  members.text("trial", kind);
  Request request;
  if (kind == "frames") {
    if (most_octets.empty()) complain("a trial of frames needs ports, and none was opened");
    request = read_frame_trial(members, most_octets);
  } else if (kind == "tcp") {
    request = read_tcp_trial(members);
  } else {
    complain("trial is {}; it has to be \"frames\" or \"tcp\"", shown(kind));
  }
  members.finish();
  return request;
}

}  // namespace

std::expected<Request, std::string> parse_request(std::string_view line, std::span<const std::size_t> most_octets) {
  const Json object = Json::parse(line, nullptr, false);
  if (object.is_discarded()) return std::unexpected("this line is no JSON");
  try {
    return read_request(object, most_octets);
  } catch (const Complaint& complaint) {
    return std::unexpected(complaint.text);
  }
}

}  // namespace bench
