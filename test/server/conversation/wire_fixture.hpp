// A conversation as a client sees it: JSON text and binary frames in, JSON text and binary frames out.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/opus/decoder.hpp"
#include "protocol/opus/encoder.hpp"
#include "test/server/conversation/fixture.hpp"

namespace parley::conversation {

inline constexpr const char* create_response = R"({"type":"response.create"})";

// Between the wire and the state machine it does what a session does, in its plainest form: audio is decoded
// as it comes, resampled line by line between samples, and judged by its loudness. Every message that goes
// out is held against the rules of test/support/wire_rules.hpp.
class WireFixture : public Fixture {
 public:
  using Json = nlohmann::json;

  explicit WireFixture(protocol::Session session = default_session(), ConversationSettings settings = {});
  ~WireFixture() override;

  // ---- from the client
  void say(std::string_view text);
  void say(const char* text) { say(std::string_view(text)); }
  void say(const Json& event) { say(std::string_view(event.dump())); }
  void binary(protocol::ByteView message);

  // The microphone of a JSON client, in real time and PCM16: a hum, which counts as speech, or nothing.
  void hum(int ms = 640) { append(ms, 0.4F); }
  void hush(int ms = 640) { append(ms, 0); }
  // The same as Opus packets of 20 ms with the native header; `stream` and `played_ms` as it tells them.
  void hum_in_packets(int ms, std::uint32_t stream = 0, int played_ms = 0);
  void hush_in_packets(int ms, std::uint32_t stream = 0, int played_ms = 0);

  // ---- the socket
  void stall() { stalled_ = true; }  // nothing leaves until resume(); what is queued can be purged
  void resume();

  // ---- to the client, in order: a text message, or a binary one where `json` is null
  struct Message {
    Json json;
    protocol::Bytes bytes;
  };
  const std::vector<Message>& messages() const { return messages_; }
  std::size_t received() const { return messages_.size(); }
  // Types of the text messages from a place on; runs of equal deltas are told once, frames as "frame".
  std::vector<std::string> dialogue(std::size_t from = 0) const;
  std::vector<Json> all(std::string_view type, std::size_t from = 0) const;
  Json latest(std::string_view type) const;  // fails the test if there is none
  std::size_t frames(std::size_t from = 0) const;
  // Of one part of a spoken answer: all audio bytes, and all of its transcript, as the deltas had them.
  protocol::Bytes delta_audio(const std::string& item_id) const;
  std::string delta_text(const std::string& item_id) const;

  // Of `error`s from a place on: "code param", "-" for null.
  std::vector<std::string> refusals(std::size_t from = 0) const;

 private:
  struct Queued {
    std::uint32_t stream;  // of audio; else 0
    double ms;
    Message message;
  };

  void perform(const Action& action) override;
  void put(Queued message);
  void put_audio(const SendAudio& audio);
  void append(int ms, float loudness);
  void packets(int ms, float loudness, std::uint32_t stream, int played_ms);
  void hear(std::vector<float> pcm, double ms, bool binary, std::optional<std::string> event_id);

  std::vector<Message> messages_;
  std::vector<Queued> queue_;
  bool stalled_ = false;
  int deltas_ = 0;
  double phase_ = 0;
  std::vector<float> unjudged_;
  // native
  protocol::opus::Decoder decoder_{16000};
  protocol::opus::Encoder microphone_{{.sample_rate_hz = 48000}};
  std::optional<protocol::opus::Encoder> speaker_;
  std::uint32_t speaking_stream_ = 0;
  std::uint16_t seq_ = 0;
  std::uint32_t timestamp_ = 0;
};

}  // namespace parley::conversation
