// Reads the members of a JSON object by name, and remembers the first thing that is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/realtime/codec.hpp"
#include "protocol/realtime/error.hpp"
#include "protocol/realtime/json_reader.hpp"
#include "protocol/realtime/names.hpp"

namespace parley::protocol {

// What one decoding shares: its bounds, and the first error. After an error decoding runs on over default
// values, and its result is thrown away.
struct Decoding {
  const DecodeLimits& limits;
  std::optional<Error> error = {};

  void fail(Error problem) {
    if (!error) error = std::move(problem);
  }
};

// One object at a path. Reading a member marks its name as known; finish() refuses the others, so it comes
// last. A member that is null counts as absent, except where nullable() asks. The object must outlive this.
//
//   Fields fields(decoding, item, "item");
//   std::string type = fields.required_text("type");      // missing: missing_required_parameter 'item.type'
//   std::optional<int> rate = fields.integer("rate", {8000, 48000});
//   fields.finish();                                       // others: unknown_parameter 'item.foo'
class Fields {
 public:
  struct Range {
    std::int64_t least;
    std::int64_t most;
  };

  // A value that is no object fails as invalid_type and reads as an empty one.
  Fields(Decoding& decoding, const Json& value, std::string path);

  std::string path_of(std::string_view name) const;  // "item.name"
  Decoding& decoding() const { return decoding_; }

  // The member as it is; null if it is absent, or is null where null means absent.
  const Json* find(std::string_view name);
  const Json* nullable(std::string_view name);  // null value and all; null pointer only if absent
  const Json* required(std::string_view name);  // absent: missing_required_parameter
  const Json* object(std::string_view name);
  const Json* array(std::string_view name);

  std::optional<std::string> text(std::string_view name);
  std::optional<std::string> text(std::string_view name, std::size_t max_bytes);
  std::string required_text(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<int> integer(std::string_view name, Range range);
  int required_integer(std::string_view name, Range range);
  std::optional<double> number(std::string_view name, double least, double most);
  std::optional<std::vector<std::string>> texts(std::string_view name);

  template <typename Enum>
  std::optional<Enum> choice(std::string_view name) {
    const std::optional<std::string> word = text(name);
    if (!word) return std::nullopt;
    const std::optional<Enum> value = named<Enum>(*word);
    if (!value) decoding_.fail(unsupported_value(path_of(name), *word, all_names<Enum>()));
    return value;
  }

  void accept(std::string_view name) { known_.push_back(name); }  // whatever it is; not looked at
  void finish();

 private:
  const Json* member(std::string_view name);

  Decoding& decoding_;
  const Json* object_;
  std::string path_;
  std::vector<std::string_view> known_;  // literals
};

// "tools[3]"
std::string element(std::string_view path, std::size_t index);

// Checks `value` to be a string of at most `max_bytes`; fails and answers "" if not.
std::string text_of(Decoding& decoding, const Json& value, const std::string& path, std::size_t max_bytes);

Error too_long(std::string path, std::size_t max_bytes, std::size_t bytes);

}  // namespace parley::protocol
