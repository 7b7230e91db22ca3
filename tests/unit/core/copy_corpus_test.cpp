// The fuzzer's corpus of binary COPYs: each, and every beginning of it, is read as it should be.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "tests/fuzz/copy_out_reading.hpp"

namespace {

TEST(CopyCorpus, IsReadAsAPlainReadingReadsIt) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_COPY_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        for (std::size_t size = 0; size <= input.size(); ++size)
            EXPECT_EQ(pg::copy_out_reading_goes_wrong(std::string(input, 0, size)), "") << entry.path() << " " << size;
        ++count;
    }
    EXPECT_GE(count, 5U);
}

}  // namespace
