// Fronts: what is put there is taken once, by the thread that put it there if it is the next to look.
#include "src/pool/fronts.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <thread>

namespace {

using pg::pool::Fronts;
using pg::pool::Member;

class TheFronts : public testing::Test {
protected:
    std::array<Member, 12> members;
    Fronts fronts;
};

TEST_F(TheFronts, GiveBackWhatThisThreadPutThereLast) {
    ASSERT_TRUE(fronts.put(members[0]));
    ASSERT_TRUE(fronts.put(members[1]));
    EXPECT_EQ(fronts.take(), &members[1]);
    EXPECT_EQ(fronts.take(), &members[0]) << "the place of another use";
    EXPECT_EQ(fronts.take(), nullptr);
}

TEST_F(TheFronts, KeepThreadsApart) {
    ASSERT_TRUE(fronts.put(members[0]));
    std::thread([&] {
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(fronts.put(members[1]));
            EXPECT_EQ(fronts.take(), &members[1]);
        }
        ASSERT_TRUE(fronts.put(members[1]));
    }).join();
    EXPECT_EQ(fronts.take(), &members[0]);
    EXPECT_EQ(fronts.take(), &members[1]) << "nothing is kept from anybody";
}

TEST_F(TheFronts, HaveRoomForAFew) {
    std::size_t kept = 0;
    while (kept < members.size() && fronts.put(members[kept])) ++kept;
    EXPECT_GT(kept, 1u);
    EXPECT_LT(kept, members.size());
    EXPECT_EQ(fronts.members().size(), kept);
    std::set<Member*> emptied;
    fronts.empty([&](Member& member) { EXPECT_TRUE(emptied.insert(&member).second); });
    EXPECT_EQ(emptied.size(), kept);
    EXPECT_TRUE(fronts.members().empty());
    EXPECT_EQ(fronts.take(), nullptr);
}

TEST_F(TheFronts, LoseNothingAndGiveNothingTwice) {
    constexpr int steps = 20'000;
    std::array<std::atomic<int>, 12> owners{};  // of each member: how many have it
    std::atomic<std::size_t> left_over{0};
    const auto use = [&](unsigned seed) {
        std::minstd_rand random(seed);
        std::vector<Member*> mine{&members[3 * seed], &members[3 * seed + 1], &members[3 * seed + 2]};
        for (Member* member : mine) ++owners[static_cast<std::size_t>(member - members.data())];
        for (int step = 0; step < steps; ++step) {
            if (random() % 2 == 0 && !mine.empty()) {
                Member* const last = mine.back();
                --owners[static_cast<std::size_t>(last - members.data())];
                if (fronts.put(*last))
                    mine.pop_back();
                else
                    ++owners[static_cast<std::size_t>(last - members.data())];
            } else if (Member* const taken = fronts.take()) {
                EXPECT_EQ(++owners[static_cast<std::size_t>(taken - members.data())], 1);
                mine.push_back(taken);
            }
        }
        left_over += mine.size();
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; ++i) threads.emplace_back(use, i);
    for (std::thread& one : threads) one.join();
    EXPECT_EQ(left_over + fronts.members().size(), members.size());
}

}  // namespace
