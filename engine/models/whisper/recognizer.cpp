#include "engine/models/whisper/recognizer.hpp"

#include <algorithm>
#include <stdexcept>

#include "engine/audio/log_mel.hpp"
#include "engine/models/whisper/aten_network.hpp"
#include "engine/models/whisper/cpu_network.hpp"
#include "engine/models/whisper/transcript.hpp"
#include "engine/text/byte_level_bpe.hpp"
#include "engine/weights/weights.hpp"

namespace parley::whisper {

struct Utterance::State {
  audio::LogMel spectrum;
};

Utterance::Utterance(std::unique_ptr<State> state) : state_(std::move(state)) {}
Utterance::~Utterance() = default;
Utterance::Utterance(Utterance&&) noexcept = default;
Utterance& Utterance::operator=(Utterance&&) noexcept = default;

void Utterance::push(std::span<const float> pcm) { state_->spectrum.push(pcm); }
std::size_t Utterance::samples() const { return state_->spectrum.samples(); }

struct Recognition::State {
  Transcript transcript;
  const text::ByteLevelBpe* tokenizer;
};

Recognition::Recognition(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recognition::~Recognition() = default;
Recognition::Recognition(Recognition&&) noexcept = default;
Recognition& Recognition::operator=(Recognition&&) noexcept = default;

bool Recognition::finished() const { return state_->transcript.finished(); }
std::string Recognition::language() const { return state_->transcript.language(); }
std::vector<int> Recognition::tokens() const { return state_->transcript.tokens(); }
double Recognition::average_log_probability() const { return state_->transcript.average_log_probability(); }
double Recognition::no_speech_probability() const { return state_->transcript.no_speech_probability(); }

std::string Recognition::text() const {
  constexpr const char* spaces = " \t\n";
  std::string text = state_->tokenizer->decode(tokens());
  const std::size_t first = text.find_first_not_of(spaces);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(spaces) + 1 - first);
}

class Recognizer::Impl {
 public:
  Impl(const std::filesystem::path& folder, const LoadOptions& options);

  const RecognizerInfo& info() const { return info_; }
  const Transcript::Model& model() const { return model_; }
  const text::ByteLevelBpe& tokenizer() const { return tokenizer_; }
  audio::LogMel new_spectrum() const { return audio::LogMel::like(spectrum_); }

  void encode(std::span<Transcript* const> batch, int layers);
  void step(std::span<Transcript* const> batch);

 private:
  Transcript::Model model_;
  text::ByteLevelBpe tokenizer_;
  audio::LogMel spectrum_;  // an empty one, for its tables
  std::unique_ptr<Network> network_;
  RecognizerInfo info_;
  std::vector<float> logits_;  // two rows for each of a step, kept from step to step
};

namespace {

Transcript::Model read_model(const std::filesystem::path& folder) {
  Config config = Config::read(folder);
  Generation generation = Generation::read(folder, config);
  DecodingRules rules(generation, config.vocab_size);
  return {config, std::move(generation), std::move(rules)};
}

}  // namespace

Recognizer::Impl::Impl(const std::filesystem::path& folder, const LoadOptions& options)
    : model_(read_model(folder)),
      tokenizer_(text::ByteLevelBpe::open(folder / "tokenizer.json")),
      spectrum_(model_.config.num_mel_bins) {
  const weights::Weights weights = weights::Weights::open(folder);
  const bool kernels = options.device == "cpu" && !options.exact && cpu_network_supports(model_.config);
  network_ = kernels ? load_cpu_network(model_.config, weights, options.threads)
                     : load_aten_network(model_.config, weights, options.device);
  info_.sample_rate_hz = audio::LogMel::sample_rate_hz;
  info_.vocabulary = model_.config.vocab_size;
  info_.multilingual = !model_.generation.languages.empty();
  for (const auto& [code, id] : model_.generation.languages) info_.languages.push_back(code);
  if (!info_.multilingual) info_.languages = {"en"};
  info_.weight_bytes = network_->weight_bytes();
}

void Recognizer::Impl::encode(std::span<Transcript* const> batch, int layers) {
  if (batch.empty()) return;
  const int first = batch[0]->next_layer(), count = std::min(layers, batch[0]->layers_left());
  std::vector<std::vector<float>> features(batch.size());
  std::vector<EncoderRow> rows;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (first == 0) features[i] = batch[i]->features();
    rows.push_back({.features = features[i], .state = batch[i]->encoder_state()});
  }
  network_->encode(rows, batch[0]->positions(), first, count);
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->encoded(std::move(rows[i]), count);
}

void Recognizer::Impl::step(std::span<Transcript* const> batch) {
  const auto vocabulary = static_cast<std::size_t>(model_.config.vocab_size);
  if (logits_.size() < 2 * batch.size() * vocabulary) logits_.resize(2 * batch.size() * vocabulary);
  std::vector<std::vector<int>> tokens;
  std::vector<DecoderRow> rows;
  tokens.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::span<float> logits(&logits_[2 * i * vocabulary], 2 * vocabulary);
    tokens.push_back(batch[i]->next_tokens());
    rows.push_back({&batch[i]->window(), tokens.back(), logits.first(vocabulary),
                    batch[i]->at_start() ? logits.last(vocabulary) : std::span<float>{}});
  }
  network_->decode(rows);
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->decoded(rows[i].logits, rows[i].first_logits);
}

Recognizer::Recognizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recognizer::~Recognizer() = default;
Recognizer::Recognizer(Recognizer&&) noexcept = default;
Recognizer& Recognizer::operator=(Recognizer&&) noexcept = default;

Recognizer Recognizer::load(const std::filesystem::path& folder, const LoadOptions& options) {
  return Recognizer(std::make_unique<Impl>(folder, options));
}

const RecognizerInfo& Recognizer::info() const { return impl_->info(); }

Utterance Recognizer::new_utterance() const {
  return Utterance(std::make_unique<Utterance::State>(Utterance::State{impl_->new_spectrum()}));
}

Recognition Recognizer::begin(const Utterance& utterance, const RecognitionOptions& options) const {
  const std::vector<std::string>& known = info().languages;
  if (!options.language.empty() && std::find(known.begin(), known.end(), options.language) == known.end())
    throw std::invalid_argument("the speech recognizer knows no language \"" + options.language +
                                "\"; expected an ISO 639-1 code like \"en\", or \"\" to detect it");
  return Recognition(std::make_unique<Recognition::State>(
      Recognition::State{Transcript(impl_->model(), utterance.state_->spectrum.spectrum(),
                                    info().multilingual ? options.language : "en", options.full_window),
                         &impl_->tokenizer()}));
}

int Recognizer::shape(const Recognition& recognition) const {
  return recognition.state_->transcript.positions();
}

int Recognizer::layers_left(const Recognition& recognition) const {
  return recognition.state_->transcript.layers_left();
}

void Recognizer::encode(std::span<Recognition* const> batch, int layers) {
  std::vector<Transcript*> transcripts;
  for (Recognition* recognition : batch) transcripts.push_back(&recognition->state_->transcript);
  impl_->encode(transcripts, layers);
}

void Recognizer::step(std::span<Recognition* const> batch) {
  std::vector<Transcript*> transcripts;
  for (Recognition* recognition : batch) transcripts.push_back(&recognition->state_->transcript);
  impl_->step(transcripts);
}

}  // namespace parley::whisper
