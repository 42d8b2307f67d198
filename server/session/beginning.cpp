// Tested by test/server/session/small_parts_test.cpp.
#include "server/session/beginning.hpp"

#include <cstdint>
#include <random>

#include "server/session/names.hpp"

namespace parley::server {

protocol::IdGenerator::RandomBits random_bits() {
  std::random_device device;
  const std::uint64_t seed = static_cast<std::uint64_t>(device()) << 32U | device();
  return [state = seed]() mutable {
    std::uint64_t bits = state += 0x9E3779B97F4A7C15U;
    bits = (bits ^ bits >> 30U) * 0xBF58476D1CE4E5B9U;
    bits = (bits ^ bits >> 27U) * 0x94D049BB133111EBU;
    return bits ^ bits >> 31U;
  };
}

protocol::Result<protocol::Session> beginning(const BeginningRequest& request, const ServerSettings& settings,
                                              const engine::ModelInfo& model, std::chrono::seconds unix_now) {
  protocol::Session session;
  session.id = protocol::IdGenerator(random_bits()).session();
  session.model = model.id;
  session.instructions = settings.session.instructions;
  session.voice = default_voice(model, settings.session);
  session.expires_at =
      (unix_now + std::chrono::ceil<std::chrono::seconds>(settings.conversation.session_limit)).count();
  if (request.transcription) session.type = protocol::SessionType::transcription;
  if (request.changes.type) session.type = *request.changes.type;
  if (settings.session.transcription || session.type == protocol::SessionType::transcription)
    session.transcription.emplace();
  if (request.native) session.native.emplace();
  protocol::SessionState fresh;
  fresh.local_voice = settings.conversation.local_voice;
  return protocol::updated(session, request.changes, fresh);
}

}  // namespace parley::server
