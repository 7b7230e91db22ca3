// Verdicts: every code that says more of a session than that it is gone.
#include "src/pool/verdict.hpp"

#include <gtest/gtest.h>

#include "tests/unit/pool/telling_session.hpp"

namespace pg::pool {
namespace {

TEST(AVerdict, IsAboutTheOthersToo) {
    const TellingSession ended{{}, false};
    for (const char* code : {"25P03", "25P04", "57P05", "57P04", "08P01"})
        EXPECT_EQ(verdict_on(code, ended, false), Verdict::replace) << code;
    for (const char* code : {"57P01", "57P03", "58030", "08006", "XX000", "53200"})
        EXPECT_EQ(verdict_on(code, ended, false), Verdict::doubt) << code;
    EXPECT_EQ(verdict_on({}, ended, false), Verdict::doubt) << "nobody said why";
    EXPECT_EQ(verdict_on("57P02", ended, false), Verdict::clear);
}

TEST(AVerdict, KeepsASessionThatGoesOn) {
    const TellingSession open{{}, true};
    EXPECT_EQ(verdict_on("25006", open, false), Verdict::keep) << "it need not write";
    EXPECT_EQ(verdict_on("23505", open, true), Verdict::keep);
}

TEST(AVerdict, FollowsWhatAServerSaysOfItselfWhenItRefusesToWrite) {
    using Parameters = TellingSession::Parameters;
    const auto verdict = [](Parameters parameters) {
        return verdict_on("25006", TellingSession{std::move(parameters), true}, true);
    };
    EXPECT_EQ(verdict({{"in_hot_standby", "on"}, {"default_transaction_read_only", "off"}}), Verdict::clear);
    EXPECT_EQ(verdict({{"in_hot_standby", "off"}, {"default_transaction_read_only", "on"}}), Verdict::clear);
    EXPECT_EQ(verdict({{"in_hot_standby", "off"}, {"default_transaction_read_only", "off"}}), Verdict::keep)
        << "the transaction was begun read only";
    EXPECT_EQ(verdict({}), Verdict::replace) << "an old server says nothing";
}

TEST(AVerdict, FollowsTheRulesOfTheApplicationFirst) {
    const TellingSession ended{{}, false}, open{{}, true};
    const std::vector<PoolRule> rules{{.code = "57P02", .fate = PoolFate::replace},
                                      {.code = "53100", .fate = PoolFate::replace_all},
                                      {.code = "57P01", .fate = PoolFate::keep},
                                      {.code = "XX000"},
                                      {.code = "XX000", .fate = PoolFate::keep},
                                      {.code = "XX001", .fate = PoolFate::ask_others},
                                      {}};
    EXPECT_EQ(verdict_on("57P02", ended, false, rules), Verdict::replace);
    EXPECT_EQ(verdict_on("53100", open, false, rules), Verdict::clear);
    EXPECT_EQ(verdict_on("57P01", ended, false, rules), Verdict::replace) << "it cannot go on";
    EXPECT_EQ(verdict_on("57P01", open, false, rules), Verdict::keep);
    EXPECT_EQ(verdict_on("XX000", open, false, rules), Verdict::replace) << "the first of a code";
    EXPECT_EQ(verdict_on("XX001", open, false, rules), Verdict::doubt);
    EXPECT_EQ(verdict_on("25P03", ended, false, rules), Verdict::replace) << "as without rules";
    EXPECT_EQ(verdict_on("08006", ended, false, rules), Verdict::doubt) << "as without rules";
    EXPECT_EQ(verdict_on({}, ended, false, rules), Verdict::doubt) << "nobody said why, and a rule without a code";
}

}  // namespace
}  // namespace pg::pool
