// What a language model's steps cost: milliseconds a decode step with 1 to 16 conversations at once, and a
// prefilled token in pieces of several sizes. Each figure is the smallest and the median of its runs, and the
// smallest processor time of all threads together.
//
//   decode_bench BRAIN [--threads N] [--context TOKENS] [--runs N] [--batches 1,8] [--aten]
//   decode_bench --step-audio-2-layers 4 [--context 512] [--batches 1,8] [--device cuda [--graphs] [--ahead]]
//
// Both take --precision as_stored, float32, bfloat16, float16 or int8, and --draw, as a model's recipe asks
// for it; else the likeliest token is taken. BRAIN is the folder with config.json
// and model.safetensors, such as .deps/starter/brain. Instead of one, --step-audio-2-layers takes so many
// layers of Step-Audio 2 mini's size with random weights. It then prints a line of JSON about loading,
// {"weight_bytes", "load_ms"}, and one for each batch size: {"batch": 1, "ms": [each run's], "processor_ms":
// the smallest of all threads together, "tokens_per_second": by the median}.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/kernels/numbers.hpp"
#include "engine/models/causal_lm/decoder/checkpoint.hpp"
#include "engine/models/causal_lm/decoder/config.hpp"
#include "engine/models/causal_lm/token_model.hpp"

using namespace parley;
using Clock = std::chrono::steady_clock;

namespace {

// Of all threads. On a machine that others use too it tells more than the clock on the wall.
double processor_milliseconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double milliseconds_since(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

struct Spread {
  double smallest, median;
  double processor;           // smallest, of all threads together
  std::vector<double> times;  // as they came
};

template <typename Run>
Spread measure(int runs, Run&& run) {
  std::vector<double> times, processor;
  for (int i = 0; i < runs; ++i) {
    const auto from = Clock::now();
    const double before = processor_milliseconds();
    run();
    processor.push_back(processor_milliseconds() - before);
    times.push_back(milliseconds_since(from));
  }
  std::vector<double> sorted = times;
  std::ranges::sort(sorted);
  return {sorted.front(), sorted[sorted.size() / 2], *std::ranges::min_element(processor), std::move(times)};
}

std::vector<int> some_ids(int count, int vocabulary) {
  std::vector<int> ids;
  for (int i = 0; i < count; ++i) ids.push_back((1000 + 7919 * i) % vocabulary);
  return ids;
}

struct Decoding {
  int context, runs;
  engine::Sampling sampling;
};

Spread measure_decode(causal_lm::TokenModel& model, int batch, const Decoding& how) {
  std::vector<causal_lm::KvSlot> slots;
  std::vector<causal_lm::Answer> answers;
  for (int row = 0; row < batch; ++row) {
    slots.push_back(model.new_slot());
    if (row == 0)
      model.prefill(slots.back(), some_ids(how.context, model.info().vocabulary));
    else
      slots.back().copy_from(slots.front(), how.context);
    answers.push_back(model.begin_answer(how.sampling, causal_lm::Penalised::all));
    answers.back().read_next((1000 + row) % model.info().vocabulary);
  }
  std::vector<causal_lm::AdvanceRow> rows;
  for (std::size_t row = 0; row < slots.size(); ++row) rows.push_back({&slots[row], &answers[row]});
  const auto one = [&] { model.advance(rows); };
  one();  // blocks that were shared are now each conversation's own
  one();  // where the device chooses, a step is under way from now on
  return measure(how.runs, one);
}

void print_decode(int batch, const Spread& step) {
  std::printf("decode   %3d at once   %8.2f ms a step   median %8.2f   %8.1f tokens/s   processor %8.2f ms\n",
              batch, step.smallest, step.median, batch * 1000.0 / step.median, step.processor);
}

void measure_prefill(causal_lm::TokenModel& model, int piece, int context, int runs) {
  causal_lm::KvSlot slot = model.new_slot();
  model.prefill(slot, some_ids(context, model.info().vocabulary));
  const auto ids = some_ids(piece, model.info().vocabulary);
  const Spread read = measure(runs, [&] {
    model.prefill(slot, ids);
    slot.truncate(context);
  });
  std::printf("prefill  %3d a piece   %8.2f ms a token  median %8.2f   %8.1f tokens/s   processor %8.2f ms\n",
              piece, read.smallest / piece, read.median / piece, piece * 1000.0 / read.median,
              read.processor / piece);
}

// The sizes of Step-Audio 2 mini's language model.
causal_lm::DecoderConfig step_audio_2(int layers) {
  causal_lm::DecoderConfig config;
  config.vocab_size = 158720;
  config.hidden_size = 3584;
  config.intermediate_size = 18944;
  config.num_hidden_layers = layers;
  config.num_attention_heads = 28;
  config.num_key_value_heads = 4;
  config.head_dim = 128;
  config.max_position_embeddings = 16384;
  config.rope_theta = 1e6;
  config.qkv_bias = true;
  return config;
}

// Random weights, in memory. All matrices are views of the same numbers: packed, each lies in memory of its
// own.
causal_lm::DecoderCheckpoint random_checkpoint(const causal_lm::DecoderConfig& config) {
  const std::size_t largest =
      static_cast<std::size_t>(config.vocab_size) * static_cast<std::size_t>(config.hidden_size);
  const auto numbers = std::make_shared<std::vector<std::uint16_t>>(largest);
  std::uint64_t state = 1;
  for (std::uint16_t& number : *numbers) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const float uniform = static_cast<float>(state >> 40) * 0x1p-23F - 1.0F;
    number = kernels::float_to_bfloat16(uniform * 0.03F);  // keeps activations near 1 at this width
  }
  const auto matrix = [&](int outputs, int inputs) {
    causal_lm::CheckpointMatrix result;
    result.outputs = outputs;
    result.inputs = inputs;
    result.weight.name = "random";
    result.weight.dtype = weights::Dtype::bf16;
    result.weight.shape = {outputs, inputs};
    result.weight.bytes =
        std::as_bytes(std::span(*numbers))
            .first(2 * static_cast<std::size_t>(outputs) * static_cast<std::size_t>(inputs));
    result.weight.owner = numbers;
    return result;
  };
  const auto ones = [](int width) { return std::vector<float>(static_cast<std::size_t>(width), 1.0F); };
  const auto zeros = [](int width) { return std::vector<float>(static_cast<std::size_t>(width), 0.0F); };
  causal_lm::DecoderCheckpoint checkpoint;
  checkpoint.embed_tokens = matrix(config.vocab_size, config.hidden_size);
  checkpoint.lm_head = matrix(config.vocab_size, config.hidden_size);
  checkpoint.norm = ones(config.hidden_size);
  for (int index = 0; index < config.num_hidden_layers; ++index) {
    causal_lm::CheckpointLayer layer;
    layer.input_layernorm = layer.post_attention_layernorm = ones(config.hidden_size);
    layer.q_proj = matrix(config.query_width(), config.hidden_size);
    layer.k_proj = layer.v_proj = matrix(config.kv_width(), config.hidden_size);
    layer.o_proj = matrix(config.hidden_size, config.query_width());
    layer.q_bias = zeros(config.query_width());
    layer.k_bias = layer.v_bias = zeros(config.kv_width());
    layer.gate_proj = layer.up_proj = matrix(config.intermediate_size, config.hidden_size);
    layer.down_proj = matrix(config.hidden_size, config.intermediate_size);
    checkpoint.layers.push_back(std::move(layer));
  }
  return checkpoint;
}

void print_json(int batch, const Spread& step) {
  std::printf("{\"batch\": %d, \"ms\": [", batch);
  for (std::size_t run = 0; run < step.times.size(); ++run)
    std::printf("%s%.3f", run == 0 ? "" : ", ", step.times[run]);
  std::printf("], \"processor_ms\": %.3f, \"tokens_per_second\": %.3f}\n", step.processor,
              batch * 1000.0 / step.median);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures a language model's steps");
  std::string brain;
  causal_lm::LoadOptions options;
  int step_audio_2_layers = 0;
  Decoding how{.context = 64, .runs = 60, .sampling = {}};
  bool draw = false;
  bool aten = false;
  std::vector<int> batches{1, 2, 4, 8, 16};
  using causal_lm::Precision;
  const std::map<std::string, Precision> precisions{{"as_stored", Precision::as_stored},
                                                    {"float32", Precision::float32},
                                                    {"bfloat16", Precision::bfloat16},
                                                    {"float16", Precision::float16},
                                                    {"int8", Precision::int8}};
  app.add_option("brain", brain, "the model's folder");
  app.add_option("--step-audio-2-layers", step_audio_2_layers, "instead of a folder: layers of that size");
  app.add_option("--precision", options.precision, "of the matrices")
      ->transform(CLI::CheckedTransformer(precisions));
  app.add_option("--threads", options.threads, "of the kernels; 0: as many as there are cores");
  app.add_option("--device", options.device, "cpu, cuda, cuda:1");
  app.add_option("--context", how.context, "tokens that each conversation has read before");
  app.add_option("--runs", how.runs, "of each measurement");
  app.add_option("--batches", batches, "conversations at once")->delimiter(',');
  app.add_flag("--aten", aten, "plain tensor operations instead of the kernels");
  app.add_flag("--graphs", options.graphs, "of plain operations: keep steps; on CUDA capture them");
  app.add_flag("--ahead", options.ahead, "of plain operations: the device chooses, a step ahead of the host");
  app.add_flag("--draw", draw, "by temperature 0.7, top_p 0.9 and repetition penalty 1.05");
  CLI11_PARSE(app, argc, argv);
  if (brain.empty() == (step_audio_2_layers == 0)) {
    std::fprintf(stderr, "expected either a model's folder or --step-audio-2-layers\n");
    return 1;
  }
  options.fused_kernels = !aten;
  if (draw) how.sampling = {.temperature = 0.7F, .top_p = 0.9F, .repetition_penalty = 1.05F, .seed = 1};
  const auto from = Clock::now();
  auto model = [&] {
    if (!brain.empty()) return causal_lm::TokenModel::load(brain, options);
    const causal_lm::DecoderConfig config = step_audio_2(step_audio_2_layers);
    return causal_lm::TokenModel::build(config, random_checkpoint(config), options);
  }();
  if (step_audio_2_layers > 0) {
    std::printf("{\"weight_bytes\": %zu, \"load_ms\": %.0f}\n", model.info().weight_bytes,
                milliseconds_since(from));
    for (const int batch : batches) print_json(batch, measure_decode(model, batch, how));
    return 0;
  }
  std::printf("loaded in %.0f ms: %.1f MB of weights, %.1f KB a token of context\n", milliseconds_since(from),
              static_cast<double>(model.info().weight_bytes) / 1e6,
              static_cast<double>(model.info().kv_bytes_per_token) / 1e3);
  for (const int batch : batches) print_decode(batch, measure_decode(model, batch, how));
  for (const int piece : {8, 32, 128})
    measure_prefill(model, piece, how.context, std::max(5, how.runs / piece));
}
