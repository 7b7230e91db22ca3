// The text forms of values inside values: how arrays, records, ranges and hstore quote, and how that is undone.
#pragma once

#include <string>
#include <string_view>

#include "src/value/scanner.hpp"

namespace pg::detail {

/// One value of a literal. The text is a view of the literal, or of the scratch where something had to be unescaped.
struct Piece {
    std::string_view text;
    bool quoted = false;   ///< some of it stood in quotes
    bool bare = false;     ///< some of it did not
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
    static constexpr int limit = 64;

    Nesting() { ++depth(); }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --depth(); }

    [[nodiscard]] static bool is_too_deep(int most = limit) { return depth() > most; }

private:
    static int& depth();
};

}  // namespace pg::detail
