// Numbers on their way to a device.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace parley::causal_lm {

// int64 [numbers]. Does not wait for what the device does: from memory that others may move away, LibTorch
// would.
template <typename Number>
at::Tensor to_device(const std::vector<Number>& numbers, at::Device device) {
  const auto here = at::TensorOptions().dtype(at::kLong).pinned_memory(!device.is_cpu());
  const at::Tensor copy = at::empty({static_cast<std::int64_t>(numbers.size())}, here);
  std::ranges::copy(numbers, copy.mutable_data_ptr<std::int64_t>());
  return copy.to(device, /*non_blocking=*/true);
}

}  // namespace parley::causal_lm
