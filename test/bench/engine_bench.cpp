// What the scheduler and the loop cost on top of the model: time per step with 1, 8, 64 and 512 responses at
// once, on a model whose passes cost next to nothing and are taken out of the sum. Run:  engine_bench [steps]
#include <cstdio>
#include <cstdlib>

#include "engine/loop.hpp"
#include "test/support/scripted_model.hpp"

using namespace parley::engine;
using namespace parley::test;

namespace {

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// Counts the time that is the model's own.
class TimedModel final : public SpeechModel {
 public:
  explicit TimedModel(Script script) : model_(std::move(script)) {}
  const ModelInfo& info() const override { return model_.info(); }
  std::unique_ptr<Dialogue> open() override { return model_.open(); }
  void hear(Dialogue& dialogue, std::string_view item, std::span<const float> pcm) override {
    model_.hear(dialogue, item, pcm);
  }
  void forget(Dialogue& dialogue, std::string_view item) override { model_.forget(dialogue, item); }
  std::unique_ptr<Turn> begin(Dialogue& dialogue, const TurnRequest& request) override {
    return model_.begin(dialogue, request);
  }
  WorkList ready(const Turn& turn) const override { return model_.ready(turn); }
  int max_batch(WorkKind kind) const override { return model_.max_batch(kind); }
  void run(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) override {
    const auto from = Clock::now();
    model_.run(kind, batch, units, events);
    spent_ += Clock::now() - from;
    tokens_ += kind == WorkKind::decode ? batch.size() : 0;
  }
  Usage usage(const Turn& turn) const override { return model_.usage(turn); }
  void release(Dialogue& dialogue) override { model_.release(dialogue); }
  bool holds_slot(const Dialogue& dialogue) const override { return model_.holds_slot(dialogue); }

  Clock::duration spent() const { return spent_; }
  std::size_t tokens() const { return tokens_; }

 private:
  ScriptedModel model_;
  Clock::duration spent_{};
  std::size_t tokens_ = 0;
};

void measure(int turns, int steps) {
  std::string answer;
  for (int word = 0; word < 20'000; ++word) answer += "word ";
  Script script;
  script.max_batch = 1024;
  script.answer = [&answer](const TurnRequest&, const std::string&) { return answer; };
  TimedModel model(script);
  Metrics metrics;
  EngineSettings settings;
  // Time stands still for the listeners and leads have no limit, so that every response decodes at every
  // step.
  settings.scheduler.target_lead = settings.scheduler.max_lead = std::chrono::hours(1000);
  Loop loop(model, settings, turns, metrics, [] { return Clock::now(); });
  for (int turn = 1; turn <= turns; ++turn) {
    loop.apply(OpenDialogue{static_cast<DialogueId>(turn), [](Event) { return true; }});
    TurnRequest request;
    request.turn = static_cast<TurnId>(turn);
    request.dialogue = static_cast<DialogueId>(turn);
    request.context = {{"item", ItemKind::message, Role::user, "go", false, std::nullopt, "", ""}};
    loop.apply(StartTurn{std::move(request)});
  }
  for (int step = 0; step < 50; ++step) loop.step();  // prefill, and buffers find their size
  const auto model_before = model.spent();
  const auto tokens_before = model.tokens();
  const auto from = Clock::now();
  for (int step = 0; step < steps; ++step) loop.step();
  const double all = microseconds(Clock::now() - from) / steps;
  const double own = microseconds(model.spent() - model_before) / steps;
  std::printf("%6d %12.1f %12.1f %14.1f %16.0f %14.1f\n", turns, all, own, all - own,
              (all - own) * 1000 / turns, static_cast<double>(model.tokens() - tokens_before) / steps);
}

}  // namespace

int main(int argc, char** argv) {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 2000;
  std::printf("%6s %12s %12s %14s %16s %14s\n", "turns", "us a step", "of the model", "overhead, us",
              "ns a turn", "tokens a step");
  for (int turns : {1, 8, 64, 512}) measure(turns, steps);
}
