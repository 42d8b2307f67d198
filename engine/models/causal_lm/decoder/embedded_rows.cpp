// Tested by test/engine/models/causal_lm/embedded_rows_test.cpp.
#include "engine/models/causal_lm/decoder/embedded_rows.hpp"

#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

namespace parley::causal_lm {
namespace {

struct RowRange {
  const float* values;
  int count;
  int width;
};

// All rows of the process by the lowest of their ids. Ids are given out downwards and begin again below 0
// when there are no lower ones, passing over those in use: that takes two thousand million rows, fifty hours
// of a thousand speakers.
class Registry {
 public:
  int add(const float* values, int count, int width) {
    const std::scoped_lock lock(mutex_);
    int lowest = lowest_of_next(count);
    for (auto taken = first_from(lowest); taken != ranges_.end() && taken->first < lowest + count;
         taken = first_from(lowest)) {
      next_ = taken->first - 1;
      lowest = lowest_of_next(count);
    }
    next_ = lowest - 1;
    ranges_[lowest] = {values, count, width};
    return lowest;
  }

  void remove(int lowest) {
    const std::scoped_lock lock(mutex_);
    ranges_.erase(lowest);
  }

  EmbeddedRows::Found find(int id) {
    const std::scoped_lock lock(mutex_);
    const auto range = first_from(id);
    if (range == ranges_.end() || range->first > id) return {};
    const int width = range->second.width;
    return {range->second.values + static_cast<std::ptrdiff_t>(id - range->first) * width, width};
  }

 private:
  int lowest_of_next(int count) {
    if (next_ < std::numeric_limits<int>::min() + count) next_ = -1;
    return next_ - (count - 1);
  }
  // The range that holds `id` or the first one above it.
  std::map<int, RowRange>::iterator first_from(int id) {
    auto range = ranges_.upper_bound(id);
    if (range != ranges_.begin()) {
      const auto before = std::prev(range);
      if (id < before->first + before->second.count) return before;
    }
    return range;
  }

  std::mutex mutex_;
  std::map<int, RowRange> ranges_;
  int next_ = -1;
};

Registry& registry() {
  static Registry all;
  return all;
}

}  // namespace

struct EmbeddedRows::Block {
  Block(std::vector<float> rows, int row_width)
      : values(std::move(rows)),
        width(row_width),
        count(static_cast<int>(values.size()) / row_width),
        lowest(count > 0 ? registry().add(values.data(), count, width) : 0) {}
  ~Block() {
    if (count > 0) registry().remove(lowest);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::vector<float> values;  // [count, width]
  int width;
  int count;
  int lowest;  // id of the first row
};

EmbeddedRows::EmbeddedRows(std::vector<float> values, int width) {
  if (width <= 0 || values.size() % static_cast<std::size_t>(width) != 0)
    throw std::invalid_argument("rows of " + std::to_string(width) + " numbers cannot be made of " +
                                std::to_string(values.size()));
  block_ = std::make_shared<const Block>(std::move(values), width);
}

int EmbeddedRows::count() const { return block_ ? block_->count : 0; }

int EmbeddedRows::id(int row) const {
  if (row < 0 || row >= count())
    throw std::out_of_range("there is no row " + std::to_string(row) + " among " + std::to_string(count()));
  return block_->lowest + row;
}

EmbeddedRows::Found EmbeddedRows::find(int id) { return registry().find(id); }

}  // namespace parley::causal_lm
