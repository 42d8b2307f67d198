// Tested by test/server/listener/limits_test.cpp, L4.
#include "server/listener/admission.hpp"

#include <algorithm>

namespace parley::server {

std::optional<Admission::Ticket> Admission::admit(const std::string& address, Refusal& refusal) {
  const auto& unlimited = limits_.unlimited_addresses;
  const bool limited = std::find(unlimited.begin(), unlimited.end(), address) == unlimited.end();
  const std::lock_guard lock(mutex_);
  if (sessions_ >= limits_.sessions) {
    refusal = Refusal::server_full;
    return std::nullopt;
  }
  const auto found = by_address_.find(address);
  if (limited && found != by_address_.end() && found->second >= limits_.sessions_per_address) {
    refusal = Refusal::address_full;
    return std::nullopt;
  }
  ++sessions_;
  ++by_address_[address];
  return Ticket(*this, address);
}

void Admission::give_back(const std::string& address) {
  const std::lock_guard lock(mutex_);
  --sessions_;
  const auto found = by_address_.find(address);
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace parley::server
