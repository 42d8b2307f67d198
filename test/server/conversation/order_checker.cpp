#include "test/server/conversation/order_checker.hpp"

#include <algorithm>

namespace parley::conversation {

void OrderChecker::require(bool holds, const std::string& rule) {
  if (!holds) violations_.push_back(now_ + ": " + rule);
}

void OrderChecker::on(const Action& action) {
  if (const auto* audio = std::get_if<SendAudio>(&action)) on_audio(*audio);
  const auto* send = std::get_if<Send>(&action);
  if (!send) return;
  const auto& body = send->event.body;
  now_ = protocol::type_of(body);
  require(event_ids_.insert(send->event.event_id).second, "event ids are unique");
  const bool greeting = std::holds_alternative<protocol::SessionCreated>(body);
  require(greeted_ != greeting, "session.created comes first and once");
  greeted_ = true;
  require(created_.empty() || std::holds_alternative<protocol::RateLimitsUpdated>(body),
          "rate limits follow response.created");
  created_.clear();
  require(committed_.empty() || std::holds_alternative<protocol::ConversationItemAdded>(body) ||
              std::holds_alternative<protocol::ConversationItemDone>(body),
          "a committed item is added and done at once");
  std::visit([this](const auto& event) { check(event); }, body);
}

// ---- the conversation

void OrderChecker::check(const protocol::ConversationItemAdded& event) {
  const std::string& id = event.item.id;
  require(added_.insert(id).second, "an item is added once");
  require(committed_.empty() || committed_ == id, "the committed item is the one that is added");
  auto place = order_.begin();
  if (event.previous_item_id) {
    place = std::find(order_.begin(), order_.end(), *event.previous_item_id);
    require(place != order_.end(), "the previous item exists");
    if (place != order_.end()) ++place;
  }
  order_.insert(place, id);
  for (auto& [response_id, response] : responses_) {
    const auto found = response.items.find(id);
    if (found == response.items.end()) continue;
    require(!response.out_of_band, "out-of-band items do not enter the conversation");
    found->second.in_conversation = true;
  }
}

void OrderChecker::check(const protocol::ConversationItemDone& event) {
  const std::string& id = event.item.id;
  require(added_.count(id) > 0, "an item is added before it is done");
  require(done_.insert(id).second, "an item is done once");
  const auto place = std::find(order_.begin(), order_.end(), id);
  const std::optional<std::string> previous =
      place == order_.begin() || place == order_.end() ? std::nullopt : std::optional(*(place - 1));
  require(previous == event.previous_item_id, "the previous item is the one directly before");
  require(event.item.status != protocol::ItemStatus::in_progress, "an item that is done is final");
  if (committed_ == id) committed_.clear();
  for (auto& [response_id, response] : responses_) {
    const auto found = response.items.find(id);
    if (found != response.items.end()) found->second.conversation_done = true;
  }
}

void OrderChecker::check(const protocol::ConversationItemDeleted& event) {
  require(done_.count(event.item_id) > 0, "an item is done before it is deleted");
  std::erase(order_, event.item_id);
  // A client may give its id to another item.
  for (auto* known : {&added_, &done_, &transcribed_}) known->erase(event.item_id);
}

void OrderChecker::transcribed(const std::string& item_id) {
  require(added_.count(item_id) > 0, "a transcript follows its item");
  require(transcribed_.insert(item_id).second, "an item is transcribed once");
}

// ---- the input buffer

void OrderChecker::check(const protocol::SpeechStarted& event) {
  require(added_.count(event.item_id) == 0, "speech starts before its item exists");
  speaking_ = event.item_id;
}

void OrderChecker::check(const protocol::SpeechStopped& event) {
  require(speaking_ == event.item_id, "the speech that stops is the one that started");
}

void OrderChecker::check(const protocol::InputAudioBufferCommitted& event) {
  committed_ = event.item_id;
  const std::optional<std::string> last = order_.empty() ? std::nullopt : std::optional(order_.back());
  require(event.previous_item_id == last, "audio is committed to the conversation's end");
}

// ---- responses

OrderChecker::OpenItem* OrderChecker::item(const std::string& response_id, const std::string& item_id,
                                           int output_index) {
  require(ended_responses_.count(response_id) == 0, "nothing of a response follows response.done");
  const auto response = responses_.find(response_id);
  require(response != responses_.end(), "a response is created before anything of it");
  if (response == responses_.end()) return nullptr;
  const auto found = response->second.items.find(item_id);
  require(found != response->second.items.end(), "an output item is added before anything of it");
  if (found == response->second.items.end()) return nullptr;
  require(found->second.output_index == output_index, "an item keeps its output_index");
  return &found->second;
}

OrderChecker::OpenItem* OrderChecker::part(const protocol::PartRef& ref) {
  require(ref.content_index == 0, "content_index is 0");
  OpenItem* open = item(ref.response_id, ref.item_id, ref.output_index);
  if (open) require(open->part_open, "a part is added before anything of it");
  return open;
}

void OrderChecker::check(const protocol::ResponseCreated& event) {
  const auto& response = event.response;
  require(responses_.count(response.id) == 0 && ended_responses_.count(response.id) == 0,
          "response ids are unique");
  require(response.status == protocol::ResponseStatus::in_progress && response.output.empty(),
          "a response begins in progress and empty");
  const bool out_of_band = !response.conversation_id;
  if (!out_of_band) {
    for (const auto& [id, other] : responses_) require(other.out_of_band, "one response at a time");
  }
  responses_[response.id].out_of_band = out_of_band;
  created_ = response.id;
}

void OrderChecker::check(const protocol::ResponseDone& event) {
  const auto found = responses_.find(event.response.id);
  require(found != responses_.end(), "a response ends once, after it was created");
  if (found == responses_.end()) return;
  require(found->second.items.empty(), "all items are done before response.done");
  require(event.response.status != protocol::ResponseStatus::in_progress, "response.done is final");
  require(event.response.usage.has_value(), "response.done tells the usage");
  require(static_cast<int>(event.response.output.size()) == found->second.next_output_index,
          "response.done lists all items");
  responses_.erase(found);
  ended_responses_.insert(event.response.id);
}

void OrderChecker::check(const protocol::ResponseOutputItemAdded& event) {
  require(ended_responses_.count(event.response_id) == 0, "nothing of a response follows response.done");
  const auto response = responses_.find(event.response_id);
  require(response != responses_.end(), "a response is created before its items");
  if (response == responses_.end()) return;
  require(event.output_index == response->second.next_output_index++, "output_index counts from 0");
  require(event.item.status == protocol::ItemStatus::in_progress, "an item begins in progress");
  OpenItem open;
  open.output_index = event.output_index;
  if (const auto* call = std::get_if<protocol::FunctionCall>(&event.item.body)) open.call_id = call->call_id;
  response->second.items[event.item.id] = open;
}

void OrderChecker::check(const protocol::ResponseOutputItemDone& event) {
  OpenItem* open = item(event.response_id, event.item.id, event.output_index);
  if (!open) return;
  auto& response = responses_[event.response_id];
  require(!open->part_open || open->part_closed, "parts are done before their item");
  require(response.out_of_band || (open->in_conversation && open->conversation_done),
          "the conversation's item is done before the output item");
  response.items.erase(event.item.id);
}

void OrderChecker::check(const protocol::ResponseContentPartAdded& event) {
  OpenItem* open = item(event.ref.response_id, event.ref.item_id, event.ref.output_index);
  if (!open) return;
  require(!open->part_open, "a part is added once");
  require(responses_[event.ref.response_id].out_of_band || open->in_conversation,
          "an item enters the conversation before its parts");
  open->part_open = true;
  open->modality = event.part.modality;
}

void OrderChecker::delta(const protocol::PartRef& ref, const std::string& text) {
  OpenItem* open = part(ref);
  if (!open) return;
  require(!open->text_done, "no delta follows its done");
  open->text += text;
}

void OrderChecker::text_done(const protocol::PartRef& ref, const std::string& text) {
  OpenItem* open = part(ref);
  if (!open) return;
  require(!open->text_done, "text is done once");
  require(open->modality != protocol::Modality::audio || open->audio_done,
          "audio is done before its transcript");
  require(open->text == text, "deltas add up to the done value");
  open->text_done = true;
}

void OrderChecker::check(const protocol::ResponseOutputAudioDone& event) {
  OpenItem* open = part(event.ref);
  if (!open) return;
  require(!open->audio_done, "audio is done once");
  for (const auto& [number, stream] : streams_) {
    require(stream.response_id != event.ref.response_id || stream.closed,
            "a stream is done before its audio");
  }
  open->audio_done = true;
}

void OrderChecker::check(const protocol::ResponseContentPartDone& event) {
  OpenItem* open = part(event.ref);
  if (!open) return;
  require(open->text_done && !open->part_closed, "the text is done before its part");
  require(open->text == event.part.text, "the part shows the whole text");
  open->part_closed = true;
}

void OrderChecker::check(const protocol::ResponseFunctionCallArgumentsDelta& event) {
  OpenItem* open = item(event.response_id, event.item_id, event.output_index);
  if (!open) return;
  require(open->call_id == event.call_id, "a call keeps its id");
  open->text += event.delta;
}

void OrderChecker::check(const protocol::ResponseFunctionCallArgumentsDone& event) {
  OpenItem* open = item(event.response_id, event.item_id, event.output_index);
  if (!open) return;
  require(open->call_id == event.call_id, "a call keeps its id");
  require(!open->text_done && open->text == event.arguments, "deltas add up to the arguments");
  require(!event.name.empty(), "the finished call names its function");
  open->text_done = true;
}

// ---- audio and native streams

void OrderChecker::on_audio(const SendAudio& audio) {
  now_ = "audio";
  OpenItem* open = part(audio.part);
  if (open) require(!open->audio_done, "no audio follows its done");
  if (!audio.as_packet) return;
  const auto found = streams_.find(audio.stream);
  require(found != streams_.end(), "a stream starts before its packets");
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  require(!stream.closed, "no packet follows a flush or the stream's end");
  require(!stream.ended, "no packet follows the one with END");
  require(audio.packet.first == (stream.packets == 0), "START is on the first packet");
  require(audio.packet.seq == static_cast<std::uint16_t>(stream.packets), "seq counts packets");
  require(audio.packet.timestamp == stream.timestamp, "timestamps go on without a gap");
  ++stream.packets;
  stream.timestamp += static_cast<std::uint32_t>(audio.packet.pcm.size() * 2);
  stream.ended = audio.packet.last;
}

void OrderChecker::check(const protocol::NativeOutputStreamStarted& event) {
  part(event.ref);
  const auto stream = static_cast<std::uint32_t>(event.stream);
  require(streams_.count(stream) == 0, "stream numbers are used once");
  streams_[stream].response_id = event.ref.response_id;
}

void OrderChecker::check(const protocol::NativeOutputStreamDone& event) {
  Stream& stream = streams_[static_cast<std::uint32_t>(event.stream)];
  require(event.frames == stream.packets, "the stream's end tells how many packets there were");
  if (event.reason == protocol::NativeOutputStreamDone::Reason::completed) {
    require(stream.ended, "the last packet of a completed stream has END");
  }
  stream.closed = true;
}

void OrderChecker::check(const protocol::NativeOutputStreamFlush& event) {
  streams_[static_cast<std::uint32_t>(event.stream)].closed = true;
}

void OrderChecker::expect_all_closed() {
  now_ = "the end";
  require(responses_.empty(), "every response has its response.done");
  require(committed_.empty(), "every committed item was added");
  for (const auto& id : added_) require(done_.count(id) > 0, "every item was done");
}

}  // namespace parley::conversation
