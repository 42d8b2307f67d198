// Norms, GELU and rotation.
#pragma once

#include "engine/kernels/body/shared.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/lanes.hpp"

namespace parley::kernels::PARLEY_LANES {

void rms_norm(const float* x, const float* weight, float epsilon, int width, float* out) {
  F8 squares = F8::zero();
  int i = 0;
  for (; i + 8 <= width; i += 8) {
    const F8 some = F8::load(x + i);
    squares = fma(some, some, squares);
  }
  float sum = sum_of(squares);
  for (int rest = i; rest < width; ++rest) sum += x[rest] * x[rest];
  const float factor = 1.0F / __builtin_sqrtf(sum / static_cast<float>(width) + epsilon);
  for (i = 0; i + 8 <= width; i += 8)
    (F8::load(x + i) * F8::all(factor) * F8::load(weight + i)).store(out + i);
  for (; i < width; ++i) out[i] = x[i] * factor * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int width,
                float* out) {
  F8 sums = F8::zero();
  int i = 0;
  for (; i + 8 <= width; i += 8) sums = sums + F8::load(x + i);
  float sum = sum_of(sums);
  for (; i < width; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(width);
  F8 squares = F8::zero();
  for (i = 0; i + 8 <= width; i += 8) {
    const F8 some = F8::load(x + i) - F8::all(mean);
    squares = fma(some, some, squares);
  }
  float square = sum_of(squares);
  for (; i < width; ++i) square += (x[i] - mean) * (x[i] - mean);
  const float factor = 1.0F / __builtin_sqrtf(square / static_cast<float>(width) + epsilon);
  for (i = 0; i + 8 <= width; i += 8)
    fma((F8::load(x + i) - F8::all(mean)) * F8::all(factor), F8::load(weight + i), F8::load(bias + i))
        .store(out + i);
  for (; i < width; ++i) out[i] = (x[i] - mean) * factor * weight[i] + bias[i];
}

// The error function by Abramowitz and Stegun's 7.1.26: right to 1.5e-7.
PARLEY_INLINE F8 gelu_of(F8 x) {
  const F8 z = abs(x) * F8::all(0.70710678118654752F);
  const F8 t = F8::all(1.0F) / fma(z, F8::all(0.3275911F), F8::all(1.0F));
  F8 p = F8::all(1.061405429F);
  p = fma(p, t, F8::all(-1.453152027F));
  p = fma(p, t, F8::all(1.421413741F));
  p = fma(p, t, F8::all(-0.284496736F));
  p = fma(p, t, F8::all(0.254829592F));
  const F8 beyond = p * t * exp(F8::zero() - z * z);  // 1 - erf(|x| / sqrt(2))
  return max(x, F8::zero()) - F8::all(0.5F) * abs(x) * beyond;
}

void gelu(const float* x, int count, float* out) {
  int i = 0;
  for (; i + 8 <= count; i += 8) gelu_of(F8::load(x + i)).store(out + i);
  if (i == count) return;
  float some[8] = {};
  for (int rest = i; rest < count; ++rest) some[rest - i] = x[rest];
  gelu_of(F8::load(some)).store(some);
  for (int rest = i; rest < count; ++rest) out[rest] = some[rest - i];
}

void rotate(const float* x, const float* cosines, const float* sines, int width, float* out) {
  const int half = width / 2;
  for (int i = 0; i + 8 <= half; i += 8) {
    const F8 a = F8::load(x + i);
    const F8 b = F8::load(x + half + i);
    const F8 cosine = F8::load(cosines + i);
    const F8 sine = F8::load(sines + i);
    (a * cosine - b * sine).store(out + i);
    (b * cosine + a * sine).store(out + half + i);
  }
}

}  // namespace parley::kernels::PARLEY_LANES
