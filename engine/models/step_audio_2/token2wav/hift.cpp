#include "engine/models/step_audio_2/token2wav/hift.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;
using layers::Placement;
using weights::Weights;

constexpr double stage_slope = 0.1;  // of the leaky ReLUs between the stages
constexpr double last_slope = 0.01;  // of the one before conv_post
constexpr double largest_magnitude = 100;
constexpr double loudest_sample = 0.99;
constexpr double snake_epsilon = 1e-9;

int count_of(const Weights& weights, const std::string& name, const char* tensor) {
  int count = 0;
  while (weights.has(name + "." + std::to_string(count) + "." + tensor)) ++count;
  return count;
}

template <typename Layer, typename... Arguments>
std::vector<Layer> layers_of(const Weights& weights, const std::string& name, std::span<const int> widths,
                             const Arguments&... arguments) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < widths.size(); ++i)
    layers.emplace_back(weights.scope(name + "." + std::to_string(i)), widths[i], arguments...);
  return layers;
}

// A frame of the source's spectrum has so many numbers: n_fft + 2.
int spectrum_width(const PackedConv& conv_post) { return conv_post.out(); }

int n_fft_of(const PackedConv& conv_post) {
  return std::max(4, spectrum_width(conv_post) - 2);  // a missing tensor is told of later
}

// How many frames each stage makes of one.
std::vector<int> rates_of(const std::vector<Downsampling>& downs, int hop) {
  std::vector<int> rates;
  int all = hop;  // frames after the stages, and samples in one of them
  for (std::size_t i = 1; i < downs.size(); ++i) {
    rates.push_back(downs[i - 1].stride / downs[i].stride);
    all *= rates.back();
  }
  rates.insert(rates.begin(), all > 0 ? frame_samples / all : 0);
  int made = hop;
  for (const int rate : rates) made *= rate;
  if (made != frame_samples)
    throw std::runtime_error("the vocoder's stages do not make " + std::to_string(frame_samples) +
                             " samples of a mel frame; convert the model again");
  return rates;
}

std::vector<int> widths_of_stages(int base, std::size_t stages) {
  std::vector<int> widths;
  for (std::size_t i = 0; i < stages; ++i) widths.push_back(base >> (i + 1));
  return widths;
}

std::vector<Upsampling> ups_of(const Weights& weights, int base, const std::vector<int>& rates,
                               const Placement& placement) {
  std::vector<Upsampling> ups;
  for (std::size_t i = 0; i < rates.size(); ++i)
    ups.emplace_back(weights.scope("ups." + std::to_string(i)), base >> i, rates[i], placement);
  return ups;
}

std::vector<ResBlock> resblocks_of(const Weights& weights, int base, std::size_t stages, std::size_t kernels,
                                   const Placement& placement) {
  std::vector<ResBlock> blocks;
  for (std::size_t i = 0; i < stages * kernels; ++i)
    blocks.emplace_back(weights.scope("resblocks." + std::to_string(i)), base >> (i / kernels + 1),
                        placement);
  return blocks;
}

Tensor down_matrix(const Weights& weights, int in, const Placement& placement) {
  return layers::place(weights, "weight", {weights::any_size, in, weights::any_size}, placement);
}

}  // namespace

Snake::Snake(const Weights& weights, int width, const Placement& placement)
    : alpha(layers::place(weights, "alpha", {width}, placement)), inverse(1 / (alpha + snake_epsilon)) {}

Tensor Snake::operator()(const Tensor& x) const {
  return at::addcmul(x, (x * alpha).sin_().square_(), inverse);
}

ResBlock::ResBlock(const Weights& weights, int width, const Placement& placement) {
  const int depth = std::max(1, count_of(weights, "convs1", "weight"));
  for (int i = 0; i < depth; ++i) {
    const std::string number = "." + std::to_string(i);
    activations1.emplace_back(weights.scope("activations1" + number), width, placement);
    convs1.emplace_back(weights.scope("convs1" + number), /*dilation=*/2 * i + 1, placement);
    activations2.emplace_back(weights.scope("activations2" + number), width, placement);
    convs2.emplace_back(weights.scope("convs2" + number), /*dilation=*/1, placement);
  }
}

Tensor ResBlock::operator()(const Tensor& input) const {
  Tensor x = input;
  for (std::size_t i = 0; i < convs1.size(); ++i)
    x = convs2[i](activations2[i](convs1[i](activations1[i](x)))).add_(x);
  return x;
}

Upsampling::Upsampling(const Weights& weights, int in, int rate_, const Placement& placement) : rate(rate_) {
  const Tensor weight =
      layers::place(weights, "weight", {in, weights::any_size, weights::any_size}, placement);
  out = static_cast<int>(weight.size(1));
  taps = static_cast<int>(weight.size(2));
  bias = layers::place(weights, "bias", {out}, placement);
  const int whole = (taps + rate - 1) / rate * rate;  // taps, filled up with zeros
  const Tensor filled = at::constant_pad_nd(weight, {0, whole - taps});
  spread = PackedLinear(filled.permute({2, 1, 0}).flatten(0, 1).contiguous(), Tensor());
}

Tensor Upsampling::operator()(const Tensor& x) const {
  const std::int64_t time = x.size(0);
  const Tensor spread_out = spread(x);  // [time, whole taps * out]
  const std::int64_t width = static_cast<std::int64_t>(rate) * out, parts = spread_out.size(1) / width;
  Tensor sum = at::zeros({time + parts - 1, width}, x.options());
  for (std::int64_t part = 0; part < parts; ++part)
    sum.narrow(0, part, time).add_(spread_out.narrow(1, part * width, width));
  const std::int64_t cut = (taps - rate) / 2;  // the transposed convolution's padding
  return sum.view({-1, out}).narrow(0, cut, rate * time) + bias;
}

Downsampling::Downsampling(const Weights& weights, int in, const Placement& placement) {
  const Tensor weight = down_matrix(weights, in, placement);
  taps = static_cast<int>(weight.size(2));
  stride = std::max(1, taps / 2);
  linear = PackedLinear(weight.transpose(1, 2).flatten(1).contiguous(),
                        layers::place(weights, "bias", {weight.size(0)}, placement));
}

Tensor Downsampling::operator()(const Tensor& x) const {
  const std::int64_t padding = taps == 1 ? 0 : stride / 2, width = x.size(1);
  const Tensor padded = at::constant_pad_nd(x, {0, 0, padding, padding});
  const std::int64_t places = (padded.size(0) - taps) / stride + 1;
  return linear(padded.as_strided({places, taps * width}, {stride * width, 1}, padded.storage_offset()));
}

Hift::Hift(const Weights& weights, const Placement& placement)
    : f0_predictor(weights.scope("f0_predictor"), placement),
      m_source(weights.scope("m_source"), frame_samples, placement),
      conv_pre(weights.scope("conv_pre"), /*dilation=*/1, placement),
      conv_post(weights.scope("conv_post"), /*dilation=*/1, placement),
      kernels_(0),
      spectrum_(n_fft_of(conv_post), placement.device) {
  const int base = conv_pre.out();
  const auto stages = static_cast<std::size_t>(std::max(1, count_of(weights, "ups", "weight")));
  kernels_ =
      static_cast<std::size_t>(std::max(1, count_of(weights, "resblocks", "convs1.0.weight"))) / stages;
  const std::vector<int> inputs(stages, spectrum_width(conv_post));
  source_downs = layers_of<Downsampling>(weights, "source_downs", inputs, placement);
  source_resblocks =
      layers_of<ResBlock>(weights, "source_resblocks", widths_of_stages(base, stages), placement);
  ups = ups_of(weights, base, rates_of(source_downs, spectrum_.hop()), placement);
  resblocks = resblocks_of(weights, base, stages, kernels_, placement);
}

Tensor Hift::source_of(Job& job) const {
  const Tensor f0 = f0_predictor(job.mel);
  const std::int64_t given = job.source_head.defined() ? job.source_head.size(0) : 0;
  if (job.as_reference) {
    Tensor source = m_source.as_reference(f0, job.noise);
    if (given > 0) source.narrow(0, 0, given).copy_(job.source_head);
    return source;
  }
  const std::int64_t frames = given / frame_samples;
  const Tensor source = m_source.continue_from(job.turns, f0.slice(0, frames), job.noise.slice(0, given));
  return given > 0 ? at::cat({job.source_head, source}) : source;
}

Tensor Hift::upsampled(const Tensor& x, std::size_t stage) const {
  const Tensor up = ups[stage](at::leaky_relu(x, stage_slope));
  // the spectrum has a frame more than the stages make: it is centred on both ends
  return stage + 1 < ups.size() ? up : at::cat({up.narrow(0, 1, 1), up});
}

Tensor Hift::speech_of(const Tensor& x) const {
  const Tensor out = conv_post(at::leaky_relu(x, last_slope));
  const std::int64_t bins = out.size(1) / 2;
  const Tensor magnitudes = out.narrow(1, 0, bins).exp().clamp_max(largest_magnitude);
  return spectrum_.synthesise(magnitudes, out.narrow(1, bins, bins).sin())
      .clamp(-loudest_sample, loudest_sample);
}

void Hift::run(Crew& crew, std::span<Job> jobs) const {
  const std::size_t stages = ups.size();
  std::vector<Tensor> spectra(jobs.size()), x(jobs.size());
  crew.run(static_cast<int>(jobs.size()), [&](int task) {
    const auto job = static_cast<std::size_t>(task);
    jobs[job].source = source_of(jobs[job]);
    spectra[job] = spectrum_.analyse(jobs[job].source);
  });
  // The sources' branches do not depend on the mel's; the last stage's takes longest.
  std::vector<Tensor> branches(jobs.size() * stages);
  crew.run(static_cast<int>(jobs.size() * (stages + 1)), [&](int task) {
    const std::size_t job = static_cast<std::size_t>(task) % jobs.size();
    const std::size_t part = static_cast<std::size_t>(task) / jobs.size();
    if (part == stages) {
      x[job] = upsampled(conv_pre(jobs[job].mel), 0);
      return;
    }
    const std::size_t stage = stages - 1 - part;
    branches[job * stages + stage] = source_resblocks[stage](source_downs[stage](spectra[job]));
  });
  std::vector<Tensor> answers(jobs.size() * kernels_);
  for (std::size_t stage = 0; stage < stages; ++stage) {
    crew.run(static_cast<int>(jobs.size()), [&](int task) {
      const auto job = static_cast<std::size_t>(task);
      if (stage > 0) x[job] = upsampled(x[job], stage);
      x[job].add_(branches[job * stages + stage]);
    });
    crew.run(static_cast<int>(answers.size()), [&](int task) {
      const std::size_t job = static_cast<std::size_t>(task) % jobs.size();
      const std::size_t kernel =
          kernels_ - 1 - static_cast<std::size_t>(task) / jobs.size();  // longest first
      answers[job * kernels_ + kernel] = resblocks[stage * kernels_ + kernel](x[job]);
    });
    for (std::size_t job = 0; job < jobs.size(); ++job) {
      const c10::InferenceMode inference;
      Tensor sum = answers[job * kernels_];
      for (std::size_t kernel = 1; kernel < kernels_; ++kernel) sum.add_(answers[job * kernels_ + kernel]);
      x[job] = sum.div_(static_cast<double>(kernels_));
    }
  }
  crew.run(static_cast<int>(jobs.size()), [&](int task) {
    const auto job = static_cast<std::size_t>(task);
    jobs[job].speech = speech_of(x[job]);
  });
}

}  // namespace parley::step_audio_2
