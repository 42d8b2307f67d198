// A mapped tensor of a checkpoint as an at::Tensor that shares its bytes.
#pragma once

#include <ATen/ATen.h>

#include "engine/weights/safetensors.hpp"

namespace parley::layers {

// The tensor does not copy and keeps the file mapped for as long as it lives. It must not be written to: the
// pages are read-only. Where the file does not align the elements, the bytes are copied instead.
at::Tensor tensor_of(const weights::TensorView& view);

// The same in float32, copied only where the checkpoint holds another type.
at::Tensor float_tensor_of(const weights::TensorView& view);

}  // namespace parley::layers
