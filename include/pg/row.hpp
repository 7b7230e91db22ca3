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

/// The columns of targets.
struct ColumnMap {
    const std::uint16_t* numbers;
    bool all_in_place;  // they are all columns in their order, and all come in binary
};
/// Finds the column of each target. Their numbers are in `own`, or kept by what describes the result. The error names
/// every column that does not fit.
[[nodiscard]] PGCLIENT_API Expected<void> match_columns(const ResultStorage& result, std::span<const Target> targets,
                                                        Extra extra, std::uint16_t* own, ColumnMap& found);

/// Reads one value, numbers and views without a call. `in_binary`: it is known that it came so.
template <bool in_binary, Cellular T>
PGCLIENT_INLINE inline Fault read_value(const Cell& cell, const WireType& type, T& field) {
    using Value = without_optional_t<T>;
    if constexpr (Copied<Value>) {
        if (cell.length == sizeof(Value) && (in_binary || type.format == Format::binary)) [[likely]] {
            field = load_big_endian<Value>(cell.data);
            return {};
        }
    }
    if constexpr (std::is_same_v<T, std::string_view>) {
        if (type.oid == Codec<T>::type.oid && !cell.is_null()) [[likely]] {
            field = cell.bytes();
            return {};
        }
    }
    return decode_cell(cell, type, field);
}

/// Calls `field(index, value)` for each value in order, until one says that it is the last. False when none does.
template <class F, class... V>
PGCLIENT_INLINE inline bool visit_each(F& field, V&... values) {
    std::size_t index = 0;
    return (field(index++, values) || ...);
}

template <class T>
struct RowShape;

template <Cellular T>
struct RowShape<T> {
    static constexpr std::size_t size = 1;
    static constexpr std::array<Target, 1> targets{target<T>()};
    template <class F>
    PGCLIENT_INLINE static bool visit(T& row, F&& field) {
        return visit_each(field, row);
    }
};

template <Cellular... T>
struct RowShape<std::tuple<T...>> {
    static constexpr std::size_t size = sizeof...(T);
    static constexpr std::array<Target, size> targets{target<T>()...};
    template <class F>
    PGCLIENT_INLINE static bool visit(std::tuple<T...>& row, F&& field) {
        return std::apply([&](T&... values) PGCLIENT_INLINE { return visit_each(field, values...); }, row);
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
    PGCLIENT_INLINE static bool visit(T& row, F&& field) {
        return reflect::with_fields(row, [&](auto&... values) PGCLIENT_INLINE { return visit_each(field, values...); });
    }
};

/// True for a row type any part of which points into the result.
template <class T>
inline constexpr bool row_borrows = borrows<T>;
template <class... T>
inline constexpr bool row_borrows<std::tuple<T...>> = std::disjunction_v<std::bool_constant<borrows<T>>...>;
template <class T>
    requires(!Cellular<T> && reflect::mapped<T>)
inline constexpr bool row_borrows<T> = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::disjunction_v<std::bool_constant<borrows<reflect::field_type<T, I>>>...>;
}(std::make_index_sequence<reflect::size<T>>{});

}  // namespace detail

/// What a row can be read as: a scalar, an optional one, a tuple of them, or an aggregate whose fields are.
template <class T>
concept RowType = std::is_default_constructible_v<T> && requires { detail::RowShape<T>::size; };

namespace detail {

/// Walks through the values of a row that lies as it was received (`ResultStorage::received`), all of them in binary.
class ReceivedValues {
public:
    ReceivedValues(const char* body, std::size_t columns) {
        const std::size_t size = load_big_endian<std::uint32_t>(body - 4) - 4;
        const std::size_t headers = 2 + 4 * columns;
        if (size < headers || load_big_endian<std::uint16_t>(body) != columns) return;
        at_ = body + 2;
        left_ = size - headers;
    }
    [[nodiscard]] bool are_there() const { return at_ != nullptr; }
    [[nodiscard]] bool are_over() const { return left_ == 0; }
    /// Reads the next one. False when it does not fit the row or is refused.
    template <Cellular T>
    [[nodiscard]] PGCLIENT_INLINE bool take(const WireType& type, T& field) {
        const char* const value = at_ + sizeof(std::uint32_t);
        const auto length = load_big_endian<std::uint32_t>(at_);
        at_ = value;
        if (length > left_) [[unlikely]] {
            if constexpr (is_optional<T>) field.reset();
            return is_optional<T> && length == ~std::uint32_t{0};
        }
        at_ += length;
        left_ -= length;
        return !read_value<true>({value, static_cast<std::int32_t>(length)}, type, field);
    }

private:
    const char* at_ = nullptr;
    std::size_t left_ = 0;  // bytes of the values that come
};

/// Reads rows of one result as `T`. Its columns are matched once, by `match`.
template <RowType T>
class RowReader {
public:
    [[nodiscard]] Expected<void> match(const ResultStorage& result, Extra extra = Extra::refuse) {
        ColumnMap map{};
        Expected<void> matched = match_columns(result, RowShape<T>::targets, extra, own_.data(), map);
        kept_ = map.numbers == own_.data() ? nullptr : map.numbers;
        in_place_ = map.all_in_place;
        rebind(result);
        return matched;
    }

    /// Reads the same columns from another part of the same result.
    void rebind(const ResultStorage& result) {
        result_ = &result;
        received_ = in_place_ ? result.received() : nullptr;
    }

    [[nodiscard]] Fault read(std::size_t row, T& out) {
        if (received_ && read_in_place(received_[row], result_->columns().data(), out)) [[likely]]
            return {};
        return read_cells(row, out);
    }
    /// A row that is no part of a result. False when there is anything to say of it.
    [[nodiscard]] bool read_received(const char* body, const ResultStorage& columns, T& out) {
        return in_place_ && read_in_place(body, columns.columns().data(), out);
    }
    /// Of a row of this part, `before` it the rows of others.
    [[nodiscard]] Error error(std::size_t row, Fault fault, std::size_t before = 0) const {
        return decode_error(*result_, before + row, failed_, fault);
    }

private:
    /// False when there is anything to say of the row.
    [[nodiscard]] static bool read_in_place(const char* body, const Column* columns, T& out) {
        ReceivedValues values(body, RowShape<T>::size);
        const auto refuses = [&](std::size_t index, auto& field)
                                 PGCLIENT_INLINE { return !values.take(columns[index].type, field); };
        return values.are_there() && !RowShape<T>::visit(out, refuses) && values.are_over();
    }
    [[gnu::noinline]] Fault read_cells(std::size_t row, T& out) {
        std::array<Cell, RowShape<T>::size> cells;
        const std::uint16_t* const map = kept_ ? kept_ : own_.data();
        result_->read(row, {map, RowShape<T>::size}, cells.data());
        const Column* columns = result_->columns().data();
        Fault fault;
        RowShape<T>::visit(out, [&](std::size_t index, auto& field) {
            fault = read_value<false>(cells[index], columns[map[index]].type, field);
            if (fault) [[unlikely]]
                failed_ = map[index];
            return static_cast<bool>(fault);
        });
        return fault;
    }

    const ResultStorage* result_ = nullptr;
    const char* const* received_ = nullptr;  // the rows, where they are read in place
    bool in_place_ = false;                  // if they lie as they were received
    const std::uint16_t* kept_ = nullptr;    // the columns of the targets, where they are kept
    std::array<std::uint16_t, RowShape<T>::size> own_;
    std::size_t failed_ = 0;
};

/// Rows of one statement as `T`, read where they arrive: all of them in a vector, or the first in an optional.
template <class T, class Rows>
class TypedRows : public RowSink {
    static constexpr bool all = std::is_same_v<Rows, std::vector<T>>;

public:
    explicit TypedRows(Extra extra) : RowSink(all ? Wants::rows : Wants::row), extra_(extra) {}
    void reset(Extra extra) {  // for another statement
        restart();
        if (std::exchange(extra_, extra) != extra) forget_columns();
    }

protected:
    ~TypedRows() = default;

    Rows rows_;  // of a statement before, while none has come of this one

private:
    Expected<void> do_begin(const ResultStorage& columns) override { return reader_.match(columns, extra_); }
    std::size_t do_take(const ResultStorage& part, std::size_t before) override {
        reader_.rebind(part);
        Fault fault;
        std::size_t row = 0;
        if constexpr (all) {
            if (before == 0) {
                rows_.clear();
                rows_.reserve(part.rows());
            }
            while (row < part.rows() && !(fault = read(row))) ++row;
        } else if (before == 0 && part.rows() != 0 && !(fault = reader_.read(row, rows_ ? *rows_ : rows_.emplace()))) {
            ++row;
        }
        if (fault) this->state_ = reader_.error(row, fault, before);
        return row;
    }
    bool do_take_received(const char* row, const ResultStorage& columns) override {
        if constexpr (all)
            return false;  // most often they are many
        else
            return this->seen_ == 0 && reader_.read_received(row, columns, rows_ ? *rows_ : rows_.emplace());
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
