#include "sv_websocket/drain.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "sv_websocket/hub.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStep{20};
// In eighths of the time.
constexpr int kToldBy = 4;
constexpr int kToLeaveIn = 3;
constexpr int kQuietFrom = 4;
constexpr int kClosedFrom = 5;
constexpr int kAll = 8;

}  // namespace

std::size_t Drain::due(std::size_t slots, Duration elapsed, Duration time, int begin, int end) {
  const Duration from = time * begin / kAll;
  const Duration until = time * end / kAll;
  if (elapsed >= until) return slots;
  if (elapsed <= from) return 0;
  const double part = std::chrono::duration<double>(elapsed - from) / std::chrono::duration<double>(until - from);
  return static_cast<std::size_t>(static_cast<double>(slots) * part);
}

chat::Task<bool> Drain::run(milliseconds time, std::uint16_t close_code, std::string_view reason) {
  const std::size_t slots = hub_.slots();
  std::string frame;
  wire::append_draining(frame, (time * kToLeaveIn / kAll).count());
  const auto began = steady_clock::now();
  std::size_t told = 0;
  std::size_t quiet = 0;
  std::size_t closed = 0;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (!cancelled_ && hub_.sessions() > 0) {
    const auto elapsed = steady_clock::now() - began;
    const auto up_to = [&](int begin, int end) { return due(slots, elapsed, time, begin, end); };
    const std::size_t tell = up_to(0, kToldBy);
    hub_.for_each_session(told, tell, [&frame](Session& session) { session.send(frame); });
    told = tell;
    if (elapsed >= time) break;
    const std::size_t silence = up_to(kQuietFrom, kAll - 1);
    hub_.for_each_session(quiet, silence, [](Session& session) { session.stop_reading(Pause::drain); });
    quiet = silence;
    const std::size_t close = up_to(kClosedFrom, kAll);
    hub_.for_each_session(closed, close, [&](Session& session) { session.close(close_code, reason); });
    closed = close;
    timer.expires_after(std::min<Duration>(kStep, time - elapsed));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  co_return !cancelled_;
}

}  // namespace simplechat::sv_websocket
