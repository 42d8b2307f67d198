// What tells one member of the family from another, and how it is asked for what it can do: a bundle's
// recipe.json. config/models/ has those of the published members and explains every field.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/turn.hpp"

namespace parley::step_audio_2 {

// A model that thinks before it answers, in text that is neither shown nor spoken: the answer is opened with
// `begin`, thinking ends with the text `end`, and then the answer proper is opened.
struct Thinking {
  std::string begin;
  std::string end;
  std::string then_speech, then_text;
};

// One thing that the model can be asked for: transcribing, translating, ...
struct Mode {
  std::string instructions;  // the system message; "": none
  bool speech = false;       // the answer is spoken
  engine::Sampling sampling;
  std::optional<int> max_tokens;
};

struct Recipe {
  // Reads FOLDER/recipe.json. Throws std::runtime_error with a sentence that names the file and the field.
  static Recipe read(const std::filesystem::path& folder);

  // Throws std::invalid_argument with a sentence that lists the modes there are.
  const Mode& mode(std::string_view name) const;

  std::string name;
  bool chat = true;                      // messages framed by roles; false: mini-Base
  std::vector<std::string> stop_tokens;  // any of them that the tokenizer has ends an answer
  std::string instructions;              // where a session brings none
  std::string tool_result_suffix;        // behind what a tool returned
  std::optional<Thinking> thinking;
  engine::Sampling speech, text;  // of answers where a session asks for nothing else
  std::map<std::string, Mode, std::less<>> modes;
};

}  // namespace parley::step_audio_2
