// The output streams that a listener may still be hearing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/conversation/playback.hpp"

namespace parley::conversation {

struct Playout {
  std::uint32_t stream = 0;
  std::string item_id;
  engine::TurnId turn = 0;
  bool out_of_band = false;
  bool finished = false;  // no more audio will leave
  std::optional<Time>
      flush_answer_due;  // flushed; the client's answer, or an estimate, is awaited until then
  bool flushed = false;
  Playback playback;

  // Whether sound of it may still come out of the loudspeaker.
  bool audible(Time now) const { return !flushed && (!finished || now < playback.end()); }
};

class Playouts {
 public:
  // Stream numbers count from 1. Only the newest few are remembered: older ones have long been heard.
  Playout& open(std::string item_id, engine::TurnId turn, bool out_of_band);
  Playout* find(std::uint32_t stream);
  std::vector<Playout>& all() { return playouts_; }
  const std::vector<Playout>& all() const { return playouts_; }

  // When the last of what was said in the conversation itself will have been played.
  std::optional<Time> end() const;

 private:
  static constexpr std::size_t remembered = 8;
  std::uint32_t last_stream_ = 0;
  std::vector<Playout> playouts_;
};

}  // namespace parley::conversation
