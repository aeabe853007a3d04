// Bodies of the queue between gateways and sv-persist: RecordBatch <-> JSON. Pure.
//
// A body is an array of records, each {"type":"normal","id","from","to","payload","at"} or
// {"type":"received"|"read","user","with","at"}; or one such object, as the original SimpleChat wrote it:
// {"type":"normal","from","to","payload"}, possibly without `id` and `at` and with numeric users.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "chat/error.h"
#include "chat/records.h"

namespace simplechat::wire {

// Appends the whole batch, messages first, as one array.
void append_queue_body(std::string& out, const chat::RecordBatch& batch);
void append_queue_record(std::string& out, const chat::MessageView& message);  // one record without the array
void append_queue_record(std::string& out, const chat::Mark& mark);

// What a message that came without id or time gets.
struct QueueDefaults {
  std::function<std::string()> make_id;
  std::function<chat::Timestamp()> now;
};

class QueueBodyParser {
 public:
  QueueBodyParser();
  ~QueueBodyParser();
  QueueBodyParser(QueueBodyParser&&) noexcept;
  QueueBodyParser& operator=(QueueBodyParser&&) noexcept;

  // Appends the body's records to `out`; all or nothing. `at` 0 counts as absent. The error (bad_json, bad_frame,
  // unknown_type, too_large) is the reason that the dead-letter queue shows.
  [[nodiscard]] chat::Result<void> parse(std::string_view body, const QueueDefaults& defaults, chat::RecordBatch& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace simplechat::wire
