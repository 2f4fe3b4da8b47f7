// Network namespaces: entering one for a moment, and telling them apart.
#pragma once

#include <cstdint>

#include "ports/unique_fd.hpp"
#include "switch/result.hpp"

namespace rb {

/// While it lives, the calling thread is in another network namespace; then it is back in its own.
class NetnsVisit {
 public:
  /// -1: stays where it is. kPermission without CAP_SYS_ADMIN over the namespace; kInvalidArgument when the descriptor
  /// is no network namespace.
  [[nodiscard]] static Result<NetnsVisit> enter(int netns_fd);
  NetnsVisit(NetnsVisit&&) = default;
  NetnsVisit& operator=(NetnsVisit&&) = delete;
  ~NetnsVisit();

 private:
  explicit NetnsVisit(UniqueFd home) noexcept : home_(std::move(home)) {}
  UniqueFd home_;
};

/// Inode number that names a network namespace; -1 stands for the calling thread's own. 0 when it cannot be told.
[[nodiscard]] std::uint64_t netns_id(int netns_fd);

}  // namespace rb
