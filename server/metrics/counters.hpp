// What the server counts about itself, beside what the engine counts (engine/status.hpp). Written on any
// thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "protocol/realtime/error.hpp"

namespace parley::server {

// Why someone was not let in.
enum class Refusal {
  origin,
  no_credential,
  wrong_credential,
  address_full,
  server_full,
  no_slot,
  draining,
  bad_request
};
inline constexpr int refusals = 8;
const char* name(Refusal reason);

inline constexpr int error_codes = static_cast<int>(protocol::ErrorCode::input_overrun) + 1;

struct Counters {
  using Count = std::atomic<std::uint64_t>;

  std::atomic<int> connections{0};
  std::atomic<int> sessions{0};
  Count sessions_opened{0};
  Count requests{0};
  Count text_in{0}, binary_in{0}, bytes_in{0};
  Count text_out{0}, binary_out{0}, bytes_out{0};
  Count slow_consumers{0};
  Count interruptions{0}, late_events{0};
  std::array<Count, refusals> refused{};
  std::array<Count, error_codes> errors{};  // `error` events, by code

  void refuse(Refusal reason) { ++refused.at(static_cast<std::size_t>(reason)); }
  void error(protocol::ErrorCode code) { ++errors.at(static_cast<std::size_t>(code)); }
};

}  // namespace parley::server
