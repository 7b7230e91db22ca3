// The binary and text forms of hstore, of the ltree family, of cube and of PostGIS.
#include "pg/types/extension.hpp"

#include <algorithm>

#include "pg/types/bytea.hpp"
#include "src/value/hexadecimal.hpp"
#include "src/value/types/literal.hpp"
#include "src/value/types/take_cell.hpp"

namespace pg {
namespace {

constexpr Fault hstore_too_short{"hstore that ends too early"};
constexpr Fault malformed_hstore{"malformed hstore"};
constexpr Fault cube_too_short{"cube that ends too early"};
constexpr Fault malformed_cube{"malformed cube"};
constexpr Fault malformed_ewkb{"malformed hexadecimal digits of EWKB"};
constexpr std::size_t max_cube_dimensions = 100;
constexpr std::uint32_t cube_point_bit = 0x80000000;

Fault read_binary_hstore(std::string_view bytes, Hstore& out) {
    constexpr std::size_t pair_size = 8;
    detail::Reader in(bytes);
    out.pairs.resize(in.take_count(pair_size));
    for (auto& [key, value] : out.pairs) {
        const Cell key_cell = detail::take_cell(in);
        const Cell value_cell = detail::take_cell(in);
        if (in.failed()) return hstore_too_short;
        if (key_cell.is_null()) return {"hstore with a key that is null"};
        key = key_cell.bytes();
        value.reset();
        if (!value_cell.is_null()) value = value_cell.bytes();
    }
    if (in.failed()) return hstore_too_short;
    return in.finished() ? Fault{} : Fault{"hstore with bytes behind its last pair"};
}

Fault read_hstore_literal(std::string_view text, Hstore& out) {
    using detail::Piece;
    out.pairs.clear();
    if (text.empty()) return {};
    detail::Scanner in(text);
    std::string scratch;
    do {
        static_cast<void>(in.take(' '));
        Piece key;
        if (Fault fault = detail::read_piece(in, "=,", scratch, key)) return fault;
        if (!key.quoted || key.bare || !in.take('=') || !in.take('>')) return malformed_hstore;
        auto& pair = out.pairs.emplace_back(key.text, std::nullopt);
        Piece value;
        if (Fault fault = detail::read_piece(in, "=,", scratch, value)) return fault;
        if (value.quoted && !value.bare)
            pair.second = value.text;
        else if (value.quoted || value.text != "NULL")
            return malformed_hstore;
    } while (in.take(','));
    return in.at_end() ? Fault{} : malformed_hstore;
}

Fault put_quoted(Writer& out, std::string_view text) {
    const std::size_t mark = out.size();
    if (Fault fault = detail::encode_checked_text(out, text)) return fault;
    detail::quote_always(out, mark);
    return {};
}

Fault read_corner(detail::Scanner& in, std::vector<double>& out) {
    out.clear();
    if (!in.take('(')) return malformed_cube;
    if (in.take(')')) return {};
    do {
        static_cast<void>(in.take(' '));
        if (!detail::parse_float(in.take_until(",)"), out.emplace_back())) return malformed_cube;
    } while (in.take(','));
    return in.take(')') ? Fault{} : cube_too_short;
}

Fault read_cube_literal(std::string_view text, Cube& out) {
    detail::Scanner in(text);
    out.opposite.clear();
    if (Fault fault = read_corner(in, out.corner)) return fault;
    if (in.at_end()) return {};
    if (!in.take(',')) return malformed_cube;
    if (Fault fault = read_corner(in, out.opposite)) return fault;
    return in.at_end() && out.opposite.size() == out.corner.size() ? Fault{} : malformed_cube;
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
    detail::Reader in(cell.bytes());
    const auto header = in.take<std::uint32_t>();
    const bool is_point = (header & cube_point_bit) != 0;
    const std::size_t dimensions = header & ~cube_point_bit;
    if (dimensions > max_cube_dimensions) return {"cube of more than 100 dimensions"};
    const auto read = [&](std::vector<double>& corner, std::size_t count) {
        corner.resize(count);
        for (double& value : corner) value = in.take<double>();
    };
    read(out.corner, dimensions);
    read(out.opposite, is_point ? 0 : dimensions);
    return in.finished() ? Fault{} : Fault{"cube whose bytes are not those of its dimensions"};
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
    const std::string_view bytes = cell.bytes();
    if (wire.format == Format::binary) {
        out.resize(bytes.size());
        std::transform(bytes.begin(), bytes.end(), out.begin(), [](char c) { return static_cast<std::byte>(c); });
        return {};
    }
    if (bytes.size() % 2 != 0) return malformed_ewkb;
    out.resize(bytes.size() / 2);
    const char* digits = bytes.data();
    for (std::byte& byte : out) {
        if (!hex_byte(digits, byte)) return malformed_ewkb;
        digits += 2;
    }
    return {};
}

void encode_ewkb_text(Writer& out, std::span<const std::byte> ewkb) { write_hex(out, ewkb); }

}  // namespace detail
}  // namespace pg
