#include "server/converse/spoken_turn.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace parley::converse {
namespace {

using engine::Clock;

constexpr std::chrono::minutes patience{2};  // between two events; a turn that fails says so earlier

// Gathers one turn's events on the engine's thread while the caller waits for the last of them. Shared with
// the engine, which may hold its sink for a moment longer than the caller waits.
class TurnRecord {
 public:
  explicit TurnRecord(Clock::time_point since) : since_(since) {}

  void take(engine::Event event) {
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - since_).count();
    const std::lock_guard lock(mutex_);
    std::visit([&](auto& one) { note(one, ms); }, event);
    ++events_;
    changed_.notify_one();
  }

  Answer wait_for_the_end() {
    std::unique_lock lock(mutex_);
    for (int seen = -1; !done_;) {
      if (seen == events_)
        throw std::runtime_error(
            "the model has told nothing for two minutes; its step hangs or is far too slow");
      seen = events_;
      changed_.wait_for(lock, patience, [&] { return done_ || events_ != seen; });
    }
    if (answer_.status == engine::TurnStatus::failed)
      throw std::runtime_error("the turn failed (" + done_->error_code + "): " + done_->error);
    return std::move(answer_);
  }

 private:
  void note(engine::Transcript& event, double ms) {
    answer_.heard = std::move(event.text);
    answer_.asr_ms = ms;
  }
  void note(engine::TextDelta& event, double ms) {
    if (!answer_.first_token_ms) answer_.first_token_ms = ms;
    answer_.said += event.text;
  }
  void note(engine::AudioChunk& event, double ms) {
    if (!answer_.first_audio_ms && !event.pcm.empty()) answer_.first_audio_ms = ms;
    answer_.pcm.insert(answer_.pcm.end(), event.pcm.begin(), event.pcm.end());
  }
  void note(engine::ToolCall&, double) {}  // no tools were offered
  void note(engine::TurnDone& event, double ms) {
    answer_.total_ms = ms;
    answer_.status = event.status;
    answer_.usage = event.usage;
    done_ = std::move(event);
  }

  const Clock::time_point since_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int events_ = 0;
  Answer answer_;
  std::optional<engine::TurnDone> done_;
};

class OpenDialogue {
 public:
  OpenDialogue(engine::Engine& engine, engine::EventSink sink)
      : engine_(engine), id_(engine.open_dialogue(std::move(sink))) {}
  ~OpenDialogue() { engine_.close_dialogue(id_); }
  OpenDialogue(const OpenDialogue&) = delete;
  OpenDialogue& operator=(const OpenDialogue&) = delete;
  engine::DialogueId id() const { return id_; }

 private:
  engine::Engine& engine_;
  engine::DialogueId id_;
};

engine::TurnRequest turn_of(const Request& request, engine::DialogueId dialogue, const std::string& item) {
  engine::TurnRequest turn;
  turn.dialogue = dialogue;
  turn.instructions = request.instructions;
  engine::ContextItem utterance;
  utterance.id = item;
  utterance.speech = true;
  turn.context.push_back(std::move(utterance));
  turn.voice = request.voice;
  turn.max_output_tokens = request.max_output_tokens;
  turn.sampling = request.sampling;
  return turn;
}

}  // namespace

Answer speak(engine::Engine& engine, std::span<const float> pcm, const Request& request) {
  const std::string item = "utterance";
  const auto record = std::make_shared<TurnRecord>(Clock::now());
  const OpenDialogue dialogue(engine, [record](engine::Event event) {
    record->take(std::move(event));
    return true;
  });
  if (!engine.hear(dialogue.id(), item, {pcm.begin(), pcm.end()}))
    throw std::runtime_error("the engine is too far behind to hear anything");
  engine.start_turn(turn_of(request, dialogue.id(), item));
  return record->wait_for_the_end();
}

}  // namespace parley::converse
