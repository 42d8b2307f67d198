// Tested by test/server/web/web_files_test.cpp.
#include "server/web/web_files.hpp"

#include <algorithm>

#include "server/web/embedded.hpp"

namespace parley::web {

const WebFile* find(std::string_view path) {
  if (path == "/") path = "/index.html";
  const auto found = std::ranges::find(embedded_files, path, &EmbeddedFile::path);
  return found == embedded_files.end() ? nullptr : &found->file;
}

}  // namespace parley::web
