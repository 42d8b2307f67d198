// The items of a conversation as a client handles them.
// Tested by test/server/conversation/items_test.cpp.
#include <algorithm>
#include <cmath>
#include <utility>

#include "server/conversation/conversation_impl.hpp"
#include "server/conversation/wire_objects.hpp"

namespace parley::conversation {

void Conversation::Impl::on_client(const protocol::ConversationItemCreate& event) {
  std::string id = event.item.id.empty() ? outbox_.ids().item() : event.item.id;
  Item item = item_from(event.item, id);
  protocol::Bytes audio = recording(event.item);
  item.audio_ms = static_cast<double>(audio.size()) * 1000 / session_.input_format.bytes_per_second();
  const protocol::Item wire = wire_item(item);
  const std::string previous = event.previous_item_id.value_or("");
  if (const auto error = items_.insert(std::move(item), previous)) {
    return refuse(*error == ItemError::duplicate_id ? protocol::duplicate_item_id(id)
                                                    : protocol::invalid_previous_item_id(previous));
  }
  if (!audio.empty()) outbox_.perform(HearRecording{id, std::move(audio)});
  idle_due_.reset();
  idle_fired_ = false;
  outbox_.send(protocol::ConversationItemAdded{wire, items_.previous_of(id)});
  outbox_.send(protocol::ConversationItemDone{wire, items_.previous_of(id)});
  trim();
}

void Conversation::Impl::on_client(const protocol::ConversationItemRetrieve& event) {
  const Item* item = items_.find(event.item_id);
  if (!item) return refuse(protocol::no_item_to_retrieve(event.item_id));
  // The sound of an item is not kept: the engine has heard it, the client has or had it.
  outbox_.send(protocol::ConversationItemRetrieved{wire_item(*item)});
}

void Conversation::Impl::on_client(const protocol::ConversationItemDelete& event) {
  const bool deferred =
      std::find(deferred_deletes_.begin(), deferred_deletes_.end(), event.item_id) != deferred_deletes_.end();
  const Item* item = items_.find(event.item_id);
  if (!item || deferred) return refuse(protocol::no_item_to_delete(event.item_id));
  if (item->status == Item::Status::in_progress) {
    deferred_deletes_.push_back(event.item_id);
  } else {
    erase(event.item_id);
  }
}

void Conversation::Impl::erase(const std::string& item_id) {
  const Item* item = items_.find(item_id);
  if (!item) return;
  if (item->user_speech()) outbox_.perform(Forget{item_id});
  transcriber_.forget(item_id);
  items_.erase(item_id);
  outbox_.send(protocol::ConversationItemDeleted{item_id});
}

void Conversation::Impl::erase_deferred() {
  for (const std::string& item_id : std::exchange(deferred_deletes_, {})) erase(item_id);
}

void Conversation::Impl::on_client(const protocol::ConversationItemTruncate& event) {
  Item* item = items_.find(event.item_id);
  if (!item) return refuse(protocol::no_item_to_truncate(event.item_id));
  if (!item->assistant_speech()) return refuse(protocol::not_truncatable());
  if (event.content_index != 0) {
    return refuse(protocol::invalid_value(
        "content_index", "The item has no content part " + std::to_string(event.content_index) + "."));
  }
  const int sent = static_cast<int>(std::lround(item->sent_ms));
  const int longest = std::min(sent, item->client_cut_ms.value_or(sent));
  if (event.audio_end_ms > longest + static_cast<int>(settings_.truncate_tolerance.count())) {
    return refuse(protocol::truncated_too_far(longest, event.audio_end_ms));
  }
  const int end = std::min(event.audio_end_ms, longest);
  item->client_cut_ms = end;
  // In native mode we may have found out already that less was heard: then that stands.
  items_.truncate(*item, std::min(end, item->heard_ms.value_or(end)));
  outbox_.send(protocol::ConversationItemTruncated{item->id, 0, *item->heard_ms});
}

// The client is told, as it may name an item that is gone, and takes the one before another from what it was
// told.
void Conversation::Impl::trim() {
  for (const std::string& id : items_.trim(settings_.items)) {
    outbox_.perform(Forget{id});
    transcriber_.forget(id);
    outbox_.send(protocol::ConversationItemDeleted{id});
  }
}

}  // namespace parley::conversation
