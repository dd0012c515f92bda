"""A contestant's own process: `python -m benchmarks.worker MODULE FUNCTION COUNT`, then one line with a number of passes a turn.

FUNCTION(COUNT) prepares and returns work(passes) -> a number that shows that the work was done. Each turn is answered by a line of
JSON. Between turns the process sleeps.
"""

import contextlib
import importlib
import json
import os
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
            start = time.perf_counter()
            value = work(int(line))
            seconds = time.perf_counter() - start
            print(json.dumps({"seconds": seconds, "value": None if value is None else float(value)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
