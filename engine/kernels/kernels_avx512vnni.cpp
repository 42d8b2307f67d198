#define PARLEY_LANES avx512vnni
#include "engine/kernels/kernels_body.hpp"

namespace parley::kernels {

extern const Functions avx512vnni_functions;
const Functions avx512vnni_functions = PARLEY_LANES::table("avx512vnni");

}  // namespace parley::kernels
