// Keeps the gateway's BlockTable as the store has it, and passes on to the store what is blocked and unblocked here.
//
// Lives on one reactor of the gateway, where change() is called too. What is known comes from the store alone and in
// its order, also what was changed here: so no older answer that was on its way undoes it. As long as the store cannot
// be asked, what is known stays in force. A store that has lost its data says so: it is read from the beginning, and
// what it lacks is made again; of a user who has blocked as many as may be meanwhile, when he takes one back. stop()
// before destruction.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/blocks.h"
#include "runtime/reactor.h"
#include "runtime/sharded_map.h"
#include "sv_websocket/block_table.h"
#include "sv_websocket/change_poll.h"

namespace simplechat::sv_websocket {

class BlockWatch {
 public:
  struct Callbacks {
    std::function<void()> known;                    // everything has been heard for the first time
    std::function<void(std::size_t blocks)> count;  // how many blocks the table has now
  };

  BlockWatch(runtime::Reactor& reactor, chat::Blocks& blocks, BlockTable& table, Callbacks callbacks);

  // Before the reactor runs.
  void start() { poll_.start(); }
  chat::Task<void> stop() { return poll_.stop(); }

  // Ends when the store keeps it; here it is in force then.
  chat::Task<chat::Result<void>> change(chat::BlockChange change);
  // Error: unavailable as long as not everything has been heard once.
  chat::Task<chat::Result<BlockedUsers>> blocked_by(std::string user);

 private:
  using Pairs = runtime::StringMap<BlockedUsers>;

  chat::Task<chat::Result<bool>> ask();
  void begin_anew(bool lost);
  void take(const std::vector<chat::BlockChange>& changes);
  chat::Task<void> drop_what_was_not_told();
  chat::Task<void> make_again();
  chat::Task<chat::Result<void>> make(std::vector<chat::BlockChange> part);
  void refuse(std::span<const chat::BlockChange> blocks, const std::string& reason);
  void try_refused_again(const std::string& user);

  runtime::Reactor& reactor_;
  chat::Blocks& blocks_;
  BlockTable& table_;
  const Callbacks callbacks_;
  std::string version_;                    // as last heard
  bool known_ = false;                     // everything has been heard once
  std::size_t count_ = 0;                  // of the blocks in the table
  std::optional<Pairs> told_;              // while everything is told again: what was
  bool lost_ = false;                      // what is not told then is to be made again, not dropped
  std::vector<chat::BlockChange> missed_;  // what the store lacks
  Pairs refused_;                          // of these, while their users have blocked as many as may be
  bool making_fails_ = false;
  ChangePoll poll_;
};

}  // namespace simplechat::sv_websocket
