"""Certificates for tests, made by the openssl command: an authority that nobody else trusts, and what it issues."""

import dataclasses
import pathlib
import ssl
import subprocess


@dataclasses.dataclass(frozen=True)
class Certificate:
    certificate: pathlib.Path
    key: pathlib.Path

    @property
    def flags(self) -> list:
        """As SimpleChat's programs take it."""
        return ["--tls-cert", self.certificate, "--tls-key", self.key]


class Authority:
    """With its files under `directory`. `file` is its own certificate, for those who shall trust it."""

    def __init__(self, directory: pathlib.Path, name: str = "test authority"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file, self._key = self.directory / "ca.pem", self.directory / "ca-key.pem"
        _openssl("req", "-x509", *_NEW_KEY, "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign", "-keyout", self._key,
                 "-out", self.file)

    def issue(self, name: str, names: str = "DNS:localhost,IP:127.0.0.1") -> Certificate:
        """For servers and clients; `names` are its subject's alternative ones."""
        made = Certificate(self.directory / f"{name}.pem", self.directory / f"{name}-key.pem")
        _openssl("req", "-x509", *_NEW_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-addext",
                 "basicConstraints=critical,CA:FALSE", "-CA", self.file, "-CAkey", self._key, "-keyout", made.key, "-out", made.certificate)
        made.key.chmod(0o600)
        return made

    def context(self) -> ssl.SSLContext:
        """A client's that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.file))


_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]


def _openssl(*words) -> None:
    made = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    if made.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {made.stderr}")
