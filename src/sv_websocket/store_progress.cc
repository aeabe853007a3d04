#include "sv_websocket/store_progress.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "runtime/log.h"

namespace simplechat::sv_websocket {

StoreProgress::StoreProgress(runtime::Reactor& reactor, const chat::MessageQueue& queue, chat::MessageReader& reader)
    : queue_(queue), reader_(reader), gate_(reactor.executor()), lanes_(queue.lanes()), stored_until_(Clock::now()) {
  assert(lanes_.size() <= chat::kContainsKeysMax);  // one question is about all lanes
}

StoreProgress::Publishing StoreProgress::begin() {
  under_way_.emplace(++last_, Clock::now());
  return last_;
}

void StoreProgress::end(Publishing publishing, const chat::MessageBatch& messages, bool confirmed) {
  under_way_.erase(publishing);
  if (!confirmed) return;
  // From the back: the latest of each lane is soon found.
  std::vector<bool> seen(lanes_.size());
  std::size_t missing = lanes_.size();
  for (std::size_t i = messages.size(); i > 0 && missing > 0; --i) {
    const chat::MessageView message = messages[i - 1];
    const unsigned lane = queue_.lane_of(message.from, message.to);
    if (seen[lane]) continue;
    seen[lane] = true;
    --missing;
    if (publishing < lanes_[lane].newest) continue;
    lanes_[lane].newest = publishing;
    lanes_[lane].latest = {
        .from = std::string(message.from), .to = std::string(message.to), .id = std::string(message.id)};
  }
}

void StoreProgress::check() {
  if (asking_) return;
  if (sampled_) {
    asking_ = true;  // before: the coroutine may run to its end within spawn()
    if (!gate_.spawn(ask())) asking_ = false;
  } else if (anything_confirmed()) {
    take_samples();
  } else {
    stored_until_ = settled_until();
  }
}

StoreProgress::TimePoint StoreProgress::settled_until() const {
  return under_way_.empty() ? Clock::now() : under_way_.begin()->second;
}

bool StoreProgress::anything_confirmed() const {
  return std::ranges::any_of(lanes_, [](const Lane& lane) { return lane.latest.has_value(); });
}

void StoreProgress::take_samples() {
  for (Lane& lane : lanes_) lane.sample = std::exchange(lane.latest, {});
  sampled_ = true;
  sampled_until_ = settled_until();
  sampled_at_ = Clock::now();
}

chat::Task<void> StoreProgress::ask() {
  if (co_await stored()) {
    stored_until_ = std::max(stored_until_, sampled_until_);
    sampled_ = false;
    for (Lane& lane : lanes_) lane.sample.reset();
    if (anything_confirmed()) {
      take_samples();
    } else {
      stored_until_ = settled_until();
    }
  }
  asking_ = false;
}

chat::Task<bool> StoreProgress::stored() {
  std::vector<chat::MessageKey> samples;
  for (const Lane& lane : lanes_) {
    if (lane.sample) samples.push_back(*lane.sample);
  }
  const auto all = co_await reader_.contains_all(samples);
  if (!all) co_return false;
  if (!*all && Clock::now() >= sampled_at_ + kSuspectAfter) co_await pass_over_refused();
  const bool none_left = std::ranges::none_of(lanes_, [](const Lane& lane) { return lane.sample.has_value(); });
  if (*all || none_left) co_return true;
  if (Clock::now() < sampled_at_ + kSampleMax) co_return false;
  runtime::log::warn("store_lags", {{"given_up_after_min", kSampleMax.count()}});
  co_return true;
}

// A lane whose latest message is there has no earlier one to come.
chat::Task<void> StoreProgress::pass_over_refused() {
  for (Lane& lane : lanes_) {
    if (gate_.closing()) co_return;
    if (!lane.sample || !lane.latest) continue;
    const chat::MessageKey latest = *lane.latest;  // end() may replace it meanwhile
    const auto there = co_await reader_.contains_all({&latest, 1});
    if (there && *there) lane.sample.reset();
  }
}

}  // namespace simplechat::sv_websocket
