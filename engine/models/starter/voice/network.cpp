#include "engine/models/starter/voice/network.hpp"

#include <string>

#include "engine/layers/tensor_of.hpp"
#include "engine/weights/weights.hpp"

namespace parley::voice {
namespace {

using at::Tensor;

// Builds layers from the checkpoint's tensors; int8 matrices come with one scale each.
class Reader {
 public:
  Reader(const std::filesystem::path& path, at::Device device)
      : weights_(weights::Weights::open(path)), device_(device) {}

  Tensor tensor(const std::string& name, const std::vector<std::int64_t>& shape) {
    weights::TensorView view = weights_.get(name, shape);
    Tensor values = layers::float_tensor_of(view);
    if (view.dtype == weights::Dtype::i8)
      values = values * layers::float_tensor_of(weights_.get(name + "_scale", {1}));
    return values.to(device_);
  }

  Linear linear(const std::string& name, int in, int out) {
    return {tensor(name + ".weight", {out, in}), tensor(name + ".bias", {out})};
  }

  // A 1x1 convolution is a linear layer over channels.
  Linear pointwise(const std::string& name, int in, int out) {
    return {tensor(name + ".weight", {out, in, 1}).squeeze(2), tensor(name + ".bias", {out})};
  }

  LayerNorm norm(const std::string& name, int width) {
    return {tensor(name + ".weight", {width}), tensor(name + ".bias", {width})};
  }

  TimeConv conv(const std::string& name, int in, int out, int kernel, int groups = 1, int dilation = 1) {
    Tensor weight = tensor(name + ".weight", {out, in / groups, kernel}).unsqueeze(2);
    return {weight.contiguous(at::MemoryFormat::ChannelsLast), tensor(name + ".bias", {out}), groups,
            dilation};
  }

  ConvBlock block(const std::string& name, int width, int inner, int kernel, int dilation = 1) {
    return {conv(name + ".dw", width, width, kernel, /*groups=*/width, dilation), norm(name + ".norm", width),
            linear(name + ".pw1", width, inner), linear(name + ".pw2", inner, width),
            tensor(name + ".gamma", {width})};
  }

  TextEncoder text_encoder(const std::string& name, const NetworkConfig& config, int width, int passes) {
    TextEncoder encoder;
    encoder.emb = tensor(name + ".emb.weight", {config.symbols, width});
    for (int i = 0; i < config.text_blocks; ++i)
      encoder.convs.push_back(
          block(name + ".convs." + std::to_string(i), width, 2 * width, config.text_kernel));
    std::string attn = name + ".attn.";
    encoder.attn = {norm(attn + "norm1", width),
                    norm(attn + "norm2", width),
                    {tensor(attn + "self_attn.in_proj_weight", {3 * width, width}),
                     tensor(attn + "self_attn.in_proj_bias", {3 * width})},
                    linear(attn + "self_attn.out_proj", width, width),
                    linear(attn + "linear1", width, 2 * width),
                    linear(attn + "linear2", 2 * width, width),
                    config.attention_heads};
    encoder.passes = passes;
    encoder.norm = norm(name + ".norm", width);
    return encoder;
  }

  void finish() const { weights_.finish(); }

 private:
  weights::Weights weights_;
  at::Device device_;
};

constexpr int inner_factor = 3;  // pw1 of the decoder's blocks; 2 elsewhere
constexpr int spectra = 5;
constexpr float energy_scale = 5.0F;  // the net's energy output, which the decoder reads unscaled

}  // namespace

Tensor TimeConv::operator()(const Tensor& x) const {
  // [batch, channels, 1, time] with channels innermost: a view in, a view out, nothing is transposed in
  // memory
  Tensor image = x.transpose(1, 2).unsqueeze(2);
  std::int64_t padding = (weight.size(3) - 1) / 2 * dilation;
  Tensor y = at::conv2d(image, weight, bias, /*stride=*/at::IntArrayRef{1, 1}, at::IntArrayRef{0, padding},
                        at::IntArrayRef{1, dilation}, groups);
  return y.squeeze(2).transpose(1, 2);
}

Tensor ConvBlock::operator()(const Tensor& x) const {
  return at::addcmul(x, gamma, pw2(at::gelu(pw1(norm(dw(x))))));
}

Tensor AttentionBlock::operator()(Tensor x) const {
  auto split = [this](const Tensor& t) {
    return t.unflatten(-1, {heads, -1}).transpose(1, 2);
  };  // [batch, heads, length, head]
  std::vector<Tensor> qkv = in_proj(norm1(x)).chunk(3, -1);
  Tensor mixed = at::scaled_dot_product_attention(split(qkv[0]), split(qkv[1]), split(qkv[2]));
  x = x + out_proj(mixed.transpose(1, 2).flatten(2));
  return x + linear2(at::gelu(linear1(norm2(x))));
}

Tensor TextEncoder::operator()(const Tensor& symbols) const {
  Tensor x = at::embedding(emb, symbols);
  for (const ConvBlock& conv : convs) x = conv(x);
  for (int pass = 0; pass < passes; ++pass) x = attn(x);
  return norm(x);
}

Network::Network(const NetworkConfig& config, const std::filesystem::path& model, at::Device device)
    : config_(config), device_(device) {
  Reader read(model, device);
  int text = config.prosody_text_width;
  pn_.text = read.text_encoder("pn.text", config, text, config.prosody_text_passes);
  pn_.dur0 = read.conv("pn.dur.0", text, text, 3);
  pn_.dur2 = read.conv("pn.dur.2", text, 1, 1);
  pn_.pro_in = read.pointwise("pn.pro_in", text, text);
  for (int i = 0; i < config.prosody_blocks; ++i)
    pn_.pro.push_back(read.block("pn.pro." + std::to_string(i), text, 2 * text, config.kernel,
                                 config.prosody_dilations[static_cast<std::size_t>(i)]));
  pn_.pro_out = read.pointwise("pn.pro_out", text, 2 * config.frames_per_step);

  int width = config.decoder_width;
  m_.text = read.text_encoder("m.text", config, config.decoder_text_width, config.decoder_text_passes);
  m_.dec_in = read.conv("m.dec_in", config.decoder_text_width + 2, width, config.kernel);
  for (int i = 0; i < config.decoder_blocks; ++i)
    m_.dec.push_back(read.block("m.dec." + std::to_string(i), width, inner_factor * width, config.kernel));
  m_.dec_norm = read.norm("m.dec_norm", width);
  m_.head = read.linear("m.head", width, spectra * config.bins);
  read.finish();
}

Network::Text Network::encode(const std::vector<std::int64_t>& symbols) const {
  Tensor ids = at::tensor(symbols).unsqueeze(0).to(device_);
  Tensor prosody = pn_.text(ids);
  Tensor duration = pn_.dur2(at::gelu(pn_.dur0(prosody)));  // [1, length, 1], log(1 + steps)
  return {prosody, m_.text(ids), at::expm1(duration).flatten().to(at::kCPU)};
}

Tensor Network::pitch(const Tensor& features) const {
  Tensor x = pn_.pro_in(features);
  for (const ConvBlock& block : pn_.pro) x = block(x);
  // a step's outputs are F0 of its frames, then energy of its frames
  Tensor y =
      pn_.pro_out(x).squeeze(0).unflatten(1, {2, config_.frames_per_step});  // [steps, 2, frames a step]
  y = y.transpose(0, 1).flatten(1).to(at::kCPU);                             // [2, frames]
  y[0].mul_(config_.f0_scale);
  y[1].mul_(energy_scale);
  return y;
}

Tensor Network::decoder_input(const Tensor& text, const Tensor& f0, const Tensor& energy) const {
  Tensor log_f0 = at::log1p(at::relu(f0)) / config_.decoder_f0_divisor;
  Tensor prosody = at::stack({log_f0, energy / energy_scale}, 1).unsqueeze(0).to(device_);
  return at::cat({text.repeat_interleave(config_.frames_per_step, 1), prosody}, 2);
}

Tensor Network::decode(const Tensor& input) const {
  Tensor x = m_.dec_in(input);
  for (const ConvBlock& block : m_.dec) x = block(x);
  return m_.head(m_.dec_norm(x)).unflatten(-1, {spectra, config_.bins});
}

}  // namespace parley::voice
