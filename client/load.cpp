#include "client/load.hpp"

#include <boost/asio/co_spawn.hpp>
#include <cmath>
#include <csignal>
#include <exception>

#include "transport/as_result.hpp"

namespace parley::client {
namespace {

namespace net = boost::asio;

constexpr std::chrono::milliseconds progress_interval{500};

}  // namespace

std::vector<bool> interrupting_turns(int session, int turns, double share) {
  std::vector<bool> interrupts(static_cast<std::size_t>(turns), false);
  // The n-th turn that can interrupt does when n * share passes a whole number.
  for (int turn = 1; turn < turns; ++turn) {
    const double before = static_cast<double>(session) * (turns - 1) + turn - 1;
    interrupts[static_cast<std::size_t>(turn)] =
        std::floor((before + 1) * share) > std::floor(before * share);
  }
  return interrupts;
}

Load::Load(LoadPlan plan) : plan_(std::move(plan)) {
  for (int i = 0; i < plan_.sessions; ++i) {
    CallPlan call;
    call.utterances = plan_.utterances;
    call.first_utterance = static_cast<std::size_t>(i);
    call.turns = plan_.turns;
    call.interrupts = interrupting_turns(i, plan_.turns, plan_.interrupt_share);
    call.voice = plan_.voice;
    call.pause = plan_.pause;
    sessions_.push_back(std::make_unique<Session>(context_.get_executor(), plan_.access, std::move(call)));
  }
}

LoadResult Load::run(const std::function<void(const LoadResult&)>& progress) {
  started_ = Clock::now();
  open_ = sessions_.size();
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  // Nothing here throws but for want of memory, and then the whole run is over.
  const auto rethrow = [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  };
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    const Time start = after(started_, plan_.stagger * static_cast<double>(i));
    net::co_spawn(context_, sessions_[i]->run(start), [this, rethrow](std::exception_ptr error) {
      rethrow(error);
      session_over();
    });
  }
  net::co_spawn(context_, watch_signals(), rethrow);
  net::co_spawn(context_, watch_limit(), rethrow);
  if (progress) net::co_spawn(context_, show(progress), rethrow);
  context_.run();
  signals_.clear();
  return so_far();
}

void Load::session_over() {
  if (--open_ > 0) return;
  signals_.cancel();
  limit_.cancel();
  clock_.cancel();
}

void Load::stop(const std::string& reason) {
  for (const auto& session : sessions_) session->stop(reason);
}

net::awaitable<void> Load::watch_signals() {
  for (int times = 0; times < 2; ++times) {
    auto [cancelled, signal] = co_await signals_.async_wait(transport::as_result);
    if (cancelled) co_return;
    interrupted_ = true;
    stop({});
  }
  context_.stop();
}

net::awaitable<void> Load::watch_limit() {
  limit_.expires_at(after(started_, plan_.limit));
  auto [cancelled] = co_await limit_.async_wait(transport::as_result);
  if (cancelled) co_return;
  stop("not over in time");
}

net::awaitable<void> Load::show(std::function<void(const LoadResult&)> progress) {
  for (;;) {
    clock_.expires_after(progress_interval);
    auto [cancelled] = co_await clock_.async_wait(transport::as_result);
    if (cancelled) co_return;
    progress(so_far());
  }
}

LoadResult Load::so_far() const {
  LoadResult result;
  result.asked = plan_.sessions;
  result.turns_asked = plan_.sessions * plan_.turns;
  for (const auto& session : sessions_) {
    result.tally.add(session->tally());
    switch (session->state()) {
      case Session::State::waiting:
        ++result.waiting;
        break;
      case Session::State::connecting:
      case Session::State::talking:
        ++result.talking;
        break;
      case Session::State::served:
        ++result.served;
        break;
      case Session::State::refused:
        ++result.refused;
        break;
      case Session::State::failed:
        ++result.failed;
        break;
      case Session::State::stopped:
        ++result.stopped;
        break;
    }
  }
  result.elapsed = Clock::now() - started_;
  result.interrupted = interrupted_;
  return result;
}

}  // namespace parley::client
