// One blocking connection to a Redis server, on hiredis: commands go out pipelined, replies come back in order. Over
// TLS hiredis, which knows none of it in this version, only encodes and parses.
//
// Lives on one thread, which it keeps SIGPIPE from: hiredis writes to sockets without MSG_NOSIGNAL. A connection on
// which anything has failed is of no further use and is to be replaced.
#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/tls_session.h"
#include "adapters/redis/url.h"
#include "chat/error.h"

namespace simplechat::adapters::redis {

struct ReplyDelete {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, ReplyDelete>;

[[nodiscard]] inline std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}

class Connection {
 public:
  // Every error is `unavailable`, its message one sentence that names the server.

  // Connects, authenticates and chooses the database; each step takes at most `timeout`. `tls`: by whom a server of a
  // rediss:// URL is verified, which cannot be reached without; used only here.
  static chat::Result<Connection> open(const Url& url, std::chrono::milliseconds timeout,
                                       runtime::TlsClient* tls = nullptr);

  // Adds a command to the pipeline; it is sent with the next receive().
  void append(std::span<const std::string_view> words);
  void append(std::initializer_list<std::string_view> words) { append(std::span(words.begin(), words.size())); }

  // The reply to the earliest command that has none yet. It may be an error reply.
  [[nodiscard]] chat::Result<Reply> receive();
  // The same, with an error reply as the error.
  [[nodiscard]] chat::Result<Reply> receive_success();
  // One command and its reply.
  [[nodiscard]] chat::Result<Reply> call(std::initializer_list<std::string_view> words);

  // The server's own name for its run (INFO server): another one after every restart.
  [[nodiscard]] const std::string& run_id() const { return run_id_; }

  // unavailable, "redis 127.0.0.1:6379: <what>"
  [[nodiscard]] std::unexpected<chat::Error> failure(std::string_view what) const;

 private:
  struct ContextDelete {
    void operator()(redisContext* context) const { redisFree(context); }
  };

  explicit Connection(const Url& url) : address_(url.address()) {}
  chat::Result<void> connect(const Url& url, std::chrono::milliseconds timeout, runtime::TlsClient* tls);
  // As redisGetReply().
  chat::Result<Reply> receive_over_tls();
  chat::Result<void> greet(const Url& url);

  std::string address_;
  std::unique_ptr<redisContext, ContextDelete> context_;
  std::optional<TlsSession> tls_;
  std::string unsent_;  // commands that go out over TLS
  std::string run_id_;
  std::vector<const char*> word_data_;
  std::vector<std::size_t> word_sizes_;
};

}  // namespace simplechat::adapters::redis
