#include "sv_websocket/approvals.h"

#include <algorithm>
#include <utility>

namespace simplechat::sv_websocket {
namespace {

constexpr std::size_t kRelievedAt = Approvals::kSessionAsksMax / 2;
constexpr std::size_t kEntryBytes = 512;  // what an entry and its call take beside the message

// A message is there twice: its text, and the request made of it.
std::size_t bytes_of(const chat::Message& message) {
  return 2 * (message.id.size() + message.from.size() + message.to.size() + message.payload.size()) + kEntryBytes;
}

}  // namespace

bool Approvals::add(SessionKey session, chat::Message message) {
  const std::size_t bytes = bytes_of(message);
  if (refusing_ || bytes_ + bytes > kBytesMax) return false;
  bytes_ += bytes;
  Line& line = lines_[session];
  line.entries.push_back({.number = next_number_++, .message = std::move(message), .bytes = bytes, .answer = {}});
  if (line.entries.size() >= kSessionAsksMax) line.full = true;
  ask_next(session);
  return true;
}

bool Approvals::full(SessionKey session) const {
  const auto line = lines_.find(session);
  return line != lines_.end() && line->second.full;
}

std::vector<std::string> Approvals::drop(SessionKey session) {
  std::vector<std::string> ids;
  const auto line = lines_.find(session);
  if (line == lines_.end()) return ids;
  for (std::size_t i = 0; i < line->second.entries.size(); ++i) {
    Entry& entry = line->second.entries[i];
    const bool under_way = i < line->second.asked && !entry.answer;
    if (!under_way) bytes_ -= entry.bytes;
    ids.push_back(std::move(entry.message.id));
  }
  lines_.erase(line);
  return ids;
}

// A hook may answer at once, and what it answers may end the line: it is looked up anew each time.
void Approvals::ask_next(SessionKey session) {
  for (;;) {
    const auto found = lines_.find(session);
    if (found == lines_.end()) return;
    Line& line = found->second;
    if (line.asked == std::min(line.entries.size(), kSessionAsksMax)) return;
    Entry& entry = line.entries[line.asked++];
    chat::Message question{.id = entry.message.id,
                           .from = entry.message.from,
                           .to = entry.message.to,
                           .payload = std::move(entry.message.payload)};
    gate_.spawn(ask(session, entry.number, entry.bytes, std::move(question)));
  }
}

chat::Task<void> Approvals::ask(SessionKey session, std::uint64_t number, std::size_t bytes, chat::Message message) {
  auto answer = co_await hook_.ask(std::move(message));
  if (!settle(session, number, std::move(answer))) bytes_ -= bytes;
}

bool Approvals::settle(SessionKey session, std::uint64_t number, chat::Result<chat::Approval> answer) {
  auto line = lines_.find(session);
  if (line == lines_.end()) return false;
  const auto entry = std::ranges::find(line->second.entries, number, &Entry::number);
  if (entry == line->second.entries.end()) return false;
  entry->answer = std::move(answer);
  while (line != lines_.end() && !line->second.entries.empty() && line->second.entries.front().answer) {
    const Entry first = std::move(line->second.entries.front());
    line->second.entries.pop_front();
    --line->second.asked;
    bytes_ -= first.bytes;
    callbacks_.decided(session, first.message, *first.answer);
    line = lines_.find(session);
  }
  if (line == lines_.end()) return true;
  const bool relieved = line->second.full && line->second.entries.size() <= kRelievedAt;
  if (relieved) line->second.full = false;
  if (line->second.entries.empty()) lines_.erase(line);
  ask_next(session);
  if (relieved) callbacks_.relieved(session);
  return true;
}

}  // namespace simplechat::sv_websocket
