#include "ctl/command.h"

#include <CLI/CLI.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include "runtime/http.h"
#include "runtime/http_client.h"
#include "runtime/json_text.h"

namespace simplechat::ctl {
namespace {

constexpr const char* kTokenVariable = "SIMPLECHAT_ADMIN_TOKEN";
constexpr std::int64_t kUnixSecondsMax = 253'402'300'799;  // the year 9999
constexpr const char* kDescription =
    R"(Operate SimpleChat over the admin APIs of its instances, which --admin-token-file opens.)";
constexpr const char* kFooter = R"(Examples:
  simplechat ctl --token-file admin.token users                 how many are online at the gateway on this machine
  simplechat ctl --url http://a:3002 --url http://b:3002 sessions alice     where alice is online
  simplechat ctl --url http://a:3002 drain --seconds 60         send everybody on a to the other gateways
  simplechat ctl --url http://a:3002 revoke alice               alice's tokens count no more, at any gateway
  simplechat ctl --url http://p:3000 dead-letters list          what the store refused
  simplechat ctl --url http://p:3000 dead-letters replay --all  try it again

With several --url each instance is asked, and its answer stands behind its name. --json prints each
answer as one line of JSON. The token is also read from SIMPLECHAT_ADMIN_TOKEN.

Exit codes:
  0  done
  1  an instance answered with an error
  2  usage
  3  an instance does not answer
  4  an instance does not know this token, or its admin API is closed
)";

struct Raw {
  std::vector<std::string> urls;
  std::string token_file;
  runtime::TlsTrust trust;
  std::string user;
  std::string other;
  std::string session;
  std::string token_id;
  std::int64_t issued_until_s = 0;  // 0: not given
  std::int64_t until_s = 0;         // likewise
  std::string level;
  std::string after;
  std::vector<std::string> ids;
  std::size_t limit = 0;
  int seconds = 30;
  bool cancel = false;
  bool all = false;
  bool json = false;
};

Stop usage(const std::string& problem) { return {.exit_code = kUsage, .text = "simplechat ctl: " + problem + "\n"}; }

// Of what is not empty.
std::string json_of(std::initializer_list<std::pair<std::string_view, std::string_view>> texts,
                    std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers = {}) {
  std::string json = "{";
  for (const auto& [key, value] : texts) {
    if (value.empty()) continue;
    if (json.size() > 1) json += ',';
    runtime::append_json_string(json, key);
    json += ':';
    runtime::append_json_string(json, value);
  }
  for (const auto& [key, value] : numbers) {
    if (value == 0) continue;
    if (json.size() > 1) json += ',';
    runtime::append_json_string(json, key);
    json += ':' + std::to_string(value);
  }
  return json + "}";
}

std::string list_target(std::string target, const Raw& raw) {
  char separator = '?';
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    target += separator;
    target.append(name).append("=").append(runtime::percent_encode(value));
    separator = '&';
  };
  add("limit", raw.limit == 0 ? "" : std::to_string(raw.limit));
  add("after", raw.after);
  return target;
}

std::string replay_body(const Raw& raw) {
  if (raw.all) return R"({"all":true})";
  std::string json = R"({"ids":[)";
  for (const std::string& id : raw.ids) {
    if (json.back() != '[') json += ',';
    runtime::append_json_string(json, id);
  }
  return json + "]}";
}

std::expected<std::string, Stop> find_token(const Raw& raw, const Surroundings& surroundings) {
  if (raw.token_file.empty()) {
    const char* const value = surroundings.environment(kTokenVariable);
    if (value != nullptr && *value != '\0') return value;
    return std::unexpected(usage("--token-file or SIMPLECHAT_ADMIN_TOKEN must give the admin API's token"));
  }
  auto text = surroundings.read_file(raw.token_file);
  if (!text) return std::unexpected(usage("--token-file " + raw.token_file + ": " + text.error()));
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty()) return std::unexpected(usage("--token-file " + raw.token_file + ": is empty"));
  return *std::move(text);
}

// Declares the commands; each puts its requests into `requests` when it is the one given.
void declare_commands(CLI::App& app, Raw& raw, std::vector<Request>& requests) {
  const auto then = [&requests](CLI::App* command, auto make) {
    command->callback([&requests, make] { requests.push_back(make()); });
  };
  const auto lists = [&raw](CLI::App* command) {
    command->add_option("--limit", raw.limit, "at most so many")->type_name("N")->check(CLI::Range(1, 1000));
  };
  then(app.add_subcommand("users", "how many users, sessions and connections a gateway has"),
       [] { return Request{.method = "GET", .target = "/v1/admin/users"}; });

  CLI::App* const sessions = app.add_subcommand("sessions", "a user's sessions at a gateway, or all of them");
  sessions->add_option("user", raw.user)->type_name("USER");
  sessions->add_option("--after", raw.after, "go on behind the place that the page before gave as next");
  lists(sessions);
  then(sessions, [&raw] {
    return Request{.method = "GET",
                   .target = raw.user.empty() ? list_target("/v1/admin/sessions", raw)
                                              : "/v1/admin/sessions/" + runtime::percent_encode(raw.user)};
  });

  CLI::App* const disconnect = app.add_subcommand("disconnect", "close a user's sessions; the client may come back");
  disconnect->add_option("user", raw.user)->type_name("USER")->required();
  disconnect->add_option("--session", raw.session, "only this one")->type_name("SESSION");
  then(disconnect, [&raw] {
    return Request{.method = "POST",
                   .target = "/v1/admin/disconnect",
                   .body = json_of({{"user", raw.user}, {"session", raw.session}})};
  });

  const auto blocks_of = [&raw] {
    return "/v1/admin/blocks/" + runtime::percent_encode(raw.user) +
           (raw.other.empty() ? "" : "/" + runtime::percent_encode(raw.other));
  };
  for (const auto& [name, method, does] :
       {std::tuple{"blocks", "GET", "whom a user has blocked"}, std::tuple{"block", "PUT", "block OTHER for a user"},
        std::tuple{"unblock", "DELETE", "take that back"}}) {
    CLI::App* const command = app.add_subcommand(name, does);
    command->add_option("user", raw.user)->type_name("USER")->required();
    if (method != std::string_view("GET")) command->add_option("other", raw.other)->type_name("OTHER")->required();
    then(command, [method, blocks_of] { return Request{.method = method, .target = blocks_of()}; });
  }

  CLI::App* const revoke =
      app.add_subcommand("revoke", "have all tokens of a user, or one token, count no more; sessions under them end");
  revoke->add_option("user", raw.user)->type_name("USER");
  revoke->add_option("--jti", raw.token_id, "the token of this id")->type_name("ID");
  const CLI::Range seconds(std::int64_t{1}, kUnixSecondsMax);
  revoke
      ->add_option("--issued-until", raw.issued_until_s,
                   "of the user, tokens that were issued until then (default: now)")
      ->type_name("UNIX-SECONDS")
      ->check(seconds);
  revoke->add_option("--until", raw.until_s, "when it may be forgotten (default: as revocation-keep-ms says)")
      ->type_name("UNIX-SECONDS")
      ->check(seconds);
  then(revoke, [&raw] {
    if (raw.user.empty() == raw.token_id.empty()) throw CLI::ValidationError("revoke", "name a user, or give --jti");
    return Request{.method = "POST",
                   .target = "/v1/admin/revocations",
                   .body = json_of({{"user", raw.user}, {"jti", raw.token_id}},
                                   {{"issuedUntil", raw.issued_until_s}, {"until", raw.until_s}})};
  });

  CLI::App* const drain = app.add_subcommand("drain", "send a gateway's clients to the others; it goes on running");
  drain->add_option("--seconds", raw.seconds, "over how long (default 30)")->check(CLI::Range(0, 3600));
  drain->add_flag("--cancel", raw.cancel, "take new clients again");
  then(drain, [&raw] {
    return raw.cancel ? Request{.method = "DELETE", .target = "/v1/admin/drain"}
                      : Request{.method = "POST",
                                .target = "/v1/admin/drain",
                                .body = R"({"seconds":)" + std::to_string(raw.seconds) + "}"};
  });

  CLI::App* const level = app.add_subcommand("log-level", "show the log level, or change it until the next start");
  level->add_option("level", raw.level)->type_name("LEVEL")->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  then(level, [&raw] {
    return raw.level.empty()
               ? Request{.method = "GET", .target = "/v1/admin/log-level"}
               : Request{.method = "PUT", .target = "/v1/admin/log-level", .body = json_of({{"level", raw.level}})};
  });

  then(app.add_subcommand("queues", "what waits in a gateway, and how much may"),
       [] { return Request{.method = "GET", .target = "/v1/admin/queues"}; });
  CLI::App* const limits = app.add_subcommand("limits", "the options in effect, and the queues with their bounds");
  limits->callback([&requests] {
    requests.push_back({.method = "GET", .target = "/v1/admin/config"});
    requests.push_back({.method = "GET", .target = "/v1/admin/queues", .optional = true});
  });

  CLI::App* const letters =
      app.add_subcommand("dead-letters", "what the store refused: of sv-persist, simplechat serve");
  letters->require_subcommand(1);
  CLI::App* const list = letters->add_subcommand("list", "the oldest, with the reason");
  lists(list);
  then(list, [&raw] { return Request{.method = "GET", .target = list_target("/v1/admin/dead-letters", raw)}; });
  CLI::App* const show = letters->add_subcommand("show", "one of them with its messages");
  show->add_option("id", raw.ids)->type_name("ID")->required()->expected(1);
  then(show, [&raw] {
    return Request{.method = "GET", .target = "/v1/admin/dead-letters/" + runtime::percent_encode(raw.ids.front())};
  });
  CLI::App* const replay = letters->add_subcommand("replay", "put them back into the queue");
  replay->add_option("id", raw.ids)->type_name("ID");
  replay->add_flag("--all", raw.all, "all of them");
  then(replay, [&raw] {
    if (raw.ids.empty() != raw.all) throw CLI::ValidationError("replay", "name the letters, or give --all");
    return Request{.method = "POST", .target = "/v1/admin/dead-letters/replay", .body = replay_body(raw)};
  });
}

}  // namespace

std::expected<Command, Stop> parse_command(const std::vector<std::string>& arguments,
                                           const Surroundings& surroundings) {
  Raw raw;
  Command command;
  CLI::App app(kDescription, "simplechat ctl");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.add_option("--url", raw.urls,
                 "an instance, http:// or https://host:port (default http://127.0.0.1:3002); repeatable")
      ->allow_extra_args(false)
      ->type_name("URL");
  app.add_option("--token-file", raw.token_file, "file that holds the admin API's token")->type_name("FILE");
  app.add_option("--ca-file", raw.trust.authorities, "with https: trust these certificates (PEM), not the system's")
      ->type_name("FILE");
  app.add_option("--cert-file", raw.trust.certificate, "with https: shown to an instance that asks for one")
      ->type_name("FILE");
  app.add_option("--key-file", raw.trust.key, "the certificate's key")->type_name("FILE");
  app.add_flag("--json", raw.json, "print JSON");
  declare_commands(app, raw, command.requests);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(Stop{.exit_code = kDone, .text = app.help()});
  } catch (const CLI::CallForAllHelp&) {
    return std::unexpected(Stop{.exit_code = kDone, .text = app.help()});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(usage(error.what()));
  }
  if (raw.trust.certificate.empty() != raw.trust.key.empty()) {
    return std::unexpected(usage("--cert-file and --key-file: give both or none"));
  }
  if (raw.urls.empty()) raw.urls.emplace_back("http://127.0.0.1:3002");
  for (const std::string& url : raw.urls) {
    if (const auto problem = runtime::check_http_origin(url)) return std::unexpected(usage("--url: " + *problem));
  }
  auto token = find_token(raw, surroundings);
  if (!token) return std::unexpected(token.error());
  command.urls = std::move(raw.urls);
  command.token = *std::move(token);
  command.trust = std::move(raw.trust);
  command.json = raw.json;
  return command;
}

}  // namespace simplechat::ctl
