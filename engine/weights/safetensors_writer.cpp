#include "engine/weights/safetensors_writer.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley::weights {
namespace {

constexpr std::size_t alignment = 8;  // of the first tensor, so that readers can map what they need

std::size_t size_of(const std::string& name, const TensorToWrite& tensor) {
  std::size_t elements = 1;
  for (const std::int64_t side : tensor.shape) elements *= static_cast<std::size_t>(side);
  const std::size_t bytes = elements * size_of(tensor.dtype);
  if (bytes != tensor.bytes.size())
    throw std::invalid_argument(name + " " + to_string(tensor.shape) + " takes " + std::to_string(bytes) +
                                " bytes, but has " + std::to_string(tensor.bytes.size()));
  return bytes;
}

std::string header_of(const std::map<std::string, TensorToWrite>& tensors) {
  auto header = nlohmann::ordered_json::object();
  std::size_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t end = begin + size_of(name, tensor);
    header[name] = {
        {"dtype", name_of(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + alignment - 1) / alignment * alignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& file,
                       const std::map<std::string, TensorToWrite>& tensors) {
  static_assert(std::endian::native == std::endian::little);
  const std::string header = header_of(tensors);
  const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{header.size()});

  std::filesystem::path unfinished = file;
  unfinished += ".part";
  {
    std::ofstream out(unfinished, std::ios::binary);
    out.write(length.data(), length.size());
    out << header;
    for (const auto& [name, tensor] : tensors)
      out.write(reinterpret_cast<const char*>(tensor.bytes.data()),
                static_cast<std::streamsize>(tensor.bytes.size()));
    out.close();
    if (!out) throw std::runtime_error(file.string() + " cannot be written: " + std::strerror(errno));
  }
  std::filesystem::rename(unfinished, file);
}

}  // namespace parley::weights
