// A pool whose sessions live on several reactors: the thread of none waits for that of another.
#include <gtest/gtest.h>
#include <latch>

#include "pg/spi/reactor.hpp"
#include "providers/async/provider.hpp"
#include "src/pool/make_pool.hpp"
#include "tests/unit/async/inner_provider.hpp"

namespace pg::async {
namespace {

using namespace std::chrono_literals;

/// Gives a session back when all others are about to do the same.
class GiveBack final : public spi::Job {
public:
    GiveBack(spi::Lease lease, std::latch& all_are_here) : lease_(std::move(lease)), all_are_here_(all_are_here) {}

private:
    void do_run() noexcept override {
        all_are_here_.arrive_and_wait();
        lease_.give_back();
    }
    spi::Lease lease_;
    std::latch& all_are_here_;
};

TEST(PoolOnReactors, ClosesSessionsOfEachOtherWithoutWaitingForEachOther) {
    const auto account = std::make_shared<Account>();
    account->is_at_rest = true;
    const auto pool = pool::make_pool(make_async_provider(std::make_shared<InnerProvider>(account), 2), Config(), {},
                                      {.max_size = 2});
    const spi::Wait wait{Deadline::after(20s), nullptr};
    spi::Lease first = pool->acquire(wait).value(), second = pool->acquire(wait).value();
    const auto home_of_first = first.session().reactor(), home_of_second = second.session().reactor();
    ASSERT_NE(home_of_first, home_of_second);
    pool->refresh();
    std::latch both_are_here{2};
    GiveBack one(std::move(second), both_are_here), other(std::move(first), both_are_here);
    home_of_first->post(one);
    home_of_second->post(other);
    pool->close();
    EXPECT_EQ(pool->drain(20s), 0u);
}

}  // namespace
}  // namespace pg::async
