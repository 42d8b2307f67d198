#include "test/server/conversation/wire_fixture.hpp"

#include <cmath>
#include <utility>

#include "protocol/base64/base64.hpp"
#include "protocol/native/frame.hpp"
#include "protocol/realtime/codec.hpp"
#include "test/support/wire_rules.hpp"

namespace parley::conversation {
namespace {

using Json = nlohmann::json;

protocol::Bytes pcm16(std::span<const std::int16_t> samples) {
  protocol::Bytes bytes;
  for (std::int16_t sample : samples) {
    bytes.push_back(static_cast<std::byte>(sample & 0xFF));
    bytes.push_back(static_cast<std::byte>((sample >> 8) & 0xFF));
  }
  return bytes;
}

std::vector<float> samples(protocol::ByteView bytes) {
  std::vector<float> pcm(bytes.size() / 2);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const auto word = std::to_integer<unsigned>(bytes[2 * i]) | std::to_integer<unsigned>(bytes[2 * i + 1])
                                                                    << 8U;
    pcm[i] = static_cast<float>(static_cast<std::int16_t>(word)) / 32768.0F;
  }
  return pcm;
}

// To the 16 kHz that a conversation hears.
std::vector<float> resampled(const std::vector<float>& pcm, int rate) {
  const std::size_t count = pcm.size() * input_sample_rate_hz / static_cast<std::size_t>(rate);
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double at = static_cast<double>(i) * rate / input_sample_rate_hz;
    const auto before = static_cast<std::size_t>(at);
    const auto after = std::min(before + 1, pcm.size() - 1);
    const auto part = static_cast<float>(at - static_cast<double>(before));
    out[i] = pcm[before] * (1 - part) + pcm[after] * part;
  }
  return out;
}

std::vector<std::int16_t> tone(std::size_t count, int rate, float loudness, double& phase) {
  std::vector<std::int16_t> pcm(count);
  for (auto& sample : pcm) {
    sample = static_cast<std::int16_t>(std::lround(loudness * 32000 * std::sin(phase)));
    phase += 2 * 3.14159265358979 * 220 / rate;
  }
  return pcm;
}

float loudness_of(std::span<const float> pcm) {
  double sum = 0;
  for (float sample : pcm) sum += static_cast<double>(sample) * static_cast<double>(sample);
  return static_cast<float>(std::sqrt(sum / static_cast<double>(pcm.size())));
}

}  // namespace

WireFixture::WireFixture(protocol::Session session, ConversationSettings settings)
    : Fixture(std::move(session), std::move(settings)) {
  for (const Action& action : actions) WireFixture::perform(action);
}

WireFixture::~WireFixture() {
  std::set<std::string> ids;
  for (const Message& message : messages_) {
    if (message.json.is_null()) continue;
    for (const auto& violation : test::wire_violations(message.json)) FAIL_CHECK(violation);
    if (!ids.insert(message.json.value("event_id", "")).second) FAIL_CHECK("event ids are unique");
  }
}

// ---- from the client

void WireFixture::say(std::string_view text) {
  auto event = protocol::decode(text);
  if (!event) return on(Rejected{event.error()});
  if (const auto* append = std::get_if<protocol::InputAudioBufferAppend>(&event->body)) {
    const auto& format = conversation.session().input_format;
    return hear(resampled(samples(append->audio), format.rate),
                static_cast<double>(append->audio.size()) * 1000 / format.bytes_per_second(), false,
                event->event_id);
  }
  on(*std::move(event));
}

void WireFixture::binary(protocol::ByteView message) {
  if (!conversation.session().native) return on(Rejected{protocol::binary_not_negotiated()});
  const auto frame = protocol::native::decode_input_frame(message, conversation.session().native->input);
  if (!frame) return on(Rejected{frame.error()});
  if (frame->stream != 0) on(PlayoutPosition{frame->stream, frame->aux});
  if (frame->start) on(UserAudioGap{});
  std::vector<float> pcm;
  if (const auto decoded = decoder_.decode(frame->payload, pcm); !decoded)
    return on(Rejected{decoded.error()});
  const double ms = static_cast<double>(pcm.size()) / 16;
  hear(std::move(pcm), ms, true, {});
}

void WireFixture::hear(std::vector<float> pcm, double ms, bool binary, std::optional<std::string> event_id) {
  unjudged_.insert(unjudged_.end(), pcm.begin(), pcm.end());
  on(UserAudio{std::move(pcm), ms, binary, std::move(event_id)});
  constexpr std::size_t window = 512;
  while (unjudged_.size() >= window) {
    heard_until += window;
    const float probability = loudness_of(std::span(unjudged_).first(window)) > 0.05F ? 0.95F : 0.02F;
    unjudged_.erase(unjudged_.begin(), unjudged_.begin() + window);
    if (conversation.detects_speech()) on(VoiceActivity{probability, heard_until});
  }
}

void WireFixture::append(int ms, float loudness) {
  constexpr int piece = 40;
  for (int done = 0; done < ms; done += piece) {
    pass(std::chrono::milliseconds(piece));
    const auto pcm = tone(24 * piece, 24000, loudness, phase_);
    say(Json{{"type", "input_audio_buffer.append"}, {"audio", protocol::base64::encode(pcm16(pcm))}});
  }
}

void WireFixture::packets(int ms, float loudness, std::uint32_t stream, int played_ms) {
  constexpr int piece = 20;
  for (int done = 0; done < ms; done += piece) {
    pass(std::chrono::milliseconds(piece));
    const auto payload = microphone_.encode(tone(48 * piece, 48000, loudness, phase_));
    protocol::native::Frame frame;
    frame.kind = protocol::native::input_kind;
    frame.start = seq_ == 0;
    frame.seq = seq_++;
    frame.timestamp = timestamp_;
    frame.stream = stream;
    frame.aux = static_cast<std::uint32_t>((played_ms + done) * 48);
    frame.payload = payload;
    timestamp_ += 48 * piece;
    binary(protocol::native::encode_frame(frame));
  }
}

void WireFixture::hum_in_packets(int ms, std::uint32_t stream, int played_ms) {
  packets(ms, 0.4F, stream, played_ms);
}
void WireFixture::hush_in_packets(int ms, std::uint32_t stream, int played_ms) {
  packets(ms, 0, stream, played_ms);
}

// ---- to the client

void WireFixture::perform(const Action& action) {
  if (const auto* send = std::get_if<Send>(&action)) {
    put({0, 0, {Json::parse(protocol::encode(send->event)), {}}});
  } else if (const auto* audio = std::get_if<SendAudio>(&action)) {
    put_audio(*audio);
  } else if (const auto* purge = std::get_if<Purge>(&action)) {
    double ms = 0;
    for (const Queued& queued : queue_) ms += queued.stream == purge->stream ? queued.ms : 0;
    std::erase_if(queue_, [&](const Queued& queued) { return queued.stream == purge->stream; });
    if (ms > 0) replies.push_back(AudioDropped{purge->stream, ms});
  }
}

void WireFixture::put(Queued message) {
  if (stalled_) {
    queue_.push_back(std::move(message));
  } else {
    messages_.push_back(std::move(message.message));
  }
}

void WireFixture::put_audio(const SendAudio& audio) {
  if (audio.as_delta) {
    protocol::ServerEvent delta{"event_delta" + std::to_string(++deltas_), {}};
    delta.body = protocol::ResponseOutputAudioDelta{audio.part, pcm16(audio.packet.pcm)};
    put({audio.stream, audio.as_packet ? 0 : audio.packet.ms(), {Json::parse(protocol::encode(delta)), {}}});
  }
  if (!audio.as_packet) return;
  if (audio.stream != std::exchange(speaking_stream_, audio.stream))
    speaker_.emplace(protocol::opus::EncoderSettings{});
  protocol::Bytes payload;
  if (!audio.packet.pcm.empty()) payload = speaker_->encode(audio.packet.pcm);
  protocol::native::Frame frame;
  frame.start = audio.packet.first;
  frame.end = audio.packet.last;
  frame.seq = audio.packet.seq;
  frame.timestamp = audio.packet.timestamp;
  frame.stream = audio.stream;
  frame.aux = audio.packet.text_cursor;
  frame.payload = payload;
  put({audio.stream, audio.packet.ms(), {Json(), protocol::native::encode_frame(frame)}});
}

void WireFixture::resume() {
  stalled_ = false;
  for (Queued& queued : std::exchange(queue_, {})) messages_.push_back(std::move(queued.message));
}

// ---- what came

std::vector<std::string> WireFixture::dialogue(std::size_t from) const {
  std::vector<std::string> types;
  for (std::size_t i = from; i < messages_.size(); ++i) {
    std::string type = messages_[i].json.is_null() ? "frame" : messages_[i].json.value("type", "");
    const bool repeats = type == "frame" || type.ends_with(".delta");
    if (!repeats || types.empty() || types.back() != type) types.push_back(std::move(type));
  }
  return types;
}

std::vector<Json> WireFixture::all(std::string_view type, std::size_t from) const {
  std::vector<Json> found;
  for (std::size_t i = from; i < messages_.size(); ++i) {
    if (!messages_[i].json.is_null() && messages_[i].json.value("type", "") == type)
      found.push_back(messages_[i].json);
  }
  return found;
}

Json WireFixture::latest(std::string_view type) const {
  auto found = all(type);
  INFO("looking for " << type);
  REQUIRE_FALSE(found.empty());
  return found.back();
}

std::size_t WireFixture::frames(std::size_t from) const {
  std::size_t count = 0;
  for (std::size_t i = from; i < messages_.size(); ++i) count += messages_[i].json.is_null() ? 1 : 0;
  return count;
}

protocol::Bytes WireFixture::delta_audio(const std::string& item_id) const {
  protocol::Bytes audio;
  for (const Json& delta : all("response.output_audio.delta")) {
    if (delta["item_id"] != item_id) continue;
    const auto bytes = protocol::base64::decode(delta["delta"].get<std::string>());
    REQUIRE(bytes);
    audio.insert(audio.end(), bytes->begin(), bytes->end());
  }
  return audio;
}

std::string WireFixture::delta_text(const std::string& item_id) const {
  std::string text;
  for (const char* type : {"response.output_audio_transcript.delta", "response.output_text.delta"}) {
    for (const Json& delta : all(type))
      if (delta["item_id"] == item_id) text += delta["delta"].get<std::string>();
  }
  return text;
}

std::vector<std::string> WireFixture::refusals(std::size_t from) const {
  std::vector<std::string> refusals;
  for (const Json& event : all("error", from)) {
    const auto text = [](const Json& value) { return value.is_null() ? "-" : value.get<std::string>(); };
    refusals.push_back(text(event["error"]["code"]) + " " + text(event["error"]["param"]));
  }
  return refusals;
}

}  // namespace parley::conversation
