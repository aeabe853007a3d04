// An HttpServer on a reactor of its own with some routes, for tests that speak to it byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/http.h"
#include "runtime/http_server.h"
#include "runtime/loopback_peer.h"
#include "runtime/reactor.h"

namespace simplechat::runtime {

inline const std::string kGet = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n";

inline std::string post(std::string_view body, std::string_view further_headers = "") {
  return "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(further_headers) + "\r\n" + std::string(body);
}

// One connection of an address at a time.
class OnePeer final : public PeerLimit {
 public:
  virtual ~OnePeer() = default;

  bool enter(const std::string& address) override {
    EXPECT_EQ(address, "127.0.0.1");
    if (connections_ == 1) return false;
    ++connections_;
    return true;
  }
  void leave(const std::string& /*address*/) override { --connections_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  std::atomic<int> connections_ = 0;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    routes_.add("GET", "/hello", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.content_type = "text/plain", .body = "hello", .headers = {{"X-Further", "yes"}}};
    });
    routes_.add("POST", "/echo", [](const HttpRequest& request, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.content_type = request.content_type, .body = request.body};
    });
    routes_.add("GET", "/request", [](const HttpRequest& request, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.body = request.method + "|" + request.target + "|" + request.authorization + "|" +
                                     request.remote_address};
    });
    routes_.add("GET", "/throw", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
      throw std::runtime_error("handler fault");
      co_return HttpResponse{};
    });
    routes_.add("GET", "/empty", [](const HttpRequest&, const auto&) -> boost::asio::awaitable<HttpResponse> {
      co_return HttpResponse{.status = 204};
    });
    routes_.add("GET", "/wait", [this](const HttpRequest&, const auto&) { return wait_for_go(); });
  }

  ~HttpServerTest() override {
    if (server_) on_reactor([this] { server_->stop(); });
    reactors_.stop();
  }

  void start(HttpServer::Options options = {}, HttpServer::UpgradeHandler on_upgrade = {}) {
    server_.emplace(reactors_[0], std::move(options), routes_, std::move(on_upgrade));
    server_->start();
    reactors_.start();
  }

  LoopbackPeer connect() { return LoopbackPeer(server_->port()); }

  template <class Work>
  void on_reactor(Work work) {
    std::promise<void> done;
    reactors_[0].post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  boost::asio::awaitable<HttpResponse> wait_for_go() {
    waiting_ = true;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (!go_) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return HttpResponse{.body = "went"};
  }

  std::atomic<bool> waiting_ = false;
  std::atomic<bool> go_ = false;
  HttpRoutes routes_;
  OnePeer peers_;  // outlives the server
  ReactorPool reactors_{1};
  std::optional<HttpServer> server_;
};

}  // namespace simplechat::runtime
