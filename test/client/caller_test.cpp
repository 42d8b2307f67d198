// The caller's side of the talk, against a server whose every message the test writes.
#include "client/caller.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "protocol/opus/encoder.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace std::chrono_literals;
using nlohmann::json;
using State = client::Caller::State;

namespace {

std::shared_ptr<const client::Utterance> tone(int ms) {
  std::vector<float> pcm(static_cast<std::size_t>(ms) * 24);
  for (std::size_t i = 0; i < pcm.size(); ++i) pcm[i] = 0.5F * std::sin(static_cast<float>(i) * 0.06F);
  return std::make_shared<client::Utterance>(pcm);
}

// A caller, the server that it talks to, and the time.
struct Call {
  explicit Call(client::CallPlan plan) : caller(std::move(plan)) {}

  // Time goes by, a packet every 20 ms.
  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 20ms) {
      caller.tick(now);
      for (std::string& message : caller.take_messages()) messages.push_back(json::parse(message));
      if (const auto frame = caller.packet(now)) {
        frames.push_back(*frame);
      }
      now += 20ms;
    }
  }
  void event(const json& event) { caller.text(event.dump(), now); }
  void event(const char* type) { event(json{{"type", type}}); }
  void respond(const std::string& id, int stream) {
    event({{"type", "response.created"}, {"response", {{"id", id}}}});
    event({{"type", "native.output_stream.started"}, {"stream", stream}, {"response_id", id}});
  }
  // 20 ms of the answer.
  void audio(unsigned stream, unsigned seq, bool end = false) {
    protocol::native::Frame frame;
    frame.stream = stream;
    frame.seq = static_cast<std::uint16_t>(seq);
    frame.timestamp = seq * 960;
    frame.end = end;
    const protocol::Bytes packet = encoder.encode({});
    if (!end) frame.payload = packet;
    caller.binary(protocol::native::encode_frame(frame), now);
  }
  void finish(const std::string& id, int stream, int frames_sent, const std::string& status = "completed") {
    event({{"type", "native.output_stream.done"},
           {"stream", stream},
           {"frames", frames_sent},
           {"reason", status}});
    event({{"type", "response.done"},
           {"response", {{"id", id}, {"status", status}, {"status_details", nullptr}}}});
  }
  // What a server does when the user has spoken: 500 ms of silence, then an answer of `frames` packets at
  // once.
  void answer(const std::string& id, int stream, unsigned frames_sent) {
    event("input_audio_buffer.speech_started");
    pass(500ms);
    event("input_audio_buffer.speech_stopped");
    pass(100ms);
    respond(id, stream);
    for (unsigned seq = 0; seq < frames_sent; ++seq) audio(static_cast<unsigned>(stream), seq);
    audio(static_cast<unsigned>(stream), frames_sent, /*end=*/true);
    finish(id, stream, static_cast<int>(frames_sent) + 1);
  }

  client::Caller caller;
  client::Time now{1h};
  protocol::opus::Encoder encoder{protocol::opus::EncoderSettings{}};
  std::vector<protocol::native::Frame> frames;
  std::vector<json> messages;
};

client::CallPlan plan_of(int turns) {
  client::CallPlan plan;
  plan.utterances = {tone(1000)};
  plan.turns = turns;
  return plan;
}

}  // namespace

TEST_CASE("nothing is said before the session is there", "[client][caller]") {
  Call call(plan_of(1));
  call.pass(1s);
  CHECK(call.frames.empty());
  call.event("session.created");
  call.pass(20ms);
  CHECK(call.frames.size() == 1);
  CHECK(call.frames[0].start);
  CHECK(call.frames[0].kind == protocol::native::input_kind);
}

TEST_CASE("the microphone stays open: packets are numbered and timed without a gap", "[client][caller]") {
  Call call(plan_of(2));
  call.event("session.created");
  call.pass(1s);
  call.answer("resp_1", 1, 25);
  call.pass(2s);
  REQUIRE(call.frames.size() == 180);
  for (std::size_t i = 0; i < call.frames.size(); ++i) {
    CHECK(call.frames[i].seq == i);
    CHECK(call.frames[i].timestamp == i * 960);
    CHECK(call.frames[i].start == (i == 0));
  }
}

TEST_CASE("the answer is timed from the last packet of speech and from speech_stopped", "[client][caller]") {
  Call call(plan_of(1));
  call.event("session.created");
  call.pass(1s);  // 50 packets, the last at 980 ms
  call.answer("resp_1", 1, 25);
  call.pass(1s);
  CHECK(call.caller.over());
  CHECK_FALSE(call.caller.broke());
  const client::Tally& tally = call.caller.tally();
  CHECK(tally.answered == 1);
  CHECK(tally.after_speech_ms == std::vector<double>{620});
  CHECK(tally.after_speech_stopped_ms == std::vector<double>{100});
  CHECK(tally.longest_underrun_ms == std::vector<double>{0});
  CHECK(tally.lost == 0);
  CHECK(tally.crossed == 0);
  CHECK(tally.errors.empty());
}

TEST_CASE("an answer is listened to in real time before the next turn begins", "[client][caller]") {
  Call call(plan_of(2));
  call.event("session.created");
  call.pass(1s);
  call.answer("resp_1", 1, 100);  // two seconds, which have all arrived
  call.pass(1980ms);
  CHECK(call.caller.state() == State::listening);
  CHECK(call.frames.back().stream == 1);
  CHECK(call.frames.back().aux == 1960 * 48);
  call.pass(40ms);
  CHECK(call.caller.state() == State::pausing);
  CHECK(call.frames.back().stream == 0);
  CHECK(call.frames.back().aux == 0);
  call.pass(500ms);
  CHECK(call.caller.state() == State::speaking);
}

TEST_CASE("between the turns it is silent", "[client][caller]") {
  client::CallPlan plan = plan_of(2);
  plan.utterances.push_back(tone(3000));  // longer than the first, so that mixing them up would be heard
  Call call(plan);
  call.event("session.created");
  call.pass(1s);
  call.answer("resp_1", 1, 25);
  call.pass(600ms);
  REQUIRE(call.caller.state() == State::pausing);
  call.pass(200ms);
  CHECK(call.frames.back().payload.data() == plan.utterances[0]->packet(1000).data());
  CHECK(call.frames[40].payload.data() == plan.utterances[0]->packet(40).data());
}

TEST_CASE("a gap in the answer is an underrun", "[client][caller]") {
  Call call(plan_of(1));
  call.event("session.created");
  call.pass(1600ms);
  call.respond("resp_1", 1);
  call.audio(1, 0);
  call.pass(100ms);
  call.audio(1, 1);
  call.audio(1, 2, /*end=*/true);
  call.finish("resp_1", 1, 3);
  call.pass(100ms);
  CHECK(call.caller.tally().longest_underrun_ms == std::vector<double>{80});
}

TEST_CASE("a turn that interrupts begins while the answer plays, and the flush is answered",
          "[client][caller]") {
  client::CallPlan plan = plan_of(2);
  plan.interrupts = {false, true};
  Call call(plan);
  call.event("session.created");
  call.pass(1s);
  call.answer("resp_1", 1, 250);
  call.pass(700ms);
  CHECK(call.caller.state() == State::listening);
  call.pass(40ms);
  CHECK(call.caller.state() == State::speaking);
  call.pass(200ms);
  call.event("input_audio_buffer.speech_started");
  call.event({{"type", "native.output_stream.flush"}, {"stream", 1}, {"reason", "turn_detected"}});
  call.pass(20ms);
  REQUIRE(call.messages.size() == 1);
  CHECK(call.messages[0]["type"] == "native.playback.flushed");
  CHECK(call.messages[0]["stream"] == 1);
  CHECK(call.messages[0]["played_ms"] == 940);
  call.pass(1s);
  call.answer("resp_2", 2, 10);
  call.pass(400ms);
  CHECK(call.caller.over());
  CHECK(call.caller.tally().answered == 2);
  CHECK(call.caller.tally().interrupted == 1);
  CHECK(call.caller.tally().after_speech_ms.size() == 2);
  CHECK(call.caller.tally().longest_underrun_ms.size() == 2);
}

TEST_CASE("an answer to half an utterance that is cut by the other half is not the answer",
          "[client][caller]") {
  Call call(plan_of(1));
  call.event("session.created");
  call.pass(500ms);
  call.event("input_audio_buffer.speech_stopped");
  call.respond("resp_1", 1);
  call.audio(1, 0);
  call.event("input_audio_buffer.speech_started");
  call.event({{"type", "native.output_stream.flush"}, {"stream", 1}, {"reason", "turn_detected"}});
  call.finish("resp_1", 1, 1, "cancelled");
  call.pass(500ms);
  call.answer("resp_2", 2, 10);
  call.pass(400ms);
  CHECK(call.caller.over());
  CHECK(call.caller.tally().answered == 1);
  CHECK(call.caller.tally().early == 0);
  CHECK(call.caller.tally().after_speech_ms.size() == 1);
}

TEST_CASE("an answer that began before the speech had ended is counted apart", "[client][caller]") {
  Call call(plan_of(1));
  call.event("session.created");
  call.pass(500ms);
  call.answer("resp_1", 1, 10);  // takes 600 ms: the recording ends within it
  Call& rest = call;
  rest.pass(3s);
  CHECK(rest.caller.over());
  CHECK(rest.caller.tally().answered == 1);

  Call early(plan_of(1));
  early.event("session.created");
  early.pass(500ms);
  early.respond("resp_1", 1);
  early.audio(1, 0);
  early.audio(1, 1, /*end=*/true);
  early.finish("resp_1", 1, 2);
  early.pass(2s);
  CHECK(early.caller.state() == State::listening);
  early.pass(1s);
  CHECK(early.caller.over());
  CHECK(early.caller.tally().early == 1);
  CHECK(early.caller.tally().after_speech_ms.empty());
}

TEST_CASE("a failed response fails its turn by its code, and the next turn begins", "[client][caller]") {
  Call call(plan_of(2));
  call.event("session.created");
  call.pass(1600ms);
  call.event({{"type", "response.created"}, {"response", {{"id", "resp_1"}}}});
  call.event({{"type", "response.done"},
              {"response",
               {{"id", "resp_1"},
                {"status", "failed"},
                {"status_details", {{"type", "failed"}, {"error", {{"code", "engine_overloaded"}}}}}}}});
  call.pass(600ms);
  CHECK(call.caller.state() == State::speaking);
  CHECK(call.caller.tally().failed == 1);
  CHECK(call.caller.tally().errors.at("engine_overloaded") == 1);
}

TEST_CASE("a server that does not answer is given up on", "[client][caller]") {
  Call call(plan_of(1));
  call.event("session.created");
  call.pass(31s);
  CHECK_FALSE(call.caller.over());
  call.pass(1s);
  CHECK(call.caller.over());
  CHECK(call.caller.tally().errors.at("no answer") == 1);

  Call mute(plan_of(1));
  mute.pass(31s);
  CHECK(mute.caller.broke());
}

TEST_CASE("a voice is asked for before anything is said", "[client][caller]") {
  client::CallPlan plan = plan_of(1);
  plan.voice = "deep";
  Call call(plan);
  call.event("session.created");
  call.pass(100ms);
  CHECK(call.frames.empty());
  REQUIRE(call.messages.size() == 1);
  CHECK(call.messages[0]["session"]["audio"]["output"]["voice"] == "deep");
  call.event("session.updated");
  call.pass(100ms);
  CHECK(call.frames.size() == 5);

  Call refused(plan);
  refused.event("session.created");
  refused.event({{"type", "error"}, {"error", {{"code", "invalid_value"}}}});
  CHECK(refused.caller.broke());
  CHECK(refused.caller.tally().errors.at("invalid_value") == 1);
}

TEST_CASE("errors, broken messages and a lost connection are counted by what they say", "[client][caller]") {
  Call call(plan_of(1));
  call.event("session.created");
  call.event({{"type", "error"}, {"error", {{"code", "invalid_frame"}}}});
  call.event({{"type", "error"}, {"error", {{"code", nullptr}, {"type", "server_error"}}}});
  call.caller.text("{", call.now);
  call.caller.binary({}, call.now);
  call.caller.lost_connection("close 1008 slow_consumer");
  const auto& errors = call.caller.tally().errors;
  CHECK(errors.at("invalid_frame") == 1);
  CHECK(errors.at("server_error") == 1);
  CHECK(errors.at("message that is no event") == 1);
  CHECK(errors.at("frame without sense") == 1);
  CHECK(errors.at("close 1008 slow_consumer") == 1);
  CHECK(call.caller.broke());
}

TEST_CASE("audio of a stream that was not announced has crossed and is not heard", "[client][caller]") {
  Call call(plan_of(1));
  call.event("session.created");
  call.pass(1600ms);
  call.audio(7, 0);
  call.caller.stop();
  CHECK(call.caller.tally().crossed == 1);
  CHECK(call.caller.tally().longest_underrun_ms.empty());
}
