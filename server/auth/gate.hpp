// Decides who may open a session.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/auth/credential.hpp"
#include "server/auth/ephemeral_keys.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

// Thread-safe.
class Gate {
 public:
  explicit Gate(const AuthSettings& settings)
      : settings_(settings), ephemeral_keys_(settings.signing_secret) {}

  enum class Verdict { admitted, no_credential, wrong_credential };
  struct Decision {
    Verdict verdict = Verdict::admitted;
    protocol::SessionChanges session;  // what an ephemeral key asks for
  };

  // Without keys everyone is admitted, whatever they show; an ephemeral key of ours still brings its session
  // along.
  Decision admit(const std::optional<Credential>& credential, UnixSeconds now);
  // The same for what an ephemeral key is not good for: minting further ones.
  Verdict admit_backend(const std::optional<Credential>& credential) const;

  EphemeralKeys& ephemeral_keys() { return ephemeral_keys_; }

 private:
  bool is_key(std::string_view value) const;

  const AuthSettings& settings_;
  EphemeralKeys ephemeral_keys_;
};

}  // namespace parley::server
