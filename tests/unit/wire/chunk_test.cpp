// Chunks: lent, shared between threads, kept for the next borrower, and poisoned meanwhile.
#include "src/wire/chunk.hpp"

#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <new>
#include <thread>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

using namespace pg::wire;

namespace {

TEST(ChunkPool, LendsChunksOfTheUsualSize) {
    ChunkPool pool(4);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, ChunkPool::usual_size}) {
        const ChunkRef chunk = pool.lend(size);
        EXPECT_EQ(chunk->size(), ChunkPool::usual_size);
        std::memset(chunk->data(), 'x', chunk->size());
    }
}

TEST(ChunkPool, LendsLargerOnesAndDoesNotKeepThem) {
    ChunkPool pool(4);
    {
        const ChunkRef chunk = pool.lend(ChunkPool::usual_size + 1);
        EXPECT_EQ(chunk->size(), ChunkPool::usual_size + 1);
        std::memset(chunk->data(), 'x', chunk->size());
    }
    EXPECT_EQ(pool.kept(), 0U);
}

TEST(ChunkPool, KeepsNoMoreThanItMay) {
    ChunkPool pool(2);
    {
        const ChunkRef one = pool.lend(1), two = pool.lend(1), three = pool.lend(1);
        EXPECT_EQ(pool.kept(), 0U);
    }
    EXPECT_EQ(pool.kept(), 2U);
}

TEST(ChunkPool, KeepsNothingWhenItMayKeepNone) {
    ChunkPool pool(0);
    {
        const ChunkRef chunk = pool.lend(1);
    }
    EXPECT_EQ(pool.kept(), 0U);
}

TEST(ChunkPool, LendsAgainWhatItKept) {
    ChunkPool pool(4);
    ChunkRef chunk = pool.lend(1);
    const char* const place = chunk->data();
    chunk = ChunkRef();
    EXPECT_EQ(pool.kept(), 1U);
    chunk = pool.lend(1);
    EXPECT_EQ(chunk->data(), place);
    EXPECT_TRUE(chunk.is_only());
    EXPECT_EQ(pool.kept(), 0U);
    std::memset(chunk->data(), 'y', chunk->size());
}

TEST(ChunkPool, LeavesWhatItKeepsToThoseWhoWantTheUsualSize) {
    ChunkPool pool(4);
    {
        const ChunkRef chunk = pool.lend(1);
    }
    const ChunkRef large = pool.lend(2 * ChunkPool::usual_size);
    EXPECT_GE(large->size(), 2 * ChunkPool::usual_size);
    EXPECT_EQ(pool.kept(), 1U);
}

TEST(ChunkPool, RefusesWhatTheMemoryCannotHave) {
    ChunkPool pool(4);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the program instead";
#else
    EXPECT_THROW(static_cast<void>(pool.lend(std::size_t{1} << 62)), std::bad_alloc);
#endif
}

TEST(ChunkPool, OfTheProcessIsOne) { EXPECT_EQ(&process_chunks(), &process_chunks()); }

#if defined(__SANITIZE_ADDRESS__)
TEST(ChunkPool, PoisonsWhatItKeepsAndNothingThatItLends) {
    ChunkPool pool(1);
    ChunkRef chunk = pool.lend(1);
    char* const place = chunk->data();
    const std::size_t size = chunk->size();
    EXPECT_EQ(__asan_region_is_poisoned(place, size), nullptr);
    chunk = ChunkRef();
    EXPECT_EQ(__asan_region_is_poisoned(place, size), place);
    EXPECT_TRUE(__asan_address_is_poisoned(place + size - 1));
    chunk = pool.lend(1);
    ASSERT_EQ(chunk->data(), place);
    EXPECT_EQ(__asan_region_is_poisoned(place, size), nullptr);
}
#endif

TEST(ChunkRef, IsEmptyAtFirst) {
    const ChunkRef none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none, ChunkRef());
}

TEST(ChunkRef, GivesTheChunkBackWithTheLastShare) {
    ChunkPool pool(4);
    ChunkRef one = pool.lend(1);
    EXPECT_TRUE(one);
    EXPECT_TRUE(one.is_only());
    {
        const ChunkRef two = one;  // NOLINT(performance-unnecessary-copy-initialization): the copy is the test
        EXPECT_EQ(one, two);
        EXPECT_FALSE(one.is_only());
        EXPECT_FALSE(two.is_only());
    }
    EXPECT_TRUE(one.is_only());
    EXPECT_EQ(pool.kept(), 0U);
    one = ChunkRef();
    EXPECT_EQ(pool.kept(), 1U);
}

TEST(ChunkRef, MovesItsShare) {
    ChunkPool pool(4);
    ChunkRef one = pool.lend(1);
    const char* const place = one->data();
    ChunkRef two = std::move(one);
    EXPECT_FALSE(one);  // NOLINT(bugprone-use-after-move): it is empty, as promised
    EXPECT_EQ(two->data(), place);
    EXPECT_TRUE(two.is_only());
    ChunkRef three = pool.lend(1);
    three = std::move(two);
    EXPECT_EQ(three->data(), place);
    EXPECT_EQ(pool.kept(), 1U) << "what was assigned over goes back";
}

TEST(ChunkRef, SurvivesItsOwnAssignment) {
    ChunkPool pool(4);
    ChunkRef one = pool.lend(1);
    const ChunkRef& same = one;
    one = same;
    EXPECT_TRUE(one.is_only());
}

TEST(ChunkRef, IsSharedAndDroppedOnAnyThread) {
    ChunkPool pool(8);
    constexpr int rounds = 50, readers = 3;
    for (int round = 0; round < rounds; ++round) {
        ChunkRef chunk = pool.lend(1);
        std::memset(chunk->data(), round, 64);
        std::atomic<int> sound = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < readers; ++i)
            threads.emplace_back([share = chunk, round, &sound] {
                const ChunkRef another = share;  // NOLINT(performance-unnecessary-copy-initialization)
                sound += another->data()[63] == static_cast<char>(round);
            });
        chunk = ChunkRef();
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(sound, readers);
        EXPECT_EQ(pool.kept(), 1U) << "the last share gives back, whoever has it";
    }
}

TEST(ChunkRef, ShowsToItsOnlyOwnerThatAllReadersHaveLeft) {
    ChunkPool pool(1);
    const ChunkRef chunk = pool.lend(1);
    for (int round = 0; round < 200; ++round) {
        chunk->data()[0] = 'a';
        std::thread reader([share = chunk]() mutable {
            EXPECT_EQ(share->data()[0], 'a');
            share = ChunkRef();
        });
        while (!chunk.is_only()) std::this_thread::yield();
        chunk->data()[0] = 'b';  // a race, unless is_only() orders it behind the reading
        reader.join();
    }
}

TEST(ChunkPool, LendsNoChunkToTwoThreads) {
    ChunkPool pool(3);
    constexpr std::size_t threads = 4, rounds = 3000;
    std::atomic<std::size_t> doubled = 0;
    std::vector<std::thread> borrowers;
    for (std::size_t id = 0; id < threads; ++id)
        borrowers.emplace_back([&, id] {
            for (std::size_t round = 0; round < rounds; ++round) {
                const ChunkRef one = pool.lend(1), two = pool.lend(round % 7 == 0 ? 2 * ChunkPool::usual_size : 1);
                for (const ChunkRef* chunk : {&one, &two}) std::memcpy((*chunk)->data(), &id, sizeof id);
                for (const ChunkRef* chunk : {&one, &two})
                    if (std::memcmp((*chunk)->data(), &id, sizeof id) != 0) ++doubled;
            }
        });
    for (std::thread& borrower : borrowers) borrower.join();
    EXPECT_EQ(doubled, 0U);
    EXPECT_LE(pool.kept(), 3U);
}

}  // namespace
