// For this folder's tests: the application, whose answer the test gives.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "adapters/hook_http/hook_client.h"
#include "runtime/http_server.h"

namespace simplechat::adapters::hook_http::testing {

class Application {
 public:
  static constexpr chat::Timestamp kNow = 1'700'000'000'000'000;

  Application() {
    routes_.add("POST", "/hook", [this](const runtime::HttpRequest& request, const std::vector<std::string>&) {
      asked = request;
      return [](runtime::HttpResponse response) -> boost::asio::awaitable<runtime::HttpResponse> {
        co_return response;
      }(answer);
    });
    server_.start();
  }

  [[nodiscard]] HookOptions options(std::string path = "/hook") const {
    return {.url = "http://127.0.0.1:" + std::to_string(server_.port()) + path,
            .deadline = std::chrono::seconds(20),
            .wall_clock = [] { return kNow; }};
  }

  template <class Hook, class Question>
  auto ask(const HookOptions& options, Question question) {
    Hook hook(reactor.executor(), options, metrics);
    return contract::run_to_end(reactor.io(), hook.ask(std::move(question)));
  }

  runtime::Reactor reactor{0};
  runtime::MetricsRegistry metrics;
  runtime::HttpRequest asked;
  runtime::HttpResponse answer{.body = R"({"allow":true})"};

 private:
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_{reactor, {}, routes_};
};

}  // namespace simplechat::adapters::hook_http::testing
