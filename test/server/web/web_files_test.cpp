#include "server/web/web_files.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "server/web/embedded.hpp"
#include "test/support/catch.hpp"

using namespace parley;

namespace {

const std::filesystem::path folder = std::filesystem::path(PARLEY_SOURCE_DIR) / "server" / "web";

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

// All of `text` between `before` and the next `after`, for each place where it stands.
std::set<std::string> all_between(std::string_view text, std::string_view before, char after) {
  std::set<std::string> found;
  for (auto at = text.find(before); at != text.npos; at = text.find(before, at + 1)) {
    const auto from = at + before.size();
    found.emplace(text.substr(from, text.find(after, from) - from));
  }
  return found;
}

}  // namespace

TEST_CASE("the page's root is its HTML", "[server][web]") {
  const web::WebFile* page = web::find("/");
  REQUIRE(page);
  CHECK(page == web::find("/index.html"));
  CHECK(page->content_type == "text/html; charset=utf-8");
  CHECK(page->bytes.substr(0, 15) == "<!doctype html>");
}

TEST_CASE("each embedded file has the bytes that lie in the source tree", "[server][web]") {
  REQUIRE_FALSE(web::embedded_files.empty());
  for (const web::EmbeddedFile& embedded : web::embedded_files) {
    CAPTURE(embedded.path);
    CHECK(embedded.file.bytes == contents(folder / embedded.path.substr(1)));
    CHECK(web::find(embedded.path) == &embedded.file);
  }
}

TEST_CASE("no two files share an entity tag, and each is a quoted one", "[server][web]") {
  std::set<std::string_view> etags;
  for (const web::EmbeddedFile& embedded : web::embedded_files) {
    const std::string_view etag = embedded.file.etag;
    CAPTURE(embedded.path, etag);
    CHECK(etag.size() == 18);
    CHECK((etag.front() == '"' && etag.back() == '"'));
    CHECK(etags.insert(etag).second);
  }
}

TEST_CASE("what the page loads is embedded with it", "[server][web]") {
  const std::string_view page = web::find("/")->bytes;
  for (const char* attribute : {"src=\"", "href=\""}) {
    for (const std::string& target : all_between(page, attribute, '"')) {
      if (target.starts_with('#')) continue;
      CAPTURE(target);
      CHECK(web::find(target));
    }
  }
  for (const web::EmbeddedFile& embedded : web::embedded_files) {
    if (embedded.file.content_type != "text/javascript; charset=utf-8") continue;
    for (const std::string& module : all_between(embedded.file.bytes, " from './", '\'')) {
      CAPTURE(embedded.path, module);
      CHECK(web::find("/" + module));
    }
  }
}

TEST_CASE("paths that name no file find nothing", "[server][web]") {
  for (const char* path : {"", "/nothing.js", "index.html", "/../web_files.cpp", "/web_files.cpp",
                           "/package.json", "//index.html", "/index.html/"}) {
    CAPTURE(path);
    CHECK(web::find(path) == nullptr);
  }
}
