// Plays a conversation whose client, engine, socket and clock do what a list of bytes says: each byte chooses
// what happens next, those behind it how. The client may say anything. Engine, session and socket keep to
// what their own headers promise, in any order that those promises leave open: late events of cancelled
// turns, ticks that come late, a socket that stalls.
//
// Checked on every action: the ordering rules of protocol.md 2.1 (order_checker.hpp), the shape of what is
// sent (wire_rules.hpp), that no chunk of a cancelled turn is sent, that a response speaks with one turn's
// voice, that turns are started once and only running ones are cancelled, that nothing follows a close, and
// that a deadline that was met moves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/conversation/conversation.hpp"
#include "test/fuzz/bytes_reader.hpp"
#include "test/server/conversation/order_checker.hpp"

namespace parley::fuzz {

class ConversationPlayer {
 public:
  explicit ConversationPlayer(BytesReader bytes);

  // All that the bytes say; then the engine finishes its turns, time passes, and everything must have come to
  // its end.
  void play();

 private:
  struct Turn {
    engine::TurnRequest request;
    std::uint32_t code_points = 0;  // of its text so far
    bool cancelled = false;
    bool over = false;  // TurnDone was told
  };

  void happen();
  void finish();

  // ---- what can happen
  void client_speaks();
  void client_says_anything();
  void microphone();
  void socket();
  void engine();
  void tell(engine::TurnId id, Turn& turn);
  void pass(std::chrono::milliseconds time);

  // ---- what comes out
  void on(conversation::Input input);
  void perform(const conversation::Action& action);
  void performed(const conversation::Send& send);
  void performed(const conversation::SendAudio& audio);
  void performed(const conversation::Purge& purge);
  void performed(const conversation::StartTurn& start);
  void performed(const conversation::CommitTurn& commit);
  void performed(const conversation::CancelTurn& cancel);
  void performed(const conversation::ReportHeard& heard);
  void performed(const conversation::Close& close);
  void performed(const conversation::Hear&) {}
  void performed(const conversation::HearRecording&) {}
  void performed(const conversation::Forget&) {}
  Turn& turn(engine::TurnId id, const char* what);
  void note_ids(const protocol::ServerEventBody& body);
  std::string filled_in(std::string_view message);
  std::string some(const std::vector<std::string>& ids);

  BytesReader bytes_;
  conversation::ConversationSettings settings_;
  std::uint64_t random_ = 0;
  engine::TurnId last_turn_ = 0;
  conversation::Time now_ = conversation::Time{} + std::chrono::hours(1);
  std::optional<conversation::Conversation> conversation_;
  conversation::OrderChecker checker_;

  std::map<engine::TurnId, Turn> turns_;
  std::map<std::string, engine::TurnId> voices_;  // whose audio a response was heard to carry
  std::vector<std::string> items_, responses_;    // that a client has seen
  conversation::AudioPosition heard_until_ = 0;
  bool stalled_ = false;
  std::map<std::uint32_t, double> unwritten_ms_;  // by stream, while the socket stalls
  std::vector<conversation::Input> replies_;      // to the actions being performed
};

}  // namespace parley::fuzz
