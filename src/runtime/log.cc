#include "runtime/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <memory>

#include "runtime/json_text.h"

namespace simplechat::runtime::log {
namespace {

// Apart from the settings, because it may change while others read it.
std::atomic<Level> least{Level::info};

struct Settings {
  Format format = Format::console;
  std::string service;
};

Settings& settings() {
  static Settings instance;
  return instance;
}

// Never destroyed: threads and destructors may still log while the process exits.
spdlog::logger& logger() {
  static spdlog::logger* const instance = [] {
    auto* created = new spdlog::logger("simplechat", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%v");  // the line is rendered here: spdlog would not escape it
    return created;
  }();
  return *instance;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

void append_time(std::string& out, std::chrono::system_clock::time_point at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(at) - seconds;
  fmt::format_to(std::back_inserter(out), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                 fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), milliseconds.count());
}

// U+0080 to U+009F: terminals take them for commands.
bool is_c1_control(std::string_view sequence) {
  return sequence.size() == 2 && sequence[0] == '\xc2' && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char character) {
    return character > ' ' && character < 0x7f && character != '"' && character != '=' && character != '\\';
  });
}

void append_console_character(std::string& out, std::string_view sequence) {
  const char first = sequence[0];
  if (first == '\n') {
    out += "\\n";
  } else if (first == '"' || first == '\\') {
    out += '\\';
    out += first;
  } else if (sequence.size() > 1 ? is_c1_control(sequence) : (first < 0x20 || first == 0x7f)) {
    for (const char byte : sequence) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
    }
  } else {
    out += sequence;
  }
}

void append_console_text(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += text;
    return;
  }
  out += '"';
  while (!text.empty()) {
    const std::size_t bytes = std::max<std::size_t>(1, utf8_sequence_bytes(text));
    append_console_character(
        out, text.substr(0, bytes));  // a byte that is not UTF-8 is negative as a char, so it is escaped
    text.remove_prefix(bytes);
  }
  out += '"';
}

std::string render_console(std::chrono::system_clock::time_point at, Level level, std::string_view event,
                           Fields fields) {
  std::string line;
  append_time(line, at);
  fmt::format_to(std::back_inserter(line), " {:<5} ", name(level));
  append_console_text(line, event);
  for (const Field& field : fields) {
    line += ' ';
    append_console_text(line, field.key);
    line += '=';
    std::visit(Overloaded{[&line](std::string_view value) { append_console_text(line, value); },
                          [&line](auto value) { fmt::format_to(std::back_inserter(line), "{}", value); }},
               field.value);
  }
  return line;
}

void append_json_number(std::string& out, double value) {
  // JSON has no infinity and no NaN (RFC 8259 section 6).
  fmt::format_to(std::back_inserter(out), "{}", std::isfinite(value) ? fmt::to_string(value) : "null");
}

std::string render_json(std::string_view service, std::chrono::system_clock::time_point at, Level level,
                        std::string_view event, Fields fields) {
  std::string line = R"({"time":")";
  append_time(line, at);
  fmt::format_to(std::back_inserter(line), R"(","level":"{}","service":)", name(level));
  append_json_string(line, service);
  line += R"(,"event":)";
  append_json_string(line, event);
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.key);
    line += ':';
    std::visit(Overloaded{[&line](std::string_view value) { append_json_string(line, value); },
                          [&line](double value) { append_json_number(line, value); },
                          [&line](auto value) { fmt::format_to(std::back_inserter(line), "{}", value); }},
               field.value);
  }
  line += '}';
  return line;
}

}  // namespace

void configure(Format format, Level level, std::string_view service) {
  settings() = {format, std::string(service)};
  set_level(level);
}

void set_level(Level level) {
  least.store(level, std::memory_order_relaxed);
  logger().set_level(spdlog_level(level));
}

Level level() { return least.load(std::memory_order_relaxed); }

bool enabled(Level level) { return level >= least.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  const std::string line =
      render(settings().format, settings().service, std::chrono::system_clock::now(), level, event, fields);
  logger().log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string render(Format format, std::string_view service, std::chrono::system_clock::time_point at, Level level,
                   std::string_view event, Fields fields) {
  return format == Format::json ? render_json(service, at, level, event, fields)
                                : render_console(at, level, event, fields);
}

}  // namespace simplechat::runtime::log
