// The functions that are awaited. Each row is a coroutine of its own, so the suite that destroys frames runs them too,
// on a server that goes on.
#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {
namespace {

using namespace std::chrono_literals;
using pg::Task;

Task<pg::AsyncTransaction> used_transaction(Line& line, pg::AsyncClient async) {
    auto transaction = co_await async.begin({.stop = line.stop()});
    co_await transaction.exec("insert into frozen_texts values ('x')");
    co_return transaction;
}
Task<pg::AsyncConnection> used_connection(pg::AsyncClient async) {
    auto connection = co_await async.connection();
    co_await connection.exec("set work_mem = '8MB'");
    co_return connection;
}

}  // namespace

const std::vector<AwaitedExecutorVerb>& awaited_executor_verbs() {
    static const std::vector<AwaitedExecutorVerb> all{
        {"AsyncExecutor::query",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await on.query("select 1"));
         }},
        {"AsyncExecutor::query_all",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await on.query_all<int>("select 1"));
         }},
        {"AsyncExecutor::query_one",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await on.query_one<int>("select 1"));
         }},
        {"AsyncExecutor::query_maybe",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await on.query_maybe<int>("select 1"));
         }},
        {"AsyncExecutor::exec",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             co_await on.exec("select 1");
         }},
        {"AsyncExecutor::stream",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await on.stream<int>("select 1"));
         }},
        {"AsyncExecutor::run_script",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             co_await on.run_script("select 1; select 2");
         }},
        {"AsyncExecutor::try_query",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             drop((co_await on.try_query("select 1")).value());
         }},
        {"AsyncExecutor::try_query_all",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             drop((co_await on.try_query_all<int>("select 1")).value());
         }},
        {"AsyncExecutor::try_query_one",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             drop((co_await on.try_query_one<int>("select 1")).value());
         }},
        {"AsyncExecutor::try_query_maybe",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             drop((co_await on.try_query_maybe<int>("select 1")).value());
         }},
        {"AsyncExecutor::try_exec",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             drop((co_await on.try_exec("select 1")).value());
         }},
        {"AsyncExecutor::try_stream",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             drop((co_await on.try_stream<int>("select 1")).value());
         }},
        {"AsyncExecutor::try_run_script",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             line.go_silent();
             (co_await on.try_run_script("select 1; select 2")).value();
         }},
        {"AsyncExecutor::run",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             pg::Batch batch = on.batch();
             batch.exec("select 1"), batch.exec("select 2");
             line.go_silent();
             co_await on.run(batch);
         }},
        {"AsyncExecutor::try_run",
         [](Line& line, pg::AsyncExecutor on) -> Task<void> {
             pg::Batch batch = on.batch();
             const auto one = batch.exec("select 1");
             line.go_silent();
             (co_await on.try_run(batch, pg::BatchMode::each)).value();
             drop(one.get());
         }},
    };
    return all;
}

const std::vector<AwaitedVerb>& awaited_verbs() {
    static const std::vector<AwaitedVerb> all{
        {"AsyncExecutor::call",
         [](Line& line, pg::Client& db, pg::AsyncClient async) -> Task<void> {
             const auto twice = db.prepare<int(int)>("select $1::int * 2");
             line.go_silent();
             co_await stoppable(line, async).call(twice, 1);
         }},
        {"AsyncExecutor::try_call",
         [](Line& line, pg::Client& db, pg::AsyncClient async) -> Task<void> {
             const auto twice = db.prepare<int(int)>("select $1::int * 2");
             line.go_silent();
             drop((co_await stoppable(line, async).try_call(twice, 1)).value());
         }},
        {"AsyncClient::~AsyncClient",
         [](Line& line, pg::Client&, pg::AsyncClient) -> Task<void> {
             std::optional<pg::AsyncClient> last = line.other_client().async();
             co_await last->exec("select 1");
             line.go_silent();
             last.reset();
         },
         End::mute},
        {"AsyncClient::connection",
         [](Line& line, pg::Client&, pg::AsyncClient) -> Task<void> {
             const pg::Client other = line.other_client();
             line.go_silent();
             static_cast<void>(co_await other.async().connection());
         }},
        {"AsyncClient::try_connection",
         [](Line& line, pg::Client&, pg::AsyncClient) -> Task<void> {
             const pg::Client other = line.other_client();
             line.go_silent();
             drop((co_await other.async().try_connection()).value());
         }},
        {"AsyncClient::begin",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await async.begin({.stop = line.stop()}));
         }},
        {"AsyncClient::try_begin",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             drop((co_await async.try_begin({.stop = line.stop()})).value());
         }},
        {"AsyncClient::transaction",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto body = [&](pg::AsyncTransaction& transaction) -> Task<void> {
                 line.go_silent();
                 co_await transaction.exec("insert into frozen_texts values ('x')");
             };
             co_await async.transaction({.stop = line.stop()}, body);
         }},
        {"AsyncConnection::transaction",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto connection = co_await used_connection(async);
             const auto body = [&](pg::AsyncTransaction& transaction) -> Task<void> {
                 line.go_silent();
                 co_await transaction.exec("insert into frozen_texts values ('x')");
             };
             co_await connection.transaction({.stop = line.stop()}, body);
         }},
        {"AsyncConnection::begin",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto connection = co_await used_connection(async);
             line.go_silent();
             static_cast<void>(co_await connection.begin({.stop = line.stop()}));
         }},
        {"AsyncConnection::try_begin",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto connection = co_await used_connection(async);
             line.go_silent();
             drop((co_await connection.try_begin({.stop = line.stop()})).value());
         }},
        {"AsyncConnection::operator=",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const pg::Client other = line.other_client();
             auto one = co_await used_connection(async);
             auto two = co_await used_connection(other.async());
             line.go_silent();
             one = std::move(two);
         },
         End::mute},
        {"AsyncConnection::~AsyncConnection",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto connection = co_await used_connection(async);
             line.go_silent();
         },
         End::mute},
        {"AsyncTransaction::commit",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await used_transaction(line, async);
             line.go_silent();
             co_await transaction.commit();
         }},
        {"AsyncTransaction::try_commit",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await used_transaction(line, async);
             line.go_silent();
             (co_await transaction.try_commit()).value();
         }},
        {"AsyncTransaction::rollback",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await used_transaction(line, async);
             line.go_silent();
             co_await transaction.rollback();
         }},
        {"AsyncTransaction::try_rollback",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await used_transaction(line, async);
             line.go_silent();
             (co_await transaction.try_rollback()).value();
         }},
        {"AsyncTransaction::operator=",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const pg::Client other = line.other_client();
             auto one = co_await used_transaction(line, async);
             auto two = co_await used_transaction(line, other.async());
             line.go_silent();
             one = std::move(two);
         },
         End::mute},
        {"AsyncTransaction::~AsyncTransaction",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await used_transaction(line, async);
             line.go_silent();
         },
         End::mute},
        {"Async::operator=",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const pg::AsyncExecutor on = stoppable(line, async);
             auto one = on.exec("select 1"), two = on.exec("select 2");
             line.go_silent();
             one = std::move(two);
             co_await std::move(one);
         }},
        {"Async::~Async",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             auto left = async.exec("select pg_sleep(10)");
             drop(co_await pg::when_any(std::move(left), async.with({.timeout = 1ms}).try_exec("select pg_sleep(10)")));
         },
         End::mute},
    };
    return all;
}

const std::vector<Verb>& waits() {
    static const std::vector<Verb> all{
        {"Async::get",
         [](Line& line, pg::Client& db) { line.go_silent(), stoppable(line, db.async()).exec("select 1").get(); }},
        {"sync_wait",
         [](Line& line, pg::Client& db) {
             line.go_silent(), pg::sync_wait(stoppable(line, db.async()).exec("select 1"));
         }},
    };
    return all;
}

}  // namespace frozen
