// Each rule of the scheduler, with a clock that only the test moves.
#include "engine/scheduler.hpp"

#include <bit>
#include <map>

#include "engine/status.hpp"
#include "test/support/catch.hpp"

using namespace parley::engine;
using namespace std::chrono_literals;

namespace {

struct Limits final : PassLimits {
  int most = 64;
  bool graphs = false;
  int max_batch(WorkKind) const override { return most; }
  int bucket(WorkKind kind, int batch) const override {
    return graphs && kind == WorkKind::decode ? static_cast<int>(std::bit_ceil(static_cast<unsigned>(batch)))
                                              : batch;
  }
};

// A scheduler and its surroundings: turns are put into the state a test needs in one line each.
struct SchedulerFixture {
  Limits limits;
  SchedulerSettings settings;
  Scheduler scheduler{settings, limits};
  Clock::time_point now{1h};

  void price(WorkKind kind, double ms_per_unit) {
    for (int batch = 1; batch <= 64; batch *= 2) {
      for (int units = 1; units <= 4096; units *= 2)
        scheduler.measured(kind, batch, units, ms_per_unit * units);
    }
  }
  void add(TurnId turn, WorkList ready, Clock::time_point turn_end) {
    scheduler.add(turn, {true, false, turn_end});
    scheduler.update(turn, ready, {});
  }
  // A response with this much audio ahead of its listener.
  void speaking(TurnId turn, double lead_ms, WorkList ready = {{WorkKind::decode}}, double pending_ms = 0) {
    add(turn, ready, now - 1s);
    scheduler.rendered(turn, lead_ms, now);
    scheduler.update(turn, ready, {lead_ms, pending_ms, false, TurnStatus::completed});
  }
  void speculative(TurnId turn, WorkList ready = {{WorkKind::decode}}, double rendered_ms = 0) {
    scheduler.add(turn, {true, true, now});
    scheduler.update(turn, ready, {rendered_ms, 0, false, TurnStatus::completed});
  }
  // The next step as text: "decode 1 2, prefill(64) 3".
  std::string step() {
    std::string text;
    for (const Pass& pass : scheduler.choose(now)) {
      text += (text.empty() ? "" : ", ") + std::string(name(pass.kind));
      if (pass.units != 1) text += "(" + std::to_string(pass.units) + ")";
      for (TurnId turn : pass.turns) text += " " + std::to_string(turn);
    }
    return text;
  }
  // The engine was busy with hungry responses for this long.
  void busy(std::chrono::milliseconds time) {
    step();
    scheduler.stepped(now, now + time);
    now += time;
  }
};

const WorkList to_decode = {{WorkKind::decode}};

WorkList to_prefill(int tokens) { return {{WorkKind::prefill, 0, tokens}}; }
WorkList to_render(int tokens) { return {{WorkKind::detokenize, tokens, tokens}}; }
WorkList to_decode_and_render(int tokens) {
  return {{WorkKind::decode}, {WorkKind::detokenize, tokens, tokens}};
}

}  // namespace

TEST_CASE("without turns there is no step", "[engine][scheduler]") {
  SchedulerFixture f;
  CHECK(f.step().empty());
  CHECK_FALSE(f.scheduler.wake_at());
}

TEST_CASE("all hungry turns share one decode pass, the first to fall silent in front",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 900);
  f.speaking(2, 300);
  f.speaking(3, 600);
  CHECK(f.step() == "decode 2 3 1");
}

TEST_CASE("before its first sound a turn's deadline is the goal after the user's end",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 200);
  f.add(2, to_decode, f.now - 250ms);  // due in 50 ms
  f.add(3, to_decode, f.now);          // due in 300 ms
  CHECK(f.step() == "decode 2 1 3");
}

TEST_CASE("a response that fell silent keeps its old deadline, so those that are later wait",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 100);
  f.now += 1s;  // silent for 900 ms
  f.add(2, to_decode, f.now);
  CHECK(f.step() == "decode 1 2");
}

TEST_CASE("a well fed response is left out while others are hungry", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 2600);
  f.speaking(2, 2000, to_decode_and_render(5), /*pending_ms=*/600);
  f.speaking(3, 2400);
  CHECK(f.step() == "decode 3");
}

TEST_CASE("a response is hungry while what it has pending is too little for a chunk", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 300, to_decode, /*pending_ms=*/3000);
  f.speaking(2, 2000);
  CHECK(f.step() == "decode 1 2");
}

TEST_CASE("with nobody hungry, well fed responses are made ahead", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 2600);
  f.speaking(2, 5000);
  CHECK(f.step() == "decode 1 2");
}

TEST_CASE("a response that is max_lead ahead rests until its listener has caught up", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 10'500);
  CHECK(f.step().empty());
  REQUIRE(f.scheduler.wake_at());
  CHECK(*f.scheduler.wake_at() == f.now + 500ms);
  f.now += 501ms;
  CHECK(f.step() == "decode 1");
}

TEST_CASE("a decode pass is padded to its bucket with the next ones by deadline", "[engine][scheduler]") {
  SchedulerFixture f;
  f.limits.graphs = true;
  f.speaking(1, 100);
  f.speaking(2, 200);
  f.speaking(3, 300);
  f.speaking(4, 4000);
  f.speaking(5, 3000);
  f.speculative(6);
  CHECK(f.step() == "decode 1 2 3 5");
  f.scheduler.remove(4);
  f.scheduler.remove(5);
  CHECK(f.step() == "decode 1 2 3 6");
}

TEST_CASE("without graphs every turn has its price, and nobody pads", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 100);
  f.speaking(2, 200);
  f.speaking(3, 300);
  f.speaking(4, 4000);
  CHECK(f.step() == "decode 1 2 3");
}

TEST_CASE("a batch takes the first to fall silent when not all fit", "[engine][scheduler]") {
  SchedulerFixture f;
  f.limits.most = 2;
  f.speaking(1, 900);
  f.speaking(2, 300);
  f.speaking(3, 600);
  CHECK(f.step() == "decode 2 3");
}

TEST_CASE("chunks of equal shape share a pass, the most urgent shape first", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 400, to_render(10));
  f.speaking(2, 100, to_render(25));
  f.speaking(3, 200, to_render(10));
  f.speaking(4, 300, to_render(25));
  CHECK(f.step() == "detokenize(25) 2 4, detokenize(10) 3 1");
}

TEST_CASE("with some lead a small chunk waits for the tokens that make it larger", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 1500, to_decode_and_render(5), /*pending_ms=*/200);
  CHECK(f.step() == "decode 1");
  f.now += 600ms;  // 900 ms left: less than chunk_lead
  CHECK(f.step() == "detokenize(5) 1, decode 1");
}

TEST_CASE("a chunk waits no longer when no more tokens are coming", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 1500, to_render(5), /*pending_ms=*/200);
  CHECK(f.step() == "detokenize(5) 1");
}

TEST_CASE("tokens in plenty are rendered in time although the response is not hungry",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 500, to_decode_and_render(25), /*pending_ms=*/3000);
  f.speaking(2, 100);
  CHECK(f.step() == "detokenize(25) 1, decode 2");
}

TEST_CASE("a prefill is cut into pieces of half the smallest lead", "[engine][scheduler]") {
  SchedulerFixture f;
  f.price(WorkKind::prefill, 0.1);
  f.price(WorkKind::decode, 1);
  f.speaking(1, 54);
  f.add(2, to_prefill(3000), f.now);
  // 27 ms for the step, 1 of them for decode: 260 tokens would fit, and pieces are powers of two.
  CHECK(f.step() == "decode 1, prefill(256) 2");
}

TEST_CASE("a step never takes longer than its budget, however far ahead all are", "[engine][scheduler]") {
  SchedulerFixture f;
  f.price(WorkKind::prefill, 0.1);
  f.add(1, to_prefill(3000), f.now);
  CHECK(f.step() == "prefill(512) 1");  // 60 ms
}

TEST_CASE("prefill moves on in small pieces when decoding takes all of the step", "[engine][scheduler]") {
  SchedulerFixture f;
  f.price(WorkKind::prefill, 1);
  f.price(WorkKind::decode, 80);
  f.speaking(1, 40);
  f.add(2, to_prefill(3000), f.now);
  CHECK(f.step() == "decode 1, prefill(16) 2");
}

TEST_CASE("pieces go by deadline over all kinds, and several fit into a step", "[engine][scheduler]") {
  SchedulerFixture f;
  f.price(WorkKind::prefill, 0.1);
  f.price(WorkKind::encode, 0.1);
  f.price(WorkKind::recognize, 0.1);
  f.add(1, to_prefill(100), f.now);
  f.add(2, {{WorkKind::encode, 0, 200}}, f.now - 100ms);
  f.add(3, {{WorkKind::recognize, 0, 10}}, f.now - 50ms);
  CHECK(f.step() == "encode(200) 2, recognize(10) 3, prefill(100) 1");
}

TEST_CASE("a piece is a whole number of grains, and one at least", "[engine][scheduler]") {
  SchedulerFixture f;
  f.price(WorkKind::encode, 0.11);
  f.add(1, {{WorkKind::encode, 0, 6 * 100, 100}}, f.now);
  CHECK(f.step() == "encode(500) 1");  // of 512 that fit
  f.scheduler.remove(1);
  f.add(1, {{WorkKind::encode, 0, 6 * 1500, 1500}}, f.now);
  CHECK(f.step() == "encode(1500) 1");
}

TEST_CASE("a turn about to make its first sound is not held up by pieces for those that are due later",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.price(WorkKind::prefill, 0.1);
  f.add(1, to_decode, f.now - 100ms);
  f.add(2, to_prefill(100), f.now - 50ms);
  f.add(3, to_prefill(100), f.now - 200ms);  // due before it
  CHECK(f.step() == "decode 1, prefill(100) 3");
  f.scheduler.remove(3);
  CHECK(f.step() == "decode 1");
  f.scheduler.rendered(1, 800, f.now);
  CHECK(f.step() == "decode 1, prefill(100) 2");
}

TEST_CASE("a turn that takes more than an ordinary one lets pass who comes meanwhile, and is not forgotten",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.price(WorkKind::recognize, 10);
  const WorkList to_recognize = {{WorkKind::recognize, 0, 8}};
  f.add(1, to_recognize, f.now - 500ms);
  f.add(2, to_recognize, f.now);
  f.scheduler.served(1, 600);
  CHECK(f.step() == "recognize(8) 1");
  f.scheduler.served(1, 900);  // 0.9 s too much
  CHECK(f.step() == "recognize(8) 2");
  f.scheduler.remove(2);
  f.add(3, to_recognize, f.now + 500ms);
  CHECK(f.step() == "recognize(8) 1");
}

TEST_CASE("one turn that takes very long does not make the engine refuse others", "[engine][scheduler]") {
  SchedulerFixture f;
  f.add(1, {{WorkKind::recognize, 0, 8}}, f.now);
  f.scheduler.served(1, 5000);
  f.busy(20s);
  CHECK_FALSE(f.scheduler.overloaded(f.now));
}

TEST_CASE("turns that need the same piece share its pass while it fits", "[engine][scheduler]") {
  SchedulerFixture f;
  for (int batch : {1, 2, 4}) f.scheduler.measured(WorkKind::prefill, batch, 100, 20.0 * batch);
  for (TurnId turn : {1, 2, 3, 4}) f.add(turn, to_prefill(100), f.now + turn * 1ms);
  CHECK(f.step() == "prefill(100) 1 2, prefill(100) 3");  // 40 ms, and 20
}

TEST_CASE("a speculation never delays a committed turn", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speculative(1, to_prefill(100));
  f.speaking(2, 500);
  CHECK(f.step() == "decode 2");
  f.scheduler.remove(2);
  f.speaking(2, 5000);  // in no hurry
  CHECK(f.step() == "prefill(100) 1");
}

TEST_CASE("a speculation stops when it has its lead, and goes on when it is committed",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.speculative(1, to_decode, /*rendered_ms=*/2500);
  CHECK(f.step().empty());
  f.scheduler.commit(1, f.now);
  CHECK(f.step() == "decode 1");
}

TEST_CASE("speculation is off when the slots or the batch are full", "[engine][scheduler]") {
  SchedulerFixture f;
  f.limits.most = 2;
  f.speaking(1, 100);
  CHECK(f.scheduler.may_speculate(f.now, /*slots_full=*/false));
  CHECK_FALSE(f.scheduler.may_speculate(f.now, /*slots_full=*/true));
  f.speaking(2, 100);
  CHECK_FALSE(f.scheduler.may_speculate(f.now, /*slots_full=*/false));
}

TEST_CASE("speculation is off while less than one in three was kept in the last minute",
          "[engine][scheduler]") {
  SchedulerFixture f;
  for (int i = 0; i < 5; ++i) f.scheduler.speculated(/*kept=*/false, f.now);
  CHECK(f.scheduler.may_speculate(f.now, false));  // too few to tell
  f.scheduler.speculated(/*kept=*/true, f.now + 20s);
  CHECK_FALSE(f.scheduler.may_speculate(f.now + 20s, false));
  SECTION("and on again when enough are kept") {
    f.scheduler.speculated(/*kept=*/true, f.now + 21s);
    f.scheduler.speculated(/*kept=*/true, f.now + 22s);
    CHECK(f.scheduler.may_speculate(f.now + 22s, false));
  }
  SECTION("or when the bad ones are older than a minute") {
    CHECK(f.scheduler.may_speculate(f.now + 61s, false));
  }
}

TEST_CASE("when it gets tight, speculation goes first, then small chunks, then steps, then sessions",
          "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 700, to_decode_and_render(5), 200);
  const auto small_chunks = [&f] { return f.step().starts_with("detokenize"); };
  const auto until = [&f](double load) {
    while (f.scheduler.load(f.now) < load) f.busy(50ms);
    f.scheduler.remove(1);
    f.speaking(1, 700, to_decode_and_render(5), 200);
    f.scheduler.remove(2);
    f.speaking(2, 1500);
  };
  until(0.5);
  CHECK(f.scheduler.may_speculate(f.now, false));
  CHECK(small_chunks());

  until(0.71);
  CHECK_FALSE(f.scheduler.may_speculate(f.now, false));
  CHECK(small_chunks());

  until(0.81);
  CHECK(f.step() == "decode 1 2");  // the chunk waits until it is larger

  until(0.91);
  CHECK(f.step() == "decode 1");  // 1.5 s ahead is enough to skip
  CHECK_FALSE(f.scheduler.overloaded(f.now));

  until(0.985);
  CHECK(f.scheduler.overloaded(f.now));
  f.now += 1s;
  CHECK_FALSE(f.scheduler.overloaded(f.now));
}

TEST_CASE("work ahead of need does not count as load", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 5000);
  for (int i = 0; i < 100; ++i) {
    f.step();
    f.scheduler.stepped(f.now, f.now + 10ms);
  }
  CHECK(f.scheduler.load(f.now) == 0);
}

TEST_CASE("a reported playback position replaces the assumed one", "[engine][scheduler]") {
  SchedulerFixture f;
  f.speaking(1, 1000);
  f.speaking(2, 1200);
  f.scheduler.heard(2, 1100, f.now);  // its client is ahead: only 100 ms are left
  CHECK(f.step() == "decode 2 1");
  f.scheduler.heard(2, 0, f.now);  // it has not even started
  CHECK(f.step() == "decode 1 2");
}

TEST_CASE("an answer without sound falls behind the speaking ones between its words", "[engine][scheduler]") {
  SchedulerFixture f;
  f.limits.most = 1;
  f.scheduler.add(1, {/*speaks=*/false, false, f.now - 5s});
  f.scheduler.update(1, to_decode, {});
  f.speaking(2, 300);
  CHECK(f.step() == "decode 1");  // it is late
  f.scheduler.told(1, f.now);
  CHECK(f.step() == "decode 2");
}

TEST_CASE("no turn starves with far more turns than fit into a batch", "[engine][scheduler]") {
  SchedulerFixture f;
  f.limits.most = 4;
  std::map<TurnId, int> served;
  constexpr int turns = 40;
  for (TurnId turn = 1; turn <= turns; ++turn) {
    if (turn % 4 == 0) {
      f.scheduler.add(turn, {/*speaks=*/false, false, f.now});
      f.scheduler.update(turn, to_decode, {});
    } else {
      f.add(turn, to_decode, f.now);
    }
  }
  // Every token of a speaking turn is 20 ms of sound, and a step takes 20 ms: a tenth of what all of them
  // need.
  for (int step = 0; step < 1000; ++step) {
    auto passes = f.scheduler.choose(f.now);
    REQUIRE(passes.size() == 1);
    std::vector<TurnId> batch = passes.front().turns;
    f.now += 20ms;
    for (TurnId turn : batch) {
      ++served[turn];
      if (turn % 4 == 0) {
        f.scheduler.told(turn, f.now);
      } else {
        f.scheduler.rendered(turn, 20, f.now);
      }
    }
  }
  for (TurnId turn = 1; turn <= turns; ++turn) {
    INFO("turn " << turn);
    CHECK(served[turn] >= 20);
  }
}

TEST_CASE("prices are learnt for each batch and length, and move", "[engine][scheduler]") {
  StepPrices prices;
  prices.measured(WorkKind::decode, 1, 1, 8);
  prices.measured(WorkKind::decode, 8, 1, 16);
  CHECK(prices.cost(WorkKind::decode, 1, 1) == Approx(8));
  CHECK(prices.cost(WorkKind::decode, 7, 1) == Approx(16));   // the same power of two
  CHECK(prices.cost(WorkKind::decode, 16, 1) == Approx(32));  // never measured: nothing gained by sharing
  for (int i = 0; i < 50; ++i) prices.measured(WorkKind::decode, 1, 1, 4);
  CHECK(prices.cost(WorkKind::decode, 1, 1) == Approx(4).epsilon(0.01));
}

TEST_CASE("a piece is as long as its budget, by measured prices", "[engine][scheduler]") {
  StepPrices prices;
  // A short piece costs as much as a long one: 10 ms, and 0.1 ms more a token.
  for (int units = 1; units <= 4096; units *= 2)
    prices.measured(WorkKind::prefill, 1, units, 10 + 0.1 * units);
  CHECK(prices.units_within(WorkKind::prefill, 1, 100, 60, 16) == 100);
  CHECK(prices.units_within(WorkKind::prefill, 1, 4000, 60, 16) == 256);
  CHECK(prices.units_within(WorkKind::prefill, 1, 4000, 5, 16) == 16);
  CHECK(prices.units_within(WorkKind::prefill, 1, 7, 5, 16) == 7);
}

TEST_CASE("the longest underrun of a response is the longest gap that its listener heard",
          "[engine][scheduler]") {
  Playback playback;
  Clock::time_point start{1h};
  playback.rendered(400, start);
  playback.rendered(100, start + 300ms);
  CHECK(playback.lead_ms(start + 300ms) == Approx(200));
  playback.rendered(200, start + 650ms);  // silent for 150 ms
  playback.rendered(200, start + 870ms);  // and for 20
  CHECK(playback.longest_underrun_ms() == Approx(150));
  CHECK(playback.lead_ms(start + 870ms) == Approx(200));
}
