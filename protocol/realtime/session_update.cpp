#include "protocol/realtime/session_update.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace parley::protocol {
namespace {

// Rates of PCM16 in JSON messages. GA clients refuse a session with any other than 24 kHz; a native-mode
// client is ours to talk to.
constexpr std::array ga_rates = {24000};
constexpr std::array native_rates = {8000, 12000, 16000, 24000, 48000};

Result<void> check_format(const AudioFormat& format, bool native_mode, std::string path) {
  if (format.encoding != AudioFormat::Encoding::pcm) return {};
  const auto rates = native_mode ? std::span<const int>(native_rates) : std::span<const int>(ga_rates);
  if (std::find(rates.begin(), rates.end(), format.rate) != rates.end()) return {};
  std::vector<std::string> texts;
  for (const int rate : rates) texts.push_back(std::to_string(rate));
  const std::vector<std::string_view> supported(texts.begin(), texts.end());
  return unsupported_value(path + ".rate", std::to_string(format.rate), supported);
}

template <typename T>
void take(T& current, const std::optional<T>& change) {
  if (change) current = *change;
}

// Applies the changes to a copy, one group after the other; the first error ends it.
class Update {
 public:
  Update(const Session& current, const SessionChanges& changes, const SessionState& state)
      : current_(current), changes_(changes), state_(state), next_(current) {}

  Result<Session> run() {
    take(next_.output_modality, changes_.output_modality);
    take(next_.instructions, changes_.instructions);
    take(next_.max_output_tokens, changes_.max_output_tokens);
    take(next_.tracing, changes_.tracing);
    take(next_.truncation, changes_.truncation);
    take(next_.include, changes_.include);
    take(next_.transcription, changes_.transcription);
    take(next_.noise_reduction, changes_.noise_reduction);
    take(next_.turn_detection, changes_.turn_detection);

    for (const auto step :
         {&Update::type, &Update::native, &Update::formats, &Update::voice, &Update::speed, &Update::tools})
      if (Result<void> done = (this->*step)(); !done) return done.error();
    return std::move(next_);
  }

 private:
  Result<void> type() {
    if (!changes_.type || *changes_.type == current_.type) return {};
    return invalid_value("session.type", "A session's type cannot be changed.");
  }

  Result<void> native() {
    if (!changes_.native) return {};
    const native::Quiet quiet{.input = state_.input_buffer_empty, .output = !state_.response_active};
    Result<native::Parameters> parameters =
        native::updated(current_.native.value_or(native::Parameters{}), *changes_.native, quiet);
    if (!parameters) return parameters.error();
    next_.native = *parameters;
    return {};
  }

  Result<void> formats() {
    take(next_.input_format, changes_.input_format);
    take(next_.output_format, changes_.output_format);
    const bool native_mode = next_.native.has_value();
    if (changes_.input_format) {
      if (auto ok = check_format(next_.input_format, native_mode, "session.audio.input.format"); !ok)
        return ok;
      if (!state_.input_buffer_empty && next_.input_format != current_.input_format)
        return invalid_value("session.audio.input.format",
                             "The input format cannot be changed while the input audio buffer holds audio.");
    }
    if (changes_.output_format) {
      if (auto ok = check_format(next_.output_format, native_mode, "session.audio.output.format"); !ok)
        return ok;
      if (state_.response_active && next_.output_format != current_.output_format)
        return invalid_value("session.audio.output.format",
                             "The output format cannot be changed while a response is active.");
    }
    return {};
  }

  Result<void> voice() {
    if (!changes_.voice) return {};
    next_.voice = state_.local_voice ? state_.local_voice(*changes_.voice) : *changes_.voice;
    if (state_.assistant_has_spoken && next_.voice != current_.voice) return cannot_update_voice();
    return {};
  }

  Result<void> speed() {
    take(next_.speed, changes_.speed);
    if (state_.response_active && next_.speed != current_.speed)
      return invalid_value("session.audio.output.speed", "The speed can be changed only between responses.");
    return {};
  }

  Result<void> tools() {
    take(next_.tools, changes_.tools);
    take(next_.tool_choice, changes_.tool_choice);
    if (changes_.tool_choice) return check_tool_choice(next_.tool_choice, next_.tools, "session.tool_choice");
    // New tools without the function that was chosen before: the choice has nothing left to name.
    if (!check_tool_choice(next_.tool_choice, next_.tools, "session.tool_choice")) next_.tool_choice = {};
    return {};
  }

  const Session& current_;
  const SessionChanges& changes_;
  const SessionState& state_;
  Session next_;
};

}  // namespace

Result<Session> updated(const Session& current, const SessionChanges& changes, const SessionState& state) {
  return Update(current, changes, state).run();
}

Result<void> check_tool_choice(const ToolChoice& choice, const std::vector<Tool>& tools,
                               std::string_view param) {
  if (choice.mode != ToolChoice::Mode::function) return {};
  const auto named = [&](const Tool& tool) { return tool.name == choice.name; };
  if (std::any_of(tools.begin(), tools.end(), named)) return {};
  return invalid_value(std::string(param) + ".name",
                       "No tool named '" + choice.name.substr(0, 64) + "' is defined.");
}

}  // namespace parley::protocol
