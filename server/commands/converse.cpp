// parley converse: one spoken turn without a network.
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/audio_file/audio_file.hpp"
#include "engine/engine.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/model_options.hpp"
#include "server/converse/report.hpp"
#include "server/converse/settings.hpp"
#include "server/converse/spoken_turn.hpp"
#include "server/settings/register.hpp"

namespace parley::commands {
namespace {

struct ConverseOptions {
  std::string in, out, voice;
  SettingsChoice settings;
  int runs = 1;
  bool json = false;
};

void check_voice(const std::string& voice, const engine::ModelInfo& info) {
  if (voice.empty()) return;
  std::string names;
  for (const engine::Voice& known : info.voices) {
    if (known.name == voice) return;
    names += (names.empty() ? "" : ", ") + known.name;
  }
  throw WrongUsage("--voice: " + info.id + " has no voice '" + voice + "'; it has " + names);
}

int converse_by(ConverseOptions& options, const OpenModel& open_model, Console& console) {
  server::ServerSettings server;  // what it has in common with serving: its settings of the model
  converse::Settings turn;
  config::Settings settings;
  server::register_settings(settings, server);
  converse::add_to(settings, turn);
  apply(options.settings, settings, server.model);
  const std::vector<float> pcm = audio_file::read(options.in, converse::input_rate_hz);
  engine::Engine engine(open_model(open_bundle(server.model), server.model.options),
                        converse::engine_settings());
  check_voice(options.voice, engine.info());

  const converse::Request request{turn.instructions, options.voice, turn.max_output_tokens, turn.sampling};
  converse::speak(engine, pcm, request);  // warms up: pages of weights, buffers, prices of steps
  converse::Answer answer;
  for (int run = 0; run < options.runs; ++run) {
    answer = converse::speak(engine, pcm, request);
    if (options.json)
      console.out << to_json(answer).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                  << std::endl;
    else
      write(console.out, answer);
  }
  if (!options.out.empty()) audio_file::write_wav(options.out, answer.pcm, converse::output_rate_hz);
  return ok;
}

}  // namespace

Command add_converse(CLI::App& app, OpenModel open_model) {
  auto options = std::make_shared<ConverseOptions>();
  CLI::App* command =
      app.add_subcommand("converse", "Answer a recording without a network, and say how long each step took");
  command->add_option("IN.wav", options->in, "A WAV, FLAC or Ogg file of any rate and channel count")
      ->required()
      ->type_name("IN.wav");
  command->add_option("--out", options->out, "Write the answer here: 24 kHz, 16 bit, mono")
      ->type_name("OUT.wav");
  command->add_option("--voice", options->voice, "Speak with this voice of the bundle");
  command->add_option("--runs", options->runs, "How often; one more, first and unprinted, warms up")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_flag("--json", options->json, "For machines: one object a run, a line each");
  add_settings_options(*command, options->settings);
  return {command, [options, open_model = std::move(open_model)](Console& console) {
            return converse_by(*options, open_model, console);
          }};
}

}  // namespace parley::commands
