// PostgreSQL composite types as structs, found by reflection, and anonymous records as std::tuple.
#pragma once

#include <array>
#include <tuple>
#include <utility>

#include "pg/reflect.hpp"
#include "pg/types/nested.hpp"

namespace pg {
namespace detail {

template <class... T>
inline constexpr std::array<FieldReader, sizeof...(T)> field_readers{field_reader<T>...};
template <class... T>
inline constexpr std::array<FieldWriter, sizeof...(T)> field_writers{field_writer<T>...};

}  // namespace detail

/// What makes a struct a composite type. The codec of the struct derives from it and names the type:
///
///     struct Address { std::string street; std::optional<std::string> city; };
///     template <>
///     struct pg::Codec<Address> : pg::CompositeCodec<Address> {
///         static constexpr TypeId type{{}, {}, "address"};
///     };
///
/// The attributes have the names, the order and the types of the struct's fields; an anonymous record has their order
/// and types. Such a struct is one column from then on, no longer a row. As an argument it travels as text.
template <class T>
struct CompositeCodec {
    /// As `pg::Codec` says. @{
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) {
        return detail::accepts_record(wire, readers(), reflect::field_names<T>);
    }
    static Fault decode(const Cell& cell, const WireType& wire, T& out) {
        return reflect::with_fields(out, [&](auto&... field) {
            void* const fields[]{&field...};
            return detail::read_record(cell, wire, detail::field_readers<std::remove_cvref_t<decltype(field)>...>,
                                       fields);
        });
    }
    static Fault encode(Writer& out, const T& value) {
        return reflect::with_fields(value, [&](const auto&... field) {
            const void* const fields[]{&field...};
            return detail::write_record(out, Codec<T>::type.name,
                                        detail::field_writers<std::remove_cvref_t<decltype(field)>...>, fields);
        });
    }
    static Fault encode_text(Writer& out, const T& value) {
        return reflect::with_fields(value, [&](const auto&... field) {
            const void* const fields[]{&field...};
            return detail::write_record_text(out, detail::field_writers<std::remove_cvref_t<decltype(field)>...>,
                                             fields);
        });
    }
    /// @}

private:
    static std::span<const detail::FieldReader> readers() {
        return []<std::size_t... I>(std::index_sequence<I...>) {
            return std::span<const detail::FieldReader>(detail::field_readers<reflect::field_type<T, I>...>);
        }(std::make_index_sequence<reflect::size<T>>{});
    }
};

/// A record: the fields of a composite type by position, whatever their names.
template <Cellular... T>
    requires(sizeof...(T) > 0)
struct Codec<std::tuple<T...>> {
    static constexpr TypeId type{Oid{2249}, Oid{2287}, "record"};
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return detail::accepts_record(wire, detail::field_readers<T...>, {}); }
    static Fault decode(const Cell& cell, const WireType& wire, std::tuple<T...>& out) {
        return std::apply(
            [&](T&... field) {
                void* const fields[]{&field...};
                return detail::read_record(cell, wire, detail::field_readers<T...>, fields);
            },
            out);
    }
    static Fault encode(Writer& out, const std::tuple<T...>& value) {
        return std::apply(
            [&](const T&... field) {
                const void* const fields[]{&field...};
                return detail::write_record(out, {}, detail::field_writers<T...>, fields);
            },
            value);
    }
    static Fault encode_text(Writer& out, const std::tuple<T...>& value) {
        return std::apply(
            [&](const T&... field) {
                const void* const fields[]{&field...};
                return detail::write_record_text(out, detail::field_writers<T...>, fields);
            },
            value);
    }
};

}  // namespace pg
