// The user's side of a conversation: audio in, turns detected or pushed, answers started on trial, barge-in.
// Tested by test/server/conversation/turns_test.cpp and barge_in_test.cpp.
#include <algorithm>
#include <cmath>
#include <utility>

#include "server/conversation/alignment.hpp"
#include "server/conversation/conversation_impl.hpp"
#include "server/conversation/wire_objects.hpp"

namespace parley::conversation {

using protocol::CancelReason;
using FlushReason = protocol::NativeOutputStreamFlush::Reason;

// ---- audio and what the detector makes of it

void Conversation::Impl::handle(const UserAudio& audio) {
  event_id_ = audio.event_id;
  if (turns_.uncommitted_ms() <= 0) buffered_binary_.reset();
  if (buffered_binary_.value_or(audio.binary) != audio.binary) {
    return refuse(protocol::invalid_value(audio.binary ? "binary" : "audio",
                                          "The input audio buffer holds audio that came another way. Commit "
                                          "or clear it before you switch between "
                                          "binary packets and 'input_audio_buffer.append'."));
  }
  buffered_binary_ = audio.binary;
  perform(turns_.on_audio(audio.pcm, audio.ms));
}

void Conversation::Impl::handle(UserAudioGap) { perform(turns_.on_gap()); }

void Conversation::Impl::handle(const VoiceActivity& activity) {
  perform(turns_.on_voice_activity(activity.probability, activity.end));
}

void Conversation::Impl::perform(TurnSignals signals) {
  for (TurnSignal& signal : signals) {
    switch (signal.kind) {
      case TurnSignal::Kind::speech_started:
        on_speech_started(signal);
        break;
      case TurnSignal::Kind::hear:
        outbox_.perform(Hear{signal.item_id, std::move(signal.pcm)});
        break;
      case TurnSignal::Kind::pausing:
        on_pausing(signal);
        break;
      case TurnSignal::Kind::resumed:
        on_resumed();
        break;
      case TurnSignal::Kind::speech_stopped:
        on_speech_stopped(signal);
        break;
      case TurnSignal::Kind::forget:
        outbox_.perform(Forget{signal.item_id});
        break;
      case TurnSignal::Kind::overrun:
        refuse(protocol::input_overrun(static_cast<int>(TurnTaking::longest_manual_ms / 1000)));
        break;
    }
  }
}

void Conversation::Impl::on_speech_started(const TurnSignal& signal) {
  idle_due_.reset();
  idle_fired_ = false;
  const bool interrupt = interrupt_response();
  std::vector<std::uint32_t> streams;
  if (interrupt) {
    response_queued_ = false;  // the answer to come answers that too
    streams = purge_audible();
  }
  outbox_.send(protocol::SpeechStarted{signal.item_id, ms_of_samples(signal.at)});
  if (!interrupt) return;
  flush(streams, FlushReason::turn_detected);
  if (ResponseWriter* response = active()) {
    ++counts_.interruptions;
    response->cancel(CancelReason::turn_detected, now_);
  }
  await_flush_answers(streams);
}

void Conversation::Impl::on_pausing(const TurnSignal& signal) {
  const bool possible = settings_.speculate && create_response() && !active() && !response_queued_ &&
                        !draining_ && budget_.remaining_requests != 0;
  if (!possible || !speculation_.worthwhile(now_)) return;
  std::vector<engine::ContextItem> context = items_.context();
  Item utterance;
  utterance.id = signal.item_id;
  utterance.content = {{Part::Kind::input_audio, {}}};
  utterance.audio_ms = 1;  // how long it gets is not known yet; it is speech
  context.push_back(context_item(utterance));
  engine::TurnRequest request = this->request({}, std::move(context));
  request.turn = new_turn_();
  request.speculative = true;
  speculative_ = SpeculativeTurn{request.turn, signal.item_id, revision(), now_, {}};
  speculation_.started();
  turns_.hold(true);
  outbox_.perform(StartTurn{std::move(request)});
  if (semantic() && settings_.recognizes_first) {
    turns_.require_silence(static_cast<int>(settings_.transcript_wait.count()));
  }
}

// semantic_vad: what was said so far tells how long to wait for more.
void Conversation::Impl::on_partial_transcript(const std::string& text) {
  if (!semantic() || !turns_.pausing()) return;
  std::chrono::milliseconds wait = settings_.semantic_silence;
  if (!ends_sentence(text)) {
    using Eagerness = protocol::SemanticVad::Eagerness;
    switch (std::get<protocol::SemanticVad>(*session_.turn_detection).eagerness) {
      case Eagerness::low:
        wait = settings_.eagerness_low;
        break;
      case Eagerness::high:
        wait = settings_.eagerness_high;
        break;
      case Eagerness::automatic:
      case Eagerness::medium:
        wait = settings_.eagerness_medium;
        break;
    }
  }
  turns_.require_silence(static_cast<int>(wait.count()));
}

void Conversation::Impl::on_resumed() {
  if (semantic()) turns_.require_silence(static_cast<int>(settings_.semantic_silence.count()));
  drop_speculation(true);
}

void Conversation::Impl::on_speech_stopped(const TurnSignal& signal) {
  if (semantic()) turns_.require_silence(static_cast<int>(settings_.semantic_silence.count()));
  outbox_.send(protocol::SpeechStopped{signal.item_id, ms_of_samples(signal.at)});
  const bool as_guessed = speculative_ && !speculative_->over && speculative_->revision == revision();
  if (!as_guessed) drop_speculation(false);
  TurnSignals rest;
  const Utterance utterance = turns_.commit(rest);
  perform(std::move(rest));
  add_utterance(utterance);
  if (!create_response() || draining_) return;
  retire_ended();
  if (active()) {
    response_queued_ = true;
    drop_speculation(false);
  } else if (speculative_) {
    keep_speculation();
  } else {
    respond();
  }
}

void Conversation::Impl::drop_speculation(bool wrong_guess) {
  if (!speculative_) return;
  if (!speculative_->over) outbox_.perform(CancelTurn{speculative_->turn});
  if (wrong_guess) speculation_.thrown_away(now_);
  speculative_.reset();
  // What waited in the pause is heard with what follows.
  turns_.hold(false);
}

void Conversation::Impl::add_utterance(const Utterance& utterance) {
  Item item;
  item.id = utterance.item_id;
  item.content = {{Part::Kind::input_audio, {}}};
  item.audio_ms = utterance.ms;
  const std::string id = item.id;
  outbox_.send(protocol::InputAudioBufferCommitted{id, items_.last_id()});
  const protocol::Item wire = wire_item(item);
  items_.insert(std::move(item));
  outbox_.send(protocol::ConversationItemAdded{wire, items_.previous_of(id)});
  outbox_.send(protocol::ConversationItemDone{wire, items_.previous_of(id)});
  if (session_.transcription) transcriber_.want(id, session_.transcription->language.value_or(""), now_);
  trim();
}

// ---- push to talk

void Conversation::Impl::on_client(const protocol::InputAudioBufferCommit&) {
  constexpr double shortest_ms = 100;
  if (turns_.uncommitted_ms() < shortest_ms) return refuse(protocol::commit_empty(turns_.uncommitted_ms()));
  drop_speculation(false);
  TurnSignals rest;
  const Utterance utterance = turns_.commit(rest);
  perform(std::move(rest));
  idle_due_.reset();
  add_utterance(utterance);
}

void Conversation::Impl::on_client(const protocol::InputAudioBufferClear&) {
  drop_speculation(false);
  perform(turns_.clear());
  outbox_.send(protocol::InputAudioBufferCleared{});
}

// ---- barge-in: what is queued is dropped, what was heard is found out

std::vector<std::uint32_t> Conversation::Impl::purge_audible() {
  std::vector<std::uint32_t> streams;
  for (const Playout& playout : playouts_.all()) {
    const bool running = active() && active()->stream() == playout.stream;
    if (!playout.out_of_band && (running || (native() && playout.audible(now_))))
      streams.push_back(playout.stream);
  }
  for (std::uint32_t stream : streams) outbox_.perform(Purge{stream});
  return streams;
}

void Conversation::Impl::flush(const std::vector<std::uint32_t>& streams, FlushReason reason) {
  if (!native()) return;
  for (std::uint32_t stream : streams) {
    outbox_.send(protocol::NativeOutputStreamFlush{static_cast<int>(stream), reason});
  }
}

// A native client tells how much was heard; until then the estimate is what the next turn goes by.
void Conversation::Impl::await_flush_answers(const std::vector<std::uint32_t>& streams) {
  for (std::uint32_t stream : streams) {
    Playout* playout = playouts_.find(stream);
    if (!playout) continue;
    playout->finished = true;
    if (!native()) continue;
    playout->flushed = true;
    playout->flush_answer_due = now_ + settings_.flush_answer;
    Item* item = items_.find(playout->item_id);
    if (!item) continue;
    const int heard = static_cast<int>(std::lround(playout->playback.heard_ms(now_)));
    items_.truncate(*item, std::min(item->heard_ms.value_or(heard), heard));
  }
}

void Conversation::Impl::truncate_to_heard(Playout& playout) {
  const bool told = playout.playback.flush_answered();
  // Without an answer what counts is what was heard when the flush went out.
  const Time heard_at = playout.flush_answer_due ? *playout.flush_answer_due - settings_.flush_answer : now_;
  playout.flush_answer_due.reset();
  Item* item = items_.find(playout.item_id);
  if (!item) return;
  const int heard = static_cast<int>(std::lround(playout.playback.heard_ms(told ? now_ : heard_at)));
  // Set without touching the log: a speculative turn that went by the estimate need not be thrown away for
  // it.
  item->heard_ms = std::min(item->client_cut_ms.value_or(heard), heard);
  outbox_.send(protocol::ConversationItemTruncated{item->id, 0, *item->heard_ms});
}

void Conversation::Impl::on_client(const protocol::OutputAudioBufferClear&) {
  const auto streams = purge_audible();
  flush(streams, FlushReason::cleared);
  if (ResponseWriter* response = active()) response->cancel(CancelReason::client_cancelled, now_);
  await_flush_answers(streams);
}

void Conversation::Impl::on_client(const protocol::NativePlaybackFlushed& event) {
  Playout* playout = playouts_.find(static_cast<std::uint32_t>(event.stream));
  if (!playout) return;
  const bool asked = playout->flushed;
  const bool answered = playout->playback.flush_answered();
  playout->playback.flushed(event.played_ms);
  if (asked) {
    if (!answered && playout->flush_answer_due) truncate_to_heard(*playout);
    return;
  }
  // The user pressed stop.
  playout->flushed = playout->finished = true;
  if (ResponseWriter* response = active(); response && response->stream() == playout->stream) {
    outbox_.perform(Purge{playout->stream});
    response->cancel(CancelReason::client_cancelled, now_);
  }
  if (!playout->out_of_band) {
    truncate_to_heard(*playout);
    items_.touch();
  }
}

void Conversation::Impl::on_client(const protocol::NativePlaybackReport& event) {
  using State = protocol::NativePlaybackReport::State;
  Playout* playout = playouts_.find(static_cast<std::uint32_t>(event.stream));
  if (!playout) return;
  Playback::State state = Playback::State::playing;
  switch (event.state) {
    case State::started:
      state = Playback::State::started;
      break;
    case State::playing:
      break;
    case State::ended:
      state = Playback::State::ended;
      break;
    case State::underrun:
      state = Playback::State::underrun;
      break;
  }
  playout->playback.report(now_, event.played_ms, state);
  if (!playout->finished) outbox_.perform(ReportHeard{playout->turn, playout->playback.heard_ms(now_)});
}

void Conversation::Impl::handle(const PlayoutPosition& position) {
  if (position.stream == 0) return;
  if (Playout* playout = playouts_.find(position.stream)) {
    playout->playback.report(now_, position.position / 48.0, Playback::State::playing);
  }
}

void Conversation::Impl::handle(const AudioDropped& dropped) {
  Playout* playout = playouts_.find(dropped.stream);
  if (!playout) return;
  playout->playback.dropped(dropped.ms);
  Item* item = items_.find(playout->item_id);
  if (!item) return;
  item->sent_ms = std::max(0.0, item->sent_ms - dropped.ms);
  if (item->heard_ms && *item->heard_ms > item->sent_ms) {
    items_.truncate(*item, static_cast<int>(std::floor(item->sent_ms)));
  }
}

// ---- the user stays silent

void Conversation::Impl::arm_idle_timer() {
  idle_due_.reset();
  if (!session_.turn_detection || idle_fired_ || turns_.speaking()) return;
  const auto* vad = std::get_if<protocol::ServerVad>(&*session_.turn_detection);
  if (!vad || !vad->idle_timeout_ms) return;
  idle_due_ =
      std::max(now_, playouts_.end().value_or(now_)) + std::chrono::milliseconds(*vad->idle_timeout_ms);
}

void Conversation::Impl::on_idle() {
  idle_due_.reset();
  if (turns_.speaking() || active() || draining_) return;
  idle_fired_ = true;
  TurnSignals rest;
  const Utterance utterance = turns_.commit(rest);
  perform(std::move(rest));
  outbox_.send(protocol::InputAudioBufferTimeoutTriggered{utterance.item_id, ms_of_samples(utterance.begin),
                                                          ms_of_samples(utterance.end)});
  add_utterance(utterance);
  respond();
}

}  // namespace parley::conversation
