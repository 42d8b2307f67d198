// Eight or sixteen numbers at once, for the kernels that are written once and compiled for several
// instruction sets (kernels_body.hpp). Each translation unit names its own namespace in PARLEY_LANES, so that
// the linker never takes one set's code for another's.
//
// Lanes keep their order and every operation rounds on its own, except that fma rounds once where the
// machine can.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/kernels/numbers.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace parley::kernels::PARLEY_LANES {

#if defined(__AVX2__)

struct F8 {
  __m256 v;
  static F8 zero() { return {_mm256_setzero_ps()}; }
  static F8 all(float x) { return {_mm256_set1_ps(x)}; }
  static F8 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static F8 load_f16(const std::uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static F8 load_bf16(const std::uint16_t* p) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))};
  }
  static F8 load_i16(const std::int16_t* p) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(bits))};
  }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  friend F8 operator+(F8 a, F8 b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend F8 operator-(F8 a, F8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend F8 operator*(F8 a, F8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend F8 operator/(F8 a, F8 b) { return {_mm256_div_ps(a.v, b.v)}; }
  friend F8 fma(F8 a, F8 b, F8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  friend F8 max(F8 a, F8 b) { return {_mm256_max_ps(a.v, b.v)}; }
  friend F8 min(F8 a, F8 b) { return {_mm256_min_ps(a.v, b.v)}; }
  friend F8 abs(F8 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0F), a.v)}; }
  friend F8 round(F8 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
  // 2^a for whole a in -126 .. 127
  friend F8 power_of_two(F8 a) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(a.v), _mm256_set1_epi32(127));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23))};
  }
};

struct I8 {  // eight 32-bit integers
  __m256i v;
  static I8 zero() { return {_mm256_setzero_si256()}; }
  F8 to_float() const { return {_mm256_cvtepi32_ps(v)}; }
};

struct S16 {  // sixteen 16-bit integers
  __m256i v;
  static S16 load(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
  static S16 load_i8(const void* p) {
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(static_cast<const __m128i*>(p)))};
  }
  // the same two at all eight places
  static S16 pair(const std::int16_t* p) {
    std::int32_t bits;
    std::memcpy(&bits, p, sizeof bits);
    return {_mm256_set1_epi32(bits)};
  }
  template <int bits>
  S16 nibble() const {  // bits `bits` .. `bits` + 3 of each
    const __m256i shifted = bits == 0 ? v : _mm256_srli_epi16(v, bits);
    return {bits == 12 ? shifted : _mm256_and_si256(shifted, _mm256_set1_epi16(15))};
  }
};

// sum[i] + a[2i] * b[2i] + a[2i + 1] * b[2i + 1]
inline I8 add_products(I8 sum, S16 a, S16 b) {
  I8 result{_mm256_add_epi32(sum.v, _mm256_madd_epi16(a.v, b.v))};
  // GCC would collect the products of many calls, out of registers, before it adds them.
  asm("" : "+x"(result.v));
  return result;
}

inline void store_i16(F8 rounded, std::int16_t* p) {
  const __m256i wide = _mm256_cvtps_epi32(rounded.v);
  const __m128i narrow = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), narrow);
}

// Spelled out: of the intrinsic GCC thinks that it does nothing, and so of a function that only calls it,
// whose calls it then leaves out.
inline void prefetch(const void* p) { asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(p))); }

#else  // any machine

struct F8 {
  float v[8];
  template <typename Of>
  static F8 each(const Of& of) {
    F8 result;
    for (int i = 0; i < 8; ++i) result.v[i] = of(i);
    return result;
  }
  static F8 zero() { return all(0.0F); }
  static F8 all(float x) {
    return each([&](int) { return x; });
  }
  static F8 load(const float* p) {
    return each([&](int i) { return p[i]; });
  }
  static F8 load_f16(const std::uint16_t* p) {
    return each([&](int i) { return half_to_float(p[i]); });
  }
  static F8 load_bf16(const std::uint16_t* p) {
    return each([&](int i) { return bfloat16_to_float(p[i]); });
  }
  static F8 load_i16(const std::int16_t* p) {
    return each([&](int i) { return static_cast<float>(p[i]); });
  }
  void store(float* p) const { std::memcpy(p, v, sizeof v); }
  friend F8 operator+(F8 a, F8 b) {
    return each([&](int i) { return a.v[i] + b.v[i]; });
  }
  friend F8 operator-(F8 a, F8 b) {
    return each([&](int i) { return a.v[i] - b.v[i]; });
  }
  friend F8 operator*(F8 a, F8 b) {
    return each([&](int i) { return a.v[i] * b.v[i]; });
  }
  friend F8 operator/(F8 a, F8 b) {
    return each([&](int i) { return a.v[i] / b.v[i]; });
  }
  friend F8 fma(F8 a, F8 b, F8 c) { return a * b + c; }
  friend F8 max(F8 a, F8 b) {  // like the machine's: b where one of them is NaN
    return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend F8 min(F8 a, F8 b) {
    return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend F8 abs(F8 a) {
    return each([&](int i) { return std::fabs(a.v[i]); });
  }
  friend F8 round(F8 a) {
    return each([&](int i) { return std::nearbyint(a.v[i]); });
  }
  friend F8 power_of_two(F8 a) {
    return each([&](int i) { return std::ldexp(1.0F, static_cast<int>(a.v[i])); });
  }
};

struct I8 {
  std::int32_t v[8];
  static I8 zero() { return {}; }
  F8 to_float() const {
    return F8::each([&](int i) { return static_cast<float>(v[i]); });
  }
};

struct S16 {
  std::int16_t v[16];
  static S16 load(const void* p) {
    S16 result;
    std::memcpy(result.v, p, sizeof result.v);
    return result;
  }
  static S16 load_i8(const void* p) {
    S16 result;
    for (int i = 0; i < 16; ++i) result.v[i] = static_cast<const std::int8_t*>(p)[i];
    return result;
  }
  static S16 pair(const std::int16_t* p) {
    S16 result;
    for (int i = 0; i < 16; ++i) result.v[i] = p[i % 2];
    return result;
  }
  template <int bits>
  S16 nibble() const {
    S16 result;
    for (int i = 0; i < 16; ++i)
      result.v[i] = static_cast<std::int16_t>((static_cast<std::uint16_t>(v[i]) >> bits) & 15U);
    return result;
  }
};

inline I8 add_products(I8 sum, S16 a, S16 b) {
  for (int i = 0; i < 8; ++i)
    sum.v[i] += static_cast<std::int32_t>(a.v[2 * i]) * b.v[2 * i] +
                static_cast<std::int32_t>(a.v[2 * i + 1]) * b.v[2 * i + 1];
  return sum;
}

inline void store_i16(F8 rounded, std::int16_t* p) {
  for (int i = 0; i < 8; ++i)
    p[i] =
        std::fabs(rounded.v[i]) <= 32767.0F ? static_cast<std::int16_t>(rounded.v[i]) : std::int16_t{-32768};
}

inline void prefetch(const void*) {}

#endif

// Sixteen numbers: a panel's rows.
#if defined(__AVX512F__)

struct F16 {
  __m512 v;
  static F16 zero() { return {_mm512_setzero_ps()}; }
  static F16 all(float x) { return {_mm512_set1_ps(x)}; }
  static F16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static F16 load_f16(const std::uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static F16 load_bf16(const std::uint16_t* p) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
  }
  static F16 load_i16(const std::int16_t* p) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(bits))};
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  // By way of memory: GCC 12 takes the halves' own intrinsics for uses of something uninitialized.
  F8 low() const { return half(0); }
  F8 high() const { return half(8); }
  friend F16 operator+(F16 a, F16 b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend F16 operator*(F16 a, F16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend F16 fma(F16 a, F16 b, F16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }

  F8 half(int first) const {
    float some[16];
    _mm512_storeu_ps(some, v);
    return F8::load(some + first);
  }
};

struct I16 {  // 32-bit integers, one a row
  __m512i v;
  static I16 zero() { return {_mm512_setzero_si512()}; }
  F16 to_float() const { return {_mm512_cvtepi32_ps(v)}; }
};

struct S32 {  // 16-bit integers, two a row
  __m512i v;
  static S32 load(const std::byte* p) { return {_mm512_loadu_si512(p)}; }
  static S32 load_i8(const std::byte* p) {
    return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static S32 pair(const std::int16_t* p) {  // the same two for all rows
    std::int32_t bits;
    std::memcpy(&bits, p, sizeof bits);
    return {_mm512_set1_epi32(bits)};
  }
  template <int bits>
  S32 nibble() const {  // bits `bits` .. `bits` + 3 of each
    const __m512i shifted = bits == 0 ? v : _mm512_srli_epi16(v, bits);
    return {bits == 12 ? shifted : _mm512_and_si512(shifted, _mm512_set1_epi16(15))};
  }
};

inline I16 add_products(I16 sum, S32 a, S32 b) { return {_mm512_dpwssd_epi32(sum.v, a.v, b.v)}; }

#else

struct F16 {
  F8 first, second;
  static F16 zero() { return {F8::zero(), F8::zero()}; }
  static F16 all(float x) { return {F8::all(x), F8::all(x)}; }
  static F16 load(const float* p) { return {F8::load(p), F8::load(p + 8)}; }
  static F16 load_f16(const std::uint16_t* p) { return {F8::load_f16(p), F8::load_f16(p + 8)}; }
  static F16 load_bf16(const std::uint16_t* p) { return {F8::load_bf16(p), F8::load_bf16(p + 8)}; }
  static F16 load_i16(const std::int16_t* p) { return {F8::load_i16(p), F8::load_i16(p + 8)}; }
  void store(float* p) const {
    first.store(p);
    second.store(p + 8);
  }
  F8 low() const { return first; }
  F8 high() const { return second; }
  friend F16 operator+(F16 a, F16 b) { return {a.first + b.first, a.second + b.second}; }
  friend F16 operator*(F16 a, F16 b) { return {a.first * b.first, a.second * b.second}; }
  friend F16 fma(F16 a, F16 b, F16 c) {
    return {fma(a.first, b.first, c.first), fma(a.second, b.second, c.second)};
  }
};

struct I16 {
  I8 first, second;
  static I16 zero() { return {I8::zero(), I8::zero()}; }
  F16 to_float() const { return {first.to_float(), second.to_float()}; }
};

struct S32 {
  S16 first, second;
  static S32 load(const std::byte* p) { return {S16::load(p), S16::load(p + 32)}; }
  static S32 load_i8(const std::byte* p) { return {S16::load_i8(p), S16::load_i8(p + 16)}; }
  static S32 pair(const std::int16_t* p) {
    const S16 some = S16::pair(p);
    return {some, some};
  }
  template <int bits>
  S32 nibble() const {
    return {first.nibble<bits>(), second.nibble<bits>()};
  }
};

inline I16 add_products(I16 sum, S32 a, S32 b) {
  return {add_products(sum.first, a.first, b.first), add_products(sum.second, a.second, b.second)};
}

#endif

// The sum, and the largest, of eight: always in the same order.
inline float sum_of(F8 a) {
  float v[8];
  a.store(v);
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

inline float largest_of(F8 a) {
  float v[8];
  a.store(v);
  float result = v[0];
  for (int i = 1; i < 8; ++i) result = v[i] > result ? v[i] : result;
  return result;
}

// e^x within two units of the last place: 2^n times a polynomial on the rest (Cephes' coefficients).
inline F8 exp(F8 x) {
  x = min(max(x, F8::all(-87.0F)), F8::all(88.0F));
  const F8 n = round(x * F8::all(1.44269504088896341F));
  F8 r = fma(n, F8::all(-0.693359375F), x);
  r = fma(n, F8::all(2.12194440e-4F), r);
  F8 p = F8::all(1.9875691500e-4F);
  p = fma(p, r, F8::all(1.3981999507e-3F));
  p = fma(p, r, F8::all(8.3334519073e-3F));
  p = fma(p, r, F8::all(4.1665795894e-2F));
  p = fma(p, r, F8::all(1.6666665459e-1F));
  p = fma(p, r, F8::all(5.0000001201e-1F));
  return fma(p, r * r, r + F8::all(1.0F)) * power_of_two(n);
}

}  // namespace parley::kernels::PARLEY_LANES
