// Time as callers count it; always given from outside.
#pragma once

#include <chrono>

namespace parley::client {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Milliseconds = std::chrono::duration<double, std::milli>;

inline Time after(Time time, Milliseconds duration) {
  return time + std::chrono::duration_cast<Clock::duration>(duration);
}

}  // namespace parley::client
