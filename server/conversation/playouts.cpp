// Tested by test/server/conversation/playback_test.cpp.
#include "server/conversation/playouts.hpp"

#include <algorithm>

namespace parley::conversation {

Playout& Playouts::open(std::string item_id, engine::TurnId turn, bool out_of_band) {
  if (playouts_.size() >= remembered) {
    const auto oldest =
        std::find_if(playouts_.begin(), playouts_.end(), [](const Playout& p) { return p.finished; });
    if (oldest != playouts_.end()) playouts_.erase(oldest);
  }
  Playout playout;
  playout.stream = ++last_stream_;
  playout.item_id = std::move(item_id);
  playout.turn = turn;
  playout.out_of_band = out_of_band;
  playouts_.push_back(std::move(playout));
  return playouts_.back();
}

Playout* Playouts::find(std::uint32_t stream) {
  const auto playout =
      std::find_if(playouts_.begin(), playouts_.end(), [&](const Playout& p) { return p.stream == stream; });
  return playout == playouts_.end() ? nullptr : &*playout;
}

std::optional<Time> Playouts::end() const {
  std::optional<Time> end;
  for (const Playout& playout : playouts_) {
    if (playout.out_of_band || playout.flushed || !playout.playback.begun()) continue;
    end = std::max(end.value_or(playout.playback.end()), playout.playback.end());
  }
  return end;
}

}  // namespace parley::conversation
