#include "engine/weights/bundle.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/weights/json_file.hpp"

namespace parley::weights {
namespace {

using nlohmann::json;

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what) {
  throw std::runtime_error(file.string() + ": " + what);
}

std::string text_of(const std::filesystem::path& file, const json& object, const std::string& key) {
  if (!object.contains(key)) fail(file, "the key \"" + key + "\" is missing");
  const json& value = object[key];
  if (!value.is_string() || value.get_ref<const std::string&>().empty())
    fail(file, "\"" + key + "\" should be a name, but is " + value.dump());
  return value.get<std::string>();
}

// A part lies inside its bundle, so that a bundle can be moved and cannot point elsewhere on the machine.
bool is_inside(const std::filesystem::path& relative) {
  return relative.is_relative() &&
         std::ranges::none_of(relative, [](const auto& step) { return step == ".."; });
}

}  // namespace

Bundle Bundle::open(const std::filesystem::path& folder) {
  const auto file = folder / "bundle.json";
  if (!std::filesystem::exists(file))
    throw std::runtime_error(folder.string() + " is not a bundle: it has no bundle.json");
  const json object = read_json_file(file);
  if (!object.is_object()) fail(file, "should be an object, but is " + std::string(object.type_name()));
  if (!object.contains("format") || object["format"] != bundle_format)
    fail(file, "\"format\" should be " + std::to_string(bundle_format) + ", but is " +
                   (object.contains("format") ? object["format"].dump() : "missing") +
                   "; convert the model again");

  Bundle bundle;
  bundle.folder_ = folder;
  bundle.type_ = text_of(file, object, "type");
  bundle.id_ = text_of(file, object, "id");
  for (const auto& [key, value] : object.items()) {
    if (key == "format" || key == "type" || key == "id") continue;
    const std::string part = text_of(file, object, key);
    if (!is_inside(part))
      fail(file, "\"" + key + "\" should be a folder inside the bundle, but is \"" + part + "\"");
    if (!std::filesystem::is_directory(folder / part))
      fail(file, "the folder of \"" + key + "\", " + (folder / part).string() + ", does not exist");
    bundle.parts_.emplace(key, folder / part);
  }
  return bundle;
}

const std::filesystem::path& Bundle::part(std::string_view name) const {
  const auto found = parts_.find(name);
  if (found == parts_.end())
    throw std::runtime_error((folder_ / "bundle.json").string() + ": a bundle of type \"" + type_ +
                             "\" needs the part \"" + std::string(name) + "\"");
  return found->second;
}

}  // namespace parley::weights
