// One connection after its upgrade: the socket on one side, the conversation on the other, the engine behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/conversation/conversation.hpp"
#include "server/session/appended_audio.hpp"
#include "server/session/condition.hpp"
#include "server/session/event_queue.hpp"
#include "server/session/native_input.hpp"
#include "server/session/outgoing.hpp"
#include "server/session/output_audio.hpp"
#include "server/session/services.hpp"
#include "server/session/speech_watch.hpp"
#include "server/session/throttle.hpp"
#include "server/session/web_socket.hpp"

namespace parley::server {

// Four activities on one strand, until the first of them ends:
//
//   hear()       reads messages and gives the conversation what they say
//   attend()     gives it the engine's events
//   keep_time()  gives it Ticks, and ends what takes too long
//   speak()      writes what came of it, and in the end the closing handshake
//
// The first three only queue what is to be written. When the queue is long, hear() and attend() pause: TCP
// holds the client back, the bounded event queue the engine. Codecs and buffers are made when audio flows:
// until then a session is small.
class Session {
 public:
  // Lives on `strand`, destruction included. `begin` is what the client gets if it asks for nothing.
  Session(Services services, WebSocket& socket, protocol::Session begin, net::any_io_executor strand);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  net::awaitable<void> run();  // ends when the connection has ended
  void drain();                // finish the running response, then close with 1012

  const std::string& id() const { return id_; }

 private:
  struct Closing {
    std::uint16_t code;
    std::string reason;
  };

  net::awaitable<void> hear();
  net::awaitable<void> attend();
  net::awaitable<void> keep_time();
  net::awaitable<void> speak();

  // ---- in
  net::awaitable<void> take_text(std::string_view text);
  net::awaitable<void> take_append(protocol::InputAudioBufferAppend append,
                                   std::optional<std::string> event_id);
  void take_packet(protocol::ByteView message);
  void take_pcm(InputPcm audio, bool binary, const std::optional<std::string>& event_id);
  void on(conversation::Input input);

  // ---- out
  void perform(conversation::Send& action);
  void perform(conversation::SendAudio& action);
  void perform(const conversation::Purge& action);
  void perform(conversation::Close& action);
  void perform(conversation::Hear& action);
  void perform(const conversation::HearRecording& action);
  void perform(conversation::Forget& action);
  void perform(conversation::StartTurn& action);
  void perform(const conversation::CommitTurn& action);
  void perform(const conversation::CancelTurn& action);
  void perform(const conversation::ReportHeard& action);
  void send(protocol::ServerEventBody body);
  void send(protocol::ServerEvent event);
  void queue(OutgoingMessage message);
  void hear_in_engine(std::string item_id, std::vector<float> pcm);
  engine::DialogueId dialogue();
  void end(std::uint16_t code, std::string reason);

  // ---- time
  Time next_due() const;
  void arm_clock();
  void check_write(Time now);
  void check_microphone(Time now);
  void tell_input_stats(Time now);

  // The engine waits first, the client later: until then it can still talk over what is queued.
  bool crowded() const { return outgoing_.bytes() > limits().outgoing_bytes; }
  bool very_crowded() const { return outgoing_.bytes() > 2 * limits().outgoing_bytes; }
  const LimitSettings& limits() const { return services_.settings.limits; }

  const Services services_;
  WebSocket& socket_;
  const net::any_io_executor strand_;
  const std::string id_;
  const Time opened_;
  protocol::IdGenerator ids_;
  conversation::Conversation conversation_;
  std::optional<engine::DialogueId> dialogue_;  // opened with the first speech or turn

  beast::flat_buffer incoming_;
  Throttle throttle_;
  AppendedAudio appended_;
  std::unique_ptr<NativeInput> native_input_;  // from the first packet on
  SpeechWatch speech_watch_;
  int unwanted_binary_ = 0;
  NativeInput::Stats told_stats_;
  std::optional<Time> stats_due_;
  std::optional<Time> microphone_due_;  // without a packet until then, the user has stopped

  OutputAudio output_audio_;
  Outgoing outgoing_;
  std::vector<conversation::Input> replies_;  // to the conversation, when all its actions are performed
  std::optional<Closing> closing_;            // when the queue is empty
  std::optional<Time> write_due_;             // of the running write
  std::optional<Time> close_due_;
  std::string ended_by_;  // what the client did wrong, or the network; for the log

  Condition queued_;        // something to write, or to close
  Condition room_;          // no longer crowded
  Condition events_ready_;  // the engine told something
  std::shared_ptr<EventQueue> events_;
  net::steady_timer clock_;
  net::steady_timer patience_;  // between messages of a client that sends too fast
};

}  // namespace parley::server
