// Memory for packed weights, on pages as large as the machine gives.
//
// A decode step reads all weights of a model once, a hundred megabytes from end to end. On pages of 4 KB that
// means a new address translation, and a new start for the processor's own prefetching, every 4 KB; on pages
// of 2 MB the same reading takes two thirds of the time. Matrices are smaller than such a page, so they are
// laid side by side in large chunks.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace parley::kernels {

// `bytes` of memory, zeroed, at the start of a cache line; any thread. Throws std::bad_alloc. A chunk is
// given back when the last of its pieces is gone.
std::shared_ptr<std::byte> weight_memory(std::size_t bytes);

// The pages of a file's read-only mapping that these bytes touch leave the process's memory, so that a model
// that is loaded never lies in memory twice. What is touched again is read again.
void give_back_pages(std::span<const std::byte> mapped);

}  // namespace parley::kernels
