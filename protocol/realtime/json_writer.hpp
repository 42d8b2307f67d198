// Writes JSON text as it is told, with no tree in between.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "protocol/bytes.hpp"

namespace parley::protocol {

// Appends to a string that outlives it. The caller keeps objects and arrays balanced and puts a key before
// each value of an object; keys are literals of ours and are not escaped.
//
//   JsonWriter json(out);
//   json.begin_object();
//   json.member("type", "error").member("param", no_param);   // an empty optional becomes null
//   json.end_object();
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& open_key(std::string_view name);  // one that is not ours: escaped

  JsonWriter& value(std::string_view text);  // escaped; bytes that are not UTF-8 become U+FFFD
  JsonWriter& value(double number);          // shortest text that reads back as the same number, as in 1.0
  JsonWriter& null() { return raw("null"); }
  JsonWriter& raw(std::string_view json);  // well-formed JSON text
  JsonWriter& base64(ByteView bytes);

  template <std::same_as<bool> T>
  JsonWriter& value(T truth) {
    return raw(truth ? "true" : "false");
  }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter& value(T number) {
    return integer(static_cast<std::int64_t>(number));
  }
  template <typename T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  JsonWriter& value(const std::vector<std::string>& texts);

  template <typename T>
  JsonWriter& member(std::string_view name, const T& v) {
    key(name);
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      return value(std::string_view(v));
    } else {
      return value(v);
    }
  }
  // Leaves the member out where the value is absent.
  template <typename T>
  JsonWriter& member_if(std::string_view name, const std::optional<T>& maybe) {
    return maybe ? member(name, *maybe) : *this;
  }

 private:
  JsonWriter& integer(std::int64_t number);
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();  // a comma, where a value or key follows another
  void append_escaped(std::string_view text);

  std::string& out_;
  bool follows_ = false;
};

}  // namespace parley::protocol
