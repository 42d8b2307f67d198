// A file mapped read-only into memory: its pages are read when touched and shared with the page cache.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace parley::weights {

class MappedFile {
 public:
  // Throws std::runtime_error with a sentence when the file cannot be opened or mapped.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace parley::weights
