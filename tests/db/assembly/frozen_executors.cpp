// The verbs of executors, and the functions of clients, connections and listeners.
#include <pg/connection.hpp>
#include <pg/listener.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {

using namespace std::chrono_literals;

void make_tables(pg::Client& db) {
    db.run_script(
        "drop table if exists frozen_texts; create table frozen_texts (t text);"
        "select lo_unlink(oid) from pg_largeobject_metadata where oid = 4712;"
        "select lo_from_bytea(4712, repeat('large ', 500)::bytea)");
}

namespace {

/// How long a listener waits that hears nothing: until its stop, where there is one.
std::chrono::milliseconds patience(Line& line) { return line.stop() ? 60s : 100ms; }

/// A session that has to be cleaned.
pg::Connection used_connection(pg::Client& db) {
    pg::Connection connection = db.connection();
    connection.exec("set work_mem = '8MB'");
    return connection;
}

}  // namespace

const std::vector<ExecutorVerb>& executor_verbs() {
    static const std::vector<ExecutorVerb> all{
        {"Executor::query",
         [](Line& line, pg::Executor& on) { line.go_silent(), static_cast<void>(on.query("select 1")); }},
        {"Executor::query_all",
         [](Line& line, pg::Executor& on) { line.go_silent(), static_cast<void>(on.query_all<int>("select 1")); }},
        {"Executor::query_one",
         [](Line& line, pg::Executor& on) { line.go_silent(), static_cast<void>(on.query_one<int>("select 1")); }},
        {"Executor::query_maybe",
         [](Line& line, pg::Executor& on) { line.go_silent(), static_cast<void>(on.query_maybe<int>("select 1")); }},
        {"Executor::exec", [](Line& line, pg::Executor& on) { line.go_silent(), on.exec("select 1"); }},
        {"Executor::stream",
         [](Line& line, pg::Executor& on) { line.go_silent(), static_cast<void>(on.stream<int>("select 1")); }},
        {"Executor::run_script",
         [](Line& line, pg::Executor& on) { line.go_silent(), on.run_script("select 1; select 2"); }},
        {"Executor::try_query",
         [](Line& line, pg::Executor& on) { line.go_silent(), static_cast<void>(on.try_query("select 1").value()); }},
        {"Executor::try_query_all",
         [](Line& line, pg::Executor& on) {
             line.go_silent(), static_cast<void>(on.try_query_all<int>("select 1").value());
         }},
        {"Executor::try_query_one",
         [](Line& line, pg::Executor& on) {
             line.go_silent(), static_cast<void>(on.try_query_one<int>("select 1").value());
         }},
        {"Executor::try_query_maybe",
         [](Line& line, pg::Executor& on) {
             line.go_silent(), static_cast<void>(on.try_query_maybe<int>("select 1").value());
         }},
        {"Executor::try_exec",
         [](Line& line, pg::Executor& on) { line.go_silent(), static_cast<void>(on.try_exec("select 1").value()); }},
        {"Executor::try_stream",
         [](Line& line, pg::Executor& on) {
             line.go_silent(), static_cast<void>(on.try_stream<int>("select 1").value());
         }},
        {"Executor::try_run_script",
         [](Line& line, pg::Executor& on) { line.go_silent(), on.try_run_script("select 1; select 2").value(); }},
    };
    return all;
}

const std::vector<Verb>& clients() {
    static const std::vector<Verb> all{
        {"connect",
         [](Line& line, pg::Client&) {
             line.go_silent(), static_cast<void>(pg::connect(line.conninfo(), line.options()));
         }},
        {"try_connect",
         [](Line& line, pg::Client&) {
             line.go_silent(), static_cast<void>(pg::try_connect(line.conninfo(), line.options()).value());
         }},
        {"Client::connection",
         [](Line& line, pg::Client&) {
             pg::Client other = line.other_client();
             line.go_silent(), static_cast<void>(other.connection());
         }},
        {"Client::try_connection",
         [](Line& line, pg::Client&) {
             pg::Client other = line.other_client();
             line.go_silent(), static_cast<void>(other.try_connection().value());
         }},
        {"Client::begin",
         [](Line& line, pg::Client& db) { line.go_silent(), static_cast<void>(db.begin({.stop = line.stop()})); }},
        {"Client::try_begin",
         [](Line& line, pg::Client& db) {
             line.go_silent(), static_cast<void>(db.try_begin({.stop = line.stop()}).value());
         }},
        {"Client::transaction",
         [](Line& line, pg::Client& db) {
             db.transaction({.stop = line.stop()},
                            [&](pg::Transaction& transaction) { line.go_silent(), transaction.exec("select 1"); });
         }},
        {"Client::close", [](Line& line, pg::Client& db) { line.go_silent(), db.close(); }, End::mute},
        {"Client::operator=",
         [](Line& line, pg::Client& db) {
             pg::Client other = line.other_client();
             other.exec("select 1");
             line.go_silent(), other = db;
         },
         End::mute},
        {"Client::~Client",
         [](Line& line, pg::Client&) {
             const pg::Client other = pg::connect(line.conninfo(), line.options());
             line.go_silent();
         },
         End::mute},
        {"Connection::begin",
         [](Line& line, pg::Client& db) {
             pg::Connection connection = db.connection();
             line.go_silent(), static_cast<void>(connection.begin({.stop = line.stop()}));
         }},
        {"Connection::try_begin",
         [](Line& line, pg::Client& db) {
             pg::Connection connection = db.connection();
             line.go_silent(), static_cast<void>(connection.try_begin({.stop = line.stop()}).value());
         }},
        {"Connection::transaction",
         [](Line& line, pg::Client& db) {
             pg::Connection connection = db.connection();
             connection.transaction({.stop = line.stop()}, [&](pg::Transaction& transaction) {
                 line.go_silent(), transaction.exec("select 1");
             });
         }},
        {"Connection::operator=",
         [](Line& line, pg::Client& db) {
             pg::Client other = line.other_client();
             pg::Connection one = used_connection(db);
             pg::Connection two = other.connection();
             line.go_silent(), one = std::move(two), line.end_call();
         },
         End::mute, 2s},
        {"Connection::~Connection",
         [](Line& line, pg::Client& db) {
             const pg::Connection connection = used_connection(db);
             line.go_silent();
         },
         End::mute, 2s},
        {"Listener::Listener",
         [](Line& line, pg::Client&) {
             pg::Client other = line.other_client();
             line.go_silent(), static_cast<void>(pg::Listener(other));
         }},
        {"Listener::try_open",
         [](Line& line, pg::Client&) {
             pg::Client other = line.other_client();
             line.go_silent(), static_cast<void>(pg::Listener::try_open(other).value());
         }},
        {"Listener::listen",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), listener.listen("frozen");
         }},
        {"Listener::try_listen",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), listener.try_listen("frozen").value();
         }},
        {"Listener::unlisten",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), listener.unlisten("frozen");
         }},
        {"Listener::try_unlisten",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), listener.try_unlisten("frozen").value();
         }},
        {"Listener::unlisten_all",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), listener.unlisten_all();
         }},
        {"Listener::try_unlisten_all",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), listener.try_unlisten_all().value();
         }},
        {"Listener::next",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), static_cast<void>(listener.next(patience(line), line.stop())), line.end_call();
         },
         End::mute},
        {"Listener::try_next",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             line.go_silent(), static_cast<void>(listener.try_next(patience(line), line.stop()).value()),
                 line.end_call();
         },
         End::mute},
        {"Listener::~Listener",
         [](Line& line, pg::Client& db) {
             pg::Listener listener(db);
             listener.listen("frozen");
             line.go_silent();
         },
         End::mute, 2s},
    };
    return all;
}

}  // namespace frozen
