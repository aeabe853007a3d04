#include "ctl/ctl_program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ctl/answer_text.h"
#include "ctl/command.h"
#include "ctl/trace.h"
#include "runtime/http_client.h"
#include "runtime/json_text.h"
#include "runtime/tls_client.h"

namespace simplechat::ctl {
namespace {

using Outcome = std::expected<runtime::HttpResponse, runtime::HttpFailure>;

constexpr std::chrono::seconds kDeadline{30};  // a replay of many dead letters takes some time

std::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) return std::unexpected("cannot be read");
  return content;
}

// `tls`: null, if no url needs it.
Outcome ask(const Command& command, runtime::TlsClient* tls, const std::string& url, const Request& request) {
  boost::asio::io_context io{1};
  runtime::HttpClient client(io.get_executor(), url,
                             {.deadline = kDeadline, .bearer_token = command.token, .tls = tls});
  std::optional<Outcome> outcome;
  const auto call = [&]() -> boost::asio::awaitable<void> {
    runtime::HttpRequest asked{.method = request.method, .target = request.target, .body = request.body};
    if (!request.body.empty()) asked.content_type = "application/json";
    outcome.emplace(co_await client.call(std::move(asked)));
    io.stop();  // not for the connection, which is kept open
  };
  boost::asio::co_spawn(io, call, boost::asio::detached);
  io.run();
  return *std::move(outcome);
}

void print(std::FILE* stream, const std::string& text) { std::fwrite(text.data(), 1, text.size(), stream); }

void print_answer(const Command& command, const std::string& url, const std::string& body) {
  const bool several = command.urls.size() > 1;
  if (!command.json) {
    print(stdout, (several ? "# " + url + "\n" : std::string{}) + text_of_answer(body));
    return;
  }
  std::string line = body;
  if (several) {
    line = R"({"url":)";
    runtime::append_json_string(line, url);
    line += R"(,"answer":)" + body + "}";
  }
  print(stdout, line + "\n");
}

// The exit code of one request.
int run_one(const Command& command, runtime::TlsClient* tls, const std::string& url, const Request& request) {
  const Outcome outcome = ask(command, tls, url, request);
  if (!outcome) {
    print(stderr, "simplechat ctl: " + url + ": " + outcome.error().message + "\n");
    return kUnreachable;
  }
  if (outcome->status == 200) {
    print_answer(command, url, outcome->body);
    return kDone;
  }
  if (outcome->status == 404 && request.optional) return kDone;
  print(stderr, "simplechat ctl: " + url + ": " + text_of_error(outcome->body) + "\n");
  return outcome->status == 401 ? kUnauthorized : kRefused;
}

// Throws CLI::ValidationError naming a log that cannot be read.
std::vector<TraceEvent> read_path(const std::string& id, const std::vector<std::string>& logs) {
  std::vector<TraceEvent> path;
  for (const std::string& log : logs) {
    std::ifstream file(log);
    if (!file) throw CLI::ValidationError("--logs", log + ": cannot be read");
    const std::string name = std::filesystem::path(log).filename();
    for (std::string line; std::getline(file, line);) {
      if (auto event = read_event(line, id, name)) path.push_back(*std::move(event));
    }
  }
  sort_path(path);
  return path;
}

}  // namespace

int run_trace(int argc, const char* const* argv) {
  CLI::App app(
      "Shows the path of one message through the services, from their logs: at level debug they log that of\n"
      "each message, with --trace-sample N that of one in N.",
      "simplechat trace");
  std::string id;
  std::vector<std::string> logs;
  bool json = false;
  app.add_option("id", id, "the message's id")->required()->type_name("ID");
  app.add_option("--logs", logs, "the services' logs, of either format")->required()->type_name("FILE");
  app.add_flag("--json", json, "print an event a line as JSON");
  const std::vector<std::string> arguments(argv, argv + argc);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    const std::vector<TraceEvent> path = read_path(id, logs);
    print(stdout, json ? json_of_path(path) : text_of_path(path));
    if (path.empty()) print(stderr, "simplechat trace: these logs do not tell of message " + id + "\n");
    return path.empty() ? kRefused : kDone;
  } catch (const CLI::CallForHelp&) {
    print(stdout, app.help());
    return kDone;
  } catch (const CLI::ParseError& error) {
    print(stderr, "simplechat trace: " + std::string(error.what()) + "\n");
    return kUsage;
  }
}

int run_ctl(int argc, const char* const* argv) {
  const Surroundings surroundings{.environment = [](const char* name) -> const char* { return std::getenv(name); },
                                  .read_file = read_file};
  const auto command = parse_command({argv, argv + argc}, surroundings);
  if (!command) {
    print(command.error().exit_code == kDone ? stdout : stderr, command.error().text);
    return command.error().exit_code;
  }
  std::unique_ptr<runtime::TlsClient> tls;
  try {
    const bool wanted = std::ranges::any_of(command->urls, [](const auto& url) { return url.starts_with("https://"); });
    if (wanted) tls = std::make_unique<runtime::TlsClient>(command->trust);
  } catch (const std::exception& failure) {
    print(stderr, "simplechat ctl: " + std::string(failure.what()) + "\n");
    return kUsage;
  }
  int exit_code = kDone;
  for (const std::string& url : command->urls) {
    for (const Request& request : command->requests) {
      exit_code = std::max(exit_code, run_one(*command, tls.get(), url, request));
    }
  }
  return exit_code;
}

}  // namespace simplechat::ctl
