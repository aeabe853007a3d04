// Logs are events with fields: log::info("session_closed", {{"user", user}, {"code", code}}). One line each on stderr,
// as `time level event key=value ...` or as one JSON object. Thread-safe. Message bodies, tokens and passwords are
// never a field.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace simplechat::runtime::log {

enum class Format : std::uint8_t { console, json };
enum class Level : std::uint8_t { debug, info, warn, error };

struct Field {
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, std::integral auto v) : key(k), value(static_cast<std::int64_t>(v)) {}
  Field(std::string_view k, double v) : key(k), value(v) {}

  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

using Fields = std::initializer_list<Field>;

// Called once, before other threads start. Until then: console format, level info.
void configure(Format format, Level level, std::string_view service);

// From now on. Thread-safe.
void set_level(Level level);
[[nodiscard]] Level level();
// Whether an event of that level is logged: to be asked before making fields that cost something.
[[nodiscard]] bool enabled(Level level);

void write(Level level, std::string_view event, Fields fields);

// The line that write() would print, without its line feed. Control characters are escaped, so that no value can forge
// a line.
[[nodiscard]] std::string render(Format format, std::string_view service, std::chrono::system_clock::time_point at,
                                 Level level, std::string_view event, Fields fields);

inline void debug(std::string_view event, Fields fields = {}) { write(Level::debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }

}  // namespace simplechat::runtime::log
