# The defects that ./run mutate plants: what an honest mistake in a decoder or parser looks like.
from typing import NamedTuple


class Defect(NamedTuple):
    file: str
    before: str  # stands in the file exactly once
    after: str
    tests: tuple[str, ...]  # the programs of which at least one must fail
    reason: str  # what goes wrong with it


CONFIG = ("config_parse_test", "config_differential_test")

DEFECTS = (
    Defect("src/base/config_uri.cpp", "if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);",
           "if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a');", CONFIG,
           "percent-encoded lower-case digits have wrong values"),
    Defect("src/base/config_uri.cpp", "if (c >= 'A' && c <= 'F')", "if (c >= 'A' && c <= 'E')", CONFIG,
           "the digit F is not taken"),
    Defect("src/base/config_uri.cpp", "text_.find_first_of(\"@/\", at_)", "text_.find_first_of(\"@\", at_)", CONFIG,
           "an @ in a database name starts credentials"),
    Defect("src/base/config_uri.cpp", "if (host.empty()) return conninfo_error(", "if (false) return conninfo_error(",
           CONFIG, "[] is taken as a host"),
    Defect("src/base/config_uri.cpp", "std::string_view(\":/?,\").find(text_[at_])",
           "std::string_view(\":/?\").find(text_[at_])", CONFIG, "no second host after an IPv6 address"),
    Defect("src/base/config_pairs.cpp", "if (!at_end()) value += text_[at_++];", "value += text_[at_++];", CONFIG,
           "a backslash at the end reads behind the text"),
    Defect("src/base/config_pairs.cpp", "        return false;\n    }\n\n    [[nodiscard]] Error missing_sign",
           "        return true;\n    }\n\n    [[nodiscard]] Error missing_sign", CONFIG,
           "an unterminated quote is accepted"),
    Defect("src/base/config_pairs.cpp", "\" \\t\\n\\v\\f\\r\"", "\" \\t\\n\"", CONFIG, "a form feed is not a blank"),
    Defect("src/base/config_pairs.cpp", "text_[at_] != '=' && !at_blank()", "text_[at_] != '='", CONFIG,
           "a keyword swallows the blanks behind it"),
    Defect("src/value/types/array.cpp", "if (length < 0) return", "if (length < -1) return", ("array_test",),
           "a negative length is accepted"),
    Defect("src/value/types/array.cpp", "if (count > limit) return too_short;", "", ("array_test",),
           "a length is believed without the bytes for it"),
    Defect("src/value/types/array.cpp", "if (std::int64_t{lower} + length > ", "if (std::int64_t{lower} > ",
           ("array_test",), "a subscript overflows"),
    Defect("src/value/types/array.cpp", "shape.rank < 0 || shape.rank > max_dimensions", "shape.rank > max_dimensions",
           ("array_test",), "a negative number of dimensions is accepted"),
    Defect("src/value/types/array.cpp", "return in.finished() ? Fault{} : ", "return true ? Fault{} : ", ("array_test",),
           "bytes behind the last element are accepted"),
)
