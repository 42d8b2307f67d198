// Responses: asked for by the client or by the end of a turn, cancelled, finished.
// Tested by test/server/conversation/response_test.cpp.
#include <algorithm>
#include <utility>

#include "server/conversation/conversation_impl.hpp"
#include "server/conversation/wire_objects.hpp"

namespace parley::conversation {

// ---- from the engine

void Conversation::Impl::handle(engine::Event event) {
  const engine::TurnId turn = std::visit([](const auto& e) { return e.turn; }, event);
  const bool over = std::holds_alternative<engine::TurnDone>(event);
  if (speculative_ && speculative_->turn == turn) {
    if (const auto* transcript = std::get_if<engine::Transcript>(&event))
      on_partial_transcript(transcript->text);
    // One that was refused or failed is no answer; the turn's real end asks again.
    speculative_->over = over && std::get<engine::TurnDone>(event).status != engine::TurnStatus::completed;
    speculative_->events.push_back(std::move(event));
    return;
  }
  ResponseWriter* response = active() && active()->turn() == turn ? active() : nullptr;
  for (const auto& other : out_of_band_) {
    if (other->turn() == turn && !other->ended()) response = other.get();
  }
  if (!response && !transcriber_.owns(turn)) {
    ++counts_.late_events;
    return;
  }
  if (const auto* transcript = std::get_if<engine::Transcript>(&event)) {
    transcriber_.on_transcript(*transcript);
  } else if (response) {
    response->on(std::move(event), now_);
  }
  if (over) transcriber_.on_turn_over(turn, now_);
}

// ---- asked for

void Conversation::Impl::on_client(const protocol::ResponseCreate& event) {
  const protocol::ResponseParameters& parameters = event.response;
  if (session_.type == protocol::SessionType::transcription) {
    return refuse(protocol::invalid_value("type", "A transcription session gives no responses."));
  }
  retire_ended();
  if (!parameters.out_of_band && active())
    return refuse(protocol::already_has_active_response(active()->id()));
  if (parameters.out_of_band && static_cast<int>(out_of_band_.size()) >= settings_.out_of_band_responses) {
    return refuse(protocol::rate_limit_exceeded("out-of-band responses"));
  }
  if (draining_) {
    return refuse(
        protocol::server_error(protocol::ErrorCode::engine_overloaded, "The server is going down."));
  }
  if (parameters.tool_choice) {
    const auto checked = protocol::check_tool_choice(
        *parameters.tool_choice, parameters.tools.value_or(session_.tools), "response.tool_choice");
    if (!checked) return refuse(checked.error());
  }
  std::vector<engine::ContextItem> context;
  if (parameters.input) {
    auto given = input_context(*parameters.input);
    if (!given) return;
    context = std::move(*given);
  } else {
    context = items_.context();
  }
  if (!parameters.out_of_band) {
    drop_speculation(false);
    response_queued_ = false;
    idle_due_.reset();
  }
  respond(parameters, std::move(context));
}

// The items that a client gives in place of the conversation; nullopt when one does not exist.
std::optional<std::vector<engine::ContextItem>> Conversation::Impl::input_context(
    const std::vector<protocol::InputItem>& input) {
  std::vector<engine::ContextItem> context;
  std::vector<HearRecording> recordings;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (const auto* reference = std::get_if<protocol::ItemReference>(&input[i])) {
      const Item* item = items_.find(reference->id);
      if (!item) {
        refuse(protocol::invalid_value("response.input[" + std::to_string(i) + "].id",
                                       "The item with id '" + reference->id + "' does not exist."));
        return std::nullopt;
      }
      context.push_back(context_item(*item));
      continue;
    }
    const auto& given = std::get<protocol::Item>(input[i]);
    // An id of our own, as the client's may be that of another item of the conversation.
    Item item = item_from(given, outbox_.ids().item());
    protocol::Bytes audio = recording(given);
    item.audio_ms = static_cast<double>(audio.size()) * 1000 / session_.input_format.bytes_per_second();
    if (!audio.empty()) recordings.push_back({item.id, std::move(audio)});
    context.push_back(context_item(item));
  }
  for (auto& heard : recordings) outbox_.perform(std::move(heard));
  return context;
}

engine::TurnRequest Conversation::Impl::request(const protocol::ResponseParameters& parameters,
                                                std::vector<engine::ContextItem> context) const {
  engine::TurnRequest request;
  request.instructions = parameters.instructions.value_or(session_.instructions);
  request.context = std::move(context);
  request.tools = engine_tools(parameters.tools.value_or(session_.tools));
  request.tool_choice = engine_tool_choice(parameters.tool_choice.value_or(session_.tool_choice));
  const auto modality = parameters.output_modality.value_or(session_.output_modality);
  request.output = modality == protocol::Modality::audio ? engine::Output::speech : engine::Output::text;
  request.voice = parameters.voice.value_or(session_.voice);
  if (parameters.voice && settings_.local_voice) request.voice = settings_.local_voice(*parameters.voice);
  request.speed = static_cast<float>(session_.speed);
  if (session_.transcription) request.language = session_.transcription->language.value_or("");
  request.max_output_tokens = parameters.max_output_tokens.value_or(session_.max_output_tokens).tokens;
  request.out_of_band = parameters.out_of_band;
  request.turn_end = now_;
  request.retention = retention(session_.truncation);
  return request;
}

ResponsePlan Conversation::Impl::plan(const protocol::ResponseParameters& parameters, engine::TurnId turn) {
  ResponsePlan plan;
  plan.turn = turn;
  plan.out_of_band = parameters.out_of_band;
  plan.native = session_.native;
  protocol::Response& response = plan.response;
  response.id = outbox_.ids().response();
  if (!parameters.out_of_band) response.conversation_id = conversation_id_;
  response.output_modality = parameters.output_modality.value_or(session_.output_modality);
  response.max_output_tokens = parameters.max_output_tokens.value_or(session_.max_output_tokens);
  response.output_format = parameters.output_format.value_or(session_.output_format);
  response.voice = parameters.voice.value_or(session_.voice);
  if (parameters.voice && settings_.local_voice) response.voice = settings_.local_voice(*parameters.voice);
  response.metadata = parameters.metadata;
  return plan;
}

void Conversation::Impl::respond() { respond({}, items_.context()); }

void Conversation::Impl::respond(const protocol::ResponseParameters& parameters,
                                 std::vector<engine::ContextItem> context) {
  if (budget_.remaining_requests == 0) {
    start(plan(parameters, 0));
    auto& refused = parameters.out_of_band ? out_of_band_.back() : active_;
    refused->fail(protocol::rate_limit_exceeded("requests"), now_);
    return;
  }
  engine::TurnRequest request = this->request(parameters, std::move(context));
  request.turn = new_turn_();
  start(plan(parameters, request.turn));
  if (!parameters.out_of_band && !parameters.input) transcriber_.covered_by(request.turn);
  outbox_.perform(StartTurn{std::move(request)});
}

// The turn ended as was guessed: the answer that was started on trial becomes the response.
void Conversation::Impl::keep_speculation() {
  SpeculativeTurn kept = std::move(*speculative_);
  speculative_.reset();
  speculation_.kept(now_, ms_between(kept.started, now_));
  start(plan({}, kept.turn));
  transcriber_.covered_by(kept.turn);
  outbox_.perform(CommitTurn{kept.turn, now_});
  for (engine::Event& event : kept.events) handle(std::move(event));
}

void Conversation::Impl::start(ResponsePlan plan) {
  ++counts_.responses;
  const bool out_of_band = plan.out_of_band;
  auto response =
      std::make_unique<ResponseWriter>(settings_, outbox_, items_, playouts_, std::move(plan), now_);
  response->begin(budget_);
  if (out_of_band) {
    out_of_band_.push_back(std::move(response));
  } else {
    active_ = std::move(response);
  }
}

// ---- the end

void Conversation::Impl::on_client(const protocol::ResponseCancel& event) {
  ResponseWriter* response = active();
  if (event.response_id && (!response || response->id() != *event.response_id)) {
    const auto other = std::find_if(out_of_band_.begin(), out_of_band_.end(), [&](const auto& candidate) {
      return !candidate->ended() && candidate->id() == *event.response_id;
    });
    response = other == out_of_band_.end() ? nullptr : other->get();
  }
  if (!response) return refuse(protocol::cancel_not_active());
  cancel(*response, protocol::CancelReason::client_cancelled);
}

void Conversation::Impl::cancel(ResponseWriter& response, protocol::CancelReason reason) {
  std::vector<std::uint32_t> streams;
  if (response.stream() != 0) streams.push_back(response.stream());
  for (std::uint32_t stream : streams) outbox_.perform(Purge{stream});
  flush(streams, protocol::NativeOutputStreamFlush::Reason::client_cancelled);
  response.cancel(reason, now_);
  await_flush_answers(streams);
}

void Conversation::Impl::retire_ended() {
  std::erase_if(out_of_band_, [](const auto& response) { return response->ended(); });
  if (!active_ || !active_->ended()) return;
  // What it would have transcribed is still owed.
  transcriber_.on_turn_over(active_->turn(), now_);
  active_.reset();
  erase_deferred();
  if (response_queued_ && !draining_) {
    response_queued_ = false;
    respond();
  } else {
    arm_idle_timer();
  }
}

}  // namespace parley::conversation
