#include "adapters/relay_http/relay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wire/delivery_body.h"

namespace simplechat::adapters::relay_http {
namespace {

std::unexpected<chat::Error> failed(std::string_view url, std::string_view what) {
  return chat::fail(chat::ErrorCode::unavailable, fmt::format("gateway {}: {}", url, what));
}

bool fits_one_body(const chat::DeliveryBatch& batch) {
  return batch.bytes() <= HttpRelay::kBodyBytesMax && batch.size() <= HttpRelay::kDeliveriesMax;
}

// Copies deliveries from `begin` on into `part` until that is full, one at least. Returns the index behind them.
std::size_t cut_part(const chat::DeliveryBatch& batch, std::size_t begin, chat::DeliveryBatch& part) {
  part.clear();
  part.observe(batch.latest_at());
  std::size_t end = begin;
  do {
    part.add(batch[end++]);
  } while (end < batch.size() && part.size() < HttpRelay::kDeliveriesMax &&
           part.bytes() + batch[end].frame.size() <= HttpRelay::kBodyBytesMax);
  return end;
}

}  // namespace

HttpRelay::HttpRelay(boost::asio::any_io_executor executor, Options options)
    : executor_(std::move(executor)), options_(std::move(options)) {}

chat::Task<chat::Result<std::vector<std::size_t>>> HttpRelay::deliver(const std::string& url,
                                                                      const chat::DeliveryBatch& batch) {
  const auto gateway = gateway_at(url);
  if (!gateway) co_return std::unexpected(gateway.error());
  if (fits_one_body(batch)) co_return co_await post(**gateway, batch);
  std::vector<std::size_t> absent;
  chat::DeliveryBatch part;
  for (std::size_t begin = 0; begin < batch.size();) {
    const std::size_t end = cut_part(batch, begin, part);
    const auto absent_in_part = co_await post(**gateway, part);
    if (!absent_in_part) co_return std::unexpected(absent_in_part.error());
    for (const std::size_t index : *absent_in_part) absent.push_back(begin + index);
    begin = end;
  }
  co_return absent;
}

chat::Task<chat::Result<std::vector<std::size_t>>> HttpRelay::post(Gateway& gateway, const chat::DeliveryBatch& part) {
  runtime::HttpRequest request{
      .method = "POST", .target = "/v1/deliver", .content_type = std::string(wire::kDeliveryContentType)};
  wire::append_delivery_body(request.body, part);
  const std::string& url = gateway.client.origin();
  const auto response = co_await gateway.client.call(std::move(request));
  gateway.used_at = Clock::now();
  if (!response) co_return failed(url, response.error().message);
  if (response->status != 200) co_return failed(url, fmt::format("answered {}", response->status));
  auto absent = wire::parse_delivery_answer(response->body);
  if (!absent) co_return failed(url, absent.error().message);
  const bool in_range = std::ranges::all_of(*absent, [&](std::size_t index) { return index < part.size(); });
  if (!in_range) co_return failed(url, "the answer names a delivery that there is not");
  co_return absent;
}

chat::Result<std::shared_ptr<HttpRelay::Gateway>> HttpRelay::gateway_at(const std::string& url) {
  const Clock::time_point now = Clock::now();
  auto entry = gateways_.find(url);
  if (entry == gateways_.end()) {
    // Urls come from the directory, so that a malformed one is possible and must not end the process.
    if (const auto problem = runtime::check_http_origin(url)) return failed(url, *problem);
    drop_idle(now);
    if (gateways_.size() >= kGatewaysMax) return failed(url, "too many gateways are spoken to");
    entry = gateways_.emplace(url, std::make_shared<Gateway>(executor_, url, options_)).first;
  }
  entry->second->used_at = now;
  return entry->second;
}

void HttpRelay::drop_idle(Clock::time_point now) {
  // One that is shared has a call under way.
  erase_if(gateways_,
           [&](const auto& entry) { return entry.second.use_count() == 1 && entry.second->used_at + kIdleMax < now; });
}

}  // namespace simplechat::adapters::relay_http
