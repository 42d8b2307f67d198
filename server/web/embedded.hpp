// What cmake/embed_web_files.cmake generates from the files of this folder.
#pragma once

#include <span>
#include <string_view>

#include "server/web/web_files.hpp"

namespace parley::web {

struct EmbeddedFile {
  std::string_view path;
  WebFile file;
};

extern const std::span<const EmbeddedFile> embedded_files;

}  // namespace parley::web
