// Rows into C++ types: a scalar, a tuple by position, a struct by field names; checked once, then read front to back.
#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <vector>

#include "pg/options.hpp"
#include "pg/reflect.hpp"
#include "pg/result.hpp"
#include "pg/scalar_codecs.hpp"

namespace pg {
namespace detail {

/// What one target expects of its column.
struct Target {
    std::string_view name;  // empty: by position
    bool (*accepts)(const WireType&);
    const TypeId* type;
};

template <Cellular T>
constexpr Target target(std::string_view name = {}) {
    using Scalar = without_optional_t<T>;
    return {name, &Codec<Scalar>::accepts, &Codec<Scalar>::type};
}

/// Finds the column of each target and writes its number to `map`. The error names every column that does not fit.
[[nodiscard]] PGCLIENT_API Expected<void> match_columns(const ResultStorage& result, std::span<const Target> targets,
                                                        Extra extra, std::uint16_t* map);

/// Calls `field(index, value)` for each value in order, until one is refused.
template <class F, class... V>
Fault visit_each(F& field, V&... values) {
    Fault fault;
    std::size_t index = 0;
    static_cast<void>(((fault = field(index++, values)) || ...));
    return fault;
}

template <class T>
struct RowShape;

template <Cellular T>
struct RowShape<T> {
    static constexpr std::size_t size = 1;
    static constexpr std::array<Target, 1> targets{target<T>()};
    template <class F>
    static Fault visit(T& row, F&& field) {
        return visit_each(field, row);
    }
};

template <Cellular... T>
struct RowShape<std::tuple<T...>> {
    static constexpr std::size_t size = sizeof...(T);
    static constexpr std::array<Target, size> targets{target<T>()...};
    template <class F>
    static Fault visit(std::tuple<T...>& row, F&& field) {
        return std::apply([&](T&... values) { return visit_each(field, values...); }, row);
    }
};

template <class T>
    requires(!Cellular<T> && reflect::mapped<T>)
struct RowShape<T> {
    static constexpr std::size_t size = reflect::size<T>;
    static constexpr std::array<Target, size> targets = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<Target, size>{target<reflect::field_type<T, I>>(reflect::field_names<T>[I])...};
    }(std::make_index_sequence<size>{});
    template <class F>
    static Fault visit(T& row, F&& field) {
        return reflect::with_fields(row, [&](auto&... values) { return visit_each(field, values...); });
    }
};

/// True for a row type any part of which points into the result.
template <class T>
inline constexpr bool row_borrows = borrows<T>;
template <class... T>
inline constexpr bool row_borrows<std::tuple<T...>> = (borrows<T> || ...);
template <class T>
    requires(!Cellular<T> && reflect::mapped<T>)
inline constexpr bool row_borrows<T> = []<std::size_t... I>(std::index_sequence<I...>) {
    return (borrows<reflect::field_type<T, I>> || ...);
}(std::make_index_sequence<reflect::size<T>>{});

}  // namespace detail

/// What a row can be read as: a scalar, an optional one, a tuple of them, or an aggregate whose fields are.
template <class T>
concept RowType = std::is_default_constructible_v<T> && requires { detail::RowShape<T>::size; };

namespace detail {

/// Reads rows of one result as `T`. Its columns were matched once, by `make`.
template <RowType T>
class RowReader {
public:
    [[nodiscard]] static Expected<RowReader> make(const ResultStorage& result, Extra extra = Extra::refuse) {
        RowReader reader(result);
        if (auto matched = match_columns(result, RowShape<T>::targets, extra, reader.map_.data()); !matched)
            return std::move(matched).error();
        return reader;
    }

    /// Reads the same columns from another part of the same result.
    void rebind(const ResultStorage& result) { result_ = &result; }

    [[nodiscard]] Fault read(std::size_t row, T& out) {
        std::array<Cell, RowShape<T>::size> cells;
        result_->read(row, map_, cells.data());
        const Column* columns = result_->columns().data();
        return RowShape<T>::visit(out, [&](std::size_t index, auto& field) {
            const std::size_t column = map_[index];
            Fault fault = decode_cell(cells[index], columns[column].type, field);
            if (fault) [[unlikely]]
                failed_ = column;
            return fault;
        });
    }
    [[nodiscard]] Error error(std::size_t row, Fault fault) const {
        return decode_error(*result_, row, failed_, fault);
    }

private:
    explicit RowReader(const ResultStorage& result) : result_(&result) {}

    const ResultStorage* result_;
    std::array<std::uint16_t, RowShape<T>::size> map_{};
    std::size_t failed_ = 0;
};

template <class T>
[[nodiscard]] Expected<std::vector<T>> read_all(const Result& result, Extra extra) {
    std::vector<T> rows;
    rows.reserve(result.size());
    if constexpr (std::is_same_v<T, Row>) {
        for (std::size_t i = 0; i < result.size(); ++i) rows.push_back(result[i]);
    } else {
        Expected<RowReader<T>> reader = RowReader<T>::make(*result.storage(), extra);
        if (!reader) return std::move(reader).error();
        for (std::size_t i = 0; i < result.size(); ++i) {
            if constexpr (std::is_same_v<T, bool>) {
                bool value = false;
                if (Fault fault = reader->read(i, value)) return reader->error(i, fault);
                rows.push_back(value);
            } else {
                if (Fault fault = reader->read(i, rows.emplace_back())) return reader->error(i, fault);
            }
        }
    }
    return rows;
}

/// The first row of a result that has one.
template <class T>
[[nodiscard]] Expected<T> read_first(const Result& result, Extra extra) {
    if constexpr (std::is_same_v<T, Row>) {
        return result[0];
    } else {
        Expected<RowReader<T>> reader = RowReader<T>::make(*result.storage(), extra);
        if (!reader) return std::move(reader).error();
        Expected<T> row{T{}};
        if (Fault fault = reader->read(0, *row)) return reader->error(0, fault);
        return row;
    }
}

/// One type as it is, several as a tuple.
template <class... T>
struct row_of {
    using type = std::tuple<T...>;
};
template <class T>
struct row_of<T> {
    using type = T;
};
template <class... T>
using row_of_t = typename row_of<T...>::type;

}  // namespace detail

}  // namespace pg
