// One caller: speaks recordings, waits for the answers, listens to them to their end or talks over them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/playout.hpp"
#include "client/stream_audit.hpp"
#include "client/tally.hpp"
#include "client/time.hpp"
#include "client/utterance.hpp"
#include "protocol/native/frame.hpp"

namespace parley::client {

// What a caller has in mind.
struct CallPlan {
  std::vector<std::shared_ptr<const Utterance>>
      utterances;  // at least one; said in this order, again and again
  std::size_t first_utterance = 0;
  int turns = 1;
  std::vector<bool> interrupts;  // by turn: this one begins while the answer before it plays; may be short
  std::string voice;             // asked for in the beginning; empty: the server's default
  Milliseconds pause{500};       // from the end of an answer to the next turn
  Milliseconds interrupt_after{700};  // of the answer's sound
  Milliseconds patience{30'000};      // without any event or audio while something is waited for
};

// The talk as a state machine (protocol.md 9.7): no sockets and no clock. Whoever drives it passes on what
// the server sends, and every 20 ms asks for the packet that is due, so that the microphone stays open from
// the first turn to the last: silence goes out between utterances, and while the answer plays.
//
//   connecting --session.created--> [configuring --session.updated-->] speaking --last packet of the
//   recording--> listening --answer done and played--> pausing --> speaking ... --> over
class Caller {
 public:
  explicit Caller(CallPlan plan);

  void text(std::string_view message, Time now);
  void binary(protocol::ByteView message, Time now);
  void lost_connection(const std::string& why);  // counted, unless the call is over
  void stop();                                   // hangs up where it is; an open turn counts neither way

  // Moves on what depends on time alone. To be called before packet().
  void tick(Time now);
  // JSON to be sent before the next packet.
  std::vector<std::string> take_messages();
  // The next 20 ms from the microphone. Empty before the session has begun and after the call.
  std::optional<protocol::native::Frame> packet(Time now);

  enum class State { connecting, configuring, speaking, listening, pausing, over };
  State state() const { return state_; }
  bool over() const { return state_ == State::over; }
  bool broke() const { return broke_; }  // the session ended before its turns did
  const Tally& tally() const { return tally_; }

 private:
  // What is known of the turn in progress.
  struct Turn {
    std::shared_ptr<const Utterance> utterance;
    std::size_t packet = 0;              // of the utterance, next to be sent
    std::optional<Time> speech_ended;    // its last packet of speech was sent
    std::optional<Time> speech_stopped;  // the server said so, latest
    std::optional<Time> first_audio;     // of the first stream that began after the speech had ended
    std::set<std::string> responses;     // created since the turn began
    bool answer_began_early = false;     // a stream began while the speech was still going out
    bool answer_completed = false;
    std::string failure;  // of a response, in the server's words
  };

  void on_event(const std::string& type, const nlohmann::json& event, Time now);
  void on_response_done(const nlohmann::json& event);
  void on_flush(const nlohmann::json& event, Time now);
  void begin();
  void begin_turn();
  void note_first_audio(Time now);
  bool answered(Time now) const;
  void finish_turn(Time now);
  void fail_turn(const std::string& why, Time now);
  void next_or_over(Time now);
  void break_off(const std::string& why);
  void count_underrun();
  bool interrupts(int turn) const;

  CallPlan plan_;
  State state_ = State::connecting;
  bool broke_ = false;
  int turn_number_ = 0;
  Turn turn_;
  Tally tally_;
  std::vector<std::string> messages_;

  std::uint16_t seq_ = 0;
  std::uint32_t timestamp_ = 0;

  std::set<std::string> active_;  // responses in progress
  bool user_speaking_ = false;    // as the server hears it
  bool response_owed_ = false;    // it heard the end of speech and has not started a response since
  StreamAudit audit_;
  std::uint32_t stream_ = 0;  // that is played, or was last; 0: none yet
  Playout playout_;
  Time last_sign_;  // of life from the server
  Time pause_ends_;
};

}  // namespace parley::client
