#include "adapters/rabbitmq/body_assembler.h"

#include <algorithm>
#include <utility>

#include "chat/limits.h"
#include "wire/queue_body.h"

namespace simplechat::adapters::rabbitmq {
namespace {

constexpr std::string_view kExpired = "no confirm within the deadline";

// Collects the records of one partition until a part is full.
struct Filling {
  std::string records;
  std::size_t count = 0;
};

bool within_bounds(std::size_t count, std::size_t bytes) {
  constexpr std::size_t kBrackets = 2;
  return count <= chat::limits::kBatchRecordsMax && bytes + kBrackets <= chat::limits::kBatchBytesMax;
}

}  // namespace

void split(const chat::RecordBatch& batch, const Topology& topology,
           const std::function<void(unsigned partition, std::string records, std::size_t count)>& part) {
  std::vector<Filling> fillings(topology.partitions());
  std::string record;
  const auto add = [&](unsigned partition, const auto& value) {
    Filling& filling = fillings[partition];
    record.clear();
    wire::append_queue_record(record, value);
    if (filling.count > 0 && !within_bounds(filling.count + 1, filling.records.size() + 1 + record.size())) {
      part(partition, std::exchange(filling.records, {}), std::exchange(filling.count, 0));
    }
    if (filling.count++ > 0) filling.records.push_back(',');
    filling.records.append(record);
  };
  for (const chat::MessageView& message : batch.messages) add(topology.partition_of(message.from, message.to), message);
  for (const chat::Mark& mark : batch.marks) add(topology.partition_of(mark.user, mark.with), mark);
  for (unsigned partition = 0; partition < fillings.size(); ++partition) {
    if (fillings[partition].count > 0)
      part(partition, std::move(fillings[partition].records), fillings[partition].count);
  }
}

std::string body_of(std::string_view records) {
  std::string body;
  body.reserve(records.size() + 2);
  return body.append("[").append(records).append("]");
}

void BodyAssembler::add(Part part, TimePoint now) {
  records_ += part.count;
  bytes_ += part.records.size() + 1;
  parts_.push_back({.part = std::move(part), .added = now});
}

bool BodyAssembler::full() const { return !within_bounds(records_, bytes_); }

std::optional<Body> BodyAssembler::next(TimePoint now) {
  fail_expired(now);
  if (parts_.empty()) return std::nullopt;
  std::size_t taken = 0;
  std::size_t records = 0;
  std::size_t bytes = 0;
  for (const Waiting& each : parts_) {
    const std::size_t with_comma = each.part.records.size() + 1;
    if (taken > 0 && !within_bounds(records + each.part.count, bytes + with_comma)) break;
    records += each.part.count;
    bytes += with_comma;
    ++taken;
  }
  Body body;
  body.bytes.reserve(bytes + 2);
  for (std::size_t i = 0; i < taken; ++i) {
    Part& part = parts_.front().part;
    body.bytes.append(i == 0 ? "[" : ",").append(part.records);
    body.observers.push_back(std::move(part.observer));
    body.deadline = std::max(body.deadline, part.deadline);
    parts_.pop_front();
  }
  body.bytes.push_back(']');
  body.records = records;
  records_ -= records;
  bytes_ -= bytes;
  return body;
}

void BodyAssembler::fail_expired(TimePoint now) {
  while (!parts_.empty() && parts_.front().part.deadline <= now) {
    const Part& part = parts_.front().part;
    records_ -= part.count;
    bytes_ -= part.records.size() + 1;
    part.observer->failed(kExpired);
    parts_.pop_front();
  }
}

void BodyAssembler::fail_all(std::string_view reason) {
  for (const Waiting& each : parts_) each.part.observer->failed(reason);
  parts_.clear();
  records_ = bytes_ = 0;
}

}  // namespace simplechat::adapters::rabbitmq
