#include <boost/asio/io_context.hpp>
#include <thread>

#include "server/session/beginning.hpp"
#include "server/session/event_queue.hpp"
#include "server/session/names.hpp"
#include "server/session/outgoing.hpp"
#include "server/session/throttle.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using namespace parley::server;
using namespace std::chrono_literals;

namespace {

const engine::ModelInfo model{"local", {{"anna", "", "", "", ""}, {"ben", "", "", "", ""}}, 100, 0, true};

}  // namespace

TEST_CASE("foreign model names are ours unless the server is strict", "[session]") {
  NameSettings names;
  CHECK(model_accepted("anything", model, names));
  names.strict_models = true;
  CHECK(model_accepted("local", model, names));
  CHECK(model_accepted("gpt-realtime-2.1", model, names));
  CHECK(model_accepted("whisper-1", model, names));
  CHECK_FALSE(model_accepted("whisper-10", model, names));
  CHECK_FALSE(model_accepted("nope", model, names));
}

TEST_CASE("voices are found by their name, by an alias, or else the default speaks", "[session]") {
  NameSettings names;
  names.voice_aliases = {{"ash", "ben"}, {"marin", "nobody"}, {"c*", "ben"}};
  const auto voice = [&](const char* asked) { return local_voice(asked, model, names, "anna"); };
  CHECK(voice("ben") == "ben");
  CHECK(voice("ash") == "ben");
  CHECK(voice("coral") == "ben");
  CHECK(voice("marin") == "anna");
  CHECK(voice("") == "anna");
  CHECK(default_voice(model, {}) == "anna");
  SessionDefaults defaults;
  defaults.voice = "ben";
  CHECK(default_voice(model, defaults) == "ben");
}

TEST_CASE("a session begins with the server's defaults, changed by its secret", "[session]") {
  ServerSettings settings;
  settings.session.instructions = "Be kind.";
  settings.session.transcription = true;
  BeginningRequest request;
  request.native = true;
  request.changes.voice = "ben";
  const auto session = beginning(request, settings, model, 1000s);
  REQUIRE(session.has_value());
  CHECK(session->id.starts_with("sess_"));
  CHECK(session->model == "local");
  CHECK(session->instructions == "Be kind.");
  CHECK(session->voice == "ben");
  CHECK(session->transcription);
  CHECK(session->native);
  CHECK(session->expires_at == 1000 + 3600);
  CHECK(beginning({}, settings, model, 0s)->id != beginning({}, settings, model, 0s)->id);
}

TEST_CASE("a session for transcription is one from its beginning", "[session]") {
  ServerSettings settings;
  BeginningRequest request;
  SECTION("by the handshake") { request.transcription = true; }
  SECTION("by its secret") { request.changes.type = protocol::SessionType::transcription; }
  const auto session = beginning(request, settings, model, 0s);
  REQUIRE(session.has_value());
  CHECK(session->type == protocol::SessionType::transcription);
  CHECK(session->transcription);
}

TEST_CASE("a bucket that is overdrawn says when it is not", "[session]") {
  const Time start{1h};
  TokenBucket bucket(10, 20, start);
  bucket.take(20, start);
  CHECK(bucket.positive_at() == start);
  bucket.take(5, start);
  CHECK(bucket.positive_at() == start + 500ms);
  bucket.take(0, start + 500ms);
  CHECK(bucket.positive_at() == start + 500ms);
  bucket.take(0, start + 1h);  // never fuller than full
  bucket.take(30, start + 1h);
  CHECK(bucket.positive_at() == start + 1h + 1s);
}

TEST_CASE("what is queued of a stream can be dropped, and its length is known", "[session]") {
  Outgoing outgoing;
  outgoing.push({.text = "event", .bytes = {}});
  outgoing.push({.text = {}, .bytes = protocol::Bytes(50), .binary = true, .stream = 1, .ms = 20});
  outgoing.push({.text = "delta", .bytes = {}, .stream = 1, .ms = 100});
  outgoing.push({.text = {}, .bytes = protocol::Bytes(50), .binary = true, .stream = 2, .ms = 20});
  CHECK(outgoing.purge(1) == 120);
  CHECK(outgoing.purge(1) == 0);
  CHECK(outgoing.take().text == "event");
  CHECK(outgoing.take().stream == 2);
  CHECK(outgoing.empty());
  CHECK(outgoing.bytes() == 0);
}

TEST_CASE("events cross to the strand in order, and a full queue takes no more", "[session]") {
  boost::asio::io_context context;
  Condition filled(context.get_executor());
  auto queue = std::make_shared<EventQueue>(context.get_executor(), filled, 10'000);
  int taken = 0;
  std::jthread engine([&] {
    while (queue->push(engine::TextDelta{1, std::to_string(taken)})) ++taken;
  });
  engine.join();
  CHECK(taken > 10);
  CHECK(queue->overflowed());
  for (int i = 0; i < taken; ++i) CHECK(std::get<engine::TextDelta>(*queue->pop()).text == std::to_string(i));
  CHECK_FALSE(queue->pop());
  CHECK(queue->push(engine::TextDelta{1, "room again"}));
  queue->close();
  CHECK_FALSE(queue->push(engine::TextDelta{1, "too late"}));
  CHECK_FALSE(queue->pop());
  context.run();  // what was posted before finds it closed
}
