// Reads safetensors files: a length (8 bytes, little endian), a JSON header, then the tensors' bytes.
// The format: https://github.com/huggingface/safetensors#format. Files are mapped, never copied.
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
std::size_t size_of(Dtype dtype);       // bytes of one element
std::string_view name_of(Dtype dtype);  // as the header spells it: "F32", "BF16", ...

struct TensorView {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;   // row-major, little endian; not necessarily aligned
  std::shared_ptr<const void> owner;  // keeps `bytes` mapped
  bool mapped = false;  // read-only from a file: pages that were given back are read again when touched

  std::int64_t elements() const;
};

std::string to_string(const std::vector<std::int64_t>& shape);  // "[2, 3]"

// All of the header is checked before anything is used: lengths against the file, known dtypes,
// shapes against byte ranges, and ranges that neither overlap nor leave holes. What is wrong is thrown as a
// std::runtime_error whose sentence names the file.
class Safetensors {
 public:
  using Tensors = std::map<std::string, TensorView, std::less<>>;

  // A .safetensors file, or a folder with model.safetensors, or with model.safetensors.index.json and its
  // shards.
  explicit Safetensors(const std::filesystem::path& path);

  const TensorView* find(std::string_view name) const;  // null when there is none
  const TensorView& at(std::string_view name) const;    // throws a sentence when there is none
  const Tensors& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  void add_file(const std::filesystem::path& file);
  void add_shards(const std::filesystem::path& index);

  std::filesystem::path path_;
  Tensors tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace parley::weights
