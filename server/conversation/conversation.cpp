// Tested by test/server/conversation/: a file a topic, and test/fuzz/fuzz_conversation.cpp.
#include "server/conversation/conversation.hpp"

#include <algorithm>
#include <utility>

#include "server/conversation/conversation_impl.hpp"

namespace parley::conversation {
namespace {

TurnTakingSettings turn_taking(const protocol::Session& session, const ConversationSettings& settings) {
  TurnTakingSettings result;
  result.detect = session.turn_detection.has_value();
  result.detector.speculation_ms = static_cast<int>(settings.speculation_silence.count());
  if (!result.detect) return result;
  if (const auto* vad = std::get_if<protocol::ServerVad>(&*session.turn_detection)) {
    result.detector.threshold = static_cast<float>(vad->threshold);
    result.detector.silence_ms = vad->silence_duration_ms;
    result.prefix_padding_ms = vad->prefix_padding_ms;
  } else {
    result.detector.silence_ms = static_cast<int>(settings.semantic_silence.count());
  }
  return result;
}

}  // namespace

// ---- the facade

Conversation::Conversation(const ConversationSettings& settings, protocol::Session session, Sources sources)
    : impl_(std::make_unique<Impl>(settings, std::move(session), std::move(sources))) {}
Conversation::~Conversation() = default;

Actions Conversation::on(Input input, Time now) { return impl_->on(std::move(input), now); }
std::optional<Time> Conversation::deadline() const { return impl_->deadline(); }
const protocol::Session& Conversation::session() const { return impl_->session(); }
bool Conversation::detects_speech() const { return session().turn_detection.has_value(); }
bool Conversation::response_active() const { return impl_->response_active(); }
bool Conversation::closed() const { return impl_->closed(); }
ConversationCounts Conversation::counts() const { return impl_->counts(); }

// ---- inputs in, actions out

Conversation::Impl::Impl(const ConversationSettings& settings, protocol::Session session, Sources sources)
    : settings_(settings),
      outbox_(std::move(sources.ids)),
      new_turn_(std::move(sources.turn_ids)),
      session_(std::move(session)),
      conversation_id_(outbox_.ids().conversation()),
      budget_(settings.budget),
      errors_(settings.errors, settings.error_window),
      transcriber_(settings, outbox_, items_),
      turns_(turn_taking(session_, settings), [this] { return outbox_.ids().item(); }) {}

Actions Conversation::Impl::on(Input input, Time now) {
  if (closed_) return {};
  now_ = std::max(now_, now);
  std::visit([this](auto&& value) { handle(std::forward<decltype(value)>(value)); }, std::move(input));
  event_id_.reset();
  settle();
  return outbox_.take();
}

void Conversation::Impl::settle() {
  if (closed_) return;
  if (now_ >= session_end_) {
    auto error =
        protocol::session_expired(static_cast<int>(settings_.session_limit / std::chrono::minutes(1)));
    std::string reason = error.message;
    refuse(std::move(error));
    return close(1001, std::move(reason));
  }
  for_each_response([this](ResponseWriter& response) {
    if (response.overdue(now_)) {
      response.fail(protocol::server_error(protocol::ErrorCode::response_generation_failed,
                                           "The response took too long."),
                    now_);
    }
    response.advance(now_);
  });
  for (Playout& playout : playouts_.all()) {
    if (playout.flush_answer_due && now_ >= *playout.flush_answer_due) truncate_to_heard(playout);
  }
  retire_ended();
  if (idle_due_ && now_ >= *idle_due_) on_idle();
  transcriber_.advance(now_, new_turn_);
  close_when_drained();
}

std::optional<Time> Conversation::Impl::deadline() const {
  if (closed_) return std::nullopt;
  std::optional<Time> earliest;
  const auto consider = [&](std::optional<Time> time) {
    if (time && *time != Time::max()) earliest = std::min(earliest.value_or(*time), *time);
  };
  consider(session_end_);
  consider(drain_end_);
  consider(idle_due_);
  consider(transcriber_.deadline());
  if (active_) consider(active_->deadline(now_));
  for (const auto& response : out_of_band_) consider(response->deadline(now_));
  for (const Playout& playout : playouts_.all()) consider(playout.flush_answer_due);
  return earliest;
}

ConversationCounts Conversation::Impl::counts() const {
  ConversationCounts counts = counts_;
  counts.speculation = speculation_.counts();
  return counts;
}

// ---- the session

void Conversation::Impl::handle(Opened) {
  session_end_ = now_ + settings_.session_limit;
  outbox_.send(protocol::SessionCreated{session_});
}

void Conversation::Impl::handle(protocol::ClientEvent event) {
  event_id_ = std::move(event.event_id);
  if (protocol::needs_native_mode(event.body) && !native()) {
    return refuse(protocol::unknown_event_type(protocol::type_of(event.body), false));
  }
  std::visit([this](const auto& body) { on_client(body); }, event.body);
}

void Conversation::Impl::on_client(const protocol::SessionUpdate& event) {
  protocol::SessionState state;
  state.response_active = active() != nullptr;
  state.assistant_has_spoken = items_.has_assistant_audio();
  state.input_buffer_empty = turns_.uncommitted_ms() <= 0;
  state.local_voice = settings_.local_voice;
  auto changed = protocol::updated(session_, event.session, state);
  if (!changed) return refuse(changed.error());
  session_ = std::move(*changed);
  ++session_revision_;
  perform(turns_.configure(turn_taking(session_, settings_)));
  if (speculative_ && !turns_.pausing()) drop_speculation(false);
  if (idle_due_) arm_idle_timer();  // with what holds now, or not at all
  outbox_.send(protocol::SessionUpdated{session_});
}

void Conversation::Impl::on_client(const protocol::NativePing& event) {
  const auto since_start = std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch());
  outbox_.send(protocol::NativePong{event.t, since_start.count()});
}

bool Conversation::Impl::create_response() const {
  if (!session_.turn_detection || session_.type == protocol::SessionType::transcription) return false;
  return std::visit([](const auto& vad) { return vad.create_response; }, *session_.turn_detection);
}

bool Conversation::Impl::interrupt_response() const {
  if (!session_.turn_detection) return false;
  return std::visit([](const auto& vad) { return vad.interrupt_response; }, *session_.turn_detection);
}

bool Conversation::Impl::semantic() const {
  return session_.turn_detection && std::holds_alternative<protocol::SemanticVad>(*session_.turn_detection);
}

// ---- errors and the end

void Conversation::Impl::handle(Rejected rejected) { refuse(std::move(rejected.error)); }

void Conversation::Impl::refuse(protocol::Error error) {
  if (closed_) return;
  if (!error.event_id) error.event_id = event_id_;
  outbox_.send(protocol::ErrorEvent{std::move(error)});
  ++counts_.errors;
  if (!errors_.count(now_)) close(1008, "too many errors");
}

void Conversation::Impl::handle(Drain) {
  if (std::exchange(draining_, true)) return;
  drain_end_ = now_ + settings_.drain_limit;
  drop_speculation(false);
  response_queued_ = false;
}

void Conversation::Impl::close_when_drained() {
  if (draining_ && (!response_active() || now_ >= drain_end_)) close(1012, "restart");
}

void Conversation::Impl::handle(SlowConsumer) {
  const auto error = protocol::server_error(protocol::ErrorCode::slow_consumer, "The client does not read.");
  for_each_response([&](ResponseWriter& response) { response.fail(error, now_); });
  close(1008, "slow_consumer");
}

void Conversation::Impl::close(std::uint16_t code, std::string reason) {
  if (std::exchange(closed_, true)) return;
  outbox_.perform(Close{code, std::move(reason)});
}

}  // namespace parley::conversation
