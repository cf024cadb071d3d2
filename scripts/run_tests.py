#!/usr/bin/env python3
"""Builds every test of the workspace and runs the programs two at a time: most of them wait for
cameras, servers and pages, not for the processor. The browser wants all of it for minutes, so it
comes last and alone: beside it an encoder falls behind, as it would in a room. What a program
prints is shown when it has ended, as one line if it passed and whole if it did not. Ends with 1
when any failed, after all have run."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

AT_ONCE = 2
ALONE = {"podium"}


def built():
    """Folder of the package, name and path of each test program."""
    command = ["cargo", "test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"]
    cargo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    programs = []
    for line in cargo.stdout:
        message = json.loads(line)
        if message.get("reason") != "compiler-artifact" or not message.get("executable"):
            continue
        if message["profile"]["test"]:
            folder = Path(message["manifest_path"]).parent
            programs.append((folder, message["target"]["name"], message["executable"]))
    if cargo.wait() != 0:
        sys.exit("the tests could not be built")
    # The room as a whole comes first: its long ones must not be left alone at the end.
    return sorted(programs, key=lambda program: (program[0].name != "tests", program[0], program[1]))


def run(programs, at_once):
    waiting = iter(programs)
    lock = threading.Lock()
    failed = []
    passed = 0

    def work():
        nonlocal passed
        while True:
            with lock:
                program = next(waiting, None)
            if program is None:
                return
            folder, name, executable = program
            began = time.monotonic()
            environment = dict(os.environ, CARGO_MANIFEST_DIR=str(folder))
            test = subprocess.run(
                [executable],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            said = test.stdout.decode("utf-8", "replace")
            results = [line for line in said.splitlines() if line.startswith("test result: ")]
            with lock:
                title = f"{folder.name} {name}"
                if test.returncode == 0 and results:
                    passed += sum(int(line.split(" passed")[0].split()[-1]) for line in results)
                    count = results[-1].removeprefix("test result: ").split(";")[0]
                    print(f"{title:34} {count:18} {time.monotonic() - began:6.1f} s", flush=True)
                else:
                    failed.append(title)
                    print(f"\n{said}\n{title}: ended with {test.returncode}\n", flush=True)

    workers = [threading.Thread(target=work, name=f"tests-{n}") for n in range(at_once)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return passed, failed


programs = built()
passed, failed = run([program for program in programs if program[1] not in ALONE], AT_ONCE)
more, worse = run([program for program in programs if program[1] in ALONE], 1)
passed, failed = passed + more, failed + worse
print(f"{passed} passed in programs without a failure; failed: {', '.join(failed) or 'none'}", flush=True)
documented = subprocess.run(["cargo", "test", "--workspace", "--locked", "--doc", "--quiet"], stdin=subprocess.DEVNULL)
sys.exit(1 if failed or documented.returncode else 0)
