#include "config/settings.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <fstream>
#include <numeric>
#include <stdexcept>

namespace parley::config {
namespace {

using nlohmann::json;

std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15)
    return std::to_string(static_cast<long long>(value));
  return json(value).dump();
}

// As it is shown in an error: short enough for one line of a terminal.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "\"" : ", \"") + word + "\"";
  return list;
}

// Levenshtein's distance: how many letters to insert, drop or change.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row.back();
}

bool all_strings(const json& values) {
  return std::all_of(values.begin(), values.end(), [](const json& value) { return value.is_string(); });
}

}  // namespace

void Settings::add(std::string key, bool& field, std::string meaning) {
  add_entry(std::move(key), {"true or false", std::move(meaning),
                             [&field](const json& value) {
                               if (!value.is_boolean()) return false;
                               field = value.get<bool>();
                               return true;
                             },
                             [&field] { return json(field); }});
}

void Settings::add(std::string key, std::string& field, std::string meaning) {
  add_entry(std::move(key), {"a string", std::move(meaning),
                             [&field](const json& value) {
                               if (!value.is_string()) return false;
                               field = value.get<std::string>();
                               return true;
                             },
                             [&field] { return json(field); }});
}

void Settings::add(std::string key, std::string& field, std::vector<std::string> choices,
                   std::string meaning) {
  std::string expected = "one of " + quoted_list(choices);
  add_entry(std::move(key),
            {std::move(expected), std::move(meaning),
             [&field, choices = std::move(choices)](const json& value) {
               if (!value.is_string() || std::find(choices.begin(), choices.end(), value) == choices.end())
                 return false;
               field = value.get<std::string>();
               return true;
             },
             [&field] { return json(field); }});
}

void Settings::add(std::string key, std::vector<std::string>& field, std::string meaning) {
  add_entry(std::move(key), {"a list of strings", std::move(meaning),
                             [&field](const json& value) {
                               if (!value.is_array() || !all_strings(value)) return false;
                               field = value.get<std::vector<std::string>>();
                               return true;
                             },
                             [&field] { return json(field); }});
}

void Settings::add(std::string key, std::map<std::string, std::string>& field, std::string meaning) {
  add_entry(std::move(key), {"an object of strings", std::move(meaning),
                             [&field](const json& value) {
                               if (!value.is_object() || !all_strings(value)) return false;
                               field = value.get<std::map<std::string, std::string>>();
                               return true;
                             },
                             [&field] { return json(field); }});
}

void Settings::add(std::string key, std::filesystem::path& field, std::string meaning) {
  add_entry(std::move(key), {"a path", std::move(meaning),
                             [&field](const json& value) {
                               if (!value.is_string()) return false;
                               field = value.get<std::string>();
                               return true;
                             },
                             [&field] { return json(field.string()); }});
}

void Settings::add_number(std::string key, bool whole, Range range, std::function<void(double)> assign,
                          std::function<json()> current, std::string meaning) {
  std::string expected = std::string(whole ? "a whole number" : "a number") + " from " +
                         number_text(range.least) + " to " + number_text(range.most);
  add_entry(std::move(key), {std::move(expected), std::move(meaning),
                             [whole, range, assign = std::move(assign)](const json& value) {
                               if (whole ? !value.is_number_integer() : !value.is_number()) return false;
                               auto number = value.get<double>();
                               if (!(number >= range.least && number <= range.most)) return false;
                               assign(number);
                               return true;
                             },
                             std::move(current)});
}

void Settings::add_entry(std::string key, Entry entry) {
  order_.push_back(key);
  [[maybe_unused]] bool added = entries_.emplace(std::move(key), std::move(entry)).second;
  assert(added && "two settings with one key");
}

void Settings::load(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error("cannot read the settings file " + file.string());
  json object;
  try {
    object = json::parse(stream, /*callback=*/nullptr, /*allow_exceptions=*/true, /*ignore_comments=*/true);
  } catch (const json::parse_error& error) {
    throw std::runtime_error(file.string() + " is not JSON, at byte " + std::to_string(error.byte));
  } catch (const json::out_of_range&) {
    throw std::runtime_error(file.string() + " holds a number that is larger than numbers can be");
  }
  load(object, file.string());
}

void Settings::load(const json& object, std::string_view source) {
  if (!object.is_object())
    throw std::runtime_error(std::string(source) + ": expected an object of settings, got " + shown(object));
  load_members(object, "", source);
}

void Settings::load_members(const json& object, const std::string& prefix, std::string_view source) {
  for (const auto& [name, value] : object.items()) {
    std::string key = prefix + name;
    if (value.is_object() && is_section(key))
      load_members(value, key + ".", source);
    else
      assign(key, value, source);
  }
}

void Settings::set(std::string_view assignment) {
  std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    throw std::runtime_error("expected key=value, got '" + std::string(assignment) + "'");
  std::string key(assignment.substr(0, equals));
  std::string_view text = assignment.substr(equals + 1);
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) value = std::string(text);
  // A string setting may look like a number: "--set auth.origin=null" or a key of digits.
  auto entry = entries_.find(key);
  if (entry != entries_.end() && !value.is_string() && entry->second.value().is_string())
    value = std::string(text);
  assign(key, value, "--set");
}

void Settings::assign(const std::string& key, const json& value, std::string_view source) {
  auto entry = entries_.find(key);
  if (entry == entries_.end()) {
    std::string hint = closest(key);
    throw std::runtime_error(std::string(source) + ": there is no setting '" + key + "'" +
                             (hint.empty() ? "" : "; is '" + hint + "' meant?"));
  }
  if (!entry->second.assign(value))
    throw std::runtime_error(std::string(source) + ": setting '" + key + "' expects " +
                             entry->second.expected + ", got " + shown(value));
}

bool Settings::is_section(const std::string& key) const {
  auto next = entries_.lower_bound(key + ".");
  return next != entries_.end() && next->first.starts_with(key + ".");
}

std::string Settings::closest(const std::string& key) const {
  if (key.size() > 64) return {};
  std::string best;
  std::size_t least = 4;  // letters that may differ in a slip of the pen, and one
  for (const auto& [name, entry] : entries_) {
    std::size_t distance = edit_distance(key, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

std::vector<Settings::Description> Settings::describe() const {
  std::vector<Description> descriptions;
  for (const std::string& key : order_) {
    const Entry& entry = entries_.at(key);
    descriptions.push_back({key, entry.expected, entry.meaning, entry.value()});
  }
  return descriptions;
}

json Settings::values() const {
  json object = json::object();
  for (const std::string& key : order_) {
    std::string pointer = "/" + key;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    object[json::json_pointer(pointer)] = entries_.at(key).value();
  }
  return object;
}

}  // namespace parley::config
