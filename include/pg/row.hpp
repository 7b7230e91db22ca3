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

/// Finds the column of each target. Gives where their numbers are: in `map`, or kept by what describes the result. The
/// error names every column that does not fit.
[[nodiscard]] PGCLIENT_API Expected<const std::uint16_t*> match_columns(const ResultStorage& result,
                                                                        std::span<const Target> targets, Extra extra,
                                                                        std::uint16_t* map);

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

/// Reads rows of one result as `T`. Its columns are matched once, by `match`.
template <RowType T>
class RowReader {
public:
    [[nodiscard]] Expected<void> match(const ResultStorage& result, Extra extra = Extra::refuse) {
        result_ = &result;
        Expected<const std::uint16_t*> map = match_columns(result, RowShape<T>::targets, extra, own_.data());
        if (!map) return std::move(map).error();
        kept_ = *map == own_.data() ? nullptr : *map;
        return {};
    }

    /// Reads the same columns from another part of the same result.
    void rebind(const ResultStorage& result) { result_ = &result; }

    [[nodiscard]] Fault read(std::size_t row, T& out) {
        std::array<Cell, RowShape<T>::size> cells;
        const std::uint16_t* const map = kept_ ? kept_ : own_.data();
        result_->read(row, {map, RowShape<T>::size}, cells.data());
        const Column* columns = result_->columns().data();
        return RowShape<T>::visit(out, [&](std::size_t index, auto& field) {
            const std::size_t column = map[index];
            Fault fault = decode_cell(cells[index], columns[column].type, field);
            if (fault) [[unlikely]]
                failed_ = column;
            return fault;
        });
    }
    /// Of a row of this part, `before` it the rows of others.
    [[nodiscard]] Error error(std::size_t row, Fault fault, std::size_t before = 0) const {
        return decode_error(*result_, before + row, failed_, fault);
    }

private:
    const ResultStorage* result_ = nullptr;
    const std::uint16_t* kept_ = nullptr;  // the columns of the targets, where they are kept
    std::array<std::uint16_t, RowShape<T>::size> own_;
    std::size_t failed_ = 0;
};

/// Rows of one statement as `T`, read where they arrive: all of them in a vector, or the first in an optional.
template <class T, class Rows>
class TypedRows : public RowSink {
public:
    explicit TypedRows(Extra extra) : extra_(extra) {}

protected:
    ~TypedRows() = default;

    Rows rows_;

private:
    static constexpr bool all = std::is_same_v<Rows, std::vector<T>>;

    Expected<void> do_begin(const ResultStorage& columns) override {
        rows_ = {};
        return reader_.match(columns, extra_);
    }
    void do_take(const ResultStorage& part, std::size_t before) override {
        reader_.rebind(part);
        Fault fault;
        std::size_t row = 0;
        if constexpr (all) {
            if (before == 0) rows_.reserve(part.rows());
            while (row < part.rows() && !(fault = read(row))) ++row;
        } else if (before == 0 && part.rows() != 0) {
            fault = reader_.read(row, rows_.emplace());
        }
        if (fault) this->state_ = reader_.error(row, fault, before);
    }
    Fault read(std::size_t row) {
        if constexpr (std::is_same_v<T, bool>) {  // a vector of them gives no reference to one
            bool value = false;
            const Fault fault = reader_.read(row, value);
            rows_.push_back(value);
            return fault;
        } else {
            return reader_.read(row, rows_.emplace_back());
        }
    }

    Extra extra_;
    RowReader<T> reader_;
};

/// Rows that keep their result are copied out of it.
template <class Rows>
class TypedRows<Row, Rows> {
public:
    explicit TypedRows(Extra) {}
    void conclude(const Result& result) {
        seen_ = result.size();
        if constexpr (std::is_same_v<Rows, std::vector<Row>>)
            rows_.assign(result.begin(), result.end());
        else if (seen_ != 0)
            rows_.emplace(result[0]);
    }

protected:
    Rows rows_;
    std::size_t seen_ = 0;
    Expected<void> state_;
};

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
