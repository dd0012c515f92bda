"""A cluster of workers on this machine, to try out a program that will run on several machines.

`keras-ae cluster --workers 2 script.py`
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time

from keras_ae.utils import validation

GRACE = 5  # seconds that a worker gets to end by itself


def run(command, workers=2, restarts=0, cores=None):
    """Runs a Python program as every worker of a cluster.

    Each line of the output begins with the number of its worker. Each worker finds its place in the
    environment variable TF_CONFIG, as on real clusters. As soon as one worker fails, all are
    stopped: a collective operation cannot go on without one of its workers. With `restarts` the
    whole cluster is then started again, as a scheduler would do. The program resumes from its last
    backup if it keeps one (`keras.callbacks.BackupAndRestore`).

    Args:
        command: list of str, the arguments of Python: ["script.py", ...] or ["-m", "module", ...].
        workers: int >= 1. The first one is the chief.
        restarts: int >= 0, how often the cluster is started again after a failure.
        cores: int >= 1, how many processor cores each worker gets, and how many threads. If there
            are enough cores, no two workers share one. None: an equal part of the cores of this
            machine, at least one. The environment variables TF_NUM_INTRAOP_THREADS and
            TF_NUM_INTEROP_THREADS win over the number of threads.

    Returns:
        int, the exit code: 0, or the code of the worker that failed.

    Raises:
        ValueError: an argument is out of range.
    """
    usable = _usable_cores()
    cores = max(1, len(usable) // max(1, workers)) if cores is None else cores
    bounds = (("workers", workers, 1), ("restarts", restarts, 0), ("cores", cores, 1))
    for name, value, least in bounds:
        validation.at_least(value, name, least)
    if not command:
        raise ValueError(
            "Expected a Python program: script.py, or -m and a module, then its arguments. "
            "Received: nothing"
        )
    for attempt in range(restarts + 1):
        code = _run_once(command, workers, cores)
        if code == 0:
            return 0
        if attempt < restarts:
            print(
                f"a worker failed with exit code {code}: starting the cluster again "
                f"({attempt + 1} of {restarts})",
                flush=True,
            )
    return code


def configs(workers):
    """The value of TF_CONFIG for each worker: a list of str. All ports are free ones."""
    sockets = [socket.socket() for _ in range(workers)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}})
        for i in range(workers)
    ]


def _usable_cores():
    """The numbers of the processor cores that this process may use: a sorted list."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _run_once(command, workers, cores):
    usable = _usable_cores() if hasattr(os, "sched_setaffinity") else []
    enough = workers * cores <= len(usable)
    # A worker with more threads than cores waits for its own threads, and lets the others wait.
    threads = {f"TF_NUM_{kind}_THREADS": str(cores) for kind in ("INTRAOP", "INTEROP")}
    processes, printers = [], []
    try:
        for i, config in enumerate(configs(workers)):
            environment = {
                "TF_CPP_MIN_LOG_LEVEL": "3",
                **threads,
                **os.environ,
                "TF_CONFIG": config,
                "PYTHONUNBUFFERED": "1",
            }
            mine = set(usable[i * cores : (i + 1) * cores]) if enough else None
            process = subprocess.Popen(
                [sys.executable, *command],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                preexec_fn=(lambda mine=mine: os.sched_setaffinity(0, mine)) if mine else None,
            )
            processes.append(process)
            printers.append(
                threading.Thread(target=_print_lines, args=(i, process.stdout), daemon=True)
            )
            printers[-1].start()
        return _first_failure(processes)
    finally:
        _stop(processes)
        for printer in printers:
            printer.join(GRACE)


def _print_lines(i, stream):
    with stream:
        for line in stream:
            print(f"[{i}] {line}", end="", flush=True)


def _first_failure(processes):
    """Waits until one process fails or all have ended well. Returns the exit code: of it, or 0."""
    while True:
        codes = [process.poll() for process in processes]
        failed = [code for code in codes if code]
        if failed:
            # Negative: killed by a signal. Shells count from 128 then.
            return failed[0] if failed[0] > 0 else 128 - failed[0]
        if all(code == 0 for code in codes):
            return 0
        time.sleep(0.05)


def _stop(processes):
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
