# Every public function that can wait for the server has a row in tests/db/*/frozen_*.cpp, where the server falls silent.
#
# The functions are read out of the public headers. One that cannot wait is named in cannot_wait.py with the reason;
# whatever is neither there nor in a row is a breach, and so is a declaration that this rule cannot tell the name of.
import re
import shutil
import tempfile
from pathlib import Path

import cannot_wait
import declarations
import rule

ROW = re.compile(r'\{"((?:\w+::)*(?:~?\w+|operator\S+))"\s*,')
NOT_A_FUNCTION = re.compile(r"^(?:class|struct|union|enum|using|concept|typedef|namespace)\b")


def plain_declaration(words):
    """Without templates, constraints and specifiers in front."""
    words = words.strip()
    while words.startswith("template"):
        words = behind_angles(words)
        if re.match(r"requires\b", words):
            words = behind_constraint(words)
    words = re.sub(r"\bdecltype\(\w*\)", "auto", words)
    return re.sub(r"^(?:(?:static|inline|constexpr|consteval|explicit|virtual|friend)\s+)+", "", words)


def behind_angles(words):
    depth = 0
    for i, c in enumerate(words):
        depth += {"<": 1, ">": -1}.get(c, 0) if words[i - 1 : i + 1] != "->" else 0
        if c == ">" and depth == 0:
            return words[i + 1 :].strip()
    raise ValueError(f"has a template without an end: {words}")


def behind_constraint(words):
    """`requires(…) f()`, `requires A<T> && (B<T>) f()`: terms and what joins them."""
    words = words[len("requires") :].strip()
    while True:
        words = words.lstrip("!").strip()
        if words.startswith("requires"):
            words = words[words.index("}") + 1 :].strip()
        elif words.startswith("("):
            words = words[matching(words, 0, "()") + 1 :].strip()
        else:
            term = re.match(r"[\w:]+", words)
            if not term:
                raise ValueError(f"has a constraint of an unknown form: {words}")
            words = words[term.end() :].strip()
            if words.startswith("<"):
                words = behind_angles(words)
        joined = re.match(r"(?:&&|\|\|)\s*", words)
        if not joined:
            return words
        words = words[joined.end() :]


def matching(words, start, pair):
    depth = 0
    for i in range(start, len(words)):
        depth += {pair[0]: 1, pair[1]: -1}.get(words[i], 0)
        if depth == 0:
            return i
    raise ValueError(f"is not balanced: {words}")


def function_name(declaration):
    """The name of a function; None for what is none or is declared elsewhere; ValueError when nobody can tell."""
    words = plain_declaration(declaration)
    if NOT_A_FUNCTION.match(words):
        return None
    operator = re.search(r"(?<![\w:])((?:\w+(?:<[^()]*>)?::)*)operator\s*(\(\)|[^\s\w(]+|[\w:<>* ]+?)\s*\(", words)
    if operator:
        return None if operator[1] else "operator" + operator[2].replace(" ", "")
    depth = 0
    for i, c in enumerate(words):
        if c == "<":
            depth += 1
        elif c == ">" and words[i - 1] not in "-=":
            depth -= 1
        elif c in "={" and depth == 0:
            return None  # a variable with its value
        elif c == "(" and depth == 0:
            name = re.search(r"((?:\w+(?:<[^()]*>)?::)*)(~?\w+)\s*$", words[:i])
            if not name:
                raise ValueError(f"has a name of an unknown form: {declaration}")
            return None if name[1] else name[2]  # a qualified one is declared in its class
    if re.fullmatch(r"(?:[\w:*&<>, ]|\[\])+", words):
        return None  # a variable
    raise ValueError(f"is of an unknown form: {declaration}")


def entry_points(root):
    """(the functions and classes that may wait, as {name: header}; breaches)."""
    functions, classes, breaches = {}, {}, []
    for header in sorted((root / "include/pg").rglob("*.hpp")):
        name = str(header.relative_to(root / "include/pg"))
        if any(name.startswith(folder) for folder in cannot_wait.FOLDERS) or name in cannot_wait.HEADERS:
            continue
        for line in declarations.public_declarations(header.read_text(encoding="utf-8")):
            scope, declaration = line.split(": ", 1)
            owner = re.sub(r"^pg(?:::)?", "", re.sub(r"<.*>", "", scope))
            try:
                function = function_name(declaration)
                kind = plain_declaration(declaration)
            except ValueError as failure:
                breaches.append(f"{name}: {scope} {failure}")
                continue
            if declaration.endswith("= delete"):
                continue
            if function:
                functions.setdefault(f"{owner}::{function}" if owner else function, name)
            klass = re.match(r"(?:class|struct|union) (\w+)", kind)
            if klass:
                classes.setdefault(f"{owner}::{klass[1]}" if owner else klass[1], name)
    return functions, classes, breaches


def named(by_reason):
    """The names in {reason: "names"}."""
    return {name for names in by_reason.values() for name in names.split()}


def is_in(owner, names):
    """Whether a class, or one that it stands in, is named."""
    parts = owner.split("::")
    return any("::".join(parts[: i + 1]) in names for i in range(len(parts)))


def rows(root):
    """{name: text of the row}, by the files that have them."""
    found, breaches = {}, []
    for file in sorted(root.glob("tests/db/*/frozen_*.cpp")):
        if file.stem.endswith("_dbtest"):  # it runs the rows
            continue
        text = file.read_text(encoding="utf-8")
        starts = list(ROW.finditer(text))
        for row, after in zip(starts, [*starts[1:], None]):
            body = text[row.end() : after.start() if after else len(text)]
            if row[1] in found:
                breaches.append(f"{file.relative_to(root)}: {row[1]} has a row elsewhere")
            found[row[1]] = body
    return found, breaches


def calls(name, body):
    """Whether a row falls silent and then calls what it is named after; a destructor is called by the end."""
    body = re.sub(r"//[^\n]*", "", body)
    if "go_silent()" not in body:
        return False
    *owner, function = name.split("::")
    if function.startswith("~"):
        return True
    called = {"operator=": r"=\s*(?:std::move\()?\w+", "operator++": r"\+\+\w+", "operator()": r"\w+\("}
    pattern = called.get(function, rf"\b{re.escape(function)}\b\s*(?:<.*>)?(?:\s\w+)?\(")
    # What runs a body that falls silent is called before.
    behind = body if function == "transaction" else body[body.index("go_silent()") + len("go_silent()") :]
    return re.search(pattern, behind, re.DOTALL) is not None


def check(root):
    functions, classes, breaches = entry_points(root)
    has_row, more = rows(root)
    breaches += more
    values, silent = named(cannot_wait.VALUES), named(cannot_wait.FUNCTIONS)
    for name, header in classes.items():
        if not is_in(name, values):
            functions.setdefault(f"{name}::~{name.split('::')[-1]}", header)  # every class has one
    known = set(functions) | {f"{owner}::" for owner in classes}
    for name, header in functions.items():
        owner = "::".join(name.split("::")[:-1])
        places = [place for place, is_there in (("values", bool(owner) and is_in(owner, values)),
                                                ("functions", name in silent), ("rows", name in has_row)) if is_there]
        if not places:
            breaches.append(f"<pg/{header}>: {name} may wait for the server: give it a row in "
                            f"tests/db/assembly/frozen_*.cpp, or a reason in tests/repository/cannot_wait.py")
        elif len(places) > 1:
            breaches.append(f"{name} cannot be in all of {places}")
    breaches += [f"{name} has a row, and no header declares it" for name in has_row if name not in known]
    breaches += [f"cannot_wait.py: no header declares {name}" for name in silent if name not in known]
    breaches += [f"cannot_wait.py: no header declares the class {name}" for name in values if name not in classes]
    breaches += [f"{name}: its row does not fall silent and call it" for name, body in has_row.items()
                 if name in functions and not calls(name, body)]
    return breaches


def summary(root):
    functions = entry_points(Path(root))[0]
    return f"{len(rows(Path(root))[0])} functions can wait, of {len(functions)} that the headers declare"


NAMES = {
    "static Expected<Oid> try_create(Transaction& transaction, Oid wanted = {})": "try_create",
    "template <class... T, class... A> Expected<Stream<row_t<T...>>> try_stream(Sql<sizeof...(A)> sql)": "try_stream",
    "template <class Range> requires A<Range> && (!B<Range>) std::uint64_t copy(const Range& rows)": "copy",
    "template <class F> requires(sizeof(F) > 1) auto run(F&& f) -> Task<result_t<F&>>": "run",
    "R operator()(const Args&... args) const": "operator()",
    "explicit operator bool() const": "operatorbool",
    "AsyncClient& operator=(AsyncClient&&) noexcept = default": "operator=",
    "~Async()": "~Async",
    "inline AsyncClient Client::async() const": None,
    "inline constexpr std::size_t size = sizeof(int)": None,
    "using Finish = Expected<T> (*)(const Result& result)": None,
    "std::vector<std::string> labels": None,
    "std::chrono::nanoseconds timeout{}": None,
    "enum class Mode : char { one, two }": None,
}


def self_test():
    for declaration, name in NAMES.items():
        assert function_name(declaration) == name, (declaration, function_name(declaration))
    try:
        function_name("[x] (y)")
    except ValueError:
        pass
    else:
        assert False, "a declaration of an unknown form is a breach"

    # A copy of the tree's own headers and rows is good, and is not with one verb more.
    source = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(source / "include", root / "include")
        shutil.copytree(source / "tests/db", root / "tests/db")
        assert check(root) == [], check(root)

        def changed(file, before, after):
            path, text = root / file, (root / file).read_text(encoding="utf-8")
            assert text.count(before) >= 1, before
            path.write_text(text.replace(before, after, 1), encoding="utf-8")
            found = check(root)
            path.write_text(text, encoding="utf-8")
            return found

        def expect(found, words):
            assert len(found) == 1 and words in found[0], found

        async_header, client = "include/pg/async.hpp", "include/pg/client.hpp"
        expect(changed(async_header, "    Async<void> rollback();", "    Async<void> rollback();\n    Async<void> undo();"),
               "AsyncTransaction::undo may wait")
        expect(changed(client, "    void close() noexcept;", "    void close() noexcept;\n    void ping() { try_ping(); }"),
               "Client::ping may wait")
        expect(changed(client, "PGCLIENT_API Client open(", "PGCLIENT_API void wake();\n[[nodiscard]] PGCLIENT_API Client open("),
               "wake may wait")
        expect(changed(client, "class PGCLIENT_API Client final", "class Visitor {};\nclass PGCLIENT_API Client final"),
               "Visitor::~Visitor may wait")
        assert changed(client, "    void close() noexcept;", "    void shut() noexcept;") != [], "rows of what is gone"
        assert changed(client, "    void close() noexcept;", "    VERB(close)(now) [x];\n    void close() noexcept;") != []
        executors = "tests/db/assembly/frozen_executors.cpp"
        expect(changed(executors, "db.close()", "db.exec(\"select 1\")"), "Client::close: its row does not")
        assert len(changed(executors, '{"Client::close"', '{"Client::shut"')) == 2, "a row of nothing, and none of close"


if __name__ == "__main__":
    rule.main(check, self_test, summary)
