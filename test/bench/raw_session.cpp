#include "test/bench/raw_session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace parley::bench {
namespace {

std::runtime_error failed(const char* what) {
  return std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

RawSession::RawSession(unsigned short port, std::string_view target)
    : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  if (socket_ < 0) throw failed("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw failed("connect");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const std::string request =
      "GET " + std::string(target) +
      " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) < 0) throw failed("send");
  while (unread_.find("\"session.created\"") == std::string::npos) read_more();
  if (!unread_.starts_with("HTTP/1.1 101")) throw std::runtime_error("refused: " + unread_.substr(0, 200));
  // Frames follow the header; the first is whole once its length is there.
  unread_.erase(0, unread_.find("\r\n\r\n") + 4);
}

RawSession::~RawSession() {
  if (socket_ >= 0) ::close(socket_);
}

RawSession::RawSession(RawSession&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), unread_(std::move(other.unread_)) {}

void RawSession::read_more() {
  std::array<char, 16384> piece;
  const auto size = ::recv(socket_, piece.data(), piece.size(), 0);
  if (size <= 0) throw std::runtime_error("the server closed: " + unread_.substr(0, 200));
  unread_.append(piece.data(), static_cast<std::size_t>(size));
}

void RawSession::send_frame(unsigned char first_byte, std::string_view payload) {
  std::string frame(1, static_cast<char>(first_byte));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xFF);
  }
  frame += std::string(4, '\0');  // a mask of zeros changes nothing
  frame += payload;
  if (::send(socket_, frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size()))
    throw failed("send");
}

RawSession::Came RawSession::drain() {
  std::array<char, 65536> piece;
  Came came;
  for (;;) {
    const auto size = ::recv(socket_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (size == 0) throw std::runtime_error("the server closed");
    if (size < 0) break;
    came.bytes += static_cast<std::size_t>(size);
    unread_.append(piece.data(), static_cast<std::size_t>(size));
  }
  std::size_t at = 0;
  while (unread_.size() - at >= 2) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(unread_[at + i]));
    };
    std::size_t header = 2, length = byte(1) & 0x7F;
    if (length == 126 && unread_.size() - at >= 4) {
      header = 4;
      length = byte(2) << 8 | byte(3);
    } else if (length >= 126) {
      break;
    }
    if (unread_.size() - at < header + length) break;
    if ((byte(0) & 0x0F) == 2) ++came.packets;
    at += header + length;
  }
  unread_.erase(0, at);
  return came;
}

double cpu_seconds(int process, int thread) {
  std::ifstream file("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/schedstat");
  double nanoseconds = 0;
  file >> nanoseconds;
  return nanoseconds / 1e9;
}

std::size_t resident_bytes(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace parley::bench
