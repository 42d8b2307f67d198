#include "engine/audio/mel_filters.hpp"

#include <algorithm>
#include <cmath>

namespace parley::audio {
namespace {

constexpr double slaney_hz_per_mel = 200.0 / 3.0;
constexpr double slaney_log_hz = 1000.0;
constexpr double slaney_log_mel = slaney_log_hz / slaney_hz_per_mel;
const double slaney_log_step = std::log(6.4) / 27.0;

double slaney_mel(double hz) {
  return hz < slaney_log_hz ? hz / slaney_hz_per_mel
                            : slaney_log_mel + std::log(hz / slaney_log_hz) / slaney_log_step;
}

double slaney_hz(double mel) {
  return mel < slaney_log_mel ? mel * slaney_hz_per_mel
                              : slaney_log_hz * std::exp((mel - slaney_log_mel) * slaney_log_step);
}

double kaldi_mel(double hz) { return 1127.0 * std::log(1.0 + hz / 700.0); }

// Where the triangles' sides meet: filter m rises from corner m to m + 1 and falls to m + 2.
std::vector<double> even_corners(double lowest, double highest, std::size_t filters) {
  std::vector<double> corners(filters + 2);
  for (std::size_t i = 0; i < corners.size(); ++i)
    corners[i] = lowest + (highest - lowest) * static_cast<double>(i) / static_cast<double>(filters + 1);
  return corners;
}

double triangle(double x, double left, double centre, double right) {
  return std::min((x - left) / (centre - left), (right - x) / (right - centre));
}

double hz_of_bin(std::size_t bin, const MelFilterSettings& settings) {
  return static_cast<double>(bin) * settings.sample_rate_hz / static_cast<double>(settings.transform_samples);
}

}  // namespace

template <typename HeightAt>
void MelFilters::add(std::size_t bins, const HeightAt& height_at) {
  Filter filter;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const double height = height_at(bin);
    if (height <= 0) continue;
    if (filter.weights.empty()) filter.first_bin = bin;
    filter.weights.push_back(static_cast<float>(height));
  }
  filters_.push_back(std::move(filter));
}

MelFilters MelFilters::slaney(const MelFilterSettings& settings) {
  std::vector<double> corners =
      even_corners(slaney_mel(settings.lowest_hz), slaney_mel(settings.highest_hz), settings.filters);
  std::ranges::transform(corners, corners.begin(), slaney_hz);
  MelFilters result;
  for (std::size_t m = 0; m < settings.filters; ++m) {
    const double left = corners[m], centre = corners[m + 1], right = corners[m + 2];
    result.add(settings.transform_samples / 2 + 1, [&](std::size_t bin) {
      return triangle(hz_of_bin(bin, settings), left, centre, right) * 2.0 / (right - left);
    });
  }
  return result;
}

MelFilters MelFilters::kaldi(const MelFilterSettings& settings) {
  const std::vector<double> corners =
      even_corners(kaldi_mel(settings.lowest_hz), kaldi_mel(settings.highest_hz), settings.filters);
  MelFilters result;
  for (std::size_t m = 0; m < settings.filters; ++m)  // the last bin, half the sample rate, is in no filter
    result.add(settings.transform_samples / 2, [&](std::size_t bin) {
      return triangle(kaldi_mel(hz_of_bin(bin, settings)), corners[m], corners[m + 1], corners[m + 2]);
    });
  return result;
}

void MelFilters::operator()(std::span<const float> bins, std::span<float> sums) const {
  for (std::size_t m = 0; m < filters_.size(); ++m) {
    float sum = 0;
    for (std::size_t i = 0; i < filters_[m].weights.size(); ++i)
      sum += filters_[m].weights[i] * bins[filters_[m].first_bin + i];
    sums[m] = sum;
  }
}

}  // namespace parley::audio
