// The connection of a ClientSession: a WebSocket over TCP or TLS, by Boost.Beast, which websocket_link.cc alone names.
//
// Lives on one io_context, whose thread calls it and is called back. Events come from the loop, never from within a
// call. Bound: what the session hands over; it keeps to its outbox. A message of more than kMessageBytesMax ends the
// connection.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chat_client/client_session.h"
#include "chat_client/server_url.h"

namespace simplechat::chat_client {

class LinkEvents {
 public:
  virtual void link_opened() = 0;
  virtual void text_received(std::string_view text) = 0;
  virtual void link_lost(const LinkLoss& loss) = 0;
  virtual void link_closed() = 0;  // after close()

 protected:
  ~LinkEvents() = default;
};

class Connection;
class Tls;

class WebSocketLink {
 public:
  // A page of the greatest size with every byte escaped, and the rest.
  static constexpr std::size_t kMessageBytesMax = std::size_t{16} * 1024 * 1024;

  // `ca_file`: PEM certificates to trust with wss://; empty: the system's. Throws std::runtime_error if they cannot be
  // read.
  WebSocketLink(boost::asio::io_context& loop, std::vector<ServerUrl> urls, const std::string& ca_file,
                LinkEvents& events);
  ~WebSocketLink();
  WebSocketLink(const WebSocketLink&) = delete;
  WebSocketLink& operator=(const WebSocketLink&) = delete;

  // To the next of the urls. Then link_opened() or link_lost() follows.
  void open();
  void send(std::vector<std::string> texts);
  // Reads nothing until it is called with false.
  void pause(bool paused);
  // Forgets the connection at once: no event of it follows.
  void drop();
  // Sends what waits and says goodbye; link_closed() follows, or nothing if the server does not answer.
  void close();

 private:
  boost::asio::io_context& loop_;
  const std::vector<ServerUrl> urls_;
  LinkEvents& events_;
  std::unique_ptr<Tls> tls_;
  std::shared_ptr<Connection> connection_;
  std::size_t next_url_ = 0;
  bool paused_ = false;
};

}  // namespace simplechat::chat_client
