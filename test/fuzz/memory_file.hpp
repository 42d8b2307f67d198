// A file that lives in memory and has a path, for readers that take nothing else.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "test/fuzz/require.hpp"

namespace parley::fuzz {

class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::uint8_t> content)
      : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(descriptor_ >= 0, "there is a file in memory");
    for (std::size_t written = 0; written < content.size();) {
      const auto some = ::write(descriptor_, content.data() + written, content.size() - written);
      require(some > 0, "a file in memory takes what is written");
      written += static_cast<std::size_t>(some);
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace parley::fuzz
