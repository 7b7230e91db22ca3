// A value of one of several types: std::variant.
#pragma once

#include <variant>

#include "pg/scalar_codecs.hpp"

namespace pg {

/// Read as the first alternative that accepts the type, so put the narrower before the wider. As an argument it travels
/// as text whose type the server infers.
template <Scalar... T>
struct Codec<std::variant<T...>> {
    static constexpr TypeId type{{}, {}, "variant"};
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return (Codec<T>::accepts(wire) || ...); }
    static Fault decode(const Cell& cell, const WireType& wire, std::variant<T...>& out) {
        Fault fault{"value of a type that no alternative of the variant accepts"};
        static_cast<void>(((Codec<T>::accepts(wire) && (fault = decode_as<T>(cell, wire, out), true)) || ...));
        return fault;
    }
    static Fault encode(Writer& out, const std::variant<T...>& value) {
        return std::visit([&]<class A>(const A& held) { return Codec<A>::encode(out, held); }, value);
    }
    static Fault encode_text(Writer& out, const std::variant<T...>& value) {
        return std::visit([&]<class A>(const A& held) { return Codec<A>::encode_text(out, held); }, value);
    }

private:
    template <class A>
    static Fault decode_as(const Cell& cell, const WireType& wire, std::variant<T...>& out) {
        return Codec<A>::decode(cell, wire, out.template emplace<A>());
    }
};

namespace detail {
template <class... T>
inline constexpr bool borrows<std::variant<T...>> = (borrows<T> || ...);
}  // namespace detail

}  // namespace pg
