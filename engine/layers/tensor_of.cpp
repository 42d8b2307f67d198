#include "engine/layers/tensor_of.hpp"

#include <cstdint>
#include <cstring>

namespace parley::layers {
namespace {

at::ScalarType scalar_type(weights::Dtype dtype) {
  switch (dtype) {
    case weights::Dtype::f64:
      return at::kDouble;
    case weights::Dtype::f32:
      return at::kFloat;
    case weights::Dtype::f16:
      return at::kHalf;
    case weights::Dtype::bf16:
      return at::kBFloat16;
    case weights::Dtype::i64:
      return at::kLong;
    case weights::Dtype::i32:
      return at::kInt;
    case weights::Dtype::i16:
      return at::kShort;
    case weights::Dtype::i8:
      return at::kChar;
    case weights::Dtype::u32:
      return at::kUInt32;
    case weights::Dtype::u16:
      return at::kUInt16;
    case weights::Dtype::u8:
      return at::kByte;
    case weights::Dtype::boolean:
      return at::kBool;
  }
  TORCH_CHECK(false, "a dtype that safetensors.hpp does not list");
}

}  // namespace

at::Tensor tensor_of(const weights::TensorView& view) {
  const auto options = at::TensorOptions().dtype(scalar_type(view.dtype));
  if (reinterpret_cast<std::uintptr_t>(view.bytes.data()) % weights::size_of(view.dtype) != 0) {
    at::Tensor copy = at::empty(view.shape, options);
    std::memcpy(copy.data_ptr(), view.bytes.data(), view.bytes.size());
    return copy;
  }
  return at::from_blob(
      const_cast<std::byte*>(view.bytes.data()), view.shape, [owner = view.owner](void*) {}, options);
}

at::Tensor float_tensor_of(const weights::TensorView& view) { return tensor_of(view).to(at::kFloat); }

}  // namespace parley::layers
