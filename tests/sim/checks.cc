#include "checks.h"

#include <fmt/format.h>

namespace simplechat::sim {
namespace {

std::string name_of(const MessageKey& key) { return fmt::format("{} from {} to {}", key.id, key.from, key.to); }

MessageKey original_key(MessageKey key) {
  if (const std::size_t mark = key.id.find(StoreService::kRepeatMark); mark != std::string::npos) key.id.resize(mark);
  return key;
}

bool concerns(const MessageKey& key, const std::string& user) { return key.from == user || key.to == user; }

}  // namespace

std::multimap<MessageKey, chat::Message, KeyOrder> Checks::stored() const {
  std::multimap<MessageKey, chat::Message, KeyOrder> all;
  for (chat::Message& message : store_.log().messages()) {
    all.emplace(original_key({.from = message.from, .to = message.to, .id = message.id}), std::move(message));
  }
  return all;
}

void Checks::nothing_hidden(const std::vector<const Seen*>& clients) {
  for (const auto& [key, message] : stored()) {
    const auto sent = journal_.sent.find(key);
    if (sent == journal_.sent.end() || sent->second.at >= faults_end_) continue;
    for (const Seen* client : clients) {
      const bool there = client->registered_since && *client->registered_since < faults_end_;
      if (!there || !concerns(key, client->user) || client->messages.contains(key)) continue;
      complain("hidden", fmt::format("{} has not seen {}", client->name, name_of(key)));
    }
  }
}

void Checks::live_when_calm(const std::vector<const Seen*>& clients, TimePoint since) {
  for (const auto& [key, sent] : journal_.sent) {
    if (sent.at < since || !sent.acked) continue;
    for (const Seen* client : clients) {
      const bool there = client->registered_since && *client->registered_since < sent.at;
      if (!there || !concerns(key, client->user) || client->messages.contains(key)) continue;
      complain("passed_over", fmt::format("{} was not given {}", client->name, name_of(key)));
    }
  }
}

void Checks::stored_exactly_once() {
  const auto all = stored();
  for (const auto& [key, sent] : journal_.sent) {
    const std::size_t times = all.count(key);
    if (sent.acked && times == 0) complain("lost", fmt::format("{} was acked and is not stored", name_of(key)));
    if (times > 1) complain("doubled", fmt::format("{} is stored {} times", name_of(key), times));
  }
  for (const auto& [key, message] : all) {
    const auto sent = journal_.sent.find(key);
    if (sent == journal_.sent.end()) {
      complain("invented", fmt::format("{} is stored and was not sent", name_of(key)));
    } else if (sent->second.payload != message.payload) {
      complain("garbled", fmt::format("{} is stored with another payload", name_of(key)));
    }
  }
}

void Checks::synced_exactly_once(const std::vector<const Seen*>& clients) {
  const auto all = stored();
  for (const Seen* client : clients) {
    if (!client->synced_to_end) {
      complain("stuck", fmt::format("{} could not sync to the end", client->name));
      continue;
    }
    std::map<MessageKey, int, KeyOrder> times;
    for (const Synced& synced : client->chain) {
      const auto message = all.find(original_key(synced.key));
      if (message == all.end()) {
        complain("sync", fmt::format("{} got {}, which is not stored", client->name, name_of(synced.key)));
        continue;
      }
      if (++times[synced.key] == 2) complain("sync", fmt::format("{} got {} twice", client->name, name_of(synced.key)));
      if (message->second.payload != synced.payload) {
        complain("sync", fmt::format("{} got {} with another payload", client->name, name_of(synced.key)));
      }
      // Sorted by (at, from, id) all clients have one order exactly if all have the stored times.
      if (synced.key == message->first && message->second.at != synced.at) {
        complain("order", fmt::format("{} got {} with another time", client->name, name_of(synced.key)));
      }
    }
    for (const auto& [key, message] : all) {
      if (!concerns(key, client->user) || times.contains(key)) continue;
      complain("sync", fmt::format("{} never got {}", client->name, name_of(key)));
    }
  }
}

void Checks::replies_are_later(bool strict) {
  const auto all = stored();
  for (const auto& [key, message] : all) {
    const auto sent = journal_.sent.find(key);
    if (sent == journal_.sent.end() || !sent->second.answers) continue;
    const Sent& reply = sent->second;
    if (message.at <= reply.answered_at) {
      complain("causality", fmt::format("{} at {} answers {}, seen at {}", name_of(key), message.at,
                                        name_of(*reply.answers), reply.answered_at));
    }
    if (!strict) continue;
    const auto answered = all.find(*reply.answers);
    if (answered == all.end() || message.at > answered->second.at || message.at <= reply.answered_at) continue;
    complain("inverted", fmt::format("{} at {} answers {}, seen at {} and stored at {}", name_of(key), message.at,
                                     name_of(*reply.answers), reply.answered_at, answered->second.at));
  }
}

}  // namespace simplechat::sim
