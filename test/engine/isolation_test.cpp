// No turn's text or audio depends on its neighbours: whatever joins, leaves, is cancelled, speculates or
// fails around it, it tells what it tells when it runs alone. Mixes are drawn from a seed, which a failure
// prints.
#include <spdlog/spdlog.h>

#include <random>
#include <set>

#include "engine/loop.hpp"
#include "test/support/catch.hpp"
#include "test/support/event_log.hpp"
#include "test/support/scripted_model.hpp"

using namespace parley::engine;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

#ifdef NDEBUG
constexpr unsigned mixes = 3000;
#else
constexpr unsigned mixes = 80;  // sanitizer builds are not optimized
#endif

// The faults of a mix, drawn beforehand: turns of a batch throw once, or whenever they come to that token.
struct Faults {
  std::mt19937 random;
  bool passing = false;     // one pass in 50 throws, once
  std::set<TurnId> broken;  // these turns throw at every decode from their third token on
  std::set<TurnId> nan;     // the logits of these are not a number
};

Script with_faults(Faults& faults, int max_batch, bool graphs) {
  Script script;
  script.max_batch = max_batch;
  script.graph_buckets = graphs;
  script.fault = [&faults](const TurnRequest& request, WorkKind kind, int tokens) {
    if (faults.broken.contains(request.turn) && kind == WorkKind::decode && tokens > 2)
      throw std::runtime_error("broken");
    // Not where it could hit the second try after another fault.
    if (faults.passing && faults.broken.empty() && faults.random() % 50 == 0) {
      faults.passing = false;
      throw std::runtime_error("passing");
    }
  };
  script.not_a_number = [&faults](const TurnRequest& request, int tokens) {
    return faults.nan.contains(request.turn) && tokens == 4;
  };
  return script;
}

class Mix {
 public:
  explicit Mix(unsigned seed)
      : random_(seed),
        faults_{std::mt19937(seed + 1), one_in(2), {}, {}},
        model_(with_faults(faults_, /*max_batch=*/below(7) + 1, /*graphs=*/one_in(2))),
        loop_(model_, drawn_settings(), /*slots=*/below(6) + 1, metrics_, [this] { return now_; }) {}

  void run() {
    for (int action = 0; action < 60; ++action) {
      act();
      for (int step = below(6); step > 0; --step) loop_.step();
    }
    for (const Started& one : started_) {
      if (one.speculative && !one.committed) loop_.apply(CommitTurn{one.request.turn, now_});
    }
    for (;;) {
      while (loop_.step()) {
      }
      auto wake = loop_.wake_at();
      if (!wake) break;
      now_ = std::max(now_, *wake) + 1ms;
    }
    for (const Started& one : started_) check(one);
  }

 private:
  struct Speech {
    std::string item;
    std::vector<float> pcm;
  };
  struct Started {
    TurnRequest request;
    Speech speech;
    bool speculative = false, committed = false, cancelled = false, closed = false;
  };

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool one_in(int n) { return below(n) == 0; }

  EngineSettings drawn_settings() {
    EngineSettings settings;
    settings.scheduler.min_piece = below(8) + 1;
    settings.scheduler.target_lead = milliseconds(below(2000) + 100);
    settings.scheduler.max_lead = settings.scheduler.target_lead + milliseconds(below(2000));
    settings.scheduler.chunk_lead = milliseconds(below(1000));
    settings.scheduler.step_budget = milliseconds(below(60) + 1);
    return settings;
  }

  void act() {
    now_ += milliseconds(below(40));
    switch (below(8)) {
      case 0:
        return open();
      case 1:
      case 2:
      case 3:
        return start();
      case 4:
        return commit();
      case 5:
        return cancel();
      case 6:
        if (!started_.empty()) loop_.apply(ReportHeard{drawn().request.turn, below(3000) * 1.0});
        return;
      case 7:
        if (one_in(4)) close();
        return;
    }
  }

  void open() {
    dialogues_.push_back(++last_dialogue_);
    loop_.apply(OpenDialogue{last_dialogue_, log_.sink()});
  }

  // A dialogue, its turn's history and its speech, all with words that no other has.
  void start() {
    if (dialogues_.empty()) return;
    Started one;
    one.request.dialogue = dialogues_[below(static_cast<int>(dialogues_.size()))];
    one.request.turn = ++last_turn_;
    one.request.instructions = "instructions of dialogue " + std::to_string(one.request.dialogue);
    const std::string mark = std::to_string(one.request.turn);
    for (int item = below(3); item > 0; --item) {
      one.request.context.push_back({"item_" + mark + "_" + std::to_string(item), ItemKind::message,
                                     Role::assistant, "earlier in " + std::to_string(one.request.dialogue),
                                     false, std::nullopt, "", ""});
    }
    one.request.context.push_back(
        {"item_" + mark, ItemKind::message, Role::user, "", false, std::nullopt, "", ""});
    ContextItem& last = one.request.context.back();
    if (one_in(2)) {
      last.speech = true;
      one.speech.item = last.id;
      for (int i = below(4000); i > 0; --i)
        one.speech.pcm.push_back(static_cast<float>(random_() % 1000) / 1000);
      hear(loop_, one.request.dialogue, one.speech, below(1000) + 100);
    } else {
      for (int i = below(6); i >= 0; --i) last.text += "word" + mark + "_" + std::to_string(i) + " ";
    }
    one.request.output =
        std::array{Output::speech, Output::speech, Output::text, Output::transcript}[below(4)];
    one.request.out_of_band = one_in(5);
    if (one_in(6)) one.request.max_output_tokens = below(12) + 1;
    if (one_in(3)) one.request.voice = "other";
    one.request.speculative = one.speculative = one_in(3);
    if (one_in(15)) faults_.broken.insert(one.request.turn);
    if (one_in(15)) faults_.nan.insert(one.request.turn);
    loop_.apply(StartTurn{one.request});
    started_.push_back(std::move(one));
  }

  static void hear(Loop& loop, DialogueId dialogue, const Speech& speech, int piece) {
    for (std::size_t from = 0; from < speech.pcm.size(); from += static_cast<std::size_t>(piece)) {
      auto to = std::min(speech.pcm.size(), from + static_cast<std::size_t>(piece));
      loop.apply(Hear{dialogue,
                      speech.item,
                      {speech.pcm.begin() + static_cast<std::ptrdiff_t>(from),
                       speech.pcm.begin() + static_cast<std::ptrdiff_t>(to)}});
    }
  }

  Started& drawn() { return started_[below(static_cast<int>(started_.size()))]; }

  void commit() {
    if (started_.empty()) return;
    Started& one = drawn();
    if (!one.speculative || one.cancelled) return;
    one.committed = true;
    loop_.apply(CommitTurn{one.request.turn, now_});
  }

  void cancel() {
    if (started_.empty()) return;
    Started& one = drawn();
    one.cancelled = true;
    loop_.apply(CancelTurn{one.request.turn});
  }

  void close() {
    if (dialogues_.empty()) return;
    auto closed = dialogues_.begin() + below(static_cast<int>(dialogues_.size()));
    for (Started& one : started_) one.closed |= one.request.dialogue == *closed;
    loop_.apply(CloseDialogue{*closed});
    dialogues_.erase(closed);
  }

  // What the turn tells in an engine of its own.
  static Told alone(const Started& one) {
    ScriptedModel model;
    Metrics metrics;
    EventLog log;
    EngineSettings settings;
    settings.scheduler.max_lead = 1h;
    Loop loop(model, settings, 1, metrics, [] { return Clock::time_point{1h}; });
    loop.apply(OpenDialogue{one.request.dialogue, log.sink()});
    hear(loop, one.request.dialogue, one.speech, 1000);
    TurnRequest request = one.request;
    request.speculative = false;
    loop.apply(StartTurn{request});
    while (loop.step()) {
    }
    return log.told(request.turn);
  }

  void check(const Started& one) {
    const Told told = log_.told(one.request.turn), expected = alone(one);
    INFO("turn " << one.request.turn << " of dialogue " << one.request.dialogue);
    REQUIRE_FALSE(told.after_done);
    REQUIRE(told.done.size() <= 1);
    REQUIRE((one.closed || told.done.size() == 1));
    REQUIRE(expected.done.size() == 1);
    const bool whole = told.done.size() == 1 && (told.done.front().status == TurnStatus::completed ||
                                                 told.done.front().status == TurnStatus::max_output_tokens);
    if (whole) {
      REQUIRE(told.done.front().status == expected.done.front().status);
      REQUIRE(told.transcript == expected.transcript);
      REQUIRE(told.text == expected.text);
      REQUIRE((told.pcm == expected.pcm));
      REQUIRE(told.text_cursor == expected.text_cursor);
    } else {
      // It was ended early: what it told until then is how it would have begun.
      REQUIRE(expected.text.starts_with(told.text));
      REQUIRE(told.pcm.size() <= expected.pcm.size());
      REQUIRE(std::equal(told.pcm.begin(), told.pcm.end(), expected.pcm.begin()));
      REQUIRE((one.cancelled || one.closed || told.done.front().status == TurnStatus::failed));
    }
    if (!told.done.empty() && told.done.front().error_code == "response_generation_failed") {
      REQUIRE((faults_.broken.contains(one.request.turn) || faults_.nan.contains(one.request.turn)));
    }
  }

  std::mt19937 random_;
  Faults faults_;
  ScriptedModel model_;
  Metrics metrics_;
  EventLog log_;
  Clock::time_point now_{1h};
  Loop loop_;
  std::vector<DialogueId> dialogues_;
  DialogueId last_dialogue_ = 0;
  TurnId last_turn_ = 0;
  std::vector<Started> started_;
};

}  // namespace

TEST_CASE("a turn among others tells what it tells alone, in thousands of mixes", "[engine][isolation]") {
  spdlog::set_level(spdlog::level::off);
  for (unsigned seed = 1; seed <= mixes; ++seed) {
    INFO("seed " << seed);
    Mix(seed).run();
  }
  spdlog::set_level(spdlog::level::info);
}
