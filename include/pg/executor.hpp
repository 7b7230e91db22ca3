// Executor: the six verbs and their try_ twins, the same on a client, a connection and a transaction.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "pg/params.hpp"
#include "pg/row.hpp"
#include "pg/sql.hpp"

namespace pg {

class Tuned;
template <RowType T>
class Stream;

namespace detail {

struct AsyncAccess;
struct Borrowed;
struct ExecutorAccess;
struct Hooks;
struct Statement;
class StreamSource;
class Watch;
struct StreamSourceDeleter {
    PGCLIENT_API void operator()(StreamSource* source) const noexcept;
};
using StreamSourcePtr = std::unique_ptr<StreamSource, StreamSourceDeleter>;

/// One call of a verb on its way down. Its views outlive it.
struct Call {
    std::string_view sql;
    Params* params = nullptr;
    std::size_t arguments = 0;
    bool checked = false;                   // by the compiler
    const QueryOptions* options = nullptr;  // null: the defaults of whoever runs it
    const Statement* statement = nullptr;   // null: not prepared
    bool needs_types = false;               // its row type may read types that only the catalogue knows
    bool leaves_traces = false;             // in its session, as the compiler saw of a literal
    std::uint64_t hash = 0;                 // of its text, as the compiler saw of a literal; zero: not known
    CallSite site{};                        // where the text of a stream was given
    RowSink* sink = nullptr;                // takes the rows as they come, where the session can
    Watch* watch = nullptr;                 // of somebody who observes it

    [[nodiscard]] Extra extra() const { return options ? options->extra : Extra::refuse; }
};

[[nodiscard]] PGCLIENT_API Error encode_error(std::string_view sql, std::size_t argument, Fault fault);
[[nodiscard]] PGCLIENT_API Error no_rows(std::string_view sql);
[[nodiscard]] PGCLIENT_API Error too_many_rows(std::string_view sql, std::size_t rows);
[[nodiscard]] PGCLIENT_API Expected<Result> next_chunk(StreamSource& source);  ///< no rows at the end
[[nodiscard]] PGCLIENT_API Error stream_ended();

/// Encodes the arguments in order; an error names the one that has no wire form.
template <class... A>
[[nodiscard]] Expected<void> encode_all(std::string_view sql, Params& params, const A&... arguments) {
    std::size_t at = 0;
    Fault fault;
    static_cast<void>(((++at, fault = params.add(arguments)) || ...));
    if (fault) return encode_error(sql, at, fault);
    return {};
}

/// True for a row type that is read from types, too, that only the catalogue knows: a text from an enum, say.
template <RowType T>
inline constexpr bool needs_types = [] {
    for (const auto& [name, accepts, type] : RowShape<T>::targets) {
        const bool has_parts = type->array == Oid{} || type->oid == Oid{2249} || type->name.ends_with("range");
        if (has_parts || type->oid == Oid{} || type->oid == Oid{25}) return true;
    }
    return false;
}();

/// The rows of a statement that may have none or has at least one, and any number of them or one at most.
template <class T, class Rows, class A, bool may_be_none, bool may_be_many>
class RowsOf final : public TypedRows<T, Rows> {
    static_assert(std::is_same_v<T, Row> || !row_borrows<T>, "rows that are kept own their bytes: no view, no span");

public:
    using Answer = A;
    using RowsOf::TypedRows::TypedRows;
    /// Once. @{
    [[nodiscard]] Expected<A> answer(std::string_view sql) { return given(sql, std::move(this->rows_)); }
    /// As often as it is asked for.
    [[nodiscard]] Expected<A> copied_answer(std::string_view sql) const { return given(sql, this->rows_); }  /// @}

private:
    template <class R>
    Expected<A> given(std::string_view sql, R&& rows) const {
        const std::size_t seen = this->seen_;
        if constexpr (!may_be_none)
            if (seen == 0) return no_rows(sql);
        if constexpr (!may_be_many)
            if (seen > 1) return too_many_rows(sql, seen);
        if (!this->state_) return this->state_.error();
        if constexpr (!may_be_none)
            return *std::forward<R>(rows);
        else if (seen == 0)
            return A();
        else
            return std::forward<R>(rows);
    }
};
template <class T>
using AllRows = RowsOf<T, std::vector<T>, std::vector<T>, true, true>;
template <class T>
using MaybeRow = RowsOf<T, std::optional<T>, std::optional<T>, true, false>;
template <class T>
using OneRow = RowsOf<T, std::optional<T>, T, false, false>;

/// How many rows a statement affected, as a `T`; rows themselves are thrown away.
template <class T>
class AffectedRows final : public RowSink {
public:
    using Answer = T;
    explicit AffectedRows(Extra) : RowSink(Wants::count) {}
    void reset(Extra) { restart(); }
    [[nodiscard]] Expected<T> answer(std::string_view) const { return T{this->seen_}; }
    [[nodiscard]] Expected<T> copied_answer(std::string_view sql) const { return answer(sql); }

private:
    Expected<void> do_begin(const ResultStorage&) override { return {}; }
    std::size_t do_take(const ResultStorage&, std::size_t) override { return 0; }
    bool do_take_received(const char*, const ResultStorage&) override { return false; }
};

}  // namespace detail

/// What can be read into values that own their bytes: a row type or `pg::Row`.
template <class T>
concept OwningRow = std::is_same_v<T, Row> || (RowType<T> && !detail::row_borrows<T>);

/// Runs SQL. The verbs wait at most for the request's timeout; they throw what `Error` and its classes say, and their
/// `try_` twins return it. A text is a literal, checked at compile time against the arguments, `pg::runtime(text)`, or
/// a `pg::Query`. Arguments travel as `Codec<T>::argument` says, never inside the text.
class PGCLIENT_API Executor {
public:
    /// The rows, undecoded.
    template <class... A>
    Result query(Sql<sizeof...(A)> sql, const A&... arguments) {
        return try_query(sql, arguments...).value();
    }
    /// All rows as `T`.
    template <OwningRow T, class... A>
    [[nodiscard]] std::vector<T> query_all(Sql<sizeof...(A)> sql, const A&... arguments) {
        return try_query_all<T>(sql, arguments...).value();
    }
    /// The only row as `T`. Throws NoRows, TooManyRows.
    template <OwningRow T, class... A>
    [[nodiscard]] T query_one(Sql<sizeof...(A)> sql, const A&... arguments) {
        return try_query_one<T>(sql, arguments...).value();
    }
    /// The only row as `T`, or none. Throws TooManyRows.
    template <OwningRow T, class... A>
    [[nodiscard]] std::optional<T> query_maybe(Sql<sizeof...(A)> sql, const A&... arguments) {
        return try_query_maybe<T>(sql, arguments...).value();
    }
    /// The number of rows affected; rows themselves are thrown away.
    template <class... A>
    std::uint64_t exec(Sql<sizeof...(A)> sql, const A&... arguments) {
        return try_exec(sql, arguments...).value();
    }
    /// The rows one by one in constant memory; an element lives until the next step, so it may borrow. Several types
    /// are read as a tuple. The session is busy until the stream ends or is destroyed, and stays until then: the stream
    /// may outlive a connection. It ends with its transaction at the latest: `commit` is a UsageError while it is open;
    /// a rollback, on demand or by a destructor, ends it, and a step beyond the rows that had arrived is a UsageError.
    template <class... T, class... A>
    [[nodiscard]] Stream<detail::row_of_t<T...>> stream(Sql<sizeof...(A)> sql, const A&... arguments) {
        return try_stream<T...>(sql, arguments...).value();
    }

    template <class... A>
    [[nodiscard]] Expected<Result> try_query(Sql<sizeof...(A)> sql, const A&... arguments) {
        InlineParams<> params;
        if (auto encoded = detail::encode_all(sql.text(), params, arguments...); !encoded)
            return std::move(encoded).error();
        return run(make_call(sql, params));
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Expected<std::vector<T>> try_query_all(Sql<sizeof...(A)> sql, const A&... arguments) {
        return answer<detail::AllRows<T>>(sql, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Expected<T> try_query_one(Sql<sizeof...(A)> sql, const A&... arguments) {
        return answer<detail::OneRow<T>>(sql, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Expected<std::optional<T>> try_query_maybe(Sql<sizeof...(A)> sql, const A&... arguments) {
        return answer<detail::MaybeRow<T>>(sql, arguments...);
    }
    template <class... A>
    [[nodiscard]] Expected<std::uint64_t> try_exec(Sql<sizeof...(A)> sql, const A&... arguments) {
        return answer<detail::AffectedRows<std::uint64_t>>(sql, arguments...);
    }
    template <class... T, class... A>
    [[nodiscard]] Expected<Stream<detail::row_of_t<T...>>> try_stream(Sql<sizeof...(A)> sql, const A&... arguments);

    /// The same executor with other options: `db.with({.timeout = 50ms}).query_all<User>("…")`. Borrows this one.
    [[nodiscard]] Tuned with(const QueryOptions& options);

    /// Runs a text of several statements, without arguments or results, as one implicit transaction unless it says
    /// otherwise.
    void run_script(std::string_view text) { try_run_script(text).value(); }
    [[nodiscard]] Expected<void> try_run_script(std::string_view text);

    Executor& operator=(const Executor&) = delete;

protected:
    explicit Executor(std::shared_ptr<const detail::Hooks> hooks = {}, const QueryOptions* options = nullptr)
        : hooks_(std::move(hooks)), options_(options) {}  ///< borrows the options
    Executor(const Executor&) = default;                  ///< borrows the options
    virtual ~Executor();

    std::shared_ptr<const detail::Hooks> hooks_;  ///< who has a say in its requests; null: nobody

private:
    friend class Tuned;
    friend struct detail::AsyncAccess;
    friend struct detail::ExecutorAccess;
    template <class Signature>
    friend class Prepared;

    template <class Sink, class... A>
    Expected<typename Sink::Answer> answer(const Sql<sizeof...(A)>& sql, const A&... arguments) {
        InlineParams<> params;
        if (auto encoded = detail::encode_all(sql.text(), params, arguments...); !encoded)
            return std::move(encoded).error();
        return run_into<Sink>(make_call(sql, params));
    }
    template <class Sink>
    Expected<typename Sink::Answer> run_into(detail::Call call) {
        Sink sink(call.extra());
        if constexpr (std::is_base_of_v<RowSink, Sink>) call.sink = &sink;
        Expected<Result> result = run(call);
        if (!result) return std::move(result).error();
        sink.conclude(*result);
        return sink.answer(call.sql);
    }

    template <std::size_t N>
    detail::Call make_call(const Sql<N>& sql, Params& params) const {
        const QueryOptions* const options = sql.options() ? sql.options() : options_;
        return {sql.text(), &params, N, sql.checked(), options, nullptr, false, sql.leaves_traces(), sql.hash()};
    }

    [[nodiscard]] Expected<Result> run(const detail::Call& call);
    [[nodiscard]] Expected<detail::StreamSourcePtr> open_stream(const detail::Call& call);

    /// A session for one request, and how long it may take. Never null.
    virtual Expected<detail::Borrowed> do_borrow(const QueryOptions* options) = 0;

    const QueryOptions* options_;  // of every call that has none of its own; null: the client's defaults
};

/// An executor with other options. Handle: borrows the executor it was made from.
class PGCLIENT_API Tuned final : public Executor {
public:
    Tuned(Executor& base, const QueryOptions& options)
        : Executor(base.hooks_, &own_), base_(base), own_(options) {}  ///< see `with`
    Tuned(const Tuned&) = delete;

private:
    Expected<detail::Borrowed> do_borrow(const QueryOptions* options) override;

    Executor& base_;
    QueryOptions own_;
};

inline Tuned Executor::with(const QueryOptions& options) { return Tuned(*this, options); }

/// Rows as they arrive: an input range. Handle: move-only; destroyed before its end, it cancels the statement.
/// One thread at a time. Throws what the server says, ShapeError before row one, DecodeError.
template <RowType T>
class Stream {
public:
    class Iterator {
    public:
        using value_type = T;
        using difference_type = std::ptrdiff_t;

        explicit Iterator(Stream* stream = nullptr) : stream_(stream) {}
        [[nodiscard]] T& operator*() const { return stream_->current_; }
        [[nodiscard]] T* operator->() const { return &stream_->current_; }
        Iterator& operator++() {
            if (!stream_->advance()) stream_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.stream_ == b.stream_; }

    private:
        Stream* stream_;
    };

    /// Reads the first row; once.
    [[nodiscard]] Iterator begin() { return Iterator(advance() ? this : nullptr); }
    [[nodiscard]] Iterator end() { return Iterator(nullptr); }

    /// The next row, null at the end. Its views live until the next call. Behind an error that ended the stream:
    /// UsageError, as there may have been more; one row that cannot be read is no end.
    [[nodiscard]] Expected<T*> try_next() {
        if (!source_ || !chunk_) return detail::stream_ended();
        while (at_ == chunk_->size()) {
            if (chunk_->empty()) return nullptr;  // the end was seen
            Expected<Result> more = detail::next_chunk(*source_);
            if (!more) {
                chunk_.reset();
                return std::move(more).error();
            }
            before_ += std::exchange(at_, 0);
            chunk_ = *std::move(more);
            reader_.rebind(*chunk_->storage());
        }
        const std::size_t row = at_++;
        if (Fault fault = reader_.read(row, current_)) return reader_.error(row, fault, before_);
        return &current_;
    }

private:
    friend class Executor;

    Stream(detail::StreamSourcePtr source, Result first) : source_(std::move(source)), chunk_(std::move(first)) {}
    bool advance() { return try_next().value() != nullptr; }

    detail::StreamSourcePtr source_;
    std::optional<Result> chunk_;
    std::size_t at_ = 0, before_ = 0;  // in the chunk, and ahead of it
    detail::RowReader<T> reader_;
    T current_{};
};

template <class... T, class... A>
Expected<Stream<detail::row_of_t<T...>>> Executor::try_stream(Sql<sizeof...(A)> sql, const A&... arguments) {
    using Element = detail::row_of_t<T...>;
    InlineParams<> params;
    if (auto encoded = detail::encode_all(sql.text(), params, arguments...); !encoded)
        return std::move(encoded).error();
    detail::Call call = make_call(sql, params);
    call.needs_types = detail::needs_types<Element>;
    call.site = sql.site();
    Expected<detail::StreamSourcePtr> source = open_stream(call);
    if (!source) return std::move(source).error();
    Expected<Result> first = detail::next_chunk(**source);
    if (!first) return std::move(first).error();
    Stream<Element> stream(*std::move(source), *std::move(first));
    if (auto matched = stream.reader_.match(*stream.chunk_->storage(), call.extra()); !matched)
        return std::move(matched).error();
    return stream;
}

}  // namespace pg
