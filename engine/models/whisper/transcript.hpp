// One utterance on its way to text: window after window, token after token. Holds no weights and no tensors;
// the recognizer asks it what to do next, and tells it what came out.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/models/whisper/config.hpp"
#include "engine/models/whisper/decoding.hpp"
#include "engine/models/whisper/network.hpp"

namespace parley::whisper {

class Transcript {
 public:
  struct Model {  // what all transcripts share; outlives them
    Config config;
    Generation generation;
    DecodingRules rules;
  };

  // spectrum: log-mel of the whole utterance [frames, mels], log10. language: a code that the model knows, or
  // "" to detect it.
  Transcript(const Model& model, std::vector<float> spectrum, std::string language, bool full_window);

  bool finished() const { return finished_; }
  int positions() const { return window_ || finished_ ? 0 : positions_; }  // to encode next; 0: none now

  int layers_left() const;  // of the encoder, for these

  // The next `layers` of them. Features are made for the first: normalised, and silence after the sound.
  int next_layer() const { return layers_done_; }
  std::vector<float> features() const;
  const EncoderState* encoder_state() const { return encoder_state_.get(); }
  void encoded(EncoderRow row, int layers);

  // What the decoder reads next, and what its logits mean, which are used up.
  WindowState& window() { return *window_; }
  std::vector<int> next_tokens() const;
  bool at_start() const { return window_->length() == 0; }  // the logits of the first token are of use
  void decoded(std::span<float> logits, std::span<float> first_logits);

  std::vector<int> tokens() const;
  const std::string& language() const { return language_; }
  double average_log_probability() const { return average_log_probability_; }
  double no_speech_probability() const { return no_speech_probability_; }

 private:
  std::size_t mels() const { return static_cast<std::size_t>(model_->config.num_mel_bins); }
  std::size_t frames() const { return spectrum_.size() / mels(); }
  std::span<const float> window_spectrum() const;
  bool multilingual() const { return !model_->generation.languages.empty(); }
  std::size_t most_tokens() const;

  void next_window();  // the next that is worth listening to, or the end
  void encode_again();
  void end_window();

  const Model* model_;
  std::vector<float> spectrum_;
  std::string language_;
  bool full_window_;
  bool finished_ = false;

  std::size_t first_ = 0, end_ = 0;  // frames of the window
  int positions_ = 0;
  int layers_done_ = 0;
  std::unique_ptr<EncoderState> encoder_state_;  // null before the first layer and after the last
  std::unique_ptr<WindowState> window_;          // null until it is encoded
  std::vector<int> window_tokens_;
  double log_probability_ = 0;  // of window_tokens_ and the end of text

  std::vector<int> tokens_;  // of the windows before
  double average_log_probability_ = 0;
  double no_speech_probability_ = 0;
};

}  // namespace parley::whisper
