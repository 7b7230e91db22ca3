// The fuzzers' corpora of both sides and of answers: each input, and every beginning of it, is taken as the fuzzers
// want it taken.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "tests/fuzz/wire_answer_reading.hpp"
#include "tests/fuzz/wire_client_round_trip.hpp"
#include "tests/fuzz/wire_server_exchange.hpp"

namespace {

/// Calls `check(input)` for all beginnings of all files in `folder`; how many files there are.
template <class Check>
std::size_t check_all(const char* folder, Check check) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        for (std::size_t size = 0; size <= input.size(); ++size)
            EXPECT_EQ(check(std::string(input, 0, size)), "") << entry.path() << " " << size;
        ++count;
    }
    return count;
}

TEST(WireCorpus, OfServersIsHeardWithoutHarm) {
    EXPECT_GE(check_all(PGCLIENT_WIRE_CORPUS "/wire_server", pg::wire::server_exchange_goes_wrong), 40U);
}

TEST(WireCorpus, OfAnswersIsReadInPlaceAsInFrames) {
    EXPECT_GE(check_all(PGCLIENT_WIRE_CORPUS "/wire_answer", pg::wire::answer_reading_goes_wrong), 8U);
}

TEST(WireCorpus, OfClientsIsReadAndWrittenAsItself) {
    EXPECT_GE(check_all(PGCLIENT_WIRE_CORPUS "/wire_client", pg::wire::client_messages_differ_after_round_trip), 30U);
}

}  // namespace
