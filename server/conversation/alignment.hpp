// Which text is spoken when.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::conversation {

// Marks "by this millisecond of the audio, so many code points of the text are spoken", one a chunk of
// speech.
class Alignment {
 public:
  void mark(double audio_ms, std::uint32_t text_cursor);  // ascending; a cursor never goes back

  // Code points spoken by then; between two marks by proportion.
  std::uint32_t cursor_at(double audio_ms) const;
  double audio_ms() const { return marks_.empty() ? 0 : marks_.back().audio_ms; }

 private:
  struct Mark {
    float audio_ms;
    std::uint32_t cursor;
  };
  std::vector<Mark> marks_;
};

std::size_t count_code_points(std::string_view utf8);
std::string_view first_code_points(std::string_view utf8, std::size_t count);

// The words that are spoken in full when `cursor` code points are: a word that is cut goes, with the space
// before it. A cursor at the end keeps everything.
std::string spoken_words(std::string_view text, std::uint32_t cursor);

// Whether what was said so far can be a finished sentence: it ends in a mark that ends sentences, and not in
// an ellipsis, a comma or a dash. Nothing said is no sentence.
bool ends_sentence(std::string_view transcript);

}  // namespace parley::conversation
