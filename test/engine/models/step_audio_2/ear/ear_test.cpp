#include "engine/models/step_audio_2/ear/ear.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/weights/safetensors.hpp"
#include "test/engine/models/step_audio_2/ear/ear_checkpoint.hpp"
#include "test/engine/models/step_audio_2/formula_sound.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::step_audio_2;

namespace {

using Floats = std::vector<float>;

Floats reference(const std::string& name) {
  static const weights::Safetensors file(PARLEY_SOURCE_DIR "/test/parity/step_audio_2/ear.safetensors");
  const weights::TensorView& tensor = file.at(name);
  Floats values(static_cast<std::size_t>(tensor.elements()));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

float largest_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::isfinite(a[i]) ? std::abs(a[i] - b[i]) : INFINITY);
  return largest;
}

// Every step-th number of each row of `width`.
Floats columns(std::span<const float> values, int width, int step) {
  Floats some;
  for (std::size_t row = 0; row < values.size(); row += static_cast<std::size_t>(width))
    for (int i = 0; i < width; i += step) some.push_back(values[row + static_cast<std::size_t>(i)]);
  return some;
}

const EarCheckpoint& tiny_checkpoint() {
  static const EarCheckpoint checkpoint(EarSizes::tiny(), 100);
  return checkpoint;
}

Listening listen_to(const Ear& ear, const Floats& pcm) {
  Listening listening = ear.listen();
  listening.push(pcm);
  return listening;
}

Encoding encoded(Ear& ear, const Floats& pcm) {
  Encoding encoding = ear.begin(listen_to(ear, pcm), 0);
  Encoding* one = &encoding;
  ear.encode({&one, 1});
  return encoding;
}

std::size_t samples_of(int frames) { return static_cast<std::size_t>(160 * frames - 320); }

Floats copy(std::span<const float> values) { return {values.begin(), values.end()}; }

// Each test hears with the CPU kernels and with ATen.
EarOptions either() { return {.threads = 2, .exact = GENERATE(false, true)}; }

}  // namespace

TEST_CASE("a piece by itself becomes the reference's rows, for any number of frames", "[step_audio_2][ear]") {
  Ear ear = Ear::load(tiny_checkpoint().path(), either());
  for (const int frames : {52, 102, 103, 104}) {
    INFO(frames << " frames");
    const Encoding encoding = encoded(ear, formula_sound(samples_of(frames), 2));
    const std::string name = "alone_" + std::to_string(frames) + ".0.";
    CHECK(encoding.finished());
    CHECK(encoding.frames() == frames);
    CHECK(encoding.rows().size() == static_cast<std::size_t>(encoding.tokens() * ear.hidden()));
    CHECK(largest_difference(encoding.encoder_output(), reference(name + "encoded")) < 1e-4F);
    CHECK(largest_difference(encoding.rows(), reference(name + "rows")) < 1e-4F);
  }
}

TEST_CASE("pieces of a conversation become the reference's rows when padded as it pads them",
          "[step_audio_2][ear]") {
  Ear ear = Ear::load(tiny_checkpoint().path(), either());
  struct Case {
    std::string name;
    std::vector<std::size_t> samples;
  };
  for (const Case& some : {Case{"together", {32000, 26080}}, Case{"together_odd", {16160, 8000}}}) {
    std::vector<Listening> recordings;
    for (std::size_t i = 0; i < some.samples.size(); ++i)
      recordings.push_back(listen_to(ear, formula_sound(some.samples[i], 2 + static_cast<std::uint32_t>(i))));
    const std::vector<const Listening*> conversation{&recordings[0], &recordings[1]};
    std::vector<Encoding> pieces = ear.begin_together(conversation);
    REQUIRE(pieces.size() == 2);
    const std::vector<Encoding*> batch{&pieces[0], &pieces[1]};
    ear.encode(batch);
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string name = some.name + "." + std::to_string(i) + ".";
      INFO(name);
      CHECK(largest_difference(pieces[i].encoder_output(), reference(name + "encoded")) < 1e-4F);
      CHECK(largest_difference(pieces[i].rows(), reference(name + "rows")) < 1e-4F);
    }
  }
}

TEST_CASE("a block and an adaptor of official size compute what the reference computes",
          "[step_audio_2][ear]") {
  at::set_num_threads(2);
  const EarCheckpoint checkpoint(EarSizes::official(1), 200);
  const EarOptions options = either();
  Ear ear = Ear::load(checkpoint.path(), options);
  const Encoding encoding = encoded(ear, formula_sound(16000, 2));
  CHECK(encoding.tokens() == 13);
  CHECK(largest_difference(columns(encoding.encoder_output(), ear.width(), 7),
                           reference("official.0.encoded")) < 1e-4F);
  CHECK(largest_difference(columns(encoding.rows(), ear.hidden(), 7), reference("official.0.rows")) < 1e-4F);
}

TEST_CASE("a piece's rows do not depend on what is encoded with it", "[step_audio_2][ear]") {
  const EarOptions options = either();
  Ear ear = Ear::load(tiny_checkpoint().path(), options);
  std::vector<Floats> alone;
  std::vector<Encoding> pieces;
  std::vector<Encoding*> batch;
  for (const int frames : {103, 52, 104, 7}) {
    const Floats pcm = formula_sound(samples_of(frames), static_cast<std::uint32_t>(frames));
    alone.push_back(copy(encoded(ear, pcm).rows()));
    pieces.push_back(ear.begin(listen_to(ear, pcm), 0));
  }
  for (Encoding& piece : pieces) batch.push_back(&piece);
  ear.encode(batch);
  for (std::size_t i = 0; i < pieces.size(); ++i)
    CHECK(largest_difference(pieces[i].rows(), alone[i]) <= (options.exact ? 1e-5F : 0.0F));
}

TEST_CASE("a pass that is cut between layers gives the same rows", "[step_audio_2][ear]") {
  Ear ear = Ear::load(tiny_checkpoint().path(), either());
  const Floats pcm = formula_sound(samples_of(103), 3), other = formula_sound(samples_of(60), 4);
  const Floats whole = copy(encoded(ear, pcm).rows());
  Encoding piece = ear.begin(listen_to(ear, pcm), 0), between = ear.begin(listen_to(ear, other), 0);
  Encoding *one = &piece, *two = &between;
  CHECK(piece.layers_left() == ear.layers());
  ear.encode({&one, 1}, 1);
  CHECK(piece.layers_left() == ear.layers() - 1);
  ear.encode({&two, 1}, 2);  // another one's layers lie between
  CHECK_THROWS_AS(ear.encode(std::vector{one, two}), std::invalid_argument);
  ear.encode({&one, 1}, 1);
  ear.encode(std::vector{one, two}, Ear::all_layers);  // equally far now
  CHECK(piece.finished());
  CHECK(largest_difference(piece.rows(), whole) < 1e-5F);
  CHECK(largest_difference(between.rows(), encoded(ear, other).rows()) < 1e-5F);
  CHECK_THROWS_AS(ear.encode({&one, 1}), std::invalid_argument);
}

TEST_CASE("features that are made as the sound arrives are those of the whole recording",
          "[step_audio_2][ear]") {
  const Ear ear = Ear::load(tiny_checkpoint().path(), {.threads = 1});
  const Floats pcm = formula_sound(20011, 5);
  const Floats whole = ear.begin(listen_to(ear, pcm), 0).log_mel();
  for (const std::size_t some : {1, 320, 4000}) {
    Listening listening = ear.listen();
    for (std::size_t at = 0; at < pcm.size(); at += some) {
      listening.push(std::span(pcm).subspan(at, std::min(some, pcm.size() - at)));
      if (some == 4000) ear.begin(listening, 0);  // a look in between disturbs nothing
    }
    CHECK(listening.samples() == pcm.size());
    CHECK(ear.begin(listening, 0).log_mel() == whole);
  }
}

TEST_CASE("long sound is cut into pieces, each of which is heard as if it were alone",
          "[step_audio_2][ear]") {
  Ear ear = Ear::load(tiny_checkpoint().path(), {.threads = 2});
  constexpr std::size_t piece = 160 * 221 - 480;  // fills the 110 positions of the tiny checkpoint
  const Floats pcm = formula_sound(2 * piece + 321, 6);
  Listening listening = ear.listen();
  CHECK(listening.pieces() == 0);
  listening.push(std::span(pcm).first(320));
  CHECK(listening.pieces() == 0);
  listening.push(std::span(pcm).subspan(320, 2 * piece));
  CHECK(listening.pieces() == 2);  // the 20 ms of the third have no token
  CHECK_THROWS_AS(ear.begin(listening, 2), std::invalid_argument);
  listening.push(std::span(pcm).last(1));
  CHECK(listening.pieces() == 3);
  CHECK(listening.tokens(2) == 1);
  CHECK(listening.tokens(0) == listening.tokens(1));
  Encoding second = ear.begin(listening, 1);
  CHECK(second.tokens() == listening.tokens(1));
  CHECK(second.positions() == 110);
  Encoding* one = &second;
  ear.encode({&one, 1});
  CHECK(copy(second.rows()) == copy(encoded(ear, {pcm.begin() + piece, pcm.begin() + 2 * piece}).rows()));
}

TEST_CASE("weights in bfloat16 are heard with as they are, and the reference's own arithmetic comes close",
          "[step_audio_2][ear]") {
  const EarCheckpoint stored(EarSizes::tiny(), 100, weights::Dtype::bf16);
  Ear kernels = Ear::load(stored.path(), {.threads = 2});
  Ear exact = Ear::load(stored.path(), {.dtype = "float32", .exact = true});
  Ear reference_like = Ear::load(stored.path(), {.dtype = "bfloat16"});
  CHECK(kernels.weight_bytes() * 2 == exact.weight_bytes());
  const Floats pcm = formula_sound(samples_of(102), 7);
  const Floats rows = copy(encoded(exact, pcm).rows());
  CHECK(largest_difference(encoded(kernels, pcm).rows(), rows) < 1e-4F);
  const float rounded = largest_difference(encoded(reference_like, pcm).rows(), rows);
  CHECK(rounded < 0.1F);
  CHECK(rounded > 1e-4F);
}

TEST_CASE("a folder that does not fit is refused with a sentence", "[step_audio_2][ear]") {
  CHECK_THROWS_WITH(Ear::load(tiny_checkpoint().path(), {.dtype = "int8"}), Catch::Contains("\"int8\""));
  const EarCheckpoint other(EarSizes::tiny(), 100);
  const test::TemporaryFolder& folder = other.folder();
  folder.write("config.json", R"({"audio_encoder_config": {"n_mels": 16}})");
  CHECK_THROWS_WITH(Ear::load(folder.path()), Catch::Contains("n_audio_ctx"));
  folder.write("config.json",
               R"({"audio_encoder_config": {"n_mels": 16, "n_audio_ctx": 110, "n_audio_state": 64,
                   "n_audio_head": 4, "n_audio_layer": 4, "llm_dim": 24, "kernel_size": 3, "adapter_stride": 2}})");
  CHECK_THROWS_WITH(Ear::load(folder.path()), Catch::Contains("encoder.blocks.3"));
}
