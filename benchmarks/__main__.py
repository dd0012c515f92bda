"""`python -m benchmarks`: runs the races and writes results.md, results.json and results.png."""

import argparse
import contextlib
import importlib
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

from benchmarks import report, worker, workers
from benchmarks.races import RACES

HERE = pathlib.Path(__file__).parent
ROUNDS, SCALING_ROUNDS = 5, 3


ALONE = ("learning", "trace", "gpu")  # commands with a table and a picture of their own


def main(arguments=None):
    """Runs the command."""
    options = _options(arguments)
    full = not options.quick
    if options.races and options.races[0] in ALONE:
        module = importlib.import_module(f"benchmarks.{options.races[0]}")
        return module.main(options.quick, options.out or (HERE if full else None))
    known = [*RACES, "scaling"]
    wanted = options.races or known
    results = {**report.environment(), "quick": options.quick, "races": {}, "scaling": {}}
    folder = options.out or (HERE if not options.races and full else None)
    for name in (name for name in known if name in wanted):
        if name == "scaling":
            print("\nscaling", file=sys.stderr)
            results[name] = workers.measure(1 if options.quick else SCALING_ROUNDS, options.quick)
        else:
            results["races"][name] = run(RACES[name], options.quick)
        if folder:  # after each race, so that nothing is lost
            write(folder, results)
    print(report.markdown(results))
    return None


def _options(arguments):
    known = [*RACES, "scaling"]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Runs keras_ae against its peers."
    )
    races = f"{', '.join(known)}; all, if none is named. Or one of {', '.join(ALONE)}"
    parser.add_argument("races", nargs="*", metavar="RACE", help=races)
    parser.add_argument(
        "--quick", action="store_true", help="one round on few images, to see that everything runs"
    )
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        help="folder for the results; without it, only a full run is kept, in benchmarks/",
    )
    options = parser.parse_args(arguments)
    alone = len(options.races) == 1 and options.races[0] in ALONE
    unknown = set(options.races) - set(known)
    if unknown and not alone:
        parser.error(
            f"expected races among {', '.join(known)}, or one of {', '.join(ALONE)}; "
            f"received: {', '.join(sorted(unknown))}"
        )
    return options


def write(folder, results):
    """Writes results.json, .md and .png beside what another processor gave before."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    before = json.loads(file.read_text()) if file.exists() else []
    entries = report.kept(before, results)
    file.write_text(json.dumps(entries, indent=1) + "\n")
    (folder / "results.md").write_text(report.markdown(*entries))
    if results["races"]:
        report.plot(results).savefig(folder / "results.png")


def run(race, quick=False):
    """Lets the contestants of a race take turns, one at a time, round after round.

    Returns:
        list of dicts, one per contestant that is installed: {"name", "first_seconds", "times",
            "disturbed", "value"}. times: in the unit of the race. disturbed: for each time,
            whether other processes took more than a tenth of a core meanwhile.
    """
    print(f"\n{race.work}", file=sys.stderr)
    results, processes = [], []
    with contextlib.ExitStack() as stack:
        for contestant in race.contestants:
            if contestant.requires and not importlib.util.find_spec(contestant.requires):
                print(
                    f"  {contestant.name}: skipped, {contestant.requires} is not installed",
                    file=sys.stderr,
                )
                continue
            processes.append((contestant, stack.enter_context(_Worker(contestant, quick))))
            first = processes[-1][1].turn(1)  # compiles what is to be compiled
            results.append(
                {
                    "name": contestant.name,
                    "first_seconds": first["seconds"],
                    "times": [],
                    "disturbed": [],
                    "value": None,
                }
            )
            print(f"  {contestant.name}: first pass {first['seconds']:.1f} s", file=sys.stderr)
        for _ in range(1 if quick else ROUNDS):
            for result, (contestant, process) in zip(results, processes, strict=True):
                _turn(race, contestant, process, result, quick)
    return results


def _turn(race, contestant, process, result, quick):
    """One turn of a contestant, added to its result."""
    if not quick:
        worker.wait_for_quiet()
    answer = process.turn(race.passes)
    count = race.passes * (contestant.quick_count if quick else contestant.count)
    result["times"].append(answer["seconds"] * report.SCALE[race.unit] / count)
    result["disturbed"].append(answer["disturbed"])
    result["value"] = answer["value"]
    disturbed = ", disturbed by other processes" if answer["disturbed"] else ""
    time = f"{result['times'][-1]:.3g} {race.unit}"
    print(f"  {contestant.name}: {time}{disturbed}", file=sys.stderr)


class _Worker:
    """A contestant's process."""

    def __init__(self, contestant, quick):
        count = contestant.quick_count if quick else contestant.count
        self._name = contestant.name
        self._command = [
            sys.executable,
            "-m",
            "benchmarks.worker",
            contestant.module,
            contestant.function,
            str(count),
        ]

    def __enter__(self):
        self._errors = tempfile.TemporaryFile("w+")  # not a pipe, which nobody would empty
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=HERE.parent,
        )
        return self

    def turn(self, passes):
        """One turn: {"seconds", "value"}."""
        with contextlib.suppress(BrokenPipeError):
            print(passes, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise RuntimeError(f"{self._name} stopped:\n{self._errors.read()}")
        return json.loads(answer)

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # the end of its input, at which it ends
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()


if __name__ == "__main__":
    main()
