// Tested by test/server/conversation/speculation_test.cpp.
#include "server/conversation/speculation.hpp"

#include <algorithm>

namespace parley::conversation {
namespace {

using namespace std::chrono_literals;
constexpr auto memory = 60s;
constexpr std::size_t enough_to_judge = 6;

}  // namespace

void Speculation::forget_old(Time now) {
  while (!recent_.empty() && recent_.front().at + memory < now) recent_.pop_front();
}

bool Speculation::worthwhile(Time now) {
  forget_old(now);
  const auto kept = std::count_if(recent_.begin(), recent_.end(), [](const Outcome& o) { return o.kept; });
  return recent_.size() < enough_to_judge || static_cast<std::size_t>(kept) * 3 >= recent_.size();
}

void Speculation::kept(Time now, double saved_ms) {
  ++counts_.kept;
  counts_.saved_ms += saved_ms;
  recent_.push_back({now, true});
  forget_old(now);
}

void Speculation::thrown_away(Time now) {
  ++counts_.thrown_away;
  recent_.push_back({now, false});
  forget_old(now);
}

}  // namespace parley::conversation
