// What the spectra of whole signals begin with: a window, and what stands before the first and after the last
// sample.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley::audio {

// (1 - cos(2 pi n / size)) / 2: periodic, its next value would be its first.
std::vector<float> hann_window(std::size_t size);

// The sound with so many samples of its mirror image at either end: x[2] x[1] | x[0] x[1] x[2] .. (the
// outermost sample is not repeated; torch calls it "reflect"). Throws std::invalid_argument when the sound
// has no more samples than are to be mirrored.
std::vector<float> with_mirrored_ends(std::span<const float> sound, std::size_t samples);

}  // namespace parley::audio
