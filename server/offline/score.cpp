// parley score: how likely the model finds the marked parts of a conversation.
#include <memory>

#include "engine/models/step_audio_2/generator.hpp"
#include "engine/models/step_audio_2/speaker/speaker_encoder.hpp"
#include "server/offline/json_files.hpp"
#include "server/offline/model_choice.hpp"
#include "server/offline/offline_commands.hpp"

namespace parley::commands {
namespace {

using namespace step_audio_2;
using nlohmann::json;

struct ScoreOptions {
  ModelChoice model;
  std::string input, out;
};

int score_by(const ScoreOptions& options, Console&) {
  const ConversationFile conversation = ConversationFile::read(options.input);
  const weights::Bundle bundle = open_step_audio_2(options.model);
  const auto device = open_device(options.model);
  Generator generator = Generator::load(bundle, {.device = options.model.device,
                                                 .threads = options.model.threads,
                                                 .precision = precision_of(options.model.dtype)});
  std::optional<SpeakerEncoder> encoder;  // only where there is a recording
  const Scored scored = generator.score(conversation, [&](std::span<const float> pcm) {
    if (!encoder)
      encoder = SpeakerEncoder::load(bundle.part("speaker"),
                                     {.threads = options.model.threads, .device = options.model.device});
    return encoder->tokens_of(pcm);
  });

  json positions = json::array(), ids = json::array(), log_probs = json::array();
  for (const ScoredToken& token : scored.tokens) {
    positions.push_back(token.position);
    ids.push_back(token.id);
    log_probs.push_back(token.log_probability);
  }
  json result{{"prompt_ids", scored.prompt_ids},
              {"positions", std::move(positions)},
              {"token_ids", std::move(ids)},
              {"log_probs", std::move(log_probs)},
              {"mean", scored.mean}};
  if (scored.audio_mean) result["audio_mean"] = *scored.audio_mean;
  write_json(options.out, result);
  return ok;
}

}  // namespace

Command add_score(CLI::App& app) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App* command = app.add_subcommand(
      "score", "Log-probabilities of the parts of a conversation that are marked \"score\": true");
  add_model_choice(*command, options->model, {"float32", "bfloat16", "float16", "int8"});
  command
      ->add_option(
          "--input", options->input,
          "The conversation, its recordings read as audio tokens; README, \"Files of conversations\"")
      ->required()
      ->type_name("FILE.json");
  command->add_option("--out", options->out, "Write the scores here, as JSON")
      ->required()
      ->type_name("FILE.json");
  return {command, [options](Console& console) { return score_by(*options, console); }};
}

}  // namespace parley::commands
