// Whatever a server sends, a client reads a frame whose fields keep the contract, or says what is wrong with it.

#include <cstdint>

#include "chat/ids.h"
#include "runtime/fuzz_target.h"
#include "wire/server_frame_reader.h"

namespace {

using namespace simplechat;
using namespace simplechat::runtime::fuzz;

void check(const chat::Message& message) {
  require(chat::is_message_id(message.id) && chat::is_user_id(message.from) && message.at >= 0);
  require(chat::is_user_id(message.to) || chat::is_group_address(message.to));
}

struct Check {
  void operator()(const wire::server::Registered& frame) const { require(chat::is_user_id(frame.user)); }
  void operator()(const wire::server::Ack& frame) const { require(frame.at >= 0); }
  void operator()(const wire::server::Normal& frame) const { check(frame.message); }
  void operator()(const wire::server::Typing& frame) const { require(chat::is_user_id(frame.from)); }
  void operator()(const chat::Mark& mark) const { require(chat::is_user_id(mark.user) && mark.at >= 0); }
  void operator()(const wire::server::Draining& frame) const { require(frame.after_ms >= 0); }
  void operator()(const wire::server::Error& frame) const { require(!frame.code.empty() && frame.retry_ms >= 0); }
  void operator()(const wire::server::History& frame) const {
    for (const chat::Message& message : frame.messages) check(message);
  }
  void operator()(const wire::server::Sync& frame) const {
    for (const chat::Message& message : frame.messages) check(message);
  }
  template <class Frame>
  void operator()(const Frame& /*frame*/) const {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static wire::server::FrameReader reader;  // used again and again, as by a client
  const auto frame = reader.read(text_of(data, size));
  if (frame) {
    std::visit(Check{}, *frame);
  } else {
    require((frame.error().code == chat::ErrorCode::bad_json || frame.error().code == chat::ErrorCode::bad_frame) &&
            !frame.error().message.empty());
  }
  return 0;
}
