// The same verbs, awaited.
#include <gtest/gtest.h>
#include <pg/async.hpp>
#include <pg/async_copy.hpp>
#include <pg/async_large_object.hpp>
#include <pg/async_listener.hpp>
#include <pg/async_savepoint.hpp>

#include "tests/db/assembly/verbs.hpp"

namespace verbs {
namespace {

using namespace std::chrono_literals;
using Row = std::tuple<int, std::string>;

void add(std::string& all, const Row& row) { all += std::to_string(std::get<0>(row)) + std::get<1>(row) + ";"; }

std::vector<Said> said(std::size_t count, pg::Task<void> write) {
    try {
        pg::sync_wait(std::move(write));
        return std::vector<Said>(count);
    } catch (const pg::Error& error) {
        // What waits behind the end of a savepoint that was left has had no turn, and knows nothing of the connection.
        EXPECT_TRUE(!error.connection_usable() || may_go_on(error)) << error.what();
        return std::vector<Said>(count, error.outcome());
    }
}

pg::Task<std::string> stream(pg::AsyncClient async) {
    std::string text;
    auto rows = co_await async.stream<int, std::string>("select n, label from verb_rows order by n");
    while (const Row* row = co_await rows.next()) add(text, *row);
    co_return text;
}

pg::Task<std::string> copy_out(pg::AsyncClient async) {
    std::string text;
    auto copy = co_await pg::AsyncCopyOut<int, std::string>::open(async, "verb_rows");
    for (;;) {
        const std::vector<Row> rows = co_await copy.read(7);
        if (rows.empty()) co_return text;
        for (const Row& row : rows) add(text, row);
    }
}

pg::Task<std::string> copy_reader(pg::AsyncClient async) {
    std::string text;
    auto reader = co_await pg::AsyncCopyReader::open(async, "copy (select * from verb_rows order by n) to stdout");
    while (const auto bytes = co_await reader.read(100)) text += *bytes;
    co_return text;
}

pg::Task<std::string> read_large_object(pg::AsyncClient async) {
    std::string text;
    pg::AsyncTransaction transaction = co_await async.begin();
    auto object = co_await pg::AsyncLargeObject::open(transaction, large_object);
    const std::vector<std::byte> bytes = co_await object.read(3000);
    for (const std::byte byte : bytes) text += static_cast<char>(byte);
    co_await object.close();
    co_await transaction.commit();
    co_return text;
}

pg::Task<std::string> on_connection(pg::AsyncClient async) {
    pg::AsyncConnection connection = co_await async.connection();
    std::string text;
    const auto rows = co_await connection.query_all<Row>("select n, label from verb_rows order by n");
    for (const Row& row : rows) add(text, row);
    co_return text;
}

pg::Task<std::string> listen(pg::AsyncClient async, pg::Client db) {
    pg::AsyncListener listener(db);
    co_await listener.listen("verbs");
    static_cast<void>(co_await async.query_one<int>("select 1"));
    const pg::Heard heard = co_await listener.next(1ms);
    co_return std::string("listened, and heard ") + (heard.message ? heard.message->payload : "nothing");
}

pg::Task<void> in_transaction(pg::AsyncClient async, int n) {
    pg::AsyncTransaction transaction = co_await async.begin();
    co_await transaction.exec("insert into verb_written values ($1)", n);
    co_await transaction.commit();
}

pg::Task<void> in_savepoint(pg::AsyncClient async, int n) {
    pg::AsyncTransaction transaction = co_await async.begin();
    pg::AsyncSavepoint savepoint = co_await transaction.savepoint();
    co_await transaction.exec("insert into verb_written values ($1)", n);
    co_await savepoint.release();
    co_await transaction.commit();
}

pg::Task<void> after_a_savepoint(pg::AsyncClient async, int n) {
    pg::AsyncTransaction transaction = co_await async.begin();
    {
        pg::AsyncSavepoint undone = co_await transaction.savepoint();
        co_await transaction.exec("insert into verb_written values ($1)", -n);
        co_await undone.rollback();
        const pg::AsyncSavepoint left = co_await transaction.savepoint();
        co_await transaction.exec("insert into verb_written values ($1)", -n);
    }
    co_await transaction.exec("insert into verb_written values ($1)", n);
    co_await transaction.commit();
}

pg::Task<void> beside_a_large_object(pg::AsyncClient async, int n) {
    pg::AsyncTransaction transaction = co_await async.begin();
    const pg::Oid oid = co_await pg::AsyncLargeObject::create(transaction);
    {
        auto object = co_await pg::AsyncLargeObject::open(transaction, oid, pg::LargeObjectMode::read_write);
        co_await object.write(std::vector<std::byte>(100));
        co_await object.truncate(co_await object.seek(50));
        EXPECT_EQ(co_await object.size(), 50);
    }
    co_await pg::AsyncLargeObject::remove(transaction, oid);
    co_await transaction.exec("insert into verb_written values ($1)", n);
    co_await transaction.commit();
}

pg::Task<void> by_body(pg::AsyncClient async, int n) {
    const auto body = [n](pg::AsyncTransaction& transaction) -> pg::Task<void> {
        co_await transaction.exec("insert into verb_written values ($1)", n);
    };
    co_await async.transaction(body);
}

pg::Task<void> one(pg::AsyncClient async, int n) { co_await async.exec("insert into verb_written values ($1)", n); }

pg::Task<void> script(pg::AsyncClient async, int n) {
    const std::string text =
        "insert into verb_written select generate_series(" + std::to_string(n) + ", " + std::to_string(n + 2) + ")";
    co_await async.run_script(text);
}

pg::Task<void> batch(pg::AsyncClient async, int n) {
    pg::Batch all = async.batch();
    for (int i = 0; i < 3; ++i) all.exec("insert into verb_written values ($1)", n + i);
    co_await async.run(all);
}

pg::Task<void> copy_in(pg::AsyncClient async, int n) {
    auto copy = co_await pg::AsyncCopyIn<int>::open(async, "verb_written");
    std::vector<int> rows{n, n + 1, n + 2};
    co_await copy.write(std::move(rows));
    EXPECT_EQ(co_await copy.finish(), 3u);
}

pg::Task<void> copy_writer(pg::AsyncClient async, int n) {
    auto writer = co_await pg::AsyncCopyWriter::open(async, "copy verb_written from stdin");
    for (int i = 0; i < 3; ++i) co_await writer.write(std::to_string(n + i) + '\n');
    EXPECT_EQ(co_await writer.finish(), 3u);
}

}  // namespace

const Table& awaited() {
    static const Table all{
        {{"query_all",
          [](pg::Client& db) {
              std::string text;
              for (const Row& row : db.async().query_all<Row>("select n, label from verb_rows order by n").get())
                  add(text, row);
              return text;
          }},
         {"query",
          [](pg::Client& db) {
              std::string text;
              const pg::Result rows = db.async().query("select n, label from verb_rows where n <= $1", 40).get();
              for (const pg::Row& row : rows) add(text, {row.get<int>(0), row.get<std::string>(1)});
              return text;
          }},
         {"prepared",
          [](pg::Client& db) {
              const auto find = db.prepare<std::optional<Row>(int)>("select n, label from verb_rows where n = $1");
              std::string text;
              for (const int n : {3, 7, 1000}) add(text, db.async().call(find, n).get().value_or(Row{0, "none"}));
              return text;
          }},
         {"batch",
          [](pg::Client& db) {
              pg::Batch batch = db.async().batch();
              std::vector<pg::Deferred<Row>> rows;
              for (int n = 1; n <= 5; ++n)
                  rows.push_back(batch.query_one<Row>("select n, label from verb_rows where n = $1", n));
              db.async().run(batch, pg::BatchMode::each).get();
              std::string text;
              for (const auto& row : rows) add(text, row.get());
              return text;
          }},
         {"stream", [](pg::Client& db) { return pg::sync_wait(stream(db.async())); }, false, true},
         {"copy_out", [](pg::Client& db) { return pg::sync_wait(copy_out(db.async())); }, false, true},
         {"copy_reader", [](pg::Client& db) { return pg::sync_wait(copy_reader(db.async())); }},
         {"large_object", [](pg::Client& db) { return pg::sync_wait(read_large_object(db.async())); }},
         {"connection", [](pg::Client& db) { return pg::sync_wait(on_connection(db.async())); }, true},
         {"listen",
          [](pg::Client& db) {
              pg::Client two = db;
              return pg::sync_wait(listen(db.async(), two));
          },
          true}},
        {{"exec", 1, [](pg::Client& db, int n) { return said(1, one(db.async(), n)); }, true},
         {"transaction", 1, [](pg::Client& db, int n) { return said(1, in_transaction(db.async(), n)); }},
         {"transaction by its body", 1, [](pg::Client& db, int n) { return said(1, by_body(db.async(), n)); }},
         {"savepoint", 1, [](pg::Client& db, int n) { return said(1, in_savepoint(db.async(), n)); }},
         {"savepoints that are undone", 1,
          [](pg::Client& db, int n) { return said(1, after_a_savepoint(db.async(), n)); }},
         {"large object", 1, [](pg::Client& db, int n) { return said(1, beside_a_large_object(db.async(), n)); }},
         {"script", 3, [](pg::Client& db, int n) { return said(3, script(db.async(), n)); }, true},
         {"batch", 3, [](pg::Client& db, int n) { return said(3, batch(db.async(), n)); }, true},
         {"copy_in", 3, [](pg::Client& db, int n) { return said(3, copy_in(db.async(), n)); }},
         {"copy_writer", 3, [](pg::Client& db, int n) { return said(3, copy_writer(db.async(), n)); }}}};
    return all;
}

}  // namespace verbs
