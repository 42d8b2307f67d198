#include "server/bundles/find.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "engine/weights/bundle.hpp"

namespace parley::bundles {
namespace {

namespace fs = std::filesystem;

std::uintmax_t bytes_under(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

Found look_at(const fs::path& folder) {
  Found found{folder, "", "", 0, ""};
  try {
    const weights::Bundle bundle = weights::Bundle::open(folder);
    found.id = bundle.id();
    found.type = bundle.type();
    found.bytes = bytes_under(folder);
  } catch (const std::exception& error) {  // told in the list: one broken bundle does not hide the others
    found.error = error.what();
  }
  return found;
}

// The nearest folder above the program that has what set-up makes: it lies in build/PRESET of its checkout.
fs::path checkout_of(fs::path program) {
  std::error_code unknown;
  if (program.empty()) program = fs::read_symlink("/proc/self/exe", unknown);
  constexpr int levels = 3;
  for (int level = 0; level < levels && program.has_relative_path(); ++level) {
    program = program.parent_path();
    if (fs::is_directory(program / ".deps", unknown)) return program;
  }
  return {};
}

}  // namespace

std::vector<fs::path> usual_places(const fs::path& program) {
  std::vector<fs::path> places{"models", ".deps"};
  const fs::path checkout = checkout_of(program);
  std::error_code unknown;
  if (!checkout.empty() && !fs::equivalent(checkout, fs::current_path(unknown), unknown))
    places = {checkout / "models", checkout / ".deps", "models", ".deps"};
  const char* cache = std::getenv("PARLEY_CACHE");
  const char* home = std::getenv("HOME");
  if (cache != nullptr && *cache != '\0')
    places.emplace_back(cache);
  else if (home != nullptr && *home != '\0')
    places.push_back(fs::path(home) / ".cache" / "parley");
  return places;
}

std::vector<Found> find(std::span<const fs::path> places) {
  std::vector<Found> all;
  std::set<fs::path> seen;
  const auto take = [&](const fs::path& folder) {
    std::error_code ignored;  // of a folder that may not be looked into: it holds no bundle for us
    if (!fs::exists(folder / "bundle.json", ignored)) return false;
    if (seen.insert(fs::canonical(folder)).second) all.push_back(look_at(folder));
    return true;
  };
  for (const fs::path& place : places) {
    std::error_code missing;
    if (!fs::is_directory(place, missing) || take(place)) continue;
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(place, fs::directory_options::skip_permission_denied))
      if (entry.is_directory()) folders.push_back(entry.path());
    std::ranges::sort(folders);
    std::ranges::for_each(folders, take);
  }
  return all;
}

}  // namespace parley::bundles
