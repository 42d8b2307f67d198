// The inside of Conversation. Its methods are told by topic: conversation.cpp (session, errors, time),
// conversation_audio.cpp (the user's speech), conversation_items.cpp, conversation_responses.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/conversation/conversation.hpp"
#include "server/conversation/item_log.hpp"
#include "server/conversation/outbox.hpp"
#include "server/conversation/playouts.hpp"
#include "server/conversation/response_writer.hpp"
#include "server/conversation/speculation.hpp"
#include "server/conversation/transcriber.hpp"
#include "server/conversation/turn_taking.hpp"

namespace parley::conversation {

class Conversation::Impl {
 public:
  Impl(const ConversationSettings& settings, protocol::Session session, Sources sources);

  Actions on(Input input, Time now);
  std::optional<Time> deadline() const;
  const protocol::Session& session() const { return session_; }
  bool response_active() const { return active() != nullptr || !out_of_band_.empty(); }
  bool closed() const { return closed_; }
  ConversationCounts counts() const;

 private:
  // An answer that was started at a short silence. Its events wait until the turn has really ended.
  struct SpeculativeTurn {
    engine::TurnId turn;
    std::string item_id;
    std::uint64_t revision;  // of what it was asked; anything else said in between makes it void
    Time started;
    std::vector<engine::Event> events;
    bool over = false;  // ended by itself, in failure
  };

  // ---- conversation.cpp
  void handle(Opened);
  void handle(protocol::ClientEvent event);
  void handle(Rejected rejected);
  void handle(const Budget& budget) { budget_ = budget; }
  void handle(Tick) {}
  void handle(Drain);
  void handle(SlowConsumer);
  void on_client(const protocol::SessionUpdate& event);
  void on_client(const protocol::NativePing& event);
  void refuse(protocol::Error error);
  void close(std::uint16_t code, std::string reason);
  void settle();  // what follows from the time and from what has just happened
  void close_when_drained();

  // ---- conversation_audio.cpp
  void handle(const UserAudio& audio);
  void handle(UserAudioGap);
  void handle(const VoiceActivity& activity);
  void handle(const PlayoutPosition& position);
  void handle(const AudioDropped& dropped);
  void on_client(const protocol::InputAudioBufferAppend&) {}  // comes as UserAudio
  void on_client(const protocol::InputAudioBufferCommit& event);
  void on_client(const protocol::InputAudioBufferClear& event);
  void on_client(const protocol::OutputAudioBufferClear& event);
  void on_client(const protocol::NativePlaybackFlushed& event);
  void on_client(const protocol::NativePlaybackReport& event);
  void perform(TurnSignals signals);
  void on_speech_started(const TurnSignal& signal);
  void on_pausing(const TurnSignal& signal);
  void on_resumed();
  void on_speech_stopped(const TurnSignal& signal);
  void on_partial_transcript(const std::string& text);
  void add_utterance(const Utterance& utterance);
  void drop_speculation(bool wrong_guess);
  std::vector<std::uint32_t> purge_audible();
  void flush(const std::vector<std::uint32_t>& streams, protocol::NativeOutputStreamFlush::Reason reason);
  void await_flush_answers(const std::vector<std::uint32_t>& streams);
  void truncate_to_heard(Playout& playout);
  void on_idle();
  void arm_idle_timer();

  // ---- conversation_items.cpp
  void on_client(const protocol::ConversationItemCreate& event);
  void on_client(const protocol::ConversationItemRetrieve& event);
  void on_client(const protocol::ConversationItemDelete& event);
  void on_client(const protocol::ConversationItemTruncate& event);
  void erase(const std::string& item_id);
  void erase_deferred();
  void trim();

  // ---- conversation_responses.cpp
  void handle(engine::Event event);
  void on_client(const protocol::ResponseCreate& event);
  void on_client(const protocol::ResponseCancel& event);
  void respond();  // to the conversation as it is, by the session's choices
  void respond(const protocol::ResponseParameters& parameters, std::vector<engine::ContextItem> context);
  void keep_speculation();
  void start(ResponsePlan plan);
  void cancel(ResponseWriter& response, protocol::CancelReason reason);
  void retire_ended();
  engine::TurnRequest request(const protocol::ResponseParameters& parameters,
                              std::vector<engine::ContextItem> context) const;
  ResponsePlan plan(const protocol::ResponseParameters& parameters, engine::TurnId turn);
  std::optional<std::vector<engine::ContextItem>> input_context(
      const std::vector<protocol::InputItem>& input);

  template <typename Visit>
  void for_each_response(Visit visit) {
    if (active_) visit(*active_);
    for (const auto& response : out_of_band_) visit(*response);
  }
  ResponseWriter* active() const { return active_ && !active_->ended() ? active_.get() : nullptr; }
  bool create_response() const;
  bool interrupt_response() const;
  bool semantic() const;
  bool native() const { return session_.native.has_value(); }
  std::uint64_t revision() const { return items_.revision() + session_revision_; }

  const ConversationSettings& settings_;
  Time now_{};  // of the input being handled, or the last one
  Outbox outbox_;
  std::function<engine::TurnId()> new_turn_;
  protocol::Session session_;
  std::uint64_t session_revision_ = 0;
  std::string conversation_id_;
  Budget budget_;
  ConversationCounts counts_;
  ErrorRate errors_;
  std::optional<std::string> event_id_;  // of the client event being handled
  bool closed_ = false;
  bool draining_ = false;
  Time session_end_ = Time::max();
  Time drain_end_ = Time::max();

  ItemLog items_;
  std::vector<std::string> deferred_deletes_;
  Playouts playouts_;
  Transcriber transcriber_;

  TurnTaking turns_;
  std::optional<bool> buffered_binary_;  // how the audio in the input buffer came
  Speculation speculation_;
  std::optional<SpeculativeTurn> speculative_;
  std::optional<Time> idle_due_;
  bool idle_fired_ = false;  // in this stretch of silence

  std::unique_ptr<ResponseWriter> active_;
  std::vector<std::unique_ptr<ResponseWriter>> out_of_band_;
  bool response_queued_ = false;  // an automatic one, for when the active one has ended
};

}  // namespace parley::conversation
