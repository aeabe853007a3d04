#include "sv_discover/endpoints.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/ids.h"
#include "wire/block_body.h"
#include "wire/changes_body.h"
#include "wire/directory_body.h"
#include "wire/http_status.h"
#include "wire/revocation_body.h"

namespace simplechat::sv_discover {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using Segments = std::vector<std::string>;
// The body of a success.
using Answer = chat::Task<chat::Result<std::string>>;
using Endpoint = std::function<Answer(const HttpRequest&, const Segments&)>;

HttpResponse error_response(const chat::Error& error) {
  return runtime::http_error(wire::http_status(error.code), chat::to_string(error.code), error.message);
}

bool has_secret(const HttpRequest& request, std::string_view secret) {
  constexpr std::string_view kScheme = "Bearer ";
  if (secret.empty()) return true;
  const std::string_view header = request.authorization;
  if (!header.starts_with(kScheme)) return false;
  const std::string_view token = header.substr(kScheme.size());
  // In constant time, so that answering does not tell how much of a guess was right.
  return token.size() == secret.size() && CRYPTO_memcmp(token.data(), secret.data(), secret.size()) == 0;
}

// A call without a value, as a success or its error.
chat::Result<std::string> to_answer(const chat::Result<void>& done) {
  if (!done) return std::unexpected(done.error());
  return wire::encode_success();
}

// --- of the gateways ---

Answer renew(const EndpointParts& parts, const HttpRequest& request) {
  const auto asked = wire::parse_renew(request.body);
  if (!asked) co_return std::unexpected(asked.error());
  const auto state = co_await parts.directory.renew(asked->gateway, asked->lease);
  if (!state) co_return std::unexpected(state.error());
  parts.probe.lease_renewed();
  co_return wire::encode_lease_state(*state);
}

Answer apply(const EndpointParts& parts, const HttpRequest& request) {
  const auto asked = wire::parse_apply(request.body);
  if (!asked) co_return std::unexpected(asked.error());
  const auto applied = co_await parts.directory.apply(asked->gateway, asked->changes);
  if (!applied) co_return std::unexpected(applied.error());
  parts.probe.changes_applied(asked->changes.size());
  co_return wire::encode_applied(*applied);
}

Answer locate(const EndpointParts& parts, const HttpRequest& request) {
  auto users = wire::parse_locate(request.body);
  if (!users) co_return std::unexpected(users.error());
  const auto found = co_await parts.locator.locate(*std::move(users));
  if (!found) co_return std::unexpected(found.error());
  co_return wire::encode_locations(*found);
}

Answer close(const EndpointParts& parts, const HttpRequest& request) {
  const auto gateway = wire::parse_close(request.body);
  if (!gateway) co_return std::unexpected(gateway.error());
  co_return to_answer(co_await parts.directory.close(*gateway));
}

Answer revoke(const EndpointParts& parts, const HttpRequest& request) {
  const auto revocations = wire::parse_revoke(request.body);
  if (!revocations) co_return std::unexpected(revocations.error());
  co_return to_answer(co_await parts.revocations.revoke(*revocations));
}

Answer revocations(const EndpointParts& parts, const HttpRequest& request) {
  const auto version = wire::parse_changes_request(request.body);
  if (!version) co_return std::unexpected(version.error());
  const auto changes = co_await parts.revocations.changes_since(*version);
  if (!changes) co_return std::unexpected(changes.error());
  co_return wire::encode_changes(*changes);
}

Answer block(const EndpointParts& parts, const HttpRequest& request) {
  const auto changes = wire::parse_block(request.body);
  if (!changes) co_return std::unexpected(changes.error());
  co_return to_answer(co_await parts.blocks.change_blocks(*changes));
}

Answer blocks(const EndpointParts& parts, const HttpRequest& request) {
  const auto version = wire::parse_changes_request(request.body);
  if (!version) co_return std::unexpected(version.error());
  const auto changes = co_await parts.blocks.blocks_since(*version);
  if (!changes) co_return std::unexpected(changes.error());
  co_return wire::encode_block_changes(*changes);
}

// --- of the original ---

chat::Result<std::string> check_key(const std::string& key) {
  if (chat::is_user_id(key)) return key;
  return chat::fail(chat::ErrorCode::bad_frame, "the key must be 1 to 64 characters of A-Z a-z 0-9 . _ - @ +");
}

Answer get(const EndpointParts& parts, const Segments& segments) {
  const auto key = check_key(segments.front());
  if (!key) co_return std::unexpected(key.error());
  const auto found = co_await parts.locator.locate(std::vector<std::string>{*key});
  if (!found) co_return std::unexpected(found.error());
  const auto urls = found->of(0);
  if (!urls.empty()) co_return wire::encode_value(&*std::ranges::min_element(urls));
  const auto plain = co_await parts.plain_records.find_plain(*key);
  if (!plain) co_return std::unexpected(plain.error());
  co_return wire::encode_value(plain->has_value() ? &**plain : nullptr);
}

Answer set(const EndpointParts& parts, const HttpRequest& request) {
  const auto record = wire::parse_set(request.body);
  if (!record) co_return std::unexpected(record.error());
  co_return to_answer(co_await parts.plain_records.set_plain(record->key, record->value));
}

// `key`: the body's or the path's.
Answer del(const EndpointParts& parts, chat::Result<std::string> key) {
  if (!key) co_return std::unexpected(key.error());
  co_return to_answer(co_await parts.plain_records.remove_plain(*key));
}

// Asks for the secret, and makes an answer of what the endpoint returns.
runtime::HttpRoutes::Handler guarded(const EndpointParts& parts, Endpoint endpoint) {
  return [parts, endpoint = std::move(endpoint)](const HttpRequest& request,
                                                 const Segments& segments) -> boost::asio::awaitable<HttpResponse> {
    chat::Result<std::string> body =
        chat::fail(chat::ErrorCode::unauthorized, "the cluster secret is missing or wrong");
    if (has_secret(request, parts.cluster_secret)) body = co_await endpoint(request, segments);
    if (body) co_return HttpResponse{.body = *std::move(body)};
    parts.probe.call_refused();
    co_return error_response(body.error());
  };
}

}  // namespace

void add_endpoints(runtime::HttpRoutes& routes, const EndpointParts& parts) {
  const auto add = [&](std::string method, std::string pattern, Endpoint endpoint) {
    routes.add(std::move(method), std::move(pattern), guarded(parts, std::move(endpoint)));
  };
  add("POST", "/v1/renew", [parts](const HttpRequest& request, const Segments&) { return renew(parts, request); });
  add("POST", "/v1/apply", [parts](const HttpRequest& request, const Segments&) { return apply(parts, request); });
  add("POST", "/v1/locate", [parts](const HttpRequest& request, const Segments&) { return locate(parts, request); });
  add("POST", "/v1/close", [parts](const HttpRequest& request, const Segments&) { return close(parts, request); });
  add("POST", "/v1/revoke", [parts](const HttpRequest& request, const Segments&) { return revoke(parts, request); });
  add("POST", "/v1/revocations",
      [parts](const HttpRequest& request, const Segments&) { return revocations(parts, request); });
  add("POST", "/v1/block", [parts](const HttpRequest& request, const Segments&) { return block(parts, request); });
  add("POST", "/v1/blocks", [parts](const HttpRequest& request, const Segments&) { return blocks(parts, request); });
  add("GET", "/get/:key", [parts](const HttpRequest&, const Segments& segments) { return get(parts, segments); });
  add("POST", "/set", [parts](const HttpRequest& request, const Segments&) { return set(parts, request); });
  add("DELETE", "/del",
      [parts](const HttpRequest& request, const Segments&) { return del(parts, wire::parse_del(request.body)); });
  add("DELETE", "/del/:key",
      [parts](const HttpRequest&, const Segments& segments) { return del(parts, check_key(segments.front())); });
}

}  // namespace simplechat::sv_discover
