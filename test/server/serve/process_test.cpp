// The server as a process: what it prints, what signals do to it, what it leaves its parent.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "test/support/catch.hpp"
#include "test/support/socket_client.hpp"

using namespace parley;
using namespace parley::test;
using Json = nlohmann::json;

namespace {

class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    std::array<int, 2> out{};
    REQUIRE(::pipe(out.data()) == 0);
    arguments.insert(arguments.begin(), PARLEY_SCRIPTED_SERVER);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    id_ = ::fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    out_ = out[0];
  }
  ~Process() {
    ::close(out_);
    if (id_ == 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The line that says where it listens; "" if it ends without one.
  std::string line() const {
    std::string line;
    for (char c = 0; ::read(out_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  void signal(int number) const { ::kill(id_, number); }
  int wait() {
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t id_ = 0;
  int out_ = -1;
};

unsigned short port_in(const std::string& line) {
  return static_cast<unsigned short>(std::stoi(line.substr(line.rfind(':') + 1)));
}

const Json ask{
    {"type", "response.create"},
    {"response",
     {{"input", Json::array({{{"type", "message"},
                              {"role", "user"},
                              {"content", Json::array({{{"type", "input_text"}, {"text", "hi"}}})}}})}}}};

}  // namespace

TEST_CASE("serve says where it listens, finishes an answer on SIGTERM, and exits with 0", "[serve]") {
  Process process({"--listen", "127.0.0.1:0", "--decode-ms", "5"});
  const std::string line = process.line();
  REQUIRE(line.starts_with("listening on http://127.0.0.1:"));
  SocketClient client(port_in(line));
  client.say(ask);
  client.expect("response.output_audio.delta");
  process.signal(SIGTERM);
  CHECK(client.expect("response.done")["response"]["status"] == "completed");
  CHECK(client.expect_close() == 1012);
  CHECK(process.wait() == 0);
}

TEST_CASE("a second signal ends it at once", "[serve]") {
  Process process({"--decode-ms", "50"});
  SocketClient client(port_in(process.line()));
  client.say(ask);
  client.expect("response.output_audio.delta");
  process.signal(SIGINT);
  process.signal(SIGTERM);  // another number, so that the two are not taken as one
  CHECK(process.wait() == 0);
  client.expect_close();
  CHECK(client.all("response.done").empty());
}

TEST_CASE("what keeps it from starting is its exit status", "[serve]") {
  Process process({"--listen", "0.0.0.0:0"});
  CHECK(process.line().empty());
  CHECK(process.wait() == 1);
}
