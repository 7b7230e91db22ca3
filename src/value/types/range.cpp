// The binary and text forms of ranges and multiranges, whatever their bounds are.
#include "pg/types/range.hpp"

#include "src/value/types/literal.hpp"

namespace pg::detail {
namespace {

constexpr Fault too_short{"range that ends too early"};
constexpr Fault multirange_too_short{"multirange that ends too early"};

constexpr std::uint8_t flag_empty = 0x01;
constexpr std::uint8_t flag_lower_inclusive = 0x02;
constexpr std::uint8_t flag_upper_inclusive = 0x04;
constexpr std::uint8_t flag_no_lower = 0x08;
constexpr std::uint8_t flag_no_upper = 0x10;

// A value with its length before it; never NULL.
Fault take_value(std::string_view& bytes, Cell& out, Fault end) {
    if (bytes.size() < sizeof(std::int32_t)) return end;
    out = {bytes.data() + sizeof(std::int32_t), load_big_endian<std::int32_t>(bytes.data())};
    bytes.remove_prefix(sizeof(std::int32_t));
    if (out.is_null()) return {"range without a value where there must be one"};
    if (bytes.size() < out.size()) return end;
    bytes.remove_prefix(out.size());
    return {};
}

Fault read_binary_range(std::string_view bytes, RangeParts& out) {
    if (bytes.empty()) return too_short;
    const auto flags = static_cast<std::uint8_t>(bytes[0]);
    bytes.remove_prefix(1);
    out.empty = (flags & flag_empty) != 0;
    if (!out.empty) {
        out.lower_inclusive = (flags & flag_lower_inclusive) != 0;
        out.upper_inclusive = (flags & flag_upper_inclusive) != 0;
        if ((flags & flag_no_lower) == 0)
            if (Fault fault = take_value(bytes, out.lower, too_short)) return fault;
        if ((flags & flag_no_upper) == 0)
            if (Fault fault = take_value(bytes, out.upper, too_short)) return fault;
    }
    return bytes.empty() ? Fault{} : Fault{"range with bytes behind its bounds"};
}

Fault read_bound(Scanner& in, std::string_view stops, std::string& text, Cell& out) {
    Piece piece;
    if (Fault fault = read_piece(in, stops, text, piece)) return fault;
    if (!piece.text.empty() || piece.quoted) out = piece.cell();
    return {};
}

Fault read_range_literal(Scanner& in, RangeParts& out) {
    const std::string_view rest(in.at, static_cast<std::size_t>(in.end - in.at));
    if (rest.starts_with("empty")) {
        out.empty = true;
        in.at += 5;
        return {};
    }
    out.lower_inclusive = in.peek() == '[';
    if (!in.skip('[') && !in.skip('(')) return {"range without an opening bracket"};
    if (Fault fault = read_bound(in, ",", out.lower_text, out.lower)) return fault;
    if (!in.skip(',')) return too_short;
    if (Fault fault = read_bound(in, ",)]", out.upper_text, out.upper)) return fault;
    out.upper_inclusive = in.peek() == ']';
    if (!in.skip(']') && !in.skip(')')) return in.done() ? too_short : Fault{"range of more than two bounds"};
    return {};
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
    return in.done() ? Fault{} : Fault{"range with text behind its end"};
}

Fault read_multirange(const Cell& cell, Format format, void* target, Fault (*range)(void* target, const Cell& cell)) {
    if (format == Format::text) {
        Scanner in(cell.bytes());
        if (!in.skip('{')) return {"multirange without an opening brace"};
        if (!in.skip('}')) {
            do {
                RangeParts parts;
                const char* const start = in.at;
                if (Fault fault = read_range_literal(in, parts)) return fault;
                if (Fault fault = range(target, {start, static_cast<std::int32_t>(in.at - start)})) return fault;
            } while (in.skip(','));
            if (!in.skip('}')) return multirange_too_short;
        }
        return in.done() ? Fault{} : Fault{"multirange with text behind its end"};
    }
    std::string_view bytes = cell.bytes();
    if (bytes.size() < sizeof(std::int32_t)) return multirange_too_short;
    const auto count = load_big_endian<std::uint32_t>(bytes.data());
    bytes.remove_prefix(sizeof(std::int32_t));
    if (count > bytes.size() / sizeof(std::int32_t)) return multirange_too_short;
    for (std::uint32_t i = 0; i < count; ++i) {
        Cell value;
        if (Fault fault = take_value(bytes, value, multirange_too_short)) return fault;
        if (Fault fault = range(target, value)) return fault;
    }
    return bytes.empty() ? Fault{} : Fault{"multirange with bytes behind its last range"};
}

void quote_bound(Writer& out, std::size_t mark) { quote_since(out, mark, Quoting::range); }

}  // namespace pg::detail
