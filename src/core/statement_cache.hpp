// StatementCache: the statements that one session has prepared, and whether the next one is worth a name. Internal to
// core.
//
//          first seen             seen again, or prepare() was asked for     answered
//     (unknown) ------> (seen) ------------------------> being prepared --------------> prepared
//                                                              |  failed                   |  evicted, or its plan
//                                                              v                           v  no longer fits
//                                                           (gone) <-----------------------+
//
//   (S1) A statement is known by its text and the types of its arguments: those of another type make another one.
//   (S2) What has been seen once costs no memory but a mark: texts that never come again leave nothing here.
//   (S3) A statement is parsed with its execution, in the same flush, and so are those behind it: nothing here ever
//        waits for the server.
//   (S4) One that is in use stays where it is until its last user has its answer. A name is closed behind all that was
//        sent with it, and never comes again in its session.
//   (S5) No more statements and bytes of texts than the limits say are kept; the one that was used longest ago goes
//        first.
//   (S6) What does not fit although it was prepared just now is kept by somebody in between, a pooler that knows the
//        text from before; so is what cannot be prepared because its name is taken. It goes without a name from then
//        on.
//   (S7) No two sessions have a name in common: where a pooler gives one's statements to the other, that has nothing
//        there that it takes for its own.
//   (S8) What one session finds outdated by the schema is so in the others, which prepare anew: once for each change,
//        and not before they had some use of what they have, so that what never fits costs them little.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pg/catalog.hpp"
#include "pg/spi/session_source.hpp"
#include "pg/sqlstate.hpp"
#include "pg/statement_cache.hpp"

namespace pg::detail {

/// A type or another object is not there any more that a prepared statement goes by: it may be there under another oid.
[[nodiscard]] inline bool is_gone_from_cache(const Error& error) {
    return error.sqlstate() == sqlstate::internal_error &&
           error.message().find("cache lookup failed") != std::string_view::npos;
}

/// The server chose no function, or refused an expression, for the types that its arguments were said to have. What
/// fails so within a function, which has a context, is about others.
[[nodiscard]] inline bool refuses_types(const Error& error) {
    const bool is_about_types =
        error.sqlstate() == sqlstate::undefined_function || error.sqlstate() == sqlstate::datatype_mismatch;
    return is_about_types && error.context().empty();
}

/// What a session may keep. Value.
struct StatementLimits {
    std::size_t entries = 256;                // zero: no statement gets a name
    std::size_t bytes = 5 * 1024 * 1024;      // of their texts
    std::size_t statement_bytes = 15 * 1024;  // of one text; a longer one gets no name
};

/// A number that one thread at a time counts up, and any thread reads.
class Count {
public:
    void operator++() noexcept { number_.store(*this + 1, std::memory_order_relaxed); }
    operator std::uint64_t() const noexcept { return number_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> number_{0};
};

/// A statement cannot be prepared because another one has its name, or the name that a pooler has for it.
[[nodiscard]] inline bool is_name_taken(const Error& error) {
    return error.sqlstate() == sqlstate::duplicate_prepared_statement;
}

/// Hashes of texts, by a part of each in sets of four: where a set is full, a new one takes the place of any of them.
/// Texts that come in turn do not keep each other out for ever. One is found in error once in some ten thousand times.
class Marks {
public:
    [[nodiscard]] bool has(std::uint64_t hash) const noexcept;
    /// One that is not there. `turn` is another one each time.
    void add(std::uint64_t hash, std::uint64_t turn) noexcept;

private:
    using Set = std::array<std::uint16_t, 4>;  // zero: nothing

    std::array<Set, 32> sets_{};
};

class StatementCache;

/// What became of the statements of a client, on sessions that are there and on those that have gone. Thread-safe.
class StatementTally {
public:
    /// Of the client's types, whose eras are those of its statements.
    PGCLIENT_API explicit StatementTally(std::shared_ptr<const TypeCatalog> types);
    [[nodiscard]] StatementCacheStats total() const;

private:
    friend class StatementCache;
    /// Whether all sessions may prepare anew for what one has found (S8). If so, not again before some hits more.
    [[nodiscard]] bool affords_renewal();
    [[nodiscard]] StatementCacheStats sum() const;
    void join(const StatementCache& cache);
    void leave(const StatementCache& cache) noexcept;

    const std::shared_ptr<const TypeCatalog> types_;
    const std::uint64_t salt_;             // of the names (S7)
    std::atomic<std::uint64_t> names_{0};  // that were given, ever
    mutable std::mutex mutex_;             // guards what follows
    std::vector<const StatementCache*> here_;
    StatementCacheStats gone_;
    std::uint64_t hits_of_next_renewal_ = 0;
};

/// How a text is looked up. Value.
struct StatementKey {
    std::uint64_t hash;    // that of `hash_sql`
    bool lasting = false;  // the text stays where it is and as it is: a literal, or one that was prepared
    bool at_once = false;  // it was asked to be prepared: it gets a name the first time, not the second
};

/// A statement that has a name in its session.
struct NamedStatement {
    std::uint64_t hash = 0;
    std::string sql;
    const char* lasting = nullptr;  // where the same text was found last that is lasting
    std::vector<Oid> types;
    std::string name;
    std::shared_ptr<const ResultStorage> description;  // of its results; null when it gives no rows
    bool prepared = false;                             // and answered
    bool gone = false;                                 // nobody finds it any more (S4)
    std::uint32_t users = 0;                           // requests without an answer yet
    NamedStatement* next = nullptr;                    // in its bucket
    NamedStatement* newer = nullptr;                   // used after it
    NamedStatement* older = nullptr;
};

/// One session's. No I/O. One thread at a time, that of the session.
class StatementCache final : public spi::SessionMemory {
public:
    StatementCache(const StatementLimits& limits, std::shared_ptr<StatementTally> tally);
    StatementCache(const StatementCache&) = delete;
    StatementCache& operator=(const StatementCache&) = delete;
    ~StatementCache() override;

    /// Gives the request the name of its statement if that is prepared, or has the request prepare it. Null: it goes
    /// without a name. Anything else goes to `conclude` when the request is answered.
    [[nodiscard]] NamedStatement* choose(spi::Request& request, const StatementKey& key, spi::Session& session) {
        // Most often it is the one that was used last.
        if (newest_ && newest_->prepared && is(*newest_, request, key)) return &take(*newest_, request);
        return look_up(request, key, session);
    }
    /// Gives a statement its name that nobody has run yet, and the request what is to be described; null when it has
    /// one or there is no room. Whoever asks prepares it, and says in `conclude` what became of it.
    [[nodiscard]] NamedStatement* prepare_ahead(spi::Request& request, std::uint64_t hash, spi::Session& session);
    /// What became of a request that was given a name; null: it went well.
    void conclude(NamedStatement& statement, const spi::Request& request, const Error* error, spi::Session& session) {
        --statement.users;
        if (request.prepare || error || statement.gone) [[unlikely]]
            settle(statement, request, error, session);
    }
    /// The server has forgotten all of them.
    void forget_all() noexcept { clear(nullptr); }
    /// None of them is to be used any more.
    void close_all(spi::Session& session) noexcept { clear(&session); }

    /// Closes all of them when names or types may have changed since. `is_clean`: nothing of a borrower is left in it.
    void keep_up(spi::Session& session, bool is_clean = false) noexcept {
        if (awaits_commit_ || awaits_reset_ || era_ != tally_->types_->era()) [[unlikely]]
            catch_up(session, is_clean);
    }
    /// The transaction that is open has changed the schema. @{
    void await_commit() noexcept { awaits_commit_ = true; }
    [[nodiscard]] bool awaits_commit() const noexcept { return awaits_commit_; }
    /// It has ended; whether there was such a one.
    [[nodiscard]] bool has_committed() noexcept {
        const bool had_changed = awaits_commit_;
        awaits_commit_ = false;
        return had_changed;
    }  /// @}
    /// The session has something temporary, which what is prepared may be about. @{
    void await_reset() noexcept { awaits_reset_ = true; }
    [[nodiscard]] bool awaits_reset() const noexcept { return awaits_reset_; }
    /// It has nothing any more.
    void has_been_reset(spi::Session& session) noexcept {
        if (awaits_reset_) close_all(session);
        awaits_reset_ = false;
    }  /// @}

    /// So far. Thread-safe.
    [[nodiscard]] StatementCacheStats stats() const noexcept { return {hits_, misses_, named_, evicted_, outdated_}; }
    [[nodiscard]] std::size_t size() const { return size_; }
    /// Of the bytes that the limits say, what a text takes.
    [[nodiscard]] static std::size_t size_of(std::string_view sql) { return sql.size() + sizeof(NamedStatement); }

private:
    static bool is(NamedStatement& statement, const spi::Request& request, const StatementKey& key) noexcept {
        if (statement.hash != key.hash) return false;
        if (statement.lasting != request.sql.data() || !key.lasting) {
            if (statement.sql != request.sql) return false;
            if (key.lasting) statement.lasting = request.sql.data();
        }
        const std::size_t count = request.params ? request.params->size() : 0;
        if (statement.types.size() != count) return false;
        const Oid* type = statement.types.data();
        for (std::size_t i = 0; i < count; ++i)
            if (type[i] != (*request.params)[i].type) return false;
        return true;
    }
    /// A prepared one.
    NamedStatement& take(NamedStatement& statement, spi::Request& request) noexcept {
        ++hits_;
        ++statement.users;
        request.statement = statement.name;
        request.description = &statement.description;
        return statement;
    }
    [[nodiscard]] NamedStatement* look_up(spi::Request& request, const StatementKey& key, spi::Session& session);
    void settle(NamedStatement& statement, const spi::Request& request, const Error* error, spi::Session& session);
    /// Not by the lowest bit of the hash, which is set in all.
    [[nodiscard]] NamedStatement*& bucket_of(std::uint64_t hash) noexcept {
        return buckets_[(hash >> 1) & (buckets_.size() - 1)];
    }
    [[nodiscard]] NamedStatement* find(const spi::Request& request, const StatementKey& key) noexcept;
    /// Whether it was before: it is from now on.
    [[nodiscard]] bool was_seen(std::uint64_t hash) noexcept;
    [[nodiscard]] bool is_nameless(std::uint64_t hash) const noexcept { return nameless_ && nameless_->has(hash); }
    [[nodiscard]] NamedStatement* add(const spi::Request& request, std::uint64_t hash, spi::Session& session);
    [[nodiscard]] std::string next_name(const NamedStatement& statement);
    void tell_others();
    [[nodiscard]] bool make_room(std::size_t bytes, spi::Session& session);
    void touch(NamedStatement& statement) noexcept;
    void link(NamedStatement& statement) noexcept;
    void unlink(NamedStatement& statement) noexcept;
    void remove(NamedStatement& statement) noexcept;
    void catch_up(spi::Session& session, bool is_clean) noexcept;
    /// Closes them in the session, if there is one.
    void clear(spi::Session* session) noexcept;

    const StatementLimits limits_;
    const std::shared_ptr<StatementTally> tally_;
    std::vector<NamedStatement*> buckets_;  // a power of two of them, or none before the first statement
    NamedStatement* newest_ = nullptr;
    NamedStatement* oldest_ = nullptr;
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t era_ = 0;            // that was kept up with
    bool awaits_commit_ : 1 = false;   // whose end may come unseen
    bool awaits_reset_ : 1 = false;    // by the source of its session, unseen
    Marks seen_;                       // once
    std::unique_ptr<Marks> nameless_;  // what is never to have a name; null: nothing
    Count hits_, misses_, named_, evicted_, outdated_;
};

}  // namespace pg::detail
