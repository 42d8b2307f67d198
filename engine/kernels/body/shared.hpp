// What several kernels are made of.
#pragma once

#include "engine/kernels/lanes.hpp"

#define PARLEY_INLINE inline __attribute__((always_inline))

namespace parley::kernels::PARLEY_LANES {

template <int rows>
struct Sums {  // [rows, 16]
  F16 of[rows];
};

}  // namespace parley::kernels::PARLEY_LANES
