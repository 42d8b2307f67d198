// Which of a stream's speech tokens are rendered together.
//
// A chunk of n tokens is rendered when the look-ahead's tokens behind it are there too; those are the next
// chunk's first. With chunks 8, 12, 25 and 3 tokens of look-ahead: 11 tokens render 8, 15 more 12, then 25 at
// a time.
#pragma once

#include <span>
#include <vector>

namespace parley::step_audio_2 {

struct ChunkSettings {
  // Of the first chunk, the second and so on; the last number is that of all further chunks. A short first
  // chunk is heard early, long ones cost less for each token.
  std::vector<int> tokens{8, 12, 25};
  // Whether what is left when the speech has ended is rendered at once where it fits, look-ahead included.
  // The reference renders a whole chunk and then 3 tokens.
  bool join_last = true;

  static ChunkSettings as_reference() { return {.tokens = {25}, .join_last = false}; }
};

class ChunkSchedule {
 public:
  // Throws std::invalid_argument where a chunk has fewer tokens than `least`.
  ChunkSchedule(ChunkSettings settings, int lookahead, int least);

  void push(std::span<const int> tokens);  // throws std::logic_error after finish()
  void finish();

  struct Chunk {
    std::vector<int> tokens;  // look-ahead included
    bool last = false;
  };
  bool ready() const;
  bool done() const { return done_ || (finished_ && waiting_.empty()); }  // all is rendered
  Chunk next() const;                 // throws std::logic_error unless ready()
  void rendered(const Chunk& chunk);  // next() has been

  int waiting() const { return static_cast<int>(waiting_.size()); }
  int largest() const;  // tokens that a chunk can have, look-ahead included

 private:
  int size() const;  // of the next chunk, without look-ahead

  ChunkSettings settings_;
  int lookahead_;
  std::vector<int> waiting_;
  std::size_t chunks_ = 0;
  bool finished_ = false;
  bool done_ = false;
};

}  // namespace parley::step_audio_2
