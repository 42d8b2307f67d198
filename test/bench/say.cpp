// Speaks a text into a WAV file and says how long each step took.
//
//   say VOICE_FOLDER OUT.wav "Hello there." [--timbre NAME] [--speed 1] [--liveliness 1] [--words] [--runs N]
//
// With --words the text arrives a word at a time and is spoken as it comes; otherwise all of it is known at
// the start.
#include <ATen/Parallel.h>
#include <sndfile.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <iostream>
#include <sstream>

#include "engine/models/starter/voice/speaker.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using namespace parley::voice;

// Processor time of all threads: unlike the wall clock it does not grow when other programs run.
double cpu_ms() { return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Run {
  std::vector<std::int16_t> pcm;
  double first_ms = 0;
  double first_audio_ms = 0;
  double total_ms = 0;
  double first_cpu_ms = 0;
  double total_cpu_ms = 0;
  int chunks = 0;
};

Run speak(const std::shared_ptr<const Voice>& voice, const SpeechOptions& options, const std::string& text,
          bool by_word) {
  Run run;
  auto start = Clock::now();
  double cpu = cpu_ms();
  SpeechStream stream(voice, options);
  auto render = [&] {
    SpeechChunk chunk = stream.render();
    if (run.pcm.empty() && !chunk.pcm.empty()) {
      run.first_ms = ms_since(start);
      run.first_cpu_ms = cpu_ms() - cpu;
      run.first_audio_ms = static_cast<double>(chunk.pcm.size()) / 24.0;
    }
    run.pcm.insert(run.pcm.end(), chunk.pcm.begin(), chunk.pcm.end());
    ++run.chunks;
    return !chunk.pcm.empty();
  };
  if (by_word) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      stream.push_text(word + " ");
      while (stream.chunk_ready() && render()) {
      }
    }
  } else {
    stream.push_text(text);
  }
  stream.finish_text();
  while (!stream.finished()) render();
  run.total_ms = ms_since(start);
  run.total_cpu_ms = cpu_ms() - cpu;
  return run;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"speak a text into a WAV file"};
  std::string folder, out, text;
  SpeechOptions options;
  bool by_word = false;
  int runs = 1;
  int threads = 0;
  app.add_option("voice", folder)->required();
  app.add_option("out", out)->required();
  app.add_option("text", text, "text to say; - for standard input")->required();
  app.add_option("--timbre", options.timbre);
  app.add_option("--speed", options.speed);
  app.add_option("--liveliness", options.liveliness);
  app.add_flag("--words", by_word, "a word at a time");
  app.add_option("--runs", runs);
  app.add_option("--threads", threads);
  CLI11_PARSE(app, argc, argv);
  if (threads > 0) at::set_num_threads(threads);
  if (text == "-") text.assign(std::istreambuf_iterator<char>(std::cin), {});

  auto start = Clock::now();
  auto voice = Voice::load(folder, {});
  std::cerr << "loaded in " << ms_since(start) << " ms\n";
  Run run;
  for (int i = 0; i < runs; ++i) {
    run = speak(voice, options, text, by_word);
    double audio_ms = static_cast<double>(run.pcm.size()) / 24.0;
    std::cerr << "first chunk of " << run.first_audio_ms << " ms after " << run.first_ms << " ms; "
              << audio_ms << " ms in " << run.chunks << " chunks after " << run.total_ms
              << " ms: " << audio_ms / run.total_ms << " x real time; processor " << run.first_cpu_ms
              << " and " << run.total_cpu_ms << " ms\n";
  }
  SF_INFO info{};
  info.samplerate = speech_sample_rate_hz;
  info.channels = 1;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  SNDFILE* file = sf_open(out.c_str(), SFM_WRITE, &info);
  if (!file) {
    std::cerr << out << ": " << sf_strerror(nullptr) << "\n";
    return 1;
  }
  sf_write_short(file, run.pcm.data(), static_cast<sf_count_t>(run.pcm.size()));
  sf_close(file);
  return 0;
}
