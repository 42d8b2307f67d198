// The engine's rules about turns, dialogues, slots and faults, with the test as its thread and clock.
#include "engine/loop.hpp"

#include "engine/mailbox.hpp"
#include "engine/rehearsal.hpp"
#include "test/support/catch.hpp"
#include "test/support/event_log.hpp"
#include "test/support/scripted_model.hpp"

using namespace parley::engine;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

std::string long_answer(const TurnRequest&, const std::string& said) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += said + "-" + std::to_string(i) + " ";
  return words;
}

struct LoopFixture {
  explicit LoopFixture(Script script = {}, int slots = 4) : model(std::move(script)), slots_(slots) {}

  Clock::time_point now{1h};
  ScriptedModel model;
  int slots_;
  EngineSettings settings;
  Metrics metrics;
  EventLog log;
  Loop loop{model, settings, slots_, metrics, [this] { return now; }};
  TurnId last = 0;

  void open(DialogueId dialogue) { loop.apply(OpenDialogue{dialogue, log.sink()}); }
  TurnId start(TurnRequest request) {
    request.turn = ++last;
    loop.apply(StartTurn{request});
    return last;
  }
  static TurnRequest typed(DialogueId dialogue, std::string text) {
    TurnRequest request;
    request.dialogue = dialogue;
    request.context = {{"item", ItemKind::message, Role::user, std::move(text), false, std::nullopt, "", ""}};
    return request;
  }
  static TurnRequest speculation(DialogueId dialogue, std::string text) {
    TurnRequest request = typed(dialogue, std::move(text));
    request.speculative = true;
    return request;
  }
  void steps(int count) {
    while (count-- > 0) loop.step();
  }
  // Until nothing is left to do, however far ahead of their listeners that is.
  void run() {
    for (;;) {
      while (loop.step()) {
      }
      auto wake = loop.wake_at();
      if (!wake) return;
      now = std::max(now, *wake) + 1ms;
    }
  }
  TurnDone done(TurnId turn) {
    Told told = log.told(turn);
    REQUIRE(told.done.size() == 1);
    CHECK_FALSE(told.after_done);
    return told.done.front();
  }
  EngineStatus status() const {
    EngineStatus status;
    metrics.copy_to(status);
    return status;
  }
};

}  // namespace

TEST_CASE("a cancelled turn tells nothing more but its end, and leaves its slot", "[engine][loop]") {
  LoopFixture f({.answer = long_answer});
  f.open(1);
  TurnId turn = f.start(LoopFixture::typed(1, "a"));
  f.steps(20);
  auto told_before = f.log.told(turn).pcm.size();
  CHECK(told_before > 0);
  f.loop.apply(CancelTurn{turn});
  CHECK(f.done(turn).status == TurnStatus::cancelled);
  f.run();
  CHECK(f.log.told(turn).pcm.size() == told_before);
  CHECK(f.status().turns_running == 0);
}

TEST_CASE("a second turn of a dialogue waits for the first", "[engine][loop]") {
  LoopFixture f;
  f.open(1);
  TurnId first = f.start(LoopFixture::typed(1, "a"));
  TurnId second = f.start(LoopFixture::typed(1, "b"));
  CHECK(f.status().turns_waiting == 1);
  f.steps(3);
  CHECK(f.log.told(second).text.empty());
  f.run();
  CHECK(f.log.told(first).text == "You said a.");
  CHECK(f.log.told(second).text == "You said b.");
  CHECK(f.status().turns_waiting == 0);
}

TEST_CASE("a waiting turn can be cancelled", "[engine][loop]") {
  LoopFixture f;
  f.open(1);
  f.start(LoopFixture::typed(1, "a"));
  TurnId second = f.start(LoopFixture::typed(1, "b"));
  f.loop.apply(CancelTurn{second});
  CHECK(f.done(second).status == TurnStatus::cancelled);
  f.run();
  CHECK(f.status().turns_waiting == 0);
}

TEST_CASE("a turn out of band runs beside its dialogue's own and leaves what it has read alone",
          "[engine][loop]") {
  LoopFixture f;
  f.open(1);
  TurnId own = f.start(LoopFixture::typed(1, "one two three"));
  f.steps(1);
  TurnRequest aside = LoopFixture::typed(1, "four");
  aside.out_of_band = true;
  TurnId beside = f.start(aside);
  CHECK(f.status().turns_waiting == 0);
  f.run();
  CHECK(f.log.told(own).text == "You said one two three.");
  CHECK(f.log.told(beside).text == "You said four.");
  // The next turn reuses all that the first read but its last token.
  TurnId next = f.start(LoopFixture::typed(1, "one two three four five"));
  f.run();
  CHECK(f.done(next).usage.cached_text_tokens == 3);
}

TEST_CASE("events of a speculation are held until its commit, then come in one go", "[engine][loop]") {
  LoopFixture f;
  f.open(1);
  TurnId turn = f.start(LoopFixture::speculation(1, "is it a pause"));
  f.steps(12);
  CHECK(f.log.events() == 0);
  f.now += 300ms;
  f.loop.apply(CommitTurn{turn, f.now - 500ms});
  CHECK(f.log.events() > 3);
  f.run();
  CHECK(f.log.told(turn).text == "You said is it a pause.");
  CHECK(f.done(turn).status == TurnStatus::completed);
  auto status = f.status();
  CHECK(status.speculations_kept == 1);
  CHECK(status.speculation_saved_seconds == Approx(0.3));
  CHECK(status.first_audio_seconds.sum == Approx(0.5));
}

TEST_CASE("a speculation that is complete before its commit still ends after it, once", "[engine][loop]") {
  LoopFixture f;
  f.open(1);
  TurnId turn = f.start(LoopFixture::speculation(1, "yes"));
  f.run();
  CHECK(f.log.events() == 0);
  f.loop.apply(CommitTurn{turn, f.now});
  CHECK(f.log.told(turn).text == "You said yes.");
  CHECK(f.done(turn).status == TurnStatus::completed);
  CHECK(f.status().turns_running == 0);
  CHECK(f.status().continuous == 1);
}

TEST_CASE("a speculation that is thrown away tells only its end", "[engine][loop]") {
  LoopFixture f;
  f.open(1);
  TurnId turn = f.start(LoopFixture::speculation(1, "no"));
  f.steps(GENERATE(0, 3, 1000));
  f.loop.apply(CancelTurn{turn});
  CHECK(f.log.events() == 1);
  CHECK(f.done(turn).status == TurnStatus::cancelled);
  CHECK(f.status().speculations_thrown_away == 1);
  TurnId next = f.start(LoopFixture::typed(1, "no and more"));
  f.run();
  CHECK(f.log.told(next).text == "You said no and more.");
}

TEST_CASE("a committed turn takes a speculation's slot, which starts over at its commit", "[engine][loop]") {
  LoopFixture f({.answer = long_answer}, /*slots=*/1);
  f.open(1);
  f.open(2);
  TurnId speculation = f.start(LoopFixture::speculation(1, "a"));
  f.steps(20);
  TurnId committed = f.start(LoopFixture::typed(2, "b"));
  f.run();
  CHECK(f.done(committed).status == TurnStatus::completed);
  CHECK(f.log.told(speculation).done.empty());
  CHECK(f.status().speculations_parked == 1);
  f.loop.apply(CommitTurn{speculation, f.now});
  f.run();
  CHECK(f.done(speculation).status == TurnStatus::completed);
  CHECK(f.log.told(speculation).text.starts_with("a-0 a-1 "));
}

TEST_CASE("with all slots speaking a turn is refused at once", "[engine][loop]") {
  LoopFixture f({.answer = long_answer}, /*slots=*/2);
  for (DialogueId dialogue : {1, 2, 3}) f.open(dialogue);
  f.start(LoopFixture::typed(1, "a"));
  f.start(LoopFixture::typed(2, "b"));
  CHECK_FALSE(f.status().accepting);
  TurnId refused = f.start(LoopFixture::typed(3, "c"));
  CHECK(f.done(refused).error_code == "engine_overloaded");
  CHECK(f.status().refused_turns == 1);
  f.run();
  TurnId later = f.start(LoopFixture::typed(3, "c"));
  f.run();
  CHECK(f.done(later).status == TurnStatus::completed);
}

TEST_CASE("a new conversation takes the slot of the one that was idle longest", "[engine][loop]") {
  LoopFixture f({}, /*slots=*/2);
  for (DialogueId dialogue : {1, 2, 3}) f.open(dialogue);
  auto cached = [&](DialogueId dialogue) {
    TurnId turn = f.start(LoopFixture::typed(dialogue, "one two three"));
    f.run();
    return f.done(turn).usage.cached_text_tokens;
  };
  CHECK(cached(1) == 0);
  CHECK(cached(2) == 0);
  CHECK(cached(1) == 2);  // still there
  CHECK(cached(3) == 0);  // in place of 2
  CHECK(f.status().slots_held == 2);
  CHECK(cached(1) == 2);
  CHECK(cached(2) == 0);
  f.loop.apply(CloseDialogue{2});
  CHECK(f.status().slots_held == 1);
}

TEST_CASE("a fault in a batch fails only the turn at fault", "[engine][loop]") {
  WorkKind kind = GENERATE(WorkKind::prefill, WorkKind::decode, WorkKind::detokenize);
  LoopFixture f({.fault = [kind](const TurnRequest& request, WorkKind now, int) {
    if (now == kind && request.context.back().text == "b") throw std::runtime_error("a fault");
  }});
  for (DialogueId dialogue : {1, 2, 3}) f.open(dialogue);
  TurnId a = f.start(LoopFixture::typed(1, "a")), b = f.start(LoopFixture::typed(2, "b")),
         c = f.start(LoopFixture::typed(3, "c"));
  f.run();
  CHECK(f.log.told(a).text == "You said a.");
  CHECK(f.log.told(c).text == "You said c.");
  CHECK(f.log.told(a).pcm.size() == 3 * 4 * ScriptedModel::samples_per_token);
  CHECK(f.done(b).status == TurnStatus::failed);
  CHECK(f.done(b).error_code == "response_generation_failed");
  CHECK(f.done(b).error == "a fault");
  CHECK(f.status().turns[static_cast<int>(TurnStatus::failed)] == 1);
}

TEST_CASE("a fault that passes costs nobody anything", "[engine][loop]") {
  int faults = 0;
  LoopFixture f({.fault = [&faults](const TurnRequest&, WorkKind kind, int tokens) {
    if (kind == WorkKind::decode && tokens == 2 && faults++ == 0) throw std::runtime_error("once");
  }});
  for (DialogueId dialogue : {1, 2}) f.open(dialogue);
  TurnId a = f.start(LoopFixture::typed(1, "a")), b = f.start(LoopFixture::typed(2, "b"));
  f.run();
  CHECK(f.log.told(a).text == "You said a.");
  CHECK(f.log.told(b).text == "You said b.");
}

TEST_CASE("a turn whose logits are not a number fails alone", "[engine][loop]") {
  LoopFixture f({.not_a_number = [](const TurnRequest& request, int tokens) {
    return request.context.back().text == "a" && tokens == 3;
  }});
  for (DialogueId dialogue : {1, 2}) f.open(dialogue);
  TurnId a = f.start(LoopFixture::typed(1, "a")), b = f.start(LoopFixture::typed(2, "b"));
  f.run();
  CHECK(f.done(a).status == TurnStatus::failed);
  CHECK(f.log.told(b).text == "You said b.");
}

TEST_CASE("short of device memory, idle conversations lose theirs first, then the newest turn fails",
          "[engine][loop]") {
  int faults_left = 0;
  LoopFixture f({.fault = [&faults_left](const TurnRequest&, WorkKind kind, int tokens) {
    if (kind == WorkKind::decode && tokens == 2 && faults_left > 0) {
      --faults_left;
      throw OutOfDeviceMemory("no block left");
    }
  }});
  for (DialogueId dialogue : {1, 2, 3}) f.open(dialogue);
  f.start(LoopFixture::typed(3, "idle then"));
  f.run();
  REQUIRE(f.status().slots_held == 1);
  TurnId older = f.start(LoopFixture::typed(1, "a"));
  f.now += 1ms;
  TurnId newer = f.start(LoopFixture::typed(2, "b"));
  SECTION("releasing was enough") {
    faults_left = 1;
    f.run();
    CHECK(f.done(older).status == TurnStatus::completed);
    CHECK(f.done(newer).status == TurnStatus::completed);
  }
  SECTION("it was not") {
    faults_left = 2;
    f.run();
    CHECK(f.done(older).status == TurnStatus::completed);
    CHECK(f.done(newer).status == TurnStatus::failed);
  }
  TurnId again = f.start(LoopFixture::typed(3, "idle then"));
  f.run();
  CHECK(f.done(again).usage.cached_text_tokens == 0);
}

TEST_CASE("a request that cannot be served fails with the model's sentence", "[engine][loop]") {
  LoopFixture f;
  f.open(1);
  TurnRequest wrong = LoopFixture::typed(1, "a");
  wrong.voice = "nobody";
  CHECK(f.done(f.start(wrong)).error == "There is no voice named \"nobody\".");
  std::string endless;
  for (int i = 0; i < 5000; ++i) endless += "word ";
  CHECK(f.done(f.start(LoopFixture::typed(1, endless))).error_code == "context_overflow");
  TurnId next = f.start(LoopFixture::typed(1, "a"));
  f.run();
  CHECK(f.done(next).status == TurnStatus::completed);
}

TEST_CASE("a sink that is full ends its dialogue's turns and is not called again", "[engine][loop]") {
  LoopFixture f({.answer = long_answer});
  EventLog slow;
  f.loop.apply(OpenDialogue{1, slow.sink(/*most=*/5)});
  f.open(2);
  f.start(LoopFixture::typed(1, "a"));
  f.start(LoopFixture::typed(1, "waiting"));
  TurnId other = f.start(LoopFixture::typed(2, "b"));
  f.run();
  CHECK(slow.events() == 6);
  CHECK(f.done(other).status == TurnStatus::completed);
  CHECK(f.status().slow_sinks == 1);
  CHECK(f.status().turns_running == 0);
}

TEST_CASE("closing a dialogue ends its turns without a word", "[engine][loop]") {
  LoopFixture f({.answer = long_answer});
  f.open(1);
  TurnId turn = f.start(LoopFixture::typed(1, "a"));
  f.start(LoopFixture::typed(1, "b"));
  f.start(LoopFixture::speculation(1, "c"));
  f.steps(4);
  auto before = f.log.events();
  f.loop.apply(CloseDialogue{1});
  f.run();
  CHECK(f.log.events() == before);
  CHECK(f.log.told(turn).done.empty());
  CHECK(f.status().dialogues == 0);
  CHECK(f.status().turns_running == 0);
}

TEST_CASE("an answer is made max_lead ahead of its listener and no further", "[engine][loop]") {
  LoopFixture f({.answer = long_answer});
  f.open(1);
  TurnId turn = f.start(LoopFixture::typed(1, "a"));
  while (f.loop.step()) {
  }
  auto seconds_told = [&] { return static_cast<double>(f.log.told(turn).pcm.size()) / 24'000; };
  CHECK(seconds_told() == Approx(10).margin(1));
  REQUIRE(f.loop.wake_at());
  f.now += 5s;
  while (f.loop.step()) {
  }
  CHECK(seconds_told() == Approx(15).margin(1));
  f.loop.apply(ReportHeard{turn, 1000});  // the listener paused
  CHECK_FALSE(f.loop.step());
}

TEST_CASE("underruns and first sounds are counted as the listener hears them", "[engine][loop]") {
  Clock::duration decode_time{};
  LoopFixture* fixture = nullptr;
  LoopFixture f({.before_pass = [&](WorkKind kind, int, int) {
    if (kind == WorkKind::decode) fixture->now += decode_time;
  }});
  fixture = &f;
  f.open(1);
  decode_time = 10ms;  // 5 tokens in 50 ms for 160 ms of sound
  f.start(LoopFixture::typed(1, "a b c d"));
  f.run();
  CHECK(f.status().continuous == 1);
  CHECK(f.status().first_audio_seconds.sum == Approx(0.07));  // 5 audio tokens and 2 of text
  decode_time = 60ms;                                         // 300 ms for 160 ms of sound
  f.start(LoopFixture::typed(1, "a b c d"));
  f.run();
  CHECK(f.status().interrupted == 1);
  CHECK(f.status().underrun_seconds.sum > 0.1);
}

TEST_CASE("speech that could not be processed fails the turn that needs it", "[engine][loop]") {
  struct Deaf final : SpeechModel {
    ScriptedModel model;
    const ModelInfo& info() const override { return model.info(); }
    std::unique_ptr<Dialogue> open() override { return model.open(); }
    void hear(Dialogue&, std::string_view, std::span<const float>) override {
      throw std::runtime_error("deaf");
    }
    void forget(Dialogue& dialogue, std::string_view item) override { model.forget(dialogue, item); }
    std::unique_ptr<Turn> begin(Dialogue& dialogue, const TurnRequest& request) override {
      return model.begin(dialogue, request);
    }
    WorkList ready(const Turn& turn) const override { return model.ready(turn); }
    int max_batch(WorkKind kind) const override { return model.max_batch(kind); }
    void run(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) override {
      model.run(kind, batch, units, events);
    }
    Usage usage(const Turn& turn) const override { return model.usage(turn); }
    void release(Dialogue& dialogue) override { model.release(dialogue); }
    bool holds_slot(const Dialogue& dialogue) const override { return model.holds_slot(dialogue); }
  } deaf;
  Metrics metrics;
  EventLog log;
  Loop loop(deaf, {}, 1, metrics, [] { return Clock::time_point{1h}; });
  loop.apply(OpenDialogue{1, log.sink()});
  loop.apply(Hear{1, "item", {0.1F}});
  TurnRequest request = LoopFixture::typed(1, "");
  request.turn = 1;
  request.context.back().speech = true;
  loop.apply(StartTurn{request});
  REQUIRE(log.told(1).done.size() == 1);
  CHECK(log.told(1).done.front().status == TurnStatus::failed);
}

TEST_CASE("the slots leave a fifth of the time to spare", "[engine][loop]") {
  CHECK(slots_for({{1, 0.9}}) == 1);
  CHECK(slots_for({{1, 0.1}, {2, 0.2}, {4, 0.4}}) == 8);  // 0.83 is reached beyond what was measured
  CHECK(slots_for({{1, 0.2}, {2, 0.3}, {4, 0.6}, {8, 1.4}}) == 5);  // between two measurements
}

TEST_CASE("the mailbox is bounded, but what ends something always gets in", "[engine][loop]") {
  Mailbox<int> mailbox(2);
  CHECK(mailbox.post(1));
  CHECK(mailbox.post(2));
  CHECK_FALSE(mailbox.post(3));
  mailbox.post_always(4);
  std::vector<int> taken;
  mailbox.take(taken);
  CHECK(taken == std::vector<int>{1, 2, 4});
  CHECK(mailbox.depth() == 0);
  mailbox.wait({}, Clock::now());  // a deadline that is over does not wait
}
