// Result: the rows of one statement, owned; Row: one of them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pg/codec.hpp"
#include "pg/expected.hpp"

namespace pg {
namespace detail {
class ColumnMatches;
PGCLIENT_API Error what_was_thrown(ErrorKind kind) noexcept;  // by a codec or a row type
}  // namespace detail

/// A column of a result. Value; its name is a view of the result it belongs to.
struct Column {
    std::string_view name;       ///< as the server gave it
    WireType type;               ///< of its values
    std::int32_t modifier = -1;  ///< pg_attribute.atttypmod; -1 when there is none
    Oid table{};                 ///< of the table column it comes from; zero when it is computed
    std::int16_t attribute = 0;  ///< its number in that table
};

/// Where the bytes of a result are: a provider's own object. Immutable once it is handed over; safe to read from
/// several threads. The fields are set by the provider that makes it.
class PGCLIENT_API ResultStorage {
public:
    ResultStorage() = default;
    ResultStorage(const ResultStorage&) = delete;
    ResultStorage& operator=(const ResultStorage&) = delete;
    virtual ~ResultStorage();

    [[nodiscard]] std::span<const Column> columns() const { return columns_; }  ///< live as long as this
    [[nodiscard]] std::size_t rows() const { return rows_; }                    ///< how many there are
    /// Rows inserted, updated, deleted, selected or copied, as the command tag says.
    [[nodiscard]] std::uint64_t affected() const { return affected_; }
    /// The command tag: "SELECT 3", "COMMIT".
    [[nodiscard]] std::string_view tag() const { return tag_; }

    /// What is known of the columns that row types read; null when nothing is kept.
    [[nodiscard]] detail::ColumnMatches* matches() const { return matches_; }
    /// The bodies of its rows as DataRow messages have them, each behind the length of its message; null when they are
    /// kept in another way. They may be malformed: whoever reads one there sees that it has a value for each column and
    /// nothing behind them, and calls `read` for it if it has not.
    [[nodiscard]] const char* const* received() const { return received_; }

    /// Writes the cells of these columns to `out`, in their order.
    void read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept {
        do_read(row, columns, out);
    }
    /// Unchecked.
    [[nodiscard]] Cell cell(std::size_t row, std::size_t column) const noexcept { return do_cell(row, column); }

protected:
    std::span<const Column> columns_;           ///< their names too are views of what the provider holds
    std::size_t rows_ = 0;                      ///< how many there are
    std::uint64_t affected_ = 0;                ///< see `affected()`
    std::string_view tag_;                      ///< a view of what the provider holds
    detail::ColumnMatches* matches_ = nullptr;  ///< see `matches()`
    const char* const* received_ = nullptr;     ///< see `received()`

private:
    virtual void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept = 0;
    virtual Cell do_cell(std::size_t row, std::size_t column) const noexcept = 0;
};

namespace detail {
[[nodiscard]] PGCLIENT_API Error decode_error(const ResultStorage& result, std::size_t row, std::size_t column,
                                              Fault fault);
[[nodiscard]] PGCLIENT_API Error type_error(const ResultStorage& result, std::size_t column, const TypeId& wanted);
/// The index of the only column of that name. Throws UsageError when there is none or more than one.
[[nodiscard]] PGCLIENT_API std::size_t column_index(const ResultStorage& result, std::string_view name);
PGCLIENT_API std::size_t checked_column(const ResultStorage& result, std::size_t column);
PGCLIENT_API std::size_t checked_row(const ResultStorage& result, std::size_t row);
}  // namespace detail

/// One row whose columns are not known at compile time. Value; owns a share of its result.
class PGCLIENT_API Row {
public:
    Row(std::shared_ptr<const ResultStorage> result, std::size_t index) : result_(std::move(result)), index_(index) {}

    [[nodiscard]] std::size_t size() const { return result_->columns().size(); }
    [[nodiscard]] std::span<const Column> columns() const& { return result_->columns(); }  ///< views of the result
    std::span<const Column> columns() const&& = delete;
    /// Its number in the result, from zero.
    [[nodiscard]] std::size_t index() const { return index_; }

    /// The value of a column, by number or by name. Throws UsageError (no such column, or two of that name), ShapeError
    /// (its type does not fit `T`), DecodeError (its value does not). A borrowing `T` lives as long as the result. @{
    template <Cellular T>
    [[nodiscard]] T get(std::size_t column) const& {
        using Scalar = detail::without_optional_t<T>;
        detail::checked_column(*result_, column);
        const WireType& type = result_->columns()[column].type;
        if (!Codec<Scalar>::accepts(type)) detail::type_error(*result_, column, Codec<Scalar>::type).raise();
        T value{};
        if (Fault fault = decode_cell(result_->cell(index_, column), type, value))
            detail::decode_error(*result_, index_, column, fault).raise();
        return value;
    }
    template <Cellular T>
    [[nodiscard]] T get(std::string_view column) const& {
        return get<T>(detail::column_index(*result_, column));
    }  /// @}
    template <Cellular T>
        requires detail::borrows<T>
    [[nodiscard]] T get(std::size_t column) const&& = delete;
    template <Cellular T>
        requires detail::borrows<T>
    [[nodiscard]] T get(std::string_view column) const&& = delete;

    /// Throws UsageError as `get` does. @{
    [[nodiscard]] bool is_null(std::size_t column) const {
        return result_->cell(index_, detail::checked_column(*result_, column)).is_null();
    }
    [[nodiscard]] bool is_null(std::string_view column) const {
        return result_->cell(index_, detail::column_index(*result_, column)).is_null();
    }  /// @}
    /// The bytes of a value as they were received, in the format that its column names.
    [[nodiscard]] Cell cell(std::size_t column) const& {
        return result_->cell(index_, detail::checked_column(*result_, column));
    }
    [[nodiscard]] Cell cell(std::size_t column) const&& = delete;

private:
    friend class Result;
    std::shared_ptr<const ResultStorage> result_;
    std::size_t index_ = 0;
};

/// The outcome of one statement. Value: copies share the bytes, which nothing changes any more.
class PGCLIENT_API Result {
public:
    explicit Result(std::shared_ptr<const ResultStorage> storage) noexcept : storage_(std::move(storage)) {}

    [[nodiscard]] std::size_t size() const { return storage_->rows(); }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] std::span<const Column> columns() const& { return storage_->columns(); }  ///< views of the result
    std::span<const Column> columns() const&& = delete;
    /// Rows inserted, updated, deleted, selected or copied.
    [[nodiscard]] std::uint64_t affected() const { return storage_->affected(); }
    /// The command tag: "SELECT 3".
    [[nodiscard]] std::string_view tag() const& { return storage_->tag(); }
    std::string_view tag() const&& = delete;

    /// Throws UsageError past the end.
    [[nodiscard]] Row operator[](std::size_t row) const {
        if (row >= size()) detail::checked_row(*storage_, row);
        return Row(storage_, row);
    }

    /// The rows as `T`, decoded one by one while iterating; a `T` that borrows lives as long as this result.
    /// Several types are read as a tuple. Throws ShapeError at once, DecodeError while iterating. See `<pg/rows.hpp>`.
    template <class... T>
    [[nodiscard]] auto rows() const&;
    template <class... T>
    [[nodiscard]] auto rows() const&& = delete;

    class Iterator {
    public:
        using value_type = Row;
        using difference_type = std::ptrdiff_t;

        Iterator(std::shared_ptr<const ResultStorage> storage, std::size_t at) : row_(std::move(storage), at) {}
        [[nodiscard]] const Row& operator*() const& { return row_; }
        [[nodiscard]] Row operator*() && { return std::move(row_); }
        [[nodiscard]] const Row* operator->() const { return &row_; }
        Iterator& operator++() {
            ++row_.index_;
            return *this;
        }
        Iterator operator++(int) { return {row_.result_, row_.index_++}; }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.row_.index() == b.row_.index(); }

    private:
        Row row_;
    };
    [[nodiscard]] Iterator begin() const& { return {storage_, 0}; }
    Iterator begin() const&& = delete;  // what it stands at would go with it
    [[nodiscard]] Iterator end() const { return {storage_, size()}; }

    [[nodiscard]] const std::shared_ptr<const ResultStorage>& storage() const { return storage_; }  ///< never null

private:
    std::shared_ptr<const ResultStorage> storage_;
};

/// Takes the rows of a statement where they arrive, so that nobody has to keep them. One thread at a time.
class PGCLIENT_API RowSink {
public:
    RowSink(const RowSink&) = delete;
    RowSink& operator=(const RowSink&) = delete;

    /// Whether it takes rows with these columns as they come; if not, they are wanted in a result: one of their types
    /// is not in the catalogue yet. Begun again, it forgets what it took.
    [[nodiscard]] bool begin(const ResultStorage& columns);
    [[nodiscard]] bool has_columns() const { return begun_ && has_columns_; }  ///< that there are rows to take
    void forget_columns() { columns_ = 0; }  ///< it may not want the same of them any more
    /// Some rows, which need not outlive the call. How many of them, from the first on, were read.
    std::size_t take(const ResultStorage& rows) noexcept try {
        const std::size_t before = std::exchange(seen_, seen_ + rows.rows());
        return state_ ? do_take(rows, before) : 0;
    } catch (...) {
        state_ = detail::what_was_thrown(ErrorKind::decode);
        return 0;
    }
    /// One row where it was received, as `ResultStorage::received` has them, with the columns that it was begun with.
    /// False when there is anything to say of it: then nothing was taken, and it is to be given to `take`.
    [[nodiscard]] bool take_received(const char* row, const ResultStorage& columns) noexcept try {
        if (!state_ || !do_take_received(row, columns)) return false;
        ++seen_;
        return true;
    } catch (...) {
        return false;  // and `take` meets it again
    }
    void restart() { begun_ = false; }  ///< nothing of what it took counts: the statement is run again
    /// Whether it holds many rows.
    [[nodiscard]] bool holds_rows() const { return wants_ == Wants::rows; }
    /// Whether it asks how many rows the statement affected, and the answer. @{
    [[nodiscard]] bool counts_affected() const { return wants_ == Wants::count; }
    void count_affected(std::uint64_t rows) { seen_ = rows; }  /// @}
    /// The statement has ended: rows that were not taken as they came are taken now.
    void conclude(const Result& result);
    [[nodiscard]] std::size_t taken() const { return begun_ ? seen_ : 0; }  ///< rows, so far; or how many it counted

protected:
    /// What it takes: one row, all rows, or how many were affected.
    enum class Wants : std::uint8_t { row, rows, count };
    explicit RowSink(Wants wants = Wants::rows) : wants_(wants) {}  ///< has taken nothing
    ~RowSink() = default;

    std::size_t seen_ = 0;  ///< rows, whether they could be read or not
    Expected<void> state_;  ///< the error of the shape, or of the first value that was refused

private:
    /// Other columns than those before.
    virtual Expected<void> do_begin(const ResultStorage& columns) = 0;
    /// What it took before goes when the first rows come.
    virtual std::size_t do_take(const ResultStorage& rows, std::size_t before) = 0;
    virtual bool do_take_received(const char* row, const ResultStorage& columns) = 0;

    std::uint64_t columns_ = 0;  // the number of what describes those that it knows; zero: they are described by nobody
    bool begun_ = false, has_columns_ = false;
    const Wants wants_;
};

}  // namespace pg
