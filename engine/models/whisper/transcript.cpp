#include "engine/models/whisper/transcript.hpp"

#include <algorithm>

#include "engine/audio/log_mel.hpp"
#include "engine/models/whisper/windows.hpp"

namespace parley::whisper {
namespace {

// Thresholds of the original: a window that is probably no speech and whose text is improbable says nothing.
// Noise and tones make a confident "you" at 0.91 to 0.94, which no speech comes near.
constexpr double no_speech_threshold = 0.6;
constexpr double log_probability_threshold = -1.0;
constexpr double certain_no_speech = 0.85;

constexpr std::size_t shortest_frames = 10;  // 0.1 s: a click is no word
constexpr float silent_power = -10.0F;       // log10 of the least power that features tell
constexpr float audible = -5.0F;             // log10 of a filter's power; speech at -60 dBFS reaches -4

// Nobody speaks faster; a decoder that makes more has lost its way.
constexpr std::size_t tokens_per_second = 20, spare_tokens = 30;
constexpr std::size_t most_tokens_of_window = 224;  // as in the original

}  // namespace

Transcript::Transcript(const Model& model, std::vector<float> spectrum, std::string language,
                       bool full_window)
    : model_(&model),
      spectrum_(std::move(spectrum)),
      language_(std::move(language)),
      full_window_(full_window) {
  next_window();
}

std::span<const float> Transcript::window_spectrum() const {
  return std::span(spectrum_).subspan(first_ * mels(), (end_ - first_) * mels());
}

void Transcript::next_window() {
  const int most = model_->config.max_source_positions;
  for (first_ = end_; first_ < frames(); first_ = end_) {
    end_ = window_end(spectrum_, mels(), first_, frames_per_position * static_cast<std::size_t>(most));
    if (end_ - first_ < shortest_frames || std::ranges::max(window_spectrum()) < audible) continue;
    positions_ = full_window_ ? most : rounded_positions(end_ - first_, most);
    return;
  }
  finished_ = true;
}

std::vector<float> Transcript::features() const {
  std::span<const float> sound = window_spectrum();
  std::vector<float> features(sound.begin(), sound.end());
  const std::size_t size = frames_per_position * static_cast<std::size_t>(positions_) * mels();
  if (full_window_) {  // others normalise first and then fill up with zeros
    audio::normalize_log_mel(features);
    features.resize(size, 0.0F);
  } else {  // as the model was trained; it is then surer of what it heard and of what is silence
    features.resize(size, silent_power);
    audio::normalize_log_mel(features);
  }
  return features;
}

int Transcript::layers_left() const {
  return positions() > 0 ? model_->config.encoder_layers - layers_done_ : 0;
}

void Transcript::encoded(EncoderRow row, int layers) {
  encoder_state_ = std::move(row.next);
  layers_done_ += layers;
  if (!row.window) return;
  window_ = std::move(row.window);
  layers_done_ = 0;
  window_tokens_.clear();
  log_probability_ = 0;
}

std::vector<int> Transcript::next_tokens() const {
  const Generation& generation = model_->generation;
  if (!window_tokens_.empty()) return {window_tokens_.back()};
  std::vector<int> prompt{generation.start_of_transcript};
  if (multilingual()) {
    if (language_.empty()) return prompt;  // its logits tell the language
    prompt.push_back(generation.languages.at(language_));
    prompt.push_back(*generation.transcribe);
  }
  prompt.push_back(generation.no_timestamps);
  prompt.erase(prompt.begin(), prompt.begin() + window_->length());
  return prompt;
}

std::size_t Transcript::most_tokens() const {
  constexpr int longest_prompt = 4;
  const auto room =
      static_cast<std::size_t>(std::max(1, model_->config.max_target_positions - longest_prompt));
  const std::size_t fast_speech = spare_tokens + (end_ - first_) * tokens_per_second / frames_per_second;
  return std::min({room, fast_speech, most_tokens_of_window});
}

void Transcript::decoded(std::span<float> logits, std::span<float> first_logits) {
  const bool detecting = multilingual() && language_.empty();
  if (detecting) language_ = model_->rules.detect_language(first_logits);
  if (!first_logits.empty())
    no_speech_probability_ = DecodingRules::probability(first_logits, model_->generation.no_speech);
  if (detecting) return;
  const Choice choice = model_->rules.choose(logits, window_tokens_.empty());
  log_probability_ += choice.log_probability;
  average_log_probability_ = log_probability_ / static_cast<double>(window_tokens_.size() + 1);
  if (choice.token == model_->generation.end_of_text) return end_window();
  window_tokens_.push_back(choice.token);
  if (const std::size_t repeated = repeated_tail(window_tokens_); repeated > 0) {
    if (positions_ < model_->config.max_source_positions) return encode_again();
    window_tokens_.resize(window_tokens_.size() - repeated);
    return end_window();
  }
  if (window_tokens_.size() >= most_tokens()) end_window();
}

// The window that the model was trained on runs in circles less often than a short one.
void Transcript::encode_again() {
  positions_ = model_->config.max_source_positions;
  window_.reset();
  window_tokens_.clear();
}

void Transcript::end_window() {
  const bool speech =
      no_speech_probability_ <= no_speech_threshold ||
      (average_log_probability_ > log_probability_threshold && no_speech_probability_ <= certain_no_speech);
  if (speech) tokens_.insert(tokens_.end(), window_tokens_.begin(), window_tokens_.end());
  window_.reset();
  window_tokens_.clear();
  next_window();
}

std::vector<int> Transcript::tokens() const {
  std::vector<int> all = tokens_;
  all.insert(all.end(), window_tokens_.begin(), window_tokens_.end());
  return all;
}

}  // namespace parley::whisper
