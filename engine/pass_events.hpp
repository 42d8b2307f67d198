// Collects what a pass tells about its turns, until it is known to have gone well.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/speech_model.hpp"

namespace parley::engine {

// Turns are looked up as they tell: by the time their events are delivered some have ended, and another may
// live at the same address.
class PassEvents final : public StepEvents {
 public:
  using Lookup = std::function<TurnId(const Turn&)>;
  explicit PassEvents(Lookup id_of) : id_of_(std::move(id_of)) {}

  void emit(const Turn& turn, Event event) override { events.emplace_back(id_of_(turn), std::move(event)); }
  void fail(const Turn& turn, std::string error) override {
    failures.emplace_back(id_of_(turn), std::move(error));
  }

  struct Mark {
    std::size_t events, failures;
  };
  Mark mark() const { return {events.size(), failures.size()}; }
  void rewind(Mark mark) {
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(mark.events), events.end());
    failures.erase(failures.begin() + static_cast<std::ptrdiff_t>(mark.failures), failures.end());
  }

  std::vector<std::pair<TurnId, Event>> events;
  std::vector<std::pair<TurnId, std::string>> failures;

 private:
  const Lookup id_of_;
};

}  // namespace parley::engine
