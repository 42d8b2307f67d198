// The ordering guarantees of protocol.md 2.1, checked on whatever a conversation sends.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/conversation/action.hpp"

namespace parley::conversation {

// Fed with every action in order; says in words what was wrong. It knows the conversation only by what was
// sent, as a client does.
class OrderChecker {
 public:
  void on(const Action& action);
  const std::vector<std::string>& violations() const { return violations_; }
  // At the end of a recording in which everything came to its end.
  void expect_all_closed();

 private:
  struct OpenItem {
    int output_index = 0;
    std::string call_id;
    bool in_conversation = false;
    bool conversation_done = false;
    bool part_open = false;
    bool part_closed = false;
    bool audio_done = false;
    bool text_done = false;
    std::optional<protocol::Modality> modality;
    std::string text;  // concatenated deltas
  };
  struct OpenResponse {
    bool out_of_band = false;
    int next_output_index = 0;
    std::map<std::string, OpenItem> items;
  };
  struct Stream {
    std::string response_id;
    bool closed = false;
    bool ended = false;  // END was sent
    std::uint32_t packets = 0;
    std::uint32_t timestamp = 0;
  };

  template <typename Event>
  void check(const Event&) {}
  void check(const protocol::ConversationItemAdded& event);
  void check(const protocol::ConversationItemDone& event);
  void check(const protocol::ConversationItemDeleted& event);
  void check(const protocol::InputAudioTranscriptionCompleted& event) { transcribed(event.item_id); }
  void check(const protocol::InputAudioTranscriptionFailed& event) { transcribed(event.item_id); }
  void check(const protocol::SpeechStarted& event);
  void check(const protocol::SpeechStopped& event);
  void check(const protocol::InputAudioBufferCommitted& event);
  void check(const protocol::ResponseCreated& event);
  void check(const protocol::ResponseDone& event);
  void check(const protocol::ResponseOutputItemAdded& event);
  void check(const protocol::ResponseOutputItemDone& event);
  void check(const protocol::ResponseContentPartAdded& event);
  void check(const protocol::ResponseContentPartDone& event);
  void check(const protocol::ResponseOutputAudioDone& event);
  void check(const protocol::ResponseOutputAudioTranscriptDelta& event) { delta(event.ref, event.delta); }
  void check(const protocol::ResponseOutputAudioTranscriptDone& event) {
    text_done(event.ref, event.transcript);
  }
  void check(const protocol::ResponseOutputTextDelta& event) { delta(event.ref, event.delta); }
  void check(const protocol::ResponseOutputTextDone& event) { text_done(event.ref, event.text); }
  void check(const protocol::ResponseFunctionCallArgumentsDelta& event);
  void check(const protocol::ResponseFunctionCallArgumentsDone& event);
  void check(const protocol::NativeOutputStreamStarted& event);
  void check(const protocol::NativeOutputStreamDone& event);
  void check(const protocol::NativeOutputStreamFlush& event);
  void on_audio(const SendAudio& audio);

  void transcribed(const std::string& item_id);
  void delta(const protocol::PartRef& ref, const std::string& text);
  void text_done(const protocol::PartRef& ref, const std::string& text);
  void require(bool holds, const std::string& rule);
  OpenItem* item(const std::string& response_id, const std::string& item_id, int output_index);
  OpenItem* part(const protocol::PartRef& ref);

  std::vector<std::string> violations_;
  std::string now_;  // type of the event being checked
  bool greeted_ = false;
  std::set<std::string> event_ids_;
  std::vector<std::string> order_;  // of the conversation
  std::set<std::string> added_;
  std::set<std::string> done_;
  std::set<std::string> transcribed_;
  std::string speaking_;   // item of the open speech segment
  std::string committed_;  // item that must be added next
  std::string created_;    // response after which rate limits must come
  std::map<std::string, OpenResponse> responses_;
  std::set<std::string> ended_responses_;
  std::map<std::uint32_t, Stream> streams_;
};

}  // namespace parley::conversation
