#include "test/fuzz/conversation_player.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "protocol/realtime/codec.hpp"
#include "test/fuzz/require.hpp"
#include "test/support/wire_rules.hpp"

namespace parley::fuzz {

using namespace conversation;

namespace {

using std::chrono::milliseconds;

// What clients say; $item, $response, $stream and $ms are filled in with what there is.
constexpr std::array<std::string_view, 47> messages{
    R"({"type":"response.create"})",
    R"({"type":"response.cancel"})",
    R"({"type":"response.cancel","response_id":"$response","event_id":"c1"})",
    R"({"type":"response.create","response":{"conversation":"none","metadata":{"topic":"weather"}}})",
    R"({"type":"response.create","response":{"output_modalities":["text"]}})",
    R"({"type":"response.create","response":{"conversation":"none","output_modalities":["text"],"input":[]}})",
    R"({"type":"response.create","response":{"conversation":"none","input":[{"type":"item_reference","id":"$item"},
        {"type":"message","role":"user","content":[{"type":"input_text","text":"and now?"}]}]}})",
    R"({"type":"response.create","response":{"instructions":"Sing.","max_output_tokens":1,
        "audio":{"output":{"voice":"ash"}},"tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"f"}}})",
    R"({"type":"response.create","response":{"audio":{"output":{"format":{"type":"audio/pcmu"}}}}})",
    R"({"type":"input_audio_buffer.commit","event_id":"c2"})",
    R"({"type":"input_audio_buffer.clear"})",
    R"({"type":"conversation.item.create","item":{"type":"message","role":"user",
        "content":[{"type":"input_text","text":"hello"}]}})",
    R"({"type":"conversation.item.create","previous_item_id":"$item","item":{"id":"mine","type":"message","role":"user",
        "content":[{"type":"input_text","text":"hello"}]}})",
    R"({"type":"conversation.item.create","previous_item_id":"root","item":{"type":"message","role":"system",
        "content":[{"type":"input_text","text":"be kind"}]}})",
    R"({"type":"conversation.item.create","item":{"type":"message","role":"user",
        "content":[{"type":"input_audio","audio":"AAAAAAAAAAAAAAAAAAAAAA==","transcript":"hm"}]}})",
    R"({"type":"conversation.item.create","item":{"type":"message","role":"assistant",
        "content":[{"type":"output_text","text":"I said so"}]}})",
    R"({"type":"conversation.item.create","item":{"type":"function_call","name":"f","call_id":"call_a","arguments":"{}"}})",
    R"({"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"call_a","output":"42"}})",
    R"({"type":"conversation.item.retrieve","item_id":"$item"})",
    R"({"type":"conversation.item.delete","item_id":"$item"})",
    R"({"type":"conversation.item.truncate","item_id":"$item","content_index":0,"audio_end_ms":$ms})",
    R"({"type":"conversation.item.truncate","item_id":"$item","content_index":1,"audio_end_ms":0})",
    R"({"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad"}}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad",
        "interrupt_response":false}}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad",
        "create_response":false,"interrupt_response":false}}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","threshold":0.9,
        "prefix_padding_ms":0,"silence_duration_ms":$ms,"idle_timeout_ms":5000}}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"low"}}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"high",
        "interrupt_response":false}}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"whisper-1","language":"en"}}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"transcription":null}}}})",
    R"({"type":"session.update","session":{"output_modalities":["text"]}})",
    R"({"type":"session.update","session":{"output_modalities":["audio"],"audio":{"output":{"speed":1.5,"voice":"b"}}}})",
    R"({"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcma"}},
        "output":{"format":{"type":"audio/pcmu"}}}}})",
    R"({"type":"session.update","session":{"tools":[{"type":"function","name":"g"}],"tool_choice":"required",
        "max_output_tokens":7,"truncation":"disabled","tracing":"auto"}})",
    R"({"type":"session.update","session":{"native":{}}})",
    R"({"type":"session.update","session":{"native":{"lead_ms":0,"output":{"frame_ms":60}}}})",
    R"({"type":"session.update","session":{"native":{"lead_ms":$ms,"json_audio":true,"playback":"header"}}})",
    R"({"type":"session.update","session":{"native":{"output":{"codec":"pcm16","rate":16000}}}})",
    R"({"type":"output_audio_buffer.clear"})",
    R"({"type":"native.playback.flushed","stream":$stream,"played_ms":$ms})",
    R"({"type":"native.playback.report","stream":$stream,"state":"started","played_ms":0})",
    R"({"type":"native.playback.report","stream":$stream,"state":"playing","played_ms":$ms,"buffered_ms":40})",
    R"({"type":"native.playback.report","stream":$stream,"state":"underrun","played_ms":$ms})",
    R"({"type":"native.playback.report","stream":$stream,"state":"ended","played_ms":$ms})",
    R"({"type":"native.ping","t":1.5})",
    R"({"type":"session.update","session":{"temperature":0.8},"event_id":"c3"})",
};

constexpr std::array<std::string_view, 8> words{"Hello",  " there.", " \u00FCber", " \U0001F600",
                                                " Well,", " yes!",   "\n",         ""};

protocol::Session session(BytesReader& bytes) {
  protocol::Session session;
  session.id = "sess_fuzz";
  session.model = "scripted";
  switch (bytes.index(6)) {
    case 1:
      session.native.emplace();
      break;
    case 2:
      session.native.emplace();
      session.native->json_audio = true;
      session.native->lead_ms = 200;
      break;
    case 3:
      session.turn_detection.reset();
      break;
    case 4:
      session.turn_detection = protocol::SemanticVad{};
      session.transcription.emplace();
      break;
    case 5:
      session.transcription.emplace();
      break;
    default:
      break;
  }
  return session;
}

ConversationSettings settings(BytesReader& bytes) {
  ConversationSettings settings;
  settings.recognizes_first = bytes.flag();
  settings.speculate = !bytes.flag();
  if (bytes.flag()) settings.items = 3;
  if (bytes.flag()) settings.errors = 4;
  if (bytes.flag()) settings.session_limit = milliseconds(20'000);
  if (bytes.flag()) settings.response_limit = milliseconds(2'000);
  if (bytes.flag()) settings.local_voice = [](std::string_view voice) { return voice == "b" ? "b" : "a"; };
  return settings;
}

}  // namespace

ConversationPlayer::ConversationPlayer(BytesReader bytes) : bytes_(bytes), settings_(settings(bytes_)) {
  conversation_.emplace(
      settings_, session(bytes_),
      Conversation::Sources{protocol::IdGenerator([this] { return random_ += 0x9E3779B97F4A7C15U; }),
                            [this] { return ++last_turn_; }});
}

void ConversationPlayer::play() {
  on(Opened{});
  while (!bytes_.empty()) happen();
  finish();
}

void ConversationPlayer::happen() {
  switch (bytes_.index(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return client_speaks();
    case 4:
      return client_says_anything();
    case 5:
    case 6:
    case 7:
      return microphone();
    case 8:
      return socket();
    case 9:
    case 10:
    case 11:
    case 12:
      return engine();
    case 13:
      return pass(milliseconds(bytes_.byte()));
    case 14:
      return pass(milliseconds(100 * bytes_.byte()));
    default:  // the clock jumps, and whoever wakes the conversation is late
      now_ += milliseconds(20 * bytes_.byte());
      return on(Tick{});
  }
}

// Everything that the engine still owes is told, and time passes: by then nothing may be open.
void ConversationPlayer::finish() {
  for (int round = 0; round < 8 && !conversation_->closed(); ++round) {
    const auto turns = turns_;
    for (const auto& [id, turn] : turns) {
      if (turn.over) continue;
      turns_[id].over = true;
      const auto status = turn.cancelled ? engine::TurnStatus::cancelled : engine::TurnStatus::completed;
      on(engine::Event(engine::TurnDone{id, status, {}, {}, {}}));
    }
    pass(std::chrono::seconds(40));
  }
  if (conversation_->closed()) return;
  require(!conversation_->response_active(), "every response comes to its end");
  checker_.expect_all_closed();
  for (const auto& violation : checker_.violations()) require(false, violation);
}

// ---- the client

std::string ConversationPlayer::some(const std::vector<std::string>& ids) {
  const std::size_t back = bytes_.byte();  // how far from the newest
  return back < ids.size() ? ids[ids.size() - 1 - back] : "nobody";
}

std::string ConversationPlayer::filled_in(std::string_view message) {
  std::string text(message);
  for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at)) {
    const auto fill = [&](std::string_view name, auto value) {
      if (text.compare(at, name.size(), name) != 0) return false;
      const std::string filling = value();
      text.replace(at, name.size(), filling);
      at += filling.size();
      return true;
    };
    const bool filled = fill("$item", [&] { return some(items_); }) ||
                        fill("$response", [&] { return some(responses_); }) ||
                        fill("$stream", [&] { return std::to_string(bytes_.index(5)); }) ||
                        fill("$ms", [&] { return std::to_string(20 * bytes_.byte()); });
    require(filled, "a message names what can be filled in");
  }
  return text;
}

void ConversationPlayer::client_speaks() {
  const std::string text = filled_in(bytes_.pick(messages));
  auto event = protocol::decode(text);
  if (!event) {
    require(text.find("temperature") != std::string::npos, "the client's messages are well-formed: " + text);
    return on(Rejected{event.error()});
  }
  on(*std::move(event));
}

void ConversationPlayer::client_says_anything() {
  auto event = protocol::decode(bytes_.text(bytes_.byte()));
  if (!event) return on(Rejected{event.error()});
  if (!std::holds_alternative<protocol::InputAudioBufferAppend>(event->body)) on(*std::move(event));
}

// Some windows of one loudness, in time or all at once.
void ConversationPlayer::microphone() {
  constexpr std::size_t window = 512;
  const auto how = bytes_.byte();
  const bool in_time = (how & 1U) != 0;
  const bool binary = conversation_->session().native.has_value() && (how & 2U) == 0;
  const float probability = (how & 4U) != 0 ? 0.9F : (how & 8U) != 0 ? 0.4F : 0.02F;
  if ((how & 16U) != 0) {
    on(UserAudioGap{});
  } else if ((how & 32U) != 0) {  // five seconds at once
    constexpr std::size_t windows = 156;
    on(UserAudio{std::vector<float>(windows * window, probability), windows * 32.0, binary, {}});
    for (std::size_t i = 0; i < windows; ++i) {
      heard_until_ += window;
      if (conversation_->detects_speech()) on(VoiceActivity{probability, heard_until_});
    }
    return;
  }
  for (int left = 1 + static_cast<int>(bytes_.index(24)); left > 0; --left) {
    if (in_time) pass(milliseconds(32));
    on(UserAudio{std::vector<float>(window, probability), 32, binary, {}});
    heard_until_ += window;
    if (conversation_->detects_speech()) on(VoiceActivity{probability, heard_until_});
  }
}

void ConversationPlayer::socket() {
  switch (bytes_.index(16)) {
    case 0:
    case 1:
    case 2:
      stalled_ = true;
      break;
    case 3:
    case 4:
    case 5:
      stalled_ = false;
      unwritten_ms_.clear();
      break;
    case 6:
    case 7:
    case 8:
      on(PlayoutPosition{static_cast<std::uint32_t>(bytes_.index(5)), bytes_.word()});
      break;
    case 9:
    case 10:
      on(Budget{10, bytes_.index(3) == 0 ? 0 : 5, 1000, 500, 1.5});
      break;
    case 11:
    case 12:
      on(Rejected{protocol::invalid_frame("too short")});
      break;
    case 13:
      on(Drain{});
      break;
    case 14:
      on(SlowConsumer{});
      break;
    default:
      pass(std::chrono::seconds(10 * bytes_.byte()));
      break;
  }
}

// ---- the engine

void ConversationPlayer::engine() {
  // Counted from the newest turn: the last few, cancelled or not, until they are over.
  std::size_t back = bytes_.index(4);
  for (auto turn = turns_.rbegin(); turn != turns_.rend(); ++turn) {
    if (turn->second.over) continue;
    if (back-- == 0) return tell(turn->first, turn->second);
  }
}

void ConversationPlayer::tell(engine::TurnId id, Turn& turn) {
  using engine::Event;
  const auto output = turn.request.output;
  const auto what = bytes_.index(8);
  if (what == 0) {
    const auto said = std::string(bytes_.pick(words));
    for (const auto& item : turn.request.context)
      if (item.speech) return on(Event(engine::Transcript{id, item.id, said}));
  } else if (what <= 2 && output != engine::Output::transcript) {
    const auto text = std::string(bytes_.pick(words));
    turn.code_points += static_cast<std::uint32_t>(count_code_points(text));
    on(Event(engine::TextDelta{id, text}));
  } else if (what <= 5 && output == engine::Output::speech) {
    // Every sample tells whose it is.
    std::vector<std::int16_t> pcm(24 * static_cast<std::size_t>(10 * bytes_.index(64)),
                                  static_cast<std::int16_t>(id));
    on(Event(
        engine::AudioChunk{id, std::move(pcm), std::min<std::uint32_t>(bytes_.byte(), turn.code_points)}));
  } else if (what == 6 && output != engine::Output::transcript) {
    on(Event(engine::ToolCall{id, "f", R"({"x":1)"}));
  } else {
    turn.over = true;
    using engine::TurnStatus;
    constexpr std::array statuses{TurnStatus::completed, TurnStatus::max_output_tokens, TurnStatus::failed};
    const TurnStatus status = turn.cancelled ? TurnStatus::cancelled : bytes_.pick(statuses);
    const bool failed = status == TurnStatus::failed;
    on(Event(engine::TurnDone{id,
                              status,
                              failed ? "response_generation_failed" : "",
                              failed ? "it broke" : "",
                              {20, 100, 10, 54, 3, 4}}));
  }
}

// ---- time

void ConversationPlayer::pass(milliseconds time) {
  const Time end = now_ + time;
  int in_place = 0;
  for (auto due = conversation_->deadline(); due && *due <= end; due = conversation_->deadline()) {
    in_place = *due > now_ ? 0 : in_place + 1;
    require(in_place < 100, "a deadline that was met moves");
    now_ = std::max(now_, *due);
    on(Tick{});
  }
  now_ = end;
  on(Tick{});
}

// ---- what comes out

void ConversationPlayer::on(Input input) {
  const bool closed = conversation_->closed();
  const Actions actions = conversation_->on(std::move(input), now_);
  require(!closed || actions.empty(), "nothing follows a close");
  for (const Action& action : actions) perform(action);
  require(actions.empty() || conversation_->closed() == std::holds_alternative<Close>(actions.back()),
          "a close is the last action");
  for (Input& reply : std::exchange(replies_, {})) on(std::move(reply));
}

void ConversationPlayer::perform(const Action& action) {
  checker_.on(action);
  for (const auto& violation : checker_.violations()) require(false, violation);
  std::visit([this](const auto& one) { performed(one); }, action);
}

void ConversationPlayer::performed(const Send& send) {
  const auto event = nlohmann::json::parse(protocol::encode(send.event), nullptr, /*allow_exceptions=*/false);
  require(!event.is_discarded(), "what is sent is JSON");
  for (const auto& violation : test::wire_violations(event)) require(false, violation + ": " + event.dump());
  note_ids(send.event.body);
}

void ConversationPlayer::note_ids(const protocol::ServerEventBody& body) {
  if (const auto* added = std::get_if<protocol::ConversationItemAdded>(&body))
    items_.push_back(added->item.id);
  if (const auto* started = std::get_if<protocol::SpeechStarted>(&body)) items_.push_back(started->item_id);
  if (const auto* created = std::get_if<protocol::ResponseCreated>(&body))
    responses_.push_back(created->response.id);
}

void ConversationPlayer::performed(const SendAudio& audio) {
  std::int16_t before = 0;
  for (const std::int16_t sample : audio.packet.pcm) {
    if (std::exchange(before, sample) == sample || sample == 0) continue;  // 0 fills a packet up
    const auto id = static_cast<engine::TurnId>(sample);
    require(!turn(id, "audio").cancelled, "no chunk of a cancelled turn is sent");
    require(voices_.emplace(audio.part.response_id, id).first->second == id,
            "a response speaks with one turn's voice");
  }
  if (stalled_) unwritten_ms_[audio.stream] += audio.packet.ms();
}

void ConversationPlayer::performed(const Purge& purge) {
  const auto unwritten = unwritten_ms_.extract(purge.stream);
  if (!unwritten.empty()) replies_.push_back(AudioDropped{purge.stream, unwritten.mapped()});
}

ConversationPlayer::Turn& ConversationPlayer::turn(engine::TurnId id, const char* what) {
  const auto found = turns_.find(id);
  if (found == turns_.end()) require(false, std::string(what) + " belongs to a turn that was started");
  return found->second;
}

void ConversationPlayer::performed(const StartTurn& start) {
  const engine::TurnId id = start.request.turn;
  require(id >= 1 && id <= last_turn_, "a turn has an id that was given out");
  require(turns_.emplace(id, Turn{start.request}).second, "a turn is started once");
}

void ConversationPlayer::performed(const CommitTurn& commit) {
  Turn& committed = turn(commit.turn, "a commit");
  require(committed.request.speculative && !committed.cancelled, "what is committed was on trial");
  committed.request.speculative = false;
}

void ConversationPlayer::performed(const CancelTurn& cancel) {
  Turn& cancelled = turn(cancel.turn, "a cancel");
  require(!cancelled.cancelled, "a turn is cancelled once");
  cancelled.cancelled = true;
}

void ConversationPlayer::performed(const ReportHeard& heard) {
  turn(heard.turn, "a report");
  require(heard.heard_ms >= 0, "what was heard is not negative");
}

void ConversationPlayer::performed(const Close& close) {
  require(close.code >= 1000 && close.reason.size() <= 123,
          "a close has a code and a reason that fits its frame");
}

}  // namespace parley::fuzz
