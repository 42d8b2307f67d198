// The browser page: its files, part of the program.
//
//   GET /          index.html          GET /app.js, /style.css, ...          each by its name
//
// What there is to serve is what lies in this folder when the program is built (server/web/CMakeLists.txt).
#pragma once

#include <string_view>

namespace parley::web {

struct WebFile {
  std::string_view content_type;  // "text/javascript; charset=utf-8"
  std::string_view bytes;
  std::string_view etag;  // with its quotes, as the header carries it; changes with the bytes
};

// The file that `path` ("/app.js", no query) names; null if there is none. Lives as long as the program.
const WebFile* find(std::string_view path);

}  // namespace parley::web
