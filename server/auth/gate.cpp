// Tested by test/server/auth/auth_test.cpp.
#include "server/auth/gate.hpp"

namespace parley::server {

bool Gate::is_key(std::string_view value) const {
  bool found = false;  // all keys are compared, whichever it is
  for (const std::string& key : settings_.keys) found |= equal_in_constant_time(key, value);
  return found;
}

Gate::Decision Gate::admit(const std::optional<Credential>& credential, UnixSeconds now) {
  if (credential && EphemeralKeys::looks_like_one(credential->value)) {
    if (auto session = ephemeral_keys_.check(credential->value, now))
      return {Verdict::admitted, *std::move(session)};
  }
  return {admit_backend(credential), {}};
}

Gate::Verdict Gate::admit_backend(const std::optional<Credential>& credential) const {
  if (settings_.keys.empty()) return Verdict::admitted;
  if (!credential) return Verdict::no_credential;
  return is_key(credential->value) ? Verdict::admitted : Verdict::wrong_credential;
}

}  // namespace parley::server
