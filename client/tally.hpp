// What was counted and measured, in one session or in all of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace parley::client {

struct Tally {
  int answered = 0;       // turns whose answer was heard to its end, or until it was interrupted on purpose
  int failed = 0;         // turns without an answer
  int without_audio = 0;  // of the answered: nothing was to be heard
  int early = 0;          // of the answered: the answer began before the speech had ended
  int interrupted = 0;    // of the answered: talked over, as asked for

  std::vector<double> after_speech_ms;          // last packet of speech sent to first packet of audio
  std::vector<double> after_speech_stopped_ms;  // `speech_stopped` received to first packet of audio
  std::vector<double> longest_underrun_ms;      // of each response that could be heard

  int lost = 0;                  // packets; StreamAudit
  int crossed = 0;               // frames
  std::uint64_t bytes_sent = 0;  // of messages, without what TCP and WebSocket add
  std::uint64_t bytes_received = 0;
  std::map<std::string, int> errors;  // by the server's code, "close 1008", "http 401", or the system's words

  void add(const Tally& other);
};

}  // namespace parley::client
