// Keys that a backend hands to a browser: short-lived, checked by their signature (protocol.md 12.3).
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/realtime/session_update.hpp"

namespace parley::server {

using UnixSeconds = std::chrono::seconds;  // since 1970

struct EphemeralKey {
  std::string value;  // ek_...
  UnixSeconds expires_at{};
};

//   ek_ + base64url( expires_at, 8 bytes big-endian | nonce, 12 bytes | HMAC-SHA256 of both, 32 bytes )
//
// Any server with the same secret accepts a key; what a session opened with it starts from is remembered by
// the server that minted it. Thread-safe.
class EphemeralKeys {
 public:
  // An empty secret: a random one, so that keys end with the process.
  explicit EphemeralKeys(std::string secret);

  EphemeralKey mint(UnixSeconds now, std::chrono::seconds lifetime, protocol::SessionChanges session);

  // The session that the key's bearer starts from. Empty: forged, or expired.
  std::optional<protocol::SessionChanges> check(std::string_view key, UnixSeconds now);

  static bool looks_like_one(std::string_view key) { return key.starts_with("ek_"); }

  static constexpr std::size_t most_remembered = 4096;  // the oldest are forgotten

 private:
  struct Remembered {
    std::string nonce;
    UnixSeconds expires_at;
    protocol::SessionChanges session;
  };

  std::string signature(std::string_view payload) const;

  std::string secret_;
  std::mutex mutex_;
  std::list<Remembered> oldest_first_;
  std::unordered_map<std::string, std::list<Remembered>::iterator> by_nonce_;
};

}  // namespace parley::server
