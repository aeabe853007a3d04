"""HTTP calls as tests need them: any target as it stands, every status an answer, never an exception."""

import dataclasses
import http.client
import json as json_module
import ssl
import urllib.parse

DEADLINE_S = 20.0


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json_module.loads(self.body)

    def is_error(self, status: int, code: str) -> bool:
        """Of the contract's form: {"status":"error","code","message"}."""
        return (self.status == status and self.json["status"] == "error" and self.json["code"] == code
                and isinstance(self.json["message"], str) and self.json["message"] != "")


def call(method: str, url: str, json=None, body: bytes | None = None, headers: dict | None = None,
         tls: ssl.SSLContext | None = None) -> Answer:
    """The target goes out exactly as it is written in `url`: nothing is normalised."""
    scheme_and_host = urllib.parse.urlsplit(url)
    target = url.split(scheme_and_host.netloc, 1)[1] or "/"
    headers = dict(headers or {})
    if json is not None:
        body = json_module.dumps(json).encode()
        headers.setdefault("Content-Type", "application/json")
    if tls:
        connection = http.client.HTTPSConnection(scheme_and_host.netloc, timeout=DEADLINE_S, context=tls)
    else:
        connection = http.client.HTTPConnection(scheme_and_host.netloc, timeout=DEADLINE_S)
    try:
        connection.request(method, target, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def get(url: str, **parameters) -> Answer:
    """Parameters of None are left out; a final underscore is no part of a name (`with_`)."""
    given = {name.rstrip("_"): value for name, value in parameters.items() if value is not None}
    return call("GET", url + ("?" + urllib.parse.urlencode(given) if given else ""))


def metric(url: str, sample: str, tls: ssl.SSLContext | None = None) -> int:
    """A counter or gauge of a service, such as `simplechat_limited_total{limit="frames"}`; KeyError if it has none of that name."""
    samples = dict(line.rsplit(" ", 1) for line in call("GET", url + "/metrics", tls=tls).body.decode().splitlines() if not line.startswith("#"))
    return int(samples[sample])


def post(url: str, json) -> Answer:
    return call("POST", url, json=json)


def sync_all(url: str, user: str) -> list[dict]:
    """All messages of `user` through GET /v1/sync, page by page."""
    messages, cursor, more = [], None, True
    while more:
        answer = get(url + "/v1/sync", user=user, cursor=cursor, limit=200)
        if answer.status != 200:
            raise OSError(f"GET /v1/sync: {answer.status} {answer.body[:500]!r}")
        page = answer.json
        messages += page["messages"]
        cursor, more = page["cursor"], page["more"]
    return messages
