#include "sv_websocket/connection.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sv_websocket/fakes_test.h"
#include "sv_websocket/transport.h"
#include "websocket/client_codec.h"

namespace simplechat::sv_websocket {
namespace {

using ::testing::ElementsAre;
using testing::run_until;

class ConnectionTest : public ::testing::Test, private ConnectionHandler {
 protected:
  ConnectionTest() : connection_(transport_, ends_[0], nullptr, *this, {}) { connection_.start("", ""); }
  void TearDown() override { ::close(ends_[1]); }

  void send(std::string_view text) {
    std::string frame;
    websocket::append_masked_frame(frame, websocket::Opcode::kText, text, 0x5a5a5a5a);
    ASSERT_EQ(::send(ends_[1], frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  void run_for_a_while() {
    while (reactor_.io().run_one_for(std::chrono::milliseconds(20)) > 0) {
    }
  }

  runtime::Reactor reactor_{0};
  Transport transport_{reactor_};
  std::array<int, 2> ends_ = socket_pair();
  std::vector<std::string> received_;
  Connection connection_;

 private:
  static std::array<int, 2> socket_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::runtime_error("socketpair");
    }
    return ends;
  }

  void on_text(std::string_view text) override { received_.emplace_back(text); }
  void on_binary(std::string_view) override {}
  void on_pong() override {}
  void on_closed() override {}
};

TEST_F(ConnectionTest, IsReadFromWhenNoReasonIsLeftNotTo) {
  send("1");
  run_until(reactor_, [&] { return received_.size() == 1; });
  connection_.pause_reading(Pause::approvals);
  connection_.pause_reading(Pause::drain);
  connection_.pause_reading(Pause::drain);
  send("2");
  for (const Pause ended : {Pause::registration, Pause::queue, Pause::approvals}) {
    connection_.resume_reading(ended);
    run_for_a_while();
    EXPECT_THAT(received_, ElementsAre("1"));
  }
  connection_.resume_reading(Pause::drain);
  run_until(reactor_, [&] { return received_.size() == 2; });
}

}  // namespace
}  // namespace simplechat::sv_websocket
