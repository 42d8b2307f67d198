// Recognises recordings and says how long each step took.
//
//   recognize_bench EAR_FOLDER FILE... [--language en] [--threads 2] [--runs 3] [--batch 1,2,4,8] [--exact]
//                   [--full-window]
//
// A table of the recordings first: what was heard, and the least of --runs of the time for features, encoder
// and decoder; then, for the first recording, of the time an encoder pass and a decoder step take for so many
// recognitions together. Times are of the wall clock; cpu is the processor time of all threads, which does
// not grow when other programs run. Files that end in .raw are 16 kHz, 16 bit, mono.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>

#include "engine/audio_file/audio_file.hpp"
#include "engine/models/whisper/recognizer.hpp"

namespace {

using namespace parley::whisper;

struct Stopwatch {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::clock_t cpu_start = std::clock();
  double ms() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  double cpu_ms() const { return 1000.0 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC; }
};

std::vector<float> read(const std::string& file) {
  if (!file.ends_with(".raw")) return parley::audio_file::read(file, 16000);
  std::ifstream stream(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  std::vector<float> pcm(bytes.size() / 2);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    auto low = static_cast<unsigned char>(bytes[2 * i]), high = static_cast<unsigned char>(bytes[2 * i + 1]);
    pcm[i] = static_cast<float>(static_cast<std::int16_t>(low | (high << 8))) / 32768.0F;
  }
  return pcm;
}

struct Times {
  double features_ms = 1e9, encode_ms = 1e9, decode_ms = 1e9, total_ms = 1e9, cpu_ms = 1e9;
  int steps = 0;
  std::string text;
  double log_probability = 0, no_speech = 0;
};

Times recognize(Recognizer& recognizer, const std::vector<float>& pcm, const RecognitionOptions& options) {
  Times times;
  Stopwatch total;
  Utterance utterance = recognizer.new_utterance();
  utterance.push(pcm);
  Recognition recognition = recognizer.begin(utterance, options);
  times.features_ms = total.ms();
  times.encode_ms = times.decode_ms = 0;
  Recognition* one = &recognition;
  while (!recognition.finished()) {
    Stopwatch watch;
    if (recognizer.shape(recognition) > 0) {
      recognizer.encode({&one, 1});
      times.encode_ms += watch.ms();
    } else {
      recognizer.step({&one, 1});
      times.decode_ms += watch.ms();
      ++times.steps;
    }
  }
  times.total_ms = total.ms();
  times.cpu_ms = total.cpu_ms();
  times.text = recognition.text();
  times.log_probability = recognition.average_log_probability();
  times.no_speech = recognition.no_speech_probability();
  return times;
}

void keep_least(Times& least, const Times& run) {
  least.features_ms = std::min(least.features_ms, run.features_ms);
  least.encode_ms = std::min(least.encode_ms, run.encode_ms);
  least.decode_ms = std::min(least.decode_ms, run.decode_ms);
  least.total_ms = std::min(least.total_ms, run.total_ms);
  least.cpu_ms = std::min(least.cpu_ms, run.cpu_ms);
}

// The least of the time of an encoder pass, of the step that reads the prompt, and of a later one.
void bench_batch(Recognizer& recognizer, const std::vector<float>& pcm, const RecognitionOptions& options,
                 int batch, int runs) {
  double encode_ms = 1e9, prompt_ms = 1e9, step_ms = 1e9;
  for (int run = 0; run < runs; ++run) {
    Utterance utterance = recognizer.new_utterance();
    utterance.push(pcm);
    std::vector<Recognition> recognitions;
    std::vector<Recognition*> all;
    for (int i = 0; i < batch; ++i) recognitions.push_back(recognizer.begin(utterance, options));
    for (Recognition& recognition : recognitions) all.push_back(&recognition);
    Stopwatch encode;
    recognizer.encode(all);
    encode_ms = std::min(encode_ms, encode.ms());
    Stopwatch prompt;
    recognizer.step(all);
    prompt_ms = std::min(prompt_ms, prompt.ms());
    while (!recognitions[0].finished() && recognizer.shape(recognitions[0]) == 0) {
      Stopwatch step;
      recognizer.step(all);
      step_ms = std::min(step_ms, step.ms());
    }
  }
  std::printf("%5d %10.1f %10.2f %10.2f\n", batch, encode_ms, prompt_ms, step_ms);
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  std::vector<std::string> files;
  LoadOptions load{.threads = 2};
  RecognitionOptions options;
  std::vector<int> batches{1, 2, 4, 8};
  int runs = 3;
  CLI::App app("measures the speech recognizer");
  app.add_option("folder", folder, "a bundle's ear")->required();
  app.add_option("files", files)->required();
  app.add_option("--language", options.language);
  app.add_option("--threads", load.threads);
  app.add_option("--runs", runs)->check(CLI::PositiveNumber);
  app.add_option("--batch", batches)->delimiter(',');
  app.add_flag("--exact", load.exact);
  app.add_flag("--full-window", options.full_window);
  CLI11_PARSE(app, argc, argv);

  at::set_num_threads(1);
  Stopwatch loading;
  Recognizer recognizer = Recognizer::load(folder, load);
  std::printf("loaded in %.0f ms, %.0f MB of weights\n", loading.ms(),
              static_cast<double>(recognizer.info().weight_bytes) / 1e6);
  std::printf("seconds features encode decode steps  total    cpu  logprob no_speech text\n");
  for (const std::string& file : files) {
    std::vector<float> pcm = read(file);
    Times times = recognize(recognizer, pcm, options);
    for (int run = 1; run < runs; ++run) keep_least(times, recognize(recognizer, pcm, options));
    std::printf("%7.2f %8.1f %6.1f %6.1f %5d %6.1f %6.1f %8.3f %9.3f %s\n",
                static_cast<double>(pcm.size()) / 16000, times.features_ms, times.encode_ms, times.decode_ms,
                times.steps, times.total_ms, times.cpu_ms, times.log_probability, times.no_speech,
                times.text.c_str());
    std::fflush(stdout);
  }
  std::printf("batch  encode ms  prompt ms    step ms\n");
  const std::vector<float> first = read(files.front());
  for (int batch : batches) bench_batch(recognizer, first, options, batch, runs);
}
