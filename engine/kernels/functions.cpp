#include "engine/kernels/functions.hpp"

namespace parley::kernels {

extern const Functions portable_functions;
#if defined(PARLEY_X86_KERNELS)
extern const Functions avx2_functions;
extern const Functions avx512vnni_functions;
#endif

std::vector<const Functions*> available_functions() {
  std::vector<const Functions*> available{&portable_functions};
#if defined(PARLEY_X86_KERNELS)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                    __builtin_cpu_supports("f16c") != 0;
  if (avx2) available.push_back(&avx2_functions);
  const bool avx512 = __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  if (avx2 && avx512 && __builtin_cpu_supports("avx512vnni") != 0) available.push_back(&avx512vnni_functions);
#endif
  return available;
}

const Functions& functions() {
  static const Functions& best = *available_functions().back();
  return best;
}

}  // namespace parley::kernels
