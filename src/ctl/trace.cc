#include "ctl/trace.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <tuple>

#include "ctl/answer_text.h"
#include "runtime/json_text.h"

namespace simplechat::ctl {
namespace {

constexpr std::string_view kPrefix = "message_";
// As a message passes them; an event that is not here comes last.
constexpr std::array<std::string_view, 6> kOrder{"message_accepted",  "message_delivered", "message_relayed",
                                                 "message_published", "message_stored",    "message_set_aside"};

std::optional<TraceEvent> read_json(std::string_view line, std::string_view id, std::string_view log_name) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  std::string_view text;
  if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS ||
      object["id"].get(text) != simdjson::SUCCESS || text != id) {
    return std::nullopt;
  }
  TraceEvent found{.time = {}, .service = std::string(log_name), .event = {}, .fields = {}};
  for (const auto field : object) {
    const bool is_text = field.value.get(text) == simdjson::SUCCESS;
    std::string value = is_text ? std::string(text) : std::string(simdjson::minify(field.value));
    if (field.key == "time") {
      found.time = std::move(value);
    } else if (field.key == "event") {
      found.event = std::move(value);
    } else if (field.key == "service") {
      found.service = fmt::format("{} ({})", value, log_name);
    } else if (field.key != "level" && field.key != "id") {
      found.fields.emplace_back(field.key, std::move(value));
    }
  }
  if (!found.event.starts_with(kPrefix)) return std::nullopt;
  return found;
}

// A word, or what stands in quotes with its escapes; takes it off the front of `rest`.
std::string take_word(std::string_view& rest, std::string_view ends) {
  std::string word;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find_first_of(ends), rest.size());
    word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
  }
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
    word += rest.front();
    rest.remove_prefix(1);
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return word;
}

// time level event key=value ...
std::optional<TraceEvent> read_console(std::string_view line, std::string_view id, std::string_view log_name) {
  const auto skip_blanks = [&line] { line.remove_prefix(std::min(line.find_first_not_of(' '), line.size())); };
  TraceEvent found{.time = take_word(line, " "), .service = std::string(log_name), .event = {}, .fields = {}};
  skip_blanks();
  static_cast<void>(take_word(line, " "));  // the level
  skip_blanks();
  found.event = take_word(line, " ");
  if (!found.event.starts_with(kPrefix)) return std::nullopt;
  bool is_it = false;
  for (skip_blanks(); !line.empty(); skip_blanks()) {
    std::string key = take_word(line, "= ");
    if (!line.starts_with('=')) return std::nullopt;
    line.remove_prefix(1);
    std::string value = take_word(line, " ");
    if (key == "id") {
      is_it = value == id;
    } else {
      found.fields.emplace_back(std::move(key), std::move(value));
    }
  }
  return is_it ? std::optional(std::move(found)) : std::nullopt;
}

std::size_t place_of(const TraceEvent& event) {
  return static_cast<std::size_t>(std::ranges::find(kOrder, event.event) - kOrder.begin());
}

// Milliseconds of the day; 0 if it is not a time.
std::int64_t ms_of(std::string_view time) {
  std::int64_t ms = 0;
  const auto add = [&](std::size_t at, std::size_t digits, std::int64_t weight) {
    std::int64_t value = 0;
    if (time.size() >= at + digits) std::from_chars(time.data() + at, time.data() + at + digits, value);
    ms += value * weight;
  };
  add(11, 2, 3'600'000);
  add(14, 2, 60'000);
  add(17, 2, 1000);
  add(20, 3, 1);
  return ms;
}

}  // namespace

std::optional<TraceEvent> read_event(std::string_view line, std::string_view id, std::string_view log_name) {
  if (line.find(kPrefix) == std::string_view::npos) return std::nullopt;
  return line.starts_with('{') ? read_json(line, id, log_name) : read_console(line, id, log_name);
}

void sort_path(std::vector<TraceEvent>& path) {
  std::ranges::sort(path, [](const TraceEvent& a, const TraceEvent& b) {
    return std::tuple(std::string_view(a.time), place_of(a), std::string_view(a.service)) <
           std::tuple(std::string_view(b.time), place_of(b), std::string_view(b.service));
  });
}

std::string text_of_path(const std::vector<TraceEvent>& path) {
  std::string out;
  std::size_t width = 0;
  for (const TraceEvent& event : path) width = std::max(width, event.service.size());
  for (const TraceEvent& event : path) {
    std::string line = fmt::format("{}  {:>+6} ms  {:<{}}  {}", event.time, ms_of(event.time) - ms_of(path[0].time),
                                   event.service, width, event.event);
    for (const auto& [key, value] : event.fields) fmt::format_to(std::back_inserter(line), " {}={}", key, value);
    out += without_control_characters(line) + "\n";
  }
  return out;
}

std::string json_of_path(const std::vector<TraceEvent>& path) {
  std::string out;
  for (const TraceEvent& event : path) {
    const auto add = [&out](std::string_view begin, std::string_view value) {
      out += begin;
      runtime::append_json_string(out, value);
    };
    add(R"({"time":)", event.time);
    add(R"(,"service":)", event.service);
    add(R"(,"event":)", event.event);
    for (const auto& [key, value] : event.fields) {
      add(",", key);
      add(":", value);
    }
    out += "}\n";
  }
  return out;
}

}  // namespace simplechat::ctl
