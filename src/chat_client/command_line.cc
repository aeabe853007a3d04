#include "chat_client/command_line.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <utility>

#include "chat/ids.h"
#include "chat/limits.h"
#include "websocket/utf8.h"

namespace simplechat::chat_client {
namespace {

constexpr std::string_view kProgram = "simplechat chat";
constexpr const char* kTokenVariable = "SIMPLECHAT_TOKEN";
constexpr std::string_view kDefaultUrl = "ws://127.0.0.1:8082";
constexpr std::size_t kHistoryDefault = 20;
constexpr double kTimeoutMaxS = 86'400;

constexpr const char* kDescription = R"(Chat from a terminal or a script.

At a terminal it shows the latest messages with --to, then live ones, and sends each line that is
written; /help lists its commands. Elsewhere, what is printed is one JSON object a line,
{"id","from","to","payload","at"}, and each line of stdin is sent as one message.)";

constexpr const char* kFooter = R"(Examples:
  simplechat chat --me alice --to bob                           a chat
  simplechat chat --me alice --to bob --send 'build is green'   one message
  make 2>&1 | simplechat chat --me ci --to bob                  each line is one message
  simplechat chat --me bob --follow | jq -r .payload            all messages, as they come
  simplechat chat --me bob --to alice --history 50 </dev/null   the latest 50

A message counts as sent when the server has acknowledged it as durable; until then it is repeated
under the same id, over lost connections and restarts. Messages are printed each once, sorted by
(at, from, id) as far as they are known; what is found late is printed late.

The token is also read from the environment variable SIMPLECHAT_TOKEN. When one from a file expires, the
client comes back if the file holds another one by then.

Exit codes:
  0  done, and everything that was sent is acknowledged
  1  failed: a message was refused, or an input line or the server's certificate is not valid
  2  usage
  3  not acknowledged, or no history, in time; or left before
  4  unauthorized: the server does not let this user or token in
)";

// The options as text, before they are checked.
struct Raw {
  std::vector<std::string> urls;
  std::string ca_file;
  std::string me;
  std::string to;
  std::string token;
  std::string token_file;
  std::vector<std::string> sends;
  double timeout_s = 30;
  std::size_t history = 0;
};

Stop usage(const std::string& problem) {
  return {.exit_code = kUsage, .text = std::string(kProgram) + ": " + problem + "\n"};
}

std::optional<std::string> problem_of_text(const std::string& text) {
  if (text.empty()) return "a message must not be empty";
  if (!websocket::is_utf8(text)) return "a message must be UTF-8";
  if (text.size() <= chat::limits::kPayloadBytesMax) return std::nullopt;
  return "a message has " + std::to_string(text.size()) + " bytes; at most " +
         std::to_string(chat::limits::kPayloadBytesMax) + " are allowed";
}

TokenSource token_file(const std::string& path, const Surroundings& surroundings) {
  return [path, read_file = surroundings.read_file]() -> std::expected<std::string, std::string> {
    auto text = read_file(path);
    if (!text) return std::unexpected("--token-file " + path + ": " + text.error());
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    if (text->empty()) return std::unexpected("--token-file " + path + ": is empty");
    return text;
  };
}

std::expected<TokenSource, Stop> find_token(const Raw& raw, const Surroundings& surroundings) {
  if (!raw.token.empty() && !raw.token_file.empty()) {
    return std::unexpected(usage("--token and --token-file exclude each other"));
  }
  if (!raw.token.empty()) return fixed_token(raw.token);
  if (raw.token_file.empty()) {
    const char* const value = surroundings.environment(kTokenVariable);
    return fixed_token(value == nullptr ? "" : value);
  }
  TokenSource source = token_file(raw.token_file, surroundings);
  if (const auto now = source(); !now) return std::unexpected(usage(now.error()));
  return source;
}

std::expected<Settings, Stop> check(Settings settings, const Raw& raw, const Surroundings& surroundings) {
  for (const std::string& text : raw.urls) {
    auto url = parse_server_url(text);
    if (!url) return std::unexpected(usage(url.error()));
    settings.urls.push_back(*std::move(url));
  }
  constexpr std::string_view kUserForm = "1 to 64 characters of A-Z a-z 0-9 . _ - @ +";
  if (!chat::is_user_id(raw.me)) return std::unexpected(usage("--me must be a user id: " + std::string(kUserForm)));
  if (!raw.to.empty() && !chat::is_user_id(raw.to) && !chat::is_group_address(raw.to)) {
    return std::unexpected(usage("--to must be a user id (" + std::string(kUserForm) + ") or # and a group's name"));
  }
  if (!std::isfinite(raw.timeout_s) || raw.timeout_s < 0 || raw.timeout_s > kTimeoutMaxS) {
    return std::unexpected(usage("--timeout must be 0 to 86400 seconds"));
  }
  auto token = find_token(raw, surroundings);
  if (!token) return std::unexpected(token.error());
  for (const std::string& text : raw.sends) {
    if (text == "-") {
      settings.sends_stdin = true;
      continue;
    }
    if (const auto problem = problem_of_text(text)) return std::unexpected(usage("--send: " + *problem));
    settings.texts.push_back(text);
  }
  settings.ca_file = raw.ca_file;
  settings.me = raw.me;
  settings.to = raw.to;
  settings.token = *std::move(token);
  settings.timeout = Milliseconds(std::llround(raw.timeout_s * 1000));
  return settings;
}

}  // namespace

std::expected<Settings, Stop> parse_command_line(const std::vector<std::string>& arguments,
                                                 const Surroundings& surroundings) {
  Raw raw;
  raw.urls.emplace_back(kDefaultUrl);
  Settings settings;
  CLI::App app(kDescription, std::string(kProgram));
  app.footer(kFooter);
  const auto one_each = [](CLI::Option* option) { option->allow_extra_args(false)->type_name("VALUE"); };
  one_each(app.add_option("--url", raw.urls,
                          "the server, ws:// or wss:// (default " + std::string(kDefaultUrl) +
                              "); more than one: each reconnect takes the next"));
  app.add_option("--me", raw.me, "this user")->required()->type_name("USER");
  app.add_option("--to", raw.to, "the other user, or a group; --follow without it shows all conversations")
      ->type_name("USER");
  app.add_option("--token", raw.token, "proves who this user is; others on this machine may see it: prefer the next")
      ->type_name("TOKEN");
  app.add_option("--token-file", raw.token_file, "a file that holds the token; read anew for each connect")
      ->type_name("FILE");
  one_each(app.add_option("--send", raw.sends, "send this text and end; repeatable; -: each line of stdin"));
  app.add_flag("--follow", settings.follows, "print messages as they come, until ended");
  CLI::Option* const history =
      app.add_option("--history", raw.history,
                     "print this many messages first, 0 to 10000 (default 20 at a terminal with --to, else 0)");
  history->type_name("N")->check(CLI::Range(std::size_t{0}, ClientSession::kHistoryMax));
  app.add_flag("--json", settings.json,
               "print JSON lines at a terminal too, and what was sent once acknowledged; stdin's lines are "
               R"({"payload", "to", "id"}, of which to and id may be left out)");
  app.add_option("--timeout", raw.timeout_s,
                 "give up on a message that is not acknowledged after so many seconds; 0: never (default 30)")
      ->type_name("SECONDS");
  app.add_option("--ca-file", raw.ca_file, "with wss://: trust these certificates (PEM) instead of the system's")
      ->type_name("FILE");
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(Stop{.exit_code = kOk, .text = app.help()});
  } catch (const CLI::ParseError& failure) {
    return std::unexpected(usage(std::string(failure.what()) + " (see --help)"));
  }
  if (history->count() > 0) settings.history = raw.history;
  return check(std::move(settings), raw, surroundings);
}

std::expected<Plan, Stop> make_plan(const Settings& settings, bool stdin_is_terminal, bool stdout_is_terminal) {
  const bool sends = settings.sends_stdin || !settings.texts.empty();
  Plan plan;
  plan.interactive = stdin_is_terminal && stdout_is_terminal && !sends && !settings.follows && !settings.json;
  plan.reads_stdin = settings.sends_stdin || (!stdin_is_terminal && !sends);
  plan.prints_json = settings.json || !stdout_is_terminal;
  plan.prints_acked = settings.json && !settings.follows;
  const bool history_by_default = !settings.to.empty() && (plan.interactive || (settings.follows && !plan.prints_json));
  plan.history = settings.history.value_or(history_by_default ? kHistoryDefault : 0);
  if (plan.interactive) return plan;
  if (plan.history > 0 && settings.to.empty()) return std::unexpected(usage("--history needs --to"));
  if (!settings.texts.empty() && settings.to.empty()) return std::unexpected(usage("--send needs --to"));
  if (plan.reads_stdin && settings.to.empty() && !settings.json && !settings.follows) {
    return std::unexpected(usage("sending the lines of stdin needs --to, or --json with a \"to\" in each line"));
  }
  if (!sends && !plan.reads_stdin && !settings.follows && plan.history == 0) {
    return std::unexpected(usage("nothing to do: give --send, --follow or --history"));
  }
  return plan;
}

}  // namespace simplechat::chat_client
