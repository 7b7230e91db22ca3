# The tree speaks of the project alone: no path of a machine, no host but the well-known, no promise without a place.
import re

import rule

# Hosts that a text may name: documents of others that a reader may want, and addresses that are nobody's.
HOSTS = re.compile(
    r"""^(?: (?:[\w-]+\.)*postgresql\.org | (?:[\w-]+\.)?rfc-editor\.org | (?:[\w-]+\.)?cppreference\.com | opensource\.org
        | keepachangelog\.com | semver\.org | (?:[\w-]+\.)?cmake\.org | (?:[\w-]+\.)?debian\.org/doc | www\.w3\.org
        | (?:[\w.-]+\.)?example(?:\.(?:com|org|net))? | (?:[\w-]+\.)?(?:test|invalid|localhost) | localhost
        | 127\.\d+\.\d+\.\d+ | \[[0-9a-f:.]*\]? )$""",
    re.VERBOSE,
)
URL = re.compile(r"\bhttps?://([\w.-]+|\[[0-9a-fA-F:.]+\])")
MACHINE_PATH = re.compile(r"(?<![\w./$}])/(?:work|home|Users|root|mnt)/[\w.-]+")
# Written apart, so that this file does not breach its own rule.
PROMISE = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def breaches_of(line):
    for host in URL.findall(line):
        if not HOSTS.match(host):
            yield f"names the host {host}"
    for path in MACHINE_PATH.findall(line):
        yield f"names {path}, a path of one machine"
    for word in PROMISE.findall(line):
        yield f"{word}: do it, or give it a line in ROADMAP.md"


def check(root):
    breaches = []
    for file in rule.tree_files(root):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a binary, such as a corpus file
        for number, line in enumerate(lines, 1):
            breaches += [f"{file.relative_to(root)}:{number}: {breach}" for breach in breaches_of(line)]
    return breaches


def self_test():
    good = "see https://www.postgresql.org/docs; postgresql://app@db.example:5432/shop; http://[::1]:80; src/work/a.cpp\n"
    with rule.planted({"docs/a.md": good, "corpus/a": ""}) as root:
        assert check(root) == []
    for bad in ("/wo" "rk/main", "https:/" "/packages.somewhere.io/x", "// TO" "DO later", "cd /ho" "me/ann"):
        with rule.planted({"docs/a.md": f"{bad}\n"}) as root:
            assert len(check(root)) == 1, bad


rule.main(check, self_test)
