#include "engine/rehearsal.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/playback.hpp"

namespace parley::engine {
namespace {

constexpr double spare = 1.2;
constexpr int most_slots = 256;
constexpr int batches[] = {1, 1, 2, 4, 8};  // the first run of all warms up and is not counted

class Silent final : public StepEvents {
 public:
  void emit(const Turn&, Event) override {}
  void fail(const Turn&, std::string error) override { throw std::runtime_error(error); }
};

// `batch` equal turns, run in step with each other until `until`.
class Run {
 public:
  Run(SpeechModel& model, int batch, const MeasuredPass& measured) : model_(model), measured_(measured) {
    TurnRequest request;
    request.instructions = "You are a storyteller.";
    request.context = {{"rehearsal", ItemKind::message, Role::user,
                        "Tell me a long story about a lighthouse.", false, std::nullopt, "", ""}};
    request.sampling = Sampling{};
    for (int i = 0; i < batch; ++i) {
      dialogues_.push_back(model.open());
      turns_.push_back(model.begin(*dialogues_.back(), request));
    }
  }
  ~Run() {
    turns_.clear();
    for (auto& dialogue : dialogues_) model_.release(*dialogue);
  }

  // Decode and detokenize time over the audio made, which is that of one response among `batch`.
  SpeakingCost cost(Clock::time_point until) {
    while (Clock::now() < until && step()) {
    }
    double audio_ms = 0;
    for (auto& turn : turns_) {
      auto progress = turn->progress();
      audio_ms += progress.rendered_ms + progress.pending_ms;
    }
    const double each_ms = audio_ms / static_cast<double>(turns_.size());
    return {static_cast<int>(turns_.size()), each_ms > 0 ? speaking_ms_ / each_ms : 0};
  }

 private:
  bool step() {
    bool worked = false;
    for (int kind = 0; kind < work_kinds; ++kind) worked |= pass(static_cast<WorkKind>(kind));
    return worked;
  }

  bool pass(WorkKind kind) {
    std::vector<Turn*> batch;
    int shape = 0, units = 1;
    for (auto& turn : turns_) {
      if (turn->progress().finished || static_cast<int>(batch.size()) >= model_.max_batch(kind)) continue;
      for (const Work& work : model_.ready(*turn)) {
        if (work.kind != kind || (!batch.empty() && work.shape != shape)) continue;
        shape = work.shape;
        units = kind == WorkKind::decode ? 1 : work.units;
        batch.push_back(turn.get());
      }
    }
    if (batch.empty()) return false;
    Silent silent;
    const auto from = Clock::now();
    model_.run(kind, batch, units, silent);
    const double took_ms = Milliseconds(Clock::now() - from).count();
    measured_(kind, static_cast<int>(batch.size()), units, took_ms);
    if (kind == WorkKind::decode || kind == WorkKind::detokenize) speaking_ms_ += took_ms;
    return true;
  }

  SpeechModel& model_;
  const MeasuredPass& measured_;
  std::vector<std::unique_ptr<Dialogue>> dialogues_;
  std::vector<std::unique_ptr<Turn>> turns_;
  double speaking_ms_ = 0;
};

}  // namespace

std::vector<SpeakingCost> rehearse(SpeechModel& model, milliseconds time, const MeasuredPass& measured) {
  std::vector<SpeakingCost> costs;
  const int runs = static_cast<int>(std::size(batches));
  const int most = model.info().max_slots > 0 ? model.info().max_slots : most_slots;
  const MeasuredPass nobody = [](WorkKind, int, int, double) {};
  const auto start = Clock::now();
  for (int i = 0; i < runs; ++i) {
    if (batches[i] > most) break;
    Run run(model, batches[i], i == 0 ? nobody : measured);
    SpeakingCost cost = run.cost(start + time * (i + 1) / runs);
    if (i > 0 && cost.share > 0) costs.push_back(cost);
  }
  return costs;
}

int slots_for(const std::vector<SpeakingCost>& costs) {
  constexpr double affordable = 1 / spare;
  if (costs.empty() || costs.front().share > affordable) return 1;
  // The last measured batch that fits, then along the line to the next one, or along the last line beyond it.
  SpeakingCost before{0, 0}, last = costs.front();
  for (const SpeakingCost& cost : costs) {
    if (&cost != &costs.front()) before = std::exchange(last, cost);
    if (cost.share > affordable) break;
  }
  const double slope = (last.share - before.share) / (last.batch - before.batch);
  if (slope <= 0) return last.share <= affordable ? most_slots : before.batch;
  return std::clamp(static_cast<int>(before.batch + (affordable - before.share) / slope), 1, most_slots);
}

}  // namespace parley::engine
