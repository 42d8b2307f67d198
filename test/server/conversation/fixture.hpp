// A conversation with a microphone, a scripted engine and a clock, all in the test's hands.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/conversation/conversation.hpp"
#include "test/server/conversation/order_checker.hpp"
#include "test/support/catch.hpp"

namespace parley::conversation {

inline protocol::Session default_session() {
  protocol::Session session;
  session.id = "sess_test";
  session.model = "scripted";
  session.instructions = "Be brief.";
  session.voice = "anna";
  return session;
}

inline protocol::Session native_session(int lead_ms = 1500) {
  protocol::Session session = default_session();
  session.native.emplace();
  session.native->lead_ms = lead_ms;
  return session;
}

inline protocol::Session push_to_talk_session() {
  protocol::Session session = default_session();
  session.turn_detection.reset();
  return session;
}

class Fixture {
 public:
  explicit Fixture(protocol::Session session = default_session(), ConversationSettings settings = {})
      : settings_(std::move(settings)),
        conversation(settings_, std::move(session),
                     {protocol::IdGenerator([this] { return random_ += 0x9E3779B97F4A7C15ULL; }),
                      [this] { return ++last_turn; }}) {
    on(Opened{});
  }
  virtual ~Fixture() {
    for (const auto& violation : checker.violations()) FAIL_CHECK(violation);
  }
  Fixture(const Fixture&) = delete;

  // ---- inputs

  void on(Input input) {
    for (Action& action : conversation.on(std::move(input), now)) {
      checker.on(action);
      if (const auto* send = std::get_if<Send>(&action)) events.push_back(send->event.body);
      if (const auto* start = std::get_if<StartTurn>(&action)) requests[start->request.turn] = start->request;
      actions.push_back(std::move(action));
      perform(actions.back());
    }
    for (Input& reply : std::exchange(replies, {})) on(std::move(reply));
  }
  void client(protocol::ClientEventBody body, std::optional<std::string> event_id = {}) {
    on(protocol::ClientEvent{std::move(event_id), std::move(body)});
  }
  // Lets time pass, waking the conversation whenever it asked for it.
  void pass(std::chrono::milliseconds time) {
    const Time end = now + time;
    for (auto due = conversation.deadline(); due && *due <= end; due = conversation.deadline()) {
      const Time before = now;
      now = std::max(now, *due);
      on(Tick{});
      // A deadline that stays where it is would wake the session for ever.
      const auto next = conversation.deadline();
      REQUIRE((!next || *next > before || *next != *due));
    }
    now = end;
    on(Tick{});
  }

  // The microphone, in real time: windows of 32 ms.
  void microphone(int ms, float probability) {
    for (int passed = 0; passed < ms; passed += 32) {
      pass(std::chrono::milliseconds(32));
      on(UserAudio{
          std::vector<float>(512, probability / 2), 32, conversation.session().native.has_value(), {}});
      heard_until += 512;
      if (conversation.detects_speech()) on(VoiceActivity{probability, heard_until});
    }
  }
  void speech(int ms = 640) { microphone(ms, 0.9F); }
  void silence(int ms = 640) { microphone(ms, 0.02F); }

  // The engine.
  void transcript(engine::TurnId turn, std::string item_id, std::string text) {
    on(engine::Event(engine::Transcript{turn, std::move(item_id), std::move(text)}));
  }
  void text(engine::TurnId turn, std::string words) {
    on(engine::Event(engine::TextDelta{turn, std::move(words)}));
  }
  void audio(engine::TurnId turn, int ms, std::uint32_t cursor = 0) {
    on(engine::Event(
        engine::AudioChunk{turn, std::vector<std::int16_t>(static_cast<std::size_t>(ms) * 24, 100), cursor}));
  }
  void done(engine::TurnId turn, engine::TurnStatus status = engine::TurnStatus::completed) {
    engine::TurnDone end{turn, status, {}, {}, {20, 100, 10, 54, 3, 4}};
    on(engine::Event(end));
  }
  // A short whole answer of `ms` of speech.
  void answer(engine::TurnId turn, std::string words, int ms) {
    const auto cursor = static_cast<std::uint32_t>(count_code_points(words));
    text(turn, std::move(words));
    audio(turn, ms, cursor);
    done(turn);
  }

  // ---- what came out

  std::vector<std::string> types(std::size_t from = 0) const {
    std::vector<std::string> types;
    for (std::size_t i = from; i < events.size(); ++i) types.emplace_back(protocol::type_of(events[i]));
    return types;
  }
  std::size_t mark() const { return events.size(); }
  template <typename Event>
  int count(std::size_t from = 0) const {
    int count = 0;
    for (std::size_t i = from; i < events.size(); ++i)
      count += std::holds_alternative<Event>(events[i]) ? 1 : 0;
    return count;
  }
  template <typename Event>
  const Event& last() const {
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      if (const auto* found = std::get_if<Event>(&*event)) return *found;
    }
    FAIL("no such event was sent");
    throw std::logic_error("unreachable");
  }
  template <typename Kind>
  std::vector<Kind> performed() const {
    std::vector<Kind> found;
    for (const Action& action : actions) {
      if (const auto* one = std::get_if<Kind>(&action)) found.push_back(*one);
    }
    return found;
  }
  // The newest turn that the engine was asked for.
  const engine::TurnRequest& request() const {
    REQUIRE_FALSE(requests.empty());
    return requests.rbegin()->second;
  }
  const protocol::Error& error() const { return last<protocol::ErrorEvent>().error; }
  bool cancelled(engine::TurnId turn) const {
    for (const auto& cancel : performed<CancelTurn>()) {
      if (cancel.turn == turn) return true;
    }
    return false;
  }
  double sent_ms(std::uint32_t stream = 0) const {
    double ms = 0;
    for (const auto& sent : performed<SendAudio>())
      ms += stream == 0 || sent.stream == stream ? sent.packet.ms() : 0;
    return ms;
  }

 protected:
  // What a session does with an action. Its inputs that answer one follow when all actions are done.
  virtual void perform(const Action&) {}
  std::vector<Input> replies;

 private:
  ConversationSettings settings_;
  std::uint64_t random_ = 1;

 public:
  Time now = Time{} + std::chrono::hours(1);
  engine::TurnId last_turn = 0;
  AudioPosition heard_until = 0;
  std::vector<Action> actions;
  std::vector<protocol::ServerEventBody> events;
  std::map<engine::TurnId, engine::TurnRequest> requests;
  OrderChecker checker;
  Conversation conversation;
};

inline protocol::Item user_text(std::string text, std::string id = {}) {
  return {std::move(id), protocol::ItemStatus::completed,
          protocol::Message{protocol::Role::user, {protocol::InputText{std::move(text)}}}};
}

}  // namespace parley::conversation
