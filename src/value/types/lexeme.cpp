// A lexeme of a tsvector or tsquery in quotes: quotes and backslashes inside are doubled.
#include "src/value/types/lexeme.hpp"

namespace pg::detail {
namespace {

constexpr Fault zero_byte{"lexeme with a zero byte, which the server cannot store"};

}  // namespace

bool scan_lexeme(Scanner& text, std::string& out) {
    out.clear();
    if (!text.take('\'')) return false;
    while (true) {
        out += text.take_until("'\\");
        if (text.take("''")) {
            out += '\'';
        } else if (text.take("\\\\")) {
            out += '\\';
        } else {
            return text.take('\'');
        }
    }
}

Fault write_lexeme(Writer& out, std::string_view word) {
    if (word.find('\0') != word.npos) return zero_byte;
    out.put('\'');
    for (const char c : word) {
        if (c == '\'' || c == '\\') out.put(c);
        out.put(c);
    }
    out.put('\'');
    return {};
}

Fault put_lexeme(Writer& out, std::string_view word) {
    if (word.find('\0') != word.npos) return zero_byte;
    out.put(word);
    out.put('\0');
    return {};
}

}  // namespace pg::detail
