// Run by scripts/gpu_check alone: the whole chain on a GPU against the processor, which the other tests hold
// against the reference.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "engine/audio_file/audio_file.hpp"
#include "engine/cuda/device.hpp"
#include "engine/models/step_audio_2/generator.hpp"
#include "engine/models/step_audio_2/synthesizer.hpp"
#include "test/engine/models/step_audio_2/tiny_bundle.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley {
namespace {

using namespace step_audio_2;

float largest_difference(const std::vector<float>& one, const std::vector<float>& other) {
  REQUIRE(one.size() == other.size());
  float largest = 0;
  for (std::size_t i = 0; i < one.size(); ++i) largest = std::max(largest, std::abs(one[i] - other[i]));
  return largest;
}

Generated answered(const std::string& device, bool graphs, const std::filesystem::path& question) {
  Generator generator = Generator::load(
      weights::Bundle::open(test::tiny_step_audio_2()),
      {.device = device, .threads = 2, .precision = causal_lm::Precision::float32, .cuda_graphs = graphs});
  const ConversationFile conversation{
      {{"human", std::vector<FileItem>{{FileAudio{question}, false}}, true, false},
       {"assistant", std::string("<tts_start>"), false, false}}};
  GenerateSettings settings;
  settings.max_new_tokens = 20;
  settings.stages = true;
  return generator.generate(conversation, settings);
}

std::vector<float> spoken(const std::string& device, const std::string& dtype) {
  const Voices voices = Voices::load(weights::Bundle::open(test::tiny_step_audio_2()),
                                     {.device = device, .threads = 2, .dit_dtype = dtype});
  std::vector<int> tokens;
  for (int i = 0; i < 80; ++i) tokens.push_back(i * 997 % 6561);
  SynthesizeSettings settings;
  settings.streaming = true;
  return synthesize(voices, tokens, "", settings).mel;
}

// Mel frames of a stream that speaks alone at first and then with two others, until its history is full.
std::vector<float> spoken_together(const std::string& dtype, bool graphs, cuda::Device* gpu) {
  Voices voices =
      Voices::load(weights::Bundle::open(test::tiny_step_audio_2()),
                   {.device = "cuda", .threads = 2, .dit_dtype = dtype, .graphs = graphs, .gpu = gpu});
  const Token2Wav& token2wav = voices.token2wav();
  const auto voice = voices.prepared("");
  std::vector<Token2WavStream> streams;
  std::vector<Token2WavStream*> together;
  for (std::uint64_t i = 0; i < 3; ++i) {
    streams.push_back(token2wav.start(voice, {.noise = {.seed = i}, .mel = true}));
    for (int token = 0; token < 200; ++token) streams.back().push_tokens(std::array{token * 997 % 6561});
  }
  for (Token2WavStream& stream : streams) together.push_back(&stream);
  std::vector<float> mel;
  for (const std::size_t count : {1U, 1U, 1U, 1U, 3U, 2U, 3U, 3U, 1U})
    for (const SpeechChunk& chunk : token2wav.render(std::span(together).first(count)))
      mel.insert(mel.end(), chunk.mel.begin(), chunk.mel.end());
  return mel;
}

}  // namespace

TEST_CASE("on a GPU an answer is the processor's, stage by stage", "[step_audio_2][.gpu]") {
  const auto gpu = cuda::open("cuda");
  gpu->use_on_this_thread();
  const test::TemporaryFolder folder;
  const auto question = folder.path() / "question.wav";
  audio_file::write_float_wav(question, test::raw_pcm("goforward.raw"), 16'000);
  const Generated expected = answered("cpu", false, question);
  for (const bool graphs : {false, true}) {
    INFO("graphs: " << graphs);
    const Generated answer = answered("cuda", graphs, question);
    CHECK(largest_difference(answer.pieces[0].encoder_out, expected.pieces[0].encoder_out) < 1e-3F);
    CHECK(largest_difference(answer.pieces[0].adaptor_out, expected.pieces[0].adaptor_out) < 1e-3F);
    CHECK(largest_difference(answer.first_logits, expected.first_logits) < 1e-2F);
    CHECK(answer.output_ids == expected.output_ids);
  }
}

TEST_CASE("on a GPU speech is the processor's, closely in float32 and roughly in bfloat16",
          "[step_audio_2][.gpu]") {
  const auto gpu = cuda::open("cuda");
  gpu->use_on_this_thread();
  const std::vector<float> expected = spoken("cpu", "float32");
  CHECK(largest_difference(spoken("cuda", "float32"), expected) < 1e-2F);
  CHECK(largest_difference(spoken("cuda", "bfloat16"), expected) < 0.5F);
}

TEST_CASE("on a GPU speech is the same in CUDA graphs as kernel by kernel", "[step_audio_2][.gpu]") {
  const auto gpu = cuda::open("cuda");
  gpu->use_on_this_thread();
  CHECK(largest_difference(spoken_together("float32", true, gpu.get()),
                           spoken_together("float32", false, gpu.get())) < 1e-2F);
  CHECK(largest_difference(spoken_together("bfloat16", true, gpu.get()),
                           spoken_together("bfloat16", false, gpu.get())) < 0.5F);
}

}  // namespace parley
