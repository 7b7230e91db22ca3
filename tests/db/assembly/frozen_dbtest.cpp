// A server that falls silent under every function that can wait for it: each ends within its time, with the error that
// says so, and its client goes on as soon as the server does, with as many sessions as before.
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <pg/batch.hpp>
#include <pg/connection.hpp>
#include <pg/pool/pool.hpp>
#include <pg/stop.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <pg/testing/test_server.hpp>
#include <set>
#include <stop_token>
#include <thread>

#include "tests/db/assembly/frozen_verbs.hpp"
#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;
using frozen::End;
using pg::testing::Direction;
using pg::testing::FaultProxy;

/// How the sessions of a client are made, and what falls silent.
struct Kind {
    const char* provider;
    const char* engine;
    bool is_of_processes = false;  ///< those of the sessions are stopped (SIGSTOP), else the line is
};

/// The server processes of one client, stopped in their tracks until this goes.
class StoppedProcesses {
public:
    explicit StoppedProcesses(const std::string& client) {
        // By a thread of its own: a coroutine of a loop may be what asks.
        std::jthread([&] {
            pg::Client onlooker = pg::connect(pg::testing::shared_server().conninfo());
            all_ = onlooker.query_all<std::int32_t>("select pid from pg_stat_activity where application_name = $1",
                                                    client);
        }).join();
        EXPECT_FALSE(all_.empty()) << client;
        for (const int process : all_) pg::testing::shared_server().freeze_backend(process);
    }
    StoppedProcesses(const StoppedProcesses&) = delete;
    StoppedProcesses& operator=(const StoppedProcesses&) = delete;
    ~StoppedProcesses() {
        for (const int process : all_) pg::testing::shared_server().thaw_backend(process);
    }

private:
    std::vector<std::int32_t> all_;
};

/// A line of its own to the server, for one row.
class SilentLine final : public frozen::Line {
public:
    /// Each request of its clients has this time.
    SilentLine(const Kind& kind, std::chrono::milliseconds timeout) : kind_(kind), timeout_(timeout) {}

    void go_silent() override {
        if (stopping_) return stop_when_sent();
        if (kind_.is_of_processes)
            processes_.emplace(name_);
        else
            for (const Direction direction : {Direction::to_server, Direction::to_client})
                proxy_.set(direction, {.frozen = true});
        silent_since_ = std::chrono::steady_clock::now();
    }
    [[nodiscard]] pg::Client other_client() override { return pg::open(conninfo(), options()); }
    [[nodiscard]] std::string conninfo() const override {
        // The buffers of a unix socket are small: there is little to be read once its process is stopped.
        const pg::testing::TestServer& server = pg::testing::shared_server();
        return (kind_.is_of_processes ? server.conninfo(database()) : proxy_.conninfo(server, database())) +
               " engine=" + kind_.engine + " application_name=" + name_;
    }
    [[nodiscard]] pg::Options options() const override {
        return {.provider = kind_.provider, .pool_max_size = 2, .timeout = timeout_};
    }
    [[nodiscard]] bool falls_silent() const override { return true; }

    void heal() {
        processes_.reset();
        proxy_.heal();
    }
    /// What its callers give to a call that is to be stopped, and not to come to the end of its time: the server falls
    /// silent by answering nothing, and as soon as the call was sent, its caller wants it no more.
    [[nodiscard]] const pg::StopToken& stop() {
        stopping_.emplace();
        return token_.emplace(stopping_->get_token());
    }
    void end_call() override { call_ended_ = std::chrono::steady_clock::now(); }
    /// A call on something that ends with it.
    class Call {
    public:
        explicit Call(SilentLine& line) : line_(line) {}
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;
        ~Call() { line_.end_call(); }

    private:
        SilentLine& line_;
    };
    /// How long the call took from then on; nothing when it did not fall silent.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> silence() {
        if (stopper_.joinable()) stopper_.join();
        if (!silent_since_) return std::nullopt;
        return call_ended_.value_or(std::chrono::steady_clock::now()) - *silent_since_;
    }
    [[nodiscard]] static const std::string& database() {
        static const std::string name = "frozen";
        return name;
    }

private:
    void stop_when_sent() {
        proxy_.set(Direction::to_client, {.frozen = true});
        const auto sent = proxy_.stats().to_server.bytes_out + 1;
        stopper_ = std::jthread([this, sent] {
            EXPECT_TRUE(proxy_.wait_for_bytes_out(Direction::to_server, sent, pg::Deadline::after(10s)));
            silent_since_ = std::chrono::steady_clock::now();
            stopping_->request_stop();
        });
    }

    static std::string next_name() {
        static std::atomic<int> last = 0;
        return "line_" + std::to_string(++last);
    }

    const std::string name_ = next_name();
    Kind kind_;
    std::chrono::milliseconds timeout_;
    FaultProxy proxy_ = FaultProxy::start(pg::testing::shared_server());
    std::optional<StoppedProcesses> processes_;
    std::optional<std::stop_source> stopping_;
    std::optional<pg::StopToken> token_;
    std::optional<std::chrono::steady_clock::time_point> silent_since_, call_ended_;
    std::jthread stopper_;
};

/// A row of whichever table.
struct Row {
    std::string name;
    std::function<void(SilentLine&, pg::Client&)> call;
    End end;
    std::chrono::milliseconds more;
};

/// Whether the error is one of a time that is over.
bool is_of_time(const pg::Error& error) {
    return error.kind() == pg::ErrorKind::timeout || error.kind() == pg::ErrorKind::pool_timeout ||
           error.kind() == pg::ErrorKind::commit_unknown;
}

/// What came of a row.
struct Course {
    std::optional<pg::Error> failure;
    std::optional<std::chrono::nanoseconds> silence;  ///< from the time that the server fell silent
};

Course run(SilentLine& line, pg::Client& db, const Row& row) {
    Course course;
    try {
        row.call(line, db);
    } catch (const pg::Error& error) {
        course.failure = error;
    }
    course.silence = line.silence();
    line.heal();
    return course;
}

void check(const Kind& kind, const Row& row) {
    SCOPED_TRACE(row.name);
    for (int attempt = 1;; ++attempt) {
        // What comes before the silence has the same time, which a busy machine may use up, as it may be late itself:
        // then it gets more. What hangs does so again.
        const std::chrono::milliseconds timeout = 300ms * attempt * attempt;
        SilentLine line(kind, timeout);
        pg::Client db = line.other_client();
        db.with({.timeout = 10s}).exec("select 1");
        const Course course = run(line, db, row);
        const auto bound = testing_support::bound_on_hang(timeout + row.more);
        if ((!course.silence || *course.silence > bound) && attempt < 5) continue;
        ASSERT_TRUE(course.silence) << "it ended before: " << (course.failure ? course.failure->what() : "well");
        EXPECT_LE(*course.silence, bound);
        if (row.end == End::late) {
            ASSERT_TRUE(course.failure) << "it did not wait for the server";
            EXPECT_TRUE(is_of_time(*course.failure)) << course.failure->what();
        } else {
            EXPECT_FALSE(course.failure) << course.failure->what();
        }
        if (row.name == "Client::close") return;
        EXPECT_EQ(db.with({.timeout = 10s}).query_one<int>("select 1"), 1);
        std::vector<pg::Connection> all;
        while (all.size() < db.pool().stats().max_size) {
            auto one = db.try_connection(10s);
            ASSERT_TRUE(one) << "a place in the pool did not come back: " << one.error().what();
            all.push_back(*std::move(one));
        }
        return;
    }
}

/// Some rows at a time, in threads of their own: they wait most of the time.
template <class Check>
void check_all(const std::vector<Row>& rows, Check check) {
    std::set<std::string> names;
    for (const Row& row : rows) EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands there twice";
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 20; ++thread)
        threads.emplace_back([&] {
            for (std::size_t at = next++; at < rows.size(); at = next++) check(rows[at]);
        });
}
void check_all(const Kind& kind, const std::vector<Row>& rows) {
    check_all(rows, [&](const Row& row) { check(kind, row); });
}

/// One row for each kind of executor.
template <class Verb, class OnClient, class OnConnection, class OnTransaction>
void add_for_each_executor(std::vector<Row>& rows, const std::vector<Verb>& verbs, OnClient on_client,
                           OnConnection on_connection, OnTransaction on_transaction) {
    for (const Verb& verb : verbs) {
        const std::string name = verb.function;
        rows.push_back({name, [=](SilentLine& line, pg::Client& db) { on_client(verb, line, db); }, End::late, 0ms});
        rows.push_back({name + " of a connection",
                        [=](SilentLine& line, pg::Client& db) { on_connection(verb, line, db); }, End::late, 0ms});
        rows.push_back({name + " of a transaction",
                        [=](SilentLine& line, pg::Client& db) { on_transaction(verb, line, db); }, End::late, 0ms});
    }
}
template <class Verb>
void add(std::vector<Row>& rows, const std::vector<Verb>& verbs) {
    for (const Verb& verb : verbs)
        rows.push_back({verb.function,
                        [verb](SilentLine& line, pg::Client& db) {
                            if constexpr (std::is_same_v<Verb, frozen::AwaitedVerb>)
                                pg::sync_wait(verb.call(line, db, db.async()));
                            else
                                verb.call(line, db);
                        },
                        verb.end, verb.more});
}

class Frozen : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() {
        static const std::string conninfo = pg::testing::shared_server().create_database(SilentLine::database());
        pg::Client db = pg::connect(conninfo);
        frozen::make_tables(db);
    }
};
INSTANTIATE_TEST_SUITE_P(Engine, Frozen, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(Frozen, ServerEndsEveryFunctionThatBlocksInItsTime) {
    std::vector<Row> rows;
    add_for_each_executor(
        rows, frozen::executor_verbs(), [](auto& verb, auto& line, pg::Client& db) { verb.call(line, db); },
        [](auto& verb, auto& line, pg::Client& db) {
            pg::Connection connection = db.connection();
            const SilentLine::Call call(line);
            verb.call(line, connection);
        },
        [](auto& verb, auto& line, pg::Client& db) {
            pg::Transaction transaction = db.begin();
            const SilentLine::Call call(line);
            verb.call(line, transaction);
        });
    add(rows, frozen::clients());
    add(rows, frozen::transactions());
    add(rows, frozen::statements());
    add(rows, frozen::pools());
    check_all({"libpq", GetParam()}, rows);
}

pg::Task<void> on_connection(const frozen::AwaitedExecutorVerb& verb, SilentLine& line, pg::AsyncClient async) {
    const pg::AsyncConnection connection = co_await async.connection();
    const SilentLine::Call call(line);
    co_await verb.call(line, connection);
}
pg::Task<void> on_transaction(const frozen::AwaitedExecutorVerb& verb, SilentLine& line, pg::AsyncClient async) {
    const pg::AsyncTransaction transaction = co_await async.begin();
    const SilentLine::Call call(line);
    co_await verb.call(line, transaction);
}

std::vector<Row> awaited_rows() {
    std::vector<Row> rows;
    add_for_each_executor(
        rows, frozen::awaited_executor_verbs(),
        [](auto& verb, auto& line, pg::Client& db) { pg::sync_wait(verb.call(line, db.async())); },
        [](auto& verb, auto& line, pg::Client& db) { pg::sync_wait(on_connection(verb, line, db.async())); },
        [](auto& verb, auto& line, pg::Client& db) { pg::sync_wait(on_transaction(verb, line, db.async())); });
    add(rows, frozen::all_awaited());
    add(rows, frozen::waits());
    add(rows, frozen::pools());
    // And what closes a client, whose sessions live on a loop.
    for (const frozen::Verb& verb : frozen::clients())
        if (std::set<std::string>{"Client::close", "Client::operator=", "Client::~Client"}.contains(verb.function))
            add(rows, std::vector{verb});
#if defined(PGCLIENT_TEST_ASIO)
    add(rows, frozen::of_asio());
#endif
    return rows;
}

TEST_P(Frozen, ServerEndsEveryFunctionThatIsAwaitedInItsTime) { check_all({"async", GetParam()}, awaited_rows()); }

TEST_P(Frozen, ProcessesOfAServerEndEveryFunctionThatIsAwaitedInItsTime) {
    std::vector<Row> rows = awaited_rows();
    // For these the server opens another session, whose process nobody has stopped.
    const std::set<std::string> served{"AsyncClient::connection", "AsyncClient::try_connection", "Pool::wait_ready"};
    std::erase_if(rows, [&](const Row& row) { return served.contains(row.name); });
    check_all({"async", GetParam(), true}, rows);
}

/// Runs a row whose call is stopped when it was sent: it ends within the time for cleaning up, as what was stopped.
void check_stopped(const Kind& kind, const Row& row) {
    SCOPED_TRACE(row.name);
    SilentLine line(kind, 60s);
    pg::Client db = line.other_client();
    db.exec("select 1");
    const Course course = run(line, db, row);
    ASSERT_TRUE(course.silence);
    EXPECT_LE(*course.silence, testing_support::bound_on_hang(2s + row.more));
    ASSERT_TRUE(course.failure) << "it did not wait for the server";
    EXPECT_EQ(course.failure->kind(), pg::ErrorKind::cancelled) << course.failure->what();
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

TEST_P(Frozen, ServerEndsEveryVerbThatIsStopped) {
    std::vector<Row> rows, awaited;
    for (const frozen::ExecutorVerb& verb : frozen::executor_verbs())
        for (const bool on_connection : {false, true}) {
            const auto call = [=](SilentLine& line, pg::Client& db) {
                std::optional<pg::Connection> connection;
                if (on_connection) connection.emplace(db.connection());
                pg::Executor& on = on_connection ? static_cast<pg::Executor&>(*connection) : db;
                auto stoppable = on.with({.stop = &line.stop()});
                const SilentLine::Call timed(line);
                verb.call(line, stoppable);
            };
            rows.push_back({verb.function + std::string(on_connection ? " of a connection" : ""), call, End::late, 0s});
        }
    for (const frozen::AwaitedExecutorVerb& verb : frozen::awaited_executor_verbs()) {
        const auto call = [=](SilentLine& line, pg::Client& db) {
            pg::sync_wait(verb.call(line, db.async().with({.stop = &line.stop()})));
        };
        awaited.push_back({verb.function, call, End::late, 0s});
    }
    check_all(rows, [](const Row& row) { check_stopped({"libpq", GetParam()}, row); });
    check_all(awaited, [](const Row& row) { check_stopped({"async", GetParam()}, row); });
}

}  // namespace
