// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/batch.hpp"

#include <fmt/core.h>

#include <vector>

#include "control/words/command_line.hpp"

namespace rb {
namespace {

using nlohmann::json;

/// The requests of one call, and their bytes: far below the limits of a call.
constexpr std::size_t kMaxTogether = 1000, kMaxBytes = 512 << 10;

class Runner {
 public:
  Runner(const BatchOptions& options, const CallDaemon& call, std::ostream& out, std::ostream& err)
      : options_(options), call_(call), out_(out), err_(err) {}

  [[nodiscard]] bool failed() const { return failed_; }

  /// False: the batch ends here.
  bool run_line(const std::string& line, std::size_t number) {
    auto words = split_words(line);
    if (!words) return send() && fail_at(number, words.error().message);
    if (!words->empty() && words->front() == "rbctl") words->erase(words->begin());
    if (words->empty()) return true;
    words = write_out(*std::move(words), options_.spelling);
    if (!words) return send() && fail_at(number, words.error().message);
    if (is_change_command(*words)) return change(*words, number);
    if (!send()) return false;
    const auto text = run_read_command(*words, options_.output, call_);
    if (!text) return fail_at(number, text.error().message);
    out_ << *text << std::flush;
    return true;
  }

  bool send() {
    if (waiting_.empty()) return true;
    json requests = json::array();
    for (const Waiting& waiting : waiting_)
      requests.push_back({{"method", waiting.request.method}, {"params", waiting.request.params}});
    const auto result = call_({"batch", {{"requests", std::move(requests)}, {"continue", options_.force}}});
    const std::vector<Waiting> sent = std::exchange(waiting_, {});
    bytes_ = 0;
    if (!result) return fail_at(sent.front().line, result.error().message);
    std::size_t place = 0;
    for (const json& answer : result->at("answers")) {
      const std::size_t line = sent.at(place++).line;
      if (answer.contains("error") && !fail_at(line, answer.at("error").at("message").get<std::string>())) return false;
      if (answer.contains("result")) warn(answer.at("result"));
    }
    return true;
  }

 private:
  struct Waiting {
    std::size_t line;
    Request request;
  };

  bool change(const std::vector<std::string>& words, std::size_t number) {
    const auto requests = parse_change_command(words);
    if (!requests) return send() && fail_at(number, requests.error().message);
    for (const Request& request : *requests) {
      if (!names_namespace(request)) {
        const std::size_t size = request.params.dump(-1, ' ', false, json::error_handler_t::replace).size();
        if (bytes_ + size > kMaxBytes && !send()) return false;
        waiting_.push_back({number, request});
        bytes_ += size;
        continue;
      }
      if (!send()) return false;
      const auto result = call_(request);  // it opens the namespace
      if (!result && !fail_at(number, result.error().message)) return false;
    }
    return waiting_.size() < kMaxTogether || send();
  }

  static bool names_namespace(const Request& request) {
    const auto port = request.params.find("port");
    return port != request.params.end() && port->is_object() && port->contains("netns");
  }

  void warn(const json& result) {
    for (const json& warning : result.value("warnings", json::array()))
      err_ << "warning: " << warning.get<std::string>() << '\n';
  }

  bool fail_at(std::size_t line, const std::string& message) {
    err_ << message << '\n' << fmt::format("Command failed {}:{}\n", options_.name, line);
    failed_ = true;
    return options_.force;
  }

  const BatchOptions& options_;
  const CallDaemon& call_;
  std::ostream& out_;
  std::ostream& err_;
  std::vector<Waiting> waiting_;
  std::size_t bytes_ = 0;  // of their params
  bool failed_ = false;
};

}  // namespace

bool run_batch(std::istream& input, const BatchOptions& options, const CallDaemon& call, std::ostream& out,
               std::ostream& err) {
  Runner runner(options, call, out, err);
  std::string line;
  bool go_on = true;
  for (std::size_t number = 1; go_on && std::getline(input, line); ++number) go_on = runner.run_line(line, number);
  if (go_on) (void)runner.send();
  return !runner.failed();
}

}  // namespace rb
