"""Quick checks of the fault test's own parts; the test itself is run.py."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / "local"), str(ROOT / "tests" / "system")]
