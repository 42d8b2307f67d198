// The characters that tokenizer.json writes bytes with (GPT-2's bytes_to_unicode): a byte that is a printable
// character of Latin-1 stands for itself, the other 68 are U+0100, U+0101, ... in their order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace parley::text {

std::string character_of(unsigned char byte);  // as UTF-8

// Nothing where a character stands for no byte: such tokens are written as they are.
std::optional<std::string> bytes_of_characters(std::string_view token);

}  // namespace parley::text
