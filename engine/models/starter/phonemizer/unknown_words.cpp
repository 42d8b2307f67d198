#include "engine/models/starter/phonemizer/unknown_words.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace parley::phonemizer {
namespace {

using Linear = UnknownWordsTables::Linear;
using Norm = UnknownWordsTables::Norm;

constexpr std::size_t remembered_words = 4096;
constexpr std::size_t lane = 8;  // outputs summed side by side; every width here is a multiple

struct Matrix {
  Matrix(std::size_t row_count, std::size_t width)
      : rows(row_count), columns(width), values(row_count * width) {}
  float* operator[](std::size_t row) { return values.data() + row * columns; }
  const float* operator[](std::size_t row) const { return values.data() + row * columns; }

  std::size_t rows, columns;
  std::vector<float> values;
};

Matrix normalized(const Matrix& x, const Norm& norm) {
  Matrix out(x.rows, x.columns);
  for (std::size_t row = 0; row < x.rows; ++row) {
    float mean = 0;
    float square = 0;
    for (std::size_t i = 0; i < x.columns; ++i) mean += x[row][i];
    mean /= static_cast<float>(x.columns);
    for (std::size_t i = 0; i < x.columns; ++i) square += (x[row][i] - mean) * (x[row][i] - mean);
    float scale = 1.0F / std::sqrt(square / static_cast<float>(x.columns) + 1e-5F);
    for (std::size_t i = 0; i < x.columns; ++i)
      out[row][i] = (x[row][i] - mean) * scale * norm.weight[i] + norm.bias[i];
  }
  return out;
}

Matrix linear(const Matrix& x, const Linear& layer) {
  std::size_t outputs = layer.bias.size();
  Matrix out(x.rows, outputs);
  for (std::size_t row = 0; row < x.rows; ++row) {
    for (std::size_t o = 0; o < outputs; o += lane) {
      std::array<float, lane> sum{};
      for (std::size_t i = 0; i < x.columns; ++i) {
        const float* weights = layer.weight.data() + i * outputs + o;
        float value = x[row][i];
        for (std::size_t k = 0; k < lane; ++k) sum[k] += value * weights[k];
      }
      for (std::size_t k = 0; k < lane; ++k) out[row][o + k] = sum[k] + layer.bias[o + k];
    }
  }
  return out;
}

void add(Matrix& x, const Matrix& y) {
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += y.values[i];
}

Matrix gelu(Matrix x) {
  for (float& value : x.values) value = 0.5F * value * (1.0F + std::erf(value * 0.70710678F));
  return x;
}

// qkv: [time, 3 * width] -> [time, width]
Matrix attention(const Matrix& qkv, std::size_t heads) {
  std::size_t width = qkv.columns / 3;
  std::size_t head_width = width / heads;
  float scale = 1.0F / std::sqrt(static_cast<float>(head_width));
  Matrix out(qkv.rows, width);
  std::vector<float> share(qkv.rows);
  for (std::size_t head = 0; head < heads; ++head) {
    std::size_t q = head * head_width;
    std::size_t k = width + q;
    std::size_t v = 2 * width + q;
    for (std::size_t row = 0; row < qkv.rows; ++row) {
      float largest = -1e30F;
      for (std::size_t other = 0; other < qkv.rows; ++other) {
        float product = 0;
        for (std::size_t i = 0; i < head_width; ++i) product += qkv[row][q + i] * qkv[other][k + i];
        share[other] = product * scale;
        largest = std::max(largest, share[other]);
      }
      float total = 0;
      for (float& value : share) total += value = std::exp(value - largest);
      for (std::size_t other = 0; other < qkv.rows; ++other)
        for (std::size_t i = 0; i < head_width; ++i)
          out[row][q + i] += share[other] / total * qkv[other][v + i];
    }
  }
  return out;
}

}  // namespace

struct UnknownWords::Memory {
  std::mutex mutex;
  std::unordered_map<std::u32string, Phonemes> readings;
};

UnknownWords::UnknownWords(UnknownWordsTables tables)
    : tables_(std::move(tables)), width_(tables_.norm.bias.size()), memory_(std::make_unique<Memory>()) {
  auto classes = static_cast<std::size_t>(tables_.slots) * (tables_.phonemes.size() + 1);
  bool fits = width_ > 0 && width_ % lane == 0 && width_ % tables_.heads == 0 &&
              tables_.head.bias.size() == classes && classes % lane == 0 &&
              tables_.emb.size() == (tables_.letters.size() + 1) * width_ &&
              tables_.pos.size() == tables_.longest * width_;
  if (!fits)
    throw std::runtime_error(
        "pronunciation.safetensors does not fit pronunciation.json; convert the voice again");
}

UnknownWords::~UnknownWords() = default;
UnknownWords::UnknownWords(UnknownWords&&) noexcept = default;

Phonemes UnknownWords::read(std::u32string_view word) const {
  std::vector<std::size_t> letters;
  for (char32_t c : word) {
    std::size_t index = tables_.letters.find(c);
    if (index != std::u32string::npos && letters.size() < tables_.longest) letters.push_back(index + 1);
  }
  if (letters.empty()) return {};
  {
    std::lock_guard lock(memory_->mutex);
    auto known = memory_->readings.find(std::u32string(word));
    if (known != memory_->readings.end()) return known->second;
  }
  Phonemes phonemes = run(letters);
  std::lock_guard lock(memory_->mutex);
  if (memory_->readings.size() >= remembered_words) memory_->readings.clear();
  memory_->readings.emplace(word, phonemes);
  return phonemes;
}

Phonemes UnknownWords::run(const std::vector<std::size_t>& letters) const {
  Matrix x(letters.size(), width_);
  for (std::size_t t = 0; t < letters.size(); ++t)
    for (std::size_t i = 0; i < width_; ++i)
      x[t][i] = tables_.emb[letters[t] * width_ + i] + tables_.pos[t * width_ + i];
  for (const auto& layer : tables_.layers) {
    add(x,
        linear(attention(linear(normalized(x, layer.norm1), layer.in_proj), tables_.heads), layer.out_proj));
    add(x, linear(gelu(linear(normalized(x, layer.norm2), layer.linear1)), layer.linear2));
  }
  Matrix scores = linear(normalized(x, tables_.norm), tables_.head);

  Phonemes phonemes;
  std::size_t classes = tables_.phonemes.size() + 1;
  std::size_t previous = 0;
  for (std::size_t slot = 0; slot * classes < scores.values.size(); ++slot) {
    const float* begin = scores.values.data() + slot * classes;
    auto best = static_cast<std::size_t>(std::max_element(begin, begin + classes) - begin);
    if (best != previous && best != 0) phonemes += tables_.phonemes[best - 1];
    previous = best;
  }
  return phonemes;
}

}  // namespace parley::phonemizer
