// What the tests of the books have in common: a time that they set, waiters that tell nothing, duties done at once.
#pragma once

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <vector>

#include "src/pool/books.hpp"

namespace pg::pool {

using namespace std::chrono_literals;
using Kind = Duty::Kind;

/// Never told anything: the books only say who is to be.
class Somebody final : public spi::LeaseWaiter {
    void do_settle(Expected<spi::Lease>) noexcept override { ADD_FAILURE() << "the books tell nobody themselves"; }
};

inline Error nobody_there() {
    return Error({.kind = ErrorKind::connect, .retry_scope = RetryScope::connect, .message = "nobody there"});
}

inline Error no_room() {
    return Error({.kind = ErrorKind::connect,
                  .retry_scope = RetryScope::connect,
                  .sqlstate = "53300",
                  .message = "sorry, too many clients already"});
}

/// What other pools leave to this one, which is for a history to say.
class SomePermits final : public Permits {
public:
    bool take(bool) override {
        is_waiting = held >= most;
        held += is_waiting ? 0 : 1;
        return !is_waiting;
    }
    void give() override {
        EXPECT_GT(held, 0u);
        --held;
    }
    void cease() override {
        EXPECT_TRUE(is_waiting);
        is_waiting = false;
    }
    bool are_too_many(std::size_t size) const override { return another_waits && size > fair; }

    std::size_t most = 1000, fair = 1, held = 0;
    bool is_waiting = false, another_waits = false;
};

class BooksTest : public ::testing::Test {
protected:
    /// All that is to be done now.
    std::vector<Duty> duties() {
        std::vector<Duty> all;
        for (Duty duty = books->next(now); duty.kind != Kind::none; duty = books->next(now)) all.push_back(duty);
        return all;
    }
    /// The one thing that is to be done now.
    Duty duty() {
        const std::vector<Duty> all = duties();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? Duty{} : all.front();
    }
    void expect_nothing() { EXPECT_EQ(duties().size(), 0u); }
    /// Lends a session to somebody new, who finds none idle.
    Member& open_and_lend() {
        Somebody somebody;
        EXPECT_EQ(books->take(now), nullptr);
        books->enqueue(somebody, now);
        const Duty open = duty();
        EXPECT_EQ(open.kind, Kind::open);
        books->opened(*open.member, now);
        const Duty lend = duty();
        EXPECT_EQ(lend.kind, Kind::lend);
        EXPECT_EQ(lend.waiter, &somebody);
        return *lend.member;
    }
    /// `count` idle sessions, the last returned last.
    std::vector<Member*> idle_ones(std::size_t count) {
        std::vector<Member*> members;
        while (members.size() < count) members.push_back(&open_and_lend());
        for (Member* member : members) books->give_back(*member, now);
        expect_nothing();
        return members;
    }
    void make(const Limits& limits) { books = std::make_unique<Books>(limits, 1); }

    Time now = Time() + 1h;
    std::unique_ptr<Books> books = std::make_unique<Books>(Limits{.max_size = 3}, 1);
};

}  // namespace pg::pool
