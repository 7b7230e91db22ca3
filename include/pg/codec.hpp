// How C++ values and PostgreSQL values become each other: cells in, bytes out, and the one trait between them.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "pg/fwd.hpp"

namespace pg {

/// A received value: a view of bytes that a result owns. `length` is -1 for NULL.
struct Cell {
    const char* data = nullptr;  ///< not always ended by a NUL
    std::int32_t length = -1;    ///< in bytes; -1 for NULL

    [[nodiscard]] bool is_null() const { return length < 0; }  ///< any negative length
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(length); }
    [[nodiscard]] std::string_view bytes() const { return {data, is_null() ? 0 : size()}; }  ///< empty for NULL
};

/// How a received value was sent. `types` knows the types that are no part of PostgreSQL itself; may be null.
struct WireType {
    Oid oid{};                           ///< of the column's type
    Format format = Format::text;        ///< of this value
    const TypeCatalog* types = nullptr;  ///< outlives the value
};

/// Why a value was refused: null when it was not. Points at text that lives as long as the program.
struct [[nodiscard]] Fault {
    const char* reason = nullptr;  ///< ends an error message: lower case, no full stop

    constexpr explicit operator bool() const { return reason != nullptr; }  ///< true when the value was refused
};

/// A PostgreSQL type as known at compile time. A type of an extension or of a user has no fixed oid: its name finds it.
struct TypeId {
    Oid oid{};              ///< zero: found by name
    Oid array{};            ///< of the array over it; zero when there is none, or it is found by name
    std::string_view name;  ///< as pg_type.typname has it
};

namespace detail {

template <class T>
[[nodiscard]] T load_big_endian(const char* from) {
    if constexpr (std::is_floating_point_v<T>) {
        using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
        return std::bit_cast<T>(load_big_endian<Bits>(from));
    } else {
        T value;
        std::memcpy(&value, from, sizeof(T));
        if constexpr (std::endian::native == std::endian::little) {
            if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
            if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
            if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
        }
        return value;
    }
}

template <class T>
void store_big_endian(char* to, T value) {
    if constexpr (std::is_floating_point_v<T>) {
        store_big_endian(to, std::bit_cast<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>(value));
    } else {
        const T swapped = load_big_endian<T>(reinterpret_cast<const char*>(&value));
        std::memcpy(to, &swapped, sizeof(T));
    }
}

}  // namespace detail

/// A growing run of bytes in network order, the first of them in the room of its owner. One thread at a time.
class PGCLIENT_API Writer {
public:
    explicit Writer(const TypeCatalog* types = nullptr) : types_(types) {}      ///< see `types()`
    Writer(char* room, std::size_t size) : room_(room), limit_(room + size) {}  ///< borrows room for the first bytes
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    /// Room for `count` more bytes, to be filled by the caller. Valid until the next call.
    [[nodiscard]] char* claim(std::size_t count) {
        if (static_cast<std::size_t>(limit_ - end_) < count) [[unlikely]]
            grow(count);
        char* room = end_;
        end_ += count;
        return room;
    }
    /// Makes room ahead of `count` bytes without writing any.
    void reserve(std::size_t count) {
        if (static_cast<std::size_t>(limit_ - end_) < count) grow(count);
    }
    /// Appends the value in network order, or the bytes as they are. @{
    template <class T>
        requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
    void put(T value) {
        detail::store_big_endian(claim(sizeof(T)), value);
    }
    void put(std::string_view bytes) {
        if (!bytes.empty()) std::memcpy(claim(bytes.size()), bytes.data(), bytes.size());
    }  /// @}

    /// Overwrites four bytes that were written before, at `offset`.
    void patch(std::size_t offset, std::int32_t value) { detail::store_big_endian(begin_ + offset, value); }

    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
    [[nodiscard]] std::string_view bytes() const { return {begin_, size()}; }  ///< valid until the next write
    [[nodiscard]] const char* data() const { return begin_; }                  ///< the same
    void truncate(std::size_t size) { end_ = begin_ + size; }                  ///< forgets what is behind
    /// Forgets the bytes and keeps the room.
    void clear() { end_ = begin_; }

    /// The types of the database that the bytes are for, when it was asked for them; null otherwise.
    [[nodiscard]] const TypeCatalog* types() const { return types_; }
    void set_types(const TypeCatalog* types) { types_ = types; }  ///< they outlive it
    /// The type that the next value is to have, where somebody knows; zero otherwise.
    [[nodiscard]] Oid type() const { return type_; }
    void set_type(Oid type) { type_ = type; }  ///< whoever writes values inside of one says theirs

private:
    void grow(std::size_t count);

    static char nowhere;  // the room of who has none: never read, never written
    char* const room_ = &nowhere;
    char* begin_ = room_;
    char* end_ = room_;
    char* limit_ = room_;
    const TypeCatalog* types_ = nullptr;
    Oid type_{};
};

/// The one trait that makes `T` a column, an argument, an array element or a field of a composite.
/// Specialise it for your own types; `pg::EnumCodec` and `pg::CompositeCodec` do most of the work for those two kinds.
///
///     // the PostgreSQL type it is sent as
///     static constexpr TypeId type;
///     // how it travels as an argument: binary with its type, or text of a type that the server infers
///     static constexpr Format argument = Format::binary;
///     // for text that must not be inferred: the type that it is sent with; most codecs leave it out
///     static constexpr Oid argument_type;
///     // the types it can be read from
///     static bool accepts(const WireType&);
///     // from text or binary, by WireType::format; the cell is never NULL. Replaces what `out` had; of a row that is
///     // refused it may be called more than once
///     static Fault decode(const Cell&, const WireType&, T& out);
///     // appends the binary form, without a length
///     static Fault encode(Writer&, const T&);
///     // appends the text form
///     static Fault encode_text(Writer&, const T&);
///     // optional: the binary form where it is one integer of eight bytes, which COPY writes faster than by encode
///     static Fault plain(const T&, std::int64_t& out);
template <class T>
struct Codec;

/// A type with a codec: it fits one column.
template <class T>
concept Scalar = requires { Codec<T>::type; };

/// The largest value that the server accepts: 1 GiB less one.
inline constexpr std::size_t max_value_size = 0x3fffffff;

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
struct without_optional {
    using type = T;
};
template <class T>
struct without_optional<std::optional<T>> {
    using type = T;
};
template <class T>
using without_optional_t = typename without_optional<T>::type;

/// True for a `T` that points into the result it was read from.
template <class T>
inline constexpr bool borrows = std::is_same_v<T, std::string_view>;
template <class T>
inline constexpr bool borrows<std::optional<T>> = borrows<T>;

}  // namespace detail

/// A scalar, or an optional one: a column that may be NULL.
template <class T>
concept Cellular = Scalar<detail::without_optional_t<T>>;

/// Reads one cell into `out`. NULL fits `std::optional` only.
template <Cellular T>
[[nodiscard, gnu::noinline]] Fault decode_cell(const Cell& cell, const WireType& type, T& out) {
    if constexpr (detail::is_optional<T>) {
        if (cell.is_null()) {
            out.reset();
            return {};
        }
        return Codec<typename T::value_type>::decode(cell, type, out.emplace());
    } else {
        if (cell.is_null()) [[unlikely]]
            return {"is null, but the target cannot hold NULL: use std::optional"};
        return Codec<T>::decode(cell, type, out);
    }
}

}  // namespace pg
