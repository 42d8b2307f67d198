#include "engine/models/step_audio_2/token2wav/chunk_schedule.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace parley::step_audio_2 {

ChunkSchedule::ChunkSchedule(ChunkSettings settings, int lookahead, int least)
    : settings_(std::move(settings)), lookahead_(lookahead) {
  if (settings_.tokens.empty() || *std::ranges::min_element(settings_.tokens) < least)
    throw std::invalid_argument("the sizes of speech chunks must be at least " + std::to_string(least) +
                                " tokens each, and at least one must be given");
}

void ChunkSchedule::push(std::span<const int> tokens) {
  if (finished_) throw std::logic_error("speech tokens came after the end of the speech");
  waiting_.insert(waiting_.end(), tokens.begin(), tokens.end());
}

void ChunkSchedule::finish() { finished_ = true; }

int ChunkSchedule::size() const { return settings_.tokens[std::min(chunks_, settings_.tokens.size() - 1)]; }

int ChunkSchedule::largest() const { return *std::ranges::max_element(settings_.tokens) + lookahead_; }

bool ChunkSchedule::ready() const { return finished_ ? !done() : waiting() >= size() + lookahead_; }

ChunkSchedule::Chunk ChunkSchedule::next() const {
  if (!ready()) throw std::logic_error("no chunk of speech is ready");
  const int whole = size() + lookahead_;
  const bool last = finished_ && (settings_.join_last ? waiting() <= whole : waiting() < whole);
  const auto end = last ? waiting_.end() : waiting_.begin() + whole;
  return {.tokens = {waiting_.begin(), end}, .last = last};
}

void ChunkSchedule::rendered(const Chunk& chunk) {
  const auto count = static_cast<std::ptrdiff_t>(chunk.tokens.size()) - (chunk.last ? 0 : lookahead_);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  ++chunks_;
  done_ = chunk.last;
}

}  // namespace parley::step_audio_2
