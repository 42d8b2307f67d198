// The items of a conversation, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/turn.hpp"
#include "server/conversation/alignment.hpp"

namespace parley::conversation {

// A piece of a message's content: what was typed, all that was said, or what a user's speech says once known.
struct Part {
  enum class Kind { input_text, input_audio, output_text, output_audio } kind;
  std::string text;
};

// How the transcript of a user's speech is coming along.
enum class Transcription { none, wanted, told };

struct Item {
  enum class Status { in_progress, completed, incomplete };

  std::string id;
  engine::ItemKind kind = engine::ItemKind::message;
  engine::Role role = engine::Role::user;
  Status status = Status::completed;
  std::vector<Part> content;  // messages
  std::string name;           // function_call
  std::string call_id;        // function_call and its output
  std::string text;           // a call's arguments, an output's output

  // the user's speech
  double audio_ms = 0;
  Transcription transcription = Transcription::none;
  bool transcript_known = false;

  // the assistant's speech
  Alignment alignment;               // of all that was said
  double sent_ms = 0;                // what left for the client
  std::optional<int> heard_ms;       // truncated here: what comes after is kept, but neither shown nor read
  std::optional<int> client_cut_ms;  // the least the client has asked for

  bool user_speech() const { return role == engine::Role::user && has_part(Part::Kind::input_audio); }
  bool assistant_speech() const { return has_part(Part::Kind::output_audio); }
  bool has_part(Part::Kind kind_wanted) const;

  // The part's text; of the assistant's speech, the words that were heard in full.
  std::string text_of(const Part& part) const;
};

// What may be wrong with an item's place.
enum class ItemError { duplicate_id, unknown_previous };

class ItemLog {
 public:
  // `previous`: the item it follows; empty: at the end; "root": first.
  std::optional<ItemError> insert(Item item, std::string_view previous = {});
  bool erase(std::string_view id);

  Item* find(std::string_view id);
  const Item* find(std::string_view id) const;
  // The item directly before it, as wire events name it; nullopt for the first.
  std::optional<std::string> previous_of(std::string_view id) const;
  std::optional<std::string> last_id() const;

  void truncate(Item& item, int heard_ms);

  // Drops the oldest items beyond `most` and returns their ids. Items in progress stay.
  std::vector<std::string> trim(std::size_t most);

  std::vector<engine::ContextItem> context() const;
  // Changes with everything that changes what the model would read; a transcript that became known does not.
  std::uint64_t revision() const { return revision_; }
  void touch() { ++revision_; }

  const std::vector<Item>& items() const { return items_; }
  bool has_assistant_audio() const { return has_assistant_audio_; }
  void note_assistant_audio() { has_assistant_audio_ = true; }

 private:
  std::vector<Item> items_;
  std::uint64_t revision_ = 0;
  bool has_assistant_audio_ = false;
};

engine::ContextItem context_item(const Item& item);

}  // namespace parley::conversation
