#include "runtime/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace simplechat::runtime {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

enum class Auth : std::uint8_t { none, jwt };

struct Config {
  std::string host;
  std::uint16_t api_port = 0;
  unsigned threads = 0;
  bool insecure = false;
  std::chrono::milliseconds lease{};
  std::size_t body_bytes_max = 0;
  std::string mq_url;
  std::string discover_url;
  std::string secret;
  Auth auth = Auth::none;
  std::string out;
};

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    options_.text("host", config_.host, "127.0.0.1", "address to listen on");
    options_.port("api-port", config_.api_port, 3002, "port of the API").alias("apiPort");
    options_.integer("threads", config_.threads, 0, {0, 256}, "event loops, 0: one per core");
    options_.flag("insecure", config_.insecure, "allow --auth none on any address");
    options_.duration_ms("lease-ms", config_.lease, 10s, {100ms, 10min}, "how long records live");
    options_.bytes("body-bytes-max", config_.body_bytes_max, 1024, {1, 1UL << 30U}, "largest body");
    options_.url("mq-url", config_.mq_url, "amqp://guest:guest@127.0.0.1:5672", {"amqp"}, "the broker");
    options_.url("discover-url", config_.discover_url, "", {"http"}, "the directory");
    options_.secret("cluster-secret", config_.secret, "shared by all services");
    options_.one_of("auth", config_.auth, Auth::none, {{"none", Auth::none}, {"jwt", Auth::jwt}}, "who may register");
    options_.text("out", config_.out, "", "where to").only_for("export");
    options_.command("export", "writes everything out");
    options_.rule([this]() -> std::optional<std::string> {
      if (config_.host == "127.0.0.1" || config_.insecure) return std::nullopt;
      return "auth none needs --insecure on " + config_.host;
    });
    sources_.read_file = [this](const std::string& path) -> std::expected<std::string, std::string> {
      const auto file = files_.find(path);
      if (file == files_.end()) return std::unexpected("cannot be read: no such file");
      return file->second;
    };
  }

  Options::Outcome load(std::vector<std::string> arguments = {}) {
    sources_.arguments = std::move(arguments);
    return options_.load(sources_);
  }

  // The one line that `arguments` are refused with.
  std::string refusal(std::vector<std::string> arguments = {}) {
    const Options::Outcome outcome = load(std::move(arguments));
    EXPECT_FALSE(outcome.run);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(std::ranges::count(outcome.text, '\n'), 1) << outcome.text;
    EXPECT_THAT(outcome.text, StartsWith("test-program: "));
    EXPECT_THAT(outcome.text, EndsWith("\n"));
    return outcome.text;
  }

  Config config_;
  Options options_{"test-program", "For tests."};
  Options::Sources sources_;
  std::map<std::string, std::string> files_;
};

TEST_F(ConfigTest, DefaultsHold) {
  const Options::Outcome outcome = load();
  EXPECT_TRUE(outcome.run) << outcome.text;
  EXPECT_EQ(outcome.command, "");
  EXPECT_EQ(config_.host, "127.0.0.1");
  EXPECT_EQ(config_.api_port, 3002);
  EXPECT_EQ(config_.lease, 10s);
  EXPECT_EQ(config_.body_bytes_max, 1024U);
  EXPECT_EQ(config_.auth, Auth::none);
}

TEST_F(ConfigTest, FlagsOfEveryType) {
  const Options::Outcome outcome = load({"--host", "0.0.0.0", "--api-port=1", "--threads", "4", "--insecure",
                                         "--lease-ms", "500", "--body-bytes-max", "7", "--mq-url", "amqp://u:p@h/vhost",
                                         "--discover-url", "http://d:1", "--cluster-secret", "s", "--auth", "jwt"});
  EXPECT_TRUE(outcome.run) << outcome.text;
  EXPECT_EQ(config_.host, "0.0.0.0");
  EXPECT_EQ(config_.api_port, 1);
  EXPECT_EQ(config_.threads, 4U);
  EXPECT_TRUE(config_.insecure);
  EXPECT_EQ(config_.lease, 500ms);
  EXPECT_EQ(config_.body_bytes_max, 7U);
  EXPECT_EQ(config_.mq_url, "amqp://u:p@h/vhost");
  EXPECT_EQ(config_.discover_url, "http://d:1");
  EXPECT_EQ(config_.secret, "s");
  EXPECT_EQ(config_.auth, Auth::jwt);
}

TEST_F(ConfigTest, AliasesAndRepeatedFlags) {
  EXPECT_TRUE(load({"--apiPort", "5"}).run);
  EXPECT_EQ(config_.api_port, 5);
  EXPECT_TRUE(load({"--api-port", "6", "--apiPort", "7"}).run);
  EXPECT_EQ(config_.api_port, 7);
  EXPECT_TRUE(load({"--insecure=false"}).run);
  EXPECT_FALSE(config_.insecure);
}

TEST_F(ConfigTest, EachSourceOverridesTheWeakerOnes) {
  files_["c.toml"] = "api-port = 1\n";
  EXPECT_TRUE(load({"--config", "c.toml"}).run);
  EXPECT_EQ(config_.api_port, 1);
  sources_.dotenv = "SIMPLECHAT_API_PORT=2\n";
  EXPECT_TRUE(load({"--config", "c.toml"}).run);
  EXPECT_EQ(config_.api_port, 2);
  sources_.environment["SIMPLECHAT_API_PORT"] = "3";
  EXPECT_TRUE(load({"--config", "c.toml"}).run);
  EXPECT_EQ(config_.api_port, 3);
  EXPECT_TRUE(load({"--config", "c.toml", "--api-port", "4"}).run);
  EXPECT_EQ(config_.api_port, 4);
}

TEST_F(ConfigTest, TheFileMayBeNamedByEnvironmentAndDotenv) {
  files_ = {{"a", "threads = 1"}, {"b", "threads = 2"}, {"c", "threads = 3"}};
  sources_.dotenv = "SIMPLECHAT_CONFIG=a";
  EXPECT_TRUE(load().run);
  EXPECT_EQ(config_.threads, 1U);
  sources_.environment["SIMPLECHAT_CONFIG"] = "b";
  EXPECT_TRUE(load().run);
  EXPECT_EQ(config_.threads, 2U);
  EXPECT_TRUE(load({"--config", "c"}).run);
  EXPECT_EQ(config_.threads, 3U);
}

TEST_F(ConfigTest, FileTakesTomlTypes) {
  files_["c.toml"] = "# all\nhost = '127.0.0.1'\napi-port = 3_003\ninsecure = true\nauth = \"jwt\"\n";
  EXPECT_TRUE(load({"--config", "c.toml"}).run);
  EXPECT_EQ(config_.api_port, 3003);
  EXPECT_TRUE(config_.insecure);
  EXPECT_EQ(config_.auth, Auth::jwt);
}

TEST_F(ConfigTest, OtherVariablesAreIgnored) {
  sources_.environment = {{"PATH", "/bin"}, {"SIMPLECHAT_TEST_REDIS_URL", "x"}, {"SIMPLECHATTER", "y"}};
  sources_.dotenv = "OTHER=1\nSIMPLECHAT_TEST_DB_URL=z\n";
  EXPECT_TRUE(load().run);
}

TEST_F(ConfigTest, AVariableOfAnotherCommandIsNoUnknownKeyOnceItIsNamed) {
  sources_.environment = {{"SIMPLECHAT_OTHERS", "x"}};
  EXPECT_FALSE(load().run);
  options_.ignore_variable("SIMPLECHAT_OTHERS");
  EXPECT_TRUE(load().run);
}

TEST_F(ConfigTest, ABadValueNamesSourceKeyValueAndWhatIsAllowed) {
  EXPECT_EQ(refusal({"--api-port", "70000"}),
            "test-program: flag --api-port: \"70000\" is not allowed, must be a port, 1 to 65535\n");
  sources_.environment["SIMPLECHAT_THREADS"] = "-1";
  EXPECT_EQ(refusal(),
            "test-program: environment SIMPLECHAT_THREADS: \"-1\" is not allowed, must be a number, 0 to 256\n");
  sources_.environment.clear();
  sources_.dotenv = "SIMPLECHAT_LEASE_MS=99";
  EXPECT_EQ(refusal(),
            "test-program: .env SIMPLECHAT_LEASE_MS: \"99\" is not allowed, must be milliseconds, 100 to 600000\n");
  sources_.dotenv.reset();
  files_["c.toml"] = "auth = 'basic'";
  EXPECT_EQ(refusal({"--config", "c.toml"}),
            "test-program: file c.toml auth: \"basic\" is not allowed, must be one of none, jwt\n");
}

TEST_F(ConfigTest, ABadValueIsRefusedEvenIfAStrongerSourceOverridesIt) {
  sources_.environment["SIMPLECHAT_API_PORT"] = "x";
  EXPECT_THAT(refusal({"--api-port", "1"}), HasSubstr("environment SIMPLECHAT_API_PORT: \"x\""));
}

TEST_F(ConfigTest, BadNumbers) {
  for (const char* value : {"", "x", "1x", "0", "65536", "1.5", " 1", "+1", "99999999999999999999"}) {
    EXPECT_THAT(refusal({std::string("--api-port=") + value}), HasSubstr("--api-port")) << value;
  }
  EXPECT_THAT(refusal({"--api-port", "-1"}), HasSubstr("--api-port: \"-1\""));
  EXPECT_THAT(refusal({"--insecure=maybe"}), HasSubstr("\"maybe\" is not allowed, must be true or false"));
}

TEST_F(ConfigTest, BadUrlsAreMasked) {
  EXPECT_EQ(
      refusal({"--mq-url", "http://user:hidden@h"}),
      "test-program: flag --mq-url: \"http://user:***@h\" is not allowed, must be a URL that begins with amqp://, "
      "with %25 and %40 for a % and an @ of its password\n");
  for (const char* url : {"amqp://u:hidden/x@h:99999", "u:hidden@h", "amqp://u:hidden@", "amqp://u:hid@den@h:x"}) {
    const std::string line = refusal({"--mq-url", url});
    EXPECT_THAT(line, HasSubstr("flag --mq-url: "));
    EXPECT_THAT(line, Not(HasSubstr("hid"))) << url;
  }
  EXPECT_THAT(refusal({"--discover-url", "http://h/path"}), HasSubstr("http://host[:port]"));
  EXPECT_THAT(refusal({"--mq-url", ""}), HasSubstr("--mq-url"));
  EXPECT_TRUE(load({"--discover-url", ""}).run);
}

TEST_F(ConfigTest, UnknownKeysOfEverySource) {
  EXPECT_THAT(refusal({"--api-prot", "1"}), HasSubstr("flag \"--api-prot\": unknown key"));
  EXPECT_THAT(refusal({"--api-prot=1"}),
              HasSubstr("flag \"--api-prot\": unknown key with the value \"1\", allowed are --host, --api-port"));
  sources_.environment["SIMPLECHAT_API_PROT"] = "1";
  EXPECT_THAT(
      refusal(),
      HasSubstr("environment \"SIMPLECHAT_API_PROT\": unknown key with the value \"1\", allowed are SIMPLECHAT_HOST"));
  sources_.environment.clear();
  sources_.dotenv = "SIMPLECHAT_CLUSTER_SECRTE=hidden";
  EXPECT_THAT(refusal(), HasSubstr(".env \"SIMPLECHAT_CLUSTER_SECRTE\": unknown key with the value \"***\""));
  sources_.dotenv = "SIMPLECHAT_COLOUR=red";
  EXPECT_THAT(refusal(), HasSubstr(".env \"SIMPLECHAT_COLOUR\": unknown key with the value \"red\""));
  sources_.dotenv = "SIMPLECHAT_DB_URL=postgres://alice:hush@h/chat-db";
  EXPECT_THAT(refusal(), HasSubstr("unknown key with the value \"postgres://alice:***@h/chat-db\""));
  sources_.dotenv.reset();
  files_["c.toml"] = "api_port = 1";
  EXPECT_THAT(refusal({"--config", "c.toml"}),
              HasSubstr("file c.toml \"api_port\": unknown key with the value \"1\", allowed are host"));
}

TEST_F(ConfigTest, UnreadableSources) {
  EXPECT_THAT(refusal({"--config", "missing"}), HasSubstr("file missing cannot be read"));
  files_["c.toml"] = "a = 1\nb =\n";
  EXPECT_THAT(refusal({"--config", "c.toml"}), HasSubstr("file c.toml line 2: "));
  files_["c.toml"] = "host = ['a']";
  EXPECT_THAT(refusal({"--config", "c.toml"}), HasSubstr("file c.toml host: must be"));
  sources_.dotenv = "A=1\nnonsense\n";
  EXPECT_THAT(refusal(), HasSubstr(".env line 2: must be KEY=VALUE"));
}

TEST_F(ConfigTest, FlagWithoutItsValue) { EXPECT_THAT(refusal({"--api-port"}), HasSubstr("--api-port")); }

TEST_F(ConfigTest, NoValueForgesALine) {
  EXPECT_THAT(refusal({"--api-port", "1\nforged: 2"}), HasSubstr(R"("1\nforged: 2")"));
  EXPECT_THAT(refusal({"--x\ny"}), HasSubstr(R"("--x\ny")"));
}

TEST_F(ConfigTest, RulesJoinOptions) {
  EXPECT_EQ(refusal({"--host", "0.0.0.0"}), "test-program: auth none needs --insecure on 0.0.0.0\n");
  EXPECT_TRUE(load({"--host", "0.0.0.0", "--insecure"}).run);
  EXPECT_THAT(refusal({"check-config", "--insecure=false"}), HasSubstr("needs --insecure"));
}

TEST_F(ConfigTest, CheckConfigPrintsValuesAndSourcesAsToml) {
  files_["c.toml"] = "threads = 2\n";
  sources_.dotenv = "SIMPLECHAT_LEASE_MS=200";
  sources_.environment["SIMPLECHAT_CLUSTER_SECRET"] = "hidden";
  const Options::Outcome outcome = load({"check-config", "--config", "c.toml", "--api-port", "1"});
  EXPECT_FALSE(outcome.run);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.text,
            "host = \"127.0.0.1\"  # default\n"
            "api-port = 1  # flag\n"
            "threads = 2  # file c.toml\n"
            "insecure = false  # default\n"
            "lease-ms = 200  # .env\n"
            "body-bytes-max = 1024  # default\n"
            "mq-url = \"amqp://guest:***@127.0.0.1:5672\"  # default\n"
            "discover-url = \"\"  # default\n"
            "cluster-secret = \"***\"  # environment\n"
            "auth = \"none\"  # default\n"
            "out = \"\"  # default\n");
}

TEST_F(ConfigTest, WhatCheckConfigPrintsIsAFile) {
  files_["c.toml"] = load({"check-config", "--threads", "9", "--auth", "jwt"}).text;
  config_ = {};
  const Options::Outcome outcome = load({"--config", "c.toml"});
  EXPECT_TRUE(outcome.run) << outcome.text;
  EXPECT_EQ(config_.threads, 9U);
  EXPECT_EQ(config_.auth, Auth::jwt);
}

TEST_F(ConfigTest, Commands) {
  const Options::Outcome outcome = load({"export", "--out", "f", "--threads", "1"});
  EXPECT_TRUE(outcome.run) << outcome.text;
  EXPECT_EQ(outcome.command, "export");
  EXPECT_EQ(config_.out, "f");
  EXPECT_EQ(load({"--threads", "1", "export"}).command, "export");
  EXPECT_THAT(refusal({"--out", "f"}), HasSubstr("flag --out: goes with the command export only"));
  EXPECT_THAT(refusal({"exprot"}), HasSubstr("command \"exprot\": must be one of check-config, export"));
  EXPECT_THAT(refusal({"export", "again"}), HasSubstr("again"));
  EXPECT_TRUE(load().run);
  options_.require_command();
  EXPECT_THAT(refusal(), HasSubstr("must be one of check-config, export"));
}

TEST_F(ConfigTest, HelpAndVersion) {
  const Options::Outcome help = load({"--help"});
  EXPECT_FALSE(help.run);
  EXPECT_EQ(help.exit_code, 0);
  for (const char* part :
       {"For tests.", "--api-port", "--apiPort", "1 to 65535", "3002", "export", "check-config", "--config"}) {
    EXPECT_THAT(help.text, HasSubstr(part));
  }
  EXPECT_THAT(help.text, Not(HasSubstr("guest:guest")));
  const Options::Outcome version = load({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.text, testing::MatchesRegex("test-program [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

// In a directory of its own, so that .env there is the test's.
class ProcessSourcesTest : public ConfigTest {
 protected:
  ProcessSourcesTest() { std::filesystem::current_path(directory_); }
  ~ProcessSourcesTest() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(directory_);
    ::unsetenv("SIMPLECHAT_LEASE_MS");
  }

  static std::filesystem::path make_directory() {
    std::string name = testing::TempDir() + "config_test_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    return name;
  }

  Options::Outcome load_process(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "test-program");
    return options_.load(static_cast<int>(arguments.size()), arguments.data());
  }

  const std::filesystem::path before_ = std::filesystem::current_path();
  const std::filesystem::path directory_ = make_directory();
};

TEST_F(ProcessSourcesTest, AreReadFromTheirPlaces) {
  std::ofstream("c.toml") << "threads = 7\n";
  std::ofstream(".env") << "SIMPLECHAT_CLUSTER_SECRET=s\n";
  ASSERT_EQ(::setenv("SIMPLECHAT_LEASE_MS", "123", 1), 0);
  const Options::Outcome outcome = load_process({"--api-port", "12", "--config", "c.toml"});
  EXPECT_TRUE(outcome.run) << outcome.text;
  EXPECT_EQ(config_.threads, 7U);
  EXPECT_EQ(config_.secret, "s");
  EXPECT_EQ(config_.lease, 123ms);
  EXPECT_EQ(config_.api_port, 12);
}

TEST_F(ProcessSourcesTest, FilesMayBeEmptyButNotMissing) {
  std::ofstream("empty.toml").close();
  EXPECT_TRUE(load_process({"--config", "empty.toml"}).run);
  EXPECT_EQ(load_process({"--config", "missing.toml"}).text,
            "test-program: file missing.toml cannot be read: No such file or directory\n");
  EXPECT_EQ(load_process({"--config", "."}).text, "test-program: file . is a directory\n");
}

}  // namespace
}  // namespace simplechat::runtime
