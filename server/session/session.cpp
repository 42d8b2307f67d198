// Life and time of a session, and its way out; session_input.cpp has the way in. Tested by
// test/server/session/ and, over sockets, by test/server/listener/.
#include "server/session/session.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "protocol/realtime/codec.hpp"
#include "server/session/beginning.hpp"
#include "server/session/first_to_end.hpp"
#include "transport/as_result.hpp"

namespace parley::server {
namespace {

// A client that takes at least so much is slow, but reads.
constexpr double slowest_bytes_per_s = 16 * 1024;

}  // namespace

Session::Session(Services services, WebSocket& socket, protocol::Session begin, net::any_io_executor strand)
    : services_(std::move(services)),
      socket_(socket),
      strand_(strand),
      id_(begin.id),
      opened_(Clock::now()),
      ids_(random_bits()),
      conversation_(services_.settings.conversation, std::move(begin),
                    {protocol::IdGenerator(random_bits()), &engine::Engine::next_turn_id}),
      throttle_(services_.settings.limits, opened_),
      speech_watch_(services_.voice_activity),
      queued_(strand),
      room_(strand),
      events_ready_(strand),
      events_(std::make_shared<EventQueue>(strand, events_ready_, services_.settings.limits.event_bytes)),
      clock_(strand, Time::max()),
      patience_(strand) {
  ++services_.counters.sessions;
  ++services_.counters.sessions_opened;
}

Session::~Session() {
  events_->close();
  if (dialogue_) services_.engine.close_dialogue(*dialogue_);
  --services_.counters.sessions;
  const auto counts = conversation_.counts();
  services_.counters.interruptions += counts.interruptions;
  services_.counters.late_events += counts.late_events;
  const auto seconds = std::chrono::duration<double>(Clock::now() - opened_).count();
  spdlog::info("session {} ended after {:.1f} s, {} responses, {} errors{}{}", id_, seconds, counts.responses,
               counts.errors, ended_by_.empty() ? "" : ": ", ended_by_);
}

net::awaitable<void> Session::run() {
  spdlog::info("session {} opened{}", id_, conversation_.session().native ? ", native" : "");
  on(conversation::Opened{});
  co_await first_to_end(strand_, hear(), attend(), keep_time(), speak());
}

void Session::drain() { on(conversation::Drain{}); }

// ---- the engine's events

net::awaitable<void> Session::attend() {
  for (;;) {
    co_await events_ready_.wait([this] { return !events_->empty() || events_->overflowed(); });
    if (events_->overflowed()) break;
    co_await room_.wait([this] { return !crowded() || events_->overflowed(); });
    while (!crowded()) {
      std::optional<engine::Event> event = events_->pop();
      if (!event) break;
      on(*std::move(event));
    }
  }
  // The client reads so slowly that even what the engine may be ahead is used up.
  ++services_.counters.slow_consumers;
  ended_by_ = "slow consumer";
  on(conversation::SlowConsumer{});
  co_await events_ready_.wait([] { return false; });
}

// ---- the conversation

void Session::on(conversation::Input input) {
  for (auto next = std::optional(std::move(input)); next;) {
    for (conversation::Action& action : conversation_.on(*std::move(next), Clock::now()))
      std::visit([this](auto& one) { perform(one); }, action);
    next.reset();
    if (!replies_.empty()) {
      next = std::move(replies_.front());
      replies_.erase(replies_.begin());
    }
  }
  arm_clock();
}

void Session::perform(conversation::Send& action) { send(std::move(action.event)); }

void Session::perform(conversation::SendAudio& action) {
  if (action.as_delta) {
    protocol::ServerEvent event{ids_.event(),
                                protocol::ResponseOutputAudioDelta{action.part, output_audio_.delta(action)}};
    const double ms = action.as_packet ? 0 : action.packet.ms();
    queue({.text = protocol::encode(event), .bytes = {}, .stream = action.stream, .ms = ms});
  }
  if (!action.as_packet) return;
  const auto& native = conversation_.session().native;
  if (!native) return;
  if (auto packet = output_audio_.packet(action, native->output)) {
    queue({.text = {},
           .bytes = *std::move(packet),
           .binary = true,
           .stream = action.stream,
           .ms = action.packet.ms()});
  }
}

void Session::perform(const conversation::Purge& action) {
  output_audio_.drop(action.stream);
  const double ms = outgoing_.purge(action.stream);
  if (ms > 0) replies_.emplace_back(conversation::AudioDropped{action.stream, ms});
  room_.notify();
}

void Session::perform(conversation::Close& action) { end(action.code, std::move(action.reason)); }

void Session::perform(conversation::Hear& action) {
  hear_in_engine(std::move(action.item_id), std::move(action.pcm));
}

void Session::perform(const conversation::HearRecording& action) {
  AppendedAudio recording;
  InputPcm audio = recording.push(action.audio, conversation_.session().input_format);
  const InputPcm tail = recording.finish();
  audio.pcm.insert(audio.pcm.end(), tail.pcm.begin(), tail.pcm.end());
  hear_in_engine(action.item_id, std::move(audio.pcm));
}

void Session::perform(conversation::Forget& action) {
  if (dialogue_) services_.engine.forget(*dialogue_, std::move(action.item_id));
}

void Session::perform(conversation::StartTurn& action) {
  action.request.dialogue = dialogue();
  services_.engine.start_turn(std::move(action.request));
}

void Session::perform(const conversation::CommitTurn& action) {
  services_.engine.commit_turn(action.turn, action.turn_end);
}
void Session::perform(const conversation::CancelTurn& action) { services_.engine.cancel_turn(action.turn); }
void Session::perform(const conversation::ReportHeard& action) {
  services_.engine.report_heard(action.turn, action.heard_ms);
}

engine::DialogueId Session::dialogue() {
  if (!dialogue_) {
    dialogue_ = services_.engine.open_dialogue(
        [events = events_](engine::Event event) { return events->push(std::move(event)); });
  }
  return *dialogue_;
}

void Session::hear_in_engine(std::string item_id, std::vector<float> pcm) {
  if (closing_ || services_.engine.hear(dialogue(), std::move(item_id), std::move(pcm))) return;
  send(protocol::ErrorEvent{protocol::server_error(
      protocol::ErrorCode::engine_overloaded, "The server has more to do than it can; try again soon.")});
  end(1013, "overloaded");
}

// ---- out

void Session::send(protocol::ServerEventBody body) {
  send(protocol::ServerEvent{ids_.event(), std::move(body)});
}

void Session::send(protocol::ServerEvent event) {
  if (const auto* error = std::get_if<protocol::ErrorEvent>(&event.body))
    services_.counters.error(error->error.code);
  queue({.text = protocol::encode(event), .bytes = {}});
}

void Session::queue(OutgoingMessage message) {
  if (closing_) return;
  outgoing_.push(std::move(message));
  queued_.notify();
}

void Session::end(std::uint16_t code, std::string reason) {
  if (closing_) return;
  closing_ = Closing{code, std::move(reason)};
  if (code != 1000 && ended_by_.empty()) ended_by_ = closing_->reason;
  queued_.notify();
  room_.notify();
}

net::awaitable<void> Session::speak() {
  for (;;) {
    co_await queued_.wait([this] { return !outgoing_.empty() || closing_; });
    if (outgoing_.empty()) break;
    const OutgoingMessage message = outgoing_.take();
    if (!crowded()) room_.notify();
    const double seconds = static_cast<double>(message.size()) / slowest_bytes_per_s;
    write_due_ = Clock::now() + limits().slow_consumer + conversation::duration_of_ms(1000 * seconds);
    arm_clock();
    const std::span bytes(static_cast<const char*>(message.data()), message.size());
    const error_code error = co_await socket_.write(message.binary, bytes);
    write_due_.reset();
    if (error == net::error::operation_aborted) break;  // the reader is closing: a frame broke the protocol
    if (error) {
      if (ended_by_.empty()) ended_by_ = describe_end(error);
      co_return;
    }
    ++(message.binary ? services_.counters.binary_out : services_.counters.text_out);
    services_.counters.bytes_out += message.size();
  }
  close_due_ = Clock::now() + limits().close;
  arm_clock();
  if (closing_) {
    co_await socket_.close(closing_->code, closing_->reason);
  } else {
    co_await queued_.wait([] { return false; });  // until the reader has told the client why, and ends
  }
}

// ---- time

net::awaitable<void> Session::keep_time() {
  for (;;) {
    clock_.expires_at(next_due());
    co_await clock_.async_wait(transport::as_result);
    const Time now = Clock::now();
    if (close_due_ && now >= *close_due_) break;
    check_write(now);
    check_microphone(now);
    tell_input_stats(now);
    if (const auto due = conversation_.deadline(); due && now >= *due) on(conversation::Tick{});
  }
  socket_.abort();
}

Time Session::next_due() const {
  Time due = conversation_.deadline().value_or(Time::max());
  for (const auto& other : {write_due_, close_due_, stats_due_, microphone_due_})
    due = std::min(due, other.value_or(Time::max()));
  return due;
}

// keep_time() is woken when something is due earlier than what it waits for; a wake too early does no harm.
void Session::arm_clock() {
  if (const Time due = next_due(); due < clock_.expiry()) clock_.expires_at(due);
}

// The client does not read: what it is told about that would not reach it in time, so the socket goes soon.
void Session::check_write(Time now) {
  if (!write_due_ || now < *write_due_) return;
  write_due_.reset();
  close_due_ = now + limits().close;
  ++services_.counters.slow_consumers;
  ended_by_ = "slow consumer";
  on(conversation::SlowConsumer{});
}

// A microphone that was switched off in the middle of a sentence brings no silence to end it with.
void Session::check_microphone(Time now) {
  if (!microphone_due_ || now < *microphone_due_) return;
  microphone_due_.reset();
  speech_watch_.restart();
  on(conversation::UserAudioGap{});
}

void Session::tell_input_stats(Time now) {
  if (!stats_due_ || now < *stats_due_) return;
  stats_due_ = now + limits().native_stats;
  const NativeInput::Stats& stats = native_input_->stats();
  NativeInput::Stats told = std::exchange(told_stats_, stats);
  told.packets = stats.packets;  // packets alone are no news
  if (told == stats) return;
  send(protocol::NativeInputStats{stats.packets, stats.lost, stats.late, stats.decode_errors, 0});
}

}  // namespace parley::server
