#include "engine/models/step_audio_2/token2wav/dit_cache.hpp"

namespace parley::step_audio_2 {

at::Tensor DitRows::at(const at::Tensor& tensor, int step, int block) const {
  return tensor.select(0, tensor.size(0) == 1 ? 0 : step).select(0, block).narrow(0, first, count);
}

}  // namespace parley::step_audio_2
