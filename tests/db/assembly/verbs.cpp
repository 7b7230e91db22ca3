// Running each verb, and telling what it said.
#include "tests/db/assembly/verbs.hpp"

#include <gtest/gtest.h>
#include <pg/batch.hpp>
#include <pg/connection.hpp>
#include <pg/copy.hpp>
#include <pg/large_object.hpp>
#include <pg/listener.hpp>
#include <pg/savepoint.hpp>

namespace verbs {
namespace {

using namespace std::chrono_literals;
using Row = std::tuple<int, std::string>;

/// The text of a thousand rows or of one: the same whichever way they were read.
void add(std::string& all, const Row& row) { all += std::to_string(std::get<0>(row)) + std::get<1>(row) + ";"; }

std::vector<Said> said(std::size_t count, const std::function<void()>& write) {
    try {
        write();
        return std::vector<Said>(count);
    } catch (const pg::Error& error) {
        EXPECT_TRUE(!error.connection_usable() || may_go_on(error)) << error.what();
        return std::vector<Said>(count, error.outcome());
    }
}

}  // namespace

void make_tables(pg::Client& db) {
    db.run_script(
        "drop table if exists verb_rows, verb_written; create table verb_written (n int primary key);"
        "create table verb_rows as select n, repeat('x', n % 9) as label from generate_series(1, 60) n;"
        "select lo_unlink(oid) from pg_largeobject_metadata where oid = 4711;"
        "select lo_from_bytea(4711, repeat('large ', 500)::bytea)");
}

namespace {

const std::vector<Reader>& readers() {
    static const std::vector<Reader> all{
        {"query_all",
         [](pg::Client& db) {
             std::string text;
             for (const Row& row : db.query_all<Row>("select n, label from verb_rows order by n")) add(text, row);
             return text;
         }},
        {"query",
         [](pg::Client& db) {
             std::string text;
             const pg::Result result = db.query("select n, label from verb_rows where n <= $1 order by n", 40);
             for (const pg::Row& row : result) add(text, {row.get<int>(0), row.get<std::string>(1)});
             return text + std::string(result.tag());
         }},
        {"prepared",
         [](pg::Client& db) {
             const auto find = db.prepare<std::optional<Row>(int)>("select n, label from verb_rows where n = $1");
             std::string text;
             for (const int n : {3, 7, 1000}) add(text, find(n).value_or(Row{0, "none"}));
             return text;
         }},
        {"stream",
         [](pg::Client& db) {
             std::string text;
             for (const Row& row : db.stream<int, std::string>("select n, label from verb_rows order by n"))
                 add(text, row);
             return text;
         },
         false, true},
        {"batch",
         [](pg::Client& db) {
             pg::Batch batch(db);
             std::vector<pg::Deferred<Row>> rows;
             for (int n = 1; n <= 5; ++n)
                 rows.push_back(batch.query_one<Row>("select n, label from verb_rows where n = $1", n));
             batch.run(pg::BatchMode::each);
             std::string text;
             for (const auto& row : rows) add(text, row.get());
             return text;
         }},
        {"copy_out",
         [](pg::Client& db) {
             std::string text;
             pg::CopyReader reader(db, "copy (select n, label from verb_rows order by n) to stdout");
             while (const auto piece = reader.read()) text += *piece;
             return text;
         }},
        {"large_object",
         [](pg::Client& db) {
             std::string text(3000, '.');
             pg::Transaction transaction = db.begin();
             pg::LargeObject object(transaction, large_object);
             text.resize(object.read(std::as_writable_bytes(std::span(text))));
             transaction.commit();
             return text;
         }},
        {"listen",
         [](pg::Client& db) {
             pg::Listener listener(db);
             listener.listen("verbs");
             const auto heard = listener.next(1ms);
             return std::string("listened, and heard ") + (heard ? heard->payload : "nothing");
         },
         true},
    };
    return all;
}

const std::vector<Writer>& writers() {
    static const std::vector<Writer> all{
        {"exec", 1,
         [](pg::Client& db, int n) { return said(1, [&] { db.exec("insert into verb_written values ($1)", n); }); },
         true},
        {"transaction", 1,
         [](pg::Client& db, int n) {
             return said(1, [&] {
                 pg::Transaction transaction = db.begin();
                 transaction.exec("insert into verb_written values ($1)", n);
                 transaction.commit();
             });
         }},
        {"savepoint", 1,
         [](pg::Client& db, int n) {
             return said(1, [&] {
                 pg::Transaction transaction = db.begin();
                 pg::Savepoint savepoint = transaction.savepoint();
                 transaction.exec("insert into verb_written values ($1)", n);
                 savepoint.release();
                 transaction.commit();
             });
         }},
        {"script", 3,
         [](pg::Client& db, int n) {
             const std::string script = "insert into verb_written values (" + std::to_string(n) +
                                        "); insert into verb_written values (" + std::to_string(n + 1) +
                                        "); insert into verb_written values (" + std::to_string(n + 2) + ")";
             return said(3, [&] { db.run_script(script); });
         },
         true},
        {"atomic batch", 3,
         [](pg::Client& db, int n) {
             return said(3, [&] {
                 pg::Batch batch(db);
                 for (int i = 0; i < 3; ++i) batch.exec("insert into verb_written values ($1)", n + i);
                 batch.run();
             });
         },
         true},
        {"batch of each", 3,
         [](pg::Client& db, int n) {
             pg::Batch batch(db);
             std::vector<pg::Deferred<std::uint64_t>> inserts;
             for (int i = 0; i < 3; ++i) inserts.push_back(batch.exec("insert into verb_written values ($1)", n + i));
             static_cast<void>(batch.try_run(pg::BatchMode::each));
             std::vector<Said> outcomes;
             for (const auto& insert : inserts)
                 outcomes.push_back(said(1, [&] { static_cast<void>(insert.get()); }).front());
             return outcomes;
         }},
        {"copy_in", 3,
         [](pg::Client& db, int n) {
             return said(3, [&] {
                 pg::CopyIn<int> copy(db, "verb_written");
                 for (int i = 0; i < 3; ++i) copy.write(n + i);
                 EXPECT_EQ(copy.finish(), 3u);
             });
         }},
    };
    return all;
}

}  // namespace

const Table& blocking() {
    static const Table all{readers(), writers()};
    return all;
}

}  // namespace verbs
