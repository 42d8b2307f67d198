#include "engine/audio/accumulate.hpp"

#include <cassert>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace parley::audio {
namespace {

void accumulate_plain(std::span<float> out, std::span<const float> x, const float* weight) {
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t n = 0; n < out.size(); ++n) out[n] += x[i] * weight[i * out.size() + n];
}

#if defined(__x86_64__)
// A block of 64 outputs stays in eight registers while all inputs pass; what remains goes 16 at a time.
__attribute__((target("avx2,fma"))) void accumulate_avx2(std::span<float> out, std::span<const float> x,
                                                         const float* weight) {
  std::size_t n = 0;
  for (; n + 64 <= out.size(); n += 64) {
    __m256 sum[8];
    for (std::size_t r = 0; r < 8; ++r) sum[r] = _mm256_loadu_ps(&out[n + 8 * r]);
    for (std::size_t i = 0; i < x.size(); ++i) {
      __m256 scale = _mm256_set1_ps(x[i]);
      const float* row = weight + i * out.size() + n;
      for (std::size_t r = 0; r < 8; ++r)
        sum[r] = _mm256_fmadd_ps(scale, _mm256_loadu_ps(row + 8 * r), sum[r]);
    }
    for (std::size_t r = 0; r < 8; ++r) _mm256_storeu_ps(&out[n + 8 * r], sum[r]);
  }
  for (; n < out.size(); n += 16) {
    __m256 low = _mm256_loadu_ps(&out[n]), high = _mm256_loadu_ps(&out[n + 8]);
    for (std::size_t i = 0; i < x.size(); ++i) {
      __m256 scale = _mm256_set1_ps(x[i]);
      const float* row = weight + i * out.size() + n;
      low = _mm256_fmadd_ps(scale, _mm256_loadu_ps(row), low);
      high = _mm256_fmadd_ps(scale, _mm256_loadu_ps(row + 8), high);
    }
    _mm256_storeu_ps(&out[n], low);
    _mm256_storeu_ps(&out[n + 8], high);
  }
}
#endif

}  // namespace

void accumulate(std::span<float> out, std::span<const float> x, const float* weight) {
  assert(out.size() % accumulate_lanes == 0);
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) return accumulate_avx2(out, x, weight);
#endif
  accumulate_plain(out, x, weight);
}

}  // namespace parley::audio
