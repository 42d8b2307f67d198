// A completion handler whose type is forgotten, so that who starts an operation need not be a template.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <utility>

namespace parley::transport {

// Called once, with Args. Keeps what Asio asks a handler for: its executor, and its cancellation slot.
template <typename... Args>
class Completion {
 public:
  using executor_type = boost::asio::any_io_executor;
  using cancellation_slot_type = boost::asio::cancellation_slot;

  template <typename Handler>
  Completion(Handler handler, const executor_type& otherwise)
      : executor_(boost::asio::get_associated_executor(handler, otherwise)),
        slot_(boost::asio::get_associated_cancellation_slot(handler)),
        held_(std::make_unique<Held<Handler>>(std::move(handler))) {}

  executor_type get_executor() const noexcept { return executor_; }
  cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

  void operator()(Args... args) {
    // by a pointer of its own: the handler may start what makes the next Completion
    const std::unique_ptr<Callable> held = std::move(held_);
    held->call(args...);
  }

 private:
  struct Callable {
    virtual ~Callable() = default;
    virtual void call(Args... args) = 0;
  };
  template <typename Handler>
  struct Held final : Callable {
    explicit Held(Handler&& taken) : handler(std::move(taken)) {}
    void call(Args... args) override { std::move(handler)(args...); }
    Handler handler;
  };

  executor_type executor_;
  cancellation_slot_type slot_;
  std::unique_ptr<Callable> held_;
};

}  // namespace parley::transport
