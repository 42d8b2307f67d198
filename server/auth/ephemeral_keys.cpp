// Tested by test/server/auth/auth_test.cpp.
#include "server/auth/ephemeral_keys.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

#include "protocol/base64/base64.hpp"
#include "server/auth/credential.hpp"

namespace parley::server {
namespace {

constexpr std::size_t time_bytes = 8;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t payload_bytes = time_bytes + nonce_bytes;
constexpr std::size_t signature_bytes = 32;
constexpr std::size_t key_bytes = payload_bytes + signature_bytes;
constexpr std::string_view prefix = "ek_";

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw std::runtime_error("the operating system gives no random bytes for ephemeral keys");
  return bytes;
}

std::string base64url(std::string_view bytes) {
  std::string text = protocol::base64::encode(std::as_bytes(std::span(bytes)));
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string standard(text);
  if (standard.find_first_of("+/=") != std::string::npos) return std::nullopt;
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  const auto bytes = protocol::base64::decode(standard);
  if (!bytes) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

std::string big_endian(std::uint64_t value) {
  std::string bytes(time_bytes, '\0');
  for (std::size_t i = 0; i < time_bytes; ++i)
    bytes[i] = static_cast<char>(value >> 8 * (time_bytes - 1 - i) & 0xFF);
  return bytes;
}

std::uint64_t from_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes.substr(0, time_bytes)) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

EphemeralKeys::EphemeralKeys(std::string secret)
    : secret_(secret.empty() ? random_bytes(signature_bytes) : std::move(secret)) {}

std::string EphemeralKeys::signature(std::string_view payload) const {
  std::string mac(signature_bytes, '\0');
  unsigned int size = 0;
  const auto* made = HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
                          reinterpret_cast<const unsigned char*>(payload.data()), payload.size(),
                          reinterpret_cast<unsigned char*>(mac.data()), &size);
  if (made == nullptr || size != signature_bytes) throw std::runtime_error("HMAC-SHA256 failed");
  return mac;
}

EphemeralKey EphemeralKeys::mint(UnixSeconds now, std::chrono::seconds lifetime,
                                 protocol::SessionChanges session) {
  const UnixSeconds expires_at = now + lifetime;
  const std::string nonce = random_bytes(nonce_bytes);
  const std::string payload = big_endian(static_cast<std::uint64_t>(expires_at.count())) + nonce;
  {
    const std::lock_guard lock(mutex_);
    by_nonce_[nonce] =
        oldest_first_.insert(oldest_first_.end(), Remembered{nonce, expires_at, std::move(session)});
    while (oldest_first_.size() > most_remembered || oldest_first_.front().expires_at <= now) {
      by_nonce_.erase(oldest_first_.front().nonce);
      oldest_first_.pop_front();
    }
  }
  return {std::string(prefix) + base64url(payload + signature(payload)), expires_at};
}

std::optional<protocol::SessionChanges> EphemeralKeys::check(std::string_view key, UnixSeconds now) {
  if (!key.starts_with(prefix)) return std::nullopt;
  const auto bytes = from_base64url(key.substr(prefix.size()));
  if (!bytes || bytes->size() != key_bytes) return std::nullopt;
  const std::string payload = bytes->substr(0, payload_bytes);
  if (!equal_in_constant_time(bytes->substr(payload_bytes), signature(payload))) return std::nullopt;
  if (from_big_endian(payload) <= static_cast<std::uint64_t>(now.count())) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = by_nonce_.find(payload.substr(time_bytes));
  return found == by_nonce_.end() ? protocol::SessionChanges{} : found->second->session;
}

}  // namespace parley::server
