// The largest of many numbers, and sums of exponentials.
#pragma once

#include "engine/kernels/body/shared.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/lanes.hpp"

namespace parley::kernels::PARLEY_LANES {

int argmax(const float* values, int count, float* largest) {
  F8 most = F8::all(values[0]);
  F8 broken = F8::zero();
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    most = max(most, F8::load(values + i));
    broken = fma(F8::load(values + i), F8::zero(), broken);
  }
  float top = largest_of(most);
  float wrong = sum_of(broken);
  for (; i < count; ++i) {
    top = values[i] > top ? values[i] : top;
    wrong += values[i] * 0.0F;
  }
  *largest = top;
  if (!(wrong == 0.0F)) return -1;
  int index = 0;
  while (values[index] != top) ++index;
  return index;
}

float exp_sum(const float* x, int count, float shift, float factor, float* out) {
  F8 sum = F8::zero();
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    const F8 some = exp((F8::load(x + i) - F8::all(shift)) * F8::all(factor));
    some.store(out + i);
    sum = sum + some;
  }
  float total = sum_of(sum);
  for (; i < count; ++i) {
    out[i] = __builtin_expf((x[i] - shift) * factor);
    total += out[i];
  }
  return total;
}

}  // namespace parley::kernels::PARLEY_LANES
