#include "engine/models/starter/voice/utterance.hpp"

#include <algorithm>
#include <cmath>

namespace parley::voice {
namespace {

using at::Tensor;

constexpr std::int64_t pause_symbol = 0;       // before and after a sentence
constexpr std::int64_t blended_frames = 4;     // 50 ms, the length of one analysis window
constexpr std::int64_t lead_back_frames = 24;  // 300 ms
constexpr std::int64_t pitch_piece = 120;      // steps computed at once, 3 s
constexpr float voiced_hz = 60;                // where a comparison of two pitches means something

}  // namespace

Utterance::Utterance(const Network& network, const Synthesis& synthesis, const Options& options)
    : network_(&network), options_(options), wave_(synthesis, options.style, options.seed) {}

void Utterance::plan(std::vector<UtteranceWord> words, std::size_t settled, bool complete) {
  words_ = std::move(words);
  complete_ = complete;
  std::int64_t fixed_symbols = 0;
  while (fixed_symbols < static_cast<std::int64_t>(symbols_.size()) &&
         (fixed_symbols == 0 ? 0 : symbol_end_frame(static_cast<std::size_t>(fixed_symbols - 1))) <
             fixed_frames())
    ++fixed_symbols;

  symbols_.assign(1, pause_symbol);
  for (const UtteranceWord& word : words_)
    symbols_.insert(symbols_.end(), word.symbols.begin(), word.symbols.end());
  if (complete_) symbols_.push_back(pause_symbol);
  lay_out(network_->encode(symbols_), fixed_symbols, nullptr);

  std::size_t speakable = 1;
  for (std::size_t i = 0; i < settled && i < words_.size(); ++i) speakable += words_[i].symbols.size();
  limit_ = std::max(rendered_, symbol_end_frame(complete_ ? symbols_.size() - 1 : speakable - 1));
}

void Utterance::plan_with(std::vector<UtteranceWord> words, const std::vector<std::int64_t>& steps) {
  words_ = std::move(words);
  complete_ = true;
  symbols_.assign(1, pause_symbol);
  for (const UtteranceWord& word : words_)
    symbols_.insert(symbols_.end(), word.symbols.begin(), word.symbols.end());
  symbols_.push_back(pause_symbol);
  lay_out(network_->encode(symbols_), 0, &steps);
  limit_ = symbol_end_frame(symbols_.size() - 1);
}

std::int64_t Utterance::symbol_end_frame(std::size_t symbol) const {
  return end_steps_[symbol] * network_->config().frames_per_step;
}

// Durations, and the text features of every step. The first symbols keep the durations that they have.
void Utterance::lay_out(const Network::Text& text, std::int64_t fixed_symbols,
                        const std::vector<std::int64_t>* given) {
  auto predicted = text.steps.contiguous();
  const float* steps = predicted.data_ptr<float>();
  auto symbols = static_cast<std::int64_t>(symbols_.size());
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i < symbols; ++i) {
    std::int64_t count = std::max<std::int64_t>(1, std::llrint(steps[i] / options_.speed));
    if (i == 0 && options_.lead_in_steps) count = std::min<std::int64_t>(count, *options_.lead_in_steps);
    if (given) count = (*given)[static_cast<std::size_t>(i)];
    auto index = static_cast<std::size_t>(i);
    if (i < fixed_symbols) count = end_steps_[index] - (i == 0 ? 0 : end_steps_[index - 1]);
    counts.push_back(count);
  }
  end_steps_.resize(counts.size());
  std::int64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) end_steps_[i] = total += counts[i];

  Tensor repeats = at::tensor(counts).to(network_->device());
  prosody_ = text.prosody.repeat_interleave(repeats, 1);
  decoder_text_ = text.decoder.repeat_interleave(repeats, 1);

  replanned_ = rendered_ > 0;
  join_ = std::min(fixed_frames(), static_cast<std::int64_t>(f0_.size()));
  f0_.resize(static_cast<std::size_t>(join_));
  energy_.resize(static_cast<std::size_t>(join_));
}

// F0 and energy at least up to `frames`, a few seconds at a time.
void Utterance::extend_pitch(std::int64_t frames) {
  std::int64_t per_step = network_->config().frames_per_step;
  std::int64_t total = prosody_.size(1);
  auto known = static_cast<std::int64_t>(f0_.size());
  while (known < std::min(frames, total * per_step)) {
    std::int64_t begin = known / per_step;
    std::int64_t end = total - begin < 2 * pitch_piece ? total : begin + pitch_piece;
    std::int64_t reach = network_->config().prosody_reach();
    // one step before the join is looked at to lead the pitch back
    std::int64_t from = std::max<std::int64_t>(0, begin - reach - 1);
    std::int64_t to = std::min(total, end + reach);
    Tensor pitch = network_->pitch(prosody_.slice(1, from, to)).contiguous();  // [2, frames]
    if (known == join_ && join_ > 0) lead_back(pitch, from * per_step);
    const float* f0 = pitch.data_ptr<float>();
    const float* energy = f0 + pitch.size(1);
    f0_.insert(f0_.end(), f0 + (known - from * per_step), f0 + (end - from) * per_step);
    energy_.insert(energy_.end(), energy + (known - from * per_step), energy + (end - from) * per_step);
    known = end * per_step;
  }
}

// Where this plan starts, its pitch and energy may differ from those that were heard; the difference fades
// out.
void Utterance::lead_back(Tensor& pitch, std::int64_t begin) const {
  auto last_heard = static_cast<std::size_t>(join_ - 1);
  auto f0 = pitch[0];
  auto energy = pitch[1];
  float* hz = f0.data_ptr<float>();
  float* strength = energy.data_ptr<float>();
  std::int64_t at = join_ - begin;
  bool voiced = f0_[last_heard] > voiced_hz && hz[at - 1] > voiced_hz;
  float ratio = voiced ? std::log(f0_[last_heard] / hz[at - 1]) : 0.0F;
  float difference = energy_[last_heard] - strength[at - 1];
  for (std::int64_t i = 0; i < lead_back_frames && at + i < pitch.size(1); ++i) {
    float share = 1.0F - static_cast<float>(i + 1) / (lead_back_frames + 1);
    hz[at + i] *= std::exp(ratio * share);
    strength[at + i] += difference * share;
  }
}

std::size_t Utterance::started_words() const {
  std::size_t symbol = 1;
  std::size_t word = 0;
  if (end_steps_.empty()) return 0;
  while (word < words_.size() && symbol_end_frame(symbol - 1) < fixed_frames())
    symbol += words_[word++].symbols.size();
  return word;
}

Tensor Utterance::window(std::int64_t frames) {
  std::int64_t per_step = network_->config().frames_per_step;
  std::int64_t reach = network_->config().decoder_reach();
  std::int64_t total = prosody_.size(1) * per_step;
  window_frames_ = std::min(frames, limit_ - rendered_);
  std::int64_t ahead = complete_ ? 0 : blended_frames;
  std::int64_t begin = std::max<std::int64_t>(0, rendered_ - reach);
  std::int64_t end = std::min(total, rendered_ + window_frames_ + ahead + reach);
  extend_pitch(end);
  window_begin_ = begin - begin % per_step;
  std::int64_t end_step = (end + per_step - 1) / per_step;
  Tensor text = decoder_text_.slice(1, window_begin_ / per_step, end_step);
  std::int64_t length = end_step * per_step - window_begin_;
  auto stretch = [&](std::vector<float>& values) {
    return at::from_blob(values.data() + window_begin_, {length}, at::kFloat);
  };
  return network_->decoder_input(text, stretch(f0_), stretch(energy_));
}

std::vector<float> Utterance::render(const Tensor& spectra) {
  std::int64_t skip = rendered_ - window_begin_;
  Tensor next = spectra.slice(0, skip, skip + window_frames_);
  if (replanned_ && blend_.defined()) {
    std::int64_t count = std::min(blend_.size(0), next.size(0));
    Tensor share =
        at::arange(1, count + 1, next.options()).div_(static_cast<double>(count + 1)).view({-1, 1, 1});
    next = at::cat(
        {at::lerp(blend_.slice(0, 0, count), next.slice(0, 0, count), share), next.slice(0, count)}, 0);
  }
  replanned_ = false;
  blend_ = complete_
               ? Tensor()
               : spectra.slice(0, skip + window_frames_, skip + window_frames_ + blended_frames).clone();
  rendered_ += window_frames_;
  return wave_.render(next, f0_, done());
}

std::vector<Utterance::Heard> Utterance::take_heard() {
  std::vector<Heard> heard;
  std::size_t symbol = 1;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    std::size_t said = std::max<std::size_t>(words_[i].said_symbols, 1);
    std::int64_t end =
        words_[i].symbols.empty() ? symbol_end_frame(symbol - 1) : symbol_end_frame(symbol + said - 1);
    if (end > rendered_) break;
    if (i >= heard_words_) {
      heard.push_back({end * wave_.hop(), words_[i].text_end});
      heard_words_ = i + 1;
    }
    symbol += words_[i].symbols.size();
  }
  return heard;
}

std::size_t Utterance::spoken_symbols() const {
  std::size_t count = 0;
  while (count < end_steps_.size() && symbol_end_frame(count) <= rendered_) ++count;
  return count;
}

}  // namespace parley::voice
