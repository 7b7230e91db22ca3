// The binary and text forms of hstore, of the ltree family, of cube and of PostGIS.
#include "pg/types/extension.hpp"

#include <algorithm>

#include "src/value/number_text.hpp"
#include "src/value/types/literal.hpp"

namespace pg {
namespace {

constexpr Fault hstore_too_short{"hstore that ends too early"};
constexpr Fault malformed_hstore{"malformed hstore"};
constexpr Fault cube_too_short{"cube that ends too early"};
constexpr Fault malformed_cube{"malformed cube"};
constexpr std::size_t max_cube_dimensions = 100;
constexpr std::uint32_t cube_point_bit = 0x80000000;

// A text with its length before it; a length of -1 is NULL.
Fault take_text(std::string_view& bytes, std::optional<std::string>& out) {
    if (bytes.size() < sizeof(std::int32_t)) return hstore_too_short;
    const auto length = detail::load_big_endian<std::int32_t>(bytes.data());
    bytes.remove_prefix(sizeof(std::int32_t));
    out.reset();
    if (length == -1) return {};
    if (length < 0) return malformed_hstore;
    if (bytes.size() < static_cast<std::size_t>(length)) return hstore_too_short;
    out.emplace(bytes.substr(0, static_cast<std::size_t>(length)));
    bytes.remove_prefix(static_cast<std::size_t>(length));
    return {};
}

Fault read_binary_hstore(std::string_view bytes, Hstore& out) {
    constexpr std::size_t pair_size = 8;
    if (bytes.size() < sizeof(std::int32_t)) return hstore_too_short;
    const auto count = detail::load_big_endian<std::uint32_t>(bytes.data());
    bytes.remove_prefix(sizeof(std::int32_t));
    if (count > bytes.size() / pair_size) return hstore_too_short;
    out.pairs.resize(count);
    for (auto& [key, value] : out.pairs) {
        std::optional<std::string> text;
        if (Fault fault = take_text(bytes, text)) return fault;
        if (!text) return {"hstore with a key that is null"};
        key = *std::move(text);
        if (Fault fault = take_text(bytes, value)) return fault;
    }
    return bytes.empty() ? Fault{} : Fault{"hstore with bytes behind its last pair"};
}

Fault read_hstore_literal(std::string_view text, Hstore& out) {
    using detail::Piece;
    out.pairs.clear();
    if (text.empty()) return {};
    detail::Scanner in(text);
    std::string scratch;
    do {
        static_cast<void>(in.skip(' '));
        Piece key;
        if (Fault fault = detail::read_piece(in, "=,", scratch, key)) return fault;
        if (!key.quoted || !in.skip('=') || !in.skip('>')) return malformed_hstore;
        auto& pair = out.pairs.emplace_back(key.text, std::nullopt);
        Piece value;
        if (Fault fault = detail::read_piece(in, "=,", scratch, value)) return fault;
        if (value.quoted)
            pair.second = value.text;
        else if (value.text != "NULL")
            return malformed_hstore;
    } while (in.skip(','));
    return in.done() ? Fault{} : malformed_hstore;
}

Fault put_quoted(Writer& out, std::string_view text) {
    const std::size_t mark = out.size();
    if (Fault fault = detail::encode_checked_text(out, text)) return fault;
    detail::quote_always(out, mark);
    return {};
}

Fault read_corner(detail::Scanner& in, std::vector<double>& out) {
    out.clear();
    if (!in.skip('(')) return malformed_cube;
    if (in.skip(')')) return {};
    do {
        static_cast<void>(in.skip(' '));
        const char* const start = in.at;
        while (!in.done() && *in.at != ',' && *in.at != ')') ++in.at;
        if (!detail::parse_float({start, static_cast<std::size_t>(in.at - start)}, out.emplace_back()))
            return malformed_cube;
    } while (in.skip(','));
    return in.skip(')') ? Fault{} : cube_too_short;
}

Fault read_cube_literal(std::string_view text, Cube& out) {
    detail::Scanner in(text);
    out.opposite.clear();
    if (Fault fault = read_corner(in, out.corner)) return fault;
    if (in.done()) return {};
    if (!in.skip(',')) return malformed_cube;
    if (Fault fault = read_corner(in, out.opposite)) return fault;
    return in.done() && out.opposite.size() == out.corner.size() ? Fault{} : malformed_cube;
}

Fault check_cube(const Cube& cube) {
    if (cube.corner.size() > max_cube_dimensions) return {"cube of more than 100 dimensions"};
    if (!cube.opposite.empty() && cube.opposite.size() != cube.corner.size())
        return {"cube whose corners differ in dimensions"};
    return {};
}

void write_corner(Writer& out, const std::vector<double>& corner) {
    out.put('(');
    for (const double& value : corner) {
        if (&value != corner.data()) out.put(", ");
        detail::write_float(out, value);
    }
    out.put(')');
}

}  // namespace

const std::optional<std::string>* Hstore::find(std::string_view key) const {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == key; });
    return found == pairs.end() ? nullptr : &found->second;
}

Fault Codec<Hstore>::decode(const Cell& cell, const WireType& wire, Hstore& out) {
    return wire.format == Format::text ? read_hstore_literal(cell.bytes(), out) : read_binary_hstore(cell.bytes(), out);
}
Fault Codec<Hstore>::encode(Writer& out, const Hstore& value) {
    out.put(static_cast<std::int32_t>(value.pairs.size()));
    for (const auto& [key, held] : value.pairs) {
        if (Fault fault = encode_with_length(out, key)) return fault;
        if (Fault fault = encode_with_length(out, held)) return fault;
    }
    return {};
}
Fault Codec<Hstore>::encode_text(Writer& out, const Hstore& value) {
    for (const auto& pair : value.pairs) {
        if (&pair != value.pairs.data()) out.put(", ");
        if (Fault fault = put_quoted(out, pair.first)) return fault;
        out.put("=>");
        if (!pair.second)
            out.put("NULL");
        else if (Fault fault = put_quoted(out, *pair.second))
            return fault;
    }
    return {};
}

Fault Codec<Cube>::decode(const Cell& cell, const WireType& wire, Cube& out) {
    if (wire.format == Format::text) return read_cube_literal(cell.bytes(), out);
    std::string_view bytes = cell.bytes();
    if (bytes.size() < sizeof(std::uint32_t)) return cube_too_short;
    const auto header = detail::load_big_endian<std::uint32_t>(bytes.data());
    bytes.remove_prefix(sizeof(std::uint32_t));
    const bool is_point = (header & cube_point_bit) != 0;
    const std::size_t dimensions = header & ~cube_point_bit;
    if (dimensions > max_cube_dimensions) return {"cube of more than 100 dimensions"};
    if (bytes.size() != dimensions * sizeof(double) * (is_point ? 1 : 2)) return cube_too_short;
    const auto read = [&](std::vector<double>& corner, std::size_t count) {
        corner.resize(count);
        for (double& value : corner) {
            value = std::bit_cast<double>(detail::load_big_endian<std::uint64_t>(bytes.data()));
            bytes.remove_prefix(sizeof(double));
        }
    };
    read(out.corner, dimensions);
    read(out.opposite, is_point ? 0 : dimensions);
    return {};
}
Fault Codec<Cube>::encode(Writer& out, const Cube& value) {
    if (Fault fault = check_cube(value)) return fault;
    out.put(static_cast<std::uint32_t>(value.corner.size()) | (value.opposite.empty() ? cube_point_bit : 0));
    for (double coordinate : value.corner) out.put(coordinate);
    for (double coordinate : value.opposite) out.put(coordinate);
    return {};
}
Fault Codec<Cube>::encode_text(Writer& out, const Cube& value) {
    if (Fault fault = check_cube(value)) return fault;
    write_corner(out, value.corner);
    if (value.opposite.empty()) return {};
    out.put(',');
    write_corner(out, value.opposite);
    return {};
}

namespace detail {

Fault decode_versioned_text(const Cell& cell, const WireType& wire, std::string& out) {
    std::string_view text = cell.bytes();
    if (wire.format == Format::binary) {
        if (!text.starts_with('\1')) return {"text of an unknown binary version: fetch it as text"};
        text.remove_prefix(1);
    }
    out.assign(text);
    return {};
}

Fault encode_versioned_text(Writer& out, std::string_view text) {
    out.put('\1');
    return encode_checked_text(out, text);
}

Fault decode_ewkb(const Cell& cell, const WireType& wire, std::vector<std::byte>& out) {
    if (wire.format == Format::binary) return Codec<std::vector<std::byte>>::decode(cell, wire, out);
    std::string text = "\\x";  // as bytea writes the same digits
    text += cell.bytes();
    return decode_bytea_text({text.data(), static_cast<std::int32_t>(text.size())}, out);
}

void encode_ewkb_text(Writer& out, std::span<const std::byte> ewkb) {
    constexpr char digits[] = "0123456789ABCDEF";
    char* to = out.claim(2 * ewkb.size());
    for (std::byte byte : ewkb) {
        *to++ = digits[std::to_integer<unsigned>(byte >> 4)];
        *to++ = digits[std::to_integer<unsigned>(byte & std::byte{15})];
    }
}

}  // namespace detail
}  // namespace pg
