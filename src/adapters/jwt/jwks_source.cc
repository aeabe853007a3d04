#include "adapters/jwt/jwks_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "runtime/log.h"

namespace simplechat::adapters::jwt {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kDeadline{5000};
constexpr std::size_t kReadsWaitingMax = 1;

struct Location {
  std::string origin;  // empty: a file
  std::string target;  // the path of a URL, or of the file
};

Location split(std::string_view location) {
  const std::size_t scheme = location.find("://");
  if (scheme == std::string_view::npos) return {.origin = {}, .target = std::string(location)};
  const std::size_t path = std::min(location.find('/', scheme + 3), location.size());
  const std::string_view target = location.substr(path);
  return {.origin = std::string(location.substr(0, path)), .target = target.empty() ? "/" : std::string(target)};
}

chat::Result<std::string> read_text_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(kKeySetBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  if (stream.bad() || text.empty()) return chat::fail(chat::ErrorCode::unavailable, "cannot be read, or is empty");
  return text;
}

}  // namespace

JwksSource::JwksSource(asio::any_io_executor executor, Options options, runtime::Dependency& dependency)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      dependency_(dependency),
      gate_(executor_),
      timer_(executor_) {
  if (const auto problem = check_jwks_location(options_.location)) {
    throw std::runtime_error(fmt::format("jwt-jwks {}: {}", options_.location, *problem));
  }
  const Location location = split(options_.location);
  target_ = location.target;
  if (!location.origin.empty()) {
    client_.emplace(
        executor_, location.origin,
        runtime::HttpClient::Options{
            .deadline = kDeadline, .connections_max = 1, .body_bytes_max = kKeySetBytesMax, .tls = options_.tls});
    return;
  }
  const auto text = read_text_file(target_);
  auto keys = text ? KeySet::parse(*text) : std::unexpected(text.error());
  if (!keys) throw std::runtime_error(fmt::format("jwt-jwks {}: {}", options_.location, keys.error().message));
  keys_ = *std::move(keys);
  dependency_.up();
  reader_.emplace("jwks-file", kReadsWaitingMax);
}

JwksSource::~JwksSource() = default;

void JwksSource::start() {
  asio::post(executor_, [this] { gate_.spawn(keep_reading()); });
}

chat::Task<void> JwksSource::stop() {
  stopped_ = true;
  timer_.cancel();
  co_await gate_.close();
}

std::shared_ptr<const KeySet> JwksSource::keys() const {
  const std::scoped_lock lock(mutex_);
  return keys_;
}

bool JwksSource::look_for_newer() {
  const std::scoped_lock lock(mutex_);
  if (keys_ && Clock::now() < read_at_ + options_.ask_again_after) return false;
  if (!std::exchange(wanted_, true)) asio::post(executor_, [this] { timer_.cancel(); });
  return true;
}

chat::Task<void> JwksSource::keep_reading() {
  while (!stopped_) {
    co_await read_once();
    if (stopped_) break;
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

// Leaves the timer set to the next time.
chat::Task<void> JwksSource::read_once() {
  const auto asked_at = Clock::now();
  const auto text = co_await read_text();
  auto keys = text ? KeySet::parse(*text) : std::unexpected(text.error());
  const std::scoped_lock lock(mutex_);
  if (keys) {
    const bool first = keys_ == nullptr;
    keys_ = *std::move(keys);
    read_at_ = asked_at;
    wanted_ = false;
    retry_ = kRetryMin;
    timer_.expires_after(options_.refresh);
    dependency_.up();
    if (first) runtime::log::info("token_keys_read", {{"keys", static_cast<std::int64_t>(keys_->size())}});
    co_return;
  }
  const std::string problem = fmt::format("{}: {}", options_.location, keys.error().message);
  runtime::log::warn("token_keys_not_read", {{"reason", problem}});
  if (!keys_) dependency_.down(problem);
  timer_.expires_after(retry_);
  retry_ = std::min(2 * retry_, kRetryMax);
}

chat::Task<chat::Result<std::string>> JwksSource::read_text() {
  if (reader_) {
    auto text = co_await reader_->run([path = target_] { return read_text_file(path); });
    if (!text) co_return chat::fail(chat::ErrorCode::unavailable, "is being read already");
    co_return *std::move(text);
  }
  auto answer = co_await client_->call({.method = "GET", .target = target_});
  if (!answer) co_return chat::fail(chat::ErrorCode::unavailable, answer.error().message);
  if (answer->status != 200) {
    co_return chat::fail(chat::ErrorCode::unavailable, fmt::format("answered {}", answer->status));
  }
  co_return std::move(answer->body);
}

std::optional<std::string> check_jwks_location(std::string_view location) {
  const Location parts = split(location);
  if (parts.origin.empty()) return std::nullopt;
  const bool printable = std::ranges::all_of(parts.target, [](char c) { return c > ' ' && c <= '~' && c != '#'; });
  if (!printable) return "its path must be printable ASCII without a fragment";
  return runtime::check_http_origin(parts.origin);
}

}  // namespace simplechat::adapters::jwt
