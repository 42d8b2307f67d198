// Clients of a server on 127.0.0.1, for tests: whatever does not come in time fails the test.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.hpp"

namespace parley::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;

  std::optional<std::string> header(std::string_view name) const;  // names in any case
};

// One request on a connection of its own.
HttpResponse http(unsigned short port, std::string_view method, std::string_view target,
                  std::string body = {}, const Headers& headers = {});

// Bytes as they are, and all that comes back until the server closes the connection.
std::string raw_exchange(unsigned short port, std::string_view bytes,
                         std::chrono::milliseconds limit = std::chrono::seconds(20));

// What clients say most.
inline const nlohmann::json respond{{"type", "response.create"}};
nlohmann::json user_text(const std::string& text);  // an item with these words

// A session's other end.
class SocketClient {
 public:
  using Json = nlohmann::json;

  struct Options {
    std::string target = "/v1/realtime?model=scripted";
    Headers headers = {};
    bool reads_little = false;  // a small receive buffer, so that not reading is soon felt
    bool tls = false;           // no certificate is checked
  };
  explicit SocketClient(unsigned short port, const Options& options);
  explicit SocketClient(unsigned short port) : SocketClient(port, Options{}) {}
  ~SocketClient();
  SocketClient(const SocketClient&) = delete;
  SocketClient& operator=(const SocketClient&) = delete;

  // The answer to the upgrade: 101, or the refusal with its body.
  const HttpResponse& handshake() const { return handshake_; }
  bool open() const { return handshake_.status == 101; }
  std::string chosen_protocol() const;  // of HTTP, by ALPN; h2 and http/1.1 were offered

  void say(const Json& event) { say_text(event.dump()); }
  void say_text(std::string_view text);
  void binary(protocol::ByteView bytes);
  void send_raw(std::string_view bytes);  // below the WebSocket: half a frame, a frame without a mask
  void close();                           // the closing handshake
  void drop();                            // no handshake: the network is gone

  // The next message: text as JSON, or a binary one with `json` null. Pings are answered meanwhile.
  struct Message {
    Json json;
    protocol::Bytes bytes;
    bool binary() const { return json.is_null(); }
  };
  Message read();
  std::optional<Message> read_or_closed();         // empty: the server closed, see close_code()
  bool quiet_for(std::chrono::milliseconds time);  // nothing came

  // Reads until a text message of that type, keeping what came before it in seen().
  Json expect(std::string_view type);
  // Reads until the server closes.
  std::uint16_t expect_close();
  std::string close_reason() const { return close_reason_; }

  const std::vector<Message>& seen() const { return seen_; }
  std::vector<std::string> types() const;  // of seen(); binary messages as "packet"
  std::vector<Json> all(std::string_view type) const;
  std::size_t packets() const;

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
  HttpResponse handshake_;
  std::vector<Message> seen_;
  std::uint16_t close_code_ = 0;
  std::string close_reason_;
  bool closed_ = false;
};

}  // namespace parley::test
