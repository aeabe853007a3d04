"""Images that stand in for the official ones of Redis, RabbitMQ and PostgreSQL where no registry is asked: they run this machine's own
programs, which are mounted into them, and take the settings that the official ones take."""

import io
import tarfile

REDIS = """exec "$@" --protected-mode no"""
RABBITMQ = """
mkdir -p /var/lib/rabbitmq /etc/rabbitmq /var/log/rabbitmq
echo "[]." >/etc/rabbitmq/enabled_plugins
printf 'default_user = %s\\ndefault_pass = %s\\nloopback_users = none\\ndisk_free_limit.absolute = 100MB\\n' \\
  "$RABBITMQ_DEFAULT_USER" "$RABBITMQ_DEFAULT_PASS" >/etc/rabbitmq/rabbitmq.conf
export HOME=/var/lib/rabbitmq RABBITMQ_MNESIA_BASE=/var/lib/rabbitmq/mnesia RABBITMQ_LOGS=- \\
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+sbwt none +sbwtdcpu none +sbwtdio none"
exec /usr/lib/rabbitmq/bin/rabbitmq-server
"""
POSTGRES = """
data=/var/lib/postgresql/data/pgdata bin=/usr/lib/postgresql/15/bin
if [ ! -e $data/PG_VERSION ]; then
  mkdir -p $data && chown postgres $data && chmod 700 $data
  printf %s "$POSTGRES_PASSWORD" >/tmp/password && chown postgres /tmp/password
  setpriv --reuid=postgres --regid=postgres --clear-groups $bin/initdb -D $data -U postgres -A scram-sha-256 --pwfile=/tmp/password -E UTF8 --locale=C.UTF-8
  echo 'host all all all scram-sha-256' >>$data/pg_hba.conf
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups $bin/postgres -D $data -c listen_addresses='*' -c unix_socket_directories=/tmp
"""
SCRIPTS = {"docker.io/library/redis:7-bookworm": REDIS, "docker.io/library/rabbitmq:3.13": RABBITMQ,
           "docker.io/library/postgres:15-bookworm": POSTGRES}
MOUNTS = ["/usr:/usr:ro"]
ACCOUNTS = {"etc/passwd": "root:x:0:0::/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n",
            "etc/group": "root:x:0:\npostgres:x:999:\n", "etc/nsswitch.conf": "hosts: files dns\n"}
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


def image_archive(script: str) -> bytes:
    """A root file system, as a tar archive, whose /entrypoint is this shell script."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, target in LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name in ("usr", "etc", "tmp", "var", "run", "proc", "sys", "dev"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(directory)
        for name, text in {**ACCOUNTS, "entrypoint": f"#!/bin/sh\nset -e\n{script}\n"}.items():
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(text.encode()), 0o755
            tar.addfile(file, io.BytesIO(text.encode()))
    return archive.getvalue()
