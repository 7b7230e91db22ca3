// The fuzzer's corpus of servers that say anything: what each of them says, and every beginning of it.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "tests/fuzz/session_conversation.hpp"

namespace {

TEST(SessionCorpus, EndsEachCallWithWhatTheServerSaid) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_SESSION_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        for (const bool other_engine : {false, true}) {
            if (other_engine) input[0] = static_cast<char>(input[0] ^ 1);
            for (std::size_t size = 0; size <= input.size(); ++size)
                EXPECT_EQ(pg::libpq::session_conversation_goes_wrong(std::string(input, 0, size)), "")
                    << entry.path() << " " << size;
        }
        ++count;
    }
    EXPECT_GE(count, 12U);
}

}  // namespace
