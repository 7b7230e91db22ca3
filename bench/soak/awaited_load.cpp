// The load of a coroutine, and of one that listens.
#include <charconv>

#include "bench/soak/load.hpp"
#include "bench/soak/step.hpp"
#include "pg/async_listener.hpp"
#include "pg/batch.hpp"

namespace soak {
namespace {

class Worker {
public:
    Worker(Load& load, pg::AsyncClient db, std::uint32_t seed) : load_(load), db_(std::move(db)), random_(seed) {}

    pg::Task<void> run() {
        while (!load_.over) {
            if (load_.findings.is_shut_out()) co_await load_.rest();
            switch (random_() % 8) {
                case 0:
                case 1: co_await echo(); break;
                case 2:
                case 3: co_await transfer(); break;
                case 4: co_await stream(); break;
                case 5: co_await batch(); break;
                case 6: co_await change_alone(); break;
                default: co_await give_up(); break;
            }
        }
    }

private:
    pg::AsyncExecutor in_time() const { return db_.with({.timeout = patience}); }

    pg::Task<void> echo() {
        const Step step(load_.findings, "an awaited query", patience);
        const std::int64_t number = load_.number();
        const auto reply = co_await in_time().try_query_one<std::int64_t>("select $1::bigint", number);
        step.expect_echo(reply, number);
    }

    pg::Task<void> transfer() {
        const Step step(load_.findings, "an awaited transfer", patience);
        const std::int64_t number = load_.number();
        const auto [from, to] = two_accounts(random_);
        step.settle(number, co_await transfer(number, from, to));
    }
    pg::Task<pg::Expected<void>> transfer(std::int64_t number, int from, int to) {
        auto transaction = co_await db_.try_begin({.timeout = patience});
        if (!transaction) co_return undone(transaction.error());
        for (const auto& [account, amount] : {std::pair(from, -1), std::pair(to, 1)})
            if (auto moved = co_await transaction->try_exec(move_money, account, amount); !moved)
                co_return undone(moved.error());
        if (auto noted = co_await transaction->try_exec(note_transfer, number); !noted) co_return undone(noted.error());
        co_return co_await transaction->try_commit();
    }

    pg::Task<void> stream() {
        const Step step(load_.findings, "an awaited stream", patience);
        const std::int64_t number = load_.number();
        const int rows = static_cast<int>(random_() % 3000);
        const bool leaves = random_() % 4 == 0;
        auto stream = co_await in_time().try_stream<Pair>(numbered_rows, number, rows);
        if (!stream) co_return step.failed(stream.error());
        std::int64_t seen = 0;
        for (;;) {
            const auto row = co_await stream->try_next();
            if (!row) co_return step.failed(row.error());
            if (*row == nullptr) break;
            step.expect((*row)->number == number && (*row)->row == ++seen, "a row of an awaited stream");
            if (leaves && seen == rows / 2) co_return;
        }
        step.expect(seen == rows, "the end of an awaited stream");
    }

    pg::Task<void> batch() {
        const Step step(load_.findings, "an awaited batch", patience);
        pg::Batch batch = db_.batch();
        std::vector<std::pair<std::int64_t, pg::Deferred<std::int64_t>>> replies;
        for (int i = 0; i < 8; ++i) {
            const std::int64_t number = load_.number();
            replies.emplace_back(number, batch.query_one<std::int64_t>("select $1::bigint", number));
        }
        const auto mode = random_() % 2 == 0 ? pg::BatchMode::atomic : pg::BatchMode::each;
        // Without a session it stays untouched, to be run another time.
        if (const auto ran = co_await in_time().try_run(batch, mode); !ran) co_return step.failed(ran.error());
        for (const auto& [number, reply] : replies) step.expect_echo(reply.try_get(), number);
    }

    pg::Task<void> change_alone() {
        const Step step(load_.findings, "an awaited insert", patience);
        const std::int64_t number = load_.number();
        auto said = co_await in_time().try_exec(note_transfer, number);
        step.settle(number, said ? pg::Expected<void>() : std::move(said).error());
    }

    pg::Task<void> give_up() {
        const std::chrono::milliseconds little(5 + random_() % 40);
        const Step step(load_.findings, "an awaited statement that is given up", little);
        const auto late = co_await db_.with({.timeout = little}).try_exec("select pg_sleep(0.1)");
        if (!late) step.failed(late.error());
    }

    Load& load_;
    const pg::AsyncClient db_;
    std::mt19937 random_;
};

}  // namespace

pg::Task<void> work(Load& load, pg::AsyncClient db, std::uint32_t seed) {
    Worker worker(load, std::move(db), seed);
    co_await worker.run();
}

pg::Task<void> listen(Load& load, pg::Client& db) {
    pg::AsyncListener listener(db);
    std::int64_t last = 0;
    bool gap = true;
    for (bool hears = false; !load.over;) {
        if (!hears) {
            const auto listening = co_await listener.try_listen("numbers");
            if (!listening) load.findings.failed("LISTEN", listening.error());
            hears = listening.has_value();
            continue;
        }
        const auto heard = co_await listener.try_next(std::chrono::milliseconds(200));
        if (!heard) {
            load.findings.failed("a listener", heard.error());
            gap = true;
            continue;
        }
        if (heard->gap) {
            ++load.findings.gaps;
            gap = true;
        }
        if (!heard->message) continue;
        ++load.findings.messages;
        const std::string& text = heard->message->payload;
        std::int64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        if (number <= last) load.findings.broken(3, "message " + text + " came behind " + std::to_string(last));
        // The sender tells of each number, until the server took it.
        if (!gap && number != last + 1)
            load.findings.broken(3, "message " + text + " came behind " + std::to_string(last) + ", and no gap");
        gap = false;
        last = number;
    }
}

}  // namespace soak
