// Speech to text with a Whisper model (Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak
// Supervision"), greedily, for many utterances side by side.
//
//   Recognizer recognizer = Recognizer::load(bundle.part("ear"), {.threads = 2});
//   Utterance utterance = recognizer.new_utterance();
//   utterance.push(pcm);                                        // as it arrives: features are made at once
//   Recognition recognition = recognizer.begin(utterance);      // what was said up to now
//   while (!recognition.finished()) {
//     if (recognizer.shape(recognition) > 0) recognizer.encode({{&recognition}});   // with others of that
//     shape else recognizer.step({{&recognition}});                                       // with any others
//   }
//   recognition.text();
//
// Whisper was trained on windows of 30 s. Encoding that much for every "yes" would cost half a second, so
// only the utterance and a second of silence are encoded, and the rest of the encoder's output is filled with
// its stored output for pure silence at those positions, which the decoder cannot tell from the real thing.
// The encoder's cost follows the utterance, in steps of a few lengths so that utterances can share a pass.
// Speech longer than 30 s is cut at quiet places, and the transcripts of its windows are joined.
//
// One thread uses a recognizer, its utterances and recognitions at a time (the engine's). No ATen here:
// others compile without it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace parley::whisper {

struct LoadOptions {
  int threads = 0;             // of the CPU kernels, the caller's included; 0: as many as there are cores
  std::string device = "cpu";  // or "cuda", "cuda:1"
  bool exact = false;  // float32 weights instead of 8-bit ones in the decoder (the reference in tests)
};

struct RecognitionOptions {
  std::string language = "en";  // ISO 639-1; empty: detected from the sound
  bool full_window = false;     // encode all 30 s whatever the length, as other implementations do
};

struct RecognizerInfo {
  int sample_rate_hz = 16000;
  int vocabulary = 0;
  bool multilingual = false;
  std::vector<std::string> languages;  // ISO 639-1 codes that RecognitionOptions::language may name
  std::size_t weight_bytes = 0;
};

// The sound of one utterance as log-mel frames. It may go on growing after a recognition began.
class Utterance {
 public:
  ~Utterance();
  Utterance(Utterance&&) noexcept;
  Utterance& operator=(Utterance&&) noexcept;

  void push(std::span<const float> pcm);  // 16 kHz mono, -1..1
  std::size_t samples() const;

 private:
  friend class Recognizer;
  struct State;
  explicit Utterance(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The transcript of an utterance as far as it went when the recognition began; it no longer needs the
// utterance then. Destroying it forgets it. It must not outlive its recognizer.
class Recognition {
 public:
  ~Recognition();
  Recognition(Recognition&&) noexcept;
  Recognition& operator=(Recognition&&) noexcept;

  bool finished() const;
  // What was said, without surrounding spaces; "" for silence and noise. Grows while the recognition runs,
  // and may still shrink or change until it is finished: a decoder that runs in circles is cut and tried
  // again.
  std::string text() const;
  std::string language() const;            // ISO 639-1; "" until it is detected
  std::vector<int> tokens() const;         // text tokens of all windows so far
  double average_log_probability() const;  // of the tokens of the last window; 0 when there are none
  double no_speech_probability() const;    // of the last window

 private:
  friend class Recognizer;
  struct State;
  explicit Recognition(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Recognizer {
 public:
  // The folder holds config.json, model.safetensors, tokenizer.json and generation.json as
  // scripts/convert/whisper.py writes them. Throws std::runtime_error with a sentence when something is
  // missing or does not fit together.
  static Recognizer load(const std::filesystem::path& folder, const LoadOptions& options = {});
  ~Recognizer();
  Recognizer(Recognizer&&) noexcept;
  Recognizer& operator=(Recognizer&&) noexcept;

  const RecognizerInfo& info() const;

  Utterance new_utterance() const;

  // Throws std::invalid_argument with a sentence for a language that the model does not know. Cheap: the work
  // is encode() and step().
  Recognition begin(const Utterance& utterance, const RecognitionOptions& options = {}) const;

  // The length of the encoder pass that the recognition needs next, in encoder positions (20 ms each); 0 when
  // it needs none now. Recognitions of equal shape share a pass.
  int shape(const Recognition& recognition) const;

  // How many of the encoder's layers that pass has still to go through.
  int layers_left(const Recognition& recognition) const;

  // An encoder pass for recognitions of one shape, which is not 0, with equally many layers left; of these at
  // most `layers`. A recognition's result is the same however it is cut.
  void encode(std::span<Recognition* const> batch, int layers = all_layers);
  static constexpr int all_layers = 1 << 16;

  // One token for each recognition, at whatever positions they are; none of them finished or in need of
  // encode(). A recognition's result is the same in every mix. The first step reads the prompt too.
  void step(std::span<Recognition* const> batch);

 private:
  class Impl;
  explicit Recognizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::whisper
