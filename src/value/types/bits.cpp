// bit and varbit.
#include "pg/types/bits.hpp"

#include "src/value/reader.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {

bool Codec<Bits>::accepts(const WireType& wire) { return wire.oid == type.oid || wire.oid == Oid{1560}; }

Fault Codec<Bits>::decode(const Cell& cell, const WireType& wire, Bits& out) {
    Bits value;
    if (wire.format == Format::text) {
        const std::string_view text = cell.bytes();
        if (text.find_first_not_of("01") != text.npos) return {"bit string with other characters than 0 and 1"};
        value = Bits(text.size());
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] == '1') value.set(i);
    } else {
        detail::Reader reader(cell.bytes());
        const auto size = reader.take<std::uint32_t>();
        const std::string_view bytes = reader.take_bytes((std::size_t{size} + 7) / 8);
        if (!reader.finished()) return {"bit string with more or fewer bits than it says"};
        value = Bits(size);
        if (size != 0) std::memcpy(value.bytes_.data(), bytes.data(), bytes.size());
        if (size % 8 != 0) value.bytes_.back() &= std::byte{0xff} << (8 - size % 8);
    }
    out = std::move(value);
    return {};
}

Fault Codec<Bits>::encode(Writer& out, const Bits& value) {
    if (value.size_ > std::size_t{0x7fffffff}) return {"bit string of more than 2147483647 bits"};
    out.put(static_cast<std::int32_t>(value.size_));
    out.put(std::string_view(reinterpret_cast<const char*>(value.bytes_.data()), value.bytes_.size()));
    return {};
}

Fault Codec<Bits>::encode_text(Writer& out, const Bits& value) {
    char* to = out.claim(value.size_);
    for (std::size_t i = 0; i < value.size_; ++i) to[i] = value[i] ? '1' : '0';
    return {};
}

Expected<Bits> Bits::parse(std::string_view text) { return detail::parse_value<Bits>(text); }
std::string Bits::to_string() const { return detail::text_of(*this); }

}  // namespace pg
