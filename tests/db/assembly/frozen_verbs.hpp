// Every function that can wait for the server, by its name: what has to be there before the server falls silent, and
// the call. tests/repository/entry_points.py holds against the public headers that none is missing.
#pragma once

#include <chrono>
#include <pg/async.hpp>
#include <pg/stop.hpp>
#include <string>
#include <vector>

namespace frozen {

/// What a row finds beside its client.
class Line {
public:
    virtual ~Line() = default;
    /// From now on the server hears nothing and says nothing. A suite of another kind lets it go on.
    virtual void go_silent() = 0;
    /// What stops a call that takes a stop, once the server is silent; null: nothing does.
    [[nodiscard]] virtual const pg::StopToken* stop() { return nullptr; }
    /// The call is over: what comes behind it has a time of its own.
    virtual void end_call() {}
    /// Another client of the same server, without a session.
    [[nodiscard]] virtual pg::Client other_client() = 0;
    /// What `pg::connect` takes to make one. @{
    [[nodiscard]] virtual std::string conninfo() const = 0;
    [[nodiscard]] virtual pg::Options options() const = 0;  /// @}

    /// False where the server goes on: a row that writes or reads until it fails asks, and does so a little only.
    [[nodiscard]] virtual bool falls_silent() const = 0;
};

/// How a call ends that the server does not answer.
enum class End : std::uint8_t {
    late,  ///< with the error of a time that is over
    mute,  ///< without an error: in time is all that it has to be
};

/// A function, as entry_points.py names it: without its namespace.
struct Verb {
    const char* function;
    void (*call)(Line&, pg::Client&);  ///< calls `go_silent`, and then the function
    End end = End::late;
    std::chrono::milliseconds more{};  ///< what a destructor has to clean a session
};
/// One that an executor has: for a client, a connection and a transaction.
struct ExecutorVerb {
    const char* function;
    void (*call)(Line&, pg::Executor&);
};
/// The same of functions that are awaited. @{
struct AwaitedVerb {
    const char* function;
    pg::Task<void> (*call)(Line&, pg::Client&, pg::AsyncClient);
    End end = End::late;
    std::chrono::milliseconds more{};
};
struct AwaitedExecutorVerb {
    const char* function;
    pg::Task<void> (*call)(Line&, pg::AsyncExecutor);
};  /// @}

/// Those that block, by the file that has them. @{
[[nodiscard]] const std::vector<Verb>& clients();
[[nodiscard]] const std::vector<Verb>& transactions();
[[nodiscard]] const std::vector<Verb>& statements();
[[nodiscard]] const std::vector<Verb>& pools();
[[nodiscard]] const std::vector<ExecutorVerb>& executor_verbs();  /// @}
/// Those that are awaited. @{
[[nodiscard]] const std::vector<AwaitedVerb>& awaited_verbs();
[[nodiscard]] const std::vector<AwaitedVerb>& awaited_streams();
[[nodiscard]] const std::vector<AwaitedVerb>& awaited_savepoints();
[[nodiscard]] const std::vector<AwaitedVerb>& awaited_large_objects();
[[nodiscard]] const std::vector<Verb>& waits();    ///< those that block until something awaited is over
[[nodiscard]] const std::vector<Verb>& of_asio();  ///< where there is Asio
[[nodiscard]] const std::vector<AwaitedExecutorVerb>& awaited_executor_verbs();  /// @}

/// The tables of what is awaited: that of another file comes in here, and both suites run it.
[[nodiscard]] inline std::vector<AwaitedVerb> all_awaited() {
    std::vector<AwaitedVerb> rows;
    for (const auto* table : {&awaited_verbs(), &awaited_streams(), &awaited_savepoints(), &awaited_large_objects()})
        rows.insert(rows.end(), table->begin(), table->end());
    return rows;
}
/// Takes what a row has no use for: g++ 12 forgets a cast to void around `co_await`.
template <class T>
void drop(T&&) {}

/// An executor that the line's stop stops. @{
[[nodiscard]] inline pg::Tuned stoppable(Line& line, pg::Client& db) { return db.with({.stop = line.stop()}); }
[[nodiscard]] inline pg::AsyncExecutor stoppable(Line& line, const pg::AsyncClient& async) {
    return async.with({.stop = line.stop()});
}  /// @}

/// Makes `frozen_texts` and the large object 4712.
void make_tables(pg::Client& db);

inline constexpr pg::Oid large_object{4712};

}  // namespace frozen
