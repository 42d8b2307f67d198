#include "engine/kernels/attention.hpp"

#include <cmath>
#include <limits>

#include "engine/kernels/functions.hpp"
#include "test/engine/kernels/random_matrix.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using kernels::piece_positions;

namespace {

constexpr int head_width = 80;  // no multiple of the dimensions that any of the kernels mixes at once

// Keys and values of `length` positions, and the pieces that hold them.
struct Past {
  std::vector<float> keys, values;  // [length, head_width]
  std::vector<std::vector<std::byte>> memory;
  std::vector<const std::byte*> pieces;

  Past(const kernels::Functions& kernel, int length) {
    const auto size = static_cast<std::size_t>(length * head_width);
    keys = test::random_floats(size, 21, 3.0F);
    values = test::random_floats(size, 22, 2.0F);
    for (int position = 0; position < length; ++position) {
      if (position % piece_positions == 0) memory.emplace_back(kernels::piece_bytes(head_width));
      kernel.append(memory.back().data(), position % piece_positions, keys.data() + position * head_width,
                    values.data() + position * head_width, head_width);
    }
    for (const auto& piece : memory) pieces.push_back(piece.data());
  }
};

std::vector<float> attended(const kernels::Functions& kernel, const Past& past,
                            const std::vector<float>& queries, int heads, int length) {
  std::vector<float> scores(static_cast<std::size_t>(kernels::heads_at_once * (length + piece_positions)));
  std::vector<float> out(queries.size());
  kernel.attend(queries.data(), heads, head_width, {past.pieces.data(), length}, scores.data(), out.data());
  return out;
}

// softmax(q k / sqrt(width)) v in double precision.
std::vector<double> expected(const Past& past, const std::vector<float>& queries, int heads, int length) {
  std::vector<double> out;
  for (int head = 0; head < heads; ++head) {
    std::vector<double> weights;
    double sum = 0.0;
    for (int position = 0; position < length; ++position) {
      double score = 0.0;
      for (int i = 0; i < head_width; ++i)
        score += static_cast<double>(queries[static_cast<std::size_t>(head * head_width + i)]) *
                 past.keys[static_cast<std::size_t>(position * head_width + i)];
      weights.push_back(std::exp(score / std::sqrt(head_width)));
      sum += weights.back();
    }
    for (int i = 0; i < head_width; ++i) {
      double mixed = 0.0;
      for (int position = 0; position < length; ++position)
        mixed += weights[static_cast<std::size_t>(position)] / sum *
                 past.values[static_cast<std::size_t>(position * head_width + i)];
      out.push_back(mixed);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("attention is the softmax-weighted sum of the past's values", "[kernels][attention]") {
  for (const kernels::Functions* kernel : kernels::available_functions())
    for (const int heads : {1, 2, 3, 4, 7})
      for (const int length : {1, 15, 16, 17, 50, 64, 65, 100}) {
        INFO(kernel->name << ", " << heads << " heads, " << length << " positions");
        const Past past(*kernel, length);
        const auto queries = test::random_floats(static_cast<std::size_t>(heads * head_width), 23, 2.0F);
        const auto out = attended(*kernel, past, queries, heads, length);
        const auto wanted = expected(past, queries, heads, length);
        double largest = 0.0;
        for (std::size_t i = 0; i < out.size(); ++i)
          largest = std::max(largest, std::fabs(out[i] - wanted[i]));
        CHECK(largest < 3e-4);
      }
}

TEST_CASE("a query sees its own past alone, whatever follows in the same pieces", "[kernels][attention]") {
  for (const kernels::Functions* kernel : kernels::available_functions())
    for (const int heads : {1, 2, 3, 4}) {
      const Past longer(*kernel, 110);
      const auto queries = test::random_floats(static_cast<std::size_t>(heads * head_width), 24);
      for (const int length : {1, 5, 16, 30, 64, 70, 96}) {
        INFO(kernel->name << ", " << heads << " heads, " << length << " positions");
        const Past exact(*kernel, length);
        CHECK(attended(*kernel, longer, queries, heads, length) ==
              attended(*kernel, exact, queries, heads, length));
      }
    }
}

TEST_CASE("queries that share keys get what each would get alone", "[kernels][attention]") {
  for (const kernels::Functions* kernel : kernels::available_functions())
    for (const int heads : {2, 3, 7})
      for (const int length : {16, 37, 64, 100}) {
        INFO(kernel->name << ", " << heads << " heads, " << length << " positions");
        const Past past(*kernel, length);
        const auto queries = test::random_floats(static_cast<std::size_t>(heads * head_width), 25);
        const auto together = attended(*kernel, past, queries, heads, length);
        for (int head = 0; head < heads; ++head) {
          const std::vector<float> query(queries.begin() + head * head_width,
                                         queries.begin() + (head + 1) * head_width);
          const auto alone = attended(*kernel, past, query, 1, length);
          CHECK(std::equal(alone.begin(), alone.end(), together.begin() + head * head_width));
        }
      }
}

TEST_CASE("a norm divides by the root of the mean square", "[kernels]") {
  for (const kernels::Functions* kernel : kernels::available_functions())
    for (const int width : {8, 32, 37}) {
      const auto x = test::random_floats(static_cast<std::size_t>(width), 26);
      const auto weight = test::random_floats(static_cast<std::size_t>(width), 27);
      double squares = 0.0;
      for (const float value : x) squares += static_cast<double>(value) * value;
      std::vector<float> out(x.size());
      kernel->rms_norm(x.data(), weight.data(), 1e-5F, width, out.data());
      for (std::size_t i = 0; i < x.size(); ++i)
        CHECK(out[i] == Approx(x[i] / std::sqrt(squares / width + 1e-5) * weight[i]).margin(1e-6));
    }
}

TEST_CASE("rotation turns the pairs half a head apart", "[kernels]") {
  for (const kernels::Functions* kernel : kernels::available_functions()) {
    const auto x = test::random_floats(32, 28);
    std::vector<float> cosines, sines, out(32);
    for (int i = 0; i < 16; ++i) {
      cosines.push_back(std::cos(0.3F * static_cast<float>(i)));
      sines.push_back(std::sin(0.3F * static_cast<float>(i)));
    }
    kernel->rotate(x.data(), cosines.data(), sines.data(), 32, out.data());
    for (std::size_t i = 0; i < 16; ++i) {
      CHECK(out[i] == Approx(x[i] * cosines[i] - x[i + 16] * sines[i]).margin(1e-6));
      CHECK(out[i + 16] == Approx(x[i + 16] * cosines[i] + x[i] * sines[i]).margin(1e-6));
    }
  }
}

TEST_CASE("the largest logit is found with its lowest index, and what is not finite is told", "[kernels]") {
  for (const kernels::Functions* kernel : kernels::available_functions()) {
    auto logits = test::random_floats(43, 29);
    logits[17] = logits[40] = 1.5F;
    float largest = 0.0F;
    CHECK(kernel->argmax(logits.data(), 43, &largest) == 17);
    CHECK(largest == 1.5F);
    for (const std::size_t at : {0U, 20U, 42U})
      for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()}) {
        auto broken = logits;
        broken[at] = bad;
        CHECK(kernel->argmax(broken.data(), 43, &largest) == -1);
      }
  }
}

TEST_CASE("exponentials are within 1e-6 of the library's", "[kernels]") {
  for (const kernels::Functions* kernel : kernels::available_functions()) {
    const auto x = test::random_floats(1001, 30, 30.0F);
    std::vector<float> out(x.size());
    const float sum = kernel->exp_sum(x.data(), 1001, 30.0F, 0.5F, out.data());
    double wanted = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double one = std::exp((static_cast<double>(x[i]) - 30.0) * 0.5);
      CHECK(out[i] == Approx(one).epsilon(1e-5));
      wanted += one;
    }
    CHECK(sum == Approx(wanted).epsilon(1e-5));
  }
}

TEST_CASE("a position that stands for many weighs as much as they would", "[kernels][attention]") {
  constexpr int own = 16, all = 24, many = 3;
  for (const kernels::Functions* kernel : kernels::available_functions()) {
    INFO(kernel->name);
    const Past past(*kernel, all);
    Past spelled_out = past;  // the last eight, three times, for the sum in double precision
    for (int round = 1; round < many; ++round) {
      const auto from = own * head_width, to = all * head_width;
      spelled_out.keys.insert(spelled_out.keys.end(), past.keys.begin() + from, past.keys.begin() + to);
      spelled_out.values.insert(spelled_out.values.end(), past.values.begin() + from,
                                past.values.begin() + to);
    }
    const auto queries = test::random_floats(head_width, 25, 2.0F);
    std::vector<float> scores(2 * all), out(head_width);
    kernel->attend(queries.data(), 1, head_width,
                   {.pieces = past.pieces.data(), .length = all, .many_from = own, .as_many = many},
                   scores.data(), out.data());
    const auto wanted = expected(spelled_out, queries, 1, own + many * (all - own));
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i] == Approx(wanted[i]).margin(3e-4));
  }
}
