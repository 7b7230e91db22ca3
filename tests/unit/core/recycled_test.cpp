// Recycled: memory that is used again, within bounds, on any thread and to the end of one.
#include "pg/recycled.hpp"

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

namespace {

template <std::size_t size>
struct Piece : pg::detail::Recycled {
    std::array<char, size> bytes{};
};
using Large = Piece<1000>;

TEST(Recycled, MemoryIsUsedAgainByWhatHasTheSameSize) {
    auto first = std::make_unique<Large>();
    const void* const place = first.get();
    first.reset();
    const auto second = std::make_unique<Large>();
    EXPECT_EQ(second.get(), place);
    const auto other = std::make_unique<Piece<2000>>();
    EXPECT_NE(static_cast<const void*>(other.get()), place);
}

TEST(Recycled, MemoryOfAnySizeAndNumberComesAndGoes) {
    for (int round = 0; round < 2; ++round) {
        std::vector<std::unique_ptr<Large>> many(2000);  // more than are kept
        for (auto& piece : many) piece = std::make_unique<Large>();
        const auto small = std::make_unique<Piece<1>>();
        const auto huge = std::make_unique<Piece<100'000>>();  // never kept
        small->bytes.fill('x');
        huge->bytes.fill('x');
        for (auto& piece : many) EXPECT_EQ(piece->bytes.back(), '\0');
    }
}

TEST(Recycled, MemoryOfOneThreadIsFreedByAnother) {
    std::unique_ptr<Large> piece;
    std::thread([&] { piece = std::make_unique<Large>(); }).join();
    std::thread([&] { piece.reset(); }).join();
    EXPECT_FALSE(piece);
}

TEST(Recycled, MemoryMayBeFreedAtTheVeryEndOfItsThread) {
    std::thread([] {
        // Goes after what frees the blocks that are kept, since that is made later.
        static thread_local std::unique_ptr<Large> last;
        last = std::make_unique<Large>();
        std::make_unique<Large>().reset();
    }).join();
}

}  // namespace
