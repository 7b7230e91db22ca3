// Full text search: documents as tsvector, questions as tsquery.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {

/// A document as the server searches it: its lexemes, and where they stand. Value.
struct TsVector {
    /// `A` to `D`, from the most important to the ordinary.
    enum class Weight : std::uint8_t { d, c, b, a };

    /// Where a lexeme stands in the document. Value.
    struct Position {
        std::uint16_t place = 1;    ///< 1 to 16383; what is farther away is at 16383
        Weight weight = Weight::d;  ///< D where setweight() said nothing

        friend bool operator==(const Position&, const Position&) = default;
    };
    /// A word and its places. Value.
    struct Lexeme {
        std::string word;                 ///< as a dictionary made it; not empty
        std::vector<Position> positions;  ///< ascending, at most 256; none when they were stripped

        friend bool operator==(const Lexeme&, const Lexeme&) = default;
    };

    /// From the server in its order: by length, then by byte. It sorts what it is sent; each word is there once.
    std::vector<Lexeme> lexemes;

    /// From and to what the server writes: `'fat':2 'rat':3A,5`.
    PGCLIENT_API static Expected<TsVector> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend bool operator==(const TsVector&, const TsVector&) = default;
};

/// A question to documents: lexemes, and the operators that join them. Value.
///
/// Equal means the same tree. The text form does not tell `(a & b) & c` from `a & (b & c)`, so a query that was built
/// the second way is not equal to what is parsed from its text.
struct TsQuery {
    /// `lexeme` is a leaf, `negation` has one side, the others have two.
    enum class Kind : std::uint8_t { lexeme, negation, conjunction, disjunction, phrase };

    /// A lexeme or an operator. Value.
    struct Node {
        Kind kind = Kind::lexeme;    ///< decides which of the others count
        std::uint8_t weights = 0;    ///< lexeme: where it may stand, bit 0 for D to bit 3 for A; 0 for anywhere
        bool is_prefix = false;      ///< lexeme: whether longer words match as well
        std::uint16_t distance = 0;  ///< phrase: how many places the right side is behind the left one
        std::string word;            ///< lexeme

        friend bool operator==(const Node&, const Node&) = default;
    };

    /// Polish notation with the right side first, as the server keeps it: an operator, the nodes of its right side,
    /// those of its left side. None for the empty query, which nothing matches.
    std::vector<Node> nodes;

    /// From and to what the server writes: `'fat':AB & !( 'rat':* | 'cat' <-> 'dog' )`.
    PGCLIENT_API static Expected<TsQuery> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend bool operator==(const TsQuery&, const TsQuery&) = default;
};

template <>
struct Codec<TsVector> : detail::OwnType<TsVector> {
    static constexpr TypeId type{Oid{3614}, Oid{3643}, "tsvector"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, TsVector& out);
    PGCLIENT_API static Fault encode(Writer& out, const TsVector& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const TsVector& value);
};
/// A query whose nodes are no tree is a fault to encode. Sent as text, because servers read no empty query in binary:
/// encoding one in binary, for an array or a composite, is a fault too.
template <>
struct Codec<TsQuery> {
    static constexpr TypeId type{Oid{3615}, Oid{3645}, "tsquery"};
    static constexpr Oid argument_type = type.oid;
    static constexpr Format argument = Format::text;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, TsQuery& out);
    PGCLIENT_API static Fault encode(Writer& out, const TsQuery& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const TsQuery& value);
};

}  // namespace pg
