// What the scheduler asks of a model. No tensors here: the scheduler and its tests compile without LibTorch.
#pragma once

#include <array>
#include <cassert>
#include <initializer_list>
#include <memory>
#include <span>
#include <stdexcept>
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
  int units = 1;  // frames or tokens that are left of it: what it costs, by the measured price of its kind
  int grain = 1;  // it can be cut after any multiple of so many units
};

// What a turn could do now: at most one Work of each kind, held in place, as it is asked for at every step.
// Empty: the turn is finished.
class WorkList {
 public:
  WorkList() = default;
  WorkList(std::initializer_list<Work> works) {
    for (const Work& work : works) push_back(work);
  }
  void push_back(const Work& work) {
    assert(size_ < works_.size());
    works_[size_++] = work;
  }
  const Work* begin() const { return works_.data(); }
  const Work* end() const { return works_.data() + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<Work, work_kinds> works_{};
  std::size_t size_ = 0;
};

// The device's memory is full. A model throws it in place of its library's own error; the engine then
// releases what idle dialogues hold, tries the pass once more, and in the end fails the newest turn of the
// pass.
class OutOfDeviceMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A voice that a turn can be spoken in, with tags for search.
struct Voice {
  std::string name;
  std::string sex, age, pitch, mood;
};

struct ModelInfo {
  std::string id;             // shown by /v1/models and session.model
  std::vector<Voice> voices;  // the first is the default
  int context_tokens = 0;
  int max_slots =
      0;  // dialogues whose state fits the device's memory at once; 0: no limit of the model's own
  bool recognizes_first = false;  // true: speech becomes a transcript before the answer starts (starter)
};

// One conversation's state on the device: features of what is being said, KV cache, what was computed for
// items.
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
    double rendered_ms = 0;                     // audio made
    double pending_ms = 0;                      // audio tokens made, not yet rendered
    bool finished = false;                      // TurnDone can be sent
    TurnStatus status = TurnStatus::completed;  // with finished: completed or max_output_tokens
  };
  virtual Progress progress() const = 0;
};

// What a pass tells about its turns. The engine fills in the events' `turn`, sends them on when the pass is
// over, and drops them when it throws; TurnDone is the engine's own.
class StepEvents {
 public:
  virtual ~StepEvents() = default;
  virtual void emit(const Turn& turn, Event event) = 0;
  // This turn alone went wrong (NaN in its logits); the rest of the batch did not. `error` is a sentence.
  virtual void fail(const Turn& turn, std::string error) = 0;
};

// Owned by the engine thread; every method is called there. A throw from begin() or run() fails turns, never
// the process: from run() the engine tries the batch's turns one at a time, and the one that throws again
// fails alone. So a pass that throws must leave its turns as they were before it.
class SpeechModel {
 public:
  virtual ~SpeechModel() = default;

  virtual const ModelInfo& info() const = 0;

  virtual std::unique_ptr<Dialogue> open() = 0;

  // More of the speech item `item_id`, 16 kHz mono, as it arrives: features are made while the user talks.
  virtual void hear(Dialogue& dialogue, std::string_view item_id, std::span<const float> pcm) = 0;
  // The item's audio will not be asked for again.
  virtual void forget(Dialogue& dialogue, std::string_view item_id) = 0;

  // Throws std::invalid_argument with a sentence when the request cannot be served (unknown voice), and
  // std::length_error when the context does not fit: TurnDone then says "context_overflow". A dialogue has at
  // most one turn that is not out_of_band at a time; destroying a turn midway steps its dialogue back to what
  // is complete.
  virtual std::unique_ptr<Turn> begin(Dialogue& dialogue, const TurnRequest& request) = 0;

  // What the turn could do now; decode and detokenize may both be ready.
  virtual WorkList ready(const Turn& turn) const = 0;

  // Largest batch that one pass of this kind may take.
  virtual int max_batch(WorkKind kind) const = 0;
  // The batch that a pass of `batch` turns pays for anyway: the bucket of its CUDA graph. Turns that are in
  // no hurry fill it up. Where each turn has its price, as on a CPU, `batch` itself.
  virtual int bucket(WorkKind /*kind*/, int batch) const { return batch; }

  // One pass over `batch`, all of which had this kind and shape ready. `units` is what encode, recognize
  // and prefill do for each turn, in whole grains; a decode step makes
  // one token for each turn, a detokenize pass one chunk.
  virtual void run(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) = 0;

  virtual Usage usage(const Turn& turn) const = 0;

  // Device memory: frees what an idle dialogue holds (its KV cache); the next turn prefills again.
  virtual void release(Dialogue& dialogue) = 0;
  virtual bool holds_slot(const Dialogue& dialogue) const = 0;
};

}  // namespace parley::engine
