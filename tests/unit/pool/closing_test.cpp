// Nothing is opened, asked or closed under the lock of a pool, which a system call may hold up. The program has a
// `close` of its own, where another thread asks the pool for its numbers, as in every call of its sessions.
#include <dlfcn.h>
#include <future>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "tests/slowness.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;

/// What is asked whenever something is closed; null: nothing. One thread at a time.
pg::Pool* asked = nullptr;
int calls = 0, unanswered = 0;
std::vector<std::thread> askers;

void ask() {
    auto answered = std::make_shared<std::promise<void>>();
    auto answer = answered->get_future();
    askers.emplace_back([pool = asked, answered] {
        static_cast<void>(pool->stats());
        answered->set_value();
    });
    ++calls;
    unanswered += answer.wait_for(testing_support::bound_on_hang(1s)) != std::future_status::ready;
}

}  // namespace

extern "C" int close(int descriptor) {
    static auto* const real = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "close"));
    if (asked != nullptr) ask();
    return real(descriptor);
}

namespace {

class Closing : public testing::Test {
protected:
    Closing() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0); }
    ~Closing() override {
        for (const int end : ends) ::close(end);
    }
    /// Its sessions have a descriptor each by which they can be taken back.
    void open(std::shared_ptr<pg::spi::Equipment> equipment = nullptr) {
        pg::pool::Limits limits;
        limits.reclaim_threshold = 1h;
        limits.equipment = std::move(equipment);
        db.emplace(limits);
        db->server->socket = ends[0];
    }
    /// How often it was asked.
    template <class Step>
    int expect_answers_during(Step step) {
        calls = unanswered = 0;
        {
            const struct Unasked {
                ~Unasked() {
                    asked = nullptr;
                    for (std::thread& asker : std::exchange(askers, {})) asker.join();
                }
            } unasked;
            asked = &db->client.pool();
            step();
        }
        EXPECT_EQ(unanswered, 0) << "under the lock";
        return calls;
    }

    int ends[2] = {};
    std::optional<fake::Database> db;
};

TEST_F(Closing, OfASessionHoldsNobodyUp) {
    open();
    db->client.exec("select 1");
    EXPECT_EQ(expect_answers_during([&] { db->client.pool().refresh(); }), 1);
    EXPECT_EQ(db->client.pool().stats().size(), 0u);
}

/// Loses the session.
class Deadly final : public pg::spi::Equipment {
    pg::Expected<void> do_equip(pg::spi::SessionSlot& slot, const pg::spi::Wait& wait) noexcept override {
        const auto lost = slot.session->run({.sql = "lose"}, wait);
        return lost ? pg::Expected<void>() : lost.error();
    }
};

TEST_F(Closing, OfASessionThatWasNeverLentHoldsNobodyUp) {
    open(std::make_shared<Deadly>());
    db->server->answer("lose", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_EQ(expect_answers_during([&] { EXPECT_FALSE(db->client.try_exec("select 1")); }), 1);
}

TEST_F(Closing, AndWhateverElseIsAskedOfASessionHoldsNobodyUp) {
    open();
    db->server->on_call = [] {
        if (asked != nullptr) ask();
    };
    pg::Pool& pool = db->client.pool();
    const auto step = [&](auto what) { EXPECT_GT(expect_answers_during(what), 0); };
    std::vector<pg::spi::Lease> all;
    const auto take = [&] { all.push_back(pool.acquire({pg::Deadline::after(20s)}).value()); };
    step([&] { EXPECT_TRUE(pool.wait_ready(2, 20s)); });  // opened
    step(take);                                           // looked at
    all.front().slot().dirty = true;
    step([&] { all.clear(); });  // cleaned
    db->server->dead = 1;
    step(take);  // lost, and another one lent
    db->server->answer("select 1", fake::connection_lost(pg::Outcome::unknown));
    step([&] { EXPECT_FALSE(all.front().session().run({.sql = "select 1"}, {})); });
    step([&] { all.clear(); });  // broken, and closed
    step([&] { pool.resize(4, 0, 4); });
    step([&] { db->client.close(); });
    db->server->on_call = nullptr;
}

}  // namespace
