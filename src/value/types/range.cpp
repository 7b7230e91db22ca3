// The binary and text forms of ranges and multiranges, whatever their bounds are.
#include "pg/types/range.hpp"

#include "src/value/types/literal.hpp"
#include "src/value/types/take_cell.hpp"

namespace pg::detail {
namespace {

constexpr Fault too_short{"range that ends too early"};
constexpr Fault multirange_too_short{"multirange that ends too early"};

constexpr std::uint8_t flag_empty = 0x01;
constexpr std::uint8_t flag_lower_inclusive = 0x02;
constexpr std::uint8_t flag_upper_inclusive = 0x04;
constexpr std::uint8_t flag_no_lower = 0x08;
constexpr std::uint8_t flag_no_upper = 0x10;

// A value that is there and is not NULL.
Fault take_value(Reader& in, Cell& out, Fault end) {
    out = take_cell(in);
    if (in.failed()) return end;
    return out.is_null() ? Fault{"range without a value where there must be one"} : Fault{};
}

Fault read_binary_range(std::string_view bytes, RangeParts& out) {
    Reader in(bytes);
    const auto flags = in.take<std::uint8_t>();
    if (in.failed()) return too_short;
    out.empty = (flags & flag_empty) != 0;
    if (!out.empty) {
        out.lower_inclusive = (flags & flag_lower_inclusive) != 0;
        out.upper_inclusive = (flags & flag_upper_inclusive) != 0;
        if ((flags & flag_no_lower) == 0)
            if (Fault fault = take_value(in, out.lower, too_short)) return fault;
        if ((flags & flag_no_upper) == 0)
            if (Fault fault = take_value(in, out.upper, too_short)) return fault;
    }
    return in.finished() ? Fault{} : Fault{"range with bytes behind its bounds"};
}

Fault read_bound(Scanner& in, std::string_view stops, std::string& text, Cell& out) {
    Piece piece;
    if (Fault fault = read_piece(in, stops, text, piece)) return fault;
    if (!piece.text.empty() || piece.quoted) out = piece.cell();
    return {};
}

Fault read_range_literal(Scanner& in, RangeParts& out) {
    out.empty = in.take("empty");
    if (out.empty) return {};
    out.lower_inclusive = in.peek() == '[';
    if (!in.take('[') && !in.take('(')) return {"range without an opening bracket"};
    if (Fault fault = read_bound(in, ",", out.lower_text, out.lower)) return fault;
    if (!in.take(',')) return too_short;
    if (Fault fault = read_bound(in, ",)]", out.upper_text, out.upper)) return fault;
    out.upper_inclusive = in.peek() == ']';
    if (!in.take(']') && !in.take(')')) return in.at_end() ? too_short : Fault{"range of more than two bounds"};
    return {};
}

Fault read_multirange_literal(std::string_view text, void* target, Fault (*range)(void* target, const Cell& cell)) {
    Scanner in(text);
    if (!in.take('{')) return {"multirange without an opening brace"};
    if (!in.take('}')) {
        do {
            RangeParts parts;
            const std::string_view from = in.left();
            if (Fault fault = read_range_literal(in, parts)) return fault;
            const auto size = static_cast<std::int32_t>(from.size() - in.left().size());
            if (Fault fault = range(target, {from.data(), size})) return fault;
        } while (in.take(','));
        if (!in.take('}')) return multirange_too_short;
    }
    return in.at_end() ? Fault{} : Fault{"multirange with text behind its end"};
}

}  // namespace

std::uint8_t range_flags(bool empty, bool has_lower, bool has_upper, bool lower_inclusive, bool upper_inclusive) {
    if (empty) return flag_empty;
    std::uint8_t flags = 0;
    if (!has_lower) flags |= flag_no_lower;
    if (!has_upper) flags |= flag_no_upper;
    if (has_lower && lower_inclusive) flags |= flag_lower_inclusive;
    if (has_upper && upper_inclusive) flags |= flag_upper_inclusive;
    return flags;
}

Fault read_range(const Cell& cell, Format format, RangeParts& out) {
    if (format == Format::binary) return read_binary_range(cell.bytes(), out);
    Scanner in(cell.bytes());
    if (Fault fault = read_range_literal(in, out)) return fault;
    return in.at_end() ? Fault{} : Fault{"range with text behind its end"};
}

Fault read_multirange(const Cell& cell, Format format, void* target, Fault (*range)(void* target, const Cell& cell)) {
    if (format == Format::text) return read_multirange_literal(cell.bytes(), target, range);
    Reader in(cell.bytes());
    const std::size_t count = in.take_count(sizeof(std::int32_t));
    if (in.failed()) return multirange_too_short;
    for (std::size_t i = 0; i < count; ++i) {
        Cell value;
        if (Fault fault = take_value(in, value, multirange_too_short)) return fault;
        if (Fault fault = range(target, value)) return fault;
    }
    return in.finished() ? Fault{} : Fault{"multirange with bytes behind its last range"};
}

void quote_bound(Writer& out, std::size_t mark) { quote_since(out, mark, Quoting::range); }

}  // namespace pg::detail
