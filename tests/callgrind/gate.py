# Counts instructions of the library beside those of hand-written libpq, and fails where the library costs too much.
#
#     gate.py SERVER RAW CLIENT
#
# SERVER starts a throwaway server with the tables; RAW and CLIENT are the two meters. Instructions repeat where times
# do not: a run on a busy machine gives the same counts.
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# operation: (runs, what the yardstick itself costs by docs/performance.md)
OPERATIONS = {
    "point_select": (4, 7759),
    "bulk_read": (1, 1767),
    "visit": (1, 1455),
    "batch_select": (16, 7070),
    "copy_in": (4, 147),
    "pipelined_insert": (1, 3093),
    "transaction": (64, 3834),
    "array": (16, 16293),
}
# Held to what costs libpq by hand less: an awaited statement is a transaction of its own, those of a batch are one. And
# libpq keeps all rows that it visits.
YARDSTICKS = {"awaited_select": "batch_select", "views": "visit"}
# engine: operation: (the most that the library may cost over the yardstick, what it is meant to cost). The first keeps a
# ratio from rising and comes down with every improvement. What malloc takes for the texts of 64 awaited rows depends on
# what else lies in memory, by as much as a path's length: 2,795 to 3,025 of "awaited_select" were seen for one build.
GATES = {
    "direct": {
        "point_select": (0.31, 0.20),
        "bulk_read": (0.45, 0.40),
        "visit": (0.278, 0.20),
        "views": (0.26, 0.20),
        "batch_select": (0.22, 0.15),
        "awaited_select": (0.44, 0.25),
        "copy_in": (0.58, 0.60),
        "pipelined_insert": (0.43, 0.35),
        "transaction": (0.94, 1.00),  # counts who may have locks, whom awaited calls are not to wait for
        "array": (1.15, 1.00),
    },
    "libpq": {
        "point_select": (1.395, 1.40),
        "bulk_read": (1.25, 1.25),
        "batch_select": (1.58, 1.60),
        "awaited_select": (1.80, 1.10),
        "copy_in": (1.15, 1.15),
    },
}
# What a socket does not take at once costs another call, and libpq a copy: the least of so many measurements.
REPEATED = {"copy_in": 3}
# A yardstick that strays from its known cost by more than this is a straw man, or was measured otherwise.
YARDSTICK_TOLERANCE = 0.15


class Server:
    """A throwaway server with the tables of the benchmarks: a context manager that gives its connection string."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        conninfo = self.process.stdout.readline().strip()
        if not conninfo:
            sys.exit(f"{self.program} started no server")
        return conninfo

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def collected(text):
    """The instructions that a profile counted."""
    found = re.findall(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
    if not found:
        raise ValueError("a profile without a total")
    return int(found[-1])


def profiled(meter, conninfo, operation, runs):
    """The profile of an operation, and how many queries or rows it is of."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={profile}"]
        run = subprocess.run([*command, meter, conninfo, operation, str(runs)], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{meter} {operation} failed:\n{run.stderr}")
        return profile.read_text(), int(run.stdout)


def cost(meter, conninfo, operation, runs):
    """Instructions of one query or row."""
    profile, count = profiled(meter, conninfo, operation, runs)
    return collected(profile) / count


def strays(operation, raw, known):
    """What is wrong with the cost of the yardstick, as lines."""
    if abs(raw / known - 1) <= YARDSTICK_TOLERANCE:
        return []
    return [f"{operation}: libpq by hand takes {raw:.0f} instructions where {known} are known"]


def exceeds(engine, operation, raw, client, limit):
    """What is wrong with the cost of the library, as lines."""
    if client <= limit * raw:
        return []
    return [f"{operation} ({engine}): {client:.0f} instructions are {client / raw:.3f} of libpq by hand, at most {limit}"]


def self_test():
    assert collected("events: Ir\nsummary: 12\ntotals: 1234\n") == 1234
    try:
        collected("events: Ir\n")
        raise AssertionError("a profile without a total is refused")
    except ValueError:
        pass
    assert not exceeds("e", "x", 1000, 1100, 1.10), "at the limit"
    assert exceeds("e", "x", 1000, 1101, 1.10), "above the limit"
    assert strays("x", 1151, 1000), "a slow yardstick"
    assert strays("x", 849, 1000), "a yardstick that does less than it should"
    assert not strays("x", 1149, 1000), "within the tolerance"


def main(server, raw_meter, client_meter):
    wrong = []
    with Server(server) as conninfo:
        raw = {}
        for operation, (runs, known) in OPERATIONS.items():
            raw[operation] = cost(raw_meter, conninfo, operation, runs)
            wrong += strays(operation, raw[operation], known)
        for engine, gates in GATES.items():
            for operation, (limit, target) in gates.items():
                known = YARDSTICKS.get(operation, operation)
                measured = [
                    cost(client_meter, f"{conninfo} engine={engine}", operation, OPERATIONS[known][0])
                    for _ in range(REPEATED.get(operation, 1))
                ]
                client = min(measured)
                print(
                    f"{engine:6} {operation:16} libpq by hand {raw[known]:8.1f}  pgclient {client:8.1f}"
                    f"  ratio {client / raw[known]:.3f} (at most {limit}, target {target})"
                )
                wrong += exceeds(engine, operation, raw[known], client, limit)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    self_test() if sys.argv[1:] == ["--self-test"] else main(*sys.argv[1:])
