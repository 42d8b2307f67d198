#include "server/converse/report.hpp"

#include <cmath>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace parley::converse {
namespace {

long whole(double value) { return std::lround(value); }

void write_time(std::ostream& out, const char* name, const std::optional<double>& ms) {
  if (ms) out << "  " << name << ' ' << whole(*ms) << " ms";
}

}  // namespace

nlohmann::ordered_json to_json(const Answer& answer) {
  return {{"heard", answer.heard},
          {"said", answer.said},
          {"asr_ms", whole(answer.asr_ms.value_or(0))},
          {"first_token_ms", whole(answer.first_token_ms.value_or(0))},
          {"first_audio_ms", whole(answer.first_audio_ms.value_or(0))},
          {"total_ms", whole(answer.total_ms)},
          {"audio_s", std::round(answer.audio_s() * 100) / 100},
          {"tokens", answer.usage.output_text_tokens}};
}

void write(std::ostream& out, const Answer& answer) {
  std::ostringstream text;  // the caller's stream keeps its own format
  text << std::fixed << std::setprecision(2);
  if (answer.asr_ms) text << "heard  " << answer.heard << '\n';
  text << "said   " << answer.said << '\n' << "times";
  write_time(text, "recognized", answer.asr_ms);
  write_time(text, "first token", answer.first_token_ms);
  write_time(text, "first audio", answer.first_audio_ms);
  write_time(text, "all", answer.total_ms);
  text << "\naudio  " << answer.audio_s() << " s";
  if (answer.total_ms > 0)
    text << ", made at " << answer.audio_s() * 1000 / answer.total_ms << " times its speed";
  text << "; " << answer.usage.output_text_tokens << " tokens";
  if (answer.status == engine::TurnStatus::max_output_tokens) text << " (cut: as many as were allowed)";
  text << '\n';
  out << text.str();
}

}  // namespace parley::converse
