// The options of a program: declared once, bound to the fields of a plain struct, and read from
// flags > environment > .env in the working directory > TOML file (--config) > defaults.
//
//   Config config;
//   Options options("sv-discover", "The directory: which gateways a user is on.");
//   options.port("port", config.port, 3001, "port to listen on");
//   options.url("redis-url", config.redis_url, "redis://127.0.0.1:6379", {"redis"}, "where records are kept");
//   const Options::Outcome outcome = options.load(argc, argv);
//   if (!outcome.run) return outcome.report();
//
// An option `api-port` is the flag --api-port, the variable SIMPLECHAT_API_PORT and the TOML key api-port. An unknown
// key or a value that is not allowed is one line that names source, key, value and what is allowed. Secrets and
// passwords in URLs are never printed.
//
// Lives in main() until the options are loaded; the fields outlive it. Not thread-safe.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace simplechat::runtime {

class Options {
 public:
  template <class T>
  struct Range {
    T min;
    T max;
  };

  // A declared option, to say more of it.
  class Option {
   public:
    // A further flag, without dashes: alias("apiPort") is --apiPort.
    Option& alias(std::string flag) {
      aliases_.push_back(std::move(flag));
      return *this;
    }
    // Only this command takes the flag. The environment and files may still set it for all.
    Option& only_for(std::string command) {
      only_command_ = std::move(command);
      return *this;
    }

   private:
    friend class Options;

    std::string name_;
    std::string help_;
    std::string allowed_;                           // completes "must be ..."
    std::function<bool(std::string_view)> assign_;  // false: not allowed, the field is unchanged
    std::function<std::string()> show_;             // the field as a TOML value, masked
    bool is_secret_ = false;
    std::vector<std::string> aliases_;
    std::string only_command_;
    bool is_flag_ = false;  // takes no value
    std::string source_ = "default";
  };

  struct Outcome {
    bool run = false;       // start; else print `text` and exit with `exit_code`
    std::string command{};  // of those that were declared; empty if none was given
    int exit_code = 0;
    std::string text{};

    // Prints the text, to stdout if the exit code is 0, else to stderr. Returns the exit code.
    [[nodiscard]] int report() const;
  };

  // Where values come from; tests put in their own.
  struct Sources {
    std::vector<std::string> arguments{};  // without the program's name
    std::map<std::string, std::string> environment{};
    std::optional<std::string> dotenv{};  // the text of .env, if there is one
    // The text of a file, or why it cannot be read.
    std::function<std::expected<std::string, std::string>(const std::string& path)> read_file{};
  };

  Options(std::string program, std::string description);

  // A word that may stand between the program and its flags: `sv-persist migrate`. All share the options; check-config
  // is always one.
  void command(std::string name, std::string help);
  // Without a command the program does nothing.
  void require_command() { command_required_ = true; }

  // An option as it is in effect after load(), its value as TOML text, secrets masked.
  struct Setting {
    std::string name;
    std::string value;
    std::string source;
  };
  [[nodiscard]] std::vector<Setting> settings() const;

  // A variable that is not an option's, and nevertheless not an unknown key.
  void ignore_variable(std::string name) { ignored_variables_.push_back(std::move(name)); }

  // Declaring sets the field to its default. An empty text, URL or secret is allowed if the default is empty.
  Option& text(std::string name, std::string& field, std::string_view fallback, std::string help);
  Option& secret(std::string name, std::string& field, std::string help);  // default: empty
  Option& flag(std::string name, bool& field, std::string help);           // default: false
  Option& port(std::string name, std::uint16_t& field, std::uint16_t fallback, std::string help);
  // A URL of one of the schemes. With http it is an origin: http://host[:port].
  Option& url(std::string name, std::string& field, std::string_view fallback, std::vector<std::string> schemes,
              std::string help);
  Option& duration_ms(std::string name, std::chrono::milliseconds& field, std::chrono::milliseconds fallback,
                      Range<std::chrono::milliseconds> range, std::string help);
  Option& bytes(std::string name, std::size_t& field, std::size_t fallback, Range<std::size_t> range, std::string help);

  template <std::integral T>
  Option& integer(std::string name, T& field, std::type_identity_t<T> fallback, Range<std::type_identity_t<T>> range,
                  std::string help) {
    field = fallback;
    return number(
        std::move(name), "a number", {static_cast<std::int64_t>(range.min), static_cast<std::int64_t>(range.max)},
        std::move(help), [&field](std::int64_t value) { field = static_cast<T>(value); },
        [&field] { return static_cast<std::int64_t>(field); });
  }

  template <class T>
  Option& one_of(std::string name, T& field, std::type_identity_t<T> fallback,
                 std::vector<std::pair<std::string, std::type_identity_t<T>>> choices, std::string help) {
    field = std::move(fallback);
    std::vector<std::string> names;
    for (const auto& choice : choices) names.push_back(choice.first);
    return choice(
        std::move(name), std::move(names), std::move(help),
        [&field, choices](std::size_t index) { field = choices[index].second; },
        [&field, choices] {
          std::size_t index = 0;
          while (index + 1 < choices.size() && choices[index].second != field) ++index;
          return index;
        });
  }

  // A check of several options together; returns what is wrong, in one line.
  void rule(std::function<std::optional<std::string>()> check) { rules_.push_back(std::move(check)); }

  // Reads the process's own sources.
  [[nodiscard]] Outcome load(int argc, const char* const* argv);
  [[nodiscard]] Outcome load(const Sources& sources);

 private:
  using Failure = std::optional<std::string>;  // one line; nullopt: all is well
  struct Arguments;

  Outcome parse_arguments(const Sources& sources, Arguments& arguments);
  Failure apply_all(const Sources& sources, const Arguments& arguments);
  Failure check_arguments(const Arguments& arguments) const;
  Failure apply_file(const std::string& path, const Sources& sources);
  Failure apply_variables(std::string_view source, const std::map<std::string, std::string>& variables);
  static Failure apply(Option& option, std::string_view source, std::string_view key, std::string_view value);
  [[nodiscard]] Failure unknown(std::string_view source, std::string_view key, std::string_view value,
                                const std::function<std::string(const Option&)>& spelling) const;
  [[nodiscard]] std::string effective() const;

  Option& add(std::string name, std::string allowed, std::string help);
  Option& number(std::string name, std::string_view what, Range<std::int64_t> range, std::string help,
                 std::function<void(std::int64_t)> assign, std::function<std::int64_t()> get);
  Option& choice(std::string name, std::vector<std::string> names, std::string help,
                 std::function<void(std::size_t)> assign, std::function<std::size_t()> get);

  std::string program_;
  std::string description_;
  std::deque<Option> options_;
  std::vector<std::pair<std::string, std::string>> commands_;  // name, help
  std::vector<std::function<std::optional<std::string>()>> rules_;
  std::vector<std::string> ignored_variables_;
  bool command_required_ = false;
};

}  // namespace simplechat::runtime
