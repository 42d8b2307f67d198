// Identifiers: a prefix that tells the kind, then 21 letters and digits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/realtime/error.hpp"

namespace parley::protocol {

// Makes ids from random bits that the caller supplies: tests pass a seeded engine, the server one per session
// that it seeds from the operating system. Not thread-safe; one per session.
class IdGenerator {
 public:
  using RandomBits = std::function<std::uint64_t()>;  // 64 uniform bits a call
  explicit IdGenerator(RandomBits random) : random_(std::move(random)) {}

  std::string event() { return make("event_"); }
  std::string session() { return make("sess_"); }
  std::string conversation() { return make("conv_"); }
  std::string item() { return make("item_"); }
  std::string response() { return make("resp_"); }
  std::string call() { return make("call_"); }

  std::string make(std::string_view prefix);

  static constexpr int random_characters = 21;

 private:
  RandomBits random_;
};

// Item and call ids that a client chose: 1-64 characters of [A-Za-z0-9_-], kept verbatim.
bool is_valid_id(std::string_view id);

}  // namespace parley::protocol
