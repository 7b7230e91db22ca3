# Plants the defects of the list beside it, each alone in a copy of the tree, and expects the tests that it names to
# catch it.
#
# mutate.py ROOT BUILD-FOLDER JOBS [word…]: with words, only the defects whose file or reason contains one of them.
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from defects import DEFECTS

PATIENCE = 120  # seconds for the tests of one program: a defect may make them hang, which is a way of being caught


def run(command, **options):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)


class Copy:
    """A copy of the tree with its own build, where defects can be planted one at a time."""

    def __init__(self, root, folder, jobs, tests):
        self.source, self.build = folder / "source", folder / "build"
        # Whatever copy they stand in, to the compiler's cache two equal files are the same.
        self.environment = {**os.environ, "CCACHE_BASEDIR": str(folder)}
        shutil.rmtree(self.source, ignore_errors=True)
        # The times are kept: what was built before stays built.
        shutil.copytree(root, self.source, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
        # But not what the last run may have left with a defect in it.
        for name in {defect.file for defect in DEFECTS}:
            (self.source / name).touch()
        options = ["-G", "Ninja", "-D", "CMAKE_BUILD_TYPE=Debug", "-D", "CMAKE_CXX_FLAGS_DEBUG=-O0"]
        options += ["-D", "PGCLIENT_BUILD_BENCH=OFF", "-D", "PGCLIENT_BUILD_EXAMPLES=OFF"]
        if shutil.which("ccache"):
            options += ["-D", "CMAKE_CXX_COMPILER_LAUNCHER=ccache"]
        configured = run(["cmake", "-S", self.source, "-B", self.build, *options], env=self.environment)
        self.demand(configured, "configuring the copy")
        self.demand(self.compile(tests, jobs), "building the tests of the copy")
        for test in tests:
            if failure := self.failure(test):
                sys.exit(f"{test} fails without any defect:\n{failure[-2000:]}")

    @staticmethod
    def demand(result, what):
        if result.returncode:
            sys.exit(f"{what} failed:\n{result.stdout}")

    def compile(self, tests, jobs=1):
        programs = sorted({test.partition(":")[0] for test in tests})
        return run(["cmake", "--build", self.build, "-j", jobs, "--target", *programs], env=self.environment)

    def failure(self, test):
        """What a test that fails has to say; nothing for one that passes."""
        program, _, cases = test.partition(":")
        executable = next(file for file in self.build.glob(f"tests/**/{program}") if file.is_file())
        environment = {**os.environ, "GTEST_FAIL_FAST": "1", "GTEST_BRIEF": "1", "GTEST_FILTER": cases or "*"}
        try:
            ran = run([executable], timeout=PATIENCE, env=environment)
        except subprocess.TimeoutExpired:
            return f"it takes longer than {PATIENCE} seconds"
        return (ran.stdout or f"it ended with {ran.returncode}") if ran.returncode else ""

    def verdict(self, defect):
        """"caught", or what is wrong with the tests or with the list."""
        file = self.source / defect.file
        text = file.read_text(encoding="utf-8")
        if text.count(defect.before) != 1:
            return f"the list is out of date: {text.count(defect.before)} times in the file: {defect.before}"
        file.write_text(text.replace(defect.before, defect.after), encoding="utf-8")
        try:
            built = self.compile(defect.tests)
            if built.returncode:
                return f"the defect does not compile:\n{built.stdout[-2000:]}"
            if any(self.failure(test) for test in defect.tests):
                return "caught"
            return f"NOT CAUGHT by {' '.join(defect.tests)}"
        finally:
            file.write_text(text, encoding="utf-8")


def main(root, folder, jobs, *words):
    chosen = [d for d in DEFECTS if not words or any(word in f"{d.file} {d.reason}" for word in words)]
    if not chosen:
        sys.exit(f"no defect of the list matches {' '.join(words)}")
    tests = sorted({test for defect in chosen for test in defect.tests})
    idle, jobs = SimpleQueue(), int(jobs)

    def is_caught(defect):
        copy, started = idle.get(), time.monotonic()
        try:
            verdict = copy.verdict(defect)
        finally:
            idle.put(copy)
        print(f"{defect.file}: {defect.reason}: {verdict} ({time.monotonic() - started:.0f} s)", flush=True)
        return verdict == "caught"

    for number in range(jobs):  # one after the other: what the first one compiled, the others find in the cache
        idle.put(Copy(Path(root), Path(folder) / str(number), jobs, tests))
    with ThreadPoolExecutor(jobs) as workers:
        caught = sum(workers.map(is_caught, chosen))
    print(f"{caught} of {len(chosen)} planted defects were caught")
    if caught < len(chosen):
        sys.exit(1)


main(*sys.argv[1:])
