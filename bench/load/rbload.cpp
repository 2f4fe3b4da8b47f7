// SPDX-License-Identifier: GPL-2.0-or-later
// rbload sends frames into a switch by any of its ports, and reports which frames came out and when.
//
// How it works. All ports are opened once. Then each input line is a request for a trial (request.hpp), and each output
// line is the answer to a request (answer.hpp). So a switch and its ports stay as they are from trial to trial. An
// invalid request is answered with an error. If a device disappears, the program ends.
#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/program_options.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/answer.hpp"
#include "bench/load/load_port.hpp"
#include "bench/load/request.hpp"
#include "bench/load/support.hpp"
#include "bench/load/tcp_trial.hpp"
#include "bench/load/trial.hpp"

namespace {

using Ports = std::vector<std::unique_ptr<bench::LoadPort>>;

std::unique_ptr<bench::LoadPort> open_port(const std::string& words) {
  const std::size_t colon = words.find(':');
  const std::string kind = words.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : words.substr(colon + 1);
  if (kind == "packet" && !rest.empty()) return bench::open_packet_port(rest);
  if (kind == "vhost" && !rest.empty()) return bench::open_vhost_port(rest);
  bench::die(fmt::format("--port {} is neither packet:DEVICE[@NETNS] nor vhost:PATH[,OPTIONS]", words));
}

std::string answer_to(const std::string& line, const Ports& ports, const std::vector<std::size_t>& most_octets) {
  const auto request = bench::parse_request(line, most_octets);
  if (!request) return bench::error_line(request.error());
  if (const auto* tcp = std::get_if<bench::TcpTrial>(&*request)) {
    const auto result = bench::run_tcp_trial(*tcp);
    return result ? bench::answer_line(*result) : bench::error_line(result.error());
  }
  const auto result = bench::run_frame_trial(ports, std::get<bench::FrameTrial>(*request));
  return result ? bench::answer_line(*result) : bench::error_line(result.error());
}

std::vector<std::string> parse(int argc, char** argv) {
  namespace po = boost::program_options;
  std::vector<std::string> ports;
  po::options_description description(
      "rbload --port PORT ...\nReads requests for trials, a JSON object on a line each, and answers them in kind");
  // clang-format off
  description.add_options()
    ("help,h", "this text")
    ("port", po::value(&ports),
     "packet:DEVICE[@NETNS], or vhost:PATH[,queue_size=N][,packed=on][,offloads=on][,tso=on][,server=on]; the first is port 0");
  // clang-format on
  po::variables_map values;
  try {
    po::store(po::parse_command_line(argc, argv, description), values);
    po::notify(values);
  } catch (const po::error& error) {
    bench::die(error.what());
  }
  if (values.contains("help")) {
    std::cout << description;
    std::exit(0);
  }
  if (ports.size() > bench::kMostPorts) bench::die(fmt::format("{} ports are the most", bench::kMostPorts));
  return ports;
}

/// Each port has up to four descriptors, and there may be hundreds of ports.
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words = parse(argc, argv);
  allow_many_descriptors();
  Ports ports;
  std::vector<std::size_t> most_octets;
  for (const std::string& port : words) {
    ports.push_back(open_port(port));
    most_octets.push_back(ports.back()->most_octets());
  }
  std::cout << bench::ready_line() << '\n' << std::flush;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << answer_to(line, ports, most_octets) << '\n' << std::flush;
  }
}
