// The life of a turn. The passes over many turns are in step_audio_2_passes.cpp.
// Tested by test/engine/models/step_audio_2/step_audio_2_model_test.cpp.
#include "engine/models/step_audio_2/step_audio_2_model.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/models/step_audio_2/text/tool_calls.hpp"

namespace parley::step_audio_2 {

using namespace engine;
using Phase = StepAudio2Turn::Phase;

namespace {

constexpr int most_layers = 128;  // of any encoder
constexpr double ms_a_token = 40;
constexpr double slowest = 0.25, fastest = 1.5;

StepAudio2Dialogue& as_step_audio_2(Dialogue& dialogue) { return static_cast<StepAudio2Dialogue&>(dialogue); }

Sampling sampling_of(const TurnRequest& request, const Recipe& recipe) {
  if (request.output == Output::transcript) return recipe.mode(transcription_mode).sampling;
  if (request.sampling) return *request.sampling;
  return request.output == Output::speech ? recipe.speech : recipe.text;
}

}  // namespace

StepAudio2Model::StepAudio2Model(std::unique_ptr<Core> core, Voices voices, StepAudio2Settings settings,
                                 std::unique_ptr<cuda::Device> gpu)
    : gpu_(std::move(gpu)),
      core_(std::move(core)),
      voices_(std::move(voices)),
      settings_(std::move(settings)),
      prefixes_(settings_.shared_prefixes) {
  info_.id = settings_.id;
  info_.voices = voices_.list();
  info_.context_tokens = core_->brain.info().context_tokens;
  if (settings_.context_tokens > 0)
    info_.context_tokens = std::min(info_.context_tokens, settings_.context_tokens);
  voices_.prepared("");  // the first caller need not wait for it
}

StepAudio2Model::~StepAudio2Model() = default;

// ---- dialogues

std::unique_ptr<Dialogue> StepAudio2Model::open() { return std::make_unique<StepAudio2Dialogue>(); }

void StepAudio2Model::hear(Dialogue& dialogue, std::string_view item_id, std::span<const float> pcm) {
  HeardItem& item = as_step_audio_2(dialogue).heard[std::string(item_id)];
  if (!item.sound) item.sound = core_->ear.listen();
  item.sound->push(pcm);
}

void StepAudio2Model::forget(Dialogue& dialogue, std::string_view item_id) {
  auto& heard = as_step_audio_2(dialogue).heard;
  if (auto found = heard.find(item_id); found != heard.end()) heard.erase(found);
}

void StepAudio2Model::release(Dialogue& dialogue) { as_step_audio_2(dialogue).slot.reset(); }

bool StepAudio2Model::holds_slot(const Dialogue& dialogue) const {
  const auto& slot = static_cast<const StepAudio2Dialogue&>(dialogue).slot;
  return slot && slot->length() > 0;
}

// ---- a turn begins

std::unique_ptr<Turn> StepAudio2Model::begin(Dialogue& of, const TurnRequest& request) {
  if (gpu_) gpu_->use_on_this_thread();
  StepAudio2Dialogue& dialogue = as_step_audio_2(of);
  if (request.context.empty())
    throw std::invalid_argument("The conversation is empty: there is nothing to answer.");
  const Sampling sampling = sampling_of(request, core_->recipe);
  auto turn = std::make_unique<StepAudio2Turn>(dialogue, request, *core_, sampling);
  if (request.output == Output::speech) {
    StreamOptions options;
    options.noise.seed = sampling.seed;
    options.chunks = settings_.chunks;
    options.speed = turn->speed =
        std::clamp(static_cast<double>(request.speed) * settings_.speed, slowest, fastest);
    turn->speech = voices_.token2wav().start(voices_.prepared(request.voice), options);
  }
  hear_next(*turn);
  return turn;
}

// ---- hearing

void StepAudio2Model::hear_next(StepAudio2Turn& turn) {
  turn.encoding.reset();
  const auto& context = turn.request.context;
  for (const ContextItem& item : context) {
    const auto heard = item.speech ? turn.dialogue.heard.find(item.id) : turn.dialogue.heard.end();
    if (heard == turn.dialogue.heard.end()) continue;  // it may have been deleted since the turn began
    if (const auto piece = heard->second.next_to_encode()) {
      turn.unheard = {item.id, *piece};
      turn.encoding = core_->ear.begin(*heard->second.sound, *piece);
      return;
    }
    const bool is_over = &item != &context.back();
    if (is_over) heard->second.sound.reset();  // what was made of it is all that is needed
  }
  begin_reading(turn);
}

// ---- reading

void StepAudio2Model::begin_reading(StepAudio2Turn& turn) {
  const auto make = turn.request.output == Output::transcript ? make_transcription_prompt : make_turn_prompt;
  turn.prompt = make(*core_, turn.dialogue, turn.request, info_.context_tokens);
  const std::span<const int> wanted = std::span(turn.prompt.ids).first(turn.prompt.ids.size() - 1);

  if (turn.request.out_of_band || turn.request.output == Output::transcript) {
    turn.own_slot = core_->brain.new_slot();
  } else if (!turn.dialogue.slot) {
    turn.dialogue.slot = core_->brain.new_slot();
  }
  const auto& own = turn.dialogue.slot;
  turn.reused = prefixes_.begin(turn.slot(), own ? &*own : nullptr, wanted);
  turn.unread.assign(turn.prompt.ids.begin() + turn.reused, turn.prompt.ids.end());
  const bool thinks = core_->recipe.thinking && turn.prompt.forced.empty();
  if (thinks && turn.request.output != Output::transcript)
    turn.thinking.emplace(std::vector{core_->recipe.thinking->end});
  turn.phase = Phase::reading;
}

// ---- answering

void StepAudio2Model::begin_answering(StepAudio2Turn& turn, StepEvents& events) {
  if (turn.answer) {  // it goes on after thinking
    turn.answer->read_next(turn.unread.back());
    turn.phase = Phase::answering;
    return;
  }
  // Where the device has no memory for it, the turn is as it was, and the engine tries the pass again.
  causal_lm::Answer answer = core_->brain.begin_answer(turn.sampling, causal_lm::Penalised::all);
  answer.say(turn.prompt.ids);
  answer.read_next(turn.unread.back());
  turn.answer.emplace(std::move(answer));
  turn.phase = Phase::answering;
  prefixes_.keep(turn.slot(), std::min(turn.prompt.system_length, turn.slot().length()),
                 core_->brain.new_slot());
  const int room = info_.context_tokens - static_cast<int>(turn.prompt.ids.size());
  std::optional<int> asked = turn.request.max_output_tokens;
  if (!asked && turn.request.output == Output::transcript)
    asked = core_->recipe.mode(transcription_mode).max_tokens;
  turn.token_limit = std::min(asked.value_or(room), room);
  const bool may_call =
      !turn.request.tools.empty() && turn.request.tool_choice.mode != ToolChoice::Mode::none;
  if (may_call) turn.calls.emplace();
  if (turn.prompt.forced.empty()) return;
  turn.answer_ids = core_->tokenizer.encode(turn.prompt.forced, text::SpecialTokens::parsed);
  take_text(turn, turn.prompt.forced, /*aloud=*/false, events);
}

void StepAudio2Model::take_token(StepAudio2Turn& turn, int token, StepEvents& events) {
  turn.unread = {token};
  if (core_->ends_answer(token)) return end_answer(turn, events);
  ++turn.tokens;
  if (turn.thinking) {
    think(turn, token);
  } else {
    turn.answer_ids.push_back(token);
    const Interleaver::Kind kind = turn.interleaver.read(token);
    if (kind == Interleaver::Kind::audio) {
      const int code = token - core_->vocabulary.audio_0;
      ++turn.audio_tokens;
      if (turn.speech && !turn.speech_ended && turn.interleaver.speaking())
        turn.speech->push_tokens({&code, 1});
    } else if (kind != Interleaver::Kind::nothing) {
      const bool aloud = kind == Interleaver::Kind::text && !turn.speech_ended;
      take_text(turn, turn.decoder.push(token), aloud, events);
    } else if (turn.speech && token == core_->vocabulary.tts_end) {
      // Its last chunk need not wait for what is not heard, and a second spoken part is not heard either.
      turn.speech->finish();
      turn.speech_ended = true;
    }
  }
  if (turn.tokens >= turn.token_limit) {
    turn.limited = true;
    end_answer(turn, events);
  }
}

// When the end of the thinking is read, the answer proper is opened: those tokens are read like a prompt.
void StepAudio2Model::think(StepAudio2Turn& turn, int token) {
  const Thinking& thinking = *core_->recipe.thinking;
  if (!turn.thinking->push(turn.decoder.push(token)).stopped) return;
  turn.thinking.reset();
  turn.answer->take_back(turn.slot());
  const bool spoken = turn.request.output == Output::speech;
  const std::vector<int> opening = core_->tokenizer.encode(spoken ? thinking.then_speech : thinking.then_text,
                                                           text::SpecialTokens::parsed);
  turn.answer->say(opening);
  turn.unread.insert(turn.unread.end(), opening.begin(), opening.end());
  turn.decoder = text::IncrementalDecoder(core_->tokenizer);
  turn.phase = Phase::reading;
}

// aloud: it belongs to what is spoken, or the answer is text. What stands beside the speech is read for calls
// alone.
void StepAudio2Model::take_text(StepAudio2Turn& turn, std::string_view text, bool aloud, StepEvents& events) {
  std::string said(text);
  if (turn.calls) {
    text::ToolCallReader::Piece piece = turn.calls->push(text);
    said = std::move(piece.text);
    for (const std::string& block : piece.broken) call(turn, block, events);
  }
  if (aloud) say(turn, said, events);
}

void StepAudio2Model::say(StepAudio2Turn& turn, const std::string& text, StepEvents& events) {
  if (text.empty()) return;
  turn.answer_text += text;
  turn.spoken_text.write(text, turn.audio_tokens * ms_a_token);
  if (turn.request.output != Output::transcript) events.emit(turn, TextDelta{0, text});
}

void StepAudio2Model::call(StepAudio2Turn& turn, std::string_view block, StepEvents& events) {
  auto read = read_call(block);
  const auto is_named = [&](const Tool& tool) { return tool.name == read->name; };
  if (!read || std::ranges::none_of(turn.request.tools, is_named)) return;
  ++turn.called;
  events.emit(turn, engine::ToolCall{0, std::move(read->name), std::move(read->arguments)});
}

void StepAudio2Model::end_answer(StepAudio2Turn& turn, StepEvents& events) {
  turn.decoded = true;
  turn.answer->take_back(turn.slot());
  if (!turn.thinking) {
    take_text(turn, turn.decoder.finish(), !turn.speech || turn.interleaver.speaking(), events);
    if (turn.calls) {
      const text::ToolCallReader::Piece last = turn.calls->finish();
      if (!turn.speech) say(turn, last.text, events);
      for (const std::string& block : last.broken) call(turn, block, events);
    }
  }
  if (turn.request.output == Output::transcript) {
    events.emit(turn, Transcript{0, turn.request.context.back().id, turn.answer_text});
  } else if (!turn.request.out_of_band) {
    turn.dialogue.answers.remember({turn.answer_text, turn.answer_ids,
                                    turn.speech && turn.prompt.forced.empty(), turn.called,
                                    ms_a_token / turn.speed});
  }
  if (turn.speech) turn.speech->finish();
  if (!turn.speech || turn.speech->finished()) turn.phase = Phase::over;
}

// ---- what comes next

WorkList StepAudio2Model::ready(const Turn& of) const {
  const StepAudio2Turn& turn = as_step_audio_2(of);
  switch (turn.phase) {
    case Phase::hearing: {
      const int positions = turn.encoding->positions(), layers = turn.encoding->layers_left();
      return {{WorkKind::encode, positions * most_layers + layers, positions * layers, positions}};
    }
    case Phase::reading:
    case Phase::answering: {
      WorkList works;
      if (!turn.decoded && turn.to_prefill() > 0) {
        works.push_back({WorkKind::prefill, 0, turn.to_prefill()});
      } else if (!turn.decoded) {
        works.push_back({WorkKind::decode});
      }
      if (turn.speech && turn.speech->chunk_ready()) {
        const int tokens = turn.speech->chunk_tokens();
        works.push_back({WorkKind::detokenize, tokens, tokens});
      }
      return works;
    }
    case Phase::over:
      break;
  }
  return {};
}

int StepAudio2Model::max_batch(WorkKind kind) const {
  switch (kind) {
    case WorkKind::encode:
    case WorkKind::detokenize:
      return gpu_ ? 16 : 4;  // larger passes save nothing on a processor and keep the others waiting
    case WorkKind::prefill:
      return gpu_ ? 8 : 1;
    case WorkKind::recognize:
    case WorkKind::decode:
      break;
  }
  return gpu_ ? 64 : 32;
}

// A GPU's decode step is captured for batches of 1, 2, 4, ... (scheduling by CUDA graphs).
int StepAudio2Model::bucket(WorkKind kind, int batch) const {
  if (!gpu_ || kind != WorkKind::decode) return batch;
  int bucket = 1;
  while (bucket < batch) bucket *= 2;
  return bucket;
}

Usage StepAudio2Model::usage(const Turn& of) const {
  const StepAudio2Turn& turn = as_step_audio_2(of);
  Usage usage;
  const auto count = [&](std::span<const int> ids, int& text, int& audio) {
    const auto heard =
        std::ranges::count_if(ids, [this](int id) { return id < 0 || core_->vocabulary.is_audio(id); });
    audio = static_cast<int>(heard);
    text = static_cast<int>(ids.size()) - audio;
  };
  const std::span<const int> ids = turn.prompt.ids;
  count(ids, usage.input_text_tokens, usage.input_audio_tokens);
  count(ids.first(static_cast<std::size_t>(turn.reused)), usage.cached_text_tokens,
        usage.cached_audio_tokens);
  usage.output_audio_tokens = turn.audio_tokens;
  usage.output_text_tokens = turn.tokens - turn.audio_tokens;
  return usage;
}

}  // namespace parley::step_audio_2
