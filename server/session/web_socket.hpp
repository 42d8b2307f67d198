// A WebSocket as a session uses it, whatever it runs over.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <span>
#include <string>

namespace parley::server {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

// All on one strand; at most one each of read, write and close at a time.
class WebSocket {
 public:
  virtual ~WebSocket() = default;

  struct Received {
    error_code error = {};
    bool binary = false;
    bool too_large = false;  // the message is longer than may be; the rest of it was left
  };
  // One whole message, into the empty `buffer`.
  virtual net::awaitable<Received> read(beast::flat_buffer& buffer) = 0;
  // As one frame. `message` stays where it is until the write has ended.
  virtual net::awaitable<error_code> write(bool binary, std::span<const char> message) = 0;
  // The closing handshake; a reason longer than a close frame holds is cut.
  virtual net::awaitable<error_code> close(std::uint16_t code, std::string reason) = 0;
  // Closes the socket itself: whatever is under way ends with an error.
  virtual void abort() = 0;
};

// How the connection ended, in a word for the log; "" for an ordinary end.
std::string describe_end(const error_code& error);

}  // namespace parley::server
