#define PARLEY_LANES avx2
#include "engine/kernels/kernels_body.hpp"

namespace parley::kernels {

extern const Functions avx2_functions;
const Functions avx2_functions = PARLEY_LANES::table("avx2");

}  // namespace parley::kernels
