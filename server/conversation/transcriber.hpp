// Sees to it that every utterance whose transcript the client wants gets one, or is told why not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/conversation/item_log.hpp"
#include "server/conversation/outbox.hpp"
#include "server/conversation/settings.hpp"

namespace parley::conversation {

// Where the model recognizes speech before it answers, an answer's turn tells the transcript too, so an
// utterance waits a moment for one; if none comes, or it ends before it told, a turn that only transcribes is
// started. Other models never tell, and the transcribing turn starts at once.
class Transcriber {
 public:
  Transcriber(const ConversationSettings& settings, Outbox& outbox, ItemLog& items)
      : settings_(settings), outbox_(outbox), items_(items) {}

  void want(const std::string& item_id, std::string language, Time now);
  // A turn has begun whose context holds these items.
  void covered_by(engine::TurnId turn);
  // What an item says, from a turn that is not over. Kept for the context in any case.
  void on_transcript(const engine::Transcript& transcript);
  // A turn is over, whatever became of it.
  void on_turn_over(engine::TurnId turn, Time now);
  void forget(std::string_view item_id);

  bool owns(engine::TurnId turn) const;  // a turn that only transcribes
  bool idle() const { return wanted_.empty(); }

  void advance(Time now, const std::function<engine::TurnId()>& new_turn);  // starts what is due
  std::optional<Time> deadline() const;

 private:
  struct Wanted {
    std::string item_id;
    std::string language;
    Time due;                 // while no turn covers it
    engine::TurnId turn = 0;  // that will tell
    bool own = false;         // and was started for that
  };

  const ConversationSettings& settings_;
  Outbox& outbox_;
  ItemLog& items_;
  std::vector<Wanted> wanted_;
};

}  // namespace parley::conversation
