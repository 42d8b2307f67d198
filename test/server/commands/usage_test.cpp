#include "test/server/commands/fixture.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using test::run_parley;

TEST_CASE("every command explains itself and its exit statuses", "[server][commands]") {
  for (const std::string command : {"", "serve", "converse", "load", "models", "inspect"}) {
    std::vector<std::string> words{"--help"};
    if (!command.empty()) words.insert(words.begin(), command);
    const auto outcome = run_parley(words);
    INFO(command << outcome.err);
    CHECK(outcome.status == 0);
    CHECK_THAT(outcome.out, ContainsSubstring("Exit status:") && ContainsSubstring("--version"));
    words.back() = "--version";
    CHECK(run_parley(words).status == 0);
    CHECK(run_parley(words).out.starts_with("parley 0."));
  }
}

TEST_CASE("wrong usage is one line that says where to look, and status 2", "[server][commands]") {
  struct Case {
    std::vector<std::string> words;
    std::string part;
  };
  for (const auto& [words, part] : std::vector<Case>{
           {{}, "a command is expected"},
           {{"sing"}, "sing"},
           {{"converse"}, "IN.wav"},
           {{"converse", "a.wav", "--runs", "0"}, "--runs"},
           {{"converse", "a.wav", "--device", "cuda:x"}, "expected cpu, cuda or cuda:N, got \"cuda:x\""},
           {{"converse", "a.wav", "--set", "sampling.top_q=1"}, "sampling.top_q"},
           {{"converse", "a.wav", "--set", "sampling.top_p=2"}, "0 to 1"},
           {{"converse", "a.wav", "--louder"}, "--louder"},
           {{"serve", "--set", "listn=1"}, "listn"},
           {{"serve", "--set", "threads=many"}, "a whole number from 1 to 64"},
           {{"serve", "--config", "/nowhere/settings.json"}, "/nowhere/settings.json"},
           {{"serve", "--listen", "0.0.0.0:0"}, "auth.open=true"},
           {{"serve", "--listen", "localhost:http"}, "HOST:PORT"},
           {{"load", "http://127.0.0.1:1"}, "--wav"},
           {{"load", "127.0.0.1:1", "--wav", "a.wav"}, "expected ws://HOST:PORT"},
           {{"load", "http://127.0.0.1:1", "--wav", "a.wav", "--barge-in", "2"}, "--barge-in"},
           {{"inspect"}, "bundle"},
           {{"models", "--jsn"}, "--jsn"}}) {
    const auto outcome = run_parley(words);
    INFO(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, ContainsSubstring(part) && ContainsSubstring("--help'\n"));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
}

TEST_CASE("what goes wrong while running is one line and status 1", "[server][commands]") {
  const auto outcome = run_parley({"converse", "/nowhere/question.wav"});
  CHECK(outcome.status == 1);
  CHECK(outcome.err == "parley converse: /nowhere/question.wav: there is no such file\n");
}

TEST_CASE("every setting is explained with its value: the default, the file's, the flag's",
          "[server][commands]") {
  const test::TemporaryFolder folder;
  const std::string file =
      folder.write("settings.json", R"({"threads":3,"limits":{"idle_ms":1234}})").string();
  const auto outcome =
      run_parley({"serve", "--config", file, "--set", "threads=2", "--listen", "[::1]:0", "--explain"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("listen=\"[::1]:0\"\n"));
  CHECK_THAT(outcome.out,
             ContainsSubstring("threads=2\n    for sockets and codecs; a whole number from 1 to 64\n"));
  CHECK_THAT(outcome.out, ContainsSubstring("limits.idle_ms=1234\n"));
  CHECK_THAT(outcome.out, ContainsSubstring("model.bundle=\"starter\"\n"));
}

TEST_CASE("serving without a bundle says where it was looked for and what to do", "[server][commands]") {
  const auto outcome = run_parley({"serve", "--listen", "127.0.0.1:0", "--model", "no-such-bundle"});
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, ContainsSubstring("no bundle is called 'no-such-bundle'") &&
                              ContainsSubstring("./scripts/setup"));
}
