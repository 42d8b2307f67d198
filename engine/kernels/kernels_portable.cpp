#define PARLEY_LANES portable
#include "engine/kernels/kernels_body.hpp"

namespace parley::kernels {

extern const Functions portable_functions;
const Functions portable_functions = PARLEY_LANES::table("portable");

}  // namespace parley::kernels
