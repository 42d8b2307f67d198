// Conversations over a real socket in native mode: the cases N of protocol.md 14.
#include <algorithm>

#include "protocol/opus/decoder.hpp"
#include "test/support/catch.hpp"
#include "test/support/running_server.hpp"
#include "test/support/socket_client.hpp"
#include "test/support/speech.hpp"

using namespace parley;
using namespace parley::test;
using Json = nlohmann::json;
namespace native = protocol::native;

namespace {

SocketClient::Options native_mode() { return {.target = "/v1/realtime?model=scripted&native=1"}; }

Json update(Json session) {
  session["type"] = "realtime";
  return {{"type", "session.update"}, {"session", std::move(session)}};
}
const Json unpaced = {{"native", {{"lead_ms", 0}}}};

protocol::Bytes bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

protocol::Bytes framed(std::string_view payload, std::uint16_t seq) {
  const protocol::Bytes content = bytes(payload);
  return native::encode_frame({.kind = native::input_kind,
                               .start = seq == 0,
                               .seq = seq,
                               .timestamp = seq * 960U,
                               .payload = content});
}

std::vector<native::Frame> frames(const SocketClient& client) {
  std::vector<native::Frame> found;
  for (const auto& message : client.seen()) {
    if (!message.binary()) continue;
    const auto frame = native::decode_frame(message.bytes);
    REQUIRE(frame.has_value());
    found.push_back(*frame);
  }
  return found;
}

Json code_and_param(const Json& event) { return {event["error"]["code"], event["error"]["param"]}; }

}  // namespace

TEST_CASE("N1: binary messages outside native mode are refused, and too many close with 1003",
          "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port());
  client.expect("session.created");
  client.binary(framed("x", 0));
  CHECK(client.read().json["error"]["code"] == "invalid_event");
  client.say(update({{"instructions", "still here"}}));
  CHECK(client.read().json["type"] == "session.updated");
  for (std::uint16_t i = 1; i < 20; ++i) client.binary(framed("x", i));
  CHECK(client.expect_close() == 1003);
  CHECK(client.all("error").size() == 20);
}

TEST_CASE("N2: a sentence in Opus packets becomes the same turn as one in JSON", "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.say(update(unpaced));
  PacketMicrophone microphone;
  microphone.send(client, at_48khz(spoken_sentence()));
  const Json started = client.expect("input_audio_buffer.speech_started");
  CHECK(started["audio_start_ms"].get<int>() > 200);
  CHECK(started["audio_start_ms"].get<int>() < 1200);
  client.expect("input_audio_buffer.speech_stopped");
  CHECK(client.expect("input_audio_buffer.committed")["item_id"] == started["item_id"]);
  CHECK(client.expect("response.done")["response"]["status"] == "completed");
  CHECK(client.all("error").empty());
}

TEST_CASE("N3: frames that are too short or empty", "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.expect("session.created");
  client.binary(bytes("twelve bytes"));
  CHECK(code_and_param(client.read().json) == Json({"invalid_frame", "binary"}));
  client.binary(framed("", 0));
  CHECK(code_and_param(client.read().json) == Json({"invalid_frame", "binary"}));
}

TEST_CASE("N4: packets without sense are told once a second, and 100 in a row close with 1007",
          "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.expect("session.created");
  // A code 3 packet of no frames: not Opus, whatever follows.
  const std::string_view nonsense("\xFF\x00", 2);
  PacketMicrophone microphone;
  client.binary(framed(nonsense, 0));
  CHECK(code_and_param(client.read().json) == Json({"invalid_opus_packet", "binary"}));
  for (std::uint16_t i = 1; i < 60; ++i) client.binary(framed(nonsense, i));
  microphone.next.seq = 60;
  microphone.next.timestamp = 60 * 960;
  microphone.send(client, silence(40, 48000));  // a good one: the count begins anew
  for (std::uint16_t i = 62; i < 162; ++i) client.binary(framed(nonsense, i));
  CHECK(client.expect_close() == 1007);
  CHECK(client.all("error").size() <= 3);
}

TEST_CASE("N5: a recorder's container is told apart", "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.expect("session.created");
  client.binary(framed("OggS and more", 0));
  CHECK(code_and_param(client.read().json) == Json({"unsupported_audio_format", "binary"}));
}

TEST_CASE("N8: the answer comes as one stream of packets between its events", "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.say(update(unpaced));
  client.say(user_text("hello there"));
  client.say(respond);
  client.expect("response.done");
  CHECK(client.all("response.output_audio.delta").empty());
  const Json started = client.all("native.output_stream.started").at(0);
  CHECK(started["codec"] == "opus");
  CHECK(started["rate"] == 24000);

  const auto types = client.types();
  const auto first = std::find(types.begin(), types.end(), "packet");
  REQUIRE(first != types.end());
  CHECK(std::find(types.begin(), first, "native.output_stream.started") != first);
  const auto all = frames(client);
  protocol::opus::Decoder decoder(24000);
  std::vector<float> heard;
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].kind == native::output_kind);
    CHECK(all[i].stream == started["stream"].get<unsigned>());
    CHECK(all[i].seq == i);
    CHECK(all[i].timestamp == i * 960);
    CHECK(all[i].start == (i == 0));
    CHECK(all[i].end == (i + 1 == all.size()));
    if (!all[i].payload.empty()) REQUIRE(decoder.decode(all[i].payload, heard).has_value());
  }
  CHECK(heard.size() == 4 * 4 * 960);
  CHECK(all.back().aux == std::string_view("You said hello there.").size());
  const Json done = client.all("native.output_stream.done").at(0);
  CHECK(done["frames"] == all.size());
  CHECK(done["reason"] == "completed");
}

TEST_CASE("the answer comes in any codec, rate and frame length that was negotiated", "[listener][native]") {
  struct Wish {
    const char* codec;
    int rate, frame_ms;
  };
  const Wish wish = GENERATE(Wish{"opus", 16000, 40}, Wish{"opus", 48000, 60}, Wish{"pcm16", 16000, 20},
                             Wish{"pcm16", 48000, 20}, Wish{"pcm16", 24000, 40});
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.say(
      update({{"native",
               {{"lead_ms", 0},
                {"output", {{"codec", wish.codec}, {"rate", wish.rate}, {"frame_ms", wish.frame_ms}}}}}}));
  client.say(user_text("hello there"));
  client.say(respond);
  client.expect("response.done");
  std::size_t samples = 0;
  protocol::opus::Decoder decoder(wish.rate);
  for (const auto& frame : frames(client)) {
    CHECK(frame.pcm == (wish.codec == std::string_view("pcm16")));
    std::vector<float> heard;
    if (frame.payload.empty()) continue;
    if (!frame.pcm) REQUIRE(decoder.decode(frame.payload, heard).has_value());
    const std::size_t length = frame.pcm ? frame.payload.size() / 2 : heard.size();
    CHECK(length == static_cast<std::size_t>(wish.rate * wish.frame_ms / 1000));
    samples += length;
  }
  // 640 ms, filled up to whole packets.
  const auto packets = static_cast<std::size_t>((640 + wish.frame_ms - 1) / wish.frame_ms);
  CHECK(samples == packets * static_cast<std::size_t>(wish.rate * wish.frame_ms / 1000));
}

TEST_CASE("without headers a message is a bare packet, both ways", "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.say(
      update({{"native", {{"lead_ms", 0}, {"input", {{"header", false}}}, {"output", {{"header", false}}}}},
              {"audio", {{"input", {{"turn_detection", nullptr}}}}}}));
  client.expect("session.updated");
  protocol::opus::Encoder microphone({.sample_rate_hz = 16000});
  for (int i = 0; i < 10; ++i) client.binary(microphone.encode(silence(20, 16000)));
  client.say({{"type", "input_audio_buffer.commit"}});
  client.say(respond);
  client.expect("response.done");
  std::string transcript;
  for (const Json& delta : client.all("response.output_audio_transcript.delta")) transcript += delta["delta"];
  CHECK(transcript.starts_with("You said 200 ms"));
  protocol::opus::Decoder decoder(24000);
  std::vector<float> heard;
  for (const auto& message : client.seen())
    if (message.binary()) REQUIRE(decoder.decode(message.bytes, heard).has_value());
  CHECK(heard.size() == 5 * 4 * 960);
}

TEST_CASE("json_audio sends deltas beside the packets", "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.say(update({{"native", {{"lead_ms", 0}, {"json_audio", true}}}}));
  client.say(user_text("hello there"));
  client.say(respond);
  client.expect("response.done");
  CHECK(client.packets() >= 32);
  CHECK(client.all("response.output_audio.delta").size() >= 32);
}

TEST_CASE("N9: speaking over the answer flushes it, and no packet of it follows", "[listener][native]") {
  Script script;
  script.answer = [](const engine::TurnRequest&, const std::string&) {
    std::string words;
    for (int i = 0; i < 200; ++i) words += "word ";
    return words;
  };
  auto settings = test_settings();
  settings.conversation.flush_answer = std::chrono::seconds(10);  // instrumented builds are slow to answer
  RunningServer server(settings, script);
  SocketClient client(server.port(), native_mode());
  client.say(user_text("talk"));
  client.say(respond);
  while (client.packets() == 0) client.read();
  const std::uint32_t stream = frames(client).front().stream;
  PacketMicrophone microphone;
  // 300 ms of the stream have been heard when the user begins, and the loudspeaker goes on.
  microphone.send(client, at_48khz(spoken_sentence()), stream, 300 * 48);
  client.expect("native.output_stream.flush");
  const std::size_t packets = client.packets();
  client.say({{"type", "native.playback.flushed"}, {"stream", stream}, {"played_ms", 420}});
  const Json truncated = client.expect("conversation.item.truncated");
  CHECK(truncated["audio_end_ms"] == 420);
  const auto done = client.all("response.done");
  CHECK(done.at(0)["response"]["status_details"]["reason"] == "turn_detected");
  std::size_t later = 0;
  for (const auto& frame : frames(client)) later += frame.stream == stream ? 1 : 0;
  CHECK(later == packets);
}

TEST_CASE("a client is told what became of its packets", "[listener][native]") {
  auto settings = test_settings();
  settings.limits.native_stats = std::chrono::milliseconds(50);
  RunningServer server(settings);
  SocketClient client(server.port(), native_mode());
  PacketMicrophone microphone;
  microphone.send(client, silence(100, 48000));
  microphone.skip(3);
  microphone.send(client, silence(100, 48000));
  const Json stats = client.expect("native.input.stats");
  CHECK(stats["lost"] == 3);
  CHECK(stats["late"] == 0);
}

TEST_CASE("pings are answered with the client's own number", "[listener][native]") {
  RunningServer server;
  SocketClient client(server.port(), native_mode());
  client.say({{"type", "native.ping"}, {"t", 12.5}});
  CHECK(client.expect("native.pong")["t"] == 12.5);
}
