"""The container images of deploy/container: built, and run as they are meant to be, without rights and on a read-only root."""

import asyncio
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml

import containers
import machine as machines
import stand_ins
from chat import Client, unique
from cluster import database_url, http_json
from process import free_port, wait_until
from users import hs256, talk

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = ("simplechat", "sv-websocket", "sv-discover", "sv-persist")
IMAGE_MB_MAX = 40  # 14 to 24 they have
LOCKED = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]
SECRET = "a secret of the tests, long enough for HS256"


@pytest.fixture(scope="module")
def podman(packages, debian_tree, state_dir):
    """With all images. The base is a Debian made here, since no registry is asked."""
    if containers.why_not():
        pytest.skip(containers.why_not())
    command = containers.Podman(machines.CACHE / "podman", state_dir / "podman")
    base = f"localhost/debian:{debian_tree.name}"
    command.image_from_tree(debian_tree, base)
    for image in IMAGES:
        command("build", "--file", ROOT / "deploy/container/Containerfile", "--build-arg", f"DEBIAN={base}", "--network=none",
                "--target", image, "--tag", f"simplechat/{image}", packages["simplechat"].parent)
    yield command
    command("rm", "--all", "--force", "--time", "5", check=False)
    command("volume", "prune", "--force", check=False)
    command("image", "prune", "--force", check=False)


@pytest.fixture
def start(podman):
    started = []

    def run(image: str, *words, env: dict[str, str] | None = None, options: tuple = ()) -> str:
        variables = [word for name, value in (env or {}).items() for word in ("--env", f"{name}={value}")]
        container = podman("run", "--detach", "--network=host", *LOCKED, *options, *variables, f"simplechat/{image}", *words)
        started.append(container)
        return container

    yield run
    for container in started:
        print(podman("logs", container, check=False)[-1500:])
        podman("rm", "--force", "--time", "5", container, check=False)


@pytest.mark.parametrize("image", IMAGES)
def test_images_are_small_have_no_shell_and_no_root(podman, image):
    size = podman.megabytes(f"simplechat/{image}")
    print(f"{image}: {size:.1f} MB")
    assert size <= IMAGE_MB_MAX
    assert podman("image", "inspect", "--format", "{{.User}}", f"simplechat/{image}") == "65532:65532"
    assert podman("run", "--rm", "--network=none", *LOCKED, f"simplechat/{image}", "--version").startswith(f"{image} ")
    assert "no such file" in podman("run", "--rm", "--network=none", "--entrypoint=/bin/sh", f"simplechat/{image}", "-c", "id", check=False)


@pytest.mark.parametrize("image", IMAGES)
def test_open_to_all_without_authentication_they_refuse_to_start(podman, image):
    refused = podman("run", "--rm", "--network=none", *LOCKED, f"simplechat/{image}", check=False)
    assert "host 0.0.0.0" in refused if image != "sv-websocket" else "0.0.0.0" in refused, refused


def test_one_process_keeps_its_data_in_its_volume(podman, start):
    api, ws = free_port(), free_port()
    settings = {"SIMPLECHAT_HOST": "127.0.0.1", "SIMPLECHAT_API_PORT": api, "SIMPLECHAT_WS_PORT": ws}
    alice, bob = unique("alice"), unique("bob")

    def serve() -> str:
        container = start("simplechat", env=settings, options=("--volume", f"{alice}:/data"))
        wait_until(lambda: http_json(f"http://127.0.0.1:{api}/readyz")[0] == 200, "readiness")
        return container

    async def say() -> None:
        async with Client.registered(f"ws://127.0.0.1:{ws}/", alice) as client:
            await client.say(bob, "kept")

    async def read() -> list:
        async with Client.registered(f"ws://127.0.0.1:{api}/ws", bob) as client:
            return [message["payload"] for message in (await client.request("history", with_=alice))["messages"]]

    container = serve()
    asyncio.run(say())
    assert podman.ended(container) == 0
    container = serve()
    assert asyncio.run(read()) == ["kept"]
    assert podman.ended(container) == 0


def test_the_cluster_of_images_serves_over_real_servers(podman, start, servers):
    db_url = database_url(servers.postgres.url, "contained")
    discover, persist = free_port(), free_port()
    common = {"SIMPLECHAT_HOST": "127.0.0.1", "SIMPLECHAT_CLUSTER_SECRET": SECRET}
    assert "schema version" in podman("run", "--rm", "--network=host", *LOCKED, "--env", f"SIMPLECHAT_DB_URL={db_url}",
                                      "--env", f"SIMPLECHAT_CLUSTER_SECRET={SECRET}", "simplechat/sv-persist", "migrate")
    started = [
        start("sv-discover", env={**common, "SIMPLECHAT_PORT": discover, "SIMPLECHAT_REDIS_URL": servers.redis.url}),
        start("sv-persist", env={**common, "SIMPLECHAT_PORT": persist, "SIMPLECHAT_MQ_URL": servers.rabbitmq.url, "SIMPLECHAT_DB_URL": db_url})]
    gateways = [(free_port(), free_port()) for _ in range(2)]
    for api, ws in gateways:
        started.append(start("sv-websocket", env={
            **common, "SIMPLECHAT_API_PORT": api, "SIMPLECHAT_WS_PORT": ws, "SIMPLECHAT_MQ_URL": servers.rabbitmq.url,
            "SIMPLECHAT_DISCOVER_URL": f"http://127.0.0.1:{discover}", "SIMPLECHAT_PERSIST_URL": f"http://127.0.0.1:{persist}"}))
    for api, _ in gateways:
        wait_until(lambda url=f"http://127.0.0.1:{api}/readyz": http_json(url)[0] == 200, "readiness")
    asyncio.run(talk(*(f"ws://127.0.0.1:{ws}/" for _, ws in gateways)))
    assert [podman.ended(container) for container in reversed(started)] == [0] * len(started)


class Composed:
    """deploy/container/compose.yaml, brought up by podman-compose in a network of its own, without ports on this machine."""

    SECRETS = {"CLUSTER_SECRET": "a-cluster-secret-of-the-tests", "JWT_SECRET": SECRET, "POSTGRES_PASSWORD": "pgpassword",
               "RABBITMQ_PASSWORD": "mqpassword"}

    def __init__(self, podman: containers.Podman, directory: pathlib.Path):
        self._podman, self._directory = podman, directory
        self._project = f"simplechat-test-{os.getpid()}"
        self.network = f"{self._project}_default"
        directory.mkdir()
        content = yaml.safe_load((ROOT / "deploy/container/compose.yaml").read_text())
        content["name"] = self._project
        for service in content["services"].values():
            service.pop("ports", None)
            service.pop("build", None)  # they are built already
            if service["image"] in stand_ins.SCRIPTS:
                service.setdefault("volumes", []).extend(stand_ins.MOUNTS)
                service["entrypoint"] = ["/entrypoint"]
        (directory / "compose.yaml").write_text(yaml.safe_dump(content))

    def __call__(self, *words, env: dict | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(["podman-compose", "--project-name", self._project, "--file", self._directory / "compose.yaml", *words],
                              env={**self._podman.environment, **(self.SECRETS if env is None else env)}, capture_output=True, text=True, check=False,
                              timeout=200)

    def container(self, service: str) -> str:
        return self._podman("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.service={service}",
                            "--filter", f"label=com.docker.compose.project={self._project}")

    def address(self, service: str) -> str:
        return self._podman("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.container(service))


@pytest.fixture(scope="module")
def composed(podman, state_dir):
    if not shutil.which("podman-compose"):
        pytest.skip("needs podman-compose")
    for name, script in stand_ins.SCRIPTS.items():
        podman("import", "--quiet", "-", name, stdin=stand_ins.image_archive(script))
    project = Composed(podman, state_dir / "compose")
    up = project("up", "--detach")
    assert up.returncode == 0, up.stdout + up.stderr
    yield project
    project("down", "--volumes")
    podman("network", "rm", "--force", project.network, check=False)


def test_compose_brings_up_the_whole_cluster(composed, podman):
    addresses = [composed.address(f"gateway-{number}") for number in (1, 2)]
    try:
        for address in addresses:
            wait_until(lambda url=f"http://{address}:3002/readyz": http_json(url)[0] == 200, "readiness", 120)
        asyncio.run(talk(*(f"ws://{address}:8082/" for address in addresses), token=lambda user: hs256(SECRET, {"sub": user})))
        assert podman.ended(composed.container("gateway-1")) == 0
    except BaseException:
        for service in ("migrate", "postgres", "rabbitmq", "redis", "sv-discover", "sv-persist", "gateway-1"):
            print(f"--- {service}\n{podman('logs', composed.container(service), check=False)[-1500:]}")
        raise


def test_compose_refuses_to_come_up_without_its_secrets(composed):
    refused = composed("ps", env={name: value for name, value in Composed.SECRETS.items() if name != "CLUSTER_SECRET"})
    assert refused.returncode != 0 and "CLUSTER_SECRET" in refused.stdout + refused.stderr
