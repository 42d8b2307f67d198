#include "engine/kernels/weight_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>

namespace parley::kernels {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t large_page = std::size_t{2} << 20;
constexpr std::size_t chunk_bytes = 16 * large_page;  // pages that nobody wrote to take no memory

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

class Chunk {
 public:
  explicit Chunk(std::size_t bytes) : size_(round_up(bytes, large_page) + large_page) {
    memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    // Only a wish: where the machine has no large pages, ordinary ones do.
    ::madvise(memory_, size_, MADV_HUGEPAGE);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_);
    next_ = round_up(address, large_page) - address;
  }
  ~Chunk() { ::munmap(memory_, size_); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  // Null when it does not fit any more.
  std::byte* take(std::size_t bytes) {
    if (bytes > size_ - next_) return nullptr;
    std::byte* piece = static_cast<std::byte*>(memory_) + next_;
    next_ = std::min(size_, round_up(next_ + bytes, cache_line));
    return piece;
  }

 private:
  std::size_t size_;
  std::size_t next_ = 0;
  void* memory_ = nullptr;
};

}  // namespace

std::shared_ptr<std::byte> weight_memory(std::size_t bytes) {
  static std::mutex mutex;
  static std::weak_ptr<Chunk> current;  // pieces own it: a model that is closed takes its chunks along
  const std::scoped_lock lock(mutex);
  std::shared_ptr<Chunk> chunk = current.lock();
  std::byte* piece = chunk ? chunk->take(bytes) : nullptr;
  if (piece == nullptr) {
    chunk = std::make_shared<Chunk>(std::max(bytes, chunk_bytes));
    piece = chunk->take(bytes);
    if (bytes < chunk_bytes) current = chunk;
  }
  return {std::move(chunk), piece};
}

void give_back_pages(std::span<const std::byte> mapped) {
  if (mapped.empty()) return;
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(mapped.data()) / page * page;
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(mapped.data()) + mapped.size();
  ::madvise(reinterpret_cast<void*>(begin), round_up(end - begin, page), MADV_DONTNEED);
}

}  // namespace parley::kernels
