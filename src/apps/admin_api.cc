#include "apps/admin_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "apps/service_main.h"
#include "runtime/log.h"
#include "runtime/process_metrics.h"
#include "wire/admin_body.h"
#include "wire/http_status.h"
#include "wire/json.h"

namespace simplechat::apps {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using runtime::log::Level;
using Segments = std::vector<std::string>;
using Answer = boost::asio::awaitable<HttpResponse>;

constexpr std::size_t kTokenBytesMin = 16;

struct NamedLevel {
  std::string_view name;
  Level level;
};
constexpr std::array kLevels{NamedLevel{"debug", Level::debug}, NamedLevel{"info", Level::info},
                             NamedLevel{"warn", Level::warn}, NamedLevel{"error", Level::error}};

HttpResponse error_response(const chat::Error& error) {
  return runtime::http_error(wire::http_status(error.code), chat::to_string(error.code), error.message);
}

void append_text(std::string& json, std::string_view begin, std::string_view value) {
  json += begin;
  wire::append_json_string(json, value);
}

HttpResponse config_response(const AdminApi::Parts& parts) {
  HttpResponse response{.body = R"({"status":"success","service":)"};
  wire::append_json_string(response.body, parts.service);
  append_text(response.body, R"(,"version":)", runtime::version());
  response.body += R"(,"options":[)";
  for (const runtime::Options::Setting& each : parts.config) {
    append_text(response.body, response.body.back() == '[' ? R"({"option":)" : R"(,{"option":)", each.name);
    append_text(response.body, R"(,"value":)", each.value);
    append_text(response.body, R"(,"from":)", each.source);
    response.body += '}';
  }
  response.body += "]}";
  return response;
}

HttpResponse level_response() {
  const auto found = std::ranges::find(kLevels, runtime::log::level(), &NamedLevel::level);
  HttpResponse response{.body = R"({"status":"success")"};
  append_text(response.body, R"(,"level":)", found->name);
  response.body += '}';
  return response;
}

HttpResponse set_level(const HttpRequest& request) {
  const auto asked = wire::parse_log_level(request.body);
  if (!asked) return error_response(asked.error());
  const auto found = std::ranges::find(kLevels, *asked, &NamedLevel::name);
  if (found == kLevels.end()) {
    return error_response({chat::ErrorCode::bad_frame, "level must be debug, info, warn or error"});
  }
  runtime::log::set_level(found->level);
  runtime::log::warn("admin_log_level", {{"level", found->name}});  // a warning, so that it is seen at most levels
  return level_response();
}

void append_letter(std::string& json, const chat::DeadLetter& letter, bool with_body) {
  append_text(json, R"({"id":)", letter.id);
  append_text(json, R"(,"queue":)", letter.queue);
  append_text(json, R"(,"reason":)", letter.reason);
  json += R"(,"bytes":)";
  wire::append_json_integer(json, static_cast<std::int64_t>(letter.body.size()));
  if (with_body) append_text(json, R"(,"body":)", letter.body);
  json += '}';
}

Answer list_letters(chat::DeadLetters& letters, const HttpRequest& request) {
  std::size_t limit = chat::kDeadLettersMax;
  if (const auto asked = request.query("limit")) {
    const auto [end, error] = std::from_chars(asked->data(), asked->data() + asked->size(), limit);
    if (error != std::errc() || end != asked->data() + asked->size() || limit == 0 || limit > chat::kDeadLettersMax) {
      co_return error_response({chat::ErrorCode::bad_frame, "limit must be a number from 1 to 1000"});
    }
  }
  const auto listed = co_await letters.list(limit);
  if (!listed) co_return error_response(listed.error());
  HttpResponse response{.body = R"({"status":"success","deadLetters":[)"};
  for (const chat::DeadLetter& letter : *listed) {
    if (response.body.back() != '[') response.body += ',';
    append_letter(response.body, letter, false);
  }
  response.body += "]}";
  co_return response;
}

// What persons wrote to one another is in there: who looks at it is logged.
Answer show_letter(chat::DeadLetters& letters, const std::string& id) {
  const auto listed = co_await letters.list(chat::kDeadLettersMax);
  if (!listed) co_return error_response(listed.error());
  const auto found = std::ranges::find(*listed, id, &chat::DeadLetter::id);
  if (found == listed->end()) co_return error_response({chat::ErrorCode::not_found, "there is no such dead letter"});
  runtime::log::info("admin_dead_letter_shown", {{"letter", id}});
  HttpResponse response{.body = R"({"status":"success","deadLetter":)"};
  append_letter(response.body, *found, true);
  response.body += '}';
  co_return response;
}

Answer replay_letters(chat::DeadLetters& letters, const HttpRequest& request) {
  const auto ids = wire::parse_replay(request.body);
  if (!ids) co_return error_response(ids.error());
  const auto replayed = co_await letters.replay(*ids);
  if (!replayed) co_return error_response(replayed.error());
  runtime::log::info("admin_dead_letters_replayed", {{"letters", *replayed}});
  HttpResponse response{.body = R"({"status":"success","replayed":)"};
  wire::append_json_integer(response.body, static_cast<std::int64_t>(*replayed));
  response.body += '}';
  co_return response;
}

}  // namespace

void declare(runtime::Options& options, AdminSettings& settings) {
  options.secret("admin-token", settings.token, "bearer token of the admin API, which is closed without one");
  options.text("admin-token-file", settings.token_file, "", "file that holds the admin API's token");
  options.integer<std::uint16_t>("admin-port", settings.port, 0, {0, 65535},
                                 "port of the admin API; 0: that of the API");
  options.rule([&settings]() -> std::optional<std::string> {
    if (!settings.token.empty() && !settings.token_file.empty()) {
      return "admin-token, admin-token-file: give one of them";
    }
    if (!settings.token.empty() && settings.token.size() < kTokenBytesMin) {
      return "admin-token: must have at least 16 characters";
    }
    if (settings.port != 0 && settings.token.empty() && settings.token_file.empty()) {
      return "admin-port: needs admin-token or admin-token-file";
    }
    return std::nullopt;
  });
}

AdminApi::AdminApi(const AdminSettings& settings, runtime::TlsContext* tls, runtime::MetricsRegistry& metrics,
                   Parts parts)
    : parts_(std::move(parts)),
      token_(settings.token_file.empty() ? settings.token : read_file(settings.token_file)),
      port_(settings.port),
      tls_(tls),
      metrics_(metrics) {
  if (!token_.empty() && token_.size() < kTokenBytesMin) {
    throw std::runtime_error(settings.token_file + ": an admin token must have at least 16 characters");
  }
}

AdminApi::~AdminApi() = default;

void AdminApi::add_to(runtime::HttpRoutes& routes, const AddRoutes& more) const {
  if (!token_.empty() && port_ == 0) add(routes, more);
}

void AdminApi::listen(runtime::Reactor& reactor, const std::string& host, const AddRoutes& more) {
  if (token_.empty() || port_ == 0) return;
  add(routes_, more);
  reactor_ = &reactor;
  server_ = std::make_unique<runtime::HttpServer>(
      reactor,
      runtime::HttpServer::Options{
          .host = host,
          .port = port_,
          .tls = tls_,
          .tls_handshakes_failed = runtime::count_tls_handshakes_failed(metrics_, "admin", tls_)},
      routes_);
  server_->start();
}

void AdminApi::stop() {
  if (server_) reactor_->post([this] { server_->stop(); });
}

void AdminApi::add(runtime::HttpRoutes& routes, const AddRoutes& more) const {
  runtime::GuardedRoutes guarded(routes, token_);
  guarded.add("GET", "/v1/admin/config",
              [this](const HttpRequest&, const Segments&) -> Answer { co_return config_response(parts_); });
  guarded.add("GET", "/v1/admin/log-level",
              [](const HttpRequest&, const Segments&) -> Answer { co_return level_response(); });
  guarded.add("PUT", "/v1/admin/log-level",
              [](const HttpRequest& request, const Segments&) -> Answer { co_return set_level(request); });
  if (parts_.dead_letters != nullptr) {
    chat::DeadLetters& letters = *parts_.dead_letters;
    guarded.add("GET", "/v1/admin/dead-letters",
                [&letters](const HttpRequest& request, const Segments&) { return list_letters(letters, request); });
    guarded.add("GET", "/v1/admin/dead-letters/:id",
                [&letters](const HttpRequest&, const Segments& segments) { return show_letter(letters, segments[0]); });
    guarded.add("POST", "/v1/admin/dead-letters/replay",
                [&letters](const HttpRequest& request, const Segments&) { return replay_letters(letters, request); });
  }
  if (more) more(guarded);
}

}  // namespace simplechat::apps
