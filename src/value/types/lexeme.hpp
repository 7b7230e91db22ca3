// A lexeme of a tsvector or tsquery in quotes: quotes and backslashes inside are doubled.
#pragma once

#include <string>

#include "src/value/scanner.hpp"

namespace pg::detail {

[[nodiscard]] bool scan_lexeme(Scanner& text, std::string& out);
/// A fault for a word with a zero byte.
[[nodiscard]] Fault write_lexeme(Writer& out, std::string_view word);
/// The same for the binary form, which ends with one.
[[nodiscard]] Fault put_lexeme(Writer& out, std::string_view word);

}  // namespace pg::detail
