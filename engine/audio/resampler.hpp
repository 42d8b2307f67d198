// Changes the sample rate of mono sound as it streams by.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct SpeexResamplerState_;

namespace parley::engine {

// A band-limited resampler (windowed sinc, libspeexdsp) for one stream. Its filter looks ahead, so a call may
// return a little less than it was given; finish() returns the rest. What comes out lines up with what went
// in: output sample 0 is input sample 0. Equal rates pass through. Not thread-safe; memory is allocated at
// the first sample.
class Resampler {
 public:
  // `quality` is libspeexdsp's 0..10; 5 suits speech that is only listened to by a model.
  Resampler(int from_hz, int to_hz, int quality = 5);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  int from_hz() const { return from_hz_; }
  int to_hz() const { return to_hz_; }

  std::vector<float> push(std::span<const float> pcm);         // -1..1
  std::vector<float> push(std::span<const std::int16_t> pcm);  // scaled to -1..1
  std::vector<float> finish();                                 // the tail; the next push starts a new stream
  void reset();                                                // forgets the tail

 private:
  struct Destroy {
    void operator()(SpeexResamplerState_* state) const;
  };
  void open();

  int from_hz_;
  int to_hz_;
  int quality_;
  std::unique_ptr<SpeexResamplerState_, Destroy> state_;
};

// The whole of `pcm` at once.
std::vector<float> resample(std::span<const float> pcm, int from_hz, int to_hz, int quality = 8);

}  // namespace parley::engine
