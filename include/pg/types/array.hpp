// PostgreSQL arrays as std::vector, std::array and, with every dimension and subscript kept, pg::NdArray.
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <vector>

#include "pg/types/nested.hpp"

namespace pg {

/// An array of 0 to 6 dimensions with its lower bounds. Value. `T` may be optional, for elements that may be NULL.
template <class T>
struct NdArray {
    std::vector<ArrayDimension> dimensions;  ///< outermost first; none for an empty array
    std::vector<T> values;                   ///< the last subscript runs fastest

    /// Where in `values` the element with these subscripts is; nullopt outside, where SQL gives NULL.
    [[nodiscard]] std::optional<std::size_t> position(std::initializer_list<std::int32_t> subscripts) const {
        if (subscripts.size() != dimensions.size() || dimensions.empty()) return std::nullopt;
        std::size_t position = 0;
        const ArrayDimension* dimension = dimensions.data();
        for (std::int32_t subscript : subscripts) {
            const std::int64_t offset = std::int64_t{subscript} - dimension->lower;
            if (offset < 0 || offset >= dimension->length) return std::nullopt;
            position = position * static_cast<std::size_t>(dimension->length) + static_cast<std::size_t>(offset);
            ++dimension;
        }
        return position;
    }

    friend bool operator==(const NdArray&, const NdArray&) = default;
};

namespace detail {

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;
template <class T, std::size_t N>
inline constexpr bool is_list<std::array<T, N>> = true;
template <>
inline constexpr bool is_list<std::vector<std::byte>> = false;

/// What a number takes in the binary form of an array, its length included.
template <Copied T>
inline constexpr std::size_t stride = sizeof(std::uint32_t) + sizeof(T);

/// Shape and elements of nested vectors and arrays. `Rank` counts the levels.
template <class C>
struct ListAccess {
    using Element = C;
    static constexpr int rank = 0;
};
template <class C>
    requires is_list<C>
struct ListAccess<C> {
    using Inner = typename C::value_type;
    using Element = typename ListAccess<Inner>::Element;
    static constexpr int rank = 1 + ListAccess<Inner>::rank;
    static_assert(rank <= max_dimensions, "PostgreSQL arrays have at most 6 dimensions");

    /// All rows of one level are as long as the first, and none of several levels is empty.
    static Fault measure(const C& list, int level, ArrayShape& shape) {
        if (list.size() > max_array_size) return {"array of more than 134217727 elements"};
        const auto length = static_cast<std::int32_t>(list.size());
        ArrayDimension& dimension = shape.dimensions[level];
        if (shape.rank <= level) {
            shape.rank = level + 1;
            dimension.length = length;
        }
        if (dimension.length != length) return {"rows of an array that differ in length"};
        if constexpr (rank > 1)
            for (const Inner& row : list)
                if (Fault fault = ListAccess<Inner>::measure(row, level + 1, shape)) return fault;
        return {};
    }
    static Fault resize(C& list, const ArrayDimension* dimension) {
        const auto length = static_cast<std::size_t>(dimension->length);
        if constexpr (requires { list.resize(length); })
            list.resize(length);
        else if (list.size() != length)
            return {"array of another length than its std::array"};
        if constexpr (rank > 1)
            for (Inner& row : list)
                if (Fault fault = ListAccess<Inner>::resize(row, dimension + 1)) return fault;
        return {};
    }
    /// All numbers of one level, in binary, each behind its length. False when there is anything to say of them, or
    /// they are something else: they are to be read one by one.
    static bool read_all([[maybe_unused]] C& list, [[maybe_unused]] std::string_view bytes) {
        if constexpr (rank == 1 && Copied<Inner>) {
            if (bytes.size() != list.size() * stride<Inner>) return false;
            const char* at = bytes.data();
            bool are_numbers = true;
            for (Inner& value : list) {
                are_numbers &= load_big_endian<std::uint32_t>(at) == sizeof(Inner);
                value = load_big_endian<Inner>(at + sizeof(std::uint32_t));
                at += stride<Inner>;
            }
            return are_numbers;
        } else {
            return false;
        }
    }
    template <class F>
    static Fault visit(const C& list, F& element) {
        if constexpr (rank > 1) {
            for (const Inner& row : list)
                if (Fault fault = ListAccess<Inner>::visit(row, element)) return fault;
        } else {
            for (const Inner& value : list)
                if (Fault fault = element(value)) return fault;
        }
        return {};
    }
    /// `count` is the number of elements at and below this level.
    static Fault read(C& list, std::size_t index, std::size_t count, const Cell& cell, const WireType& type) {
        if constexpr (rank > 1) {
            const std::size_t below = count / list.size();
            return ListAccess<Inner>::read(list[index / below], index % below, below, cell, type);
        } else if constexpr (std::is_same_v<C, std::vector<bool>>) {
            bool value = false;
            Fault fault = decode_cell(cell, type, value);
            list[index] = value;
            return fault;
        } else {
            return decode_cell(cell, type, list[index]);
        }
    }
};

/// What a codec of arrays needs to know of its container.
template <class C>
struct ArrayAccess {
    using List = ListAccess<C>;
    using Element = typename List::Element;

    static Fault measure(const C& list, ArrayShape& shape) {
        if (Fault fault = List::measure(list, 0, shape)) return fault;
        if (list.size() == 0) shape.rank = 0;
        if (shape.rank != 0 && shape.count() == 0) return {"array of empty rows, which has no form in PostgreSQL"};
        return {};
    }
    static Fault begin(C& list, const ArrayShape& shape) {
        if (shape.rank == 0) {
            constexpr ArrayDimension none[max_dimensions]{};
            return List::resize(list, none);
        }
        if (shape.rank != List::rank) return {"array of another number of dimensions than its target: use pg::NdArray"};
        return List::resize(list, shape.dimensions);
    }
    static Fault read(C& list, std::size_t index, const Cell& cell, const WireType& type) {
        return List::read(list, index, count(list), cell, type);
    }
    static bool read_all(C& list, std::string_view bytes) { return List::read_all(list, bytes); }
    template <class F>
    static Fault visit(const C& list, F element) {
        return List::visit(list, element);
    }
    /// The elements in order, where there is one level.
    static std::span<const Element> values(const C& list) { return {list.data(), list.size()}; }
    static constexpr bool has_values = List::rank == 1;

private:
    template <class L>
    static std::size_t count(const L& list) {
        if constexpr (ListAccess<L>::rank > 1)
            return list.size() * count(list[0]);
        else
            return list.size();
    }
};
template <class T>
struct ArrayAccess<NdArray<T>> {
    using Element = T;

    static Fault measure(const NdArray<T>& array, ArrayShape& shape) {
        if (array.dimensions.size() > max_dimensions) return {"array of more than 6 dimensions"};
        std::size_t count = array.dimensions.empty() ? 0 : 1;
        for (const ArrayDimension& dimension : array.dimensions) {
            if (dimension.length < 1) return {"dimension of an array with no elements"};
            if (std::int64_t{dimension.lower} + dimension.length > std::numeric_limits<std::int32_t>::max())
                return {"subscript of an array out of range"};
            shape.dimensions[shape.rank++] = dimension;
            count *= static_cast<std::size_t>(dimension.length);
            if (count > max_array_size) return {"array of more than 134217727 elements"};
        }
        if (count != array.values.size()) return {"array whose dimensions do not fit its number of values"};
        return {};
    }
    static Fault begin(NdArray<T>& array, const ArrayShape& shape) {
        array.dimensions.assign(shape.dimensions, shape.dimensions + shape.rank);
        array.values.resize(shape.count());
        return {};
    }
    static Fault read(NdArray<T>& array, std::size_t index, const Cell& cell, const WireType& type) {
        return ListAccess<std::vector<T>>::read(array.values, index, 0, cell, type);
    }
    static bool read_all(NdArray<T>& array, std::string_view bytes) {
        return ListAccess<std::vector<T>>::read_all(array.values, bytes);
    }
    template <class F>
    static Fault visit(const NdArray<T>& array, F element) {
        return ListAccess<std::vector<T>>::visit(array.values, element);
    }
    static std::span<const T> values(const NdArray<T>& array) { return {array.values.data(), array.values.size()}; }
    static constexpr bool has_values = true;
};

/// As an argument an array travels as its elements do: in binary with its type where theirs is known, else as text
/// whose type the server infers.
template <class C>
struct ArrayCodec {
    using Access = ArrayAccess<C>;
    using Element = typename Access::Element;
    using Inner = without_optional_t<Element>;
    static_assert(Cellular<Element>, "the elements of this array have no codec");
    static_assert(!requires { typename Codec<Inner>::Access; }, "a row of an array is never NULL, and has no bounds");

    static constexpr auto name = [] {
        constexpr std::string_view element = Codec<Inner>::type.name;
        std::array<char, element.size() + 2> text{};
        for (std::size_t i = 0; i < element.size(); ++i) text[i] = element[i];
        text[element.size()] = '[';
        text[element.size() + 1] = ']';
        return text;
    }();
    static constexpr TypeId type{Codec<Inner>::type.array, Oid{}, {name.data(), name.size()}};
    static constexpr Format argument =
        type.oid != Oid{} && Codec<Inner>::argument == Format::binary ? Format::binary : Format::text;

    static Oid oid(const TypeCatalog* types) {
        return type.oid != Oid{} ? type.oid : find_array_oid(types, oid_of<Inner>(types));
    }
    static bool accepts(const WireType& wire) {
        const WireType element = element_type(wire);
        return element.oid != Oid{} && Codec<Inner>::accepts(element);
    }
    static Fault decode(const Cell& cell, const WireType& wire, C& out) {
        static_assert(!borrows<Element>, "an element that borrows cannot be read: use an owning type");
        return read_array(
            cell, wire,
            {&out, Codec<Inner>::type.oid, &Codec<Inner>::accepts,
             [](void* container, const ArrayShape& shape) { return Access::begin(*static_cast<C*>(container), shape); },
             [](void* container, std::size_t index, const Cell& element, const WireType& element_wire) {
                 return Access::read(*static_cast<C*>(container), index, element, element_wire);
             },
             [](void* container, std::string_view elements) {
                 return Access::read_all(*static_cast<C*>(container), elements);
             }});
    }
    static Fault encode(Writer& out, const C& value) {
        ArrayShape shape;
        if (Fault fault = Access::measure(value, shape)) return fault;
        bool has_null = false;
        if constexpr (is_optional<Element>) {
            static_cast<void>(Access::visit(value, [&](const Element& element) {
                has_null = has_null || !element;
                return Fault{};
            }));
        }
        if (Fault fault = write_array_header(out, shape, oid_of<Inner>(out.types()), has_null)) return fault;
        if constexpr (Copied<Element> && Access::has_values) {
            const std::span<const Element> numbers = Access::values(value);
            char* at = out.claim(numbers.size() * stride<Element>);
            for (const Element number : numbers) {
                store_big_endian(at, static_cast<std::uint32_t>(sizeof(Element)));
                store_big_endian(at + sizeof(std::uint32_t), number);
                at += stride<Element>;
            }
            return {};
        } else {
            return Access::visit(value, [&](const Element& element) { return encode_with_length(out, element); });
        }
    }
    static Fault encode_text(Writer& out, const C& value) {
        ArrayShape shape;
        if (Fault fault = Access::measure(value, shape)) return fault;
        write_array_prefix(out, shape);
        std::size_t index = 0;
        return Access::visit(value, [&](const Element& element) {
            write_array_opening(out, shape, index, delimiter());
            Fault fault = encode_element(out, element);
            write_array_closing(out, shape, index++);
            return fault;
        });
    }

private:
    static constexpr char delimiter() {
        if constexpr (requires { Codec<Inner>::delimiter; })
            return Codec<Inner>::delimiter;
        else
            return Codec<Inner>::type.oid == Oid{603} ? ';' : ',';  // box, the only one among the built-in types
    }
    static Fault encode_element(Writer& out, const Element& element) {
        const std::size_t mark = out.size();
        if constexpr (is_optional<Element>) {
            if (!element) {
                out.put("NULL");
                return {};
            }
            if (Fault fault = Codec<Inner>::encode_text(out, *element)) return fault;
        } else {
            if (Fault fault = Codec<Inner>::encode_text(out, element)) return fault;
        }
        quote_element(out, mark, delimiter());
        return {};
    }
};

}  // namespace detail

/// An array of one dimension, or of more as a vector of vectors. Elements that may be NULL are optional. Lower bounds
/// other than 1 are dropped when it is read; `NdArray` keeps them. int2vector and oidvector are read as well.
template <Cellular T>
struct Codec<std::vector<T>> : detail::ArrayCodec<std::vector<T>> {};
/// An array of exactly `N` elements.
template <Cellular T, std::size_t N>
struct Codec<std::array<T, N>> : detail::ArrayCodec<std::array<T, N>> {};
template <Cellular T>
struct Codec<NdArray<T>> : detail::ArrayCodec<NdArray<T>> {};

}  // namespace pg
