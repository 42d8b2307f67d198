// Several activities of one strand, until the first of them ends.
#pragma once

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <tuple>
#include <utility>

namespace parley::server {

namespace net = boost::asio;

// Runs them side by side. When one returns or throws, the others are cancelled and waited for; what the first
// one threw is thrown on.
template <typename... Activities>
net::awaitable<void> first_to_end(net::any_io_executor strand, Activities... activities) {
  auto group =
      net::experimental::make_parallel_group(net::co_spawn(strand, std::move(activities), net::deferred)...);
  const auto ended =
      co_await std::move(group).async_wait(net::experimental::wait_for_one(), net::use_awaitable);
  const auto thrown = std::apply(
      [](const auto& /*order*/, const auto&... exception) {
        return std::array<std::exception_ptr, sizeof...(exception)>{exception...};
      },
      ended);
  const std::exception_ptr first = thrown.at(std::get<0>(ended).front());
  if (first) std::rethrow_exception(first);
}

}  // namespace parley::server
