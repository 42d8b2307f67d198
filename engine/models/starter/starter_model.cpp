// The life of a turn. The passes over many turns are in starter_passes.cpp.
// Tested by test/engine/models/starter/starter_model_test.cpp.
#include "engine/models/starter/starter_model.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace parley::starter {
namespace {

using namespace engine;
using Phase = StarterTurn::Phase;

constexpr std::size_t samples_per_audio_token = 1600;  // 100 ms of input: how usage counts heard sound

// Recognition takes about so many tokens at a time: few enough to stop in mid-utterance when another turn is
// more urgent, enough not to wait for every other turn's decode step after each.
constexpr int recognize_piece = 8;

constexpr int most_layers = 128;  // of any encoder

constexpr float slowest = 0.25F, fastest = 1.5F;

StarterDialogue& as_starter(Dialogue& dialogue) { return static_cast<StarterDialogue&>(dialogue); }

std::vector<Voice> voices_of(const voice::Voice& voice) {
  std::vector<Voice> voices;
  for (const voice::TimbreInfo& timbre : voice.timbres()) {
    voices.push_back({timbre.name, timbre.sex, timbre.age, timbre.pitch, timbre.mood});
  }
  return voices;
}

}  // namespace

StarterModel::StarterModel(whisper::Recognizer ear, causal_lm::LanguageModel brain,
                           std::shared_ptr<const voice::Voice> voice, StarterSettings settings,
                           std::unique_ptr<cuda::Device> gpu)
    : gpu_(std::move(gpu)),
      ear_(std::move(ear)),
      brain_(std::move(brain)),
      voice_(std::move(voice)),
      settings_(std::move(settings)),
      prefixes_(settings_.shared_prefixes) {
  info_.id = settings_.id;
  info_.voices = voices_of(*voice_);
  info_.context_tokens = std::min(brain_.info().context_tokens, settings_.context_tokens);
  info_.recognizes_first = true;
}

StarterModel::~StarterModel() = default;

// ---- dialogues

std::unique_ptr<Dialogue> StarterModel::open() { return std::make_unique<StarterDialogue>(); }

void StarterModel::hear(Dialogue& dialogue, std::string_view item_id, std::span<const float> pcm) {
  auto& heard = as_starter(dialogue).heard[std::string(item_id)];
  if (!heard.utterance) heard.utterance = ear_.new_utterance();
  heard.utterance->push(pcm);
}

void StarterModel::forget(Dialogue& dialogue, std::string_view item_id) {
  auto& heard = as_starter(dialogue).heard;
  if (auto found = heard.find(item_id); found != heard.end()) heard.erase(found);
}

void StarterModel::release(Dialogue& dialogue) { as_starter(dialogue).slot.reset(); }

bool StarterModel::holds_slot(const Dialogue& dialogue) const {
  const auto& slot = static_cast<const StarterDialogue&>(dialogue).slot;
  return slot && slot->length() > 0;
}

// ---- a turn begins

std::unique_ptr<Turn> StarterModel::begin(Dialogue& of, const TurnRequest& request) {
  if (gpu_) gpu_->use_on_this_thread();
  StarterDialogue& dialogue = as_starter(of);
  if (request.context.empty()) {
    throw std::invalid_argument("The conversation is empty: there is nothing to answer.");
  }
  auto turn = std::make_unique<StarterTurn>(dialogue, request, brain_,
                                            request.sampling.value_or(brain_.info().sampling));
  if (request.output == Output::speech) {
    const float speed = std::clamp(request.speed * settings_.speed, slowest, fastest);
    turn->speech.emplace(voice_,
                         voice::SpeechOptions{request.voice, speed, settings_.liveliness, turn->seed});
  }
  for (std::size_t i = 0; i < request.context.size(); ++i) {
    const ContextItem& item = request.context[i];
    if (!item.speech) continue;
    const auto heard = dialogue.heard.find(item.id);
    if (heard == dialogue.heard.end()) continue;
    const bool is_last = i + 1 == request.context.size();
    if (!item.text.empty()) {
      if (!is_last)
        heard->second.utterance.reset();  // its transcript is known and it is over: the sound can go
    } else {
      turn->unheard.push_back(i);
    }
  }
  if (turn->unheard.empty()) {
    begin_reading(*turn);
  } else {
    begin_next_recognition(*turn);
  }
  return turn;
}

// ---- hearing

void StarterModel::begin_next_recognition(StarterTurn& turn) const {
  const ContextItem& item = turn.request.context[turn.unheard.front()];
  if (turn.dialogue.transcript_of(item.id)) return;
  const whisper::Utterance& utterance = *turn.dialogue.heard.find(item.id)->second.utterance;
  const std::string& language = turn.request.language.empty() ? settings_.language : turn.request.language;
  turn.recognized_samples = utterance.samples();
  turn.recognition = ear_.begin(utterance, {.language = language.substr(0, language.find('-'))});  // "en-US"
}

void StarterModel::end_recognition(StarterTurn& turn, StepEvents& events) {
  ContextItem& item = turn.request.context[turn.unheard.front()];
  if (turn.recognition) {
    item.text = turn.recognition->text();
    turn.input_audio_tokens +=
        static_cast<int>((turn.recognized_samples + samples_per_audio_token - 1) / samples_per_audio_token);
    if (auto heard = turn.dialogue.heard.find(item.id); heard != turn.dialogue.heard.end()) {
      heard->second.transcript = item.text;
      heard->second.transcribed_samples = turn.recognized_samples;
    }
  } else if (const std::string* known = turn.dialogue.transcript_of(item.id)) {
    item.text = *known;
  }
  events.emit(turn, Transcript{0, item.id, item.text});
  turn.recognition.reset();
  turn.unheard.pop_front();
  // An item may have been deleted since the turn began; what it said stays unknown then.
  while (!turn.unheard.empty()) {
    const auto next = turn.dialogue.heard.find(turn.request.context[turn.unheard.front()].id);
    if (next != turn.dialogue.heard.end()) return begin_next_recognition(turn);
    turn.unheard.pop_front();
  }
  begin_reading(turn);
}

// ---- reading

void StarterModel::begin_reading(StarterTurn& turn) {
  if (turn.request.output == Output::transcript) {
    turn.decoded = true;
    turn.phase = Phase::over;
    return;
  }
  turn.prompt = make_prompt(brain_, turn.dialogue, turn.request, info_.context_tokens);
  const std::span<const int> wanted = std::span(turn.prompt.ids).first(turn.prompt.ids.size() - 1);

  if (turn.request.out_of_band) {
    turn.own_slot = brain_.new_slot();
  } else if (!turn.dialogue.slot) {
    turn.dialogue.slot = brain_.new_slot();
  }
  const auto& own = turn.dialogue.slot;
  turn.reused = turn.read = prefixes_.begin(turn.slot(), own ? &*own : nullptr, wanted);
  turn.phase = Phase::reading;
}

// ---- speaking

void StarterModel::begin_speaking(StarterTurn& turn, StepEvents& events) {
  prefixes_.keep(turn.slot(), std::min(turn.prompt.system_length, turn.slot().length()), brain_.new_slot());
  const int room = info_.context_tokens - static_cast<int>(turn.prompt.ids.size());
  turn.token_limit = std::min(turn.request.max_output_tokens.value_or(room), room);
  turn.next_token = turn.prompt.ids.back();
  turn.phase = Phase::speaking;
  const bool may_call =
      !turn.request.tools.empty() && turn.request.tool_choice.mode != ToolChoice::Mode::none;
  if (may_call) turn.calls.emplace();
  if (!turn.prompt.forced.empty()) take_text(turn, turn.prompt.forced, events);
}

void StarterModel::take_token(StarterTurn& turn, int token, StepEvents& events) {
  turn.next_token = token;
  const auto& stops = brain_.info().stop_ids;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) return end_answer(turn, events);
  turn.answer_ids.push_back(token);
  take_text(turn, turn.decoder.push(token), events);
  // A call that was demanded is the whole answer: small models do not know when to stop after it.
  if (turn.called && !turn.prompt.forced.empty()) return end_answer(turn, events);
  if (static_cast<int>(turn.answer_ids.size()) >= turn.token_limit) {
    turn.limited = true;
    end_answer(turn, events);
  }
}

void StarterModel::take_text(StarterTurn& turn, std::string_view text, StepEvents& events) {
  if (!turn.calls) return say(turn, std::string(text), events);
  text::ToolCallReader::Piece piece = turn.calls->push(text);
  say(turn, piece.text, events);
  for (text::ToolCallText& one : piece.calls) call(turn, std::move(one), events);
}

void StarterModel::say(StarterTurn& turn, const std::string& text, StepEvents& events) {
  if (text.empty()) return;
  turn.answer_text += text;
  if (turn.speech) turn.speech->push_text(text);
  events.emit(turn, TextDelta{0, text});
}

void StarterModel::call(StarterTurn& turn, text::ToolCallText call, StepEvents& events) {
  turn.called = true;
  events.emit(turn, ToolCall{0, std::move(call.name), std::move(call.arguments)});
}

void StarterModel::end_answer(StarterTurn& turn, StepEvents& events) {
  turn.decoded = true;
  std::string rest = turn.decoder.finish();
  if (turn.calls) {
    text::ToolCallReader::Piece piece = turn.calls->push(rest);
    text::ToolCallReader::Piece last = turn.calls->finish();
    rest = piece.text + last.text;
    piece.calls.insert(piece.calls.end(), last.calls.begin(), last.calls.end());
    for (text::ToolCallText& one : piece.calls) call(turn, std::move(one), events);
    // A call that was demanded by name is passed on even where the model wrote no JSON: the client asked for
    // it.
    const bool owed = turn.request.tool_choice.mode == ToolChoice::Mode::named && !turn.called;
    if (owed && !last.broken.empty()) {
      constexpr std::string_view key = "\"arguments\": ";
      const auto at = last.broken.front().find(key);
      call(turn,
           {turn.request.tool_choice.name,
            at == std::string::npos ? last.broken.front() : last.broken.front().substr(at + key.size())},
           events);
    }
  }
  say(turn, rest, events);
  if (!turn.request.out_of_band) turn.dialogue.answers.remember(turn.answer_text, turn.answer_ids);
  if (turn.speech) turn.speech->finish_text();
  if (!turn.speech || turn.speech->finished()) turn.phase = Phase::over;
}

// ---- what comes next

WorkList StarterModel::ready(const Turn& of) const {
  const StarterTurn& turn = as_starter(of);
  switch (turn.phase) {
    case Phase::hearing: {
      if (!turn.recognition) return {{WorkKind::recognize}};  // its transcript is known and only to be told
      if (const int positions = ear_.shape(*turn.recognition); positions > 0) {
        const int layers = ear_.layers_left(*turn.recognition);
        return {{WorkKind::encode, positions * most_layers + layers, positions * layers, positions}};
      }
      return {{WorkKind::recognize, 0, recognize_piece}};
    }
    case Phase::reading:
      if (turn.to_read() > 0) return {{WorkKind::prefill, 0, turn.to_read()}};
      return {{WorkKind::decode}};
    case Phase::speaking: {
      WorkList works;
      if (!turn.decoded) works.push_back({WorkKind::decode});
      if (turn.speech && (turn.decoded || turn.speech->chunk_ready())) {
        const int frames = turn.speech->chunk_frames();
        works.push_back({WorkKind::detokenize, frames, frames});
      }
      return works;
    }
    case Phase::over:
      break;
  }
  return {};
}

int StarterModel::max_batch(WorkKind kind) const {
  switch (kind) {
    case WorkKind::encode:
    case WorkKind::detokenize:
      return 4;  // larger passes save nothing on a processor and keep the others waiting
    case WorkKind::prefill:
      return 1;  // as long pieces as the budget allows are worth more than many conversations at once
    case WorkKind::recognize:
    case WorkKind::decode:
      break;
  }
  return 32;
}

Usage StarterModel::usage(const Turn& of) const {
  const StarterTurn& turn = as_starter(of);
  Usage usage;
  usage.input_text_tokens = static_cast<int>(turn.prompt.ids.size());
  usage.input_audio_tokens = turn.input_audio_tokens;
  usage.cached_text_tokens = turn.reused;
  usage.output_text_tokens = static_cast<int>(turn.answer_ids.size());
  usage.output_audio_tokens = turn.speech ? turn.speech->rendered_tokens() : 0;
  return usage;
}

}  // namespace parley::starter
