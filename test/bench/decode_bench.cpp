// What a language model's steps cost: milliseconds a decode step with 1 to 16 conversations at once, and a
// prefilled token in pieces of several sizes. Each figure is the smallest and the median of its runs, and the
// smallest processor time of all threads together.
//
//   decode_bench BRAIN [--threads N] [--context TOKENS] [--runs N] [--batches 1,8] [--aten]
//
// BRAIN is the folder with config.json and model.safetensors, such as .deps/starter/brain.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "engine/models/causal_lm/language_model.hpp"

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
  double processor;  // smallest, of all threads together
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
  std::ranges::sort(times);
  return {times.front(), times[times.size() / 2], *std::ranges::min_element(processor)};
}

std::vector<int> some_ids(int count, int vocabulary) {
  std::vector<int> ids;
  for (int i = 0; i < count; ++i) ids.push_back((1000 + 7919 * i) % vocabulary);
  return ids;
}

void measure_decode(causal_lm::LanguageModel& model, int batch, int context, int runs) {
  std::vector<causal_lm::KvSlot> slots;
  std::vector<causal_lm::Sampler> samplers;
  for (int row = 0; row < batch; ++row) {
    slots.push_back(model.new_slot());
    model.prefill(slots.back(), some_ids(context, model.info().vocabulary));
    samplers.emplace_back(engine::Sampling{});
  }
  std::vector<causal_lm::DecodeRow> rows;
  for (int row = 0; row < batch; ++row)
    rows.push_back(
        {&slots[static_cast<std::size_t>(row)], 1000 + row, &samplers[static_cast<std::size_t>(row)]});
  const Spread step = measure(runs, [&] {
    const auto decoded = model.decode(rows);
    for (std::size_t row = 0; row < rows.size(); ++row) rows[row].token = decoded[row].token;
  });
  std::printf("decode   %3d at once   %8.2f ms a step   median %8.2f   %8.1f tokens/s   processor %8.2f ms\n",
              batch, step.smallest, step.median, batch * 1000.0 / step.median, step.processor);
}

void measure_prefill(causal_lm::LanguageModel& model, int piece, int context, int runs) {
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

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures a language model's steps");
  std::string brain;
  causal_lm::LoadOptions options;
  int context = 64;
  int runs = 60;
  bool aten = false;
  std::vector<int> batches{1, 2, 4, 8, 16};
  app.add_option("brain", brain, "the model's folder")->required();
  app.add_option("--threads", options.threads, "of the kernels; 0: as many as there are cores");
  app.add_option("--device", options.device, "cpu, cuda, cuda:1");
  app.add_option("--context", context, "tokens that each conversation has read before");
  app.add_option("--runs", runs, "of each measurement");
  app.add_option("--batches", batches, "conversations at once")->delimiter(',');
  app.add_flag("--aten", aten, "plain tensor operations instead of the kernels");
  CLI11_PARSE(app, argc, argv);
  options.fused_kernels = !aten;
  const auto from = Clock::now();
  auto model = causal_lm::LanguageModel::load(brain, options);
  std::printf("loaded in %.0f ms: %.1f MB of weights, %.1f KB a token of context\n", milliseconds_since(from),
              static_cast<double>(model.info().weight_bytes) / 1e6,
              static_cast<double>(model.info().kv_bytes_per_token) / 1e3);
  for (const int batch : batches) measure_decode(model, batch, context, runs);
  for (const int piece : {8, 32, 128}) measure_prefill(model, piece, context, std::max(5, runs / piece));
}
