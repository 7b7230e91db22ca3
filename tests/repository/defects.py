# Every defect of tests/mutate can be planted: what it replaces stands exactly once in a file that is there.
import runpy
import sys

import rule


def listed(folder):
    """The defects of a folder, whose files import each other."""
    sys.path.insert(0, str(folder))
    try:
        return runpy.run_path(str(folder / "defects.py"))["DEFECTS"]
    finally:
        sys.path.remove(str(folder))


def check(root):
    breaches = []
    for defect in listed(root / "tests/mutate"):
        file = root / defect.file
        count = file.read_text(encoding="utf-8").count(defect.before) if file.is_file() else 0
        if count != 1:
            breaches.append(f"{defect.file}: stands there {count} times, to be replaced so that {defect.reason}: "
                            f"{defect.before!r}; change tests/mutate/defects.py along with the code")
        elif defect.before == defect.after:
            breaches.append(f"{defect.file}: the defect changes nothing: {defect.reason}")
    return breaches


def self_test():
    def planted(before, after="b"):
        text = (f"from types import SimpleNamespace as D\n"
                f"DEFECTS = (D(file='a.cpp', before={before!r}, after={after!r}, reason='it breaks'),)\n")
        return rule.planted({"tests/mutate/defects.py": text, "a.cpp": "once twice twice"})

    with planted("once") as root:
        assert check(root) == []
    for before, after in (("twice", "b"), ("never", "b"), ("once", "once")):
        with planted(before, after) as root:
            assert len(check(root)) == 1, before
    with planted("once") as root:
        (root / "a.cpp").unlink()
        assert len(check(root)) == 1


rule.main(check, self_test)
