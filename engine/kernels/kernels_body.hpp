// The kernels, written once over lanes.hpp; kernels_<instruction set>.cpp include this file.
//
// Whatever else is multiplied in the same call, one row's numbers are computed by the same operations in the
// same order: a conversation's result does not depend on its company.
#pragma once

#include "engine/kernels/body/attention.hpp"
#include "engine/kernels/body/logits.hpp"
#include "engine/kernels/body/norms.hpp"
#include "engine/kernels/body/products.hpp"
#include "engine/kernels/body/strips.hpp"
#include "engine/kernels/functions.hpp"

namespace parley::kernels::PARLEY_LANES {

constexpr Functions table(std::string_view name) {
  return {name,        quantize,     multiply_panel, rms_norm, layer_norm,     gelu,
          softmax_all, rotate,       append,         attend,   argmax,         exp_sum,
          strip_rows,  strip_panels, multiply_strip, widen,    softmax_columns};
}

}  // namespace parley::kernels::PARLEY_LANES
