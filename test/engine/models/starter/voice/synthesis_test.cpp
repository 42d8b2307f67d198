#include "engine/models/starter/voice/synthesis.hpp"

#include <cmath>

#include "test/support/catch.hpp"
#include "test/support/voice_folder.hpp"

using namespace parley::voice;
using at::Tensor;

namespace {

constexpr std::int64_t frames = 60;

const Synthesis& synthesis() {
  static const VoiceConfig config = VoiceConfig::read(parley::test::voice_folder());
  static const Synthesis made(config.synthesis, config.f0_center_hz, at::kCPU);
  return made;
}

// A tone that glides, with a gap without voice.
std::vector<float> gliding_f0() {
  std::vector<float> f0;
  for (int i = 0; i < frames; ++i)
    f0.push_back(i > 25 && i < 33 ? 0.0F : 150.0F + 40.0F * std::sin(static_cast<float>(i) / 7));
  return f0;
}

Tensor spectra(double noise) {
  at::manual_seed(1);
  Tensor s = at::randn({frames, 5, 601}) * 0.5;
  s.select(1, 0).sub_(3.0);
  s.select(1, 2).add_(noise);
  s.select(1, 3).sub_(6.0);
  return s;
}

std::vector<float> in_pieces(const Tensor& all, std::int64_t piece, const Style& style,
                             std::uint64_t seed = 3) {
  c10::InferenceMode inference;
  SentenceWave wave(synthesis(), style, seed);
  std::vector<float> f0 = gliding_f0();
  std::vector<float> out;
  for (std::int64_t begin = 0; begin < frames; begin += piece) {
    std::int64_t end = std::min(begin + piece, frames);
    auto known = static_cast<std::size_t>(std::min(std::max<std::int64_t>(end + 2, 4), frames));
    bool last = end == frames;
    auto more = wave.render(all.slice(0, begin, end), std::span(f0).first(last ? frames : known), last);
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

double power(const std::vector<float>& samples) {
  double sum = 0;
  for (float s : samples) sum += s * s;
  return sum / static_cast<double>(samples.size());
}

}  // namespace

TEST_CASE("a sentence sounds the same in pieces as at once, noise included", "[voice][synthesis]") {
  auto piece = GENERATE(1, 2, 3, 7, 31);
  Style style = GENERATE(Style{}, Style{0.6F, 0.9F, 1.1F});
  CAPTURE(piece, style.f0);
  Tensor all = spectra(-3.0);
  auto whole = in_pieces(all, frames, style);
  CHECK(whole.size() == frames * 300);
  CHECK(largest_difference(in_pieces(all, piece, style), whole) < 1e-4);
}

TEST_CASE("another seed gives other noise of the same strength", "[voice][synthesis]") {
  Tensor all = spectra(0.0);
  all.select(1, 0).fill_(-60);
  all.select(1, 3).fill_(-60);
  auto one = in_pieces(all, frames, {}, 1);
  auto two = in_pieces(all, frames, {}, 2);
  CHECK(largest_difference(one, two) > 0.01);
  CHECK(power(one) / power(two) == Approx(1.0).epsilon(0.1));
}

TEST_CASE("a lower pitch keeps the voice's strength", "[voice][synthesis]") {
  Tensor all = spectra(-60.0);
  all.select(1, 0).fill_(-3);
  all.select(1, 1).fill_(0);
  all.select(1, 3).fill_(-60);
  CHECK(power(in_pieces(all, frames, Style{0.5F, 1, 1})) / power(in_pieces(all, frames, {})) ==
        Approx(1.0).epsilon(0.35));
}
