#!/usr/bin/env python3
# Tells Doxygen the contracts that follow from a convention of the whole library, so that no header repeats them.
import pathlib
import re
import sys

MOVES = "Moves: `other` may then only be destroyed or assigned to."
COPIES = "Copies: the class says what copies share."
SPECIFIERS = r"(?:\[\[nodiscard\]\] |PGCLIENT_API |static |explicit |constexpr |inline )*"

# A declaration that has no comment of its own, and the contract that it has all the same.
CONVENTIONS = [
    (r"Expected<R> try_call\(", "As a call, but returns the error instead of throwing it."),
    (r"Async<Expected<.*>> try_(?P<name>\w+)\(", "As `{name}`, but gives the error instead of throwing it."),
    (r"(?P<name>\w+)\((?P=name)&&\) noexcept = default", "Moves: the other may then only be destroyed or assigned to."),
    (r"(?P<name>\w+)& operator=\((?P=name)&&\) noexcept = default",
     "Moves: the other may then only be destroyed or assigned to."),
    (r"(?P<name>\w+)\(const (?P=name)&\) = default", COPIES),
    (r"(?P<name>\w+)\(std::shared_ptr<detail::AsyncTarget> target", "For the library itself."),
    (r"Expected<.*> try_(?P<name>\w+)\(", "As `{name}`, but returns the error instead of throwing it."),
    (r"(?P<name>\w+)\((?P=name)&& other\)", MOVES),
    (r"(?P<name>\w+)& operator=\((?P=name)&& other\)", MOVES),
    (r"(?P<name>\w+)\(const (?P=name)& other\)", COPIES),
    (r"(?P<name>\w+)& operator=\((?:const (?P=name)& |(?P=name) )other\)", COPIES),
    (r"(?P<name>\w+)\(const Error& error\) : ", "Takes the fields of `error`, whatever its kind."),
    (r"(?P<name>\w+)\(std::(?:shared|unique)_ptr<Impl> impl\)", "For the library itself."),
    (r"const std::shared_ptr<Impl>& (?P<name>impl)\(\)", "For the library itself."),
    (r"Impl& (?P<name>impl)\(\)", "For the library itself."),
    (r"(?P<name>\w+)\(std::shared_ptr<const ResultStorage> \w+", "For the library and its providers: never null."),
    (r".*std::shared_ptr<(?:const )?detail::\w+>&? (?:\w+\(\) const|batch, )", "For the library itself."),
    (r"\w+\(std::shared_ptr<Executor> executor, ", "For the library itself."),
    (r"Transaction begin\(", "Begins a transaction: destroyed without `commit`, it rolls back."),
    (r"TypeId (?P<name>id)\{Oid", "The oids of the type and of the array over it, and its name."),
    (r"struct (?P<name>\w+) \{(?=\n\s*static constexpr TypeId id\{Oid)", "Names the type `{name}`: see `pg::as`."),
    (r"Expected<(?P<name>\w+)> parse\(std::string_view text\)", "From what `to_string` gives; a decode error else."),
    (r"(?:const )?std::string&? to_string\(\) const", "As the server writes it."),
    (r"\w+ infinity\(\)", "The server's `infinity`."),
    (r"\w+ minus_infinity\(\)", "The server's `-infinity`."),
    (r"bool is_finite\(\)", "False for the infinities, and for NaN."),
    (r"std::string_view to_string\(\w+ \w+\)", "The name of the enumerator."),
    (r"[\w:]+\*? (?:size|empty|begin|end|value_or|has_value)\(", "As in the standard library."),
]
RULES = [(re.compile(SPECIFIERS + pattern), text) for pattern, text in CONVENTIONS]


def is_comment(line):
    return line.lstrip().startswith("///") and "@}" not in line


def first_line(lines, at):
    """Where the declaration whose name is on line `at` begins: a template has its heads before."""
    while lines[at - 1].lstrip().startswith(("template <", "requires")):
        at -= 1
    return at


def with_contracts(lines):
    text = list(lines)
    in_group = False
    for at, line in enumerate(lines):
        in_group = (in_group or "@{" in line) and "@}" not in line
        start = first_line(lines, at)
        if in_group or not line.strip() or "///" in line or is_comment(lines[start - 1]):
            continue
        for rule, contract in RULES:
            if found := rule.match("".join(lines[at:at + 2]).lstrip()):
                contract = contract.format(**found.groupdict())
                indent = len(lines[start]) - len(lines[start].lstrip())
                text[start] = f"{' ' * indent}/** {contract} */ {text[start].lstrip()}"
                break
    return "".join(text)


if __name__ == "__main__":
    sys.stdout.write(with_contracts(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines(keepends=True)))
