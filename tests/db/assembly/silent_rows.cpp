// What makes rows of the tables, and runs them.
#include "tests/db/assembly/silent_rows.hpp"

#include <pg/connection.hpp>
#include <pg/pool/pool.hpp>

namespace frozen {
namespace {

using namespace std::chrono_literals;

/// One row for each kind of executor.
template <class Verb, class OnClient, class OnConnection, class OnTransaction>
void add_for_each_executor(std::vector<Row>& rows, const std::vector<Verb>& verbs, OnClient on_client,
                           OnConnection on_connection, OnTransaction on_transaction) {
    for (const Verb& verb : verbs) {
        const std::string name = verb.function;
        rows.push_back({name, [=](SilentLine& line, pg::Client& db) { on_client(verb, line, db); }});
        rows.push_back(
            {name + " of a connection", [=](SilentLine& line, pg::Client& db) { on_connection(verb, line, db); }});
        rows.push_back(
            {name + " of a transaction", [=](SilentLine& line, pg::Client& db) { on_transaction(verb, line, db); }});
    }
}
template <class Verb>
void add(std::vector<Row>& rows, const std::vector<Verb>& verbs) {
    for (const Verb& verb : verbs)
        rows.push_back({verb.function,
                        [verb](SilentLine& line, pg::Client& db) {
                            if constexpr (std::is_same_v<Verb, AwaitedVerb>)
                                pg::sync_wait(verb.call(line, db, db.async()));
                            else
                                verb.call(line, db);
                        },
                        verb.end, verb.more});
}

/// Without options of its own where nothing is to stop it.
void call(const ExecutorVerb& verb, SilentLine& line, pg::Executor& on) {
    if (!line.stop()) return verb.call(line, on);
    auto tuned = on.with({.stop = line.stop()});
    verb.call(line, tuned);
}
pg::Task<void> call(const AwaitedExecutorVerb& verb, SilentLine& line, const pg::AsyncExecutor& on) {
    return verb.call(line, line.stop() ? on.with({.stop = line.stop()}) : on);
}

pg::Task<void> on_connection(const AwaitedExecutorVerb& verb, SilentLine& line, pg::AsyncClient async) {
    const pg::AsyncConnection connection = co_await async.connection();
    const SilentLine::Call timed(line);
    co_await call(verb, line, connection);
}
pg::Task<void> on_transaction(const AwaitedExecutorVerb& verb, SilentLine& line, pg::AsyncClient async) {
    const pg::AsyncTransaction transaction = co_await async.begin({.stop = line.stop()});
    const SilentLine::Call timed(line);
    co_await verb.call(line, transaction);
}

}  // namespace

std::vector<Row> blocking_rows() {
    std::vector<Row> rows;
    add_for_each_executor(
        rows, executor_verbs(), [](auto& verb, auto& line, pg::Client& db) { call(verb, line, db); },
        [](auto& verb, auto& line, pg::Client& db) {
            pg::Connection connection = db.connection();
            const SilentLine::Call timed(line);
            call(verb, line, connection);
        },
        [](auto& verb, auto& line, pg::Client& db) {
            pg::Transaction transaction = db.begin({.stop = line.stop()});
            const SilentLine::Call timed(line);
            verb.call(line, transaction);
        });
    add(rows, clients());
    add(rows, transactions());
    add(rows, statements());
    add(rows, pools());
    return rows;
}

std::vector<Row> awaited_rows() {
    std::vector<Row> rows;
    add_for_each_executor(
        rows, awaited_executor_verbs(),
        [](auto& verb, auto& line, pg::Client& db) { pg::sync_wait(call(verb, line, db.async())); },
        [](auto& verb, auto& line, pg::Client& db) { pg::sync_wait(on_connection(verb, line, db.async())); },
        [](auto& verb, auto& line, pg::Client& db) { pg::sync_wait(on_transaction(verb, line, db.async())); });
    add(rows, all_awaited());
    add(rows, waits());
#if defined(PGCLIENT_TEST_ASIO)
    add(rows, of_asio());
#endif
    return rows;
}

bool opens_session(const Row& row) {
    static const std::set<std::string> those{"connect",
                                             "try_connect",
                                             "Client::connection",
                                             "Client::try_connection",
                                             "Pool::wait_ready",
                                             "Listener::Listener",
                                             "Listener::try_open",
                                             "AsyncClient::connection",
                                             "AsyncClient::try_connection"};
    return those.contains(row.name);
}

bool takes_stop(const Row& row) {
    // Those that wait for messages end well without one; of the others, all that end with an error take it, but for
    // those that open a session or tell a listener what to hear.
    static const std::set<std::string> listeners{
        "Listener::listen",        "Listener::try_listen",       "Listener::unlisten",    "Listener::try_unlisten",
        "Listener::unlisten_all",  "Listener::try_unlisten_all", "AsyncListener::listen", "AsyncListener::try_listen",
        "AsyncListener::unlisten", "AsyncListener::try_unlisten"};
    if (row.name.ends_with("istener::next") || row.name.ends_with("istener::try_next")) return true;
    return row.end == End::late && !opens_session(row) && !listeners.contains(row.name);
}

bool only_reads(const Row& row) {
    constexpr std::size_t npos = std::string::npos;
    const std::string_view function = std::string_view(row.name).substr(row.name.rfind("::") + 2);
    return std::set<std::string_view>{"next", "try_next", "operator++", "begin", "read", "try_read"}.contains(
               function) &&
           (row.name.find("Stream") != npos || row.name.find("Copy") != npos || row.name.find("istener") != npos);
}

Course run(SilentLine& line, pg::Client& db, const Row& row) {
    Course course;
    try {
        db.with({.timeout = 10s}).exec("select 1");
        row.call(line, db);
    } catch (const pg::Error& error) {
        course.failure = error;
    }
    course.silence = line.silence();
    line.heal();
    return course;
}

void expect_goes_on(pg::Client& db) {
    const auto one = db.with({.timeout = 10s}).try_query_one<int>("select 1");
    EXPECT_TRUE(one) << one.error().what();
    std::vector<pg::Connection> all;
    while (all.size() < db.pool().stats().max_size) {
        auto another = db.try_connection(10s);
        ASSERT_TRUE(another) << "a place in the pool did not come back: " << another.error().what();
        all.push_back(*std::move(another));
    }
}

}  // namespace frozen
