"""The container images of deploy/container: built, and run as they are meant to be, without rights and on a read-only root."""

import asyncio
import pathlib
import subprocess

import pytest

import containers
from cluster import database_url, http_json
from process import free_port, wait_until
from users import talk

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = ("simplechat", "sv-websocket", "sv-discover", "sv-persist")
IMAGE_MB_MAX = 60
LOCKED = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]
SECRET = "a secret of the tests, long enough for HS256"


@pytest.fixture(scope="module")
def podman(packages, debian_tree, state_dir):
    """With all images. The base is a Debian made here, since no registry is asked."""
    if containers.why_not():
        pytest.skip(containers.why_not())
    command = containers.Podman(state_dir / "podman")
    command.image_from_tree(debian_tree, "localhost/debian")
    for image in IMAGES:
        command("build", "--file", ROOT / "deploy/container/Containerfile", "--build-arg", "DEBIAN=localhost/debian", "--network=none",
                "--target", image, "--tag", f"simplechat/{image}", packages["simplechat"].parent)
    yield command
    command("rm", "--all", "--force", "--time", "5", check=False)
    subprocess.run(["umount", "--quiet", state_dir / "podman/storage/overlay"], check=False)


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


def test_one_process_chats_and_keeps_its_data(podman, start):
    api, ws = free_port(), free_port()
    settings = {"SIMPLECHAT_HOST": "127.0.0.1", "SIMPLECHAT_API_PORT": api, "SIMPLECHAT_WS_PORT": ws}
    for _ in range(2):  # the second one finds the data of the first, which had rights to nothing else
        container = start("simplechat", env=settings, options=("--volume", "chat-data:/data"))
        wait_until(lambda: http_json(f"http://127.0.0.1:{api}/readyz")[0] == 200, "readiness")
        asyncio.run(talk(f"ws://127.0.0.1:{ws}/", f"ws://127.0.0.1:{api}/ws"))
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
