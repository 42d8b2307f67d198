// Tested by test/engine/models/step_audio_2/text/recipe_test.cpp.
#include "engine/models/step_audio_2/text/recipe.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/weights/json_file.hpp"

namespace parley::step_audio_2 {
namespace {

using nlohmann::json;

// A JSON object that names itself in errors and knows which of its fields were read.
class Fields {
 public:
  Fields(const json& object, std::string where) : object_(&object), where_(std::move(where)) {
    if (!object.is_object()) fail("should be an object, but is " + std::string(object.type_name()));
  }

  template <typename T>
  void read(const char* key, T& value) {
    known_ += std::string(known_.empty() ? "" : ", ") + key;
    const auto found = object_->find(key);
    if (found == object_->end()) return;
    try {
      value = found->get<T>();
    } catch (const json::exception&) {
      fail(std::string("\"") + key + "\" has a value of the wrong kind: " + found->dump());
    }
  }
  // A nested object; nothing where there is none.
  std::optional<Fields> object(const char* key) {
    known_ += std::string(known_.empty() ? "" : ", ") + key;
    const auto found = object_->find(key);
    if (found == object_->end() || found->is_null()) return std::nullopt;
    return Fields(*found, where_ + ": \"" + key + "\"");
  }
  template <typename Take>
  void each(const Take& take) const {
    for (const auto& [key, value] : object_->items()) take(key, Fields(value, where_ + ": \"" + key + "\""));
  }
  // A misspelt field would silently be without effect.
  void finish() const {
    for (const auto& [key, value] : object_->items())
      if ((", " + known_ + ", ").find(", " + key + ", ") == std::string::npos)
        fail("\"" + key + "\" is not known here; known are " + known_);
  }
  [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(where_ + ": " + what); }

 private:
  const json* object_;
  std::string where_;
  std::string known_;
};

engine::Sampling read_sampling(Fields& parent, const char* key, const engine::Sampling& otherwise) {
  engine::Sampling sampling = otherwise;
  if (auto fields = parent.object(key)) {
    fields->read("temperature", sampling.temperature);
    fields->read("top_p", sampling.top_p);
    fields->read("top_k", sampling.top_k);
    fields->read("repetition_penalty", sampling.repetition_penalty);
    fields->finish();
    if (!(sampling.temperature >= 0.0F) || !(sampling.top_p > 0.0F) || sampling.top_k < 0 ||
        !(sampling.repetition_penalty > 0.0F))
      fields->fail("expected temperature >= 0, top_p > 0, top_k >= 0 and repetition_penalty > 0");
  }
  return sampling;
}

Mode read_mode(Fields fields) {
  Mode mode;
  fields.read("instructions", mode.instructions);
  fields.read("speech", mode.speech);
  mode.sampling = read_sampling(fields, "sampling", {});
  int most = 0;
  fields.read("max_tokens", most);
  if (most > 0) mode.max_tokens = most;
  fields.finish();
  return mode;
}

}  // namespace

Recipe Recipe::read(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "recipe.json";
  const json object = weights::read_json_file(file);
  Fields fields(object, file.string());
  Recipe recipe;
  fields.read("name", recipe.name);
  fields.read("chat", recipe.chat);
  fields.read("stop_tokens", recipe.stop_tokens);
  if (recipe.stop_tokens.empty()) fields.fail("\"stop_tokens\" should name at least one token");
  fields.read("instructions", recipe.instructions);
  fields.read("tool_result_suffix", recipe.tool_result_suffix);
  if (auto thinking = fields.object("thinking")) {
    Thinking& read = recipe.thinking.emplace();
    thinking->read("begin", read.begin);
    thinking->read("end", read.end);
    thinking->read("then_speech", read.then_speech);
    thinking->read("then_text", read.then_text);
    thinking->finish();
    if (read.end.empty()) thinking->fail("\"end\" should be the text that ends the thinking");
  }
  if (auto sampling = fields.object("sampling")) {
    recipe.speech = read_sampling(*sampling, "speech", {});
    recipe.text = read_sampling(*sampling, "text", {});
    sampling->finish();
  }
  if (const auto modes = fields.object("modes"))
    modes->each([&](const std::string& name, Fields mode) { recipe.modes.emplace(name, read_mode(mode)); });
  fields.finish();
  return recipe;
}

const Mode& Recipe::mode(std::string_view wanted) const {
  const auto found = modes.find(wanted);
  if (found != modes.end()) return found->second;
  std::string known;
  for (const auto& [known_name, unused] : modes) known += (known.empty() ? "" : ", ") + known_name;
  throw std::invalid_argument("The recipe \"" + name + "\" has no mode \"" + std::string(wanted) +
                              "\"; it has " + (known.empty() ? "none" : known));
}

}  // namespace parley::step_audio_2
