// COPY: rows in bulk, as typed values in binary or as a stream of bytes in any format.
#pragma once

#include "pg/executor.hpp"
#include "pg/types/nested.hpp"

namespace pg {
namespace detail {

class CopySession;
struct CopySessionDeleter {
    PGCLIENT_API void operator()(CopySession* session) const noexcept;
};
using CopySessionPtr = std::unique_ptr<CopySession, CopySessionDeleter>;

[[nodiscard]] PGCLIENT_API Error copy_ended();

/// Whether a column takes, in binary, what is sent as `oid`; `type` is what its codec names.
[[nodiscard]] PGCLIENT_API bool takes_binary(const WireType& column, Oid oid, const TypeId& type);

/// What one column must be to take a `T`: not what it can be read from, but exactly what its codec writes.
template <Cellular T>
constexpr Target sent_target(std::string_view name = {}) {
    using Scalar = without_optional_t<T>;
    return {name,
            [](const WireType& column) {
                if (!takes_binary(column, oid_of<Scalar>(column.types), Codec<Scalar>::type)) return false;
                if constexpr (requires { Codec<Scalar>::accepts(column); }) return Codec<Scalar>::accepts(column);
                return true;
            },
            &Codec<Scalar>::type};
}

}  // namespace detail

/// The bytes of a COPY … FROM STDIN, in the format that its statement names. Handle: move-only; destroyed unfinished,
/// it makes the server give up the COPY. One thread at a time; the session is busy meanwhile.
///
/// The timeout of the statement, or of the executor, bounds each wait for the server, not the whole. It keeps its
/// session, and ends with its transaction, as a stream does: see `Executor::stream`.
class PGCLIENT_API CopyWriter final {
public:
    /// Begins the COPY. Throws what the server says.
    CopyWriter(Executor& executor, Sql<0> sql) : CopyWriter(try_open(executor, sql).value()) {}
    [[nodiscard]] static Expected<CopyWriter> try_open(Executor& executor, Sql<0> sql);

    /// Sends bytes; where pieces begin and end has no meaning. Throws what the server says, UsageError after the end.
    void write(std::string_view bytes) { try_write(bytes).value(); }
    [[nodiscard]] Expected<void> try_write(std::string_view bytes);
    /// Ends the stream; the number of rows that were copied.
    std::uint64_t finish() { return try_finish().value(); }
    [[nodiscard]] Expected<std::uint64_t> try_finish();
    /// Gives up: the server copies nothing, and says `reason` in its log.
    void fail(std::string_view reason) { try_fail(reason).value(); }
    [[nodiscard]] Expected<void> try_fail(std::string_view reason);

    /// Columns that the server expects; zero after the end.
    [[nodiscard]] std::size_t columns() const noexcept;

private:
    explicit CopyWriter(detail::CopySessionPtr session) : session_(std::move(session)) {}

    detail::CopySessionPtr session_;  // null after the end
};

/// The bytes of a COPY … TO STDOUT, in the format that its statement names. Handle: move-only; destroyed before its
/// end, it cancels the COPY. One thread at a time; the session is busy meanwhile. Timeouts and ends as for
/// `CopyWriter`.
class PGCLIENT_API CopyReader final {
public:
    /// Begins the COPY. Throws what the server says.
    CopyReader(Executor& executor, Sql<0> sql) : CopyReader(try_open(executor, sql).value()) {}
    [[nodiscard]] static Expected<CopyReader> try_open(Executor& executor, Sql<0> sql);

    /// The next piece, valid until the next call; nothing at the end. A row of the text format is never cut. Throws
    /// UsageError behind an error, as what came before it is not all.
    [[nodiscard]] std::optional<std::string_view> read() { return try_read().value(); }
    [[nodiscard]] Expected<std::optional<std::string_view>> try_read();

private:
    explicit CopyReader(detail::CopySessionPtr session) : session_(std::move(session)) {}

    detail::CopySessionPtr session_;  // null after the end, and behind an error
    bool is_at_end_ = false;
};

namespace detail {

/// Rows on their way into a binary COPY: encoded into one buffer, sent in pieces. Pinned.
class PGCLIENT_API CopySink final {
public:
    /// What is sent at once, most of the time.
    static constexpr std::size_t piece = 64 * 1024;

    /// Begins the COPY, after its columns were described and all that does not fit was named in one error.
    [[nodiscard]] static Expected<std::unique_ptr<CopySink>> open(Executor& executor, std::string_view target,
                                                                  std::span<const Target> targets,
                                                                  const CallSite& site);
    CopySink(CopySessionPtr session, std::span<const Target> targets, std::shared_ptr<const ResultStorage> columns,
             std::span<const std::uint16_t> numbers);

    [[nodiscard]] bool is_open() const { return session_ != nullptr; }
    [[nodiscard]] Writer& buffer() { return buffer_; }
    /// The types of the columns that the values of a row go to.
    [[nodiscard]] const Oid* types() const { return types_.data(); }
    /// Keeps the row that was written to the buffer.
    [[nodiscard]] Expected<void> end_row() {
        ++rows_;
        if (buffer_.size() < piece) [[likely]]
            return {};
        return send();
    }
    /// Drops the row that begins at `start`: its value number `column`, from 1, has no wire form.
    [[nodiscard]] Error refuse_row(std::size_t start, std::size_t column, Fault fault);
    [[nodiscard]] Expected<std::uint64_t> finish();
    [[nodiscard]] Expected<void> fail(std::string_view reason);

private:
    [[nodiscard]] Expected<void> send();

    CopySessionPtr session_;  // null after the end
    Writer buffer_;
    std::span<const Target> targets_;
    std::shared_ptr<const ResultStorage> columns_;  // their types are those of the buffer
    std::vector<Oid> types_;
    std::uint64_t rows_ = 0;  // whole ones, sent or in the buffer
};

/// Rows on their way out of a binary COPY, taken apart one by one. Pinned.
class PGCLIENT_API CopySource final {
public:
    /// Describes the columns, unless whoever has a say refuses the COPY; it has not begun.
    [[nodiscard]] static Expected<std::unique_ptr<CopySource>> open(Executor& executor, std::string_view target,
                                                                    std::span<const Target> targets,
                                                                    const CallSite& site);
    ~CopySource();

    /// A result of one row: that which was read last.
    [[nodiscard]] const ResultStorage& row() const;
    /// Its number, from zero.
    [[nodiscard]] std::size_t number() const;
    [[nodiscard]] Extra extra() const;

    /// It ends with an error of whoever looked at its columns.
    [[nodiscard]] Error refuse(const Error& error);
    [[nodiscard]] Expected<void> begin();
    /// Reads the next row; false at the end, which is checked.
    [[nodiscard]] Expected<bool> next();

private:
    struct Impl;
    explicit CopySource(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

/// The binary form of `T` is its bytes in network order.
template <class T>
inline constexpr bool is_number = std::is_same_v<T, bool> || Copied<T>;
/// The codec gives the binary form of `T` as one integer.
template <class T>
concept Plain = requires(const T& value, std::int64_t& out) { Codec<T>::plain(value, out); };
template <class T>
inline constexpr bool is_text = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;

/// Writes values, each behind its length, into room that was made for the whole row: one check in place of two for
/// each. Only a value whose size nobody knows before makes room of its own.
class ValueCursor {
public:
    ValueCursor(Writer& out, std::size_t room) : out_(out), room_(room), end_(out.claim(room)) {}
    ~ValueCursor() {
        if (end_) out_.truncate(static_cast<std::size_t>(end_ - out_.data()));
    }
    ValueCursor(const ValueCursor&) = delete;
    ValueCursor& operator=(const ValueCursor&) = delete;

    /// The room of a value of fixed size, or of the length of any other.
    template <Cellular T>
    static constexpr std::size_t fixed_room() {
        using Scalar = without_optional_t<T>;
        if constexpr (is_number<Scalar>) return sizeof(std::int32_t) + sizeof(Scalar);
        if constexpr (Plain<Scalar>) return sizeof(std::int32_t) + sizeof(std::int64_t);
        return sizeof(std::int32_t);
    }
    /// The room of a text behind its length.
    template <Cellular T>
    static std::size_t text_room(const T& value) {
        if constexpr (is_text<T>) return value.size();
        if constexpr (is_optional<T> && is_text<without_optional_t<T>>) return value ? value->size() : 0;
        return 0;
    }

    void put_count(std::size_t count) { put_number(static_cast<std::int16_t>(count)); }
    template <Cellular T>
    [[nodiscard]] Fault put(const T& value, Oid type) {
        if constexpr (is_optional<T>) {
            if (value) return put(*value, type);
            put_number(std::int32_t{-1});
            return {};
        } else if constexpr (is_number<T>) {
            put_number(static_cast<std::int32_t>(sizeof(T)));
            put_number(value);
            return {};
        } else if constexpr (Plain<T>) {
            std::int64_t plain = 0;
            const Fault fault = Codec<T>::plain(value, plain);
            put_number(static_cast<std::int32_t>(sizeof(plain)));
            put_number(plain);
            return fault;
        } else if constexpr (is_text<T>) {
            put_text(value);
            return {};
        } else {
            // A codec that throws leaves half a row to whoever began it.
            out_.truncate(static_cast<std::size_t>(std::exchange(end_, nullptr) - out_.data()));
            out_.set_type(type);
            const Fault fault = encode_with_length(out_, value);
            end_ = out_.claim(room_);
            return fault;
        }
    }

private:
    template <class T>
    void put_number(T value) {
        if constexpr (std::is_same_v<T, float>)
            put_number(std::bit_cast<std::uint32_t>(value));
        else if constexpr (std::is_same_v<T, double>)
            put_number(std::bit_cast<std::uint64_t>(value));
        else
            end_ = (store_big_endian(end_, value), end_ + sizeof(T));
    }
    // A byte that is no text is the server's to refuse, a zero byte no more than any other.
    void put_text(std::string_view text) {
        put_number(static_cast<std::int32_t>(text.size()));
        if (!text.empty()) std::memcpy(end_, text.data(), text.size());
        end_ += text.size();
    }

    Writer& out_;
    const std::size_t room_;
    char* end_;
};

/// Writes a row to columns of these types; `column` is that of the value that has no wire form, from 1, when there is
/// one.
template <Cellular... T>
[[nodiscard]] Fault write_row(Writer& out, const Oid* types, std::size_t& column, const T&... values) {
    std::size_t room = sizeof(std::int16_t) + (ValueCursor::fixed_room<T>() + ...);
    if (((++column, (room += ValueCursor::text_room(values)) > max_value_size) || ...)) [[unlikely]]
        return {"brings the row over 1 GiB: use a large object"};
    column = 0;
    ValueCursor cursor(out, room);
    cursor.put_count(sizeof...(T));
    Fault fault;
    static_cast<void>(((++column, fault = cursor.put(values, types[column - 1])) || ...));
    return fault;
}

/// A row type as a pack of its values, and what columns they are sent to.
template <class T>
struct CopyShape;
template <Cellular T>
struct CopyShape<T> {
    static constexpr std::array<Target, 1> targets{sent_target<T>()};
    static Fault write(Writer& out, const Oid* types, std::size_t& column, const T& row) {
        return write_row(out, types, column, row);
    }
};
template <Cellular... T>
struct CopyShape<std::tuple<T...>> {
    static constexpr std::array<Target, sizeof...(T)> targets{sent_target<T>()...};
    static Fault write(Writer& out, const Oid* types, std::size_t& column, const std::tuple<T...>& row) {
        return std::apply([&](const T&... values) { return write_row(out, types, column, values...); }, row);
    }
};
template <class T>
    requires(!Cellular<T> && reflect::mapped<T>)
struct CopyShape<T> {
    static constexpr auto targets = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<Target, sizeof...(I)>{sent_target<reflect::field_type<T, I>>(reflect::field_names<T>[I])...};
    }(std::make_index_sequence<reflect::size<T>>{});
    static Fault write(Writer& out, const Oid* types, std::size_t& column, const T& row) {
        return reflect::with_fields(row,
                                    [&](const auto&... values) { return write_row(out, types, column, values...); });
    }
};

}  // namespace detail

/// Writes rows by binary COPY: `CopyIn<Country> in(db, "countries (code, name)")`. Handle: move-only; destroyed
/// unfinished, it makes the server give up the COPY: no row stays. One thread at a time; the session is busy meanwhile.
///
/// The target is SQL: a table with or without a list of its columns; never build it from what a user typed. The fields
/// of a struct go to the columns of their names, all others to columns by position. Timeouts and ends as for
/// `CopyWriter`.
template <class... T>
    requires RowType<detail::row_of_t<T...>>
class CopyIn final {
public:
    using Row = detail::row_of_t<T...>;  ///< what a row is written from: the only type, or a tuple of several

    /// Begins the COPY. Throws ShapeError, naming all columns that do not fit, UsageError, and what the server says.
    CopyIn(Executor& executor, std::string_view target, CallSite site = CallSite::here())
        : CopyIn(try_open(executor, target, site).value()) {}
    [[nodiscard]] static Expected<CopyIn> try_open(Executor& executor, std::string_view target,
                                                   CallSite site = CallSite::here()) {
        auto sink = detail::CopySink::open(executor, target, detail::CopyShape<Row>::targets, site);
        if (!sink) return std::move(sink).error();
        return CopyIn(*std::move(sink));
    }

    /// Adds a row; sends when enough have gathered. Throws EncodeError, which drops this row alone, what the server
    /// says about rows sent before, and UsageError after the end.
    void write(const Row& row) { try_write(row).value(); }
    /// The same, by its values.
    void write(const T&... values)
        requires(sizeof...(T) > 1)
    {
        try_write(values...).value();
    }
    [[nodiscard]] Expected<void> try_write(const Row& row) {
        return write_by([&](Writer& out, std::size_t& column) {
            return detail::CopyShape<Row>::write(out, sink_->types(), column, row);
        });
    }
    [[nodiscard]] Expected<void> try_write(const T&... values)
        requires(sizeof...(T) > 1)
    {
        return write_by([&](Writer& out, std::size_t& column) {
            return detail::write_row(out, sink_->types(), column, values...);
        });
    }

    /// Ends the COPY; the number of rows that were copied.
    std::uint64_t finish() { return try_finish().value(); }
    [[nodiscard]] Expected<std::uint64_t> try_finish() {
        if (!sink_) return detail::copy_ended();
        return sink_->finish();
    }
    /// Gives up: the server copies nothing, and says `reason` in its log.
    void fail(std::string_view reason) { try_fail(reason).value(); }
    [[nodiscard]] Expected<void> try_fail(std::string_view reason) {
        if (!sink_) return detail::copy_ended();
        return sink_->fail(reason);
    }

private:
    explicit CopyIn(std::unique_ptr<detail::CopySink> sink) : sink_(std::move(sink)) {}

    template <class F>
    Expected<void> write_by(F write) {
        if (!sink_ || !sink_->is_open()) [[unlikely]]
            return detail::copy_ended();
        Writer& out = sink_->buffer();
        const std::size_t start = out.size();
        std::size_t column = 0;
        Fault fault;
        try {
            fault = write(out, column);
        } catch (...) {
            out.truncate(start);
            throw;
        }
        if (fault) [[unlikely]]
            return sink_->refuse_row(start, column, fault);
        return sink_->end_row();
    }

    std::unique_ptr<detail::CopySink> sink_;
};

/// Reads rows by binary COPY: an input range. The target is a table with or without a list of its columns, or a query
/// in parentheses, under the rules of `CopyIn`. Handle: move-only; destroyed before its end, it cancels the COPY.
/// An element lives until the next step, so it may borrow. One thread at a time; the session is busy meanwhile.
template <class... T>
    requires RowType<detail::row_of_t<T...>>
class CopyOut final {
public:
    using Row = detail::row_of_t<T...>;  ///< what a row is read into: the only type, or a tuple of several

    class Iterator {
    public:
        using value_type = Row;
        using difference_type = std::ptrdiff_t;

        explicit Iterator(CopyOut* copy = nullptr) : copy_(copy) {}
        [[nodiscard]] Row& operator*() const { return copy_->current_; }
        [[nodiscard]] Row* operator->() const { return &copy_->current_; }
        Iterator& operator++() {
            if (!copy_->advance()) copy_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.copy_ == b.copy_; }

    private:
        CopyOut* copy_;
    };

    /// Begins the COPY. Throws ShapeError, naming all columns that do not fit, UsageError, and what the server says.
    CopyOut(Executor& executor, std::string_view target, CallSite site = CallSite::here())
        : CopyOut(try_open(executor, target, site).value()) {}
    [[nodiscard]] static Expected<CopyOut> try_open(Executor& executor, std::string_view target,
                                                    CallSite site = CallSite::here()) {
        auto source = detail::CopySource::open(executor, target, detail::RowShape<Row>::targets, site);
        if (!source) return std::move(source).error();
        detail::RowReader<Row> reader;
        if (auto matched = reader.match((*source)->row(), (*source)->extra()); !matched)
            return (*source)->refuse(matched.error());
        if (auto begun = (*source)->begin(); !begun) return std::move(begun).error();
        return CopyOut(*std::move(source), reader);
    }

    /// Reads the first row; once.
    [[nodiscard]] Iterator begin() { return Iterator(advance() ? this : nullptr); }
    [[nodiscard]] Iterator end() { return Iterator(nullptr); }

    /// The next row, null at the end. Its views live until the next call.
    [[nodiscard]] Expected<Row*> try_next() {
        if (!source_) return detail::copy_ended();
        const Expected<bool> more = source_->next();
        if (!more) return more.error();
        if (!*more) return nullptr;
        if (const Fault fault = reader_.read(0, current_)) return reader_.error(source_->number(), fault);
        return &current_;
    }

private:
    CopyOut(std::unique_ptr<detail::CopySource> source, const detail::RowReader<Row>& reader)
        : source_(std::move(source)), reader_(reader) {}
    bool advance() { return try_next().value() != nullptr; }

    std::unique_ptr<detail::CopySource> source_;
    detail::RowReader<Row> reader_;
    Row current_{};
};

/// Writes a range of rows by binary COPY, all of them or none; how many. The target is that of a `CopyIn`.
template <class Range>
[[nodiscard]] Expected<std::uint64_t> try_copy_rows(Executor& executor, std::string_view target, Range&& rows,
                                                    CallSite site = CallSite::here()) {
    using Value = std::iter_value_t<decltype(std::begin(rows))>;
    auto copy = CopyIn<Value>::try_open(executor, target, site);
    if (!copy) return std::move(copy).error();
    for (const Value& row : rows)
        if (auto written = copy->try_write(row); !written) return std::move(written).error();
    return copy->try_finish();
}
/// Throws the error of `try_copy_rows`.
template <class Range>
std::uint64_t copy_rows(Executor& executor, std::string_view target, Range&& rows, CallSite site = CallSite::here()) {
    return try_copy_rows(executor, target, std::forward<Range>(rows), site).value();
}

}  // namespace pg
