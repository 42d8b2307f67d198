#include "client/load_report.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/percentiles.hpp"

namespace parley::client {
namespace {

using Json = nlohmann::ordered_json;

struct Share {
  const char* name;
  double share;
};
constexpr std::array<Share, 4> shares{{{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1.0}}};

double tenths(double value) { return std::round(value * 10) / 10; }

Json percentiles_json(const std::vector<double>& values) {
  Json result{{"count", values.size()}};
  for (const Share& one : shares) {
    const auto value = percentile(values, one.share);
    result[one.name] = value ? Json(tenths(*value)) : Json(nullptr);
  }
  return result;
}

void write_percentiles(std::ostream& out, const char* what, const std::vector<double>& values) {
  out << what;
  if (values.empty()) {
    out << "nothing to measure\n";
    return;
  }
  for (const Share& one : shares)
    out << one.name << ' ' << std::lround(*percentile(values, one.share)) << "  ";
  out << "ms  (" << values.size() << ")\n";
}

std::string kibibytes(std::uint64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f KiB", static_cast<double>(bytes) / 1024);
  return text.data();
}

std::string seconds(Milliseconds time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", time.count() / 1000);
  return text.data();
}

}  // namespace

void write(std::ostream& out, const LoadResult& result) {
  const Tally& tally = result.tally;
  out << "sessions                   " << result.asked << ": " << result.served << " served, "
      << result.refused << " refused, " << result.failed << " failed";
  if (result.stopped > 0) out << ", " << result.stopped << " stopped";
  out << "  (" << seconds(result.elapsed) << ")\n";
  out << "turns                      " << tally.answered << " of " << result.turns_asked << " answered, "
      << tally.failed << " failed, " << tally.interrupted << " interrupted";
  if (tally.early > 0) out << ", " << tally.early << " answered before the speech had ended";
  if (tally.without_audio > 0) out << ", " << tally.without_audio << " without audio";
  out << '\n';
  write_percentiles(out, "end of speech to audio     ", tally.after_speech_ms);
  write_percentiles(out, "end of turn to audio       ", tally.after_speech_stopped_ms);
  write_percentiles(out, "longest underrun, answer   ", tally.longest_underrun_ms);
  out << "audio                      " << tally.lost << " packets lost, " << tally.crossed
      << " frames crossed\n";
  out << "traffic                    " << kibibytes(tally.bytes_sent) << " sent, "
      << kibibytes(tally.bytes_received) << " received\n";
  out << "errors                     ";
  if (tally.errors.empty()) out << "none";
  const char* separator = "";
  for (const auto& [code, count] : tally.errors) {
    out << separator << code << " x" << count;
    separator = ", ";
  }
  out << '\n';
  if (result.interrupted) out << "stopped before the end: these are the figures until then\n";
}

Json to_json(const LoadResult& result) {
  const Tally& tally = result.tally;
  int errors = 0;
  Json by_code = Json::object();
  for (const auto& [code, count] : tally.errors) {
    errors += count;
    by_code[code] = count;
  }
  return {{"sessions", result.asked},
          {"sessions_served", result.served},
          {"sessions_refused", result.refused},
          {"sessions_failed", result.failed},
          {"sessions_stopped", result.stopped},
          {"turns", result.turns_asked},
          {"turns_answered", tally.answered},
          {"turns_failed", tally.failed},
          {"turns_interrupted", tally.interrupted},
          {"turns_answered_early", tally.early},
          {"turns_without_audio", tally.without_audio},
          {"speech_end_to_first_audio_ms", percentiles_json(tally.after_speech_ms)},
          {"turn_end_to_first_audio_ms", percentiles_json(tally.after_speech_stopped_ms)},
          {"longest_underrun_ms", percentiles_json(tally.longest_underrun_ms)},
          {"lost_packets", tally.lost},
          {"crossed_packets", tally.crossed},
          {"bytes_sent", tally.bytes_sent},
          {"bytes_received", tally.bytes_received},
          {"errors", errors},
          {"errors_by_code", by_code},
          {"elapsed_s", tenths(result.elapsed.count() / 1000)},
          {"interrupted", result.interrupted}};
}

std::string progress_line(const LoadResult& result) {
  std::string line = seconds(result.elapsed) + "  " + std::to_string(result.talking) + " talking, " +
                     std::to_string(result.served) + " served, " + std::to_string(result.refused) +
                     " refused, " + std::to_string(result.failed) + " failed;  turns " +
                     std::to_string(result.tally.answered) + "/" + std::to_string(result.turns_asked);
  const auto half = percentile(result.tally.after_speech_ms, 0.5);
  const auto most = percentile(result.tally.after_speech_ms, 0.95);
  if (half)
    line += ";  first audio p50 " + std::to_string(std::lround(*half)) + " p95 " +
            std::to_string(std::lround(*most)) + " ms";
  return line;
}

}  // namespace parley::client
