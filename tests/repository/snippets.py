# Code in the documentation is quoted from files that are compiled and run, word for word.
#
# A document says   <!-- quote: examples/query.cpp one_row -->   before a fenced block; the file holds the text between
# two lines   // [one_row]   (or # [one_row]). Without a name the whole file is quoted. Every block of C++ is a quote.
# `snippets.py ROOT --update` rewrites the blocks.
import re
import textwrap
from pathlib import Path

import rule

QUOTE = re.compile(r"^<!-- quote: (?P<file>\S+)(?: (?P<name>\w+))? -->$")
FENCE = re.compile(r"^```(?P<language>\w*)$")
# A quoted C++ file is part of the build, or it proves nothing.
BUILT = ("examples", "tests", "bench")


class Problem(Exception):
    pass


def quoted(root, name, region):
    file = root / name
    if not file.is_file():
        raise Problem(f"quotes {name}, which is not in the tree")
    if file.suffix in rule.CPP and Path(name).parts[0] not in BUILT:
        raise Problem(f"quotes {name}, which is not under {', '.join(BUILT)}")
    lines = file.read_text(encoding="utf-8").splitlines()
    if region is None:
        return lines
    marks = [i for i, line in enumerate(lines) if re.match(rf"^\s*(//|#) \[{region}\]$", line)]
    if len(marks) != 2:
        raise Problem(f"quotes [{region}] of {name}, which has {len(marks)} marks of that name instead of two")
    body = [line for line in lines[marks[0] + 1 : marks[1]] if not re.match(r"^\s*(//|#) \[\w+\]$", line)]
    return textwrap.dedent("\n".join(body)).strip("\n").splitlines()


def rewritten(root, document, breaches):
    """The document's lines with every quote as its source has it; what is wrong goes into `breaches`."""
    name, lines, out = document.relative_to(root), document.read_text(encoding="utf-8").splitlines(), []
    i, quote = 0, None
    while i < len(lines):
        out.append(lines[i])
        fence = FENCE.match(lines[i])
        if not fence:
            if lines[i].strip():
                quote = QUOTE.match(lines[i])
            i += 1
            continue
        end = next((j for j in range(i + 1, len(lines)) if lines[j] == "```"), len(lines))
        body = lines[i + 1 : end]
        if quote:
            try:
                source = quoted(root, quote["file"], quote["name"])
                if source != body:
                    breaches.append(f"{name}:{i + 1}: is not what {quote[0][12:-4]} says; snippets.py --update copies it")
                body = source
            except Problem as problem:
                breaches.append(f"{name}:{i + 1}: {problem}")
        elif fence["language"] == "cpp":
            breaches.append(f"{name}:{i + 1}: C++ that nothing compiles; quote it from an example")
        out += body + lines[end : end + 1]
        i, quote = end + 1, None
    return out


def documents(root):
    return [file for file in rule.tree_files(root) if file.suffix == ".md"]


def check(root, mode=""):
    breaches = []
    for document in documents(root):
        found = []
        text = rewritten(root, document, found)
        if mode == "--update":
            document.write_text("\n".join(text) + "\n", encoding="utf-8")
            found = [breach for breach in found if "--update" not in breach]
        breaches += found
    return breaches


def self_test():
    example = "int main() {\n    // [sum]\n    int x = 1;\n      x += 1;\n    // [sum]\n}\n"
    page = "Text.\n\n<!-- quote: examples/a.cpp sum -->\n```cpp\nint x = 1;\n  x += 1;\n```\n\n```sh\n./run test\n```\n"
    with rule.planted({"examples/a.cpp": example, "docs/a.md": page}) as root:
        assert check(root) == [], check(root)
    plants = {
        "is not what": page.replace("+= 1", "+= 2"),
        "C++ that nothing compiles": page.replace("<!-- quote: examples/a.cpp sum -->", "So:"),
        "0 marks": page.replace("a.cpp sum", "a.cpp gone"),
        "not in the tree": page.replace("a.cpp", "b.cpp"),
        "not under": page.replace("examples/a.cpp", "src/a.cpp"),
    }
    for reason, text in plants.items():
        with rule.planted({"examples/a.cpp": example, "src/a.cpp": example, "docs/a.md": text}) as root:
            assert len(check(root)) == 1 and reason in check(root)[0], (reason, check(root))
    with rule.planted({"examples/a.cpp": example, "docs/a.md": plants["is not what"]}) as root:
        assert check(root, "--update") == [] and check(root) == []
        assert (root / "docs/a.md").read_text(encoding="utf-8") == page


rule.main(check, self_test)
