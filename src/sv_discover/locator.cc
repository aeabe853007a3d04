#include "sv_discover/locator.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace simplechat::sv_discover {

Locator::Locator(const boost::asio::any_io_executor& executor, chat::Directory& directory, Probe& probe)
    : executor_(executor),
      directory_(directory),
      probe_(probe),
      gate_(executor),
      filling_(std::make_shared<Round>(executor)) {}

chat::Task<chat::Result<chat::Locations>> Locator::locate(std::vector<std::string> users) {
  if (users.empty()) co_return chat::Locations();
  if (users.size() + filling_->users.size() > kUsersWaitingMax) {
    co_return chat::fail(chat::ErrorCode::unavailable, "too many look-ups wait");
  }
  const std::shared_ptr<Round> round = filling_;
  const std::size_t first = round->users.size();
  const std::size_t count = users.size();
  std::ranges::move(users, std::back_inserter(round->users));
  probe_.users_wait(round->users.size());
  if (!in_flight_) {
    in_flight_ = true;  // before spawn(): the rounds may have ended when it returns
    if (!gate_.spawn(run_rounds())) co_return chat::fail(chat::ErrorCode::unavailable, "sv-discover is shutting down");
  }
  // The round ends by the directory's deadline.
  if (!round->outcome) co_await round->ended.wait_until(std::chrono::steady_clock::time_point::max());
  if (!*round->outcome) co_return std::unexpected(round->outcome->error());
  chat::Locations own;
  own.append(**round->outcome, first, count);
  co_return own;
}

chat::Task<void> Locator::run_rounds() {
  while (!filling_->users.empty()) {
    const std::shared_ptr<Round> round = std::exchange(filling_, std::make_shared<Round>(executor_));
    probe_.round_started(round->users.size());
    const auto began = std::chrono::steady_clock::now();
    round->outcome = co_await directory_.locate(round->users);
    probe_.round_ended(std::chrono::steady_clock::now() - began, round->outcome->has_value());
    round->ended.wake_all();
  }
  in_flight_ = false;
}

}  // namespace simplechat::sv_discover
