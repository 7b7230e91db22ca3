// Holder: what is known of a borrower, and when it is forgotten.
#include "pg/spi/holder.hpp"

#include <gtest/gtest.h>

namespace pg::spi {
namespace {

TEST(AHolder, IsNobodyAtFirst) {
    Holder holder;
    EXPECT_STREQ(holder.site().file, "");
    EXPECT_EQ(holder.site().line, 0u);
    EXPECT_EQ(holder.statement(), "");
    holder.runs("select 1");
    EXPECT_EQ(holder.statement(), "") << "statements are not kept unless that is asked for";
}

TEST(AHolder, IsKnownUntilTheNext) {
    Holder holder;
    holder.keep_statements();
    const CallSite here = CallSite::here();
    holder.is_at(here);
    holder.runs("select 1");
    holder.runs("select 2");
    EXPECT_STREQ(holder.site().file, __FILE__);
    EXPECT_EQ(holder.site().line, here.line);
    EXPECT_EQ(holder.statement(), "select 2");
    holder.begin();
    EXPECT_STREQ(holder.site().file, "");
    EXPECT_EQ(holder.statement(), "");
}

TEST(AHolder, CutsLongStatementsBetweenCharacters) {
    Holder holder;
    holder.keep_statements();
    holder.runs(std::string(300, 'x'));
    EXPECT_EQ(holder.statement(), std::string(256, 'x'));
    holder.runs(std::string(255, 'x') + "\xc3\xa9" + "y");
    EXPECT_EQ(holder.statement(), std::string(255, 'x')) << "half of a character is none";
    holder.runs(std::string(256, 'x') + "\xc3\xa9");
    EXPECT_EQ(holder.statement(), std::string(256, 'x'));
}

std::uint32_t line_of_caller(CallSite site = CallSite::here()) { return site.line; }

TEST(ACallSite, IsWhereTheCallStands) {
    const std::uint32_t first = line_of_caller();
    EXPECT_EQ(line_of_caller(), first + 1);
}

}  // namespace
}  // namespace pg::spi
