// Sums neighbouring bins of a spectrum by triangles that stand evenly on a mel scale.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley::audio {

struct MelFilterSettings {
  std::size_t filters = 0;
  std::size_t transform_samples = 0;  // of the spectrum's Fourier transform
  int sample_rate_hz = 0;
  double lowest_hz = 0;
  double highest_hz = 0;
};

class MelFilters {
 public:
  // Slaney's scale (Auditory Toolbox, 1998): linear up to 1 kHz, then 27 steps for a factor of 6.4. Triangles
  // have straight sides over Hz and equal areas. As librosa.filters.mel does by default.
  static MelFilters slaney(const MelFilterSettings& settings);
  // The scale of HTK, 1127 ln(1 + f / 700). Triangles have straight sides over mel and height 1. As Kaldi
  // does.
  static MelFilters kaldi(const MelFilterSettings& settings);

  std::size_t size() const { return filters_.size(); }
  // bins [transform_samples / 2 + 1], sums [size()]
  void operator()(std::span<const float> bins, std::span<float> sums) const;

 private:
  struct Filter {  // zero but for these bins
    std::size_t first_bin = 0;
    std::vector<float> weights;
  };
  template <typename HeightAt>
  void add(std::size_t bins, const HeightAt& height_at);  // of a bin; what is not above zero is left out

  std::vector<Filter> filters_;
};

}  // namespace parley::audio
