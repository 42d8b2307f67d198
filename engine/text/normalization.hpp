// Unicode's normalization form C (UAX 15): "e" and a combining acute become "é". Qwen2's tokenizer asks for
// it.
#pragma once

#include <string>
#include <string_view>

namespace parley::text {

// `text` is valid UTF-8. Takes linear time unless one character carries very many marks.
std::string composed(std::string_view text);

// True where composed() would change nothing, told by the characters alone: text below U+0300.
bool surely_composed(std::string_view text);

}  // namespace parley::text
