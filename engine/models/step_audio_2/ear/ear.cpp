#include "engine/models/step_audio_2/ear/ear.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/audio/log_mel.hpp"
#include "engine/models/step_audio_2/ear/aten_network.hpp"
#include "engine/models/step_audio_2/ear/config.hpp"
#include "engine/models/step_audio_2/ear/cpu_network.hpp"
#include "engine/models/step_audio_2/ear/network.hpp"
#include "engine/models/step_audio_2/ear/pieces.hpp"
#include "engine/weights/weights.hpp"

namespace parley::step_audio_2 {

// ---- sound

struct Listening::State {
  EarConfig config;
  audio::LogMel empty;                 // for its tables
  std::vector<audio::LogMel> spectra;  // of each piece; the last one goes on
};

Listening::Listening(std::unique_ptr<State> state) : state_(std::move(state)) {}
Listening::~Listening() = default;
Listening::Listening(Listening&&) noexcept = default;
Listening& Listening::operator=(Listening&&) noexcept = default;

void Listening::push(std::span<const float> pcm) {
  const std::size_t whole = state_->config.samples_a_piece();
  auto& spectra = state_->spectra;
  while (!pcm.empty()) {
    if (spectra.empty() || spectra.back().samples() == whole)
      spectra.push_back(audio::LogMel::like(state_->empty));
    const std::size_t some = std::min(pcm.size(), whole - spectra.back().samples());
    spectra.back().push(pcm.first(some));
    pcm = pcm.subspan(some);
  }
}

std::size_t Listening::samples() const {
  std::size_t samples = 0;
  for (const audio::LogMel& spectrum : state_->spectra) samples += spectrum.samples();
  return samples;
}

int Listening::tokens(int piece) const {
  const audio::LogMel& spectrum = state_->spectra.at(static_cast<std::size_t>(piece));
  return tokens_of(frames_of(spectrum.samples()), state_->config.adaptor_step());
}

int Listening::pieces() const {
  const auto begun = static_cast<int>(state_->spectra.size());
  return begun > 0 && tokens(begun - 1) == 0 ? begun - 1 : begun;
}

// ---- pieces

struct Encoding::State {
  int mels = 0;
  int frames = 0;  // of the piece
  int padded = 0;  // frames with what pads it
  int tokens = 0;
  int layers = 0;
  int done = 0;                 // layers
  std::vector<float> features;  // [padded, mels]
  std::unique_ptr<PieceState> piece;
  HeardPiece heard;
};

Encoding::Encoding(std::unique_ptr<State> state) : state_(std::move(state)) {}
Encoding::~Encoding() = default;
Encoding::Encoding(Encoding&&) noexcept = default;
Encoding& Encoding::operator=(Encoding&&) noexcept = default;

int Encoding::positions() const { return positions_of(state_->padded); }
int Encoding::tokens() const { return state_->tokens; }
int Encoding::layers_left() const { return state_->layers - state_->done; }
int Encoding::frames() const { return state_->frames; }
std::span<const float> Encoding::rows() const { return state_->heard.rows; }
std::span<const float> Encoding::encoder_output() const { return state_->heard.encoded; }

std::vector<float> Encoding::log_mel() const {
  const auto mels = static_cast<std::size_t>(state_->mels), frames = static_cast<std::size_t>(state_->frames);
  std::vector<float> turned(mels * frames);
  for (std::size_t frame = 0; frame < frames; ++frame)
    for (std::size_t mel = 0; mel < mels; ++mel)
      turned[mel * frames + frame] = state_->features[frame * mels + mel];
  return turned;
}

// ---- the ear

class Ear::Impl {
 public:
  Impl(const std::filesystem::path& folder, const EarOptions& options);

  const EarConfig& config() const { return config_; }
  std::size_t weight_bytes() const { return weight_bytes_; }
  std::unique_ptr<Listening::State> listen() const;
  std::unique_ptr<Encoding::State> begin(const Listening::State& listening, int piece) const;
  void encode(std::span<Encoding::State* const> batch, int layers);

 private:
  EarConfig config_;
  audio::LogMel spectrum_;  // an empty one, for its tables
  std::unique_ptr<EarNetwork> network_;
  std::size_t weight_bytes_ = 0;
};

namespace {

bool is_of_the_ear(const std::string& name) {
  return name.starts_with("encoder.") || name.starts_with("adapter.");
}

}  // namespace

Ear::Impl::Impl(const std::filesystem::path& folder, const EarOptions& options)
    : config_(EarConfig::read(folder)), spectrum_(config_.n_mels) {
  weights::Safetensors file(folder);
  std::vector<std::string> of_others;
  std::size_t stored = 0, elements = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    if (is_of_the_ear(name)) {
      stored += tensor.bytes.size();
      elements += static_cast<std::size_t>(tensor.elements());
    } else {
      of_others.push_back(name);
    }
  }
  const weights::Weights weights(std::move(file));
  for (const std::string& name : of_others) weights.ignore(name);  // the language model's
  const bool kernels = options.device == "cpu" && !options.exact && options.dtype != "bfloat16";
  if (kernels && !options.dtype.empty() && options.dtype != "float32")
    throw std::invalid_argument("the ear cannot compute in \"" + options.dtype +
                                "\"; expected \"float32\", \"bfloat16\", or \"\" for the weights' own type");
  network_ = kernels ? load_cpu_network(config_, weights, options.threads)
                     : load_aten_network(config_, weights, options.device, options.dtype);
  weights.finish();
  weight_bytes_ =
      kernels || options.dtype.empty() ? stored : elements * (options.dtype == "bfloat16" ? 2 : 4);
}

std::unique_ptr<Listening::State> Ear::Impl::listen() const {
  return std::make_unique<Listening::State>(
      Listening::State{.config = config_, .empty = audio::LogMel::like(spectrum_), .spectra = {}});
}

std::unique_ptr<Encoding::State> Ear::Impl::begin(const Listening::State& listening, int piece) const {
  const audio::LogMel& spectrum = listening.spectra.at(static_cast<std::size_t>(piece));
  auto state = std::make_unique<Encoding::State>();
  state->mels = config_.n_mels;
  state->frames = state->padded = frames_of(spectrum.samples());
  state->tokens = tokens_of(state->frames, config_.adaptor_step());
  state->layers = config_.n_audio_layer;
  state->features = spectrum.spectrum(piece_padding);
  audio::normalize_log_mel(state->features);
  return state;
}

void Ear::Impl::encode(std::span<Encoding::State* const> batch, int layers) {
  if (batch.empty()) return;
  const int first = batch.front()->done, left = batch.front()->layers - first;
  for (const Encoding::State* state : batch)
    if (state->done != first || left == 0)
      throw std::invalid_argument(
          "pieces that share a pass of the ear have equally many layers left, and at "
          "least one; got one with " +
          std::to_string(left) + " and one with " + std::to_string(state->layers - state->done));
  const int count = std::min(layers, left);
  std::vector<PieceRow> rows;
  for (Encoding::State* state : batch)
    rows.push_back({.features = state->features,
                    .frames = state->padded,
                    .keys = keys_of(state->frames, state->padded),
                    .state = std::move(state->piece)});
  network_->encode(rows, first, count);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Encoding::State& state = *batch[i];
    state.done += count;
    if (state.done < state.layers)
      state.piece = std::move(rows[i].state);
    else
      state.heard = network_->finish(*rows[i].state, state.tokens, encoded_of(state.frames));
  }
}

Ear::Ear(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ear::~Ear() = default;
Ear::Ear(Ear&&) noexcept = default;
Ear& Ear::operator=(Ear&&) noexcept = default;

Ear Ear::load(const std::filesystem::path& model_folder, const EarOptions& options) {
  return Ear(std::make_unique<Impl>(model_folder, options));
}

int Ear::hidden() const { return impl_->config().llm_dim; }
int Ear::width() const { return impl_->config().n_audio_state; }
int Ear::mels() const { return impl_->config().n_mels; }
int Ear::layers() const { return impl_->config().n_audio_layer; }
std::size_t Ear::weight_bytes() const { return impl_->weight_bytes(); }

Listening Ear::listen() const { return Listening(impl_->listen()); }

Encoding Ear::begin(const Listening& listening, int piece) const {
  if (piece < 0 || piece >= listening.pieces())
    throw std::invalid_argument("there is no piece " + std::to_string(piece) + " in a recording of " +
                                std::to_string(listening.pieces()));
  return Encoding(impl_->begin(*listening.state_, piece));
}

std::vector<Encoding> Ear::begin_together(std::span<const Listening* const> conversation) const {
  std::vector<Encoding> all;
  int longest = 0;
  for (const Listening* listening : conversation)
    for (int piece = 0; piece < listening->pieces(); ++piece) {
      all.push_back(begin(*listening, piece));
      longest = std::max(longest, all.back().frames());
    }
  for (Encoding& encoding : all) {
    encoding.state_->padded = longest;
    encoding.state_->features.resize(static_cast<std::size_t>(longest) * static_cast<std::size_t>(mels()));
  }
  return all;
}

void Ear::encode(std::span<Encoding* const> batch, int layers) {
  std::vector<Encoding::State*> states;
  for (Encoding* encoding : batch) states.push_back(encoding->state_.get());
  impl_->encode(states, layers);
}

}  // namespace parley::step_audio_2
