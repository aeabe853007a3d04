// The coroutine type that every port returns. Named here once so that `chat` depends on nothing of Asio but awaitable.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace simplechat::chat {

template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace simplechat::chat
