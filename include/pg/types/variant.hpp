// A value of one of several types: std::variant.
#pragma once

#include <utility>
#include <variant>

#include "pg/scalar_codecs.hpp"

namespace pg {

/// Read as the first alternative that accepts the type, and of integers as the first that holds the value, so put the
/// narrower before the wider. As an argument it travels as text whose type the server infers.
template <Scalar... T>
struct Codec<std::variant<T...>> {
    static constexpr TypeId type{{}, {}, "variant"};
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return (Codec<T>::accepts(wire) || ...); }
    static Fault decode(const Cell& cell, const WireType& wire, std::variant<T...>& out) {
        Fault first{"value of a type that no alternative of the variant accepts"};
        bool is_accepted = false, goes_on = true;
        const auto reads = [&]<class A>(std::in_place_type_t<A>) {
            if (!goes_on || (is_accepted && !std::is_integral_v<A>) || !Codec<A>::accepts(wire)) return false;
            const Fault fault = Codec<A>::decode(cell, wire, out.template emplace<A>());
            if (fault && !std::exchange(is_accepted, true)) first = fault;
            goes_on = std::is_integral_v<A>;
            return !fault;
        };
        const bool is_read = (reads(std::in_place_type<T>) || ...);
        return is_read ? Fault{} : first;
    }
    static Fault encode(Writer& out, const std::variant<T...>& value) {
        return std::visit([&]<class A>(const A& held) { return Codec<A>::encode(out, held); }, value);
    }
    static Fault encode_text(Writer& out, const std::variant<T...>& value) {
        return std::visit([&]<class A>(const A& held) { return Codec<A>::encode_text(out, held); }, value);
    }
};

namespace detail {
template <class... T>
inline constexpr bool borrows<std::variant<T...>> = (borrows<T> || ...);
}  // namespace detail

}  // namespace pg
