// Quoting and unquoting of values inside values.
#include "src/value/types/literal.hpp"

#include <algorithm>

namespace pg::detail {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_null_word(std::string_view text) {
    return text.size() == 4 && (text[0] | 0x20) == 'n' && (text[1] | 0x20) == 'u' && (text[2] | 0x20) == 'l' &&
           (text[3] | 0x20) == 'l';
}

bool needs_quotes(std::string_view text, Quoting quoting, char delimiter) {
    if (text.empty()) return true;
    if (quoting == Quoting::array && is_null_word(text)) return true;
    return std::any_of(text.begin(), text.end(), [&](char c) {
        if (c == '"' || c == '\\' || c == delimiter || is_space(c)) return true;
        if (quoting == Quoting::array) return c == '{' || c == '}';
        return c == '(' || c == ')' || (quoting == Quoting::range && (c == '[' || c == ']'));
    });
}

// Each quote and backslash gets a second character before it: `escape`, or zero for its own double.
void put_in_quotes(Writer& out, std::size_t mark, char escape) {
    const std::string_view text = out.bytes().substr(mark);
    const std::size_t size = text.size();
    const auto special =
        static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return c == '"' || c == '\\'; }));
    const std::size_t more = special + 2;
    char* to = out.claim(more) + more;
    const char* from = to - more;
    *--to = '"';
    for (std::size_t i = 0; i < size; ++i) {
        const char c = *--from;
        *--to = c;
        if (c == '"' || c == '\\') *--to = escape != '\0' ? escape : c;
    }
    *--to = '"';
}

}  // namespace

Fault read_piece(Scanner& in, std::string_view stops, std::string& scratch, Piece& out) {
    const std::string_view text = in.left();
    const auto is_stop = [&](std::size_t at) { return stops.find(text[at]) != stops.npos; };
    std::size_t at = 0;
    while (at < text.size() && text[at] != '"' && text[at] != '\\' && !is_stop(at)) ++at;
    out = {text.substr(0, at), false, at > 0, false};
    if (at < text.size() && !is_stop(at)) {
        scratch.assign(out.text);
        bool quoting = false;
        while (at < text.size() && (quoting || !is_stop(at))) {
            const char c = text[at++];
            out.bare = out.bare || (!quoting && c != '"');
            if (c == '\\') {
                if (at == text.size()) return {"text form that ends after a backslash"};
                out.escaped = true;
                scratch += text[at++];
            } else if (c != '"') {
                scratch += c;
            } else if (quoting && at < text.size() && text[at] == '"') {
                scratch += text[at++];
            } else {
                out.quoted = true;
                quoting = !quoting;
            }
        }
        if (quoting) return {"text form that ends inside quotes"};
        out.text = scratch;
    }
    in = Scanner(text.substr(at));
    return {};
}

void quote_since(Writer& out, std::size_t mark, Quoting quoting, char delimiter) {
    if (needs_quotes(out.bytes().substr(mark), quoting, delimiter))
        put_in_quotes(out, mark, quoting == Quoting::array ? '\\' : '\0');
}

void quote_always(Writer& out, std::size_t mark) { put_in_quotes(out, mark, '\\'); }

int& Nesting::depth() {
    thread_local int depth = 0;
    return depth;
}

}  // namespace pg::detail
