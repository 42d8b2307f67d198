// Opens a bundle as the model that its type names. The one place that knows all models.
#pragma once

#include <memory>
#include <string>

#include "engine/speech_model.hpp"
#include "engine/weights/bundle.hpp"

namespace parley::models {

// What can be chosen when a model is loaded; README, "Settings", section `model`.
struct ModelOptions {
  std::string device = "cpu";   // or "cuda", "cuda:1"
  int threads = 0;              // of the CPU kernels; 0: as many as there are cores
  std::string language = "en";  // of the user's speech, ISO 639-1; "": detected
  float liveliness = 1.0F;      // of the voice's intonation: 0 is monotone, 1 as it was recorded
  int context_tokens = 0;       // longest conversation that is read; each token of it takes memory;
                                // 0: what suits the model
  float speed = 1.0F;           // of the voice; multiplies what a session asks for
  std::string dtype = {};  // of the language model: "float32", "bfloat16", "float16", "int8"; "": as stored
  int first_chunk_tokens = 8;  // of 40 ms each: the first sound of an answer comes when so many are there
  bool cuda_graphs = true;     // on a GPU, steps are captured once for each size and replayed
  int chunk_tokens = 25;       // of later chunks: longer ones cost less a second
};

// Throws std::runtime_error with a sentence for the operator: what is missing in the bundle, or does not fit.
std::unique_ptr<engine::SpeechModel> load_model(const weights::Bundle& bundle, const ModelOptions& options);

}  // namespace parley::models
