// The vocoder, HiFTNet (Li et al. 2023): mel frames to samples, 480 a frame.
//
//   mel -> f0_predictor -> sine source -> its spectrum --+-------- into every stage ------+
//   mel -> conv_pre -> [ups -> + source branch -> mean of three resblocks] x 3 -> conv_post -> inverse
//   spectrum
//
// All sizes are read from the tensors' shapes: the rates of the stages from source_downs, whose kernels are
// twice as long as their strides, and from the 480 samples that all stages together make of a frame. Frames
// lie one after the other ([time, channels]), which is how oneDNN's convolutions run fastest.
//
// Tested by token2wav_parity_test.cpp.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <span>
#include <vector>

#include "engine/models/step_audio_2/token2wav/crew.hpp"
#include "engine/models/step_audio_2/token2wav/f0_predictor.hpp"
#include "engine/models/step_audio_2/token2wav/packed_conv.hpp"
#include "engine/models/step_audio_2/token2wav/packed_linear.hpp"
#include "engine/models/step_audio_2/token2wav/sine_source.hpp"
#include "engine/models/step_audio_2/token2wav/spectrum.hpp"

namespace parley::step_audio_2 {

inline constexpr int frame_samples = 480;  // 24 kHz, 50 mel frames a second

// x + sin^2(alpha x) / alpha, an alpha for each channel (Liu et al. 2020)
struct Snake {
  Snake(const weights::Weights& weights, int width, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor alpha, inverse;  // [width]
};

// Three times x += convs2(snake(convs1(snake(x)))), convs1 with dilation 1, 3, 5
struct ResBlock {
  ResBlock(const weights::Weights& weights, int width, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;

  std::vector<PackedConv> convs1, convs2;
  std::vector<Snake> activations1, activations2;
};

// A transposed convolution that makes `rate` frames of one.
struct Upsampling {
  Upsampling(const weights::Weights& weights, int in, int rate, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;  // [time, in] -> [rate * time, out]

  int rate, taps, out;
  PackedLinear spread;  // [whole rates of taps * out, in]: what one frame adds to those around it
  at::Tensor bias;      // [out]
};

// The source's spectrum at the rate of a stage: a strided convolution.
struct Downsampling {
  Downsampling(const weights::Weights& weights, int in, const layers::Placement& placement);
  at::Tensor operator()(const at::Tensor& x) const;

  int taps, stride;
  PackedLinear linear;  // [out, taps * in]
};

class Hift {
 public:
  Hift(const weights::Weights& weights, const layers::Placement& placement);

  struct Job {
    at::Tensor mel;          // [frames, bins]
    at::Tensor noise;        // [480 * frames, harmonics]
    at::Tensor source_head;  // [samples]: the source begins with these; or undefined
    bool as_reference = false;
    at::Tensor turns;  // of the source, before the first sample that is not given; unused as reference

    // answers; and `turns`, after the last sample
    at::Tensor source;  // [480 * frames]
    at::Tensor speech;  // [480 * frames]
  };
  void run(Crew& crew, std::span<Job> jobs) const;

  int harmonics() const { return m_source.harmonics; }
  at::Tensor no_turns() const { return at::zeros({}, multiples_options().dtype(at::kDouble)); }

  F0Predictor f0_predictor;
  SineSource m_source;
  PackedConv conv_pre;
  std::vector<Upsampling> ups;
  std::vector<Downsampling> source_downs;
  std::vector<ResBlock> source_resblocks;
  std::vector<ResBlock> resblocks;  // `kernels` for each stage
  PackedConv conv_post;

 private:
  at::TensorOptions multiples_options() const { return m_source.multiples.options(); }
  at::Tensor source_of(Job& job) const;
  at::Tensor upsampled(const at::Tensor& x, std::size_t stage) const;
  at::Tensor speech_of(const at::Tensor& x) const;

  std::size_t kernels_;  // resblocks of a stage
  Spectrum spectrum_;
};

}  // namespace parley::step_audio_2
