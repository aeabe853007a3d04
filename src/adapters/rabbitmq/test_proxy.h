// For tests: a TCP proxy on loopback in front of the broker, which cuts connections, refuses new ones, and slips bytes
// into the stream.
#pragma once

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "adapters/rabbitmq/broker_address.h"

namespace simplechat::adapters::rabbitmq {

class TestProxy {
 public:
  explicit TestProxy(BrokerAddress broker) : broker_(std::move(broker)) {
    boost::asio::co_spawn(io_, accept(), boost::asio::detached);
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~TestProxy() { io_.stop(); }
  TestProxy(const TestProxy&) = delete;
  TestProxy& operator=(const TestProxy&) = delete;

  // The broker's, but through the proxy.
  [[nodiscard]] BrokerAddress address() const {
    BrokerAddress address = broker_;
    address.host = "127.0.0.1";
    address.port = port_;
    return address;
  }

  // Cuts every connection, in the middle of whatever is under way.
  void cut() {
    on_thread([this] {
      for (const auto& link : links_) link->close();
    });
  }
  // While refusing, connections are cut as soon as they are made.
  void refuse(bool refusing) { refusing_ = refusing; }
  // Sends bytes to every client, as if the broker had. Only while the connections are quiet.
  void inject(const std::string& bytes) {
    on_thread([&] {
      for (const auto& link : links_) boost::asio::write(link->client, boost::asio::buffer(bytes));
    });
  }

 private:
  using Tcp = boost::asio::ip::tcp;
  struct Link {
    explicit Link(Tcp::socket accepted) : client(std::move(accepted)), server(client.get_executor()) {}
    void close() {
      boost::system::error_code ignored;
      client.close(ignored);
      server.close(ignored);
    }
    Tcp::socket client;
    Tcp::socket server;
  };

  void on_thread(const std::function<void()>& work) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  boost::asio::awaitable<void> accept() {
    while (true) {
      const auto link = std::make_shared<Link>(co_await acceptor_.async_accept(boost::asio::use_awaitable));
      if (refusing_) continue;
      links_.push_back(link);
      boost::asio::co_spawn(io_, serve(link), boost::asio::detached);
    }
  }

  boost::asio::awaitable<void> serve(std::shared_ptr<Link> link) {
    boost::system::error_code error;
    const Tcp::endpoint endpoint(boost::asio::ip::make_address(broker_.host), broker_.port);
    co_await link->server.async_connect(endpoint, boost::asio::redirect_error(boost::asio::use_awaitable, error));
    if (error) link->close();
    boost::asio::co_spawn(io_, copy(link, link->server, link->client), boost::asio::detached);
    co_await copy(link, link->client, link->server);
    links_.remove(link);
  }

  static boost::asio::awaitable<void> copy(std::shared_ptr<Link> link, Tcp::socket& from, Tcp::socket& to) {
    boost::system::error_code error;
    std::string buffer(64 * 1024, '\0');
    while (!error) {
      const std::size_t size = co_await from.async_read_some(
          boost::asio::buffer(buffer), boost::asio::redirect_error(boost::asio::use_awaitable, error));
      if (error) break;
      co_await boost::asio::async_write(to, boost::asio::buffer(buffer, size),
                                        boost::asio::redirect_error(boost::asio::use_awaitable, error));
    }
    link->close();
  }

  const BrokerAddress broker_;
  boost::asio::io_context io_{1};
  Tcp::acceptor acceptor_{io_, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  const std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::list<std::shared_ptr<Link>> links_;  // the thread's own
  std::atomic<bool> refusing_ = false;
  std::jthread thread_;
};

}  // namespace simplechat::adapters::rabbitmq
