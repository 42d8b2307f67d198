#include "engine/audio/voice_activity.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/audio/accumulate.hpp"
#include "engine/weights/safetensors.hpp"
#include "engine/weights/transposed.hpp"

namespace parley::audio {
namespace {

constexpr int fft_size = 256;
constexpr int hop = 128;
constexpr int spectrum_bins = fft_size / 2 + 1;
constexpr int frames = 4;  // of a window with its context and 64 reflected samples after it
constexpr int padded = 64 + 512 + 64;
// Cosines and sines of all spectrum_bins, filled up to whole lanes.
constexpr std::size_t spectrum_width =
    (2 * spectrum_bins + accumulate_lanes - 1) / accumulate_lanes * accumulate_lanes;

std::vector<float> values(const weights::Safetensors& file, const std::string& name,
                          const std::vector<std::int64_t>& shape) {
  const weights::TensorView& tensor = file.at(name);
  if (tensor.dtype != weights::Dtype::f32 || tensor.shape != shape)
    throw std::runtime_error(file.path().string() + ": expected " + name + " to be F32 " +
                             weights::to_string(shape) + ", found " + std::string(name_of(tensor.dtype)) +
                             " " + weights::to_string(tensor.shape));
  std::vector<float> copy(tensor.bytes.size() / sizeof(float));
  std::memcpy(copy.data(), tensor.bytes.data(), tensor.bytes.size());
  return copy;
}

float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

}  // namespace

std::shared_ptr<const VoiceActivityNet> VoiceActivityNet::load(const std::filesystem::path& folder) {
  weights::Safetensors file(folder / "model.safetensors");
  auto net = std::make_shared<VoiceActivityNet>();
  std::vector<float> spectrum = values(file, "stft_conv.weight", {2 * spectrum_bins, 1, fft_size});
  spectrum.resize(spectrum_width * fft_size);
  net->spectrum_ = weights::transposed(spectrum, spectrum_width);

  struct Shape {
    int inputs, outputs, stride;
  };
  constexpr std::array<Shape, 4> shapes{{{spectrum_bins, 128, 1}, {128, 64, 2}, {64, 64, 2}, {64, 128, 1}}};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    auto [inputs, outputs, stride] = shapes[i];
    std::string name = "conv" + std::to_string(i + 1);
    std::vector<float> weight = values(file, name + ".weight", {outputs, inputs, 3});
    Convolution& convolution = net->convolutions_[i];
    convolution = {inputs, outputs, stride, std::vector<float>(weight.size()),
                   values(file, name + ".bias", {outputs})};
    for (int o = 0; o < outputs; ++o)
      for (int in = 0; in < inputs; ++in)
        for (int tap = 0; tap < 3; ++tap)
          convolution.weight[static_cast<std::size_t>((tap * inputs + in) * outputs + o)] =
              weight[static_cast<std::size_t>((o * inputs + in) * 3 + tap)];
  }

  net->lstm_input_ = weights::transposed(values(file, "lstm_cell.weight_ih", {512, 128}), 512);
  net->lstm_hidden_ = weights::transposed(values(file, "lstm_cell.weight_hh", {512, 128}), 512);
  net->lstm_bias_ = values(file, "lstm_cell.bias_ih", {512});
  std::vector<float> hidden_bias = values(file, "lstm_cell.bias_hh", {512});
  for (std::size_t i = 0; i < hidden_bias.size(); ++i) net->lstm_bias_[i] += hidden_bias[i];
  net->output_ = values(file, "final_conv.weight", {1, 128, 1});
  net->output_bias_ = values(file, "final_conv.bias", {1})[0];
  return net;
}

void VoiceActivity::reset() {
  context_.fill(0);
  hidden_.fill(0);
  cell_.fill(0);
}

float VoiceActivity::probability(std::span<const float, window_samples> window) {
  std::array<float, padded> samples;
  std::copy(context_.begin(), context_.end(), samples.begin());
  std::copy(window.begin(), window.end(), samples.begin() + context_samples);
  for (std::size_t i = 0; i < 64; ++i)
    samples[576 + i] = samples[574 - i];  // reflected about the last sample
  std::copy(window.end() - context_samples, window.end(), context_.begin());

  std::array<float, frames * 129> input{};  // [time, channels], large enough for every layer
  for (int t = 0; t < frames; ++t) {
    std::array<float, spectrum_width> parts{};
    audio::accumulate(parts, std::span(samples).subspan(static_cast<std::size_t>(t * hop), fft_size),
                      net_->spectrum_.data());
    for (std::size_t b = 0; b < spectrum_bins; ++b)
      input[static_cast<std::size_t>(t) * spectrum_bins + b] =
          std::sqrt(parts[b] * parts[b] + parts[spectrum_bins + b] * parts[spectrum_bins + b]);
  }

  int length = frames;
  for (const auto& convolution : net_->convolutions_) {  // kernel 3, one step of zeros on both sides
    auto inputs = static_cast<std::size_t>(convolution.inputs);
    auto outputs = static_cast<std::size_t>(convolution.outputs);
    int out_length = (length - 1) / convolution.stride + 1;
    std::array<float, frames * 129> output{};
    for (int t = 0; t < out_length; ++t) {
      std::span<float> row = std::span(output).subspan(static_cast<std::size_t>(t) * outputs, outputs);
      std::copy(convolution.bias.begin(), convolution.bias.end(), row.begin());
      for (int tap = 0; tap < 3; ++tap) {
        int from = t * convolution.stride + tap - 1;
        if (from < 0 || from >= length) continue;
        audio::accumulate(row, std::span(input).subspan(static_cast<std::size_t>(from) * inputs, inputs),
                          &convolution.weight[static_cast<std::size_t>(tap) * inputs * outputs]);
      }
      for (float& value : row) value = std::max(value, 0.0F);
    }
    input = output;
    length = out_length;
  }

  std::array<float, 4 * width> gates;
  std::copy(net_->lstm_bias_.begin(), net_->lstm_bias_.end(), gates.begin());
  audio::accumulate(gates, std::span(input).first(width), net_->lstm_input_.data());
  audio::accumulate(gates, hidden_, net_->lstm_hidden_.data());
  float sum = net_->output_bias_;
  for (std::size_t i = 0; i < width; ++i) {
    cell_[i] = sigmoid(gates[width + i]) * cell_[i] + sigmoid(gates[i]) * std::tanh(gates[2 * width + i]);
    hidden_[i] = sigmoid(gates[3 * width + i]) * std::tanh(cell_[i]);
    sum += net_->output_[i] * std::max(hidden_[i], 0.0F);
  }
  return sigmoid(sum);
}

}  // namespace parley::audio
