"""A small HTTP endpoint through which a test in another process, or another language, kills and restarts the gateways it talks to.

POST /kill/N ends gateway N with SIGKILL, /stop/N with SIGTERM, /start/N starts it again. Each answers 204 when that is done; 409 with the
reason if it could not be.
"""

import contextlib
import http.server
import threading
from collections.abc import Iterator

from cluster import Gateway

ACTIONS = {"kill": Gateway.kill, "stop": Gateway.stop, "start": Gateway.start_ready}


@contextlib.contextmanager
def control(gateways: list[Gateway]) -> Iterator[str]:
    """Serves on a free loopback port, whose URL it gives; one action at a time."""
    lock = threading.Lock()

    class Control(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802, the base class's name
            action, _, index = self.path.strip("/").partition("/")
            try:
                with lock:
                    ACTIONS[action](gateways[int(index)])
            except Exception as error:  # noqa: BLE001, whatever it is, the test is to hear of it
                self.send_error(409, explain=repr(error))
                return
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
