// Joins the look-ups that arrive while one is on its way to the directory: one round in flight, the next one fills
// meanwhile. A single look-up waits for nothing; under load a round trip serves all that came during the one before it.
//
// Lives on one reactor. Bound: kUsersWaitingMax users wait for the next round; beyond, a look-up is refused with
// `unavailable`.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/directory.h"
#include "runtime/gate.h"
#include "runtime/wait_list.h"
#include "sv_discover/probe.h"

namespace simplechat::sv_discover {

class Locator {
 public:
  static constexpr std::size_t kUsersWaitingMax = 50'000;

  // `directory` and `probe` outlive it.
  Locator(const boost::asio::any_io_executor& executor, chat::Directory& directory, Probe& probe);

  // As chat::Directory::locate().
  chat::Task<chat::Result<chat::Locations>> locate(std::vector<std::string> users);

  // Ends when the rounds that were asked for have ended. Further look-ups are refused.
  chat::Task<void> stop() { return gate_.close(); }

 private:
  struct Round {
    explicit Round(const boost::asio::any_io_executor& executor) : ended(executor) {}

    std::vector<std::string> users;
    std::optional<chat::Result<chat::Locations>> outcome;
    runtime::WaitList ended;
  };

  chat::Task<void> run_rounds();

  boost::asio::any_io_executor executor_;
  chat::Directory& directory_;
  Probe& probe_;
  runtime::Gate gate_;
  std::shared_ptr<Round> filling_;
  bool in_flight_ = false;
};

}  // namespace simplechat::sv_discover
