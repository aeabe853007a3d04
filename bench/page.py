"""The web client in Chromium, on `simplechat serve`: bench/page.js measures, with the browser tests' words.

Every figure is the page's own: it is taken inside the page, from an input to the frame that shows its effect, and not by the driver.

- first_load: a browser without anything of the page. JavaScript as it comes over the wire; first contentful paint; and until the sign-in
  form has been painted and takes input.
- opened: a conversation of 5000 messages is opened by a click. `first`: the browser has none of it; shown means that a frame with the
  newest message (or, at_500_unread: the first of 500 unread ones) in view has been painted, and that it can be scrolled.
  Only what is near the view is in the document, and pages above follow as the reader scrolls; `read_from_end_to_start_ms` is how long it
  takes until the very first message is in view if that is done as fast as pages come. `again`: after a reload, out of IndexedDB.
- typing: a key every 130 ms while 100 messages a second arrive in the open conversation. `handled`: from the moment at which the browser
  got the key to the end of its handlers, which is what the page can make longer: waiting for the main thread, and work. `painted`: until
  the task after the next animation frame; the browser paints at most every 16.7 ms, so that a key waits for the next frame whatever the
  page does, and a bare <textarea>, measured in the same run, says what that costs here. Event Timing, which browsers offer for this,
  rounds to 8 ms and leaves out what is below 16.
- received: the heap after a garbage collection, before and after 10 000 messages have arrived in the open conversation.
- scrolled: 100 000 messages from the newest to the first, as fast as pages come; what is shown is checked for order and gaps on the way.
"""

import json
import os
import subprocess

from cluster import embedded
from harness import ROOT, UNLIMITED, Bench, state_directory

OPENED, SCROLLED, RECEIVED = 5_000, 100_000, 10_000
RATE = 100


def run_page(bench: Bench) -> None:
    with state_directory() as state:
        server = embedded(bench.program("simplechat").parent, state, flags=UNLIMITED)
        try:
            load = round(os.getloadavg()[0], 1)  # of other programs: what a reader feels depends on who else wants the cores
            server.start_ready()
            url = server.url + "/client"
            env = {**os.environ, "CHAT_URL_A": url, "CHAT_URL_B": url, "OPENED": str(OPENED), "SCROLLED": str(bench.connections or SCROLLED),
                   "RECEIVED": str(RECEIVED), "RATE": str(round(bench.rate or RATE)), "SECONDS": str(bench.seconds), "REPEAT": str(bench.repeat)}
            measured = subprocess.run(["node", ROOT / "bench" / "page.js"], env=env, stdout=subprocess.PIPE, check=True, text=True)
            bench.report("page", {"load_average_before": load, **json.loads(measured.stdout)})
        finally:
            server.stop()


SCENARIOS = {"page": run_page}
