// What a decode step is told: one token of each of some conversations, and where their keys and values lie.
//
// All that differs from step to step are the numbers in one small tensor, which is filled on the host and
// copied to the device at once. So a graph of a step serves any mix of conversations that is no larger, and
// the host does not wait for the step before.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace parley::causal_lm {

// In place of a token: the one that its lane's step before chose.
inline constexpr std::int64_t chosen_before = -1;

class DecodeStep {
 public:
  // `pages`: of each row, as many as the longest conversation has.
  DecodeStep(std::int64_t rows, std::int64_t pages, const at::TensorOptions& where);

  struct Row {
    std::int64_t token = 0;  // or chosen_before
    std::int64_t position = 0;
    std::int64_t place = 0;  // of its keys and values in the pool
    std::int64_t lane = 0;
    double drawn = 0;          // 0 .. 1, where it chooses at random
    std::vector<int> pages{};  // of its conversation; spare ones are added
  };
  // A step on the host, in memory that a GPU can read by itself where one does: `rows` first, then rows that
  // only fill it up.
  static DecodeStep on_host(const std::vector<Row>& rows, std::int64_t filled_rows, std::int64_t pages,
                            bool for_gpu);
  DecodeStep to(at::Device device) const;    // does not wait
  void take(const DecodeStep& other) const;  // of the same size, from the host; does not wait

  std::int64_t rows() const { return rows_; }
  std::int64_t pages() const { return pages_; }
  at::Tensor tokens() const { return part(0); }  // [rows], all of them
  at::Tensor positions() const { return part(1); }
  at::Tensor places() const { return part(2); }
  at::Tensor lanes() const { return part(3); }
  at::Tensor drawn() const { return part(4).view(at::kDouble); }
  at::Tensor tables() const { return numbers_.narrow(0, parts * rows_, rows_ * pages_); }  // [rows * pages]

 private:
  static constexpr std::int64_t parts = 5;  // before the tables
  at::Tensor part(std::int64_t index) const { return numbers_.narrow(0, index * rows_, rows_); }

  std::int64_t rows_, pages_;
  at::Tensor numbers_;  // [rows * (parts + pages)] int64
};

}  // namespace parley::causal_lm
