// How our coroutines wait: what went wrong is a value beside the others, never an exception.
//
//   const auto [error, size] = co_await stream.async_read_some(buffer, as_result);
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace parley::transport {

inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace parley::transport
