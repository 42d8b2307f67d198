// Learns what this machine can do before the first caller comes: runs synthetic turns through the model's own
// interface, 1, 2, 4 and 8 at a time, and measures.
#pragma once

#include <functional>
#include <vector>

#include "engine/engine_settings.hpp"
#include "engine/speech_model.hpp"

namespace parley::engine {

// What speaking costs with `batch` responses at once.
struct SpeakingCost {
  int batch;
  double share;  // of the engine's time, with every response kept in real time: 1 is all of it
};

using MeasuredPass = std::function<void(WorkKind kind, int batch, int units, double ms)>;

// Takes about `time`; each pass is also told to `measured`. Empty when the model spoke nothing in that time.
// Throws what the model throws: a model that cannot serve these turns can serve none.
std::vector<SpeakingCost> rehearse(SpeechModel& model, milliseconds time, const MeasuredPass& measured);

// The most responses that leave 20 % of the time to spare, at least 1. Between and beyond what was measured
// the share is taken to grow in a straight line.
int slots_for(const std::vector<SpeakingCost>& costs);

}  // namespace parley::engine
