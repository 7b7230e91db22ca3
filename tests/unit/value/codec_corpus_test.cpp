// The fuzzer's corpus of single values: each is read, written and read again, and so is every beginning of it.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "tests/fuzz/codec_round_trip.hpp"

TEST(CodecCorpus, IsReadAndWrittenAsItself) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_CODEC_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        for (std::size_t size = 0; size <= input.size(); ++size)
            EXPECT_EQ(pg::codec_differs_after_round_trip(std::string(input, 0, size)), "")
                << entry.path() << " " << size;
        ++count;
    }
    EXPECT_GE(count, 90U);
}
