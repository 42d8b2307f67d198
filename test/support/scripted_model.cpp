#include "test/support/scripted_model.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <sstream>
#include <stdexcept>

#include "engine/status.hpp"

namespace parley::test {
namespace {

using namespace engine;

constexpr int audio_tokens_per_word = 4;
constexpr int chunk_tokens[] = {25, 10};  // and the first chunk:
constexpr int first_chunk_tokens = 5;
constexpr int frames_per_second = 100;
constexpr int input_rate_hz = 16'000;

// FNV-1a: the same on every machine.
class Fingerprint {
 public:
  Fingerprint& add(std::string_view text) {
    for (unsigned char c : text) add_byte(c);
    add_byte(0xff);
    return *this;
  }
  Fingerprint& add(std::span<const float> samples) {
    for (float sample : samples) add(std::bit_cast<std::uint32_t>(sample));
    return *this;
  }
  Fingerprint& add(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<unsigned char>(value >> shift));
    return *this;
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_byte(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3; }
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::uint32_t code_points(std::string_view text) {
  return static_cast<std::uint32_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

struct ScriptedDialogue final : Dialogue {
  std::map<std::string, std::vector<float>, std::less<>> heard;
  std::vector<std::string> read;  // the KV cache: the words it holds
};

struct ScriptedTurn final : Turn {
  ScriptedTurn(ScriptedDialogue& of, const TurnRequest& asked) : dialogue(of), request(asked) {}

  ScriptedDialogue& dialogue;
  TurnRequest request;
  std::vector<float> speech;  // of the last item
  bool is_speech = false;
  int frames_left = 0;  // to encode
  bool to_recognize = false;
  std::string said;
  bool prepared = false;  // the prompt is known
  std::vector<std::string> prompt;
  int reused = 0, prefilled = 0;
  std::vector<std::string> words;  // of the answer, each with the space before it
  std::optional<ToolCall> call;
  std::uint64_t fingerprint = 0;
  int tokens = 0;  // decoded: text and audio
  int text_tokens = 0, audio_tokens = 0;
  bool decoded = false;  // nothing more to decode
  bool limited = false;  // by max_output_tokens
  int rendered_tokens = 0;
  double rendered_ms = 0;
  int chunks = 0;

  bool speaks() const { return request.output == Output::speech; }
  double ms_per_token() const { return ScriptedModel::ms_per_token / request.speed; }
  int pending() const { return audio_tokens - rendered_tokens; }
  bool finished() const { return decoded && pending() == 0; }

  Progress progress() const override {
    return {rendered_ms, pending() * ms_per_token(), finished(),
            limited ? TurnStatus::max_output_tokens : TurnStatus::completed};
  }

  // The size of the chunk that could be rendered now; 0: none.
  int chunk() const {
    if (chunks == 0 && pending() >= first_chunk_tokens) return first_chunk_tokens;
    for (int size : chunk_tokens) {
      if (chunks > 0 && pending() >= size) return size;
    }
    return decoded ? std::min(pending(), first_chunk_tokens) : 0;
  }
};

ScriptedTurn& as_scripted(Turn& turn) { return static_cast<ScriptedTurn&>(turn); }
const ScriptedTurn& as_scripted(const Turn& turn) { return static_cast<const ScriptedTurn&>(turn); }
ScriptedDialogue& as_scripted(Dialogue& dialogue) { return static_cast<ScriptedDialogue&>(dialogue); }

// The prompt, the answer and the voice's fingerprint, once what was said is known.
void prepare(const Script& script, ScriptedTurn& turn) {
  const TurnRequest& request = turn.request;
  turn.prompt = words_of(request.instructions);
  Fingerprint fingerprint;
  fingerprint.add(request.instructions).add(request.voice);
  for (const ContextItem& item : request.context) {
    std::string text = &item == &request.context.back() ? turn.said : item.text;
    if (item.heard_ms) text += " [" + std::to_string(*item.heard_ms) + "]";
    for (std::string& word : words_of(text)) turn.prompt.push_back(std::move(word));
    fingerprint.add(text);
  }
  turn.fingerprint = fingerprint.value();
  if (!request.out_of_band) {
    const auto& read = turn.dialogue.read;
    auto [end, unused] = std::mismatch(read.begin(), read.end(), turn.prompt.begin(), turn.prompt.end());
    // The last token is read again, as its logits are needed.
    turn.reused =
        std::min(static_cast<int>(end - read.begin()), std::max(0, static_cast<int>(turn.prompt.size()) - 1));
    turn.dialogue.read.resize(static_cast<std::size_t>(turn.reused));
  }
  if (script.tool_call) turn.call = script.tool_call(request, turn.said);
  if (!turn.call) {
    std::string answer = script.answer ? script.answer(request, turn.said) : "You said " + turn.said + ".";
    for (const std::string& word : words_of(answer))
      turn.words.push_back(turn.words.empty() ? word : " " + word);
  }
  turn.prepared = true;
}

// One text token or one audio token. Text comes first, each word followed by its audio.
void decode(ScriptedTurn& turn, StepEvents& events) {
  if (turn.call) {
    events.emit(turn, *turn.call);
    turn.tokens += 1;
    turn.text_tokens += 1;
    turn.decoded = true;
    return;
  }
  const bool voice_is_due = turn.speaks() && turn.audio_tokens < turn.text_tokens * audio_tokens_per_word;
  if (voice_is_due) {
    ++turn.audio_tokens;
  } else if (turn.text_tokens < static_cast<int>(turn.words.size())) {
    const std::string& word = turn.words[static_cast<std::size_t>(turn.text_tokens++)];
    if (!turn.request.out_of_band) turn.dialogue.read.push_back(words_of(word).front());
    events.emit(turn, TextDelta{0, word});
  }
  ++turn.tokens;
  const bool all_told = turn.text_tokens == static_cast<int>(turn.words.size());
  const bool all_voiced = !turn.speaks() || turn.audio_tokens == turn.text_tokens * audio_tokens_per_word;
  turn.decoded = all_told && all_voiced;
  if (!turn.decoded && turn.request.max_output_tokens && turn.tokens >= *turn.request.max_output_tokens) {
    turn.decoded = turn.limited = true;
  }
}

void detokenize(ScriptedTurn& turn, StepEvents& events) {
  const int tokens = turn.chunk();
  AudioChunk chunk{};
  const auto samples = static_cast<int>(std::lround(ScriptedModel::samples_per_token / turn.request.speed));
  chunk.pcm.reserve(static_cast<std::size_t>(tokens) * static_cast<std::size_t>(samples));
  for (int token = turn.rendered_tokens; token < turn.rendered_tokens + tokens; ++token) {
    // A sawtooth whose start and slope belong to this token of this answer alone.
    std::uint64_t of_token =
        Fingerprint().add(turn.fingerprint).add(static_cast<std::uint64_t>(token)).value();
    auto value = static_cast<std::uint16_t>(of_token),
         slope = static_cast<std::uint16_t>((of_token >> 16) & 0x3f);
    for (int i = 0; i < samples; ++i, value = static_cast<std::uint16_t>(value + slope)) {
      chunk.pcm.push_back(static_cast<std::int16_t>(value));
    }
  }
  turn.rendered_tokens += tokens;
  turn.rendered_ms += tokens * turn.ms_per_token();
  ++turn.chunks;
  const int spoken_words = turn.rendered_tokens / audio_tokens_per_word;
  for (int word = 0; word < spoken_words; ++word) {
    chunk.text_cursor += code_points(turn.words[static_cast<std::size_t>(word)]);
  }
  events.emit(turn, std::move(chunk));
}

}  // namespace

std::unique_ptr<Dialogue> ScriptedModel::open() { return std::make_unique<ScriptedDialogue>(); }

void ScriptedModel::hear(Dialogue& dialogue, std::string_view item_id, std::span<const float> pcm) {
  auto& samples = as_scripted(dialogue).heard[std::string(item_id)];
  samples.insert(samples.end(), pcm.begin(), pcm.end());
}

void ScriptedModel::forget(Dialogue& dialogue, std::string_view item_id) {
  auto& heard = as_scripted(dialogue).heard;
  if (auto found = heard.find(item_id); found != heard.end()) heard.erase(found);
}

std::unique_ptr<Turn> ScriptedModel::begin(Dialogue& dialogue, const TurnRequest& request) {
  auto voice = std::find_if(script_.info.voices.begin(), script_.info.voices.end(),
                            [&](const Voice& known) { return known.name == request.voice; });
  if (!request.voice.empty() && voice == script_.info.voices.end()) {
    throw std::invalid_argument("There is no voice named \"" + request.voice + "\".");
  }
  if (request.context.empty())
    throw std::invalid_argument("The context is empty: there is nothing to answer.");
  auto turn = std::make_unique<ScriptedTurn>(as_scripted(dialogue), request);
  const ContextItem& last = request.context.back();
  turn->is_speech = last.speech;
  if (last.speech && last.text.empty()) {
    auto found = turn->dialogue.heard.find(last.id);
    if (found != turn->dialogue.heard.end()) turn->speech = found->second;
    turn->frames_left = static_cast<int>(turn->speech.size()) * frames_per_second / input_rate_hz;
    turn->to_recognize = true;
  } else {
    turn->said = last.text;
    prepare(script_, *turn);
    if (static_cast<int>(turn->prompt.size()) > script_.info.context_tokens) {
      throw std::length_error("The conversation of " + std::to_string(turn->prompt.size()) +
                              " tokens is longer than the context of " +
                              std::to_string(script_.info.context_tokens) + ".");
    }
    turn->decoded = request.output == Output::transcript;
  }
  return turn;
}

WorkList ScriptedModel::ready(const Turn& of) const {
  const ScriptedTurn& turn = as_scripted(of);
  if (turn.finished()) return {};
  if (turn.frames_left > 0) return {{WorkKind::encode, 0, turn.frames_left}};
  if (turn.to_recognize) return {{WorkKind::recognize, 0, 1}};
  const int to_read = static_cast<int>(turn.prompt.size()) - turn.reused - turn.prefilled;
  if (to_read > 0) return {{WorkKind::prefill, 0, to_read}};
  WorkList works;
  if (!turn.decoded) works.push_back({WorkKind::decode});
  if (int chunk = turn.chunk(); chunk > 0) works.push_back({WorkKind::detokenize, chunk, chunk});
  return works;
}

int ScriptedModel::max_batch(WorkKind) const { return script_.max_batch; }

int ScriptedModel::bucket(WorkKind kind, int batch) const {
  if (!script_.graph_buckets || kind != WorkKind::decode) return batch;
  return static_cast<int>(std::bit_ceil(static_cast<unsigned>(batch)));
}

void ScriptedModel::run(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) {
  if (script_.before_pass) script_.before_pass(kind, static_cast<int>(batch.size()), units);
  // All faults come before any change: a pass that throws leaves its turns as they were.
  for (Turn* of : batch) {
    const ScriptedTurn& turn = as_scripted(*of);
    if (script_.fault) script_.fault(turn.request, kind, turn.tokens);
    const WorkList works = ready(turn);
    if (std::none_of(works.begin(), works.end(), [kind](const Work& work) { return work.kind == kind; })) {
      throw std::logic_error(std::string("a turn is in a ") + name(kind) +
                             " pass, which it is not ready for");
    }
  }
  for (Turn* of : batch) {
    ScriptedTurn& turn = as_scripted(*of);
    switch (kind) {
      case WorkKind::encode:
        turn.frames_left = std::max(0, turn.frames_left - units);
        break;
      case WorkKind::recognize: {
        if (script_.transcript) {
          turn.said = script_.transcript(turn.speech);
        } else if (!turn.speech.empty()) {
          turn.said = std::to_string(turn.speech.size() * 1000 / input_rate_hz) + " ms " +
                      std::to_string(Fingerprint().add(turn.speech).value());
        }
        turn.to_recognize = false;
        events.emit(turn, Transcript{0, turn.request.context.back().id, turn.said});
        if (turn.request.output == Output::transcript) {
          turn.decoded = true;
        } else {
          prepare(script_, turn);
        }
        break;
      }
      case WorkKind::prefill: {
        const int to_read = static_cast<int>(turn.prompt.size()) - turn.reused - turn.prefilled;
        const int piece = std::min(units, to_read);
        if (!turn.request.out_of_band) {
          auto from = turn.prompt.begin() + turn.reused + turn.prefilled;
          turn.dialogue.read.insert(turn.dialogue.read.end(), from, from + piece);
        }
        turn.prefilled += piece;
        break;
      }
      case WorkKind::decode:
        if (script_.not_a_number && script_.not_a_number(turn.request, turn.tokens)) {
          events.fail(turn, "The logits are not a number.");
        } else {
          decode(turn, events);
        }
        break;
      case WorkKind::detokenize:
        detokenize(turn, events);
        break;
    }
  }
}

Usage ScriptedModel::usage(const Turn& of) const {
  const ScriptedTurn& turn = as_scripted(of);
  Usage usage;
  usage.input_text_tokens = turn.reused + turn.prefilled;
  usage.cached_text_tokens = turn.reused;
  usage.input_audio_tokens = static_cast<int>(turn.speech.size()) * 25 / 2 / input_rate_hz;  // 12.5 a second
  usage.output_text_tokens = turn.text_tokens;
  usage.output_audio_tokens = turn.audio_tokens;
  return usage;
}

void ScriptedModel::release(Dialogue& dialogue) { as_scripted(dialogue).read.clear(); }

bool ScriptedModel::holds_slot(const Dialogue& dialogue) const {
  return !static_cast<const ScriptedDialogue&>(dialogue).read.empty();
}

}  // namespace parley::test
