// Who has state on the device. A slot is held by a dialogue whose turn runs, and by an idle dialogue until
// another needs it: then the one that was idle longest gives its own up.
#pragma once

#include <functional>
#include <list>
#include <unordered_map>
#include <vector>

#include "engine/turn.hpp"

namespace parley::engine {

class Slots {
 public:
  explicit Slots(int total) : total_(total) {}

  // A turn of `dialogue` begins (0: one that stands beside its dialogue). `release` is told whose state must
  // go. False: every slot runs a turn.
  bool take(DialogueId dialogue, const std::function<void(DialogueId)>& release) {
    if (!remove_idle(dialogue) && held() >= total_) {
      if (idle_.empty()) return false;
      DialogueId oldest = idle_.front();
      remove_idle(oldest);
      release(oldest);
    }
    ++busy_;
    return true;
  }
  // Its turn ended; `holds` says whether the dialogue still has state on the device.
  void give_back(DialogueId dialogue, bool holds) {
    --busy_;
    if (dialogue != 0 && holds) where_[dialogue] = idle_.insert(idle_.end(), dialogue);
  }
  void closed(DialogueId dialogue) { remove_idle(dialogue); }
  // Memory is short: every idle dialogue loses its state.
  void release_idle(const std::function<void(DialogueId)>& release) {
    for (DialogueId dialogue : idle_) release(dialogue);
    idle_.clear();
    where_.clear();
  }

  int total() const { return total_; }
  int busy() const { return busy_; }
  int held() const { return busy_ + static_cast<int>(idle_.size()); }

 private:
  bool remove_idle(DialogueId dialogue) {
    auto found = where_.find(dialogue);
    if (found == where_.end()) return false;
    idle_.erase(found->second);
    where_.erase(found);
    return true;
  }
  const int total_;
  int busy_ = 0;
  std::list<DialogueId> idle_;  // longest idle first
  std::unordered_map<DialogueId, std::list<DialogueId>::iterator> where_;
};

}  // namespace parley::engine
