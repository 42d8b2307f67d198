// Collects the events of turns, to be looked at when they are over. Its sink may be called on another thread.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/turn.hpp"

namespace parley::test {

// What one turn told.
struct Told {
  std::string transcript, text;
  std::vector<std::int16_t> pcm;
  std::uint32_t text_cursor = 0;
  std::vector<engine::ToolCall> calls;
  std::vector<engine::TurnDone> done;  // exactly one, in the end
  bool after_done = false;             // something was told after TurnDone
};

class EventLog {
 public:
  // Answers false from the `most`-th event on.
  engine::EventSink sink(std::size_t most = ~std::size_t{0}) {
    return [this, most](engine::Event event) { return take(std::move(event), most); };
  }

  // The log as it is now.
  Told told(engine::TurnId turn) {
    std::lock_guard lock(mutex_);
    return turns_[turn];
  }
  std::size_t events() {
    std::lock_guard lock(mutex_);
    return events_;
  }
  // Waits for the turn's TurnDone, from another thread.
  Told wait_done(engine::TurnId turn) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !turns_[turn].done.empty(); });
    return turns_[turn];
  }
  Told wait_audio(engine::TurnId turn) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !turns_[turn].pcm.empty() || !turns_[turn].done.empty(); });
    return turns_[turn];
  }

 private:
  bool take(engine::Event event, std::size_t most) {
    std::lock_guard lock(mutex_);
    if (++events_ > most) return false;
    std::visit([this](auto& one) { note(turns_[one.turn], one); }, event);
    changed_.notify_all();
    return true;
  }
  template <typename One>
  void note(Told& told, One& one) {
    told.after_done |= !told.done.empty();
    if constexpr (std::is_same_v<One, engine::Transcript>) told.transcript = one.text;
    if constexpr (std::is_same_v<One, engine::TextDelta>) told.text += one.text;
    if constexpr (std::is_same_v<One, engine::AudioChunk>) {
      told.pcm.insert(told.pcm.end(), one.pcm.begin(), one.pcm.end());
      told.text_cursor = one.text_cursor;
    }
    if constexpr (std::is_same_v<One, engine::ToolCall>) told.calls.push_back(one);
    if constexpr (std::is_same_v<One, engine::TurnDone>) told.done.push_back(one);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<engine::TurnId, Told> turns_;
  std::size_t events_ = 0;
};

}  // namespace parley::test
