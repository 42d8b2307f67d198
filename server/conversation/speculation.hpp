// Whether it pays to answer before the user has surely finished.
#pragma once

#include <cstdint>
#include <deque>

#include "server/conversation/playback.hpp"

namespace parley::conversation {

// A speculative turn costs what a turn costs and is thrown away if the user goes on. It is given up while
// fewer than one in three of the last minute's were kept; as they grow old it is tried again.
class Speculation {
 public:
  bool worthwhile(Time now);

  void started() { ++counts_.started; }
  void kept(Time now, double saved_ms);
  void thrown_away(Time now);

  struct Counts {
    std::uint64_t started = 0;
    std::uint64_t kept = 0;
    std::uint64_t thrown_away = 0;
    double saved_ms = 0;  // head start of those kept
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Outcome {
    Time at;
    bool kept;
  };
  void forget_old(Time now);

  std::deque<Outcome> recent_;
  Counts counts_;
};

}  // namespace parley::conversation
