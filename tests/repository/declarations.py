# Reads the public declarations out of a C++ header of this project's style; what is private or in `detail` is left out.
#
# Not a C++ parser: it knows namespaces, classes, enumerations, functions with and without bodies, initialisers and
# access labels, in the shape that clang-format leaves them. Whatever it does not know it gives back as it stands, so a
# change of such a declaration still shows.
import re

CLASS = re.compile(r"^(?:class|struct|union)\b(?!.*[()=])")
SPECIALISED = re.compile(r"(?<=\w)<[^<>]*\([^<>]*\)[^<>]*>")  # for a function type: `class Prepared<R(Args...)>`
ENUM = re.compile(r"^enum\b(?!.*[()=])")


def without_noise(text):
    """Comments and preprocessor lines gone; literals stay, with braces and the like in them made harmless."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)

    def replace(match):
        word = match[0]
        if word.startswith(("//", "/*")):
            return " "
        return re.sub(r"[{}();:]", "?", word)

    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)+[^\n]*$", "", text, flags=re.MULTILINE)
    return without_handlers(token.sub(replace, "\n".join(last_branches(text.splitlines()))))


def without_handlers(text):
    """The body of a function that is one try block as any other body."""
    text = re.sub(r"\}\s*catch\s*\([^()]*\)\s*\{[^{}]*\}", "}", text)
    return re.sub(r"(?<=\)|t)\s+try\s*(?=\{)", " ", text)


def last_branches(lines):
    """The lines without directives; of the branches of a conditional only the last, for two would not balance."""
    stack = [[]]
    for line in lines:
        directive = re.match(r"\s*#\s*(\w*)", line)
        if not directive:
            stack[-1].append(line)
        elif directive[1] in ("if", "ifdef", "ifndef"):
            stack.append([])
        elif directive[1] in ("else", "elif"):
            stack[-1] = []
        elif directive[1] == "endif":
            branch = stack.pop()
            stack[-1] += branch
    return stack[0]


def tidy(words):
    """One line, without attributes and export macros, which say nothing about how a name is used."""
    words = re.sub(r"\[\[[^\]]*\]\]|\bPGCLIENT_API\b", " ", words)
    return re.sub(r"\s+", " ", words).strip()


def is_class(words):
    return CLASS.match(SPECIALISED.sub("", words))


def outside_brackets(text):
    """The text without what stands in round or angle brackets."""
    kept, depth = [], 0
    for i, c in enumerate(text):
        is_angle = c == "<" and re.search(r"template\s*$", text[:i])
        if c == "(" or is_angle or (depth and c == "<"):
            depth += 1
        if depth == 0:
            kept.append(c)
        if c in ")" or (depth and c == ">" and text[i - 1] not in "-="):
            depth = max(0, depth - 1)
    return "".join(kept)


class Reader:
    def __init__(self, text):
        self.text, self.at = without_noise(text), 0

    def skip_braces(self):
        """From a `{` to behind its `}`."""
        depth, start = 0, self.at
        while self.at < len(self.text):
            depth += {"{": 1, "}": -1}.get(self.text[self.at], 0)
            self.at += 1
            if depth == 0:
                break
        return self.text[start : self.at]

    def head(self, in_class):
        """The text up to the `;`, `{`, `}` or access colon that ends it, and that character ('' at the end)."""
        start, depth, in_initialisers = self.at, 0, False
        while self.at < len(self.text):
            c = self.text[self.at]
            said = self.text[start : self.at].rstrip()
            if c in "([":
                depth += 1
            elif c in ")]":
                depth -= 1
            elif depth > 0:
                if c == "{":
                    self.skip_braces()
                    continue
            elif c == ":" and self.text[self.at + 1 : self.at + 2] == ":":
                self.at += 1
            elif c == ":" and in_class and tidy(said) in ("public", "private", "protected"):
                break
            elif c == ":" and re.search(r"\)(?:\s*noexcept)?$", said):
                in_initialisers = True
            elif c in ";}":
                break
            elif c == "{":
                is_expression = (
                    re.search(r"(?<![=!<>])=(?!=)", re.sub(r"operator\s*\S{1,3}", "", outside_brackets(said)))
                    or re.search(r"\brequires(?:\s*\([^()]*\))?$", said)
                    or (in_initialisers and re.search(r"\w$", said))
                )
                is_value = not re.search(r"\)", said) and not is_class(strip_template(tidy(said)))
                is_scope = re.match(r"^(?:inline )?namespace\b", tidy(said)) or ENUM.match(strip_template(tidy(said)))
                if is_expression or (is_value and not is_scope):
                    self.skip_braces()
                    continue
                break
            self.at += 1
        said = self.text[start : self.at]
        end = self.text[self.at : self.at + 1]
        return said, end


def strip_template(words):
    """A declaration without its `template <…>` and `requires …` in front."""
    while words.startswith("template"):
        depth = 0
        for i, c in enumerate(words):
            depth += {"<": 1, ">": -1}.get(c, 0)
            if c == ">" and depth == 0:
                words = words[i + 1 :].strip()
                break
        else:
            return words
    return re.sub(r"^requires\b.*?(?=\b(?:class|struct|union)\b)", "", words)


def without_initialisers(words):
    """A constructor's head without what it does to its members."""
    depth = 0
    for i, c in enumerate(words):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == ":" and depth == 0 and words[i - 1] != ":" and words[i + 1] != ":" and ")" in words[:i]:
            return words[:i].strip()
    return words


def public_declarations(text):
    """Lines "scope: declaration", in the header's order."""
    reader, found = Reader(text), []

    def scope(name, in_class, visible):
        while reader.at < len(reader.text):
            said, end = reader.head(in_class)
            words, plain = tidy(said), strip_template(tidy(said))
            if end == "":
                return
            if end == "}":
                reader.at += 1
                return
            if end == ":":
                visible = words != "private"
                reader.at += 1
                continue
            if end == ";":
                reader.at += 1
                emit(name, words, visible)
                continue
            if re.match(r"^(?:inline )?namespace\b", plain):
                reader.at += 1
                inner = re.sub(r"^(?:inline )?namespace ?", "", plain)
                scope(f"{name}::{inner}" if name else inner, False, visible and "detail" not in inner and inner != "")
            elif ENUM.match(plain):
                emit(name, f"{words} {tidy(reader.skip_braces())}", visible)
                reader.head(in_class)
                reader.at += 1
            elif is_class(plain):
                emit(name, words, visible)
                reader.at += 1
                inner = re.sub(r"\s*(?:final)?\s*(?:(?<!:):(?!:).*)?$", "", plain)
                inner = re.sub(r"^(?:class|struct|union)\s*", "", inner) or "(unnamed)"
                class_scope(f"{name}::{inner}", plain, visible)
                reader.head(in_class)
                reader.at += 1
            else:
                emit(name, without_initialisers(words), visible)
                reader.skip_braces()
                if reader.text[reader.at : reader.at + 1] == ";":
                    reader.at += 1

    def class_scope(name, plain, visible):
        before = len(found)
        scope(name, True, not plain.startswith("class"))
        if not visible:
            del found[before:]

    def emit(name, words, visible):
        if visible and words and not re.match(r"^(?:friend (?:class|struct)\b|static_assert\b)", words):
            found.append(f"{name}: {words}")

    scope("", False, True)
    return found
