// For this folder's tests: sv-discover over parts in memory, on a reactor that the test runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "adapters/memory/blocks.h"
#include "adapters/memory/directory.h"
#include "adapters/memory/revocations.h"
#include "chat/clock.h"
#include "runtime/http_server.h"
#include "sv_discover/endpoints.h"

namespace simplechat::adapters::discover_http {

class SvDiscoverStandIn {
 public:
  static constexpr const char* kSecret = "s3cret";

  explicit SvDiscoverStandIn(const chat::BlockLimits& limits = {}) : blocks_(system_s, "run-1", limits) {
    sv_discover::add_endpoints(routes_, {.directory = directory_,
                                         .plain_records = no_plain_records_,
                                         .revocations = revocations_,
                                         .blocks = blocks_,
                                         .locator = locator_,
                                         .probe = probe_,
                                         .cluster_secret = kSecret});
    server_.start();
  }

  [[nodiscard]] std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  runtime::Reactor& reactor() { return reactor_; }
  void let_pass(std::chrono::milliseconds time) { now_ += time; }

 private:
  class NoPlainRecords final : public chat::PlainRecords {
   public:
    chat::Task<chat::Result<void>> set_plain(const std::string&, const std::string&) override { co_return refusal(); }
    chat::Task<chat::Result<void>> remove_plain(const std::string&) override { co_return refusal(); }
    chat::Task<chat::Result<std::optional<std::string>>> find_plain(const std::string&) override {
      co_return refusal();
    }

   private:
    static std::unexpected<chat::Error> refusal() {
      return chat::fail(chat::ErrorCode::internal, "not part of the test");
    }
  };

  static std::int64_t system_s() { return chat::system_wall_clock() / 1'000'000; }

  runtime::Reactor reactor_{0};
  std::chrono::steady_clock::time_point now_;
  memory::MemoryDirectory directory_{[this] { return now_; }, chat::system_wall_clock};
  NoPlainRecords no_plain_records_;
  memory::MemoryRevocations revocations_{system_s, "run-1"};
  memory::MemoryBlocks blocks_;
  runtime::MetricsRegistry metrics_;
  sv_discover::Probe probe_{metrics_, sv_discover::Locator::kUsersWaitingMax};
  sv_discover::Locator locator_{reactor_.executor(), directory_, probe_};
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor_, {}, routes_};
};

}  // namespace simplechat::adapters::discover_http
