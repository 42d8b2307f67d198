// A session's client that costs next to nothing, so that thousands fit beside the server that is measured:
// plain sockets and frames written by hand. Whatever fails throws.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace parley::bench {

class RawSession {
 public:
  // Connects to 127.0.0.1, upgrades, and waits for session.created.
  RawSession(unsigned short port, std::string_view target);
  ~RawSession();
  RawSession(RawSession&& other) noexcept;
  RawSession& operator=(RawSession&&) = delete;

  void send_text(std::string_view text) { send_frame(0x81, text); }
  void send_binary(std::string_view bytes) { send_frame(0x82, bytes); }

  // What has come meanwhile, without waiting: how many binary messages, and of how many bytes all together.
  struct Came {
    int packets = 0;
    std::size_t bytes = 0;
  };
  Came drain();

 private:
  void send_frame(unsigned char first_byte, std::string_view payload);
  void read_more();

  int socket_ = -1;
  std::string unread_;
};

// The processor time of a process' thread so far, in seconds; its own resident memory in bytes.
double cpu_seconds(int process, int thread);
std::size_t resident_bytes(int process);

}  // namespace parley::bench
