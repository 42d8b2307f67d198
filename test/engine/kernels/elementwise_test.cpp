// Norms, activations and softmax of every instruction set against the same in double precision.
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "engine/kernels/functions.hpp"
#include "test/support/catch.hpp"

using namespace parley;

namespace {

std::vector<float> random_numbers(std::size_t count, float scale) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0.0F, scale);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = normal(random);
  return numbers;
}

}  // namespace

TEST_CASE("layer norm, GELU and softmax are right to float precision at any width", "[engine][kernels]") {
  const std::size_t width = GENERATE(8, 16, 30, 512);
  const std::vector<float> x = random_numbers(width, 3.0F), weight = random_numbers(width, 1.0F),
                           bias = random_numbers(width, 0.5F);
  const int count = static_cast<int>(width);
  double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(width), variance = 0, sum = 0;
  for (float value : x) variance += (value - mean) * (value - mean) / static_cast<double>(width);
  for (float value : x) sum += std::exp(static_cast<double>(value));
  for (const kernels::Functions* functions : kernels::available_functions()) {
    INFO(functions->name << ", " << width << " wide");
    std::vector<float> normed(width), activated(width), weights = x;
    functions->layer_norm(x.data(), weight.data(), bias.data(), 1e-5F, count, normed.data());
    functions->gelu(x.data(), count, activated.data());
    functions->softmax(weights.data(), count);
    for (std::size_t i = 0; i < width; ++i) {
      CHECK(normed[i] ==
            Approx((x[i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i]).margin(1e-5));
      CHECK(activated[i] == Approx(x[i] * (1 + std::erf(x[i] / std::sqrt(2.0))) / 2).margin(1e-6));
      CHECK(weights[i] == Approx(std::exp(static_cast<double>(x[i])) / sum).margin(1e-6));
    }
  }
}
