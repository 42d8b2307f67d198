// A WebSocket as its users see it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <span>
#include <string>

namespace parley::transport {

// All on one strand; at most one each of read, write and close at a time.
class WebSocket {
 public:
  virtual ~WebSocket() = default;

  struct Received {
    boost::system::error_code error = {};
    bool binary = false;
    bool too_large = false;  // the message is longer than may be; the rest of it was left
  };
  // One whole message, into the empty `buffer`.
  virtual boost::asio::awaitable<Received> read(boost::beast::flat_buffer& buffer) = 0;
  // As one frame. `message` stays where it is until the write has ended.
  virtual boost::asio::awaitable<boost::system::error_code> write(bool binary,
                                                                  std::span<const char> message) = 0;
  // The closing handshake; a reason longer than a close frame holds is cut.
  virtual boost::asio::awaitable<boost::system::error_code> close(std::uint16_t code, std::string reason) = 0;
  // Closes the socket itself: whatever is under way ends with an error.
  virtual void abort() = 0;
};

}  // namespace parley::transport
