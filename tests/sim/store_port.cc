#include "store_port.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace simplechat::sim {
namespace {

constexpr microseconds kCommitMin{500};
constexpr microseconds kCommitMax{8'000};
constexpr microseconds kSlowCommitMax{700'000};

std::string key_of(const chat::MessageView& message) {
  return fmt::format("{} {} {}", message.from, message.to, message.id);
}

}  // namespace

Task<Result<void>> StoreService::append(chat::RecordBatch batch) {
  // What the mutated store orders its messages by is drawn here, before it is known when they will be visible.
  for (const chat::MessageView message : batch.messages) {
    drawn_ids_.try_emplace(key_of(message), drawn_ids_.size() + 1);
  }
  const bool slow = world_.faulty() && world_.random().chance(0.1);
  co_await world_.sleep(world_.random().between(kCommitMin, slow ? kSlowCommitMax : kCommitMax));
  if (world_.mutated(Mutation::no_dedupe)) store_repeats_too(batch);
  for (const chat::MessageView message : batch.messages) world_.trace(message.from, "committed", message.id);
  co_return co_await log_.append(batch);
}

void StoreService::store_repeats_too(chat::RecordBatch& batch) {
  chat::RecordBatch renamed;
  renamed.marks = batch.marks;
  for (const chat::MessageView message : batch.messages) {
    const int before = repeats_[key_of(message)]++;
    chat::MessageView copy = message;
    const std::string id =
        before == 0 ? std::string(message.id) : fmt::format("{}{}{}", message.id, kRepeatMark, before);
    copy.id = id;
    renamed.messages.add(copy);
  }
  batch = std::move(renamed);
}

Task<Result<chat::SyncPage>> StoreService::sync(chat::SyncQuery query) {
  if (world_.mutated(Mutation::cursor_by_id)) co_return sync_by_id(query);
  co_return co_await log_.sync(query);
}

chat::SyncPage StoreService::sync_by_id(const chat::SyncQuery& query) const {
  std::uint64_t last = 0;
  std::from_chars(query.cursor.data(), query.cursor.data() + query.cursor.size(), last);
  std::vector<std::pair<std::uint64_t, chat::Message>> found;
  for (chat::Message& message : log_.messages()) {
    if (message.from != query.user && message.to != query.user) continue;
    const std::uint64_t id = drawn_ids_.at(key_of(message.view()));
    if (id > last) found.emplace_back(id, std::move(message));
  }
  std::ranges::sort(found, {}, &std::pair<std::uint64_t, chat::Message>::first);
  chat::SyncPage page;
  page.more = found.size() > static_cast<std::size_t>(query.limit);
  if (page.more) found.resize(static_cast<std::size_t>(query.limit));
  for (const auto& [id, message] : found) {
    page.messages.add(message.view());
    last = id;
  }
  page.cursor = fmt::format("{}", last);
  return page;
}

Task<Result<void>> StorePort::append(const chat::RecordBatch& batch) {
  return world_.call<void>(process_, kPart, kAppendDeadline,
                           [&service = service_, batch]() { return service.append(batch); });
}

Task<Result<chat::HistoryPage>> StorePort::history(const chat::HistoryQuery& query) {
  return world_.call<chat::HistoryPage>(process_, kPart, kReadDeadline,
                                        [&service = service_, query]() { return service.log().history(query); });
}

Task<Result<chat::ConversationsPage>> StorePort::conversations(const chat::ConversationsQuery& query) {
  return world_.call<chat::ConversationsPage>(
      process_, kPart, kReadDeadline, [&service = service_, query]() { return service.log().conversations(query); });
}

Task<Result<bool>> StorePort::contains_all(std::span<const chat::MessageKey> keys) {
  return world_.call<bool>(process_, kPart, kReadDeadline,
                           [&service = service_, copy = std::vector<chat::MessageKey>(keys.begin(), keys.end())]() {
                             return service.log().contains_all(copy);
                           });
}

Task<Result<chat::SyncPage>> StorePort::sync(const chat::SyncQuery& query) {
  return world_.call<chat::SyncPage>(process_, kPart, kReadDeadline,
                                     [&service = service_, query]() { return service.sync(query); });
}

}  // namespace simplechat::sim
