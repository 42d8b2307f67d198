// parley generate: one answer to the conversation of a file.
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/audio_file/audio_file.hpp"
#include "engine/models/step_audio_2/generator.hpp"
#include "engine/models/step_audio_2/synthesizer.hpp"
#include "server/offline/json_files.hpp"
#include "server/offline/model_choice.hpp"
#include "server/offline/offline_commands.hpp"
#include "server/offline/stages_file.hpp"

namespace parley::commands {
namespace {

using namespace step_audio_2;
using nlohmann::json;

struct GenerateOptions {
  ModelChoice model;
  std::string input, mode, out, speech_out, voice, dump;
  bool greedy = false;
  std::optional<float> temperature, top_p, repetition_penalty;
  std::optional<int> top_k;
  std::uint64_t seed = 0;
  std::optional<int> max_new_tokens;
  std::vector<std::string> stop_strings;
};

constexpr int default_max_new_tokens = 2048;

// What the command line says goes over what the recipe advises for the mode, or for an answer of this kind.
engine::Sampling sampling_of(const GenerateOptions& options, const Recipe& recipe, bool spoken) {
  engine::Sampling sampling = spoken ? recipe.speech : recipe.text;
  if (!options.mode.empty()) sampling = recipe.mode(options.mode).sampling;
  if (options.temperature) sampling.temperature = *options.temperature;
  if (options.top_p) sampling.top_p = *options.top_p;
  if (options.top_k) sampling.top_k = *options.top_k;
  if (options.repetition_penalty) sampling.repetition_penalty = *options.repetition_penalty;
  if (options.greedy) {
    sampling = {};
    if (options.repetition_penalty) sampling.repetition_penalty = *options.repetition_penalty;
  }
  sampling.seed = options.seed;
  return sampling;
}

// The mode's instructions before what was said, and the answer opened behind it.
void put_into_mode(ConversationFile& conversation, const Recipe& recipe, const Mode& mode) {
  auto& messages = conversation.messages;
  if (!mode.instructions.empty())
    messages.insert(messages.begin(), {"system", mode.instructions, true, false});
  FileMessage answer{"assistant", {}, false, false};
  if (recipe.thinking)
    answer.content = recipe.thinking->begin;
  else if (mode.speech)
    answer.content = std::string("<tts_start>");
  messages.push_back(std::move(answer));
}

bool opens_speech(const ConversationFile& conversation) {
  const FileMessage& last = conversation.messages.back();
  const auto* text = std::get_if<std::string>(&last.content);
  return text != nullptr && text->ends_with("<tts_start>");
}

void write_stages(const Generated& generated, const Generator& generator, const std::string& folder) {
  StagesFile stages;
  const Core& core = generator.core();
  for (std::size_t i = 0; i < generated.pieces.size(); ++i) {
    const PieceStages& piece = generated.pieces[i];
    const std::string number = "." + std::to_string(i);
    const std::int64_t width = core.ear.width(), hidden = core.ear.hidden();
    stages.add("log_mel" + number, piece.log_mel, {core.ear.mels(), piece.frames});
    stages.add("encoder_out" + number, piece.encoder_out,
               {static_cast<std::int64_t>(piece.encoder_out.size()) / width, width});
    stages.add("adaptor_out" + number, piece.adaptor_out,
               {static_cast<std::int64_t>(piece.adaptor_out.size()) / hidden, hidden});
  }
  stages.add("first_logits", generated.first_logits,
             {static_cast<std::int64_t>(generated.first_logits.size())});
  stages.write(folder);
}

int generate_by(const GenerateOptions& options, Console&) {
  ConversationFile conversation = ConversationFile::read(options.input);
  const weights::Bundle bundle = open_step_audio_2(options.model);
  const auto device = open_device(options.model);
  Generator generator = Generator::load(bundle, {.device = options.model.device,
                                                 .threads = options.model.threads,
                                                 .precision = precision_of(options.model.dtype)});
  const Recipe& recipe = generator.core().recipe;
  if (!options.mode.empty()) put_into_mode(conversation, recipe, recipe.mode(options.mode));
  GenerateSettings settings;
  settings.sampling = sampling_of(options, recipe, opens_speech(conversation));
  std::optional<int> most = options.max_new_tokens;
  if (!most && !options.mode.empty()) most = recipe.mode(options.mode).max_tokens;
  settings.max_new_tokens = most.value_or(default_max_new_tokens);
  if (recipe.thinking && !options.mode.empty()) {
    const bool aloud = recipe.mode(options.mode).speech;
    settings.thinking =
        TwoPhases{recipe.thinking->end, aloud ? recipe.thinking->then_speech : recipe.thinking->then_text};
  }
  settings.stop_strings = options.stop_strings;
  settings.stages = !options.dump.empty();
  const Generated generated = generator.generate(conversation, settings);

  if (!options.dump.empty()) write_stages(generated, generator, options.dump);
  if (!options.speech_out.empty()) {
    const Voices voices =
        Voices::load(bundle, {.device = options.model.device, .threads = options.model.threads});
    SynthesizeSettings speech;
    speech.noise.seed = options.seed;
    audio_file::write_float_wav(options.speech_out,
                                synthesize(voices, generated.audio_tokens, options.voice, speech).pcm,
                                speech_rate_hz);
  }
  json result{{"prompt_ids", generated.prompt_ids},
              {"output_ids", generated.output_ids},
              {"text", generated.text},
              {"audio_tokens", generated.audio_tokens},
              {"stop_reason", generated.stop_reason},
              {"times",
               {{"encode_ms", generated.encode_ms},
                {"prefill_ms", generated.prefill_ms},
                {"decode_ms", generated.decode_ms}}}};
  if (!generated.thinking.empty()) result["thinking"] = generated.thinking;
  write_json(options.out, result);
  return ok;
}

}  // namespace

Command add_generate(CLI::App& app) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "Answer the conversation of a file");
  add_model_choice(*command, options->model, {"float32", "bfloat16", "float16", "int8"});
  command->add_option("--input", options->input, "The conversation; README, \"Files of conversations\"")
      ->required()
      ->type_name("FILE.json");
  command->add_option("--out", options->out, "Write the answer here, as JSON")
      ->required()
      ->type_name("FILE.json");
  command->add_option("--mode", options->mode,
                      "What the model is asked for, by the bundle's recipe: puts its instructions before the "
                      "conversation and opens the answer");
  auto* greedy = command->add_flag("--greedy", options->greedy, "Always the likeliest token");
  command
      ->add_option("--temperature", options->temperature,
                   "0: greedy; this and the next three: otherwise as the bundle's recipe says")
      ->check(CLI::Range(0.0, 100.0))
      ->excludes(greedy);
  command->add_option("--top-p", options->top_p, "The fewest tokens whose probabilities reach it")
      ->check(CLI::Range(1e-6, 1.0))
      ->excludes(greedy);
  command->add_option("--top-k", options->top_k, "The likeliest tokens; 0: all")
      ->check(CLI::Range(0, 1'000'000))
      ->excludes(greedy);
  command
      ->add_option("--repetition-penalty", options->repetition_penalty,
                   "Makes every token of the prompt and the answer less likely; 1: off")
      ->check(CLI::Range(0.01, 100.0));
  command->add_option("--seed", options->seed, "Of what is drawn")->capture_default_str();
  command->add_option("--max-new-tokens", options->max_new_tokens, "Longest answer  [the mode's, or 2048]")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--stop", options->stop_strings, "End the answer when its text says this")
      ->type_name("TEXT")
      ->expected(1, -1)
      ->allow_extra_args(false);
  command
      ->add_option("--speech-out", options->speech_out, "Write the spoken answer here: 24 kHz, float, mono")
      ->type_name("OUT.wav");
  command->add_option("--voice", options->voice, "For --speech-out: a voice of the bundle, or a recording");
  command->add_option("--dump", options->dump, "Write what was computed in between to DIR/stages.safetensors")
      ->type_name("DIR");
  return {command, [options](Console& console) { return generate_by(*options, console); }};
}

}  // namespace parley::commands
