// Ways to run the speech recognizer in tests.
#pragma once

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/audio_file/audio_file.hpp"
#include "engine/models/whisper/recognizer.hpp"
#include "test/support/recordings.hpp"

namespace parley::test {

inline const std::filesystem::path starter_ear = PARLEY_SOURCE_DIR "/.deps/starter/ear";

// A recording of pocketsphinx-testdata, .wav or .raw.
inline std::vector<float> recorded_speech(const std::string& name) {
  return name.ends_with(".raw") ? raw_pcm(name) : audio_file::read(recording(name), 16000);
}

// Runs recognitions to their ends, as many together as possible.
inline void finish(whisper::Recognizer& recognizer, std::span<whisper::Recognition> recognitions) {
  for (;;) {
    std::vector<whisper::Recognition*> to_encode, to_step;
    for (whisper::Recognition& recognition : recognitions) {
      if (recognition.finished()) continue;
      const int shape = recognizer.shape(recognition);
      if (shape == 0)
        to_step.push_back(&recognition);
      else if (to_encode.empty() || recognizer.shape(*to_encode.front()) == shape)
        to_encode.push_back(&recognition);
    }
    if (to_encode.empty() && to_step.empty()) return;
    if (!to_encode.empty()) recognizer.encode(to_encode);
    if (!to_step.empty()) recognizer.step(to_step);
  }
}

inline whisper::Recognition recognize(whisper::Recognizer& recognizer, std::span<const float> pcm,
                                      const whisper::RecognitionOptions& options = {}) {
  whisper::Utterance utterance = recognizer.new_utterance();
  utterance.push(pcm);
  whisper::Recognition recognition = recognizer.begin(utterance, options);
  finish(recognizer, {&recognition, 1});
  return recognition;
}

}  // namespace parley::test
