#include "engine/models/step_audio_2/token2wav/dit_buffers.hpp"

#include <algorithm>
#include <limits>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr std::int64_t mask_alignment = 16;  // numbers; other rows are copied by the kernels of attention

// Zeros behind the frames: what a mask hides is multiplied by 0, which would not hide another stream's NaN.
void put(const Tensor& part, const Tensor& frames) {
  const std::int64_t count = frames.size(-2);
  part.narrow(-2, 0, count).copy_(frames);
  part.narrow(-2, count, part.size(-2) - count).zero_();
}

}  // namespace

bool DitBuffers::Room::covers(const Room& other) const {
  return streams >= other.streams && history >= other.history && prompt >= other.prompt &&
         chunk >= other.chunk;
}

DitBuffers::Room DitBuffers::Room::joined(const Room& other) const {
  return {.streams = std::max(streams, other.streams),
          .history = std::max(history, other.history),
          .prompt = std::max(prompt, other.prompt),
          .chunk = std::max(chunk, other.chunk)};
}

DitBuffers::DitBuffers(const Dit& dit, int steps, const Room& room)
    : room_(room),
      all_(dit.new_cache(steps, room.past() + room.chunk, room.streams)),
      resident_(static_cast<std::size_t>(room.streams), PromptTensor(Tensor().getIntrusivePtr())) {
  all_.attention.keys.zero_();
  all_.attention.values.zero_();
  all_.new_tails.zero_();
}

Tensor DitBuffers::rows_of(const Tensor& tensor, int stream) const {
  return tensor.narrow(2, guidance_rows * stream, guidance_rows);
}

void DitBuffers::load(int stream, const DitPrompt& prompt, const DitCache& cache) {
  const Tensor keys = rows_of(all_.attention.keys, stream), values = rows_of(all_.attention.values, stream);
  PromptTensor& resident = resident_[static_cast<std::size_t>(stream)];
  if (resident.lock() != prompt.keys.getIntrusivePtr()) {
    resident.reset();
    put(keys.narrow(-2, room_.history, room_.prompt), prompt.keys);
    put(values.narrow(-2, room_.history, room_.prompt), prompt.values);
    resident = PromptTensor(prompt.keys.getIntrusivePtr());
  }
  put(keys.narrow(-2, 0, room_.history), cache.attention.filled_keys());
  put(values.narrow(-2, 0, room_.history), cache.attention.filled_values());
  rows_of(all_.tails, stream).copy_(cache.tails);
}

void DitBuffers::store(int stream, int frames, DitCache& cache) const {
  const FrameCache& own = cache.attention;
  const auto stage = [&](const Tensor& to, const Tensor& from) {
    to.narrow(-2, own.frames(), frames).copy_(rows_of(from, stream).narrow(-2, room_.past(), frames));
  };
  stage(own.keys, all_.attention.keys);
  stage(own.values, all_.attention.values);
  cache.new_tails.copy_(rows_of(all_.new_tails, stream));
}

std::size_t DitBuffers::bytes() const {
  return all_.attention.keys.nbytes() + all_.attention.values.nbytes() + 2 * all_.tails.nbytes();
}

PastInBuffers::PastInBuffers(const DitBuffers& buffers, int streams, int frames)
    : buffers_(buffers), rows_(streams * guidance_rows), frames_(frames) {
  const Tensor& tails = buffers.all().tails;
  const std::int64_t reach = buffers.room().past() + frames;
  const std::int64_t aligned = (reach + mask_alignment - 1) / mask_alignment * mask_alignment;
  mask_ = at::zeros({rows_, 1, 1, aligned}, tails.options()).narrow(3, 0, reach);
  ends_ = at::zeros({rows_, tails.size(-2)}, tails.options().dtype(at::kLong));
}

void PastInBuffers::show(int stream, int history, int prompt, int chunk) {
  const DitBuffers::Room& room = buffers_.room();
  const Tensor mask = mask_.narrow(0, guidance_rows * stream, guidance_rows);
  mask.fill_(-std::numeric_limits<double>::infinity());
  mask.narrow(3, 0, history).zero_();
  mask.narrow(3, room.history, prompt).zero_();
  mask.narrow(3, room.past(), chunk).zero_();
  const std::int64_t before = ends_.size(1);
  for (std::int64_t row = guidance_rows * stream; row < guidance_rows * (stream + 1); ++row) {
    const std::int64_t end = row * (before + frames_) + chunk;
    ends_[row].copy_(at::arange(end, end + before, ends_.options()));
  }
}

Tensor PastInBuffers::at(const Tensor& tensor, int step, int block) const {
  return tensor.select(0, step).select(0, block).narrow(0, 0, rows_);
}

Tensor PastInBuffers::look_back(const Tensor& queries, const Tensor& keys, const Tensor& values, int step,
                                int block) const {
  const std::int64_t past = buffers_.room().past();
  const auto seen = [&](const Tensor& buffer, const Tensor& own) {
    const Tensor all = at(buffer, step, block).narrow(2, 0, past + frames_);
    all.narrow(2, past, frames_).copy_(own);
    return all;
  };
  const DitCache& buffers = buffers_.all();
  return at::scaled_dot_product_attention(queries, seen(buffers.attention.keys, keys),
                                          seen(buffers.attention.values, values), mask_, /*dropout_p=*/0.0,
                                          /*is_causal=*/false, /*scale=*/1.0);
}

void PastInBuffers::lead_in(const Tensor& frames, int which, int step, int block) const {
  const DitCache& buffers = buffers_.all();
  frames.narrow(1, 0, ends_.size(1)).copy_(at(buffers.tails, step, block).select(1, which));
  at(buffers.new_tails, step, block)
      .select(1, which)
      .copy_(frames.flatten(0, 1).index_select(0, ends_.flatten()).view({rows_, ends_.size(1), -1}));
}

}  // namespace parley::step_audio_2
