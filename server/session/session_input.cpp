// The way in: from messages to what the conversation is told. Tested with session.cpp.
#include <boost/asio/post.hpp>
#include <utility>

#include "protocol/native/frame.hpp"
#include "protocol/realtime/codec.hpp"
#include "server/session/session.hpp"

namespace parley::server {

using conversation::Rejected;

namespace {

// Longer audio is taken in pieces, so that other sessions have their turn in between.
constexpr int piece_ms = 500;
// What a large message left behind is given back.
constexpr std::size_t kept_buffer_bytes = 8 * 1024;
// Packets that stay away for so long mean that the user has stopped (protocol.md 9.5).
constexpr auto longest_wait_for_packet = std::chrono::seconds(2);

}  // namespace

net::awaitable<void> Session::hear() {
  for (;;) {
    co_await room_.wait([this] { return !very_crowded() || closing_; });
    if (const Time read_at = throttle_.read_at(); read_at > Clock::now()) {
      patience_.expires_at(read_at);
      co_await patience_.async_wait(net::use_awaitable);
    }
    const WebSocket::Received received = co_await socket_.read(incoming_);
    if (received.error) {
      if (ended_by_.empty()) ended_by_ = describe_end(received.error);
      co_return;
    }
    if (received.too_large) {
      end(1009, "message too large");
      co_await room_.wait([] { return false; });  // the closing handshake reads the rest
    }
    const std::span message(static_cast<const char*>(incoming_.cdata().data()), incoming_.size());
    throttle_.message(received.binary, message.size(), Clock::now());
    ++(received.binary ? services_.counters.binary_in : services_.counters.text_in);
    services_.counters.bytes_in += message.size();
    if (received.binary)
      take_packet(std::as_bytes(message));
    else
      co_await take_text({message.data(), message.size()});
    incoming_.consume(incoming_.size());
    if (incoming_.capacity() > kept_buffer_bytes) incoming_.shrink_to_fit();
  }
}

net::awaitable<void> Session::take_text(std::string_view text) {
  auto event = protocol::decode(text);
  if (!event) {
    on(Rejected{std::move(event.error())});
    co_return;
  }
  if (auto* append = std::get_if<protocol::InputAudioBufferAppend>(&event->body)) {
    co_await take_append(std::move(*append), std::move(event->event_id));
    co_return;
  }
  if (std::holds_alternative<protocol::InputAudioBufferCommit>(event->body)) {
    take_pcm(appended_.finish(), /*binary=*/false, event->event_id);
  } else if (std::holds_alternative<protocol::InputAudioBufferClear>(event->body)) {
    appended_.reset();
  }
  on(*std::move(event));
}

net::awaitable<void> Session::take_append(protocol::InputAudioBufferAppend append,
                                          std::optional<std::string> event_id) {
  const protocol::AudioFormat format = conversation_.session().input_format;
  const std::size_t piece = static_cast<std::size_t>(format.bytes_per_second()) * piece_ms / 1000;
  const auto errors = conversation_.counts().errors;
  for (protocol::ByteView rest = append.audio; !rest.empty() && !closing_;) {
    const auto bytes = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(bytes.size());
    InputPcm audio = appended_.push(bytes, format);
    throttle_.audio(audio.ms, Clock::now());
    take_pcm(std::move(audio), /*binary=*/false, event_id);
    if (conversation_.counts().errors != errors) co_return;  // one error a message
    if (!rest.empty()) co_await net::post(strand_, net::use_awaitable);
  }
}

void Session::take_packet(protocol::ByteView message) {
  const auto& native = conversation_.session().native;
  if (!native) {
    on(Rejected{protocol::binary_not_negotiated()});
    if (++unwanted_binary_ >= limits().unwanted_binary) end(1003, "binary messages were not negotiated");
    return;
  }
  const auto frame = protocol::native::decode_input_frame(message, native->input);
  if (!frame) return on(Rejected{frame.error()});
  if (frame->kind != protocol::native::input_kind) return;
  if (!native_input_ || native_input_->parameters() != native->input) {
    native_input_ = std::make_unique<NativeInput>(native->input);
    told_stats_ = {};
    stats_due_ = Clock::now() + limits().native_stats;
  }
  if (frame->stream != 0) on(conversation::PlayoutPosition{frame->stream, frame->aux});
  microphone_due_ = Clock::now() + longest_wait_for_packet;
  NativeInput::Heard heard = native_input_->take(*frame, Clock::now());
  if (heard.gap) {
    on(conversation::UserAudioGap{});
    speech_watch_.restart();
  }
  const double ms = static_cast<double>(heard.pcm.size()) * 1000 / conversation::input_sample_rate_hz;
  throttle_.audio(ms, Clock::now());
  take_pcm({std::move(heard.pcm), ms}, /*binary=*/true, {});
  if (heard.error) on(Rejected{*std::move(heard.error)});
  if (native_input_->bad_in_a_row() >= limits().bad_packets_in_a_row) end(1007, "too many bad audio packets");
}

void Session::take_pcm(InputPcm audio, bool binary, const std::optional<std::string>& event_id) {
  if (audio.pcm.empty() && audio.ms <= 0) return;
  const bool judge = conversation_.detects_speech();
  const auto judgements = speech_watch_.push(audio.pcm, judge);
  on(conversation::UserAudio{std::move(audio.pcm), audio.ms, binary, event_id});
  for (const auto& judgement : judgements) on(judgement);
}

}  // namespace parley::server
