// `session.update`: what a client wants changed, and how it is applied (protocol.md 3.1).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/realtime/error.hpp"
#include "protocol/realtime/session.hpp"

namespace parley::protocol {

// A value that the client may leave alone (empty), switch off (null) or set.
template <typename T>
using Nullable = std::optional<std::optional<T>>;

// The fields an update names; an empty one stays as it is. What depends on nothing but the field itself was
// checked when it was decoded; `model`, `prompt`, `parallel_tool_calls` and `reasoning` are accepted and left
// out.
struct SessionChanges {
  std::optional<SessionType> type = {};
  std::optional<Modality> output_modality = {};
  std::optional<std::string> instructions = {};
  std::optional<std::vector<Tool>> tools = {};
  std::optional<ToolChoice> tool_choice = {};
  std::optional<TokenLimit> max_output_tokens = {};
  std::optional<RawJson> tracing = {};
  std::optional<Truncation> truncation = {};
  Nullable<std::vector<std::string>> include = {};

  std::optional<AudioFormat> input_format = {};
  Nullable<Transcription> transcription = {};
  Nullable<NoiseReduction> noise_reduction = {};
  Nullable<TurnDetection> turn_detection = {};

  std::optional<AudioFormat> output_format = {};
  std::optional<std::string> voice = {};
  std::optional<double> speed = {};

  std::optional<native::ParametersUpdate> native = {};
};

// What a session is doing, as far as it decides what may change.
struct SessionState {
  bool response_active = false;
  bool assistant_has_spoken = false;  // the conversation holds assistant audio
  bool input_buffer_empty = true;
  std::function<std::string(std::string_view)> local_voice =
      {};  // a client's voice name to ours; empty: as it is
};

// The session after the update, or the first error, then nothing has changed. Errors name the field by its
// path
// ("session.audio.output.voice").
Result<Session> updated(const Session& current, const SessionChanges& changes, const SessionState& state);

// A named function must be among `tools`. `param` is the path of the choice, without its `.name`.
Result<void> check_tool_choice(const ToolChoice& choice, const std::vector<Tool>& tools,
                               std::string_view param);

}  // namespace parley::protocol
