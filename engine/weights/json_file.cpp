#include "engine/weights/json_file.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/weights/mapped_file.hpp"

namespace parley::weights {

nlohmann::json read_json_file(const std::filesystem::path& path) {
  const auto mapped = MappedFile::open(path);
  const auto* first = reinterpret_cast<const char*>(mapped->bytes().data());
  auto parsed =
      nlohmann::json::parse(first, first + mapped->bytes().size(), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded())
    throw std::runtime_error(path.string() + " is broken: it is not JSON; fetch or convert it again");
  return parsed;
}

}  // namespace parley::weights
