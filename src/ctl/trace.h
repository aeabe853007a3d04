// One message's path through the services, read from their logs: `simplechat trace`. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simplechat::ctl {

struct TraceEvent {
  std::string time;     // as logged: 2026-01-31T12:00:00.000Z
  std::string service;  // as logged, or the log's name
  std::string event;
  std::vector<std::pair<std::string, std::string>> fields;  // further ones, without id
};

// The event of a log line, of either format, if it is one about the message with this id.
[[nodiscard]] std::optional<TraceEvent> read_event(std::string_view line, std::string_view id,
                                                   std::string_view log_name);

// Sorts by time and, within a millisecond, by the order in which a message passes the services.
void sort_path(std::vector<TraceEvent>& path);

// A line for each event, with the milliseconds since the first. Control characters become a question mark.
[[nodiscard]] std::string text_of_path(const std::vector<TraceEvent>& path);
[[nodiscard]] std::string json_of_path(const std::vector<TraceEvent>& path);

}  // namespace simplechat::ctl
