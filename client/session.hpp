// One caller on the network.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>

#include "client/caller.hpp"
#include "client/url.hpp"
#include "transport/web_socket_stream.hpp"

namespace parley::client {

struct Access {
  Url url;
  std::string key;  // sent as a Bearer token; empty: none
};

// Connects, then does two things at once until the call is over: talk() alone writes, a packet every 20 ms;
// listen() alone reads. Lives in the coroutine that runs it and must outlive it. One thread.
class Session {
 public:
  enum class State { waiting, connecting, talking, served, refused, failed, stopped };

  Session(boost::asio::any_io_executor executor, const Access& access, CallPlan plan);

  // Begins at `start`. Throws nothing: what goes wrong is in the tally.
  boost::asio::awaitable<void> run(Time start);
  // Hangs up at the next packet, or does not begin. With a reason the session has failed of it; without, it
  // is merely stopped.
  void stop(const std::string& reason = {});

  State state() const { return state_; }
  const Tally& tally() const { return caller_.tally(); }

 private:
  boost::asio::awaitable<bool> connect();
  boost::asio::awaitable<void> talk();
  boost::asio::awaitable<void> listen();
  boost::asio::awaitable<bool> send_what_is_due();
  bool give_up(const std::string& why);  // answers false, as connect() does then
  State outcome() const;

  const Access& access_;
  Caller caller_;
  std::optional<transport::WebSocketStream> socket_;  // once connected
  boost::asio::steady_timer timer_;
  State state_ = State::waiting;
  bool stopped_ = false;
};

}  // namespace parley::client
