// The fuzzer's corpus of servers that authenticate: what each demands, and every beginning of it.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "tests/fuzz/demand_check.hpp"

namespace {

TEST(DemandCorpus, LetsNothingPassThatAsksForTooMuch) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_DEMAND_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        for (std::size_t size = 0; size <= input.size(); ++size)
            EXPECT_EQ(pg::libpq::demand_check_goes_wrong(std::string(input, 0, size)), "")
                << entry.path() << " " << size;
        ++count;
    }
    EXPECT_GE(count, 5U);
}

}  // namespace
