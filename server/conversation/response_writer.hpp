// One response on the wire: from what the engine tells to the events a client expects, in their order.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "engine/turn.hpp"
#include "server/conversation/item_log.hpp"
#include "server/conversation/outbox.hpp"
#include "server/conversation/output_stream.hpp"
#include "server/conversation/pacer.hpp"
#include "server/conversation/playouts.hpp"
#include "server/conversation/settings.hpp"

namespace parley::conversation {

// What a response is to be, decided when it is created.
struct ResponsePlan {
  engine::TurnId turn = 0;
  bool out_of_band = false;
  protocol::Response response;                              // id, modality, voice, limits, metadata
  std::optional<protocol::native::Parameters> native = {};  // binary audio
};

// The engine speaks of text, audio, tool calls and an end; a client of items with parts:
//
//   created   (item added  part added  deltas  part done  item done)*   done
//
// A message is opened by its first text or audio and closed by a tool call or the end. Native audio is paced,
// so what ends a message waits until its audio has left; meanwhile the response counts as running. Cancelling
// drops what waits and closes everything at once.
class ResponseWriter {
 public:
  ResponseWriter(const ConversationSettings& settings, Outbox& outbox, ItemLog& items, Playouts& playouts,
                 ResponsePlan plan, Time now);

  void begin(const Budget& budget);  // response.created, rate_limits.updated
  void on(engine::Event event, Time now);
  void advance(Time now);  // sends the audio that may leave now, and what waited for it
  void cancel(protocol::CancelReason reason, Time now);
  void fail(protocol::Error error, Time now);

  bool ended() const { return ended_; }  // response.done was sent
  const std::string& id() const { return response().id; }
  engine::TurnId turn() const { return plan_.turn; }
  bool out_of_band() const { return plan_.out_of_band; }
  std::uint32_t stream() const { return stream_number_; }  // being sent now; 0: none
  bool writes(std::string_view item_id) const { return !ended_ && item_id == item_id_ && !item_id.empty(); }
  bool overdue(Time now) const;  // the engine has taken longer than it may
  std::optional<Time> deadline(Time now) const;

 private:
  using Reason = protocol::NativeOutputStreamDone::Reason;

  const protocol::Response& response() const { return plan_.response; }
  bool spoken() const { return response().output_modality == protocol::Modality::audio; }
  Item& item();  // the open one
  protocol::PartRef part() const { return {response().id, item_id_, output_index_, 0}; }

  void handle_waiting(Time now);
  void handle(engine::Event event, Time now);
  void send_audio(Time now);
  void on_text(const std::string& text);
  void on_audio(const engine::AudioChunk& chunk, Time now);
  void on_call(const engine::ToolCall& call);
  void on_done(const engine::TurnDone& done);

  void add_item(Item item);
  void open_message();
  void open_stream();
  void close_message(Item::Status status, Reason reason);
  void close_stream(Reason reason);
  void finish_item(Item::Status status);
  void drop(Item::Status status, Reason reason);
  void finish(protocol::ResponseStatus status, protocol::StatusDetails details);

  const ConversationSettings& settings_;
  Outbox& outbox_;
  ItemLog& items_;
  Playouts& playouts_;
  ResponsePlan plan_;
  Time started_;
  double spoken_ms_ = 0;

  std::deque<engine::Event> waiting_;  // the first of them ends a message whose audio has not left yet
  bool engine_done_ = false;
  bool ended_ = false;

  // the open item
  std::string item_id_;  // "" when none
  int output_index_ = -1;
  std::string text_;  // of its part, so far
  Item own_item_;     // where it is, when out of band; otherwise it is in the log

  std::optional<OutputStream> stream_;
  std::uint32_t stream_number_ = 0;
  Pacer pacer_;
  std::uint32_t text_before_ = 0;  // code points of the answer's text in earlier messages
};

}  // namespace parley::conversation
