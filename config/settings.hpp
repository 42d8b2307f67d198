// Settings by dotted keys: which there are, where their values go, what is allowed, what they mean.
//
//   ServerSettings server;                       // a plain struct, defaults beside its fields
//   config::Settings settings;
//   settings.add("listen", server.listen, "HOST:PORT to listen on; port 0 takes a free one");
//   settings.add("threads", server.threads, {1, 64}, "threads for sockets and codecs");
//   settings.add("limits.idle_ms", server.limits.idle, {100, 3'600'000}, "without a sign of life from the
//   client"); settings.load(file);                         // {"threads": 2, "limits": {"idle_ms": 60000}}
//   settings.set("threads=4");                   // later values win
//
// A key that nobody added and a value that does not fit are errors (std::runtime_error) whose sentence names
// the key, what was expected and what came. The fields must outlive the Settings. Used at start, on one
// thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace parley::config {

struct Range {
  double least;
  double most;
};

class Settings {
 public:
  // One setting as shown to whoever configures the program.
  struct Description {
    std::string key;
    std::string expected;  // "true or false", "a whole number from 1 to 64", "one of \"a\", \"b\""
    std::string meaning;
    nlohmann::json value;  // as it is now: before anything is loaded, the default
  };

  void add(std::string key, bool& field, std::string meaning);
  void add(std::string key, std::string& field, std::string meaning);
  void add(std::string key, std::string& field, std::vector<std::string> choices, std::string meaning);
  void add(std::string key, std::vector<std::string>& field, std::string meaning);
  void add(std::string key, std::map<std::string, std::string>& field, std::string meaning);
  void add(std::string key, std::filesystem::path& field, std::string meaning);

  // Whole numbers, fractions and durations; a duration's key ends in _ms or _s, which is its unit in the
  // file.
  template <typename Number>
    requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>)
  void add(std::string key, Number& field, Range range, std::string meaning) {
    add_number(
        std::move(key), std::is_integral_v<Number>, range,
        [&field](double value) { field = static_cast<Number>(value); },
        [&field] { return nlohmann::json(field); }, std::move(meaning));
  }
  template <typename Rep, typename Period>
  void add(std::string key, std::chrono::duration<Rep, Period>& field, Range range, std::string meaning) {
    add_number(
        std::move(key), true, range,
        [&field](double value) { field = std::chrono::duration<Rep, Period>(static_cast<Rep>(value)); },
        [&field] { return nlohmann::json(field.count()); }, std::move(meaning));
  }

  // An object whose members are settings, by section and name. `source` names it in errors.
  void load(const nlohmann::json& object, std::string_view source);
  void load(const std::filesystem::path& file);
  // "key=value", the value as JSON if it is that, otherwise as a string.
  void set(std::string_view assignment);

  std::vector<Description> describe() const;  // in the order of adding
  nlohmann::json values() const;              // all of them as load() reads them

 private:
  struct Entry {
    std::string expected;
    std::string meaning;
    std::function<bool(const nlohmann::json&)> assign;  // false: not what was expected
    std::function<nlohmann::json()> value;
  };

  void add_entry(std::string key, Entry entry);
  void add_number(std::string key, bool whole, Range range, std::function<void(double)> assign,
                  std::function<nlohmann::json()> value, std::string meaning);
  void load_members(const nlohmann::json& object, const std::string& prefix, std::string_view source);
  void assign(const std::string& key, const nlohmann::json& value, std::string_view source);
  bool is_section(const std::string& key) const;
  std::string closest(const std::string& key) const;

  std::map<std::string, Entry> entries_;
  std::vector<std::string> order_;
};

}  // namespace parley::config
