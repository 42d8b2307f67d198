// parley synthesize: audio tokens to a recording.
#include <map>
#include <memory>

#include "engine/audio_file/audio_file.hpp"
#include "engine/models/step_audio_2/synthesizer.hpp"
#include "engine/weights/transposed.hpp"
#include "server/offline/json_files.hpp"
#include "server/offline/model_choice.hpp"
#include "server/offline/offline_commands.hpp"
#include "server/offline/stages_file.hpp"

namespace parley::commands {
namespace {

using namespace step_audio_2;

struct SynthesizeOptions {
  ModelChoice model;
  std::string tokens, voice, noise, out, dump;
  bool streaming = false, offline = false;
  Trim trim = Trim::bounded;
  Lookahead lookahead = Lookahead::silence;
};

void write_dump(const Synthesized& speech, int bins, const std::string& folder) {
  StagesFile stages;
  const auto frames = static_cast<std::int64_t>(speech.mel.size()) / bins;
  const SpeakerPrompt& prompt = speech.prompt;
  stages.add("prompt_tokens", std::vector<std::int32_t>(prompt.tokens.begin(), prompt.tokens.end()),
             {static_cast<std::int64_t>(prompt.tokens.size())});
  stages.add("speaker_embedding", prompt.embedding, {static_cast<std::int64_t>(prompt.embedding.size())});
  stages.add("prompt_mel", prompt.mel, {static_cast<std::int64_t>(prompt.mel.size()) / bins, bins});
  stages.add("mel", weights::transposed(speech.mel, static_cast<std::size_t>(frames)), {bins, frames});
  stages.write(folder);
}

int synthesize_by(const SynthesizeOptions& options, Console&) {
  if (options.streaming == options.offline)
    throw WrongUsage("one of --streaming and --offline is needed, to say how the tokens are rendered");
  const std::vector<int> tokens = read_tokens(options.tokens);
  SynthesizeSettings settings;
  settings.streaming = options.streaming;
  settings.trim = options.trim;
  settings.lookahead = options.lookahead;
  if (!options.noise.empty()) settings.noise = read_noise(options.noise);
  const weights::Bundle bundle = open_step_audio_2(options.model);
  const auto device = open_device(options.model);
  const Voices voices =
      Voices::load(bundle, {.device = options.model.device,
                            .threads = options.model.threads,
                            .dit_dtype = options.model.dtype.empty() ? "float32" : options.model.dtype});
  const Synthesized speech = synthesize(voices, tokens, options.voice, settings);
  audio_file::write_float_wav(options.out, speech.pcm, speech_rate_hz);
  if (!options.dump.empty()) write_dump(speech, voices.token2wav().mel_bins(), options.dump);
  return ok;
}

}  // namespace

Command add_synthesize(CLI::App& app) {
  auto options = std::make_shared<SynthesizeOptions>();
  CLI::App* command = app.add_subcommand("synthesize", "Speak audio tokens in a voice");
  add_model_choice(*command, options->model, {"float32", "bfloat16"});
  command->add_option("--tokens", options->tokens, "A JSON list of audio tokens")
      ->required()
      ->type_name("FILE.json");
  command->add_option("--voice", options->voice, "A voice of the bundle, or a recording of one")
      ->required()
      ->type_name("NAME|FILE.wav");
  command->add_option("--out", options->out, "Write the speech here: 24 kHz, float, mono")
      ->required()
      ->type_name("OUT.wav");
  auto* streaming = command->add_flag("--streaming", options->streaming, "In chunks, as a server does");
  command->add_flag("--offline", options->offline, "All at once")->excludes(streaming);
  const std::map<std::string, Trim> trims{
      {"reference-py", Trim::reference_py}, {"reference-up", Trim::reference_up}, {"bounded", Trim::bounded}};
  command
      ->add_option(
          "--conformer-trim", options->trim,
          "What a stream keeps of its past: ours, or one of the reference's two ways, which also make "
          "its chunks 25 + 3 tokens  [bounded]")
      ->transform(CLI::CheckedTransformer(trims));
  const std::map<std::string, Lookahead> lookaheads{{"reference-py", Lookahead::silence},
                                                    {"reference-up", Lookahead::prompt}};
  command
      ->add_option(
          "--lookahead-mode", options->lookahead,
          "What stands behind the voice's recording while it is read: silence, or its own beginning  "
          "[reference-py]")
      ->transform(CLI::CheckedTransformer(lookaheads));
  command
      ->add_option("--noise", options->noise,
                   "Numbers in place of those that are drawn: cfm_noise, source_noise.0, ...")
      ->type_name("FILE.safetensors");
  command->add_option("--dump", options->dump, "Write what was computed in between to DIR/stages.safetensors")
      ->type_name("DIR");
  return {command, [options](Console& console) { return synthesize_by(*options, console); }};
}

}  // namespace parley::commands
