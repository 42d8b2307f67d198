#include "protocol/realtime/json_reader.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::protocol {
namespace {

// Members of one object. Looking a key up walks over the others, so this bounds the work a message can cause;
// no object of the protocol comes near it.
constexpr std::size_t max_members = 512;

// nlohmann's SAX interface: answers false to stop.
class TreeBuilder {
 public:
  explicit TreeBuilder(const DecodeLimits& limits) : limits_(limits) {}

  bool null() { return add(Json(nullptr)); }
  bool boolean(bool value) { return add(Json(value)); }
  bool number_integer(Json::number_integer_t value) { return add(Json(value)); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(Json(value)); }
  bool number_float(Json::number_float_t value, const Json::string_t&) { return add(Json(value)); }
  bool string(Json::string_t& value) { return add(Json(std::move(value))); }
  bool binary(Json::binary_t&) { return false; }  // not in text

  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(Json::string_t& name) {
    if (open_.back()->size() >= max_members)
      return refuse("an object with more than " + std::to_string(max_members) + " members");
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) {
    error_ = invalid_json();
    return false;
  }

  // The value or error is named: Json converts to and from nearly everything, so Result could not tell which
  // is meant.
  Result<Json> take() {
    if (!error_) return {boost::system::in_place_value, std::move(root_)};
    const auto id = root_.is_object() ? root_.find("event_id") : root_.end();
    if (id != root_.end() && id->is_string()) error_->event_id = id->get<std::string>();
    return {boost::system::in_place_error, *std::move(error_)};
  }

 private:
  bool refuse(const std::string& what) {
    error_ = Error{ErrorCode::invalid_value, "Invalid event: " + what + "."};
    return false;
  }

  bool add(Json value) { return place(std::move(value)) != nullptr; }

  bool open(Json container) {
    if (open_.size() >= static_cast<std::size_t>(limits_.depth))
      return refuse("nested deeper than " + std::to_string(limits_.depth) + " levels");
    Json* placed = place(std::move(container));
    if (placed != nullptr) open_.push_back(placed);
    return placed != nullptr;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  // Containers are filled from the end only, so pointers to the open ones stay valid.
  Json* place(Json value) {
    if (++values_ > limits_.values) {
      refuse("more than " + std::to_string(limits_.values) + " values");
      return nullptr;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& container = *open_.back();
    if (container.is_array()) {
      container.push_back(std::move(value));
      return &container.back();
    }
    return &(container[key_] = std::move(value));
  }

  const DecodeLimits& limits_;
  Json root_;
  std::vector<Json*> open_;  // from the root to the container being filled
  std::string key_;
  int values_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<Json> read_json(std::string_view text, const DecodeLimits& limits) {
  TreeBuilder builder(limits);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string_view kind_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "an integer";
    case Json::value_t::number_float:
      return "a decimal number";
    default:
      return "a value of another kind";
  }
}

}  // namespace parley::protocol
