"""Configuration of each program: what is refused in one line, which source wins, and who gets in."""

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import time

import pytest

import rest
from chat import Client, unique
from cluster import embedded

PROGRAMS = {
    "simplechat": {"command": "serve", "port": "api-port", "url": None},
    "sv-websocket": {"command": None, "port": "api-port", "url": ("discover-url", "ftp://somewhere", "http")},
    "sv-discover": {"command": None, "port": "port", "url": ("redis-url", "http://127.0.0.1:6379", "redis")},
    "sv-persist": {"command": None, "port": "port", "url": ("db-url", "mysql://127.0.0.1/chat", "postgres")},
}
SECRET = "a secret of the tests, long enough for HS256 to be taken"


class Program:
    def __init__(self, bin_dir, name: str, directory):
        self.path, self.name, self.directory = bin_dir / name, name, directory
        self.spec = PROGRAMS[name]

    def run(self, *words, env=None) -> subprocess.CompletedProcess:
        return subprocess.run([self.path, *words], env={"PATH": "/usr/bin:/bin", **(env or {})}, cwd=self.directory, capture_output=True, text=True,
                              timeout=30)

    def start(self, *flags, env=None) -> subprocess.CompletedProcess:
        """As for real; only for configurations that must be refused."""
        return self.run(*([self.spec["command"]] if self.spec["command"] else []), *flags, env=env)

    def check(self, *flags, env=None) -> dict[str, tuple[str, str]]:
        """check-config: option -> value and source."""
        checked = self.run("check-config", *flags, env=env)
        assert (checked.returncode, checked.stderr) == (0, ""), checked
        lines = (line.split(" = ", 1) for line in checked.stdout.splitlines())
        return {name: tuple(value.rsplit("  # ", 1)) for name, value in lines}

    def refuses(self, ran: subprocess.CompletedProcess, *named: str) -> None:
        assert ran.returncode > 0, f"exit status {ran.returncode}: {ran.stderr}"
        lines = ran.stderr.splitlines()
        assert len(lines) == 1, f"not one line: {ran.stderr!r}"
        for word in (self.name, *named):
            assert word in lines[0], f"{word!r} is not in {lines[0]!r}"


@pytest.fixture(params=PROGRAMS)
def program(request, bin_dir, tmp_path):
    return Program(bin_dir, request.param, tmp_path)


def test_an_unknown_flag(program):
    for flag in (["--no-such-flag=17"], ["--no-such-flag", "17"]):
        program.refuses(program.start(*flag), "--no-such-flag", "17", "--" + program.spec["port"])
        program.refuses(program.run(*flag), "--no-such-flag", "17", "--" + program.spec["port"])
    program.refuses(program.run("surprise"), "surprise", "check-config")


@pytest.mark.parametrize("value", ["99999", "0", "-1", "x", "80x", "", "1.5"])
def test_a_bad_number(program, value):
    program.refuses(program.start(f"--{program.spec['port']}={value}"), f"--{program.spec['port']}", *([value, "1 to 65535"] if value else []))
    variable = "SIMPLECHAT_" + program.spec["port"].upper().replace("-", "_")
    program.refuses(program.start(env={variable: value}), variable, value, "1 to 65535", "environment")


def test_a_bad_url(program):
    if program.spec["url"] is None:
        pytest.skip("it has no URL")
    option, value, scheme = program.spec["url"]
    program.refuses(program.start(f"--{option}", value), f"--{option}", value, scheme)
    program.refuses(program.start(f"--{option}", f"{scheme}://host:70000"), f"--{option}", f"{scheme}://host:70000", scheme)


def test_an_unknown_key_in_each_source(program):
    (program.directory / "config.toml").write_text("no-such-key = 17\n")
    program.refuses(program.start("--config", "config.toml"), "config.toml", "no-such-key", "17", program.spec["port"])
    (program.directory / "broken.toml").write_text("this is no TOML\n")
    program.refuses(program.start("--config", "broken.toml"), "broken.toml", "line 1")
    program.refuses(program.start("--config", "absent.toml"), "absent.toml")
    variable = "SIMPLECHAT_" + program.spec["port"].upper().replace("-", "_")
    program.refuses(program.start(env={"SIMPLECHAT_NO_SUCH_KEY": "17"}), "environment", "SIMPLECHAT_NO_SUCH_KEY", "17", variable)
    (program.directory / ".env").write_text("SIMPLECHAT_NO_SUCH_KEY=17\n")
    program.refuses(program.start(), ".env", "SIMPLECHAT_NO_SUCH_KEY", "17", variable)


def test_flags_before_environment_before_dotenv_before_file_before_defaults(program):
    port = program.spec["port"]
    variable = "SIMPLECHAT_" + port.upper().replace("-", "_")
    default = program.check()[port]
    assert default[1] == "default"
    (program.directory / "config.toml").write_text(f"{port} = 4001\n")
    flags, env = ["--config", "config.toml"], {}
    assert program.check(*flags)[port][0] == "4001"
    (program.directory / ".env").write_text(f"# a comment\n{variable}=4002\nOTHER=1\n")
    assert program.check(*flags)[port] == ("4002", ".env")
    env[variable] = "4003"
    assert program.check(*flags, env=env)[port] == ("4003", "environment")
    flags.append(f"--{port}=4004")
    assert program.check(*flags, env=env)[port] == ("4004", "flag")
    assert program.check(env={**env, "SIMPLECHAT_CONFIG": "config.toml"})[port] == ("4003", "environment")


def test_a_bad_value_in_a_weaker_source_is_refused_too(program):
    port = program.spec["port"]
    (program.directory / "config.toml").write_text(f'{port} = "many"\n')
    program.refuses(program.start("--config", "config.toml", f"--{port}=4000"), "config.toml", port, "many")


def test_check_config_prints_no_secrets(bin_dir, tmp_path):
    gateway = Program(bin_dir, "sv-websocket", tmp_path)
    flags = ["--cluster-secret", "hush-1", "--auth", "jwt", "--jwt-secret", "hush-2 of 32 bytes at the very least", "--mq-url", "amqp://user:hush-3@127.0.0.1:5672"]
    printed = gateway.run("check-config", *flags)
    assert printed.returncode == 0 and "hush" not in printed.stdout + printed.stderr
    assert "amqp://user:" in printed.stdout and "@127.0.0.1:5672" in printed.stdout
    persist = Program(bin_dir, "sv-persist", tmp_path).run("check-config", "--db-url", "postgres://user:hush-4@127.0.0.1/chat-db")
    assert persist.returncode == 0 and "hush" not in persist.stdout + persist.stderr


def test_the_originals_flags(bin_dir, tmp_path):
    gateway = Program(bin_dir, "sv-websocket", tmp_path).check("--apiPort", "4000", "--wsPort", "4001")
    assert (gateway["api-port"][0], gateway["ws-port"][0]) == ("4000", "4001")
    persist = Program(bin_dir, "sv-persist", tmp_path)
    assert persist.check("--consumer", "3")["consumers"][0] == persist.check("--consumers", "3")["consumers"][0] == "3"


def test_defaults_of_the_contract(bin_dir, tmp_path):
    expected = {
        "simplechat": {"api-port": "3002", "ws-port": "8082", "host": '"127.0.0.1"', "data-dir": '"./data"', "auth": '"none"'},
        "sv-websocket": {"api-port": "3002", "ws-port": "8082", "host": '"127.0.0.1"', "producers": "4", "threads": "0", "auth": '"none"'},
        "sv-discover": {"port": "3001", "host": '"127.0.0.1"'},
        "sv-persist": {"port": "3000", "host": '"127.0.0.1"', "consumers": "2"},
    }
    for name, options in expected.items():
        checked = Program(bin_dir, name, tmp_path).check()
        assert {option: checked[option][0] for option in options} == options


def test_help_and_version(program):
    for flag in ("--help", "--version"):
        printed = program.run(flag)
        assert printed.returncode == 0 and printed.stdout and not printed.stderr


@pytest.mark.parametrize("name", ["simplechat", "sv-websocket"])
def test_no_authentication_beyond_loopback_only_if_it_is_meant(bin_dir, tmp_path, name):
    program = Program(bin_dir, name, tmp_path)
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        program.refuses(program.start("--host", host), host, "--insecure", "--auth")
    assert program.check("--host", "0.0.0.0", "--insecure")["host"][0] == '"0.0.0.0"'
    assert program.check("--host", "0.0.0.0", "--auth", "jwt", "--jwt-secret", SECRET)["auth"][0] == '"jwt"'


@pytest.mark.parametrize("flags", [["--auth", "jwt"], ["--auth", "sometimes"], ["--jwt-secret", SECRET],
                                   ["--auth", "jwt", "--jwt-secret", SECRET, "--jwt-secret-file", "file"]], ids=" ".join)
def test_keys_that_do_not_go_with_the_authentication(bin_dir, tmp_path, flags):
    for name in ("simplechat", "sv-websocket"):
        program = Program(bin_dir, name, tmp_path)
        refused = program.start(*flags)
        program.refuses(refused, "auth" if "--auth" in flags else "jwt-secret")
        assert SECRET not in refused.stderr


# --- tokens ---


def encode(part) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(user: str, secret: str = SECRET, header: dict | None = None, **claims) -> str:
    """An HS256 token that is good for a minute, unless said otherwise."""
    signed = encode(header or {"alg": "HS256", "typ": "JWT"}) + "." + encode({"sub": user, "exp": int(time.time()) + 60, **claims})
    return signed + "." + encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


@pytest.fixture(scope="module")
def guarded(bin_dir, state_dir):
    secret_file = state_dir / "jwt-secret"
    secret_file.write_text(SECRET + "\n")
    process = embedded(bin_dir, state_dir / "guarded", ["--auth", "jwt", "--jwt-secret-file", secret_file, "--cluster-secret", "between services"])
    process.start_ready()
    yield process
    assert process.stop() == 0


def test_a_good_token_says_who_one_is(guarded):
    async def run():
        user = unique("alice")
        async with Client.connected(guarded.ws_url) as client:
            assert (await client.register(user, token=token(user)))["user"] == user
            await client.say(user, "to myself")
            await client.expect("normal")
    asyncio.run(run())


def unsigned(user: str) -> str:
    return encode({"alg": "none"}) + "." + encode({"sub": user, "exp": int(time.time()) + 60}) + "."


def tampered(user: str) -> str:
    header, _, signature = token("somebody-else").split(".")
    return ".".join([header, encode({"sub": user, "exp": int(time.time()) + 60}), signature])


BAD_TOKENS = {
    "none": lambda user: None,
    "empty": lambda user: "",
    "not a token": lambda user: "a.b.c",
    "bad signature": lambda user: token(user, secret="another secret, of the same length as the right one ..."),
    "tampered": tampered,
    "unsigned": unsigned,
    "another algorithm": lambda user: token(user, header={"alg": "HS512", "typ": "JWT"}),
    "expired": lambda user: token(user, exp=int(time.time()) - 3600),
    "not yet valid": lambda user: token(user, nbf=int(time.time()) + 3600),
    "of another user": lambda user: token(user + "-other"),
    "without a user": lambda user: token(""),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_bad_token_is_unauthorized_and_closes_with_4501(guarded, kind):
    async def run():
        user = unique("alice")
        async with Client.connected(guarded.ws_url) as client:
            await client.send("register", from_=user, token=BAD_TOKENS[kind](user))
            await client.expect_error("unauthorized")
            assert await client.closed() == 4501
    asyncio.run(run())


def test_history_over_http_needs_the_users_token(guarded):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with Client.connected(guarded.ws_url) as client:
            await client.register(alice, token=token(alice))
            await client.say(bob, "secret", id="s")
        def read(bearer, query=""):
            return rest.call("GET", f"{guarded.url}/v1/sync{query}", headers={"Authorization": f"Bearer {bearer}"} if bearer else {})
        assert [message["id"] for message in read(token(alice)).json["messages"]] == ["s"]
        assert [message["id"] for message in read(token(bob)).json["messages"]] == ["s"]
        assert read(token("mallory")).json["messages"] == []
        assert read(None).is_error(401, "unauthorized")
        assert read(None, f"?user={alice}").is_error(401, "unauthorized")
        assert read(token("mallory"), f"?user={alice}").json["status"] == "error"
        assert read(BAD_TOKENS["expired"](alice)).is_error(401, "unauthorized")
    asyncio.run(run())


def test_send_and_deliver_need_the_cluster_secret(guarded):
    message = {"type": "normal", "from": unique("service"), "to": unique("bob"), "payload": "x"}
    for path, body in (("/send", message), ("/v1/deliver", {})):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer " + token("alice")}, {"Authorization": "between services"}):
            assert rest.call("POST", guarded.url + path, json=body, headers=headers).is_error(401, "unauthorized")
    assert rest.call("POST", guarded.url + "/send", json=message, headers={"Authorization": "Bearer between services"}).status == 200
