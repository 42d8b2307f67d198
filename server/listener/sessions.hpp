// The sessions that are open, so that all can be told to come to an end.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace parley::server {

namespace net = boost::asio;

// Thread-safe; outlives its entries.
class Sessions {
 public:
  // Lists a session for as long as what is returned lives. `drain` is called on its strand, where the entry
  // dies as well; and never after that.
  std::shared_ptr<void> enter(net::any_io_executor strand, std::function<void()> drain);

  void drain();  // tells those that are open and those still to come
  void when_empty(std::function<void()> act) { when_empty_ = std::move(act); }  // after drain(); set before

 private:
  struct Listed {
    std::function<void()> drain;  // on its strand alone; empty when the session has gone
    net::any_io_executor strand;
  };
  class Entry;

  static void tell(const std::shared_ptr<Listed>& listed);

  std::mutex mutex_;
  std::list<std::shared_ptr<Listed>> listed_;
  std::function<void()> when_empty_;
  bool draining_ = false;
};

}  // namespace parley::server
