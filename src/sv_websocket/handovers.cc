#include "sv_websocket/handovers.h"

#include <utility>

namespace simplechat::sv_websocket {

Handovers::Ticket Handovers::open() {
  parts_.push_back(1);
  return first_ + parts_.size() - 1;
}

void Handovers::add(Ticket ticket) {
  if (ticket != kNone) ++parts_[ticket - first_];
}

void Handovers::done(Ticket ticket) {
  if (ticket == kNone || --parts_[ticket - first_] > 0) return;
  while (!parts_.empty() && parts_.front() == 0) {
    parts_.pop_front();
    ++first_;
  }
  run(ticket);
}

void Handovers::when_done(Ticket ticket, TimePoint now, std::function<void()> then) {
  if (finished(ticket) || waiting_.size() >= kWaitingMax) {
    then();
    return;
  }
  waiting_.emplace(ticket, std::move(then));
  deadlines_.push_back({now + kWaitMax, ticket});
}

void Handovers::run_overdue(TimePoint now) {
  while (!deadlines_.empty() && deadlines_.front().at <= now) {
    const Ticket ticket = deadlines_.front().ticket;
    deadlines_.pop_front();
    run(ticket);
  }
}

bool Handovers::finished(Ticket ticket) const { return ticket < first_ || parts_[ticket - first_] == 0; }

void Handovers::run(Ticket ticket) {
  const auto entry = waiting_.find(ticket);
  if (entry == waiting_.end()) return;
  const std::function<void()> then = std::move(entry->second);
  waiting_.erase(entry);
  then();
}

}  // namespace simplechat::sv_websocket
