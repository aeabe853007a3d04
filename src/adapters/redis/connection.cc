#include "adapters/redis/connection.h"

#include <pthread.h>
#include <sys/time.h>

#include <array>
#include <csignal>
#include <utility>

namespace simplechat::adapters::redis {
namespace {

timeval to_timeval(std::chrono::milliseconds time) {
  return {.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
}

void keep_sigpipe_from_this_thread() {
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
}

// The value in "name:value\r\n" of an INFO reply; empty if it is not there.
std::string_view info_field(std::string_view info, std::string_view name) {
  const std::size_t at = info.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = info.substr(at + name.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace

chat::Result<Connection> Connection::open(const Url& url, std::chrono::milliseconds timeout, runtime::TlsClient* tls) {
  keep_sigpipe_from_this_thread();
  Connection connection(url);
  if (auto connected = connection.connect(url, timeout, tls); !connected) return std::unexpected(connected.error());
  if (auto greeted = connection.greet(url); !greeted) return std::unexpected(greeted.error());
  return connection;
}

chat::Result<void> Connection::connect(const Url& url, std::chrono::milliseconds timeout, runtime::TlsClient* tls) {
  context_.reset(redisConnectWithTimeout(url.host.c_str(), url.port, to_timeval(timeout)));
  if (!context_) return failure("out of memory");
  if (context_->err != 0) return failure(context_->errstr);
  if (redisSetTimeout(context_.get(), to_timeval(timeout)) != REDIS_OK) return failure(context_->errstr);
  if (!url.tls) return {};
  if (tls == nullptr) return failure("rediss:// without TLS");
  auto session = TlsSession::open(*tls, context_->fd, url.host);
  if (!session) return failure(session.error());
  tls_ = *std::move(session);
  return {};
}

chat::Result<void> Connection::greet(const Url& url) {
  if (!url.password.empty()) {
    const auto accepted = url.user.empty() ? call({"AUTH", url.password}) : call({"AUTH", url.user, url.password});
    if (!accepted) return std::unexpected(accepted.error());
  }
  if (url.db != 0) {
    const auto chosen = call({"SELECT", std::to_string(url.db)});
    if (!chosen) return std::unexpected(chosen.error());
  }
  const auto info = call({"INFO", "server"});
  if (!info) return std::unexpected(info.error());
  run_id_ = info_field(text_of(**info), "run_id:");
  if (run_id_.empty()) return failure("INFO server names no run_id");
  return {};
}

void Connection::append(std::span<const std::string_view> words) {
  word_data_.clear();
  word_sizes_.clear();
  for (const std::string_view word : words) {
    word_data_.push_back(word.data());
    word_sizes_.push_back(word.size());
  }
  const int count = static_cast<int>(words.size());
  if (!tls_) {
    // Fails only for lack of memory, and then receive() reports it.
    redisAppendCommandArgv(context_.get(), count, word_data_.data(), word_sizes_.data());
    return;
  }
  char* command = nullptr;
  const int size = redisFormatCommandArgv(&command, count, word_data_.data(), word_sizes_.data());
  if (size > 0) unsent_.append(command, static_cast<std::size_t>(size));
  redisFreeCommand(command);
}

chat::Result<Reply> Connection::receive() {
  if (tls_) return receive_over_tls();
  void* reply = nullptr;
  if (context_->err != 0 || redisGetReply(context_.get(), &reply) != REDIS_OK) {
    return failure(context_->errstr);
  }
  return Reply(static_cast<redisReply*>(reply));
}

chat::Result<Reply> Connection::receive_over_tls() {
  if (context_->err != 0) return failure(context_->errstr);
  const auto sent = tls_->write(std::exchange(unsent_, {}));
  if (!sent) return failure(sent.error());
  std::array<char, 16UL * 1024> bytes;
  for (;;) {
    void* reply = nullptr;
    if (redisReaderGetReply(context_->reader, &reply) != REDIS_OK) return failure(context_->reader->errstr);
    if (reply != nullptr) return Reply(static_cast<redisReply*>(reply));
    const auto got = tls_->read(bytes);
    if (!got) return failure(got.error());
    redisReaderFeed(context_->reader, bytes.data(), *got);
  }
}

chat::Result<Reply> Connection::receive_success() {
  chat::Result<Reply> reply = receive();
  if (reply && (*reply)->type == REDIS_REPLY_ERROR) return failure(text_of(**reply));
  return reply;
}

chat::Result<Reply> Connection::call(std::initializer_list<std::string_view> words) {
  append(words);
  return receive_success();
}

std::unexpected<chat::Error> Connection::failure(std::string_view what) const {
  return chat::fail(chat::ErrorCode::unavailable, "redis " + address_ + ": " + std::string(what));
}

}  // namespace simplechat::adapters::redis
