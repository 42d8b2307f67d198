#include "protocol/realtime/fields.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "protocol/realtime/json_writer.hpp"

namespace parley::protocol {
namespace {

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}

std::string number_text(double number) {
  std::string text;
  JsonWriter(text).value(number);
  return text;
}

Error out_of_range(std::string path, const std::string& value, const std::string& least,
                   const std::string& most) {
  std::string message =
      "Invalid value: " + value + ". Expected a value between " + least + " and " + most + ".";
  return invalid_value(std::move(path), std::move(message));
}

// A key that a client made up, as it appears in a path: long ones are cut, between characters.
std::string_view shortened(std::string_view key) {
  constexpr std::size_t longest = 64;
  if (key.size() <= longest) return key;
  std::size_t cut = longest;
  while (cut > 0 && (static_cast<unsigned char>(key[cut]) & 0xC0) == 0x80) --cut;
  return key.substr(0, cut);
}

}  // namespace

Fields::Fields(Decoding& decoding, const Json& value, std::string path)
    : decoding_(decoding), object_(&value), path_(std::move(path)) {
  if (value.is_object()) return;
  decoding_.fail(invalid_type(path_, "an object", kind_of(value)));
  object_ = &empty_object();
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const Json* Fields::member(std::string_view name) {
  known_.push_back(name);
  const auto found = object_->find(name);
  return found == object_->end() ? nullptr : &*found;
}

const Json* Fields::find(std::string_view name) {
  const Json* value = member(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const Json* Fields::nullable(std::string_view name) { return member(name); }

const Json* Fields::required(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) decoding_.fail(missing_required_parameter(path_of(name)));
  return value;
}

const Json* Fields::object(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  decoding_.fail(invalid_type(path_of(name), "an object", kind_of(*value)));
  return nullptr;
}

const Json* Fields::array(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_array()) return value;
  decoding_.fail(invalid_type(path_of(name), "an array", kind_of(*value)));
  return nullptr;
}

std::optional<std::string> Fields::text(std::string_view name) {
  return text(name, decoding_.limits.text_bytes);
}

std::optional<std::string> Fields::text(std::string_view name, std::size_t max_bytes) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  return text_of(decoding_, *value, path_of(name), max_bytes);
}

std::string Fields::required_text(std::string_view name) {
  const Json* value = required(name);
  if (value == nullptr) return {};
  return text_of(decoding_, *value, path_of(name), decoding_.limits.text_bytes);
}

std::optional<bool> Fields::boolean(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  decoding_.fail(invalid_type(path_of(name), "a boolean", kind_of(*value)));
  return std::nullopt;
}

std::optional<int> Fields::integer(std::string_view name, Range range) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  // A whole number that a client wrote as 500.0 is meant as one.
  const bool whole = value->is_number() && std::trunc(value->get<double>()) == value->get<double>();
  if (!whole) {
    decoding_.fail(invalid_type(path_of(name), "an integer", kind_of(*value)));
    return std::nullopt;
  }
  const auto number =
      value->get<double>();  // compared as double: anything beyond 2^53 is far out of every range
  if (number < static_cast<double>(range.least) || number > static_cast<double>(range.most)) {
    decoding_.fail(
        out_of_range(path_of(name), value->dump(), std::to_string(range.least), std::to_string(range.most)));
    return std::nullopt;
  }
  return static_cast<int>(number);
}

int Fields::required_integer(std::string_view name, Range range) {
  const std::optional<int> value = integer(name, range);
  if (!value) decoding_.fail(missing_required_parameter(path_of(name)));
  return value.value_or(0);
}

std::optional<double> Fields::number(std::string_view name, double least, double most) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    decoding_.fail(invalid_type(path_of(name), "a number", kind_of(*value)));
    return std::nullopt;
  }
  const auto number = value->get<double>();
  if (number >= least && number <= most) return number;
  decoding_.fail(out_of_range(path_of(name), value->dump(), number_text(least), number_text(most)));
  return std::nullopt;
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name) {
  const Json* value = array(name);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> all;
  for (std::size_t i = 0; i < value->size(); ++i)
    all.push_back(text_of(decoding_, (*value)[i], element(path_of(name), i), decoding_.limits.text_bytes));
  return all;
}

void Fields::finish() {
  for (const auto& [name, value] : object_->items())
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      return decoding_.fail(unknown_parameter(path_of(shortened(name))));
}

std::string element(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

std::string text_of(Decoding& decoding, const Json& value, const std::string& path, std::size_t max_bytes) {
  if (!value.is_string()) {
    decoding.fail(invalid_type(path, "a string", kind_of(value)));
    return {};
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() <= max_bytes) return text;
  decoding.fail(too_long(path, max_bytes, text.size()));
  return {};
}

Error too_long(std::string path, std::size_t max_bytes, std::size_t bytes) {
  std::string message = "Invalid '" + path + "': too long. Expected at most " + std::to_string(max_bytes) +
                        " bytes, but got " + std::to_string(bytes) + " instead.";
  return invalid_value(std::move(path), std::move(message));
}

}  // namespace parley::protocol
