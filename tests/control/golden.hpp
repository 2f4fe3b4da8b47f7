// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the transcripts of the original tools in tests/golden/.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "test_paths.hpp"

namespace rb::test {

/// One command of a transcript and its output.
struct GoldenStep {
  std::string command;
  std::string output;  // standard output and standard error together
  int exit_status = 0;
  std::string section{};  // the last "--- ..." line before it
};

inline std::vector<GoldenStep> read_transcript(const std::string& name) {
  std::ifstream file(std::string(RB_SOURCE_DIR "/tests/golden/") + name);
  if (!file) throw std::runtime_error("cannot read the transcript " + name);
  std::vector<GoldenStep> steps;
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("$ ")) {
      steps.push_back({line.substr(2), "", 0, section});
    } else if (line.starts_with("--- ")) {
      section = line.substr(4);
    } else if (steps.empty()) {
      continue;  // the line is a remark of the transcript
    } else if (line.starts_with("[exit ")) {
      steps.back().exit_status = std::stoi(line.substr(6));
    } else {
      steps.back().output += line + '\n';
    }
  }
  return steps;
}

/// Returns the `occurrence`-th run (from 0) of a command in a transcript.
inline GoldenStep golden_step(const std::string& transcript, const std::string& command, int occurrence = 0) {
  for (const GoldenStep& step : read_transcript(transcript)) {
    if (step.command == command && occurrence-- == 0) return step;
  }
  throw std::runtime_error("the transcript " + transcript + " has no command " + command);
}

inline GoldenStep golden_brctl(const std::string& command, int occurrence = 0) {
  return golden_step("brctl-transcript.txt", command, occurrence);
}

inline std::string golden_bridge(const std::string& command, int occurrence = 0) {
  return golden_step("iproute2-transcript.txt", command, occurrence).output;
}

}  // namespace rb::test
