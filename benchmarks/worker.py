"""The process of one contestant: `python -m benchmarks.worker MODULE FUNCTION COUNT`.

FUNCTION(COUNT) prepares the work and returns work(passes), which returns a number that shows that
the work was done. Each line of the input is a number of passes; each is answered by a line of JSON.
Between two turns the process sleeps.
"""

import contextlib
import importlib
import json
import os
import pathlib
import sys
import time


def main():
    """Answers turn after turn until the input ends."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    module, function, count = sys.argv[1:4]
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        work = getattr(importlib.import_module(f"benchmarks.{module}"), function)(int(count))
        for line in sys.stdin:
            start, others = time.perf_counter(), _cpu_of_others()
            value = work(int(line))
            seconds, others = time.perf_counter() - start, _cpu_of_others() - others
            answer = {
                "seconds": seconds,
                "value": None if value is None else float(value),
                "disturbed": others > 0.1 * seconds,
            }
            print(json.dumps(answer), file=answers, flush=True)


def wait_for_quiet(seconds=60):
    """Waits until other processes leave the machine alone, at most so many seconds.

    PyTorch's threads spin while they wait for each other. If a third thread wants to run, they take
    ten times as long and more.
    """
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        before = _cpu_of_others()
        time.sleep(0.5)
        if _cpu_of_others() - before < 0.05:
            return


def _cpu_of_others():
    """CPU seconds that all but this process and its children used; 0 on systems without /proc."""
    stat = pathlib.Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - sum(
        os.times()[:4]
    )


if __name__ == "__main__":
    main()
