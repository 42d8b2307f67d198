// Tested by test/server/conversation/response_test.cpp.
#include "server/conversation/response_writer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "server/conversation/overloaded.hpp"
#include "server/conversation/wire_objects.hpp"

namespace parley::conversation {
namespace {

protocol::Error failure(const engine::TurnDone& done) {
  const auto code = done.error_code == "engine_overloaded" ? protocol::ErrorCode::engine_overloaded
                                                           : protocol::ErrorCode::response_generation_failed;
  return protocol::server_error(code, done.error.empty() ? "The engine ended the turn." : done.error);
}

bool closes_message(const engine::Event& event) {
  return std::holds_alternative<engine::ToolCall>(event) || std::holds_alternative<engine::TurnDone>(event);
}

}  // namespace

ResponseWriter::ResponseWriter(const ConversationSettings& settings, Outbox& outbox, ItemLog& items,
                               Playouts& playouts, ResponsePlan plan, Time now)
    : settings_(settings),
      outbox_(outbox),
      items_(items),
      playouts_(playouts),
      plan_(std::move(plan)),
      started_(now),
      pacer_(plan_.native ? plan_.native->lead_ms : 0) {}

void ResponseWriter::begin(const Budget& budget) {
  using Name = protocol::RateLimit::Name;
  outbox_.send(protocol::ResponseCreated{response()});
  outbox_.send(protocol::RateLimitsUpdated{
      {{Name::requests, budget.limit_requests, budget.remaining_requests, budget.reset_seconds},
       {Name::tokens, budget.limit_tokens, budget.remaining_tokens, budget.reset_seconds}}});
}

// ---- from the engine

void ResponseWriter::on(engine::Event event, Time now) {
  if (ended_) return;
  if (std::holds_alternative<engine::TurnDone>(event)) engine_done_ = true;
  waiting_.push_back(std::move(event));
  handle_waiting(now);
}

void ResponseWriter::advance(Time now) {
  if (ended_) return;
  send_audio(now);
  handle_waiting(now);
}

void ResponseWriter::handle_waiting(Time now) {
  while (!waiting_.empty() && !ended_) {
    if (closes_message(waiting_.front()) && stream_) {
      stream_->finish();
      send_audio(now);
      if (!stream_->drained()) return;
    }
    engine::Event event = std::move(waiting_.front());
    waiting_.pop_front();
    handle(std::move(event), now);
  }
}

void ResponseWriter::handle(engine::Event event, Time now) {
  std::visit(Overloaded{
                 [](const engine::Transcript&) {},  // about the user's item: not the response's business
                 [&](const engine::TextDelta& delta) { on_text(delta.text); },
                 [&](const engine::AudioChunk& chunk) { on_audio(chunk, now); },
                 [&](const engine::ToolCall& call) { on_call(call); },
                 [&](const engine::TurnDone& done) { on_done(done); },
             },
             event);
}

void ResponseWriter::on_text(const std::string& text) {
  if (text.empty()) return;
  if (item_id_.empty()) open_message();
  text_ += text;
  item().content.front().text += text;
  if (spoken()) {
    outbox_.send(protocol::ResponseOutputAudioTranscriptDelta{part(), text});
  } else {
    outbox_.send(protocol::ResponseOutputTextDelta{part(), text});
  }
}

void ResponseWriter::on_audio(const engine::AudioChunk& chunk, Time now) {
  if (!spoken() || chunk.pcm.empty()) return;
  if (item_id_.empty()) open_message();
  if (!stream_) open_stream();
  const std::uint32_t cursor = chunk.text_cursor > text_before_ ? chunk.text_cursor - text_before_ : 0;
  stream_->push(chunk.pcm, cursor);
  item().alignment.mark(stream_->pushed_ms(), cursor);
  spoken_ms_ += ms_of_output(chunk.pcm.size());
  send_audio(now);
}

void ResponseWriter::on_call(const engine::ToolCall& call) {
  close_message(Item::Status::completed, Reason::completed);
  Item made;
  made.kind = engine::ItemKind::function_call;
  made.role = engine::Role::assistant;
  made.name = call.name;
  made.call_id = outbox_.ids().call();
  const std::string call_id = made.call_id;
  add_item(std::move(made));
  if (!call.arguments.empty()) {
    outbox_.send(protocol::ResponseFunctionCallArgumentsDelta{response().id, item_id_, output_index_, call_id,
                                                              call.arguments});
  }
  outbox_.send(protocol::ResponseFunctionCallArgumentsDone{response().id, item_id_, output_index_, call_id,
                                                           call.name, call.arguments});
  item().text = call.arguments;
  finish_item(Item::Status::completed);
}

void ResponseWriter::on_done(const engine::TurnDone& done) {
  using protocol::ResponseStatus;
  plan_.response.usage = wire_usage(done.usage);
  switch (done.status) {
    case engine::TurnStatus::completed:
      close_message(Item::Status::completed, Reason::completed);
      return finish(ResponseStatus::completed, {});
    case engine::TurnStatus::max_output_tokens:
      close_message(Item::Status::incomplete, Reason::completed);
      return finish(ResponseStatus::incomplete,
                    {.incomplete = protocol::IncompleteReason::max_output_tokens});
    case engine::TurnStatus::cancelled:  // not by us: then nobody would listen any more
    case engine::TurnStatus::failed:
      close_message(Item::Status::incomplete, Reason::failed);
      return finish(ResponseStatus::failed, {.failed = failure(done)});
  }
}

// ---- audio on its way

void ResponseWriter::send_audio(Time now) {
  Playout* playout = stream_ ? playouts_.find(stream_number_) : nullptr;
  while (playout && stream_->next_ms() && pacer_.may_leave(playout->playback, now, *stream_->next_ms())) {
    OutputPacket packet = stream_->take();
    playout->playback.left(now, packet.ms());
    item().sent_ms += packet.ms();
    const bool binary = plan_.native.has_value();
    outbox_.perform(SendAudio{stream_number_, std::move(packet), !binary || plan_.native->json_audio, binary,
                              part(), response().output_format});
  }
}

bool ResponseWriter::overdue(Time now) const {
  return !ended_ && !engine_done_ && now >= started_ + settings_.response_limit + duration_of_ms(spoken_ms_);
}

std::optional<Time> ResponseWriter::deadline(Time now) const {
  if (ended_) return std::nullopt;
  std::optional<Time> deadline;
  if (!engine_done_) deadline = started_ + settings_.response_limit + duration_of_ms(spoken_ms_);
  if (const auto next_ms = stream_ ? stream_->next_ms() : std::nullopt) {
    for (const Playout& playout : playouts_.all()) {
      if (playout.stream != stream_number_) continue;
      const Time wake = pacer_.wake(playout.playback, now, *next_ms);
      deadline = std::min(deadline.value_or(wake), wake);
    }
  }
  return deadline;
}

void ResponseWriter::open_stream() {
  stream_.emplace(plan_.native ? plan_.native->output.frame_ms : 0);
  stream_number_ = playouts_.open(item_id_, plan_.turn, plan_.out_of_band).stream;
  if (!plan_.out_of_band) items_.note_assistant_audio();
  if (!plan_.native) return;
  const auto& output = plan_.native->output;
  protocol::NativeOutputStreamStarted started;
  started.stream = static_cast<int>(stream_number_);
  started.ref = part();
  started.codec = output.codec;
  started.rate = output.rate;
  started.frame_ms = output.frame_ms;
  started.preskip = output.codec == protocol::native::Codec::opus ? settings_.opus_preskip : 0;
  outbox_.send(std::move(started));
}

void ResponseWriter::close_stream(Reason reason) {
  if (!stream_) return;
  if (Playout* playout = playouts_.find(stream_number_)) playout->finished = true;
  if (plan_.native) {
    const std::int64_t frames = stream_->packets();
    const auto duration = static_cast<std::int64_t>(std::ceil(item().sent_ms));
    outbox_.send(
        protocol::NativeOutputStreamDone{static_cast<int>(stream_number_), frames, duration, reason});
  }
  stream_.reset();
  stream_number_ = 0;
}

// ---- items

Item& ResponseWriter::item() {
  if (plan_.out_of_band) return own_item_;
  Item* item = items_.find(item_id_);
  // Items in progress are neither deleted nor trimmed.
  assert(item);
  return *item;
}

void ResponseWriter::add_item(Item item) {
  item_id_ = outbox_.ids().item();
  item.id = item_id_;
  item.status = Item::Status::in_progress;
  ++output_index_;
  const protocol::Item wire = wire_item(item);
  outbox_.send(protocol::ResponseOutputItemAdded{response().id, output_index_, wire});
  if (plan_.out_of_band) {
    own_item_ = std::move(item);
  } else {
    items_.insert(std::move(item));
    outbox_.send(protocol::ConversationItemAdded{wire, items_.previous_of(item_id_)});
  }
}

void ResponseWriter::open_message() {
  Item message;
  message.role = engine::Role::assistant;
  add_item(std::move(message));
  item().content.push_back({spoken() ? Part::Kind::output_audio : Part::Kind::output_text, {}});
  outbox_.send(protocol::ResponseContentPartAdded{part(), {response().output_modality, {}}});
}

void ResponseWriter::close_message(Item::Status status, Reason reason) {
  if (item_id_.empty()) return;
  if (spoken()) {
    close_stream(reason);
    outbox_.send(protocol::ResponseOutputAudioDone{part()});
    outbox_.send(protocol::ResponseOutputAudioTranscriptDone{part(), text_});
  } else {
    outbox_.send(protocol::ResponseOutputTextDone{part(), text_});
  }
  outbox_.send(protocol::ResponseContentPartDone{part(), {response().output_modality, text_}});
  text_before_ += static_cast<std::uint32_t>(count_code_points(text_));
  finish_item(status);
}

void ResponseWriter::finish_item(Item::Status status) {
  Item& finished = item();
  finished.status = status;
  // The events show all that was said, even where the conversation keeps less of it.
  const auto heard_ms = std::exchange(finished.heard_ms, std::nullopt);
  const protocol::Item wire = wire_item(finished);
  finished.heard_ms = heard_ms;
  text_.clear();
  if (!plan_.out_of_band) {
    items_.touch();
    outbox_.send(protocol::ConversationItemDone{wire, items_.previous_of(item_id_)});
  }
  outbox_.send(protocol::ResponseOutputItemDone{response().id, output_index_, wire});
  plan_.response.output.push_back(wire);
  item_id_.clear();
}

// ---- the end

void ResponseWriter::drop(Item::Status status, Reason reason) {
  for (const auto& event : waiting_) {
    if (const auto* done = std::get_if<engine::TurnDone>(&event))
      plan_.response.usage = wire_usage(done->usage);
  }
  waiting_.clear();
  if (!engine_done_ && plan_.turn != 0) outbox_.perform(CancelTurn{plan_.turn});
  engine_done_ = true;
  if (item_id_.empty()) return;
  if (stream_) stream_->drop_queued();
  // The conversation goes on from what was sent: text that ran ahead of its audio was never said.
  if (spoken()) {
    Item& unfinished = item();
    const int sent = static_cast<int>(std::floor(unfinished.sent_ms));
    unfinished.heard_ms = std::min(unfinished.heard_ms.value_or(sent), sent);
  }
  close_message(status, reason);
}

void ResponseWriter::cancel(protocol::CancelReason reason, Time /*now*/) {
  if (ended_) return;
  drop(Item::Status::incomplete, Reason::cancelled);
  finish(protocol::ResponseStatus::cancelled, {.cancelled = reason});
}

void ResponseWriter::fail(protocol::Error error, Time /*now*/) {
  if (ended_) return;
  drop(Item::Status::incomplete, Reason::failed);
  finish(protocol::ResponseStatus::failed, {.failed = std::move(error)});
}

void ResponseWriter::finish(protocol::ResponseStatus status, protocol::StatusDetails details) {
  plan_.response.status = status;
  plan_.response.status_details = std::move(details);
  if (!plan_.response.usage) plan_.response.usage = protocol::Usage{};
  outbox_.send(protocol::ResponseDone{response()});
  ended_ = true;
}

}  // namespace parley::conversation
