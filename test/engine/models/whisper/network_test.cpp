// The two implementations of the network against the reference of test/parity/whisper and against each other.
#include <ATen/Parallel.h>

#include <cmath>
#include <cstring>

#include "engine/audio/log_mel.hpp"
#include "engine/models/whisper/aten_network.hpp"
#include "engine/models/whisper/cpu_network.hpp"
#include "engine/weights/safetensors.hpp"
#include "test/support/catch.hpp"
#include "test/support/speech_recognition.hpp"

using namespace parley;
using namespace parley::whisper;

namespace {

constexpr int whole = 1500, part = 192;  // positions
constexpr std::size_t width = 512, position_step = 13, width_step = 3;

std::vector<float> features(const std::string& recording, int positions) {
  audio::LogMel stream(80);
  stream.push(test::recorded_speech(recording));
  std::vector<float> spectrum = stream.spectrum();
  audio::normalize_log_mel(spectrum);
  spectrum.resize(static_cast<std::size_t>(2 * positions) * 80, 0.0F);
  return spectrum;
}

struct Difference {
  double largest = 0, mean = 0;
};

// Of the encoder's output from the slices that the reference keeps.
Difference from_reference(const std::vector<float>& output, const std::string& name) {
  weights::Safetensors file(PARLEY_SOURCE_DIR "/test/parity/whisper/features.safetensors");
  const weights::TensorView& tensor = file.at(name);
  std::vector<float> expected(static_cast<std::size_t>(tensor.elements()));
  std::memcpy(expected.data(), tensor.bytes.data(), tensor.bytes.size());
  Difference difference;
  std::size_t next = 0;
  for (std::size_t position = 0; position < output.size() / width; position += position_step)
    for (std::size_t i = 0; i < width; i += width_step) {
      const double distance = std::abs(output[position * width + i] - expected.at(next++));
      difference.largest = std::max(difference.largest, distance);
      difference.mean += distance;
    }
  REQUIRE(next == expected.size());
  difference.mean /= static_cast<double>(next);
  return difference;
}

std::unique_ptr<Network> load(bool exact, int threads = 2) {
  const Config config = Config::read(test::starter_ear);
  const weights::Weights weights = weights::Weights::open(test::starter_ear);
  return exact ? load_aten_network(config, weights, "cpu") : load_cpu_network(config, weights, threads);
}

// Windows through all layers of the encoder, at most `at_once` in a pass.
std::vector<std::unique_ptr<WindowState>> encode(Network& network,
                                                 const std::vector<std::span<const float>>& features,
                                                 int at_once = 6) {
  constexpr int layers = 6;
  std::vector<EncoderRow> rows;
  for (std::span<const float> one : features) rows.push_back({.features = one});
  std::vector<std::unique_ptr<EncoderState>> states(rows.size());
  for (int first = 0; first < layers; first += at_once) {
    network.encode(rows, part, first, std::min(at_once, layers - first));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      states[i] = std::move(rows[i].next);
      rows[i].state = states[i].get();
    }
  }
  std::vector<std::unique_ptr<WindowState>> windows;
  for (EncoderRow& row : rows) windows.push_back(std::move(row.window));
  return windows;
}

// What a window's decoder says to a prompt.
std::vector<float> logits_of(Network& network, WindowState& window) {
  const std::vector<int> prompt{50258, 50259, 50359, 50363};
  std::vector<float> logits(51865);
  const DecoderRow row{&window, prompt, logits, {}};
  network.decode({&row, 1});
  return logits;
}

}  // namespace

TEST_CASE("the encoder at float32 is within 1e-3 of the reference", "[engine][whisper][parity]") {
  at::set_num_threads(1);
  auto network = load(/*exact=*/true);
  CHECK(from_reference(network->encoder_output(features("something.raw", whole), whole), "whole").largest <
        1e-3);
  CHECK(from_reference(network->encoder_output(features("something.raw", part), part), "short").largest <
        1e-3);
}

TEST_CASE("8-bit weights change the encoder's output by a hundredth", "[engine][whisper][parity]") {
  auto network = load(/*exact=*/false);
  CHECK(from_reference(network->encoder_output(features("something.raw", part), part), "short").mean < 0.02);
}

TEST_CASE("a window is encoded and read the same in any company and on any number of threads",
          "[engine][whisper]") {
  auto network = load(/*exact=*/false, 2);
  const std::vector<float> one = features("something.raw", part), other = features("goforward.raw", part);
  auto alone = encode(*network, {one});
  auto together = encode(*network, {other, one});
  const std::vector<float> expected = logits_of(*network, *alone[0]);
  CHECK(logits_of(*network, *together[1]) == expected);

  alone[0]->clear();
  together[0]->clear();
  together[1]->clear();
  const std::vector<int> prompt{50258, 50259, 50359, 50363}, start{50258};
  std::vector<std::vector<float>> logits(3, std::vector<float>(51865));
  const std::vector<DecoderRow> rows{{together[0].get(), start, logits[0], {}},
                                     {together[1].get(), prompt, logits[1], {}},
                                     {alone[0].get(), prompt, logits[2], {}}};
  network->decode(rows);
  CHECK(logits[1] == expected);
  CHECK(logits[2] == expected);

  auto single = load(/*exact=*/false, 1);
  auto again = encode(*single, {one});
  CHECK(logits_of(*single, *again[0]) == expected);
}

TEST_CASE("a window is encoded the same however its layers are cut into passes", "[engine][whisper]") {
  const bool exact = GENERATE(false, true);
  auto network = load(exact);
  const std::vector<float> one = features("something.raw", part), other = features("goforward.raw", part);
  const auto whole_pass = encode(*network, {one, other});
  const int at_once = GENERATE(1, 4);
  const auto pieces = encode(*network, {one, other}, at_once);
  CHECK(logits_of(*network, *pieces[0]) == logits_of(*network, *whole_pass[0]));
  CHECK(logits_of(*network, *pieces[1]) == logits_of(*network, *whole_pass[1]));
}
