// Rows that stand where a prompt has no token: what an audio encoder made of speech goes into the language
// model in place of the tokens' embeddings.
//
//   EmbeddedRows heard(std::move(rows), hidden);      // [25, hidden], from the encoder
//   for (int row = 0; row < heard.count(); ++row) ids.push_back(heard.id(row));
//   model.prefill(slot, ids);                          // ids below 0 are such rows
//
// An id is a number below 0 which no other rows in the process have, so that comparing ids tells how far two
// prompts agree, for rows as for tokens. Values are shared by all copies and live as long as the last of
// them; they must live until they were read, and what was read needs them no more.
#pragma once

#include <memory>
#include <vector>

namespace parley::causal_lm {

class EmbeddedRows {
 public:
  EmbeddedRows() = default;  // none
  // `values` [count, width]. Throws std::invalid_argument when they are no whole number of rows.
  EmbeddedRows(std::vector<float> values, int width);

  int count() const;
  int id(int row) const;

  // The values of the row with this id and their number; null when it has none (any more). Any thread. The
  // pointer is good while the rows live.
  struct Found {
    const float* values = nullptr;
    int width = 0;
  };
  static Found find(int id);

 private:
  struct Block;
  std::shared_ptr<const Block> block_;
};

}  // namespace parley::causal_lm
