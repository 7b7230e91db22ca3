// The load of a thread.
#include <thread>

#include "bench/soak/load.hpp"
#include "bench/soak/step.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/transaction.hpp"

namespace soak {
namespace {

class Worker {
public:
    Worker(Load& load, pg::Client& db, std::uint32_t seed) : load_(load), db_(db), random_(seed) {}

    void run() {
        while (!load_.over) {
            if (load_.findings.is_shut_out()) std::this_thread::sleep_for(rest);
            switch (random_() % 11) {
                case 0:
                case 1: echo(); break;
                case 2:
                case 3: transfer(); break;
                case 4: stream(); break;
                case 5: copy(); break;
                case 6: batch(); break;
                case 7: change_alone(); break;
                case 8: look_around(); break;
                case 9: transfer_by_function(); break;
                default: give_up(); break;
            }
        }
    }

private:
    pg::Tuned in_time() { return db_.with({.timeout = patience}); }

    void echo() {
        const Step step(load_.findings, "a query", patience);
        const std::int64_t number = load_.number();
        const bool may_run_twice = random_() % 2 == 0;
        pg::Tuned tuned = db_.with({.timeout = patience, .idempotent = may_run_twice});
        const auto reply = tuned.try_query_one<std::int64_t>("select $1::bigint", number);
        step.expect_echo(reply, number);
    }

    void transfer() {
        Step step(load_.findings, "a transfer", patience);
        const std::int64_t number = load_.number();
        const auto [from, to] = two_accounts(random_);
        step.settle(number, transfer(step, number, from, to));
    }
    pg::Expected<void> transfer(Step& step, std::int64_t number, int from, int to) {
        auto transaction = db_.try_begin({.timeout = patience});
        if (!transaction) return undone(transaction.error());
        auto moved = move(*transaction, number, from, to);
        if (!moved) {
            step.stop_the_clock();
            return undone(moved.error());
        }
        auto committed = transaction->try_commit();
        step.stop_the_clock();
        return committed;
    }
    static pg::Expected<void> move(pg::Transaction& transaction, std::int64_t number, int from, int to) {
        for (const auto& [account, amount] : {std::pair(from, -1), std::pair(to, 1)})
            if (auto moved = transaction.try_exec(move_money, account, amount); !moved) return moved.error();
        if (auto noted = transaction.try_exec(note_transfer, number); !noted) return noted.error();
        return {};
    }

    /// By a function that is run again where that may help: it takes its time once, and is done once.
    void transfer_by_function() {
        Step step(load_.findings, "a transfer by a function", patience);
        const std::int64_t number = load_.number();
        const auto [from, to] = two_accounts(random_);
        const auto done = db_.transaction({.timeout = patience}, [&, from = from, to = to](pg::Transaction& part) {
            return move(part, number, from, to);
        });
        step.stop_the_clock();
        const bool is_told = done || done.error().kind() == pg::ErrorKind::commit_unknown;
        step.settle(number, is_told ? done : undone(done.error()));
    }

    void stream() {
        Step step(load_.findings, "a stream", patience);
        const std::int64_t number = load_.number();
        const int rows = static_cast<int>(random_() % 3000);
        const bool leaves = random_() % 4 == 0;
        auto stream = in_time().try_stream<Pair>(numbered_rows, number, rows);
        if (!stream) return step.failed(stream.error());
        std::int64_t seen = 0;
        for (;;) {
            auto row = stream->try_next();
            if (!row) return step.stop_the_clock(), step.failed(row.error());
            if (*row == nullptr) break;
            step.expect((*row)->number == number && (*row)->row == ++seen, "a row of a stream");
            if (leaves && seen == rows / 2) return step.stop_the_clock();
        }
        step.stop_the_clock();
        step.expect(seen == rows, "the end of a stream");
    }

    void copy() {
        Step step(load_.findings, "a COPY", patience);
        pg::Tuned tuned = in_time();
        const std::int64_t number = load_.number();
        const int rows = static_cast<int>(1 + random_() % 500);
        auto in = pg::CopyIn<Pair>::try_open(tuned, "copied (number, row)");
        if (!in) return step.failed(in.error());
        for (std::int64_t row = 1; row <= rows; ++row)
            if (auto written = in->try_write(Pair{number, row}); !written)
                return step.stop_the_clock(), step.failed(written.error());
        const auto copied = in->try_finish();
        step.stop_the_clock();
        if (!copied) return step.failed(copied.error());
        step.expect(*copied == static_cast<std::uint64_t>(rows), "the count of a COPY");
    }

    void batch() {
        const Step step(load_.findings, "a batch", patience);
        pg::Tuned tuned = in_time();
        pg::Batch batch(tuned);
        std::vector<std::pair<std::int64_t, pg::Deferred<std::int64_t>>> replies;
        for (int i = 0; i < 8; ++i) {
            const std::int64_t number = load_.number();
            replies.emplace_back(number, batch.query_one<std::int64_t>("select $1::bigint", number));
        }
        const auto mode = random_() % 2 == 0 ? pg::BatchMode::atomic : pg::BatchMode::each;
        if (const auto ran = batch.try_run(mode); !ran) return step.failed(ran.error());
        for (const auto& [number, reply] : replies) step.expect_echo(reply.try_get(), number);
    }

    void change_alone() {
        const Step step(load_.findings, "an insert", patience);
        const std::int64_t number = load_.number();
        auto said = in_time().try_exec(note_transfer, number);
        step.settle(number, said ? pg::Expected<void>() : std::move(said).error());
    }

    /// Finds nothing of others in its session, and leaves a lot.
    void look_around() {
        const Step step(load_.findings, "a borrowed session", 3 * patience);
        auto connection = db_.try_connection(patience);
        if (!connection) return step.failed(connection.error());
        const auto found = connection->with({.timeout = patience}).try_query_one<std::string>(traces);
        if (!found) return step.failed(found.error());
        step.expect_clean(*found);
        if (auto left = connection->with({.timeout = patience}).try_run_script(leave_traces); !left)
            step.failed(left.error());
    }

    void give_up() {
        const std::chrono::milliseconds little(5 + random_() % 40);
        const Step step(load_.findings, "a statement that is given up", little);
        const auto late = db_.with({.timeout = little}).try_exec("select pg_sleep(0.1)");
        if (!late) step.failed(late.error());
    }

    Load& load_;
    pg::Client& db_;
    std::mt19937 random_;
};

}  // namespace

void make_tables(pg::Executor& db) {
    db.run_script(
        "create table accounts (id int primary key, balance bigint not null);"
        "create table transfers (number bigint not null);"
        "create table copied (number bigint not null, row bigint not null)");
    db.exec("insert into accounts select n, $1::bigint from generate_series(0, $2::int - 1) n", balance, accounts);
}

void work(Load& load, pg::Client& db, std::uint32_t seed) { Worker(load, db, seed).run(); }

}  // namespace soak
