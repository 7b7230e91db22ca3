// Config against libpq's parser: the fuzzer's corpus, and strings made from its parts.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/config_comparison.hpp"

namespace pg {
namespace {

std::vector<std::string> corpus() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_CONFIG_CORPUS)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> texts;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return texts;
}

constexpr std::string_view pieces[] = {"postgres://",
                                       "postgresql://",
                                       "user",
                                       "password",
                                       "host",
                                       "port",
                                       "dbname",
                                       "sslmode",
                                       "ssl=true",
                                       "ssl",
                                       "requiressl=1",
                                       "requiressl",
                                       "connect_timeout",
                                       "application_name",
                                       "options",
                                       "service",
                                       "load_balance_hosts",
                                       "sslnegotiation",
                                       "=",
                                       " = ",
                                       "'",
                                       "\\",
                                       "\\'",
                                       " ",
                                       "\t",
                                       "\n",
                                       "\v",
                                       ",",
                                       ":",
                                       "/",
                                       "?",
                                       "&",
                                       "@",
                                       "[",
                                       "]",
                                       "[::1]",
                                       "%",
                                       "%2",
                                       "%2F",
                                       "%00",
                                       "%zz",
                                       "%20",
                                       "%25",
                                       "a",
                                       "5432",
                                       "localhost",
                                       "/tmp",
                                       "true",
                                       "\x80",
                                       "\xff",
                                       "''"};

TEST(ConfigAgainstLibpq, AgreesOnTheCorpus) {
    const auto texts = corpus();
    ASSERT_GT(texts.size(), 20u);
    for (const std::string& text : texts) EXPECT_EQ(compare_with_libpq(text), "") << "of " << text;
}

TEST(ConfigAgainstLibpq, AgreesOnStringsMadeOfPieces) {
    std::mt19937 random(20240501);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    for (int round = 0; round < 5000; ++round) {
        std::string text;
        for (std::size_t count = below(14); count > 0; --count) text += pieces[below(std::size(pieces))];
        ASSERT_EQ(compare_with_libpq(text), "") << "of " << text;
    }
}

TEST(ConfigAgainstLibpq, AgreesOnCorpusStringsWithSlips) {
    const auto texts = corpus();
    std::mt19937 random(7);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    for (int round = 0; round < 5000; ++round) {
        std::string text = texts[below(texts.size())];
        for (std::size_t slips = 1 + below(3); slips > 0; --slips) {
            const std::size_t at = below(text.size() + 1);
            const std::string_view piece = pieces[below(std::size(pieces))];
            switch (below(3)) {
                case 0: text.insert(at, piece); break;
                case 1: text.erase(at, 1 + below(3)); break;
                default: text.replace(at, std::min(piece.size(), text.size() - at), piece); break;
            }
        }
        ASSERT_EQ(compare_with_libpq(text), "") << "of " << text;
    }
}

}  // namespace
}  // namespace pg
