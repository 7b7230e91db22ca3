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
    static Fault decode(const Cell& cell, const WireType&, char& out) {
        if (cell.length != 1) return {"text of other than one byte for a char"};
        out = *cell.data;
        return {};
    }
    static Fault encode(Writer& out, char value) {
        out.put(value);
        return {};
    }
    static Fault encode_text(Writer& out, char value) { return detail::encode_checked_text(out, {&value, 1}); }
};

}  // namespace pg
