#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <stdexcept>

#include "engine/models/starter/voice/speech_text.hpp"
#include "engine/models/starter/voice/utterance.hpp"
#include "engine/models/starter/voice/voice_parts.hpp"

namespace parley::voice {
namespace {

constexpr double ms_a_sign = 65;  // of text, at speed 1: about 15 code points a second
constexpr double signs_a_word = 5.5;
constexpr float slowest = 0.25F;
constexpr float fastest = 1.5F;

std::int16_t pcm16(float sample) {
  return static_cast<std::int16_t>(std::lrint(std::clamp(sample, -1.0F, 1.0F) * 32767.0F));
}

}  // namespace

class SpeechStream::Impl {
 public:
  Impl(std::shared_ptr<const Voice> voice, const SpeechOptions& options)
      : voice_(std::move(voice)),
        parts_(*voice_->parts_),
        text_(parts_.phonemizer, parts_.config),
        seed_(options.seed) {
    const Timbre* timbre = parts_.timbre(options.timbre);
    if (!timbre) throw std::invalid_argument("unknown voice `" + options.timbre + "`");
    if (!(options.speed >= slowest && options.speed <= fastest))
      throw std::invalid_argument("speed must be from 0.25 to 1.5, got " + std::to_string(options.speed));
    if (!(options.liveliness >= 0 && options.liveliness <= 2))
      throw std::invalid_argument("liveliness must be from 0 to 2, got " +
                                  std::to_string(options.liveliness));
    style_ = {timbre->f0, timbre->stretch, timbre->range * options.liveliness};
    speed_ = timbre->speed * options.speed;
  }

  void push(std::string_view utf8) {
    if (utf8.empty()) return;
    pieces_.emplace_back(utf8);
    held_signs_ += signs_of(utf8);
    admit();
  }
  void finish() {
    finish_asked_ = true;
    admit();
  }

  double frame_ms() const {
    return 1000.0 * parts_.config.synthesis.hop / parts_.config.synthesis.sample_rate;
  }
  double rendered_ms() const { return 1000.0 * static_cast<double>(samples_) / speech_sample_rate_hz; }
  int rendered_tokens() const { return tokens_ + tokens_of_sentence(); }

  double pending_ms() const {
    double frames = utterance_ ? static_cast<double>(utterance_->ready_frames()) : 0;
    return frames * frame_ms() + static_cast<double>(unplanned_signs() + held_signs_) * ms_a_sign / speed_;
  }

  bool finished() const {
    return text_.finished() && !text_.has_sentence() && (!utterance_ || utterance_->done());
  }

  bool chunk_ready() const {
    if (finished() || stalled_) return false;
    if (text_.has_sentence() || (utterance_ && utterance_->complete() && !utterance_->done())) return true;
    std::size_t settled = text_.settled_count(parts_.settings.held_words);
    bool open = utterance_ && !utterance_->complete();
    if (!open) return settled >= static_cast<std::size_t>(first_chunk() ? parts_.settings.first_words : 1);
    double words = static_cast<double>(settled) - static_cast<double>(planned_words_);
    double ms = static_cast<double>(utterance_->ready_frames()) * frame_ms() +
                words * signs_a_word * ms_a_sign / speed_;
    return ms >= std::ldexp(parts_.settings.open_chunk_ms, std::clamp(chunks_ - 1, 0, 2));
  }

  std::int64_t chunk_frames() const {
    double ms = std::min(std::ldexp(parts_.settings.first_chunk_ms, std::min(chunks_, 8)),
                         parts_.settings.largest_chunk_ms);
    return std::max<std::int64_t>(1, std::llround(ms / frame_ms()));
  }

  // Sees to it that an utterance has frames to render, as far as the text allows.
  bool prepare() {
    while (true) {
      if (utterance_ && utterance_->done()) end_sentence();
      if (utterance_ && utterance_->complete()) return true;
      if (text_.has_sentence()) {
        plan(text_.take_sentence());
        continue;
      }
      std::size_t settled = text_.settled_count(parts_.settings.held_words);
      if (settled == 0 || settled == planned_words_) return utterance_ && utterance_->ready_frames() > 0;
      planned_words_ = settled;
      SpeechText::Words words = text_.open_words(parts_.settings.held_words);
      if (words.settled == 0) return utterance_ && utterance_->ready_frames() > 0;
      plan(std::move(words));
      return utterance_ && utterance_->ready_frames() > 0;
    }
  }

  at::Tensor window() {
    std::int64_t frames = chunk_frames();
    std::int64_t ready = utterance_->ready_frames();
    if (utterance_->complete() && ready < frames + frames / 2)
      frames = ready;  // no crumbs at a sentence's end
    return utterance_->window(frames);
  }

  void render(const at::Tensor& spectra, SpeechChunk& chunk) {
    int before = rendered_tokens();
    std::vector<float> samples = utterance_->render(spectra);
    chunk.pcm.reserve(samples.size());
    for (float sample : samples) chunk.pcm.push_back(pcm16(sample));
    for (const Utterance::Heard& heard : utterance_->take_heard()) {
      said_.push_back({sentence_samples_ + heard.samples, heard.text_end});
      cursor_ = std::max(cursor_, heard.text_end);
    }
    samples_ += static_cast<std::int64_t>(samples.size());
    ++chunks_;
    chunk.audio_tokens = rendered_tokens() - before;
    if (utterance_->done()) cursor_ = std::max(cursor_, sentence_text_end_);
    close(chunk);
  }

  void close(SpeechChunk& chunk) {
    if (finished()) cursor_ = text_.code_points();
    chunk.text_cursor = cursor_;
  }

  std::uint32_t text_at(double heard_ms) const {
    auto sample = static_cast<std::int64_t>(heard_ms / 1000.0 * speech_sample_rate_hz);
    auto next =
        std::upper_bound(said_.begin(), said_.end(), sample,
                         [](std::int64_t position, const Said& said) { return position < said.samples; });
    return next == said_.begin() ? 0 : std::prev(next)->text_end;
  }

  // After a render: what was held may now be looked at, as far as the next chunk needs.
  void rendered(const SpeechChunk& chunk) {
    stalled_ = chunk.pcm.empty() && !finished();
    admit();
  }

  const Network& network() const { return parts_.network; }
  bool on_gpu() const { return parts_.settings.cuda; }

 private:
  static std::size_t signs_of(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }

  // A chunk's prosody follows from all the text that is known when it is made. If that were all that happened
  // to be pushed by then, the same answer would sound different whenever the engine had other work in
  // between. So a piece of text is looked at only when the chunk before it cannot be made without it: what is
  // spoken follows from the pieces alone.
  void admit() {
    while (!chunk_ready()) {
      if (!pieces_.empty()) {
        held_signs_ -= signs_of(pieces_.front());
        text_.push(pieces_.front());
        pieces_.pop_front();
      } else if (finish_asked_ && !text_.finished()) {
        text_.finish();
      } else {
        return;
      }
      stalled_ = false;
    }
  }

  struct Said {
    std::int64_t samples;
    std::uint32_t text_end;
  };

  bool first_chunk() const { return chunks_ == 0; }
  int tokens_of_sentence() const { return utterance_ ? static_cast<int>(utterance_->spoken_symbols()) : 0; }

  std::size_t unplanned_signs() const {
    std::size_t waiting = text_.waiting_signs();
    bool open = utterance_ && !utterance_->complete();
    if (open && !text_.has_sentence()) {
      auto planned = static_cast<std::size_t>(static_cast<double>(planned_words_) * signs_a_word);
      waiting -= std::min(planned, waiting);
    }
    return waiting;
  }

  void plan(SpeechText::Words read) {
    std::vector<UtteranceWord> words;
    if (utterance_) {
      auto started = utterance_->words().begin();
      words.assign(started, started + static_cast<std::ptrdiff_t>(utterance_->started_words()));
    }
    // what is spoken, of this sentence or because it was broken late, is not said again
    std::uint32_t spoken = words.empty() ? cursor_ : words.back().text_end;
    std::size_t settled = 0;
    for (std::size_t i = 0; i < read.words.size(); ++i) {
      if (read.words[i].text_end > spoken) words.push_back(std::move(read.words[i]));
      if (i < read.settled) settled = words.size();
    }
    bool silent = std::all_of(words.begin(), words.end(),
                              [](const UtteranceWord& word) { return word.symbols.empty(); });
    sentence_text_end_ = read.text_end;
    if (silent) {
      if (read.complete) {
        cursor_ = std::max(cursor_, read.text_end);
        planned_words_ = 0;
      }
      return;
    }
    if (!utterance_) start_sentence();
    utterance_->plan(std::move(words), settled, read.complete);
  }

  void start_sentence() {
    Utterance::Options options{style_, speed_, std::nullopt,
                               seed_ + static_cast<std::uint64_t>(sentences_++)};
    double step_ms = frame_ms() * parts_.config.network.frames_per_step;
    if (first_chunk())
      options.lead_in_steps =
          std::max(1, static_cast<int>(std::lround(parts_.settings.lead_in_ms / step_ms)));
    utterance_.emplace(parts_.network, parts_.synthesis, options);
    sentence_samples_ = samples_;
  }

  void end_sentence() {
    tokens_ += tokens_of_sentence();
    utterance_.reset();
    planned_words_ = 0;
  }

  std::shared_ptr<const Voice> voice_;
  const Voice::Parts& parts_;
  SpeechText text_;
  std::deque<std::string> pieces_;  // pushed and not looked at yet
  std::size_t held_signs_ = 0;      // code points in them
  bool finish_asked_ = false;
  bool stalled_ = false;  // the last render brought nothing: more text is needed
  Style style_;
  float speed_ = 1;
  std::uint64_t seed_ = 0;

  std::optional<Utterance> utterance_;
  std::size_t planned_words_ = 0;  // settled words of the open sentence when it was last planned
  std::uint32_t sentence_text_end_ = 0;
  std::int64_t sentence_samples_ = 0;  // of the turn, before the current sentence
  int sentences_ = 0;
  int chunks_ = 0;
  int tokens_ = 0;  // of the sentences that are over
  std::int64_t samples_ = 0;
  std::uint32_t cursor_ = 0;
  std::vector<Said> said_;
};

SpeechStream::SpeechStream(std::shared_ptr<const Voice> voice, const SpeechOptions& options)
    : impl_(std::make_unique<Impl>(std::move(voice), options)) {}
SpeechStream::~SpeechStream() = default;
SpeechStream::SpeechStream(SpeechStream&&) noexcept = default;
SpeechStream& SpeechStream::operator=(SpeechStream&&) noexcept = default;

void SpeechStream::push_text(std::string_view text) { impl_->push(text); }
void SpeechStream::finish_text() { impl_->finish(); }
double SpeechStream::pending_ms() const { return impl_->pending_ms(); }
double SpeechStream::rendered_ms() const { return impl_->rendered_ms(); }
int SpeechStream::pending_tokens() const { return static_cast<int>(impl_->pending_ms() / ms_a_sign); }
int SpeechStream::rendered_tokens() const { return impl_->rendered_tokens(); }
bool SpeechStream::chunk_ready() const { return impl_->chunk_ready(); }
int SpeechStream::chunk_frames() const { return static_cast<int>(impl_->chunk_frames()); }
bool SpeechStream::finished() const { return impl_->finished(); }
std::uint32_t SpeechStream::text_at(double heard_ms) const { return impl_->text_at(heard_ms); }

SpeechChunk SpeechStream::render() {
  SpeechStream* self = this;
  return std::move(render({&self, 1}).front());
}

std::vector<SpeechChunk> SpeechStream::render(std::span<SpeechStream* const> streams) {
  c10::InferenceMode inference;
  std::vector<SpeechChunk> chunks(streams.size());
  struct Waiting {
    std::size_t stream;
    at::Tensor window;
  };
  // Windows of equal length share a pass on a GPU. On a processor a pass of several saves nothing, and its
  // sums come out a little different, which would make an answer depend on its neighbours.
  std::map<std::pair<std::int64_t, std::size_t>, std::vector<Waiting>> passes;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    Impl& impl = *streams[i]->impl_;
    if (impl.prepare()) {
      at::Tensor window = impl.window();
      const std::size_t pass = impl.on_gpu() ? 0 : i;
      passes[{window.size(1), pass}].push_back({i, std::move(window)});
    } else {
      impl.close(chunks[i]);
    }
  }
  for (const auto& [pass, waiting] : passes) {
    std::vector<at::Tensor> windows;
    for (const Waiting& one : waiting) windows.push_back(one.window);
    at::Tensor input = windows.size() == 1 ? windows[0] : at::cat(windows, 0);
    at::Tensor spectra = streams[waiting[0].stream]->impl_->network().decode(input);
    for (std::size_t i = 0; i < waiting.size(); ++i)
      streams[waiting[i].stream]->impl_->render(spectra[static_cast<std::int64_t>(i)],
                                                chunks[waiting[i].stream]);
  }
  for (std::size_t i = 0; i < streams.size(); ++i) streams[i]->impl_->rendered(chunks[i]);
  return chunks;
}

}  // namespace parley::voice
