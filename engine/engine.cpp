#include "engine/engine.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "engine/loop.hpp"
#include "engine/mailbox.hpp"
#include "engine/metrics.hpp"
#include "engine/rehearsal.hpp"

namespace parley::engine {
namespace {

constexpr int slots_without_measuring = 16;

}  // namespace

class Engine::Impl {
 public:
  Impl(std::unique_ptr<SpeechModel> model, const EngineSettings& settings)
      : model_(std::move(model)), settings_(settings), commands_(settings.mailbox_capacity) {
    std::promise<void> ready;
    auto is_ready = ready.get_future();
    thread_ = std::jthread(
        [this, ready = std::move(ready)](std::stop_token stop) mutable { run(std::move(stop), ready); });
    is_ready.get();  // rethrows what the rehearsal threw
  }

  ~Impl() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  const ModelInfo& info() const { return model_->info(); }

  bool post(Command command) { return commands_.post(std::move(command)); }
  void post_always(Command command) { commands_.post_always(std::move(command)); }

  EngineStatus status() const {
    EngineStatus status;
    metrics_.copy_to(status);
    status.mailbox_depth = static_cast<int>(commands_.depth());
    const Clock::rep since = busy_since_.load(std::memory_order_relaxed);
    status.stuck =
        since != 0 && Clock::now().time_since_epoch() - Clock::duration(since) > settings_.stuck_after;
    if (status.stuck) status.accepting = false;
    return status;
  }

 private:
  void run(std::stop_token stop, std::promise<void>& ready) {
    std::optional<Loop> loop;
    try {
      start(loop);
    } catch (...) {
      ready.set_exception(std::current_exception());
      return;
    }
    ready.set_value();

    std::vector<Command> taken;
    while (!stop.stop_requested()) {
      busy_since_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
      commands_.take(taken);
      for (Command& command : taken) loop->apply(std::move(command));
      if (loop->step()) continue;
      busy_since_.store(0, std::memory_order_relaxed);
      commands_.wait(stop, loop->wake_at());
    }
    // What was asked before the end is still answered: each turn gets its TurnDone.
    commands_.take(taken);
    loop->apply(Drain{});
    for (Command& command : taken) loop->apply(std::move(command));
    loop->end();
  }

  // On the engine's thread, as a model's thread pool may belong to the thread that calls it.
  void start(std::optional<Loop>& loop) {
    struct Price {
      WorkKind kind;
      int batch, units;
      double ms;
    };
    std::vector<Price> prices;
    int slots = slots_without_measuring;
    if (settings_.measure_at_start) {
      auto costs = rehearse(*model_, settings_.measure_time,
                            [&prices](WorkKind kind, int batch, int units, double ms) {
                              prices.push_back({kind, batch, units, ms});
                            });
      for (const SpeakingCost& cost : costs) {
        spdlog::info("engine: {} responses at once take {:.0f} % of the time", cost.batch, cost.share * 100);
      }
      if (!costs.empty()) slots = slots_for(costs);
    } else if (settings_.slots > 0) {
      slots = settings_.slots;
    }
    if (const int most = model_->info().max_slots; most > 0) slots = std::min(slots, most);
    if (settings_.slots > 0) slots = std::min(slots, settings_.slots);
    spdlog::info("engine: {} slots", slots);
    loop.emplace(*model_, settings_, slots, metrics_, [] { return Clock::now(); });
    for (const Price& price : prices) loop->measured(price.kind, price.batch, price.units, price.ms);
  }

  const std::unique_ptr<SpeechModel> model_;
  const EngineSettings settings_;
  Metrics metrics_;
  Mailbox<Command> commands_;
  std::atomic<Clock::rep> busy_since_{0};  // the running step's start; 0: waiting
  std::jthread thread_;                    // last: starts after, and is joined before, all that it uses
};

Engine::Engine(std::unique_ptr<SpeechModel> model, const EngineSettings& settings)
    : impl_(std::make_unique<Impl>(std::move(model), settings)) {}
Engine::~Engine() = default;

const ModelInfo& Engine::info() const { return impl_->info(); }

DialogueId Engine::open_dialogue(EventSink sink) {
  static std::atomic<DialogueId> last{0};
  const DialogueId dialogue = ++last;
  impl_->post_always(OpenDialogue{dialogue, std::move(sink)});
  return dialogue;
}

void Engine::close_dialogue(DialogueId dialogue) { impl_->post_always(CloseDialogue{dialogue}); }

bool Engine::hear(DialogueId dialogue, std::string item_id, std::vector<float> pcm) {
  return impl_->post(Hear{dialogue, std::move(item_id), std::move(pcm)});
}

void Engine::forget(DialogueId dialogue, std::string item_id) {
  impl_->post_always(Forget{dialogue, std::move(item_id)});
}

TurnId Engine::next_turn_id() {
  static std::atomic<TurnId> last{0};
  return ++last;
}

TurnId Engine::start_turn(TurnRequest request) {
  if (request.turn == 0) request.turn = next_turn_id();
  const TurnId turn = request.turn;
  impl_->post_always(StartTurn{std::move(request)});
  return turn;
}

void Engine::commit_turn(TurnId turn, Clock::time_point turn_end) {
  impl_->post_always(CommitTurn{turn, turn_end});
}
void Engine::cancel_turn(TurnId turn) { impl_->post_always(CancelTurn{turn}); }
void Engine::report_heard(TurnId turn, double heard_ms) {
  // Losing one is harmless: the next says more.
  impl_->post(ReportHeard{turn, heard_ms});
}
void Engine::drain() { impl_->post_always(Drain{}); }
EngineStatus Engine::status() const { return impl_->status(); }

}  // namespace parley::engine
