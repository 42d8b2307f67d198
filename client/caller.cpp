#include "client/caller.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "protocol/opus/packet.hpp"

namespace parley::client {
namespace {

using nlohmann::json;

constexpr std::uint32_t packet_units = packet_ms * protocol::native::units_per_ms;
// Longer than a detector needs to notice a silence: an answer that ended and was not followed by another one
// by then was the only one, even if it began before the speech had ended.
constexpr Milliseconds detector_grace{2000};

// The event's member as text, "" where there is none: what the server leaves out is no reason to stop.
std::string text_of(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& object_of(const json& object, const char* member) {
  static const json none = json::object();
  const auto found = object.find(member);
  return found != object.end() && found->is_object() ? *found : none;
}

std::uint64_t number_of(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::uint32_t units_of(const protocol::native::Frame& frame) {
  if (frame.payload.empty()) return 0;
  const auto packet = protocol::opus::inspect(frame.payload);
  return packet ? static_cast<std::uint32_t>(packet->units) : 0;
}

Milliseconds ms_of(std::uint32_t units) {
  return Milliseconds(static_cast<double>(units) / protocol::native::units_per_ms);
}

}  // namespace

Caller::Caller(CallPlan plan) : plan_(std::move(plan)) {
  if (plan_.utterances.empty()) throw std::invalid_argument("a caller needs something to say");
}

// ---- what the server sends

void Caller::text(std::string_view message, Time now) {
  if (over()) return;
  tally_.bytes_received += message.size();
  const json event = json::parse(message, nullptr, /*allow_exceptions=*/false);
  const std::string type = event.is_object() ? text_of(event, "type") : "";
  if (type != "native.input.stats") last_sign_ = now;  // which comes whether or not an answer is being made
  if (type.empty())
    ++tally_.errors["message that is no event"];
  else
    on_event(type, event, now);
}

void Caller::on_event(const std::string& type, const json& event, Time now) {
  if (type == "session.created") {
    begin();
  } else if (type == "session.updated") {
    if (state_ == State::configuring) begin_turn();
  } else if (type == "error") {
    const json& error = object_of(event, "error");
    const std::string code = text_of(error, "code").empty() ? text_of(error, "type") : text_of(error, "code");
    if (state_ == State::connecting || state_ == State::configuring)
      break_off(code);
    else
      ++tally_.errors[code];
  } else if (type == "input_audio_buffer.speech_started") {
    user_speaking_ = true;
  } else if (type == "input_audio_buffer.speech_stopped") {
    user_speaking_ = false;
    response_owed_ = true;
    turn_.speech_stopped = now;
  } else if (type == "response.created") {
    const std::string id = text_of(object_of(event, "response"), "id");
    audit_.response_created(id);
    active_.insert(id);
    turn_.responses.insert(id);
    response_owed_ = false;
  } else if (type == "response.done") {
    on_response_done(event);
  } else if (type == "native.output_stream.started") {
    count_underrun();  // of the stream before
    stream_ = static_cast<std::uint32_t>(number_of(event, "stream"));
    playout_ = {};
    audit_.announced(stream_, text_of(event, "response_id"));
  } else if (type == "native.output_stream.flush") {
    on_flush(event, now);
  } else if (type == "native.output_stream.done") {
    audit_.done(static_cast<std::uint32_t>(number_of(event, "stream")), number_of(event, "frames"),
                text_of(event, "reason") == "completed");
  }
}

void Caller::on_response_done(const json& event) {
  const json& response = object_of(event, "response");
  active_.erase(text_of(response, "id"));
  if (!turn_.responses.contains(text_of(response, "id"))) return;  // of the turn that this one interrupted
  const std::string status = text_of(response, "status");
  if (status == "completed" || status == "incomplete") {
    turn_.answer_completed = true;
  } else if (status != "cancelled") {  // a cancelled one was cut by more speech, which will be answered
    const std::string code = text_of(object_of(object_of(response, "status_details"), "error"), "code");
    turn_.failure = code.empty() ? "response " + status : code;
  }
}

void Caller::on_flush(const json& event, Time now) {
  const auto stream = static_cast<std::uint32_t>(number_of(event, "stream"));
  audit_.flushed(stream);
  if (stream != stream_) return;
  playout_.flush(now);
  messages_.push_back(json{{"type", "native.playback.flushed"},
                           {"stream", stream},
                           {"played_ms", std::lround(playout_.heard(now).count())}}
                          .dump());
}

void Caller::binary(protocol::ByteView message, Time now) {
  if (over()) return;
  last_sign_ = now;
  tally_.bytes_received += message.size();
  const auto frame = protocol::native::decode_frame(message);
  if (!frame) {
    ++tally_.errors["frame without sense"];
    return;
  }
  const std::uint32_t units = units_of(*frame);
  if (!audit_.arrived(*frame, units) || frame->stream != stream_ || units == 0) return;
  if (!playout_.started()) note_first_audio(now);
  playout_.arrived(now, ms_of(units));
}

void Caller::note_first_audio(Time now) {
  if (!turn_.speech_ended) {
    turn_.answer_began_early = true;
    return;
  }
  if (turn_.first_audio) return;  // a second stream of the same answer
  turn_.first_audio = now;
  tally_.after_speech_ms.push_back(Milliseconds(now - *turn_.speech_ended).count());
  if (turn_.speech_stopped)
    tally_.after_speech_stopped_ms.push_back(Milliseconds(now - *turn_.speech_stopped).count());
}

// ---- time

void Caller::tick(Time now) {
  switch (state_) {
    case State::connecting:
    case State::configuring:
      if (last_sign_ == Time{}) last_sign_ = now;  // connected just now
      if (now - last_sign_ > plan_.patience) break_off("no session");
      return;
    case State::speaking:
    case State::over:
      return;
    case State::pausing:
      if (now >= pause_ends_) begin_turn();
      return;
    case State::listening:
      break;
  }
  const bool more_to_say = turn_number_ + 1 < plan_.turns;
  if (!turn_.failure.empty() && active_.empty()) {
    fail_turn(turn_.failure, now);
  } else if (more_to_say && interrupts(turn_number_ + 1) && turn_.first_audio && playout_.playing(now) &&
             playout_.heard(now) >= plan_.interrupt_after) {
    ++tally_.interrupted;
    finish_turn(now);
  } else if (answered(now)) {
    finish_turn(now);
  } else if (now - last_sign_ > plan_.patience && !playout_.playing(now)) {
    fail_turn("no answer", now);
  }
}

bool Caller::answered(Time now) const {
  if (!turn_.answer_completed || !active_.empty() || user_speaking_ || response_owed_ ||
      playout_.playing(now))
    return false;
  return turn_.first_audio || now - *turn_.speech_ended > detector_grace;
}

std::optional<protocol::native::Frame> Caller::packet(Time now) {
  if (state_ == State::connecting || state_ == State::configuring || over()) return std::nullopt;
  protocol::native::Frame frame;
  frame.kind = protocol::native::input_kind;
  frame.start = timestamp_ == 0 && seq_ == 0;
  frame.seq = seq_++;
  frame.timestamp = timestamp_;
  timestamp_ += packet_units;
  if (playout_.playing(now)) {
    frame.stream = stream_;
    frame.aux = static_cast<std::uint32_t>(playout_.heard(now).count() * protocol::native::units_per_ms);
  }
  frame.payload = turn_.utterance->packet(turn_.packet++);
  if (turn_.packet == turn_.utterance->end_of_speech()) turn_.speech_ended = now;
  if (state_ == State::speaking && turn_.packet >= turn_.utterance->packets()) {
    state_ = State::listening;
    last_sign_ = now;
  }
  tally_.bytes_sent += protocol::native::header_size + frame.payload.size();
  return frame;
}

std::vector<std::string> Caller::take_messages() {
  for (const std::string& message : messages_) tally_.bytes_sent += message.size();
  return std::exchange(messages_, {});
}

// ---- the turns

void Caller::begin() {
  if (state_ != State::connecting) return;
  if (plan_.voice.empty()) {
    begin_turn();
    return;
  }
  state_ = State::configuring;
  messages_.push_back(
      json{{"type", "session.update"},
           {"session", {{"type", "realtime"}, {"audio", {{"output", {{"voice", plan_.voice}}}}}}}}
          .dump());
}

void Caller::begin_turn() {
  state_ = State::speaking;
  turn_ = {};
  turn_.utterance = plan_.utterances[(plan_.first_utterance + static_cast<std::size_t>(turn_number_)) %
                                     plan_.utterances.size()];
}

void Caller::finish_turn(Time now) {
  ++tally_.answered;
  if (!turn_.first_audio) ++(turn_.answer_began_early ? tally_.early : tally_.without_audio);
  next_or_over(now);
}

void Caller::fail_turn(const std::string& why, Time now) {
  ++tally_.failed;
  ++tally_.errors[why];
  next_or_over(now);
}

void Caller::next_or_over(Time now) {
  const bool talks_over = playout_.playing(now);
  ++turn_number_;
  if (turn_number_ >= plan_.turns) {
    stop();
  } else if (talks_over) {
    begin_turn();
  } else {
    state_ = State::pausing;
    pause_ends_ = after(now, plan_.pause);
  }
}

void Caller::break_off(const std::string& why) {
  ++tally_.errors[why];
  broke_ = true;
  stop();
}

void Caller::lost_connection(const std::string& why) {
  if (!over()) break_off(why);
}

void Caller::stop() {
  if (over()) return;
  count_underrun();
  state_ = State::over;
  tally_.lost = audit_.lost();
  tally_.crossed = audit_.crossed();
}

void Caller::count_underrun() {
  if (playout_.started()) tally_.longest_underrun_ms.push_back(playout_.longest_underrun().count());
  playout_ = {};
}

bool Caller::interrupts(int turn) const {
  const auto index = static_cast<std::size_t>(turn);
  return index < plan_.interrupts.size() && plan_.interrupts[index];
}

}  // namespace parley::client
