// Frames that are destroyed at every suspension: what runs them, and looks for what they leave behind.
#pragma once

#include <coroutine>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <pg/testing/test_server.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"
#include "tests/db/assembly/stepped_loop.hpp"

namespace destroyed {

using namespace std::chrono_literals;
using frozen::SteppedLoop;

constexpr std::size_t sessions = 2;

/// A server that goes on.
class GoodLine final : public frozen::Line {
public:
    GoodLine(std::string conninfo, SteppedLoop& loop) : conninfo_(std::move(conninfo)), loop_(loop) {}
    void go_silent() override {}
    [[nodiscard]] pg::Client other_client() override { return pg::open(conninfo_, options()); }
    [[nodiscard]] std::string conninfo() const override { return conninfo_; }
    [[nodiscard]] pg::Options options() const override {
        return {.provider = "async", .pool_max_size = sessions, .timeout = 10s, .event_loop = &loop_};
    }
    [[nodiscard]] bool falls_silent() const override { return false; }

private:
    std::string conninfo_;
    SteppedLoop& loop_;
};

/// How a frame ended that was not destroyed before.
struct Ended {
    bool is_over = false;
    std::optional<pg::Error> failure;
};

/// A coroutine that its owner may destroy at any time. Handle.
class Frame {
public:
    struct promise_type {
        Frame get_return_object() { return Frame(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    Frame(Frame&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Frame& operator=(Frame&&) = delete;
    ~Frame() {
        if (handle_) handle_.destroy();
    }

private:
    explicit Frame(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

inline Frame drive(pg::Task<void> task, Ended& ended) {
    try {
        co_await std::move(task);
    } catch (const pg::Error& error) {
        ended.failure = error;
    }
    ended.is_over = true;
}

using Call = std::function<pg::Task<void>(frozen::Line&, pg::Client&)>;

/// When a frame is destroyed.
enum class When : std::uint8_t {
    at_once,      ///< while the server is at work
    is_answered,  ///< when what it says has come, and nobody has seen it yet
    is_new,       ///< at once, of a client that has no session yet
    in_handler,   ///< by the handler of another call, on the loop, that has ended meanwhile
    by_job,       ///< by a job that another thread hands to the loop
};

inline pg::Task<void> lend_all(pg::AsyncClient async, std::vector<pg::AsyncConnection>& all) {
    while (all.size() < sessions) all.push_back(co_await async.connection());
}

/// Its parameter is the engine.
class DestroyedTest : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() {
        pg::Client db = pg::connect(database());
        frozen::make_tables(db);
    }
    void TearDown() override {
        // All that is left of the clients is work of the loop.
        const auto until = std::chrono::steady_clock::now() + 60s;
        while ((!loop_.is_empty() || count("true") != 0) && std::chrono::steady_clock::now() < until) loop_.turn(1ms);
        EXPECT_TRUE(loop_.is_empty());
        EXPECT_EQ(count("true"), 0) << "sessions that nobody has";
    }
    static const std::string& database() {
        static const std::string text = pg::testing::shared_server().create_database("destroyed");
        return text;
    }

    /// Destroys the frame of a verb after no turn of the loop, after one, and so on, until the verb ends before that.
    /// With a number in `held`, all sessions are when the verb begins, and are given back after so many turns, or
    /// before as soon as nothing else is left to do.
    void at_every_turn(const std::string& name, const Call& call, When when = When::at_once,
                       std::optional<int> held = {}) {
        SCOPED_TRACE(name);
        std::optional<pg::Client> db = line_.other_client();
        for (int turns = 0; turns < 1000; ++turns) {
            SCOPED_TRACE("destroyed after turn " + std::to_string(turns));
            if (when == When::is_new) db = line_.other_client();
            Ended ended;
            bool was_over = false;
            std::vector<pg::AsyncConnection> all;
            if (held) hold(*db, all);
            {
                std::optional<Frame> frame(drive(call(line_, *db), ended));
                for (int turn = 0; turn < turns && !ended.is_over; ++turn) {
                    if (turn == held) all.clear();
                    ASSERT_TRUE(turn_or_give_back(all)) << "nothing happens";
                }
                if (turns == held) all.clear();  // and nobody has seen it yet
                was_over = ended.is_over;
                if (when == When::is_answered && !ended.is_over) loop_.wait(10ms);
                if (when == When::in_handler && !ended.is_over) destroy_in_handler(*db, frame);
                if (when == When::by_job && !ended.is_over) destroy_by_job(frame);
            }
            all.clear();
            expect_nothing_left(*db);
            if (HasFatalFailure()) return;
            destroyed_ += !ended.is_over;
            if (!was_over) continue;  // it may have ended in the turns until the handler or the job came
            EXPECT_FALSE(ended.failure) << ended.failure->what();
            EXPECT_GE(turns, 1) << "it was not suspended at all";
            return;
        }
        FAIL() << "it does not end";
    }
    /// How many frames were destroyed while they were suspended.
    [[nodiscard]] int destroyed() const { return destroyed_; }
    /// A client of the same database, which is not on the loop.
    [[nodiscard]] pg::Client& observer() { return observer_; }

private:
    /// The handler of a call that needs no session, as its argument has no wire form.
    void destroy_in_handler(const pg::Client& db, std::optional<Frame>& frame) {
        constexpr std::string_view zero("\0", 1);
        db.async().try_exec("select $1::text", zero).start([&](const pg::Expected<std::uint64_t>& refused) {
            EXPECT_FALSE(refused);
            frame.reset();
        });
        while (frame && loop_.turn(20s)) {
        }
        EXPECT_FALSE(frame) << "the handler is not called";
    }
    void destroy_by_job(std::optional<Frame>& frame) {
        class Destroy final : public pg::spi::Job {
        public:
            explicit Destroy(std::optional<Frame>& target) : frame(target) {}

        private:
            void do_run() noexcept override { frame.reset(); }
            std::optional<Frame>& frame;
        };
        Destroy job(frame);
        std::thread elsewhere([&] { loop_.post(job); });
        while (frame && loop_.turn(20s)) {
        }
        elsewhere.join();
        EXPECT_FALSE(frame) << "the job is not run";
    }
    void hold(pg::Client& db, std::vector<pg::AsyncConnection>& all) {
        Ended lent;
        {
            const Frame frame = drive(lend_all(db.async(), all), lent);
            while (!lent.is_over && loop_.turn(20s)) {
            }
        }
        ASSERT_TRUE(lent.is_over) << "the client does not lend all of its sessions";
        ASSERT_FALSE(lent.failure) << "the client does not lend all of its sessions: " << lent.failure->what();
    }
    bool turn_or_give_back(std::vector<pg::AsyncConnection>& held) {
        if (!held.empty() && loop_.turn(0ms)) return true;
        held.clear();
        return loop_.turn(20s);
    }
    void expect_nothing_left(pg::Client& db) {
        std::vector<pg::AsyncConnection> all;
        hold(db, all);
        if (HasFatalFailure()) return;
        all.clear();
        const auto until = std::chrono::steady_clock::now() + 60s;
        const auto has_more = [&] {
            return count("state <> 'idle'") != 0 || count("true") > static_cast<std::int64_t>(sessions);
        };
        // Looked at once: a client that is gone may have been opening a session, which comes and goes.
        bool goes_on = true, more = true;
        while ((goes_on || more) && std::chrono::steady_clock::now() < until) {
            loop_.turn(1ms);
            goes_on = !loop_.is_at_rest();
            more = has_more();
        }
        ASSERT_FALSE(goes_on) << "the loop does";
        ASSERT_FALSE(more) << "a statement goes on, a transaction is open, or nobody has a session";
    }
    [[nodiscard]] std::int64_t count(std::string_view which) {
        return observer_.query_one<std::int64_t>(
            pg::runtime("select count(*) from pg_stat_activity where datname = 'destroyed' and pid <> pg_backend_pid() "
                        "and backend_type = 'client backend' and " +
                        std::string(which)));
    }

    SteppedLoop loop_;
    GoodLine line_{database() + " engine=" + GetParam(), loop_};
    pg::Client observer_ = pg::connect(database());
    int destroyed_ = 0;
};

}  // namespace destroyed
