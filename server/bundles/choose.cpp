#include "server/bundles/choose.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "server/bundles/find.hpp"

namespace parley::bundles {
namespace {

namespace fs = std::filesystem;

fs::file_time_type made_at(const Found& bundle) {
  std::error_code gone;  // as old as can be, then
  return fs::last_write_time(bundle.folder / "bundle.json", gone);
}

std::string listed(std::span<const fs::path> places) {
  std::string list;
  for (const fs::path& place : places) list += (list.empty() ? "" : ", ") + place.string();
  return list;
}

}  // namespace

fs::path choose(const std::string& model, std::span<const fs::path> places) {
  std::error_code unreadable;
  if (fs::exists(fs::path(model) / "bundle.json", unreadable)) return model;
  if (model.find('/') != std::string::npos)
    throw std::runtime_error(model + " is not a bundle: it holds no bundle.json" +
                             (fs::exists(model, unreadable) ? "" : ", as there is no such folder"));
  for (const fs::path& place : places) {
    std::vector<Found> here = find(std::span(&place, 1));
    std::erase_if(here, [&](const Found& bundle) { return bundle.id != model; });
    if (!here.empty()) return std::ranges::max_element(here, {}, made_at)->folder;
  }
  throw std::runtime_error("no bundle is called '" + model + "' in " + listed(places) +
                           "; run ./scripts/setup for the starter, or name the folder of a bundle");
}

}  // namespace parley::bundles
