#include "wire/queue_body.h"

#include <string>
#include <utility>

#include "wire/json.h"
#include "wire/json_reader.h"
#include "wire/message_json.h"

namespace simplechat::wire {
namespace {

constexpr std::string_view kRecordTypes = "normal, received or read";

chat::Mark read_mark(ObjectReader& reader, chat::MarkKind kind) {
  return {.user = std::string(reader.user("user")),
          .with = std::string(reader.address("with")),
          .kind = kind,
          .at = reader.timestamp("at")};
}

void read_message(ObjectReader& reader, const QueueDefaults& defaults, chat::MessageBatch& out) {
  chat::MessageView message = reader.message(Presence::optional);
  if (reader.failed()) return;
  std::string made_id;
  if (message.id.empty()) message.id = made_id = defaults.make_id();
  if (message.at == 0) message.at = defaults.now();
  out.add(message);
}

void read_record(ObjectReader& reader, const QueueDefaults& defaults, chat::RecordBatch& out) {
  const auto type = reader.type(kRecordTypes);
  if (!type) return;
  if (*type == "normal") {
    read_message(reader, defaults, out.messages);
  } else if (*type == "received") {
    out.marks.push_back(read_mark(reader, chat::MarkKind::received));
  } else if (*type == "read") {
    out.marks.push_back(read_mark(reader, chat::MarkKind::read));
  } else {
    reader.fail(unknown_type(*type, kRecordTypes));
  }
}

void append_to(chat::RecordBatch& out, const chat::RecordBatch& records) {
  for (const chat::MessageView& message : records.messages) out.messages.add(message);
  out.marks.insert(out.marks.end(), records.marks.begin(), records.marks.end());
}

}  // namespace

void append_queue_record(std::string& out, const chat::MessageView& message) {
  out.append(R"({"type":"normal",)");
  append_message_members(out, message);
  out.append("}");
}

void append_queue_record(std::string& out, const chat::Mark& mark) {
  out.append(mark.kind == chat::MarkKind::read ? R"({"type":"read","user":)" : R"({"type":"received","user":)");
  append_json_string(out, mark.user);
  out.append(R"(,"with":)");
  append_json_string(out, mark.with);
  out.append(R"(,"at":)");
  append_json_integer(out, mark.at);
  out.append("}");
}

void append_queue_body(std::string& out, const chat::RecordBatch& batch) {
  std::string_view separator = "[";
  for (const chat::MessageView& message : batch.messages) {
    out.append(std::exchange(separator, ","));
    append_queue_record(out, message);
  }
  for (const chat::Mark& mark : batch.marks) {
    out.append(std::exchange(separator, ","));
    append_queue_record(out, mark);
  }
  out.append(batch.empty() ? "[]" : "]");
}

struct QueueBodyParser::State {
  JsonDocument document;
  chat::RecordBatch records;  // of the body at hand, until it is known to be good to its end
};

QueueBodyParser::QueueBodyParser() : state_(std::make_unique<State>()) {}
QueueBodyParser::~QueueBodyParser() = default;
QueueBodyParser::QueueBodyParser(QueueBodyParser&&) noexcept = default;
QueueBodyParser& QueueBodyParser::operator=(QueueBodyParser&&) noexcept = default;

chat::Result<void> QueueBodyParser::parse(std::string_view body, const QueueDefaults& defaults,
                                          chat::RecordBatch& out) {
  const auto root = state_->document.parse(body);
  if (!root) return std::unexpected(root.error());

  chat::RecordBatch& records = state_->records;
  records.clear();
  auto done = read_one_or_many(*root, "record", [&](ObjectReader& reader) { read_record(reader, defaults, records); });
  if (!done) return done;

  if (out.empty()) {
    std::swap(out, records);
  } else {
    append_to(out, records);
  }
  return {};
}

}  // namespace simplechat::wire
