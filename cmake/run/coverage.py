# Holds the line coverage of each component, as gcovr measured it, to its gate.
#
# coverage.py ROOT GCOVR.json
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/repository"))
import components  # noqa: E402

LINES = 98.0  # per cent of the lines of each component that a test must run
EXCLUDED = 0.5  # per cent of all lines that may be taken out by a marker, each with its reason behind it

LINE, START, STOP = "GCOVR_EXCL_LINE", "GCOVR_EXCL_START", "GCOVR_EXCL_STOP"


def excluded_lines(text):
    """The lines that markers take out of a source text, and the markers that give no reason."""
    taken, without_reason, inside = 0, [], False
    for number, line in enumerate(text.splitlines(), 1):
        for marker in (LINE, START):
            if marker in line and len(line.split(marker)[1].lstrip(": ")) < 8:
                without_reason.append(number)
        if START in line:
            inside = True
        elif STOP in line:
            inside = False
        elif inside or LINE in line:
            taken += 1
    return taken, without_reason


def judge(root, files):
    """The report by component, and what breaks the gates. `files`: name in the tree -> (covered, uncovered lines)."""
    table, report, breaches = components.read(root), [], []
    all_lines = all_excluded = 0
    for component in [*table, None]:
        mine = {name: lines for name, lines in files.items() if components.owner(table, name) == component}
        if component is None:
            breaches += [f"{name} belongs to no component" for name in mine]
            continue
        if not mine:
            continue
        covered = sum(lines[0] for lines in mine.values())
        total = covered + sum(len(lines[1]) for lines in mine.values())
        percent = 100.0 * covered / total if total else 100.0
        all_lines += total
        for name in mine:
            taken, without_reason = excluded_lines((root / name).read_text(encoding="utf-8"))
            all_excluded += taken
            breaches += [f"{name}:{line}: excluded from coverage without a reason" for line in without_reason]
        report.append(f"{component.name:<10} {percent:6.2f} % of {total} lines")
        if percent < LINES:
            breaches.append(f"{component.name} has {percent:.2f} % of its lines covered; the gate is {LINES} %")
            for name, (_, missed) in sorted(mine.items()):
                if missed:
                    breaches.append(f"  {name}: {' '.join(map(str, missed))}")
    share = 100.0 * all_excluded / all_lines if all_lines else 0.0
    report.append(f"{'excluded':<10} {share:6.2f} % of {all_lines} lines")
    if share > EXCLUDED:
        breaches.append(f"{share:.2f} % of the lines are excluded from coverage; the gate is {EXCLUDED} %")
    if not all_lines:
        breaches.append("no line of any component was measured")
    return report, breaches


def read(gcovr):
    files = {}
    for file in json.loads(Path(gcovr).read_text(encoding="utf-8"))["files"]:
        lines = {}
        for line in file["lines"]:
            if not line.get("gcovr/noncode"):
                lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
        missed = sorted(number for number, count in lines.items() if count == 0)
        files[file["file"]] = (len(lines) - len(missed), missed)
    return files


def self_test():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {
            "cmake/components.cmake": "pgclient_floor(0 base src/base)\npgclient_floor(1 value src/value)\n",
            "src/base/a.cpp": "int a;\n" * 300,
            "src/value/b.cpp": "int b;\n" * 99 + f"int c;  // {LINE}: the allocator never fails here\n",
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        good = {"src/base/a.cpp": (300, []), "src/value/b.cpp": (98, [7])}
        assert judge(root, good)[1] == [], judge(root, good)
        assert "value has 97.00" in judge(root, {**good, "src/value/b.cpp": (97, [7, 8, 9])})[1][0]
        assert "no component" in judge(root, {**good, "src/gone/c.cpp": (1, [])})[1][0]
        assert judge(root, {})[1] == ["no line of any component was measured"]
        (root / "src/value/b.cpp").write_text(f"int c;  // {LINE}\n" * 5, encoding="utf-8")
        breaches = judge(root, good)[1]
        assert any("without a reason" in b for b in breaches) and any("excluded from" in b for b in breaches), breaches
        block = f"// {START}: only on big-endian machines\nint a;\nint b;\n// {STOP}\nint c;\n"
        assert excluded_lines(block) == (2, [])


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    report, breaches = judge(Path(sys.argv[1]), read(sys.argv[2]))
    print("\n".join(report))
    if breaches:
        print("\n".join(breaches))
        sys.exit("coverage is below its gate")


main()
