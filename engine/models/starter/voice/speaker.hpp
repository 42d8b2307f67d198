// Text, as it is written, to speech. No tensors in this header.
//
//   auto voice = Voice::load(bundle / "voice", {});
//   SpeechStream stream(voice, {.timbre = "river"});
//   stream.push_text("Sure, I can ");   // as the language model writes it
//   while (stream.chunk_ready()) send(stream.render());
//   stream.finish_text();
//   while (!stream.finished()) send(stream.render());
//
// The first chunk comes after a few words: a word is spoken once `held_words` more are known, since its
// reading, length and pitch depend on them (utterance.hpp says how much). Later chunks are longer.
//
// Tested by speaker_test.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::voice {

inline constexpr int speech_sample_rate_hz = 24000;

struct TimbreInfo {
  std::string name;
  std::string sex, age, pitch, mood;
};

struct SpeakerSettings {
  int first_words = 2;             // spoken in the first chunk of a turn, at least
  int held_words = 2;              // known past the last spoken word while its sentence goes on
  double first_chunk_ms = 800;     // at most; each chunk may be twice as long as the one before,
  double largest_chunk_ms = 3200;  // up to this
  double open_chunk_ms = 500;  // speech that must be in hand for the second chunk of an unfinished sentence;
                               // then twice and four times as much
  double lead_in_ms = 50;      // silence before a turn's first word, at most
  bool cuda = false;
};

struct SpeechOptions {
  std::string timbre = {};  // empty: the voice's first
  float speed = 1;          // 0.25 .. 1.5
  float liveliness = 1;     // of the intonation; 0 is monotone
  std::uint64_t seed = 0;   // of the noise in the voice
};

// Loaded once, read-only: streams in several threads may share it.
class Voice {
 public:
  // `folder` is what scripts/convert/voice.py wrote. Throws std::runtime_error with a sentence for the
  // operator.
  static std::shared_ptr<const Voice> load(const std::filesystem::path& folder,
                                           const SpeakerSettings& settings);
  ~Voice();

  const std::vector<TimbreInfo>& timbres() const;  // the first is the default
  bool has_timbre(std::string_view name) const;

  struct Parts;  // voice_parts.hpp

 private:
  friend class SpeechStream;
  explicit Voice(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

struct SpeechChunk {
  std::vector<std::int16_t> pcm;  // 24 kHz mono; empty when the text had nothing to say
  std::uint32_t text_cursor =
      0;                 // code points of the pushed text whose words are spoken by the end of the chunk
  int audio_tokens = 0;  // phonemes and pauses that ended in this chunk
};

// One turn's speech. Not thread-safe.
class SpeechStream {
 public:
  // Throws std::invalid_argument with a sentence for an unknown timbre or a speed out of range.
  SpeechStream(std::shared_ptr<const Voice> voice, const SpeechOptions& options);
  ~SpeechStream();
  SpeechStream(SpeechStream&&) noexcept;
  SpeechStream& operator=(SpeechStream&&) noexcept;

  void push_text(std::string_view text);  // UTF-8; a code point may be cut in two
  void finish_text();

  double pending_ms() const;  // speech in hand and not rendered, estimated
  double rendered_ms() const;
  int pending_tokens() const;  // audio tokens in hand, estimated
  int rendered_tokens() const;

  // Whether a worthwhile chunk can be made. What is spoken, to the sample, follows from the pieces of text in
  // their order, not from when render() is called.
  bool chunk_ready() const;
  // Frames of 12.5 ms that the next chunk has at most. On a GPU chunks of equal shape are rendered together.
  int chunk_frames() const;
  bool finished() const;  // the text is finished and all of it is spoken

  // The next chunk; empty when there is nothing to say yet.
  SpeechChunk render();
  // The same for several streams of the same voice.
  static std::vector<SpeechChunk> render(std::span<SpeechStream* const> streams);

  // Code points of the pushed text that a listener who heard so much has heard said.
  std::uint32_t text_at(double heard_ms) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::voice
