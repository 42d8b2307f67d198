// Any bytes as a list of what happens to a conversation; the rules are those of conversation_player.hpp.
#include "test/fuzz/conversation_player.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t longest = 4096;  // each byte can be a second of audio
  if (size > longest) return -1;
  parley::fuzz::ConversationPlayer(parley::fuzz::BytesReader(data, size)).play();
  return 0;
}
