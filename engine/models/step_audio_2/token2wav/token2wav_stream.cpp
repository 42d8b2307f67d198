#include <stdexcept>
#include <string>
#include <utility>

#include "engine/models/step_audio_2/token2wav/token2wav_parts.hpp"

namespace parley::step_audio_2 {

Token2WavStream::Token2WavStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
Token2WavStream::~Token2WavStream() = default;
Token2WavStream::Token2WavStream(Token2WavStream&&) noexcept = default;
Token2WavStream& Token2WavStream::operator=(Token2WavStream&&) noexcept = default;

void Token2WavStream::push_tokens(std::span<const int> tokens) {
  std::vector<int> speech;
  for (const int token : tokens) {
    if (token < 0)
      throw std::invalid_argument("a speech token is " + std::to_string(token) + ", expected 0 or more");
    if (token < state_->vocabulary) speech.push_back(token);
  }
  state_->schedule.push(speech);
}

void Token2WavStream::finish() { state_->schedule.finish(); }
bool Token2WavStream::chunk_ready() const { return state_->schedule.ready(); }
bool Token2WavStream::finished() const { return state_->schedule.done(); }
int Token2WavStream::waiting_tokens() const { return state_->schedule.waiting(); }

int Token2WavStream::chunk_tokens() const {
  return chunk_ready() ? static_cast<int>(state_->schedule.next().tokens.size()) : 0;
}

std::size_t Token2WavStream::bytes() const {
  if (!state_->flow.dit.tails.defined()) return 0;
  std::size_t bytes = 0;
  for (const FrameCache* cache :
       {&state_->flow.encoder.lower, &state_->flow.encoder.upper, &state_->flow.dit.attention})
    bytes += cache->keys.nbytes() + cache->values.nbytes();
  return bytes + 2 * state_->flow.dit.tails.nbytes();
}

}  // namespace parley::step_audio_2
