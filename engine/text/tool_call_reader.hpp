// Tells the calls of functions in a model's answer from what it says, while the answer comes in.
//
// Calls are in the Hermes form, which ChatTemplate teaches:
//
//   Let me look. <tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>
//
// The text before and after is said; the blocks are not. However the answer is cut into pieces, what is put
// together from all the pieces is the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parley::text {

struct ToolCallText {
  std::string name;
  std::string arguments;  // JSON: an object, unless the model wrote something else

  friend bool operator==(const ToolCallText&, const ToolCallText&) = default;
};

// One answer's state. Text comes out as soon as it can be no part of a tag: of "5 < 6" the "<" waits for the
// space. White space next to a block belongs to the block.
//
// A block ends at the first </tool_call>, at the next <tool_call> (small models forget the end), or with the
// answer. One that holds no call is not said either: it is given as `broken`. A </tool_call> that ends
// nothing is left out.
class ToolCallReader {
 public:
  struct Piece {
    std::string text;                 // to be said; whole UTF-8 characters when the input is
    std::vector<ToolCallText> calls;  // of the blocks that ended
    std::vector<std::string> broken;  // the blocks that ended and were no JSON object with a name: their text
  };

  Piece push(std::string_view text);
  Piece
  finish();  // what waited; an unfinished tag was text, an unfinished block ends. The reader starts anew.

  bool in_call() const { return in_call_; }  // between a block's tags

 private:
  void read(Piece& piece, bool at_end);
  void say(Piece& piece, std::string_view text);
  void end_block(Piece& piece, std::string_view block);

  std::string waiting_;      // not yet told: perhaps the beginning of a tag, or the block so far
  std::string white_space_;  // after the text that was said; dropped if a block follows
  bool in_call_ = false;
  bool after_call_ = false;  // white space that follows is dropped
};

}  // namespace parley::text
