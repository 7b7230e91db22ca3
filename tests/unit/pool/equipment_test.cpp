// What a client wants of its sessions before they are lent: who waits for it, and what becomes of those that lack it.
#include <gtest/gtest.h>
#include <thread>

#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;

/// Says of each session what the test says.
class Scripted final : public pg::spi::Equipment {
public:
    std::optional<pg::Error> lack;
    int calls = 0;
    bool has_session = false, is_lost = false;

private:
    pg::Expected<void> do_equip(pg::spi::SessionSlot& slot, const pg::spi::Wait& wait) noexcept override {
        ++calls;
        has_session = slot.session != nullptr && !wait.deadline.is_never();
        if (is_lost) return slot.session->run({.sql = "lose"}, wait) ? pg::Expected<void>() : *lack;
        return lack ? pg::Expected<void>(*lack) : pg::Expected<void>();
    }
};

class TheEquipment : public testing::Test {
protected:
    static pg::pool::Limits limits(std::shared_ptr<pg::spi::Equipment> equipment) {
        pg::pool::Limits limits;
        limits.equipment = std::move(equipment);
        return limits;
    }

    std::shared_ptr<Scripted> script = std::make_shared<Scripted>();
    fake::Database db{limits(script)};
    fake::Server& server = *db.server;
};

TEST_F(TheEquipment, IsThereBeforeASessionIsLent) {
    db.client.exec("select 1");
    db.client.exec("select 1");
    EXPECT_EQ(script->calls, 1);
    EXPECT_TRUE(script->has_session);
    EXPECT_TRUE(db.client.pool().wait_ready(1, 1s));
    EXPECT_EQ(db.client.pool().stats().unprepared, 0u);
}

TEST_F(TheEquipment, IsWaitedForInAsManySessionsAsThereAreToBeAtLeast) {
    pg::Pool& pool = db.client.pool();
    EXPECT_TRUE(pool.wait_ready(1, 1s));
    server.refuses_to_open = fake::connection_lost(pg::Outcome::not_sent);
    pool.resize(3, 0, 2);
    EXPECT_EQ(pool.wait_ready(1, 1ms).error().kind(), pg::ErrorKind::timeout);
    pool.resize(3, 0, 0);
    EXPECT_TRUE(pool.wait_ready(1, 1ms));
}

TEST_F(TheEquipment, IsNotWaitedForInMoreSessionsThanThereMayBeByThen) {
    pg::Pool& pool = db.client.pool();
    EXPECT_TRUE(pool.wait_ready(1, 1s));
    server.refuses_to_open = fake::connection_lost(pg::Outcome::not_sent);
    pool.resize(3, 0, 3);
    std::thread smaller([&] {
        while (pool.stats().failed_to_open == 0) std::this_thread::yield();
        pool.resize(1, 0, 0);
    });
    EXPECT_TRUE(pool.wait_ready(1, pg::no_timeout));
    smaller.join();
}

TEST_F(TheEquipment, ThatLacksIsSaidByWaitReadyUntilTheSessionIsGone) {
    script->lack = fake::server_error("42P01");
    const auto ready = db.client.pool().wait_ready(1, 1s);
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().sqlstate(), "42P01");
    db.client.exec("select 1");
    EXPECT_EQ(server.opened, 1) << "the session is lent all the same";
    EXPECT_EQ(db.client.pool().stats().unprepared, 1u);
    script->lack.reset();
    db.client.pool().refresh();
    EXPECT_TRUE(db.client.pool().wait_ready(1, 1s));
    EXPECT_EQ(db.client.pool().stats().unprepared, 1u);
}

TEST_F(TheEquipment, ThatCostsTheSessionFailsTheAttempt) {
    script->lack = fake::connection_lost(pg::Outcome::not_sent);
    script->is_lost = true;
    server.answer("lose", *script->lack);
    const auto refused = db.client.try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::connect) << "nothing of the request was sent";
    EXPECT_EQ(server.closed, 1);
    EXPECT_EQ(db.client.pool().stats().failed_to_open, 1u);
}

}  // namespace
