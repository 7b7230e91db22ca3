// The fuzzer's corpus of values inside values, and what it takes to notice a difference.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "tests/fuzz/nested_round_trip.hpp"

namespace {

TEST(NestedCorpus, IsReadAndWrittenAsItself) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_NESTED_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        EXPECT_EQ(pg::differs_after_round_trip(input), "") << entry.path();
        // Every beginning of it as well, in a buffer of just that size.
        for (std::size_t size = 0; size < input.size(); ++size)
            EXPECT_EQ(pg::differs_after_round_trip(std::string(input, 0, size)), "") << entry.path() << " " << size;
        ++count;
    }
    EXPECT_GE(count, 30U);
}

}  // namespace
