#include "client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "websocket/client_codec.h"
#include "wire/close_code.h"

namespace simplechat::sim {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kFrameBytesMax = std::size_t{4} * 1024 * 1024;
constexpr microseconds kTickMin{60'000};
constexpr microseconds kTickMax{140'000};
constexpr microseconds kDozeMin{500'000};
constexpr microseconds kDozeMax{10'000'000};
constexpr microseconds kHeldLook{50'000};
constexpr milliseconds kPatience{6000};  // for any answer
constexpr milliseconds kBackoffFirst{200};
constexpr milliseconds kBackoffMax{3000};
constexpr double kOften = 0.15;     // at each tick
constexpr double kResetSeen = 0.2;  // at each tick
constexpr int kPageSize = 20;
constexpr std::size_t kUnackedMax = 20;

std::string_view text_of(simdjson::dom::object frame, std::string_view key) {
  std::string_view text;
  return frame[key].get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

std::int64_t integer_of(simdjson::dom::object frame, std::string_view key) {
  std::int64_t value = 0;
  return frame[key].get(value) == simdjson::SUCCESS ? value : 0;
}

MessageKey key_of(simdjson::dom::object message) {
  return {.from = std::string(text_of(message, "from")),
          .to = std::string(text_of(message, "to")),
          .id = std::string(text_of(message, "id"))};
}

}  // namespace

Client::Client(World& world, Gateways& gateways, Journal& journal, const Habits& habits, std::string user, int device,
               std::vector<std::string> peers)
    : world_(world),
      gateways_(gateways),
      journal_(journal),
      habits_(habits),
      random_(world.random().next()),
      user_(std::move(user)),
      name_(fmt::format("{}.{}", user_, device)),
      peers_(std::move(peers)),
      seen_{.user = user_, .name = name_, .messages = {}, .chain = {}, .registered_since = {}},
      decoder_({.message_bytes_max = kFrameBytesMax}, websocket::Role::kClient),
      tick_timer_(world.executor()),
      write_timer_(world.executor()),
      read_timer_(world.executor()) {}

Client::~Client() = default;

void Client::start() {
  back_at_ = world_.now();
  tick();
}

void Client::leave_for_good() {
  gone_ = true;
  disconnect();
  tick_timer_.cancel();
}

void Client::tick() {
  tick_timer_.expires_after(random_.between(kTickMin, kTickMax));
  tick_timer_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped || gone_) return;
    act();
    tick();
  });
}

void Client::act() {
  const TimePoint now = world_.now();
  if (now < awake_at_) return;
  if (state_ == State::offline) {
    if (now >= back_at_) connect();
    return;
  }
  // Its machine resets the connection sooner or later.
  if (gateway_->dead && (!world_.faulty() || random_.chance(kResetSeen))) {
    abandon("its gateway is dead");
    return;
  }
  if (state_ == State::registering) {
    if (register_at_ && now >= *register_at_) send_register();
    if (now - registering_since_ > kPatience) abandon("no answer to register");
    return;
  }
  if (sync_again_at_ && now >= *sync_again_at_) request_sync();
  const bool unanswered = !unacked_.empty() && unacked_.front().sent && now - *unacked_.front().sent > kPatience;
  if (unanswered || (sync_sent_ && now - *sync_sent_ > kPatience)) {
    abandon("no answer");
    return;
  }
  if (world_.faulty() && random_.chance(habits_.leave)) {
    abandon("leaves");
    return;
  }
  if (world_.faulty() && random_.chance(habits_.register_anew)) {
    seen_.registered_since.reset();
    sync_sent_.reset();
    sync_again_at_.reset();
    registering_since_ = now;
    state_ = State::registering;
    send(R"({"type":"unregister"})");
    send_register();
    return;
  }
  if (world_.faulty() && random_.chance(habits_.doze)) {
    awake_at_ = std::min(world_.faults_end(), now + random_.between(kDozeMin, kDozeMax));
    world_.trace(name_, "dozes");
    return;
  }
  repeat_unacked();
  if (sending_ && unacked_.size() < kUnackedMax && random_.chance(often_ ? kOften : habits_.send)) send_new_message();
}

void Client::connect() {
  const auto index = static_cast<std::size_t>(random_.next() % gateways_.size());
  SimGateway* gateway = gateways_.at(index);
  if (gateway == nullptr || world_.is_cut(name_, gateway->process().part)) {
    come_back_later();
    return;
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  ++connection_;
  gateway_ = &gateway->process();
  world_.trace(name_, "connects to", gateway_->part);
  decoder_ = websocket::Decoder({.message_bytes_max = kFrameBytesMax}, websocket::Role::kClient);
  socket_.emplace(world_.executor(), ends[0]);
  // So that what a client does not read soon waits with the gateway.
  const int kernel_bytes = 1;
  ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &kernel_bytes, sizeof kernel_bytes);
  gateway->accept(ends[1]);
  wait_readable();
  state_ = State::registering;
  registering_since_ = world_.now();
  send_register();
}

// The other side learns of it at once.
void Client::disconnect() {
  if (!socket_) return;
  socket_.reset();
  ++connection_;
  write_timer_.cancel();
  read_timer_.cancel();
  outgoing_.clear();
  gateway_ = nullptr;
  state_ = State::offline;
  seen_.registered_since.reset();
  sync_sent_.reset();
  sync_again_at_.reset();
  register_at_.reset();
  for (Unacked& each : unacked_) {
    each.sent.reset();
    each.again.reset();
  }
}

// The other side learns of it at once, or takes the connection for open until it finds out.
void Client::abandon(std::string_view why) {
  world_.trace(name_, "abandons its connection:", why);
  if (world_.faulty() && random_.chance(0.3)) {
    const int left_open = ::dup(socket_->native_handle());
    world_.spawn([](World& world, int fd, microseconds time) -> Task<void> {
      co_await world.sleep(time);
      ::close(fd);
    }(world_, left_open, random_.between(milliseconds(100), milliseconds(4000))));
  }
  disconnect();
  come_back_later();
}

void Client::come_back_later() {
  const microseconds span = std::min(kBackoffMax, kBackoffFirst * (1 << std::min(attempts_, 10)));
  ++attempts_;
  back_at_ = world_.now() + random_.between(microseconds(0), span);
}

void Client::send_register() {
  register_at_.reset();
  send(fmt::format(R"({{"type":"register","from":"{}","device":"{}"}})", user_, name_));
}

void Client::send_new_message() { write_message(peers_[random_.next() % peers_.size()], std::nullopt, 0); }

void Client::answer(const MessageKey& key, chat::Timestamp at) {
  if (!sending_ || state_ != State::registered || unacked_.size() >= kUnackedMax) return;
  write_message(key.from, key, at);
}

void Client::write_message(const std::string& to, std::optional<MessageKey> answers, chat::Timestamp answered_at) {
  const std::string id = fmt::format("{}-{}", name_, ++messages_);
  MessageKey key{.from = user_, .to = to, .id = id};
  std::string payload = fmt::format("from {} to {} number {}", name_, to, messages_);
  std::string frame = fmt::format(R"({{"type":"normal","to":"{}","id":"{}","payload":"{}"}})", to, id, payload);
  journal_.sent[key] = {.payload = std::move(payload),
                        .at = world_.now(),
                        .acked = false,
                        .answers = std::move(answers),
                        .answered_at = answered_at};
  seen_.messages.insert(key);
  world_.trace(name_, "writes", id);
  unacked_.push_back({.key = std::move(key), .frame = std::move(frame), .sent = {}, .again = {}});
  repeat_unacked();
}

void Client::repeat_unacked() {
  if (state_ != State::registered) return;
  for (Unacked& each : unacked_) {
    if (each.sent && !(each.again && world_.now() >= *each.again)) continue;
    send_message(each);
  }
}

void Client::send_message(Unacked& message) {
  message.sent = world_.now();
  message.again.reset();
  send(message.frame);
}

void Client::sync_again() {
  seen_.synced_to_end = false;
  request_sync();
}

void Client::request_sync() {
  sync_again_at_.reset();
  if (state_ != State::registered) return;
  if (sync_sent_) {
    sync_wanted_ = true;
    return;
  }
  sync_wanted_ = false;
  sync_sent_ = world_.now();
  ++sync_ref_;
  const std::string cursor = cursor_.empty() ? std::string() : fmt::format(R"("cursor":"{}",)", cursor_);
  send(fmt::format(R"({{"type":"sync",{}"limit":{},"ref":{}}})", cursor, kPageSize, sync_ref_));
}

microseconds Client::latency() { return world_.leg(name_, gateway_->part).delay; }

bool Client::held() const {
  return world_.now() < awake_at_ || gateway_->dead || world_.now() < gateway_->stalled_until ||
         world_.is_cut(name_, gateway_->part);
}

void Client::send(std::string frame) {
  if (!socket_) return;
  std::string bytes;
  websocket::append_masked_frame(bytes, websocket::Opcode::kText, frame, 0);
  TimePoint due = world_.now() + latency();
  if (!outgoing_.empty()) due = std::max(due, outgoing_.back().due);
  outgoing_.push_back({.due = due, .bytes = std::move(bytes)});
  if (outgoing_.size() == 1) pump();
}

void Client::pump() {
  if (outgoing_.empty()) return;
  write_timer_.expires_at(outgoing_.front().due);
  write_timer_.async_wait([this, connection = connection_](const boost::system::error_code& stopped) {
    if (stopped || connection != connection_) return;
    if (held()) {
      outgoing_.front().due = world_.now() + kHeldLook;
    } else {
      const std::string bytes = std::move(outgoing_.front().bytes);
      outgoing_.pop_front();
      // A socket whose buffer is full or whose peer has gone is as good as broken; read() sees its end.
      static_cast<void>(::send(socket_->native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    pump();
  });
}

void Client::wait_readable() {
  socket_->async_wait(asio::posix::descriptor_base::wait_read,
                      [this, connection = connection_](const boost::system::error_code& stopped) {
                        if (!stopped && connection == connection_) read_later();
                      });
}

void Client::read_later() {
  read_timer_.expires_after(held() ? kHeldLook : latency());
  read_timer_.async_wait([this, connection = connection_](const boost::system::error_code& stopped) {
    if (stopped || connection != connection_) return;
    if (held()) {
      read_later();
    } else {
      read();
    }
  });
}

void Client::read() {
  const std::uint64_t connection = connection_;
  std::array<char, 16384> buffer;
  ended_by_peer_ = false;
  while (connection == connection_ && !ended_by_peer_) {
    const ssize_t got = ::recv(socket_->native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
      wait_readable();
      return;
    }
    ended_by_peer_ = got <= 0;
    if (got > 0) static_cast<void>(decoder_.feed({buffer.data(), static_cast<std::size_t>(got)}, *this));
  }
  if (connection != connection_) return;
  world_.trace(name_, "is disconnected");
  disconnect();
  come_back_later();
}

void Client::on_ping(std::string_view payload) {
  std::string bytes;
  websocket::append_masked_frame(bytes, websocket::Opcode::kPong, payload, 0);
  outgoing_.push_back({.due = world_.now() + latency(), .bytes = std::move(bytes)});
  if (outgoing_.size() == 1) pump();
}

void Client::on_close(std::uint16_t code, std::string_view /*reason*/) {
  world_.trace(name_, code == wire::kCloseSlowConsumer ? "was too slow" : "gets a close");
  ended_by_peer_ = true;
}

void Client::on_text(std::string_view text) {
  if (ended_by_peer_) return;
  world_.trace(name_, "gets", text);
  simdjson::dom::object frame;
  if (parser_.parse(text.data(), text.size()).get(frame) != simdjson::SUCCESS) {
    journal_.complaints.push_back(fmt::format("{} cannot read {}", name_, text));
    return;
  }
  const std::string_view type = text_of(frame, "type");
  if (type == "registered") return on_registered();
  if (type == "ack") return on_ack(frame);
  if (type == "error") return on_error(frame);
  if (type == "normal") return on_normal(frame);
  if (type == "sync") return on_sync(frame);
  if (type == "resync") {
    world_.trace(name_, "is told to resync");
    return request_sync();
  }
}

void Client::on_registered() {
  state_ = State::registered;
  attempts_ = 0;
  seen_.registered_since = world_.now();
  request_sync();
  repeat_unacked();
}

void Client::on_ack(simdjson::dom::object frame) {
  const MessageKey key{.from = user_, .to = std::string(text_of(frame, "to")), .id = std::string(text_of(frame, "id"))};
  const auto sent = journal_.sent.find(key);
  if (sent == journal_.sent.end()) {
    journal_.complaints.push_back(fmt::format("{} got an ack for {}, which nobody sent", name_, key.id));
    return;
  }
  sent->second.acked = true;
  std::erase_if(unacked_, [&key](const Unacked& each) { return each.key == key; });
}

void Client::on_error(simdjson::dom::object frame) {
  const std::string_view id = text_of(frame, "id");
  const TimePoint later = world_.now() + random_.between(milliseconds(100), milliseconds(1000));
  if (!id.empty()) {
    for (Unacked& each : unacked_) {
      if (each.key.id == id) each.again = later;
    }
  } else if (integer_of(frame, "ref") == static_cast<std::int64_t>(sync_ref_) && sync_sent_) {
    sync_sent_.reset();
    sync_again_at_ = later;
  } else if (state_ == State::registering) {
    register_at_ = later;
  }
}

void Client::on_normal(simdjson::dom::object frame) {
  const MessageKey key = key_of(frame);
  const bool is_new = seen_.messages.insert(key).second;
  if (is_new && key.from != user_ && random_.chance(habits_.answer)) answer(key, integer_of(frame, "at"));
}

void Client::on_sync(simdjson::dom::object frame) {
  if (!sync_sent_ || integer_of(frame, "ref") != static_cast<std::int64_t>(sync_ref_)) return;
  sync_sent_.reset();
  cursor_ = text_of(frame, "cursor");
  simdjson::dom::array messages;
  if (frame["messages"].get(messages) != simdjson::SUCCESS) return;
  std::vector<Synced> fresh;
  for (const simdjson::dom::element element : messages) {
    simdjson::dom::object message;
    if (element.get(message) != simdjson::SUCCESS) continue;
    Synced synced{
        .key = key_of(message), .payload = std::string(text_of(message, "payload")), .at = integer_of(message, "at")};
    if (seen_.messages.insert(synced.key).second) fresh.push_back(synced);
    seen_.chain.push_back(std::move(synced));
  }
  bool more = false;
  if (frame["more"].get(more) != simdjson::SUCCESS) return;
  seen_.synced_to_end = !more && !sync_wanted_;
  if (more || sync_wanted_) request_sync();
  for (const Synced& each : fresh) {
    if (each.key.from != user_ && random_.chance(habits_.answer / 2)) answer(each.key, each.at);
  }
}

}  // namespace simplechat::sim
