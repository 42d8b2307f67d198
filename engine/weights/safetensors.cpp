#include "engine/weights/safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley::weights {
namespace {

std::pair<Dtype, std::size_t> dtype_of(const std::string& name) {
  static const std::map<std::string, std::pair<Dtype, std::size_t>> known = {
      {"F64", {Dtype::f64, 8}},   {"F32", {Dtype::f32, 4}}, {"F16", {Dtype::f16, 2}},
      {"BF16", {Dtype::bf16, 2}}, {"I64", {Dtype::i64, 8}}, {"I32", {Dtype::i32, 4}},
      {"I16", {Dtype::i16, 2}},   {"I8", {Dtype::i8, 1}},   {"U32", {Dtype::u32, 4}},
      {"U16", {Dtype::u16, 2}},   {"U8", {Dtype::u8, 1}},   {"BOOL", {Dtype::boolean, 1}}};
  return known.at(name);
}

}  // namespace

Safetensors::Safetensors(const std::filesystem::path& path) : path_(path) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw std::runtime_error(path.string() + ": " + std::strerror(errno));
  struct stat info{};
  fstat(file, &info);
  auto size = static_cast<std::size_t>(info.st_size);
  void* memory = size == 0 ? MAP_FAILED : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (memory == MAP_FAILED) throw std::runtime_error(path.string() + ": cannot be mapped");
  mapping_ =
      std::shared_ptr<const void>(memory, [size](const void* p) { munmap(const_cast<void*>(p), size); });
  const auto* bytes = static_cast<const std::byte*>(memory);
  std::uint64_t header = 0;
  if (size >= 8) std::memcpy(&header, bytes, 8);
  if (size < 8 || header > size - 8) throw std::runtime_error(path.string() + ": truncated safetensors file");
  auto text = std::string_view(reinterpret_cast<const char*>(bytes) + 8, header);
  std::span<const std::byte> data(bytes + 8 + header, size - 8 - header);
  try {
    const auto entries = nlohmann::json::parse(text);
    for (const auto& [name, entry] : entries.items()) {
      if (name == "__metadata__") continue;
      auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
      auto end = entry.at("data_offsets").at(1).get<std::size_t>();
      auto [dtype, width] = dtype_of(entry.at("dtype").get<std::string>());
      auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
      std::size_t count = width;
      for (std::int64_t n : shape) count *= static_cast<std::size_t>(n);
      if (begin > end || end > data.size() || end - begin != count)
        throw std::runtime_error(path.string() + ": tensor " + name + " lies outside the file");
      tensors_.emplace(name, TensorView{dtype, std::move(shape), data.subspan(begin, end - begin)});
    }
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(path.string() + ": header is not valid: " + error.what());
  } catch (const std::out_of_range&) {
    throw std::runtime_error(path.string() + ": unknown number format");
  }
}

const TensorView& Safetensors::at(std::string_view name) const {
  auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw std::runtime_error(path_.string() + ": lacks tensor " + std::string(name));
  return found->second;
}

}  // namespace parley::weights
