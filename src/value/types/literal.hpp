// The text forms of values inside values: how arrays, records, ranges and hstore quote, and how that is undone.
#pragma once

#include <string>
#include <string_view>

#include "pg/codec.hpp"

namespace pg::detail {

/// A place in a literal. Reads never pass its end.
struct Scanner {
    const char* at;
    const char* end;

    explicit Scanner(std::string_view text) : at(text.data()), end(text.data() + text.size()) {}

    [[nodiscard]] bool done() const { return at == end; }
    /// The next character; zero at the end.
    [[nodiscard]] char peek() const { return done() ? '\0' : *at; }
    /// Steps over `expected` if it is next.
    bool skip(char expected) {
        if (done() || *at != expected) return false;
        ++at;
        return true;
    }
};

/// One value of a literal. The text is a view of the literal, or of the scratch where something had to be unescaped.
struct Piece {
    std::string_view text;
    bool quoted = false;   ///< some of it stood in quotes
    bool escaped = false;  ///< some of it followed a backslash

    /// A view of the value as a text cell.
    [[nodiscard]] Cell cell() const { return {text.data(), static_cast<std::int32_t>(text.size())}; }
};

/// Reads up to one of `stops` outside quotes. Inside quotes a doubled quote is one quote, and a backslash takes the
/// next character as it is.
[[nodiscard]] Fault read_piece(Scanner& in, std::string_view stops, std::string& scratch, Piece& out);

/// What makes a value need quotes, and how a quote or backslash inside them is written.
enum class Quoting { array, record, range };

/// Puts the text from `mark` on in quotes where its value would be read as something else without. `delimiter` is that
/// of an array.
void quote_since(Writer& out, std::size_t mark, Quoting quoting, char delimiter = ',');
/// Puts the text from `mark` on in quotes, with a backslash before each quote and backslash.
void quote_always(Writer& out, std::size_t mark);

/// Counts how deep values lie in values while one is read. A hostile server could nest them until the stack ends.
class Nesting {
public:
    Nesting() { ++depth(); }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --depth(); }

    [[nodiscard]] static bool is_too_deep() { return depth() > 64; }

private:
    static int& depth();
};

}  // namespace pg::detail
