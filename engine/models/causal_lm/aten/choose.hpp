// What Sampler does (sampler.hpp), for all rows of a step at once where their logits are: penalty,
// temperature, top_k, top_p and a draw in tensor operations of fixed shapes, which a graph can hold.
//
// Given the numbers that Sampler would draw it chooses what Sampler would choose, but where two sums that
// differ in their last bits fall on two sides of a number.
#pragma once

#include <ATen/ATen.h>

namespace parley::causal_lm {

struct Choice {
  at::Tensor temperature;  // [rows] float; 0: the likeliest
  at::Tensor top_p;        // [rows] float; 1 or more: all
  at::Tensor penalty;      // [rows] float, of repetition
  at::Tensor top_k;        // [rows] int64; 0: all
  at::Tensor seen;         // [rows, vocabulary] bool: whom the penalty makes less likely
  at::Tensor drawn;        // [rows] double, 0 .. 1
};

// logits [rows, vocabulary] float32 -> [rows] int64, -1 where a logit is NaN or infinite. draws: whether some
// row's temperature is above 0; else the rest of its settings is not looked at.
at::Tensor choose(const at::Tensor& logits, const Choice& by, bool draws);

}  // namespace parley::causal_lm
