// The guarantees of docs/protocol.md, held against what a seed's clients saw and what its store holds.
#pragma once

#include <string>
#include <vector>

#include "journal.h"
#include "store_port.h"

namespace simplechat::sim {

struct Violation {
  std::string kind;  // one word
  std::string what;
};

class Checks {
 public:
  Checks(const Journal& journal, const StoreService& store, TimePoint faults_end)
      : journal_(journal), store_(store), faults_end_(faults_end) {}

  // Guarantee 3: what was sent before the end of the faults and is stored has reached, by now, every session that was
  // there then.
  void nothing_hidden(const std::vector<const Seen*>& clients);
  // Guarantee 3: what was sent after `since`, when all was whole again, has reached every session that was there.
  void live_when_calm(const std::vector<const Seen*>& clients, TimePoint since);
  // Guarantees 1 and 2: each acked message is stored, nothing is stored twice, nothing that nobody sent.
  void stored_exactly_once();
  // Each client's pages hold every message of its conversations exactly once, as it is stored.
  void synced_exactly_once(const std::vector<const Seen*>& clients);
  // Guarantee 4: a reply is later than what it answers was when it was seen; with `strict`, also than that is stored.
  void replies_are_later(bool strict);

  void complain(std::string kind, std::string what) { violations_.push_back({std::move(kind), std::move(what)}); }
  [[nodiscard]] std::vector<Violation> take() { return std::move(violations_); }

 private:
  // By key, without what a mutated store has added to the id; several if it is stored several times.
  [[nodiscard]] std::multimap<MessageKey, chat::Message, KeyOrder> stored() const;

  const Journal& journal_;
  const StoreService& store_;
  const TimePoint faults_end_;
  std::vector<Violation> violations_;
};

}  // namespace simplechat::sim
