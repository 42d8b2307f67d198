// What a second of speech costs token2wav at the sizes of Step-Audio-2-mini: the milliseconds of each steady
// chunk, flow and vocoder together. With --chunks it runs that long and compares the fifth chunk with the
// last.
//
//   token2wav_bench [--folder TOKEN2WAV] [--threads N] [--prompt-tokens N] [--dtype float32] [--device cpu]
//                   [--graphs] [--streams N] [--runs N | --chunks N]
//
// One line of JSON. Without a folder the weights are numbers by formula, which cost what trained ones do.
#include <ATen/Parallel.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/cuda/device.hpp"
#include "engine/models/step_audio_2/token2wav/token2wav.hpp"
#include "engine/weights/safetensors_writer.hpp"
#include "test/engine/models/step_audio_2/formula_weights.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::step_audio_2;
using Clock = std::chrono::steady_clock;

namespace {

constexpr const char* official_config = R"({"flow": {
  "input_size": 512, "output_size": 80, "spk_embed_dim": 192, "vocab_size": 6561,
  "encoder": {"input_size": 512, "output_size": 512, "pre_lookahead_len": 3, "num_blocks": 6, "num_up_blocks": 4,
              "up_stride": 2, "up_scale_factor": 2, "attention_heads": 8, "linear_units": 2048},
  "decoder": {"inference_cfg_rate": 0.7,
              "estimator": {"in_channels": 320, "out_channels": 80, "mlp_ratio": 4.0, "depth": 16, "num_heads": 8,
                            "head_dim": 64, "hidden_size": 512}}}})";

// Tensors of a checkpoint by their names, made one after the other.
class Checkpoint {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape) {
    std::size_t count = 1, fan_in = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      count *= static_cast<std::size_t>(shape[i]);
      if (i > 0) fan_in *= static_cast<std::size_t>(shape[i]);
    }
    const float scale = shape.size() == 1 ? 0.1F : 1 / std::sqrt(static_cast<float>(fan_in));
    values_[name] = formula_values(seed_++, count, scale);
    shapes_[name] = std::move(shape);
  }
  void layer(const std::string& name, std::vector<std::int64_t> shape) {
    const std::int64_t out = shape.front();
    add(name + ".weight", std::move(shape));
    add(name + ".bias", {out});
  }
  void write(const std::filesystem::path& file) const {
    std::map<std::string, weights::TensorToWrite> tensors;
    for (const auto& [name, values] : values_)
      tensors[name] = {
          .dtype = weights::Dtype::f32, .shape = shapes_.at(name), .bytes = std::as_bytes(std::span(values))};
    weights::write_safetensors(file, tensors);
  }

 private:
  std::uint32_t seed_ = 1;
  std::map<std::string, std::vector<float>> values_;
  std::map<std::string, std::vector<std::int64_t>> shapes_;
};

void add_conformer(Checkpoint& flow, const std::string& name) {
  for (const char* linear : {"q", "k", "v", "out"})
    flow.layer(name + "self_attn.linear_" + linear, {512, 512});
  flow.add(name + "self_attn.linear_pos.weight", {512, 512});
  for (const char* bias : {"u", "v"}) flow.add(name + "self_attn.pos_bias_" + bias, {8, 64});
  flow.layer(name + "feed_forward.w_1", {2048, 512});
  flow.layer(name + "feed_forward.w_2", {512, 2048});
  for (const char* norm : {"norm_ff", "norm_mha"}) flow.layer(name + norm, {512});
}

void add_estimator_block(Checkpoint& flow, const std::string& name) {
  for (const char* linear : {"to_q", "to_k", "to_v", "proj"}) flow.layer(name + "attn." + linear, {512, 512});
  for (const char* norm : {"q_norm", "k_norm"}) flow.layer(name + "attn." + norm, {64});
  flow.layer(name + "mlp.fc1", {2048, 512});
  flow.layer(name + "mlp.fc2", {512, 2048});
  flow.layer(name + "conv.block.1", {512, 512, 3});
  flow.layer(name + "conv.block.3", {512});
  flow.layer(name + "conv.block.6", {512, 512, 3});
  flow.layer(name + "adaLN_modulation.1", {4608, 512});
}

void write_flow(const std::filesystem::path& file) {
  Checkpoint flow;
  flow.add("input_embedding.weight", {6561, 512});
  flow.layer("spk_embed_affine_layer", {80, 192});
  flow.layer("encoder_proj", {80, 512});
  for (const std::string input : {"encoder.embed", "encoder.up_embed"}) {
    flow.layer(input + ".out.0", {512, 512});
    flow.layer(input + ".out.1", {512});
  }
  flow.layer("encoder.pre_lookahead_layer.conv1", {512, 512, 4});
  flow.layer("encoder.pre_lookahead_layer.conv2", {512, 512, 3});
  flow.layer("encoder.up_layer.conv", {512, 512, 5});
  flow.layer("encoder.after_norm", {512});
  for (int i = 0; i < 6; ++i) add_conformer(flow, "encoder.encoders." + std::to_string(i) + ".");
  for (int i = 0; i < 4; ++i) add_conformer(flow, "encoder.up_encoders." + std::to_string(i) + ".");
  const std::string estimator = "decoder.estimator.";
  flow.layer(estimator + "t_embedder.mlp.0", {512, 256});
  flow.layer(estimator + "t_embedder.mlp.2", {512, 512});
  flow.layer(estimator + "in_proj", {512, 320});
  for (int i = 0; i < 16; ++i) add_estimator_block(flow, estimator + "blocks." + std::to_string(i) + ".");
  flow.layer(estimator + "final_layer.adaLN_modulation.1", {1024, 512});
  flow.layer(estimator + "final_layer.linear", {80, 512});
  flow.write(file);
}

void add_resblock(Checkpoint& hift, const std::string& name, int width, int taps) {
  for (int i = 0; i < 3; ++i) {
    const std::string number = "." + std::to_string(i);
    for (const char* conv : {".convs1", ".convs2"}) hift.layer(name + conv + number, {width, width, taps});
    for (const char* snake : {".activations1", ".activations2"})
      hift.add(name + snake + number + ".alpha", {width});
  }
}

void write_hift(const std::filesystem::path& file) {
  Checkpoint hift;
  for (int i = 0; i < 5; ++i)
    hift.layer("f0_predictor.condnet." + std::to_string(2 * i), {512, i == 0 ? 80 : 512, 3});
  hift.layer("f0_predictor.classifier", {1, 512});
  hift.layer("m_source.l_linear", {1, 9});
  hift.layer("conv_pre", {512, 80, 7});
  hift.layer("conv_post", {18, 64, 7});
  const std::vector<int> up_taps{16, 11, 7}, down_taps{30, 6, 1}, source_taps{7, 7, 11}, taps{3, 7, 11};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    const int width = 256 >> i;
    hift.add("ups." + number + ".weight", {2 * width, width, up_taps[i]});
    hift.add("ups." + number + ".bias", {width});
    hift.layer("source_downs." + number, {width, 18, down_taps[i]});
    add_resblock(hift, "source_resblocks." + number, width, source_taps[i]);
    for (std::size_t j = 0; j < 3; ++j)
      add_resblock(hift, "resblocks." + std::to_string(3 * i + j), width, taps[j]);
  }
  hift.write(file);
}

SpeakerPrompt prompt_of(int tokens, const Token2Wav& token2wav) {
  SpeakerPrompt prompt;
  for (int i = 0; i < tokens; ++i) prompt.tokens.push_back(101 * i % token2wav.vocabulary());
  prompt.embedding = formula_values(7, 192, 1);
  prompt.mel = formula_values(8, static_cast<std::size_t>(2 * tokens * token2wav.mel_bins()), 2);
  return prompt;
}

// Of all threads. On a machine that others use too it tells more than the clock on the wall.
double processor_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  long total = 0, resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures token2wav's chunks");
  std::string folder;
  Token2WavOptions options;
  int prompt_tokens = 96, streams_at_once = 1, runs = 10, chunks = 0;
  app.add_option("--folder", folder, "with config.json, flow.safetensors and hift.safetensors");
  app.add_option("--threads", options.threads, "of the CPU's team; 0: as many as there are cores");
  app.add_option("--device", options.device, "cpu, cuda, cuda:1");
  app.add_option("--dtype", options.dit_dtype, "of the estimator: float32, bfloat16");
  app.add_flag("--graphs", options.graphs, "flow steps in fixed buffers, on a GPU as CUDA graphs");
  app.add_option("--prompt-tokens", prompt_tokens, "25 a second");
  app.add_option("--streams", streams_at_once, "rendered together");
  app.add_option("--runs", runs, "steady chunks");
  app.add_option("--chunks", chunks, "compare chunk 5 with this one");
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(1);
  std::unique_ptr<cuda::Device> gpu;
  if (cuda::is_cuda(options.device)) {
    gpu = cuda::open(options.device);
    gpu->use_on_this_thread();
    options.gpu = gpu.get();
  }
  test::TemporaryFolder made;
  if (folder.empty()) {
    made.write("config.json", official_config);
    write_flow(made.path() / "flow.safetensors");
    write_hift(made.path() / "hift.safetensors");
    folder = made.path();
  }
  const Token2Wav token2wav = Token2Wav::load(folder, options);
  const auto before_prepare = Clock::now();
  const auto voice = token2wav.prepare(prompt_of(prompt_tokens, token2wav), {});
  const double prepare_ms = std::chrono::duration<double, std::milli>(Clock::now() - before_prepare).count();

  std::vector<Token2WavStream> streams;
  std::vector<Token2WavStream*> together;
  for (int i = 0; i < streams_at_once; ++i)
    streams.push_back(token2wav.start(
        voice, {.noise = {.seed = static_cast<std::uint64_t>(i)}, .chunks = ChunkSettings::as_reference()}));
  for (Token2WavStream& stream : streams) together.push_back(&stream);
  std::vector<int> tokens;
  int said = 0;
  auto next_chunk_ms = [&] {
    tokens.clear();
    const int count = said == 0 ? 28 : 25;
    for (int i = 0; i < count; ++i) tokens.push_back(37 * said++ % token2wav.vocabulary());
    for (Token2WavStream* stream : together) stream->push_tokens(tokens);
    const auto from = Clock::now();
    const auto speech = token2wav.render(together);
    if (speech.front().pcm.empty()) throw std::runtime_error("a chunk brought no samples");
    return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
  };
  nlohmann::json result{{"prepare_ms", prepare_ms},
                        {"voice_mb", static_cast<double>(bytes_of(*voice)) / 1e6}};
  constexpr int unsteady = 4;  // chunks until the caches are full
  for (int i = 0; i < unsteady; ++i) next_chunk_ms();
  result["stream_mb"] = static_cast<double>(streams.front().bytes()) / 1e6;
  if (chunks > unsteady) {
    // the median of a few, since a machine has other things to do as well
    constexpr int some = 9;
    auto measure = [&](const std::string& chunk) {
      std::vector<double> times, processor;
      for (int i = 0; i < some; ++i) {
        const double before = processor_ms();
        times.push_back(next_chunk_ms());
        processor.push_back(processor_ms() - before);
      }
      std::ranges::sort(times);
      std::ranges::sort(processor);
      result["chunk_" + chunk + "_ms"] = times[some / 2];
      result["chunk_" + chunk + "_processor_ms"] = processor[some / 2];
      result["rss_" + chunk] = resident_mb();
    };
    measure("5");
    for (int i = unsteady + some; i < chunks; ++i) next_chunk_ms();
    measure(std::to_string(chunks));
  } else {
    for (int i = 0; i < runs; ++i) {
      const double before = processor_ms();
      result["ms"].push_back(next_chunk_ms());
      result["processor_ms"].push_back(processor_ms() - before);
    }
  }
  std::printf("%s\n", result.dump().c_str());
}
