// The voice's network against its original graph (test/parity/voice/features.safetensors).
#include "engine/models/starter/voice/network.hpp"

#include "engine/layers/tensor_of.hpp"
#include "engine/models/starter/voice/synthesis.hpp"
#include "engine/weights/safetensors.hpp"
#include "test/support/catch.hpp"
#include "test/support/voice_folder.hpp"

using namespace parley;
using at::Tensor;

namespace {

const voice::VoiceConfig& config() {
  static const voice::VoiceConfig read = voice::VoiceConfig::read(test::voice_folder());
  return read;
}

const voice::Network& network() {
  static const voice::Network loaded(config().network, test::voice_folder() / "model.safetensors", at::kCPU);
  return loaded;
}

Tensor reference(const char* name) {
  static const weights::Safetensors file(PARLEY_SOURCE_DIR "/test/parity/voice/features.safetensors");
  return layers::tensor_of(file.at(name)).clone();
}

std::vector<std::int64_t> numbers(const Tensor& tensor) {
  Tensor flat = tensor.to(at::kLong).contiguous();
  return {flat.data_ptr<std::int64_t>(), flat.data_ptr<std::int64_t>() + flat.numel()};
}

double largest(const Tensor& difference) { return difference.abs().max().item<double>(); }
double average(const Tensor& difference) { return difference.abs().mean().item<double>(); }

struct Features {
  Tensor predicted_steps, f0, energy;
  Tensor spectra;  // [frames, 5, bins], from the int8 graph's F0 and energy
};

const Features& features() {
  static const Features computed = [] {
    c10::InferenceMode inference;
    voice::Network::Text text = network().encode(numbers(reference("symbols")));
    Tensor steps = reference("steps");
    Tensor pitch = network().pitch(text.prosody.repeat_interleave(steps, 1));
    Tensor input = network().decoder_input(text.decoder.repeat_interleave(steps, 1), reference("int8.f0"),
                                           reference("int8.energy"));
    return Features{text.steps, pitch[0], pitch[1], network().decode(input).squeeze(0)};
  }();
  return computed;
}

Tensor thinned(const Tensor& spectra) { return spectra.slice(0, 0, {}, 11).slice(2, 0, {}, 7); }

}  // namespace

TEST_CASE("durations, F0 and energy are those of the float32 graph", "[voice][network][parity]") {
  CHECK(largest(features().predicted_steps - reference("float.predicted_steps")) < 1e-3);
  CHECK(largest(features().f0 - reference("float.f0")) < 0.02);  // Hz
  CHECK(largest(features().energy - reference("float.energy")) < 1e-3);
}

TEST_CASE("spectra are those of the float32 graph", "[voice][network][parity]") {
  CHECK(largest(thinned(features().spectra) - reference("float.spectra")) < 1e-3);
}

TEST_CASE("all features are as close to the int8 graph as its own dequantised float32 is",
          "[voice][network][parity]") {
  auto as_close = [](const Tensor& ours, const char* name) {
    Tensor theirs = reference((std::string("int8.") + name).c_str());
    double rounding = average(reference((std::string("float.") + name).c_str()) - theirs);
    CAPTURE(name, rounding);
    CHECK(average(ours - theirs) <= rounding * 1.001 + 1e-6);
  };
  as_close(features().predicted_steps, "predicted_steps");
  as_close(features().f0, "f0");
  as_close(features().energy, "energy");
  as_close(thinned(features().spectra), "spectra");
}

TEST_CASE("a frame's spectrum depends on no more than decoder_reach() frames to each side",
          "[voice][network]") {
  c10::InferenceMode inference;
  int reach = network().config().decoder_reach();
  Tensor input = at::randn({1, 2 * reach + 41, network().config().decoder_text_width + 2}) * 0.3;
  Tensor whole = network().decode(input);
  Tensor part = network().decode(input.slice(1, 10, 10 + 2 * reach + 11));
  CHECK(largest(part.slice(1, reach, reach + 11) - whole.slice(1, 10 + reach, 10 + reach + 11)) < 1e-4);
}

TEST_CASE("a step's pitch depends on prosody_reach() steps to each side", "[voice][network]") {
  c10::InferenceMode inference;
  int reach = network().config().prosody_reach();
  Tensor steps = at::randn({1, 2 * reach + 30, network().config().prosody_text_width});
  Tensor whole = network().pitch(steps);
  Tensor part = network().pitch(steps.slice(1, 5, 5 + 2 * reach + 10));
  CHECK(largest(part.slice(1, 2 * reach, 2 * reach + 20) - whole.slice(1, 10 + 2 * reach, 30 + 2 * reach)) <
        0.01);
}

TEST_CASE("windows of equal length can be decoded together", "[voice][network]") {
  c10::InferenceMode inference;
  Tensor input = at::randn({3, 70, network().config().decoder_text_width + 2}) * 0.3;
  Tensor together = network().decode(input);
  for (int i = 0; i < 3; ++i)
    CHECK(largest(network().decode(input.slice(0, i, i + 1))[0] - together[i]) < 1e-4);
}

TEST_CASE("samples are those of the package's synthesis from the same spectra",
          "[voice][synthesis][parity]") {
  c10::InferenceMode inference;
  voice::Synthesis synthesis(config().synthesis, config().f0_center_hz, at::kCPU);
  Tensor spectra = features().spectra.clone();
  spectra.select(1, 2).fill_(-60);  // without noise
  Tensor f0 = reference("int8.f0");
  voice::SentenceWave wave(synthesis, {}, 0);
  std::vector<float> ours =
      wave.render(spectra, {f0.data_ptr<float>(), static_cast<std::size_t>(f0.size(0))}, true);
  Tensor expected = reference("float.wave");
  REQUIRE(static_cast<std::int64_t>(ours.size()) == expected.size(0));
  CHECK(largest(at::tensor(ours) - expected) < 2e-3);
  CHECK(average(at::tensor(ours) - expected) < 1e-4);
}
