// Where the files of the browser page come from.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

namespace parley::server {

struct PageFile {
  std::string_view content_type;
  std::string_view bytes;
  std::string_view etag;  // with its quotes
};

// The file at a path ("/" is the page itself). What it points to lives as long as the server.
using PageSource = std::function<std::optional<PageFile>(std::string_view path)>;

}  // namespace parley::server
