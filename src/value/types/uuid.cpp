// uuid: sixteen bytes, or 36 characters.
#include "pg/types/uuid.hpp"

#include "src/value/hexadecimal.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

constexpr std::size_t text_size = 36;

constexpr bool has_hyphen_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

}  // namespace

Fault Codec<Uuid>::decode(const Cell& cell, const WireType& wire, Uuid& out) {
    if (wire.format == Format::binary) {
        if (cell.length != 16) return {"uuid of other than 16 bytes"};
        std::memcpy(out.bytes.data(), cell.data, 16);
        return {};
    }
    const std::string_view text = cell.bytes();
    constexpr Fault malformed{"malformed uuid"};
    if (text.size() != text_size) return malformed;
    Uuid value;
    const char* at = text.data();
    for (std::size_t i = 0; i < value.bytes.size(); ++i, at += 2) {
        if (has_hyphen_before(i) && *at++ != '-') return malformed;
        if (!detail::hex_byte(at, value.bytes[i])) return malformed;
    }
    out = value;
    return {};
}

Fault Codec<Uuid>::encode(Writer& out, const Uuid& value) {
    std::memcpy(out.claim(16), value.bytes.data(), 16);
    return {};
}

Fault Codec<Uuid>::encode_text(Writer& out, const Uuid& value) {
    const std::span<const std::byte> bytes(value.bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (has_hyphen_before(i)) out.put('-');
        detail::write_hex(out, bytes.subspan(i, 1));
    }
    return {};
}

Expected<Uuid> Uuid::parse(std::string_view text) { return detail::parse_value<Uuid>(text); }
std::string Uuid::to_string() const { return detail::text_of(*this); }

}  // namespace pg
