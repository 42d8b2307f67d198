// Many callers at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/session.hpp"

namespace parley::client {

struct LoadPlan {
  Access access;
  int sessions = 1;
  int turns = 1;  // of each session
  std::vector<std::shared_ptr<const Utterance>> utterances;
  std::string voice;
  Milliseconds stagger{1000};  // between the starts of two sessions
  double interrupt_share = 0;  // of the turns after the first: these begin while the answer before them plays
  Milliseconds pause{500};     // from the end of an answer to the next turn
  Milliseconds limit{
      600'000};  // of the whole: sessions that are not over by then are hung up and have failed
};

struct LoadResult {
  int asked = 0;                                         // sessions
  int served = 0, refused = 0, failed = 0, stopped = 0;  // what became of them
  int waiting = 0, talking = 0;                          // while it runs
  int turns_asked = 0;
  Tally tally;
  Milliseconds elapsed{0};
  bool interrupted = false;  // by a signal

  bool all_served() const { return served == asked; }
};

// The turns of session `session` that interrupt: over all sessions and turns `share` of those that can,
// evenly.
std::vector<bool> interrupting_turns(int session, int turns, double share);

// Runs them all on the calling thread. SIGINT and SIGTERM hang up everyone politely, a second one at once.
class Load {
 public:
  explicit Load(LoadPlan plan);

  // Blocks until the last call is over. `progress`, where there is one, is told twice a second.
  LoadResult run(const std::function<void(const LoadResult&)>& progress = nullptr);

 private:
  LoadResult so_far() const;
  void stop(const std::string& reason);
  boost::asio::awaitable<void> watch_signals();
  boost::asio::awaitable<void> watch_limit();
  boost::asio::awaitable<void> show(std::function<void(const LoadResult&)> progress);
  void session_over();

  LoadPlan plan_;
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_{context_};
  boost::asio::steady_timer limit_{context_}, clock_{context_};
  std::vector<std::unique_ptr<Session>> sessions_;
  std::size_t open_ = 0;
  Time started_;
  bool interrupted_ = false;
};

}  // namespace parley::client
