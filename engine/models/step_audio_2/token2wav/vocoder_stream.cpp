#include "engine/models/step_audio_2/token2wav/vocoder_stream.hpp"

#include <algorithm>
#include <numbers>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include "engine/models/step_audio_2/token2wav/noise.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

// The rising and the falling half of a symmetric Hamming window over twice the overlap.
std::pair<Tensor, Tensor> hamming_halves(const at::TensorOptions& options) {
  const Tensor places = at::arange(2 * held_back_samples, options);
  const Tensor window = 0.54 - 0.46 * (places * (2 * std::numbers::pi / (2 * held_back_samples - 1))).cos();
  return {window.narrow(0, 0, held_back_samples), window.narrow(0, held_back_samples, held_back_samples)};
}

// sin^2 and cos^2: they add up to one.
std::pair<Tensor, Tensor> squared_sine_halves(const at::TensorOptions& options) {
  const Tensor places = (at::arange(held_back_samples, options) + 0.5) / held_back_samples;
  const Tensor rising = (places * (std::numbers::pi / 2)).sin().square();
  return {rising, 1 - rising};
}

Tensor tail_of(const Tensor& x, std::int64_t count) { return x.narrow(0, x.size(0) - count, count).clone(); }

}  // namespace

Tensor SourceNoise::frames(std::size_t call, std::int64_t first_frame, std::int64_t count, int harmonics,
                           const at::TensorOptions& options) const {
  const Tensor values = at::empty({count * frame_samples, harmonics}, at::kFloat);
  if (given.empty()) {
    fill_normal(seed, static_cast<std::uint64_t>(first_frame * frame_samples * harmonics),
                {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    return values.to(options);
  }
  if (call >= given.size() || given[call].size() != static_cast<std::size_t>(values.numel()))
    throw std::invalid_argument("call " + std::to_string(call) + " of the vocoder needs " +
                                std::to_string(values.numel()) +
                                " numbers of source noise, and other noise was given: give what " +
                                std::to_string(count) + " frames take");
  std::copy(given[call].begin(), given[call].end(), values.mutable_data_ptr<float>());
  return values.to(options);
}

VocoderStream::VocoderStream(SourceNoise noise, bool as_reference, const Tensor& no_turns)
    : noise_(std::move(noise)), as_reference_(as_reference), turns_(no_turns) {
  std::tie(fade_in_, fade_out_) =
      as_reference ? hamming_halves(no_turns.options()) : squared_sine_halves(no_turns.options());
}

Hift::Job VocoderStream::job(const Tensor& mel, int harmonics) const {
  const Tensor heard = mel_tail_.defined() ? at::cat({mel_tail_, mel}) : mel;
  const std::int64_t first = frames_ - (mel_tail_.defined() ? held_back_frames : 0);
  return {.mel = heard,
          .noise = noise_.frames(calls_, first, heard.size(0), harmonics, mel.options()),
          .source_head = source_tail_,
          .as_reference = as_reference_,
          .turns = turns_,
          .source = {},
          .speech = {}};
}

VocoderStream::Change VocoderStream::finish(const Hift::Job& done, bool last) const {
  Tensor speech = done.speech;
  if (speech_tail_.defined()) {
    const Tensor again = speech.narrow(0, 0, held_back_samples);
    const Tensor faded = again * fade_in_ + speech_tail_ * fade_out_;
    speech = at::cat({faded.to(at::kFloat), speech.slice(0, held_back_samples)});
  }
  Change change{.samples = speech,
                .mel_tail = {},
                .source_tail = {},
                .speech_tail = {},
                .turns = done.turns,
                .frames = done.mel.size(0) - (mel_tail_.defined() ? held_back_frames : 0)};
  if (last) return change;
  if (done.mel.size(0) < held_back_frames)
    throw std::invalid_argument("a chunk that is not the last has " + std::to_string(done.mel.size(0)) +
                                " mel frames, and the vocoder holds back " +
                                std::to_string(held_back_frames) + ": make the first chunk longer");
  change.mel_tail = tail_of(done.mel, held_back_frames);
  change.source_tail = tail_of(done.source, held_back_samples);
  change.speech_tail = tail_of(speech, held_back_samples);
  change.samples = speech.slice(0, 0, -held_back_samples);
  return change;
}

void VocoderStream::commit(Change change) {
  ++calls_;
  frames_ += change.frames;
  mel_tail_ = std::move(change.mel_tail);
  source_tail_ = std::move(change.source_tail);
  speech_tail_ = std::move(change.speech_tail);
  turns_ = std::move(change.turns);
}

}  // namespace parley::step_audio_2
