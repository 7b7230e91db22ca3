// What arrays, ranges and composites share: how values inside a value are found, checked and written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "pg/codec.hpp"
#include "pg/scalar_codecs.hpp"

namespace pg {

/// One dimension of an array. Value.
struct ArrayDimension {
    std::int32_t length = 0;  ///< how many elements it counts
    std::int32_t lower = 1;   ///< the subscript of its first element

    friend bool operator==(const ArrayDimension&, const ArrayDimension&) = default;
};

/// Appends a four-byte length and the binary form of `value`; NULL is a length of -1.
template <Cellular T>
[[nodiscard]] Fault encode_with_length(Writer& out, const T& value) {
    if constexpr (detail::is_optional<T>) {
        if (!value) {
            out.put(std::int32_t{-1});
            return {};
        }
        return encode_with_length(out, *value);
    } else {
        const std::size_t mark = out.size();
        out.put(std::int32_t{0});
        if (Fault fault = Codec<T>::encode(out, value)) return fault;
        const std::size_t length = out.size() - mark - sizeof(std::int32_t);
        if (length > max_value_size) [[unlikely]]
            return {"value of more than 1 GiB: use COPY or a large object"};
        out.patch(mark, static_cast<std::int32_t>(length));
        return {};
    }
}

struct TypeInfo;

namespace detail {

/// The type behind a domain, or the type itself: arrays and composites name the domain where a column does not.
[[nodiscard]] PGCLIENT_API WireType base_type(const WireType& type);
/// What the catalogue knows of a type, behind any domains; null when it is unknown.
[[nodiscard]] PGCLIENT_API const TypeInfo* find_type(const WireType& type);
/// True for a type with this name: `name` or `schema.name`.
[[nodiscard]] PGCLIENT_API bool is_named(const WireType& type, std::string_view name);
/// The type of the elements of an array, or of the bounds of a range or multirange; its oid is zero for another type.
[[nodiscard]] PGCLIENT_API WireType element_type(const WireType& array);
[[nodiscard]] PGCLIENT_API WireType range_bound_type(const WireType& range);
[[nodiscard]] PGCLIENT_API WireType multirange_bound_type(const WireType& multirange);

/// True for types of the database of the same kind and name, in whatever schemas.
[[nodiscard]] PGCLIENT_API bool are_namesakes(const TypeCatalog* types, Oid a, Oid b);
/// The oid of a type of the database that its name finds, and of the array over a type; zero when it is unknown.
[[nodiscard]] PGCLIENT_API Oid find_oid(const TypeCatalog* types, std::string_view name);
[[nodiscard]] PGCLIENT_API Oid find_array_oid(const TypeCatalog* types, Oid element);

/// The oid that `T` is sent as; zero when only a catalogue that is not there could tell.
template <Scalar T>
[[nodiscard]] Oid oid_of(const TypeCatalog* types) {
    if constexpr (requires { Codec<T>::oid(types); }) {
        return Codec<T>::oid(types);
    } else {
        constexpr TypeId type = Codec<T>::type;
        return type.oid != Oid{} ? type.oid : find_oid(types, type.name);
    }
}

// Arrays.

inline constexpr int max_dimensions = 6;
/// As many elements as the server allows.
inline constexpr std::size_t max_array_size = 134217727;

/// The form of an array. An empty array has no dimensions.
struct ArrayShape {
    int rank = 0;
    ArrayDimension dimensions[max_dimensions];

    [[nodiscard]] std::size_t count() const {
        std::size_t product = rank == 0 ? 0 : 1;
        for (int i = 0; i < rank; ++i) product *= static_cast<std::size_t>(dimensions[i].length);
        return product;
    }
};

/// Where the elements of an array go: first its shape is told, then each element in order; or numbers all at once, in
/// binary, each behind its length: false when they are to be read one by one after all.
struct ArrayTarget {
    void* container;
    Oid element;
    bool (*accepts)(const WireType&);
    Fault (*begin)(void* container, const ArrayShape& shape);
    Fault (*read)(void* container, std::size_t index, const Cell& cell, const WireType& type);
    bool (*read_all)(void* container, std::string_view elements);
};

[[nodiscard]] PGCLIENT_API Fault read_array(const Cell& cell, const WireType& type, const ArrayTarget& target);

/// Appends the header of the binary form; the elements follow, each with its length. The writer knows their type then.
[[nodiscard]] PGCLIENT_API Fault write_array_header(Writer& out, const ArrayShape& shape, Oid element, bool has_null);
/// Appends what comes before the first element: explicit bounds, where a lower one is not 1.
PGCLIENT_API void write_array_prefix(Writer& out, const ArrayShape& shape);
/// Appends the braces and the delimiter around the element at `index`.
PGCLIENT_API void write_array_opening(Writer& out, const ArrayShape& shape, std::size_t index, char delimiter);
PGCLIENT_API void write_array_closing(Writer& out, const ArrayShape& shape, std::size_t index);
/// Quotes the text from `mark` on where an array, or a range, needs it.
PGCLIENT_API void quote_element(Writer& out, std::size_t mark, char delimiter);
PGCLIENT_API void quote_bound(Writer& out, std::size_t mark);

// Ranges.

/// A range taken apart. A bound that is not there is NULL; the texts own what had to be unescaped.
struct RangeParts {
    bool empty = false;
    bool lower_inclusive = false;
    bool upper_inclusive = false;
    Cell lower, upper;
    std::string lower_text, upper_text;
};

/// The first byte of the binary form.
[[nodiscard]] PGCLIENT_API std::uint8_t range_flags(bool empty, bool has_lower, bool has_upper, bool lower_inclusive,
                                                    bool upper_inclusive);
[[nodiscard]] PGCLIENT_API Fault read_range(const Cell& cell, Format format, RangeParts& out);
/// Calls `range` with each range of a multirange.
[[nodiscard]] PGCLIENT_API Fault read_multirange(const Cell& cell, Format format, void* target,
                                                 Fault (*range)(void* target, const Cell& cell));

// Composites.

struct FieldReader {
    bool (*accepts)(const WireType&);
    Fault (*read)(void* field, const Cell& cell, const WireType& type);
    Oid oid;
};
struct FieldWriter {
    Oid (*oid)(const TypeCatalog*);
    Fault (*write)(Writer& out, const void* field);       // the binary form, with its length
    Fault (*write_text)(Writer& out, const void* field);  // nothing for NULL
    bool (*is_null)(const void* field);
};

template <Cellular T>
inline constexpr FieldReader field_reader = [] {
    using Inner = without_optional_t<T>;
    static_assert(!borrows<T>, "a field of a composite that borrows cannot be read: use an owning type");
    return FieldReader{&Codec<Inner>::accepts,
                       [](void* field, const Cell& cell, const WireType& type) {
                           return decode_cell(cell, type, *static_cast<T*>(field));
                       },
                       Codec<Inner>::type.oid};
}();

template <Cellular T>
inline constexpr FieldWriter field_writer{
    &oid_of<without_optional_t<T>>,
    [](Writer& out, const void* field) { return encode_with_length(out, *static_cast<const T*>(field)); },
    [](Writer& out, const void* field) {
        const T& value = *static_cast<const T*>(field);
        if constexpr (is_optional<T>)
            return value ? Codec<typename T::value_type>::encode_text(out, *value) : Fault{};
        else
            return Codec<T>::encode_text(out, value);
    },
    [](const void* field) {
        if constexpr (is_optional<T>) return !static_cast<const T*>(field)->has_value();
        return false;
    }};

/// True for a composite of these fields. `names` may be empty: then they are matched by position alone.
[[nodiscard]] PGCLIENT_API bool accepts_record(const WireType& type, std::span<const FieldReader> readers,
                                               std::span<const std::string_view> names);
[[nodiscard]] PGCLIENT_API Fault read_record(const Cell& cell, const WireType& type,
                                             std::span<const FieldReader> readers, void* const* fields);
/// `name` finds the composite in the catalogue of the writer; empty for a record.
[[nodiscard]] PGCLIENT_API Fault write_record(Writer& out, std::string_view name, std::span<const FieldWriter> writers,
                                              const void* const* fields);
[[nodiscard]] PGCLIENT_API Fault write_record_text(Writer& out, std::span<const FieldWriter> writers,
                                                   const void* const* fields);

}  // namespace detail
}  // namespace pg
