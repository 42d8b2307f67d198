#include "engine/models/causal_lm/aten/decode_step.hpp"

#include <algorithm>
#include <bit>

#include "engine/models/causal_lm/aten/kv_pages.hpp"
#include "engine/models/causal_lm/aten/lanes.hpp"

namespace parley::causal_lm {

DecodeStep::DecodeStep(std::int64_t rows, std::int64_t pages, const at::TensorOptions& where)
    : rows_(rows), pages_(pages), numbers_(at::empty({rows * (parts + pages)}, where.dtype(at::kLong))) {}

DecodeStep DecodeStep::on_host(const std::vector<Row>& rows, std::int64_t filled_rows, std::int64_t pages,
                               bool for_gpu) {
  DecodeStep step(filled_rows, pages, at::TensorOptions().pinned_memory(for_gpu));
  const Row filler{.place = std::int64_t{KvPool::spare_page} * page_positions, .lane = Lanes::spare};
  auto* numbers = step.numbers_.mutable_data_ptr<std::int64_t>();
  std::fill_n(numbers + parts * filled_rows, filled_rows * pages, KvPool::spare_page);
  for (std::int64_t index = 0; index < filled_rows; ++index) {
    const auto at = static_cast<std::size_t>(index);
    const Row& row = at < rows.size() ? rows[at] : filler;
    std::int64_t part = index;
    for (const std::int64_t number :
         {row.token, row.position, row.place, row.lane, std::bit_cast<std::int64_t>(row.drawn)}) {
      numbers[part] = number;
      part += filled_rows;
    }
    std::ranges::copy(row.pages, numbers + parts * filled_rows + index * pages);
  }
  return step;
}

DecodeStep DecodeStep::to(at::Device device) const {
  if (device.is_cpu()) return *this;
  DecodeStep there(rows_, pages_, at::TensorOptions(device));
  there.take(*this);
  return there;
}

void DecodeStep::take(const DecodeStep& other) const {
  numbers_.copy_(other.numbers_, /*non_blocking=*/true);
}

}  // namespace parley::causal_lm
