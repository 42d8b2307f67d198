// What the scheduler asks of a model. No tensors here: the scheduler and its tests compile without LibTorch.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/turn.hpp"

namespace parley::engine {

// The kinds of work a turn can need next. Turns that need the same kind in the same shape share a pass.
enum class WorkKind { encode, recognize, prefill, decode, detokenize };
inline constexpr int work_kinds = 5;

struct Work {
  WorkKind kind;
  int shape = 0;  // equal shapes share a pass; 0 where the kind batches any mix (decode)
  int units = 1;  // frames or tokens: what it costs, by the measured price of its kind
};
using WorkList = std::vector<Work>;  // empty: nothing to do (the turn is finished)

// A voice that a turn can be spoken in, with tags for search.
struct Voice {
  std::string name;
  std::string sex, age, pitch, mood;
};

struct ModelInfo {
  std::string id;               // shown by /v1/models and session.model
  std::vector<Voice> voices;    // the first is the default
  int context_tokens = 0;
  bool recognizes_first = false;  // true: speech becomes a transcript before the answer starts (starter)
};

// One conversation's state on the device: features of what is being said, KV cache, what was computed for items.
class Dialogue {
 public:
  virtual ~Dialogue() = default;
};

// One turn's state. Destroying it forgets it; the dialogue keeps the KV cache of what was read and said.
class Turn {
 public:
  virtual ~Turn() = default;
  // How far the answer is: what the scheduler needs for deadlines.
  struct Progress {
    double rendered_ms = 0;  // audio made
    double pending_ms = 0;   // audio tokens made, not yet rendered
    bool finished = false;   // TurnDone can be sent
  };
  virtual Progress progress() const = 0;
};

// What a step tells about its turns; the engine turns them into Events and sends them on. `chunk.turn` and the like
// are filled in by whoever receives them.
class StepEvents {
 public:
  virtual ~StepEvents() = default;
  virtual void emit(const Turn& turn, Event event) = 0;
};

// Owned by the engine thread; every method is called there. A throw from begin() or run() fails turns, never the
// process: from run() the engine tries the batch's turns one at a time, and the one that throws again fails alone.
class SpeechModel {
 public:
  virtual ~SpeechModel() = default;

  virtual const ModelInfo& info() const = 0;

  virtual std::unique_ptr<Dialogue> open() = 0;

  // More of the speech item `item_id`, 16 kHz mono, as it arrives: features are made while the user talks.
  virtual void hear(Dialogue& dialogue, std::string_view item_id, std::span<const float> pcm) = 0;
  // The item's audio will not be asked for again.
  virtual void forget(Dialogue& dialogue, std::string_view item_id) = 0;

  // Throws std::invalid_argument with a sentence when the request cannot be served (unknown voice, context too long).
  virtual std::unique_ptr<Turn> begin(Dialogue& dialogue, const TurnRequest& request) = 0;

  // What the turn could do now; decode and detokenize may both be ready.
  virtual WorkList ready(const Turn& turn) const = 0;

  // Largest batch that one pass of this kind may take.
  virtual int max_batch(WorkKind kind) const = 0;

  // One pass over `batch`, all of which had this kind and shape ready. `units` bounds a prefill or encode piece;
  // a decode step makes one token for each turn.
  virtual void run(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) = 0;

  virtual Usage usage(const Turn& turn) const = 0;

  // Device memory: frees what an idle dialogue holds (its KV cache); the next turn prefills again.
  virtual void release(Dialogue& dialogue) = 0;
  virtual bool holds_slot(const Dialogue& dialogue) const = 0;
};

}  // namespace parley::engine
