// Tested by test/server/conversation/items_test.cpp.
#include "server/conversation/item_log.hpp"

#include <algorithm>

namespace parley::conversation {

bool Item::has_part(Part::Kind kind_wanted) const {
  return std::any_of(content.begin(), content.end(),
                     [&](const Part& part) { return part.kind == kind_wanted; });
}

std::string Item::text_of(const Part& part) const {
  if (part.kind != Part::Kind::output_audio || !heard_ms) return part.text;
  return spoken_words(part.text, alignment.cursor_at(*heard_ms));
}

std::optional<ItemError> ItemLog::insert(Item item, std::string_view previous) {
  if (find(item.id)) return ItemError::duplicate_id;
  auto place = items_.end();
  if (previous == "root") {
    place = items_.begin();
  } else if (!previous.empty()) {
    place =
        std::find_if(items_.begin(), items_.end(), [&](const Item& other) { return other.id == previous; });
    if (place == items_.end()) return ItemError::unknown_previous;
    ++place;
  }
  items_.insert(place, std::move(item));
  touch();
  return std::nullopt;
}

bool ItemLog::erase(std::string_view id) {
  const bool erased = std::erase_if(items_, [&](const Item& item) { return item.id == id; }) > 0;
  if (erased) touch();
  return erased;
}

// The newest are asked for most.
Item* ItemLog::find(std::string_view id) {
  const auto item =
      std::find_if(items_.rbegin(), items_.rend(), [&](const Item& other) { return other.id == id; });
  return item == items_.rend() ? nullptr : &*item;
}

const Item* ItemLog::find(std::string_view id) const { return const_cast<ItemLog*>(this)->find(id); }

std::optional<std::string> ItemLog::previous_of(std::string_view id) const {
  const auto item =
      std::find_if(items_.begin(), items_.end(), [&](const Item& other) { return other.id == id; });
  if (item == items_.end() || item == items_.begin()) return std::nullopt;
  return (item - 1)->id;
}

std::optional<std::string> ItemLog::last_id() const {
  return items_.empty() ? std::nullopt : std::optional(items_.back().id);
}

void ItemLog::truncate(Item& item, int heard_ms) {
  item.heard_ms = heard_ms;
  touch();
}

std::vector<std::string> ItemLog::trim(std::size_t most) {
  std::vector<std::string> dropped;
  while (items_.size() > most) {
    const auto oldest = std::find_if(items_.begin(), items_.end(), [](const Item& item) {
      return item.status != Item::Status::in_progress;
    });
    if (oldest == items_.end()) break;
    dropped.push_back(oldest->id);
    items_.erase(oldest);
    touch();
  }
  return dropped;
}

std::vector<engine::ContextItem> ItemLog::context() const {
  std::vector<engine::ContextItem> context;
  context.reserve(items_.size());
  for (const Item& item : items_) {
    if (item.status == Item::Status::in_progress) continue;
    context.push_back(context_item(item));
    // An answer of which nothing was heard tells the model nothing.
    const bool silent = item.kind == engine::ItemKind::message && item.role == engine::Role::assistant;
    if (silent && context.back().text.empty()) context.pop_back();
  }
  return context;
}

engine::ContextItem context_item(const Item& item) {
  engine::ContextItem context;
  context.id = item.id;
  context.kind = item.kind;
  context.role = item.role;
  context.text = item.text;
  for (const Part& part : item.content) {
    const std::string text = item.text_of(part);
    if (!context.text.empty() && !text.empty()) context.text += '\n';
    context.text += text;
  }
  context.speech = item.user_speech() && item.audio_ms > 0;
  context.heard_ms = item.heard_ms;
  context.name = item.name;
  context.call_id = item.call_id;
  return context;
}

}  // namespace parley::conversation
