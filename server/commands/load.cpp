// parley load: many callers who talk to a server in real time.
#include "client/load.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "client/load_report.hpp"
#include "engine/audio_file/audio_file.hpp"
#include "server/commands/commands.hpp"

namespace parley::commands {
namespace {

struct LoadOptions {
  std::string url;
  std::vector<std::string> recordings;
  client::LoadPlan plan;
  double stagger_s = 1, pause_s = 0.5, limit_s = 600;
  bool json = false;
};

client::Milliseconds of_seconds(double seconds) { return client::Milliseconds(seconds * 1000); }

std::shared_ptr<const client::Utterance> utterance(const std::string& file) {
  try {
    return std::make_shared<client::Utterance>(audio_file::read(file, client::recording_rate_hz));
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(file + ": " + error.what());
  }
}

// A line on the terminal that is written over until the report takes its place.
class LiveLine {
 public:
  explicit LiveLine(std::ostream& terminal) : terminal_(terminal) {}
  ~LiveLine() { terminal_ << clear << std::flush; }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  void show(const std::string& text) { terminal_ << clear << text << std::flush; }

 private:
  static constexpr const char* clear = "\r\x1b[K";
  std::ostream& terminal_;
};

client::LoadResult run_load(client::LoadPlan plan, Console& console) {
  client::Load load(std::move(plan));
  if (!console.live) return load.run();
  LiveLine line(console.err);
  return load.run([&](const client::LoadResult& so_far) { line.show(client::progress_line(so_far)); });
}

int load_by(LoadOptions& options, Console& console) {
  client::LoadPlan plan = options.plan;
  try {
    plan.access.url = client::parse_url(options.url);
  } catch (const std::invalid_argument& error) {
    throw WrongUsage(error.what());
  }
  for (const std::string& file : options.recordings) plan.utterances.push_back(utterance(file));
  plan.stagger = of_seconds(options.stagger_s);
  plan.pause = of_seconds(options.pause_s);
  plan.limit = of_seconds(options.limit_s);
  const client::LoadResult result = run_load(std::move(plan), console);
  if (options.json)
    console.out << to_json(result).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  else
    write(console.out, result);
  if (result.interrupted) return stopped;
  return result.all_served() ? ok : not_served;
}

}  // namespace

Command add_load(CLI::App& app) {
  auto options = std::make_shared<LoadOptions>();
  client::LoadPlan& plan = options->plan;
  CLI::App* command = app.add_subcommand(
      "load", "Talk to a server with many callers at once, in real time, and measure what they hear");
  command
      ->add_option("url", options->url,
                   "Of the server: http://HOST:PORT as 'parley serve' prints it, or ws://")
      ->required();
  command->add_option("--wav", options->recordings, "What the callers say, each in turn; one file or more")
      ->required()
      ->type_name("FILE...");
  command->add_option("--sessions", plan.sessions, "Callers")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_option("--turns", plan.turns, "Turns of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  command->add_option("--stagger", options->stagger_s, "Seconds between the starts of two callers")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
  command->add_option("--pause", options->pause_s, "Seconds between the end of an answer and the next turn")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
  command
      ->add_option("--barge-in", plan.interrupt_share, "Share of turns that interrupt the answer before them")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--timeout", options->limit_s,
                   "Seconds for the whole; callers not done by then have failed")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 864'000.0));
  command->add_option("--key", plan.access.key, "API key, sent as a Bearer token");
  command->add_option("--voice", plan.voice, "Voice to ask for; otherwise the server's default");
  command->add_flag("--json", options->json, "For machines: an object on one line");
  return {command, [options](Console& console) { return load_by(*options, console); }};
}

}  // namespace parley::commands
