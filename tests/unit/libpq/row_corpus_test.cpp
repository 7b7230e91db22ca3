// The fuzzer's corpus of rows: each, and every beginning of it, is read alike by all who read it.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "tests/fuzz/row_sink_reading.hpp"

namespace pg::libpq::direct {
namespace {

TEST(RowCorpus, IsReadAlikeByResultsAndSinks) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_ROW_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        for (std::size_t size = 0; size <= input.size(); ++size)
            EXPECT_EQ(row_sink_reading_goes_wrong(std::string(input, 0, size)), "") << entry.path() << " " << size;
        ++count;
    }
    EXPECT_GE(count, 5U);
}

}  // namespace
}  // namespace pg::libpq::direct
