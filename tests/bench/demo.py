#!/usr/bin/python3
"""How long scripts/demo takes with what is built already, beside the seconds that it records."""

import json
import pathlib
import subprocess
import sys
import time

SECONDS = 20
ROOT = pathlib.Path(__file__).resolve().parents[2]

begun = time.monotonic()
ended = subprocess.run([ROOT / "scripts/demo", "--seconds", str(SECONDS)])
took = time.monotonic() - begun
if ended.returncode:
    sys.exit(1)
print("figure " + json.dumps({
    "what": "from the call to the checked MP4", "ours": round(took, 1), "unit": "s", "of": "built already",
    "beside": [["what it records", SECONDS]],
}))
