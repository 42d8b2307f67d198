// Stored tensors of any floating type, as numbers and as matrices for the CPU kernels. Each throws
// std::runtime_error with a sentence for a tensor of another type.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/kernels/matrix.hpp"
#include "engine/weights/safetensors.hpp"

namespace parley::layers {

kernels::Format format_of(const weights::TensorView& tensor);

// All of it as float32.
std::vector<float> floats_of(const weights::TensorView& tensor);

// The tensor as a matrix whose inputs are its last axis. It shares the tensor's bytes.
kernels::MatrixView view_of(const weights::TensorView& tensor);

// So many outputs filled up to whole panels, as a matrix's bias must be.
std::size_t whole_panels(std::size_t outputs);

}  // namespace parley::layers
