// How many may talk at once: all together, and from one address (protocol.md 12.1).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "server/metrics/counters.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::server {

// Thread-safe; outlives its tickets.
class Admission {
 public:
  explicit Admission(const LimitSettings& limits) : limits_(limits) {}

  // The right to hold one session; given back when it goes.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), address_(std::move(other.address_)) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(admission_, other.admission_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~Ticket() {
      if (admission_ != nullptr) admission_->give_back(address_);
    }

   private:
    friend class Admission;
    Ticket(Admission& admission, std::string address)
        : admission_(&admission), address_(std::move(address)) {}
    Admission* admission_ = nullptr;
    std::string address_;
  };

  // Empty, and `refusal` says why: address_full or server_full.
  std::optional<Ticket> admit(const std::string& address, Refusal& refusal);

 private:
  void give_back(const std::string& address);

  const LimitSettings& limits_;
  std::mutex mutex_;
  int sessions_ = 0;
  std::map<std::string, int> by_address_;
};

}  // namespace parley::server
