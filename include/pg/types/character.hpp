// One byte of text: the type "char", and texts that are no longer.
#pragma once

#include "pg/scalar_codecs.hpp"

namespace pg {

/// `"char"`, and text of exactly one byte.
template <>
struct Codec<char> {
    static constexpr TypeId type{Oid{18}, Oid{1002}, "char"};
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return wire.oid == type.oid || detail::accepts_text(wire); }
    static Fault decode(const Cell& cell, const WireType& wire, char& out) {
        std::string_view text = cell.bytes();
        if (wire.oid == type.oid && wire.format == Format::text && text.size() != 1) return decode_escaped(text, out);
        if (wire.oid != type.oid)
            if (Fault fault = Codec<std::string_view>::decode(cell, wire, text)) return fault;
        if (text.size() != 1) return {"text of other than one byte for a char"};
        out = text.front();
        return {};
    }
    static Fault encode(Writer& out, char value) {
        out.put(value);
        return {};
    }
    static Fault encode_text(Writer& out, char value) { return detail::encode_checked_text(out, {&value, 1}); }

private:
    /// As servers write the zero byte, and, from 16 on, those above 0x7f.
    static Fault decode_escaped(std::string_view text, char& out) {
        unsigned value = 0;
        const bool is_octal = text.size() == 4 && text.front() == '\\';
        if (!is_octal && !text.empty()) return {"text of other than one byte for a char"};
        for (const char digit : text.substr(is_octal ? 1 : 0)) {
            if (digit < '0' || digit > '7') return {"malformed char"};
            value = 8 * value + static_cast<unsigned>(digit - '0');
        }
        out = static_cast<char>(value);
        return {};
    }
};

}  // namespace pg
