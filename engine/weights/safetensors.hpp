// A safetensors file, mapped and not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::weights {

enum class Dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u32, u16, u8, boolean };

// One tensor of a file: row-major, little endian.
struct TensorView {
  Dtype dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

class Safetensors {
 public:
  // Throws std::runtime_error with a sentence that names the file and what is wrong with it.
  explicit Safetensors(const std::filesystem::path& path);

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const TensorView& at(std::string_view name) const;  // throws std::runtime_error naming file and tensor
  std::shared_ptr<const void> mapping() const { return mapping_; }  // keeps the bytes alive

 private:
  std::filesystem::path path_;
  std::shared_ptr<const void> mapping_;
  std::map<std::string, TensorView, std::less<>> tensors_;
};

}  // namespace parley::weights
