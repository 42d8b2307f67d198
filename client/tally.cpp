#include "client/tally.hpp"

namespace parley::client {
namespace {

void append(std::vector<double>& values, const std::vector<double>& more) {
  values.insert(values.end(), more.begin(), more.end());
}

}  // namespace

void Tally::add(const Tally& other) {
  answered += other.answered;
  failed += other.failed;
  without_audio += other.without_audio;
  early += other.early;
  interrupted += other.interrupted;
  append(after_speech_ms, other.after_speech_ms);
  append(after_speech_stopped_ms, other.after_speech_stopped_ms);
  append(longest_underrun_ms, other.longest_underrun_ms);
  lost += other.lost;
  crossed += other.crossed;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  for (const auto& [code, count] : other.errors) errors[code] += count;
}

}  // namespace parley::client
