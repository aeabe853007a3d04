#include "adapters/rabbitmq/connection.h"

#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <span>
#include <utility>

namespace simplechat::adapters::rabbitmq {
namespace {

constexpr amqp_channel_t kChannel = 1;  // of all calls and publishes
constexpr int kFrameBytesMax = 128 * 1024;
constexpr std::uint8_t kPersistent = 2;
constexpr amqp_boolean_t kNo = 0;
constexpr amqp_boolean_t kYes = 1;

// RabbitMQ 4 moves a delivery to the dead letters when it came back 20 times, and it comes back with every consumer
// that dies: what was acked to a sender must not leave the queue for that. A number that is never reached, since
// only 4.0 knows "none".
constexpr std::int32_t kDeliveryLimit = 1'000'000;

amqp_bytes_t bytes_of(std::string_view text) {
  return {.len = text.size(), .bytes = const_cast<char*>(text.data())};  // the library only reads it
}

std::string_view view_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

amqp_table_entry_t text_entry(std::string_view key, std::string_view value) {
  amqp_table_entry_t entry{};
  entry.key = bytes_of(key);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes_of(value);
  return entry;
}

amqp_table_entry_t flag_entry(std::string_view key, bool value) {
  amqp_table_entry_t entry{};
  entry.key = bytes_of(key);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = value ? kYes : kNo;
  return entry;
}

amqp_table_entry_t number_entry(std::string_view key, std::int32_t value) {
  amqp_table_entry_t entry{};
  entry.key = bytes_of(key);
  entry.value.kind = AMQP_FIELD_KIND_I32;
  entry.value.value.i32 = value;
  return entry;
}

amqp_table_entry_t table_entry(std::string_view key, amqp_table_t value) {
  amqp_table_entry_t entry{};
  entry.key = bytes_of(key);
  entry.value.kind = AMQP_FIELD_KIND_TABLE;
  entry.value.value.table = value;
  return entry;
}

template <std::size_t N>
amqp_table_t table_of(std::array<amqp_table_entry_t, N>& entries) {
  return {.num_entries = static_cast<int>(N), .entries = entries.data()};
}

std::string text_of(const amqp_table_t& table, std::string_view key) {
  const std::span<const amqp_table_entry_t> entries(table.entries, static_cast<std::size_t>(table.num_entries));
  for (const amqp_table_entry_t& entry : entries) {
    const bool is_text = entry.value.kind == AMQP_FIELD_KIND_UTF8 || entry.value.kind == AMQP_FIELD_KIND_BYTES;
    if (is_text && view_of(entry.key) == key) return std::string(view_of(entry.value.value.bytes));
  }
  return {};
}

timeval call_timeout() { return {.tv_sec = Connection::kCallTimeout.count(), .tv_usec = 0}; }

// What the broker says when it closes a channel or the connection.
std::string closing_words(const amqp_method_t& method) {
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    return std::string(view_of(static_cast<const amqp_channel_close_t*>(method.decoded)->reply_text));
  }
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    return std::string(view_of(static_cast<const amqp_connection_close_t*>(method.decoded)->reply_text));
  }
  return fmt::format("an unexpected answer, method {:#x}", method.id);
}

bool closed_the_channel(const amqp_rpc_reply_t& reply, std::uint16_t code) {
  return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD &&
         static_cast<const amqp_channel_close_t*>(reply.reply.decoded)->reply_code == code;
}

}  // namespace

Connection::~Connection() {
  if (interrupt_socket_ >= 0) ::close(interrupt_socket_);
}

Outcome Connection::open(const BrokerAddress& address) {
  state_.reset(amqp_new_connection());
  const std::expected<amqp_socket_t*, std::string> made =
      address.tls ? make_tls_socket(address) : amqp_tcp_socket_new(state_.get());
  if (!made) return std::unexpected(made.error());
  if (*made == nullptr) return std::unexpected("out of memory");
  const timeval timeout = call_timeout();
  amqp_set_handshake_timeout(state_.get(), &timeout);
  amqp_set_rpc_timeout(state_.get(), &timeout);
  const int connected = amqp_socket_open_noblock(*made, address.host.c_str(), address.port, &timeout);
  if (connected != AMQP_STATUS_OK) {
    return outcome_of(connected, fmt::format("cannot connect to {}:{}", address.host, address.port));
  }
  {
    const std::scoped_lock lock(interrupt_mutex_);
    if (interrupted_) return std::unexpected("interrupted");
    interrupt_socket_ = ::dup(socket());
  }
  return log_in(address);
}

std::expected<amqp_socket_t*, std::string> Connection::make_tls_socket(const BrokerAddress& address) {
  amqp_socket_t* const tls = amqp_ssl_socket_new(state_.get());
  if (tls == nullptr) return nullptr;
  amqp_ssl_socket_set_verify_peer(tls, kYes);
  amqp_ssl_socket_set_ssl_versions(tls, AMQP_TLSv1_2, AMQP_TLSvLATEST);
  // The library compares names by itself, and knows no addresses; OpenSSL knows both.
  amqp_ssl_socket_set_verify_hostname(tls, kNo);
  auto& context = *static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(tls));
  runtime::TlsClient::expect_host(context, address.host);
  const runtime::TlsTrust& trust = address.trust;
  if (trust.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
  } else if (amqp_ssl_socket_set_cacert(tls, trust.authorities.c_str()) != AMQP_STATUS_OK) {
    return std::unexpected(fmt::format("{} cannot be read", trust.authorities));
  }
  if (!trust.certificate.empty() &&
      amqp_ssl_socket_set_key(tls, trust.certificate.c_str(), trust.key.c_str()) != AMQP_STATUS_OK) {
    return std::unexpected(fmt::format("{} or {} cannot be read", trust.certificate, trust.key));
  }
  return tls;
}

Outcome Connection::log_in(const BrokerAddress& address) {
  std::array capabilities{flag_entry("connection.blocked", true), flag_entry("consumer_cancel_notify", true),
                          flag_entry("publisher_confirms", true), flag_entry("basic.nack", true)};
  std::array properties{text_entry("connection_name", name_), table_entry("capabilities", table_of(capabilities))};
  const amqp_table_t client = table_of(properties);
  const amqp_rpc_reply_t logged_in =
      amqp_login_with_properties(state_.get(), address.vhost.c_str(), kChannelMax, kFrameBytesMax, kHeartbeatSeconds,
                                 &client, AMQP_SASL_METHOD_PLAIN, address.user.c_str(), address.password.c_str());
  if (auto outcome = outcome_of(logged_in, "cannot log in"); !outcome) return outcome;
  return open_channel(kChannel);
}

Outcome Connection::open_channel(amqp_channel_t channel) {
  amqp_channel_open(state_.get(), channel);
  return outcome_of(amqp_get_rpc_reply(state_.get()), "cannot open a channel");
}

Outcome Connection::declare(const Topology& topology, Party party) {
  const auto ready = is_ready(topology, party);
  if (!ready) return std::unexpected(ready.error());
  // Declaring what is there compares its arguments.
  return *ready ? declare_queues(topology) : make_queues(topology, party);
}

// The marker is looked for last: a queue that was seen while it was being made is complete once the marker is back.
std::expected<bool, std::string> Connection::is_ready(const Topology& topology, Party party) {
  std::vector<std::string> queues{topology.dead_letter_queue()};
  if (party == Party::writer) queues.push_back(topology.writers());
  for (unsigned partition = 0; partition < topology.partitions(); ++partition)
    queues.push_back(topology.queue(partition));
  for (const std::string& queue : queues) {
    const auto found = look_at(queue);
    if (!found) return std::unexpected(found.error());
    if (!*found) return false;
  }
  amqp_exchange_declare(state_.get(), kChannel, bytes_of(topology.ready_marker()), bytes_of("fanout"), /*passive=*/kYes,
                        /*durable=*/kYes, /*auto_delete=*/kNo, /*internal=*/kNo, amqp_empty_table);
  return was_granted(AMQP_NOT_FOUND, "cannot look for the queues");
}

std::expected<std::optional<QueueState>, std::string> Connection::look_at(const std::string& queue) {
  const amqp_queue_declare_ok_t* const found =
      amqp_queue_declare(state_.get(), kChannel, bytes_of(queue), /*passive=*/kYes, /*durable=*/kYes, /*exclusive=*/kNo,
                         /*auto_delete=*/kNo, amqp_empty_table);
  std::optional<QueueState> state;
  if (found != nullptr) state = {.messages = found->message_count, .consumers = found->consumer_count};
  const auto granted = was_granted(AMQP_NOT_FOUND, "cannot look at queue " + queue);
  if (!granted) return std::unexpected(granted.error());
  return state;
}

std::expected<bool, std::string> Connection::lock(const std::string& queue) {
  amqp_queue_declare(state_.get(), kChannel, bytes_of(queue), /*passive=*/kNo, /*durable=*/kNo, /*exclusive=*/kYes,
                     /*auto_delete=*/kNo, amqp_empty_table);
  return was_granted(AMQP_RESOURCE_LOCKED, "cannot declare queue " + queue);
}

Outcome Connection::unlock(const std::string& queue) { return delete_queue(queue); }

Outcome Connection::delete_queue(const std::string& queue) {
  amqp_queue_delete(state_.get(), kChannel, bytes_of(queue), /*if_unused=*/kNo, /*if_empty=*/kNo);
  return outcome_of(amqp_get_rpc_reply(state_.get()), "cannot delete queue " + queue);
}

// Whether the broker did the last call, or refused it with this code. Refusing, it closes the channel, and this opens
// it again.
std::expected<bool, std::string> Connection::was_granted(std::uint16_t refusal, std::string_view what) {
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(state_.get());
  const bool refused = closed_the_channel(reply, refusal);
  Outcome outcome;
  if (!refused) {
    outcome = outcome_of(reply, what);
  } else {
    amqp_channel_close_ok_t closed{};
    outcome = outcome_of(amqp_send_method(state_.get(), kChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed), what);
    if (outcome) outcome = open_channel(kChannel);
  }
  if (!outcome) return std::unexpected(outcome.error());
  return !refused;
}

Outcome Connection::make_queues(const Topology& topology, Party party) {
  const std::string marker = topology.ready_marker();
  const auto locked = lock(topology.setup_lock());
  if (!locked) return std::unexpected(locked.error());
  if (!*locked) return std::unexpected("another connection is making the queues");  // has done so by the next attempt

  amqp_exchange_delete(state_.get(), kChannel, bytes_of(marker), /*if_unused=*/kNo);
  Outcome outcome = outcome_of(amqp_get_rpc_reply(state_.get()), "cannot delete exchange " + marker);
  if (outcome) outcome = declare_queues(topology);
  if (outcome) outcome = renew_writers(topology, party);
  if (!outcome) return outcome;

  amqp_exchange_declare(state_.get(), kChannel, bytes_of(marker), bytes_of("fanout"), /*passive=*/kNo, /*durable=*/kYes,
                        /*auto_delete=*/kNo, /*internal=*/kNo, amqp_empty_table);
  outcome = outcome_of(amqp_get_rpc_reply(state_.get()), "cannot declare exchange " + marker);
  return outcome ? unlock(topology.setup_lock()) : outcome;
}

// After the partitions, so that whoever finds its queue gone finds all of them.
Outcome Connection::renew_writers(const Topology& topology, Party party) {
  for (unsigned fewer = 1; fewer < topology.partitions(); ++fewer) {
    if (auto outcome = delete_queue(topology.with_partitions(fewer).writers()); !outcome) return outcome;
  }
  std::array arguments{text_entry("x-queue-type", "quorum")};
  return party == Party::writer ? declare_queue(topology.writers(), table_of(arguments)) : Outcome{};
}

Outcome Connection::declare_queues(const Topology& topology) {
  const std::string dead_letters = topology.dead_letter_queue();
  std::array dead_arguments{text_entry("x-queue-type", "quorum"), number_entry("x-delivery-limit", kDeliveryLimit)};
  if (auto outcome = declare_queue(dead_letters, table_of(dead_arguments)); !outcome) return outcome;

  std::array arguments{text_entry("x-queue-type", "quorum"), flag_entry("x-single-active-consumer", true),
                       number_entry("x-delivery-limit", kDeliveryLimit), text_entry("x-dead-letter-exchange", ""),
                       text_entry("x-dead-letter-routing-key", dead_letters)};
  for (unsigned partition = 0; partition < topology.partitions(); ++partition) {
    if (auto outcome = declare_queue(topology.queue(partition), table_of(arguments)); !outcome) return outcome;
  }
  return {};
}

Outcome Connection::declare_queue(const std::string& name, const amqp_table_t& arguments) {
  amqp_queue_declare(state_.get(), kChannel, bytes_of(name), /*passive=*/kNo, /*durable=*/kYes, /*exclusive=*/kNo,
                     /*auto_delete=*/kNo, arguments);
  return outcome_of(amqp_get_rpc_reply(state_.get()), "cannot declare queue " + name);
}

Outcome Connection::confirm_publishes() {
  amqp_confirm_select(state_.get(), kChannel);
  return outcome_of(amqp_get_rpc_reply(state_.get()), "cannot ask for confirms");
}

Outcome Connection::consume(ConsumerChannel channel, const std::string& queue, std::uint16_t prefetch) {
  if (auto outcome = open_channel(channel); !outcome) return outcome;
  amqp_basic_qos(state_.get(), channel, /*prefetch_size=*/0, prefetch, /*global=*/kNo);
  if (auto outcome = outcome_of(amqp_get_rpc_reply(state_.get()), "cannot set the prefetch"); !outcome) return outcome;
  amqp_basic_consume(state_.get(), channel, bytes_of(queue), /*consumer_tag=*/bytes_of(queue), /*no_local=*/kNo,
                     /*no_ack=*/kNo, /*exclusive=*/kNo, amqp_empty_table);
  return outcome_of(amqp_get_rpc_reply(state_.get()), "cannot consume from " + queue);
}

Outcome Connection::stop_consuming(ConsumerChannel channel) {
  return outcome_of(amqp_channel_close(state_.get(), channel, AMQP_REPLY_SUCCESS), "cannot close a channel");
}

Outcome Connection::publish(const std::string& queue, const Body& body) {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.content_type = bytes_of("application/json");
  properties.delivery_mode = kPersistent;
  std::array headers{text_entry("x-simplechat-reason", body.reason), text_entry("x-simplechat-queue", body.from_queue)};
  if (!body.reason.empty()) {
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = table_of(headers);
  }
  const int status = amqp_basic_publish(state_.get(), kChannel, amqp_empty_bytes, bytes_of(queue), /*mandatory=*/kYes,
                                        /*immediate=*/kNo, &properties, bytes_of(body.bytes));
  return outcome_of(status, "cannot publish");
}

std::expected<std::optional<Connection::Got>, std::string> Connection::get(const std::string& queue) {
  const amqp_rpc_reply_t reply = amqp_basic_get(state_.get(), kChannel, bytes_of(queue), /*no_ack=*/kNo);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL && reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return std::nullopt;
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
    return std::unexpected(outcome_of(reply, "cannot get from " + queue).error());
  }
  const auto* ok = static_cast<const amqp_basic_get_ok_t*>(reply.reply.decoded);
  Got got{.tag = {.channel = kChannel, .number = ok->delivery_tag},
          .left = ok->message_count,
          .body = {},
          .reason = {},
          .from_queue = {}};
  amqp_message_t message{};
  if (auto read = outcome_of(amqp_read_message(state_.get(), kChannel, &message, 0), "cannot read a message"); !read) {
    return std::unexpected(read.error());
  }
  got.body = view_of(message.body);
  if ((message.properties._flags & AMQP_BASIC_HEADERS_FLAG) != 0) {
    got.reason = text_of(message.properties.headers, "x-simplechat-reason");
    got.from_queue = text_of(message.properties.headers, "x-simplechat-queue");
    // What the broker itself moved here has its headers instead.
    if (got.reason.empty()) got.reason = text_of(message.properties.headers, "x-first-death-reason");
    if (got.from_queue.empty()) got.from_queue = text_of(message.properties.headers, "x-first-death-queue");
  }
  amqp_destroy_message(&message);
  amqp_maybe_release_buffers(state_.get());
  return got;
}

Outcome Connection::put_back() {
  amqp_basic_recover(state_.get(), kChannel, /*requeue=*/kYes);
  return outcome_of(amqp_get_rpc_reply(state_.get()), "cannot put messages back");
}

Outcome Connection::ack(DeliveryTag tag, bool multiple) {
  return outcome_of(amqp_basic_ack(state_.get(), tag.channel, tag.number, multiple ? kYes : kNo), "cannot ack");
}

Outcome Connection::pump() {
  constexpr timeval kNow{.tv_sec = 0, .tv_usec = 0};
  while (true) {
    amqp_maybe_release_buffers(state_.get());
    amqp_frame_t frame{};
    const int status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &kNow);
    if (status == AMQP_STATUS_TIMEOUT) return {};
    if (auto outcome = outcome_of(status, "connection lost"); !outcome) return outcome;
    if (auto outcome = handle(frame); !outcome) return outcome;
  }
}

Outcome Connection::handle(const amqp_frame_t& frame) {
  if (frame.frame_type == AMQP_FRAME_METHOD) return handle_method(frame.channel, frame.payload.method);
  Content& content = contents_[frame.channel];
  if (frame.frame_type == AMQP_FRAME_HEADER) {
    content.body.clear();
    content.bytes_left = frame.payload.properties.body_size;
  } else if (frame.frame_type == AMQP_FRAME_BODY) {
    const std::string_view fragment = view_of(frame.payload.body_fragment);
    if (fragment.size() > content.bytes_left) return std::unexpected("the broker sent more than it announced");
    content.body.append(fragment);
    content.bytes_left -= fragment.size();
  } else {
    return {};
  }
  if (content.bytes_left == 0) finish_content(frame.channel, content);
  return {};
}

Outcome Connection::handle_method(amqp_channel_t channel, const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
      handler_.on_confirmed(ack->delivery_tag, ack->multiple != 0);
      return {};
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
      handler_.on_refused(nack->delivery_tag, nack->multiple != 0);
      return {};
    }
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto* deliver = static_cast<const amqp_basic_deliver_t*>(method.decoded);
      contents_[channel].tag = deliver->delivery_tag;
      contents_[channel].queue = view_of(deliver->consumer_tag);
      return {};
    }
    case AMQP_BASIC_RETURN_METHOD: {
      // A confirm for the same body follows it, and would lie.
      const auto* returned = static_cast<const amqp_basic_return_t*>(method.decoded);
      return std::unexpected(fmt::format("queue {} is missing", view_of(returned->routing_key)));
    }
    case AMQP_BASIC_CANCEL_METHOD: {
      const auto* cancel = static_cast<const amqp_basic_cancel_t*>(method.decoded);
      return std::unexpected(fmt::format("queue {} has gone", view_of(cancel->consumer_tag)));
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      handler_.on_blocked(view_of(static_cast<const amqp_connection_blocked_t*>(method.decoded)->reason));
      return {};
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      handler_.on_unblocked();
      return {};
    default:
      return std::unexpected("closed by the broker: " + closing_words(method));
  }
}

void Connection::finish_content(amqp_channel_t channel, const Content& content) {
  handler_.on_delivery({.channel = channel, .number = content.tag}, content.queue, content.body);
}

void Connection::close() {
  const timeval briefly{.tv_sec = 1, .tv_usec = 0};
  amqp_set_rpc_timeout(state_.get(), &briefly);
  amqp_connection_close(state_.get(), AMQP_REPLY_SUCCESS);  // its outcome is of no use: the connection ends either way
}

void Connection::interrupt() {
  const std::scoped_lock lock(interrupt_mutex_);
  interrupted_ = true;
  if (interrupt_socket_ >= 0) ::shutdown(interrupt_socket_, SHUT_RDWR);
}

Outcome Connection::outcome_of(const amqp_rpc_reply_t& reply, std::string_view what) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
      amqp_maybe_release_buffers(state_.get());
      return {};
    case AMQP_RESPONSE_SERVER_EXCEPTION:
      return std::unexpected(fmt::format("{}: {}", what, closing_words(reply.reply)));
    default:
      return outcome_of(reply.library_error, what);
  }
}

Outcome Connection::outcome_of(int status, std::string_view what) {
  if (status == AMQP_STATUS_OK) return {};
  return std::unexpected(fmt::format("{}: {}", what, amqp_error_string2(status)));
}

}  // namespace simplechat::adapters::rabbitmq
