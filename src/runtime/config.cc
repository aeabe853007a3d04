#include "runtime/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "runtime/config_sources.h"
#include "runtime/json_text.h"

namespace simplechat::runtime {
namespace {

constexpr std::string_view kCheckConfig = "check-config";
constexpr std::string_view kVariablePrefix = "SIMPLECHAT_";
constexpr std::string_view kTestVariablePrefix = "SIMPLECHAT_TEST_";  // read by the project's tests only
constexpr std::string_view kFileVariable = "SIMPLECHAT_CONFIG";
constexpr std::string_view kMasked = "***";

// JSON's strings are TOML basic strings too, and hold no line feed.
std::string quote(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted;
}

std::string flag_name(std::string_view name) { return fmt::format("--{}", name); }

std::string variable_name(std::string_view name) {
  std::string variable(kVariablePrefix);
  for (const char c : name) variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return variable;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Whether `key` may be the mistyped name of a secret: whether the first letters of one of the name's words are in it.
bool resembles(std::string_view key, std::string_view secret) {
  constexpr std::size_t kLetters = 3;
  const std::string letters = lower_case(key);
  for (std::size_t word = 0; word < secret.size();) {
    if (letters.contains(secret.substr(word, kLetters))) return true;
    const std::size_t dash = secret.find('-', word);
    word = dash == std::string_view::npos ? secret.size() : dash + 1;
  }
  return false;
}

std::expected<std::string, std::string> read_whole_file(const std::string& path) {
  std::error_code ignored;  // what cannot be examined cannot be opened either
  if (std::filesystem::is_directory(path, ignored)) return std::unexpected("is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace

// What the command line says.
struct Options::Arguments {
  std::string command;
  std::string file;
  std::vector<std::pair<Option*, std::string>> flags;
  std::vector<std::string> unknown;
};

int Options::Outcome::report() const {
  std::FILE* const stream = exit_code == 0 ? stdout : stderr;
  std::fwrite(text.data(), 1, text.size(), stream);
  return exit_code;
}

Options::Options(std::string program, std::string description)
    : program_(std::move(program)), description_(std::move(description)) {
  command(std::string(kCheckConfig), "checks the options and prints them with their sources, without starting");
}

void Options::command(std::string name, std::string help) { commands_.emplace_back(std::move(name), std::move(help)); }

Options::Option& Options::add(std::string name, std::string allowed, std::string help) {
  Option& option = options_.emplace_back();
  option.name_ = std::move(name);
  option.allowed_ = std::move(allowed);
  option.help_ = std::move(help);
  return option;
}

Options::Option& Options::text(std::string name, std::string& field, std::string_view fallback, std::string help) {
  field = fallback;
  Option& option = add(std::move(name), fallback.empty() ? "a text" : "a text that is not empty", std::move(help));
  option.assign_ = [&field, may_be_empty = fallback.empty()](std::string_view value) {
    if (value.empty() && !may_be_empty) return false;
    field = value;
    return true;
  };
  option.show_ = [&field] { return quote(field); };
  return option;
}

Options::Option& Options::secret(std::string name, std::string& field, std::string help) {
  Option& option = text(std::move(name), field, "", std::move(help));
  option.is_secret_ = true;
  option.show_ = [&field] { return quote(field.empty() ? "" : kMasked); };
  return option;
}

Options::Option& Options::flag(std::string name, bool& field, std::string help) {
  field = false;
  Option& option = add(std::move(name), "true or false", std::move(help));
  option.is_flag_ = true;
  option.assign_ = [&field](std::string_view value) {
    const bool yes = value == "true" || value == "1";
    if (!yes && value != "false" && value != "0") return false;
    field = yes;
    return true;
  };
  option.show_ = [&field] { return fmt::to_string(field); };
  return option;
}

Options::Option& Options::url(std::string name, std::string& field, std::string_view fallback,
                              std::vector<std::string> schemes, std::string help) {
  field = fallback;
  const std::string form = std::ranges::find(schemes, "http") == schemes.end()
                               ? ", with %25 and %40 for a % and an @ of its password"
                               : ", http://host[:port]";
  Option& option =
      add(std::move(name), fmt::format("a URL that begins with {}://{}", fmt::join(schemes, ":// or "), form),
          std::move(help));
  option.assign_ = [&field, schemes, may_be_empty = fallback.empty()](std::string_view value) {
    if (value.empty() ? !may_be_empty : check_url(value, schemes).has_value()) return false;
    field = value;
    return true;
  };
  option.show_ = [&field] { return quote(mask_url(field)); };
  return option;
}

Options::Option& Options::port(std::string name, std::uint16_t& field, std::uint16_t fallback, std::string help) {
  field = fallback;
  return number(
      std::move(name), "a port", {1, 65535}, std::move(help),
      [&field](std::int64_t value) { field = static_cast<std::uint16_t>(value); },
      [&field] { return std::int64_t{field}; });
}

Options::Option& Options::duration_ms(std::string name, std::chrono::milliseconds& field,
                                      std::chrono::milliseconds fallback, Range<std::chrono::milliseconds> range,
                                      std::string help) {
  field = fallback;
  return number(
      std::move(name), "milliseconds", {range.min.count(), range.max.count()}, std::move(help),
      [&field](std::int64_t value) { field = std::chrono::milliseconds(value); },
      [&field] { return std::int64_t{field.count()}; });
}

Options::Option& Options::bytes(std::string name, std::size_t& field, std::size_t fallback, Range<std::size_t> range,
                                std::string help) {
  field = fallback;
  return number(
      std::move(name), "bytes", {static_cast<std::int64_t>(range.min), static_cast<std::int64_t>(range.max)},
      std::move(help), [&field](std::int64_t value) { field = static_cast<std::size_t>(value); },
      [&field] { return static_cast<std::int64_t>(field); });
}

Options::Option& Options::number(std::string name, std::string_view what, Range<std::int64_t> range, std::string help,
                                 std::function<void(std::int64_t)> assign, std::function<std::int64_t()> get) {
  Option& option = add(std::move(name), fmt::format("{}, {} to {}", what, range.min, range.max), std::move(help));
  option.assign_ = [range, assign = std::move(assign)](std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < range.min || value > range.max)
      return false;
    assign(value);
    return true;
  };
  option.show_ = [get = std::move(get)] { return fmt::to_string(get()); };
  return option;
}

Options::Option& Options::choice(std::string name, std::vector<std::string> names, std::string help,
                                 std::function<void(std::size_t)> assign, std::function<std::size_t()> get) {
  Option& option = add(std::move(name), fmt::format("one of {}", fmt::join(names, ", ")), std::move(help));
  option.assign_ = [names, assign = std::move(assign)](std::string_view text) {
    const auto found = std::ranges::find(names, text);
    if (found == names.end()) return false;
    assign(static_cast<std::size_t>(found - names.begin()));
    return true;
  };
  option.show_ = [names, get = std::move(get)] { return quote(names[get()]); };
  return option;
}

Options::Outcome Options::load(int argc, const char* const* argv) {
  Sources sources{.environment = process_environment(), .read_file = read_whole_file};
  for (int i = 1; i < argc; ++i) sources.arguments.emplace_back(argv[i]);
  if (::access(".env", F_OK) == 0) {
    std::expected<std::string, std::string> text = read_whole_file(".env");
    if (!text) return {.exit_code = 2, .text = fmt::format("{}: .env {}\n", program_, text.error())};
    sources.dotenv = *std::move(text);
  }
  return load(sources);
}

Options::Outcome Options::load(const Sources& sources) {
  Arguments arguments;
  Outcome outcome = parse_arguments(sources, arguments);
  if (!outcome.run) return outcome;
  outcome.command = arguments.command;
  if (Failure failure = apply_all(sources, arguments)) {
    return {.exit_code = 2, .text = fmt::format("{}: {}\n", program_, *failure)};
  }
  if (arguments.command == kCheckConfig) return {.command = arguments.command, .text = effective()};
  return outcome;
}

// Help and version end here; so does a command line that is not one.
Options::Outcome Options::parse_arguments(const Sources& sources, Arguments& arguments) {
  CLI::App app(description_, program_);
  app.allow_extras();
  app.set_version_flag("--version", fmt::format("{} {}", program_, SIMPLECHAT_VERSION));
  std::string commands;
  for (const auto& [name, help] : commands_) commands += fmt::format("\n  {}: {}", name, help);
  app.add_option("command", arguments.command, "one of:" + commands)->type_name("");
  app.add_option("--config", arguments.file, "TOML file of options, by their names without dashes")->type_name("FILE");

  std::deque<std::string> values;
  std::vector<std::pair<CLI::Option*, Option*>> parsed;
  for (Option& option : options_) {
    std::string names = flag_name(option.name_);
    for (const std::string& alias : option.aliases_) names += "," + flag_name(alias);
    std::string help = fmt::format("{}; {} (default {})", option.help_, option.allowed_, option.show_());
    if (!option.only_command_.empty()) help += fmt::format("; with {} only", option.only_command_);
    std::string& value = values.emplace_back();
    CLI::Option* const added =
        option.is_flag_ ? app.add_flag(names, value, help) : app.add_option(names, value, help)->type_name("VALUE");
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    parsed.emplace_back(added, &option);
  }
  app.footer(
      "An option such as api-port may also be set by SIMPLECHAT_API_PORT in the environment or in .env, or by api-port "
      "= ... "
      "in the file of --config; flags go before the environment, .env and the file.");
  try {
    std::vector<std::string> reversed(sources.arguments.rbegin(), sources.arguments.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return {.text = app.help()};
  } catch (const CLI::CallForVersion& version) {
    return {.text = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& failure) {
    return {.exit_code = 2, .text = fmt::format("{}: flag {}\n", program_, failure.what())};
  }
  for (std::size_t i = 0; i < parsed.size(); ++i) {
    if (parsed[i].first->count() > 0) arguments.flags.emplace_back(parsed[i].second, values[i]);
  }
  arguments.unknown = app.remaining();
  return {.run = true};
}

// From the weakest source to the strongest, so that each overrides those before it and all are checked.
Options::Failure Options::apply_all(const Sources& sources, const Arguments& arguments) {
  if (Failure failure = check_arguments(arguments)) return failure;
  std::map<std::string, std::string> dotenv;
  if (sources.dotenv) {
    auto parsed = parse_dotenv(*sources.dotenv);
    if (!parsed) return fmt::format(".env {}", parsed.error());
    dotenv = *std::move(parsed);
  }
  std::string path = arguments.file;
  for (const auto* variables : {&sources.environment, &std::as_const(dotenv)}) {
    const auto named = variables->find(std::string(kFileVariable));
    if (path.empty() && named != variables->end()) path = named->second;
  }
  if (!path.empty()) {
    if (Failure failure = apply_file(path, sources)) return failure;
  }
  if (Failure failure = apply_variables(".env", dotenv)) return failure;
  if (Failure failure = apply_variables("environment", sources.environment)) return failure;
  for (const auto& [option, value] : arguments.flags) {
    if (Failure failure = apply(*option, "flag", flag_name(option->name_), value)) return failure;
  }
  for (const auto& check : rules_) {
    if (Failure failure = check()) return failure;
  }
  return std::nullopt;
}

Options::Failure Options::check_arguments(const Arguments& arguments) const {
  if (!arguments.unknown.empty()) {
    const std::string& word = arguments.unknown.front();
    const std::size_t equals = word.find('=');
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (arguments.unknown.size() > 1 && !arguments.unknown[1].starts_with('-')) {
      value = arguments.unknown[1];
    } else if (std::ranges::find(commands_, arguments.command, &std::pair<std::string, std::string>::first) ==
               commands_.end()) {
      value = arguments.command;  // the parser takes the first word that is no flag for it
    }
    return unknown("flag", word.substr(0, equals), value, [](const Option& option) { return flag_name(option.name_); });
  }
  std::vector<std::string_view> names;
  for (const auto& [name, help] : commands_) names.push_back(name);
  const bool known = std::ranges::find(names, arguments.command) != names.end();
  if (arguments.command.empty() ? command_required_ : !known) {
    return fmt::format("command {}: must be one of {}", quote(arguments.command), fmt::join(names, ", "));
  }
  for (const auto& [option, value] : arguments.flags) {
    if (option->only_command_.empty() || option->only_command_ == arguments.command) continue;
    return fmt::format("flag {}: goes with the command {} only", flag_name(option->name_), option->only_command_);
  }
  return std::nullopt;
}

Options::Failure Options::apply_file(const std::string& path, const Sources& sources) {
  const std::string source = fmt::format("file {}", path);
  const std::expected<std::string, std::string> text = sources.read_file(path);
  if (!text) return fmt::format("{} {}", source, text.error());
  const auto values = parse_toml(*text);
  if (!values) return fmt::format("{} {}", source, values.error());
  for (const auto& [key, value] : *values) {
    const auto option = std::ranges::find(options_, key, &Option::name_);
    if (option == options_.end()) return unknown(source, key, value, [](const Option& known) { return known.name_; });
    if (Failure failure = apply(*option, source, key, value)) return failure;
  }
  return std::nullopt;
}

Options::Failure Options::apply_variables(std::string_view source,
                                          const std::map<std::string, std::string>& variables) {
  const auto spelling = [](const Option& option) { return variable_name(option.name_); };
  for (const auto& [key, value] : variables) {
    if (!key.starts_with(kVariablePrefix) || key.starts_with(kTestVariablePrefix) || key == kFileVariable) continue;
    if (std::ranges::find(ignored_variables_, key) != ignored_variables_.end()) continue;
    const auto option = std::ranges::find(options_, key, spelling);
    if (option == options_.end()) return unknown(source, key, value, spelling);
    if (Failure failure = apply(*option, source, key, value)) return failure;
  }
  return std::nullopt;
}

Options::Failure Options::apply(Option& option, std::string_view source, std::string_view key, std::string_view value) {
  if (!option.assign_(value)) {
    return fmt::format("{} {}: {} is not allowed, must be {}", source, key,
                       quote(option.is_secret_ ? kMasked : mask_url(value)), option.allowed_);
  }
  option.source_ = source;
  return std::nullopt;
}

Options::Failure Options::unknown(std::string_view source, std::string_view key, std::string_view value,
                                  const std::function<std::string(const Option&)>& spelling) const {
  std::vector<std::string> names;
  bool may_be_secret = false;
  for (const Option& option : options_) {
    names.push_back(spelling(option));
    may_be_secret = may_be_secret || (option.is_secret_ && resembles(key, option.name_));
  }
  return fmt::format("{} {}: unknown key with the value {}, allowed are {}", source, quote(key),
                     quote(may_be_secret ? kMasked : mask_url(value)), fmt::join(names, ", "));
}

std::vector<Options::Setting> Options::settings() const {
  std::vector<Setting> all;
  for (const Option& option : options_) {
    all.push_back({.name = option.name_, .value = option.show_(), .source = option.source_});
  }
  return all;
}

std::string Options::effective() const {
  std::string lines;
  for (const Setting& each : settings()) {
    fmt::format_to(std::back_inserter(lines), "{} = {}  # {}\n", each.name, each.value, each.source);
  }
  return lines;
}

}  // namespace simplechat::runtime
