// The voice's two networks, float32, batch first, channels last.
//
// Prosody (pn): phonemes -> text encoder -> a duration for each, in steps of 25 ms; its features, repeated
// for their duration, go through dilated convolutions to F0 and energy, two frames of 12.5 ms a step. Decoder
// (m): phonemes -> a text encoder of its own, repeated for the same durations, with F0 and energy -> eight
// convolution blocks -> five spectra a frame. A frame sees decoder_reach() frames to each side and no more,
// so a stretch computed with that much around it is what it would be in the whole.
//
// A text encoder is two convolution blocks and one attention block that is applied several times. Nothing in
// it knows absolute positions; the attention sees the whole sentence.
//
// Tested by network_test.cpp against the original graph.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <vector>

#include "engine/models/starter/voice/config.hpp"

namespace parley::voice {

// Members are named after the checkpoint's tensors.
struct Linear {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;
  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }
};

struct LayerNorm {
  at::Tensor weight, bias;
  at::Tensor operator()(const at::Tensor& x) const {
    return at::layer_norm(x, {x.size(-1)}, weight, bias, 1e-5);
  }
};

// Convolution over time, "same" padding.
struct TimeConv {
  at::Tensor weight;  // [out, in / groups, 1, kernel]
  at::Tensor bias;
  int groups = 1;
  int dilation = 1;
  at::Tensor operator()(const at::Tensor& x) const;  // [batch, time, in] -> [batch, time, out]
};

// x + gamma * pw2(gelu(pw1(norm(dw(x)))))
struct ConvBlock {
  TimeConv dw;
  LayerNorm norm;
  Linear pw1, pw2;
  at::Tensor gamma;
  at::Tensor operator()(const at::Tensor& x) const;
};

// Pre-norm attention and feed-forward.
struct AttentionBlock {
  LayerNorm norm1, norm2;
  Linear in_proj, out_proj, linear1, linear2;
  int heads = 1;
  at::Tensor operator()(at::Tensor x) const;
};

struct TextEncoder {
  at::Tensor emb;
  std::vector<ConvBlock> convs;
  AttentionBlock attn;
  int passes = 1;
  LayerNorm norm;
  at::Tensor operator()(const at::Tensor& symbols) const;  // [batch, length] -> [batch, length, width]
};

class Network {
 public:
  // `model` is the safetensors file. Throws std::runtime_error when a tensor is missing, spare or of another
  // shape than the config says.
  Network(const NetworkConfig& config, const std::filesystem::path& model, at::Device device);

  struct Text {
    at::Tensor prosody;  // [1, length, prosody_text_width]
    at::Tensor decoder;  // [1, length, decoder_text_width]
    at::Tensor steps;    // [length] on the CPU: predicted duration, not rounded
  };
  Text encode(const std::vector<std::int64_t>& symbols) const;

  // Prosody features of each step -> [2 (F0 in Hz, energy), frames] on the CPU. Below about 40 Hz means
  // unvoiced.
  at::Tensor pitch(const at::Tensor& features) const;

  // The decoder's input: text features of each step, and F0 and energy of each frame -> [1, frames, text +
  // 2].
  at::Tensor decoder_input(const at::Tensor& text, const at::Tensor& f0, const at::Tensor& energy) const;

  // [batch, frames, text + 2] -> [batch, frames, 5, bins]: log magnitude and phase of the harmonics, log
  // magnitude of the noise, log magnitude and phase of the rest.
  at::Tensor decode(const at::Tensor& input) const;

  const NetworkConfig& config() const { return config_; }
  at::Device device() const { return device_; }

 private:
  struct Prosody {
    TextEncoder text;
    TimeConv dur0, dur2;
    Linear pro_in;
    std::vector<ConvBlock> pro;
    Linear pro_out;
  };
  struct Decoder {
    TextEncoder text;
    TimeConv dec_in;
    std::vector<ConvBlock> dec;
    LayerNorm dec_norm;
    Linear head;
  };

  NetworkConfig config_;
  at::Device device_;
  Prosody pn_;
  Decoder m_;
};

}  // namespace parley::voice
