// COPY: the binary form back into rows, and what is wrong with a broken one.
#include "copy_fixture.hpp"

namespace copying {
namespace {

// ---- rows out ------------------------------------------------------------------------------------

TEST_F(Copy, ReadsStructsByTheNamesOfTheirFields) {
    describe({{"code", 25}, {"area", 23}});
    server.pieces = {header + two_rows.substr(0, 16), two_rows.substr(16), trailer};
    std::vector<Country> countries;
    for (const Country& country : pg::CopyOut<Country>(db.client, "countries")) countries.push_back(country);
    ASSERT_EQ(countries.size(), 2u);
    EXPECT_EQ(countries[0].code, "at");
    EXPECT_EQ(countries[0].area, 84047);
    EXPECT_EQ(countries[1].code, "xx");
    EXPECT_EQ(countries[1].area, std::nullopt);
    EXPECT_EQ(server.take_log(),
              (Lines{"describe select \"code\", \"area\" from countries",
                     "copy countries (\"code\", \"area\") to stdout (format binary)", "copy closed"}));
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, ReadsTheRowsOfAQuery) {
    describe({{"x", 25}, {"y", 23}});
    server.pieces = {header + two_rows + trailer};
    pg::CopyOut<std::string_view, std::optional<int>> copy(db.client, "(select (1) as x)");
    auto row = copy.begin();
    EXPECT_EQ(std::get<0>(*row), "at");
    row++;
    EXPECT_EQ(std::get<0>(*row.operator->()), "xx");
    ++row;
    EXPECT_TRUE(row == copy.end());
    EXPECT_EQ(copy.try_next().value(), nullptr) << "the end stays the end";
    EXPECT_EQ(server.take_log()[1], "copy (select (1) as x) to stdout (format binary)");
}

TEST_F(Copy, GivesNoRowsBehindTheEndOfItsTransaction) {
    describe({{"x", 25}, {"y", 23}});
    server.pieces = {header + two_rows + trailer};
    pg::Transaction transaction = db.client.begin();
    pg::CopyOut<std::string_view, std::optional<int>> copy(transaction, "countries");
    EXPECT_TRUE(copy.try_next().value());
    transaction.rollback();
    const auto row = copy.try_next();
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().kind(), pg::ErrorKind::usage) << row.error().what();
}

TEST_F(Copy, SaysThatItWasMovedFrom) {
    describe({{"x", 25}, {"y", 23}});
    server.pieces = {header + two_rows + trailer};
    pg::CopyOut<std::string_view, std::optional<int>> copy(db.client, "countries");
    const auto moved = std::move(copy);
    EXPECT_EQ(copy.try_next().error().kind(), pg::ErrorKind::usage);
}

TEST_F(Copy, SkipsAnExtensionOfTheHeader) {
    describe({{"x", 23}});
    server.pieces = {"PGCOPY\n\377\r\n\0\0\0\0\1\0\0\0\3abc"s + "\0\1\0\0\0\4\0\0\0\5"s + trailer};
    pg::CopyOut<int> copy(db.client, "t");
    EXPECT_EQ(*copy.begin(), 5);
}

TEST_F(Copy, ChecksTheShapeBeforeItBegins) {
    describe({{"code", 23}, {"other", 23}});
    const auto copy = pg::CopyOut<Country>::try_open(db.client, "countries (code, other)");
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error().kind(), pg::ErrorKind::shape);
    EXPECT_EQ(server.take_log(), Lines{"describe select code, other from countries"});
}

TEST_F(Copy, IgnoresColumnsWithoutAFieldWhenToldSo) {
    describe({{"other", 25}, {"area", 23}, {"code", 25}});
    server.pieces = {header + "\0\3\0\0\0\1!\377\377\377\377\0\0\0\2at"s + trailer};
    auto tuned = db.client.with({.extra = pg::Extra::ignore});
    pg::CopyOut<Country> copy(tuned, "countries (other, area, code)");
    EXPECT_EQ(copy.begin()->code, "at");
}

TEST_F(Copy, SaysThatATableGivesOtherColumnsThanAQuery) {
    describe({{"x", 23}, {"generated", 23}});
    server.pieces = {header + "\0\1\0\0\0\4\0\0\0\5"s + trailer};
    pg::CopyOut<int, int> copy(db.client, "t");
    const auto row = copy.try_next();
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().kind(), pg::ErrorKind::shape);
    EXPECT_EQ(row.error().message(), "the COPY gives 1 columns, the row type has 2; list the columns in the target");
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, EndsTheCommentThatItsTargetEndsIn) {
    describe({{"x", 23}});
    server.pieces = {header + trailer};
    EXPECT_EQ(pg::CopyOut<int>(db.client, "(select x\n from t -- all of them\n)").try_next().value(), nullptr);
    EXPECT_EQ(server.take_log()[1], "copy (select x\n from t -- all of them\n) to stdout (format binary)");
    describe({{"x", 23}});
    server.pieces = {header + trailer};
    EXPECT_EQ(pg::CopyOut<int>(db.client, "t (x -- alone\n)").try_next().value(), nullptr);
    EXPECT_EQ(server.take_log()[0], "describe select x -- alone\n from t");
    describe({{"x", 23}});
    server.pieces = {header + trailer};
    EXPECT_EQ(pg::CopyOut<int>(db.client, "t -- all of it").try_next().value(), nullptr);
    EXPECT_EQ(server.take_log()[1], "copy t -- all of it\n to stdout (format binary)");
}

TEST_F(Copy, NamesTheRowOfAValueThatDoesNotFit) {
    describe({{"x", 23}});
    server.pieces = {header + "\0\1\0\0\0\4\0\0\0\5\0\1\377\377\377\377\0\1\0\0\0\4\0\0\0\6"s + trailer};
    pg::CopyOut<int> copy(db.client, "t");
    EXPECT_EQ(*copy.try_next().value(), 5);
    const auto null = copy.try_next();
    ASSERT_FALSE(null);
    EXPECT_EQ(null.error().message(),
              "column 1 \"x\" (int4) of row 2: is null, but the target cannot hold NULL: use std::optional");
    EXPECT_EQ(*copy.try_next().value(), 6) << "what follows can still be read";
}

TEST_F(Copy, CancelsARangeThatIsLeftEarly) {
    describe({{"x", 25}, {"y", 23}});
    server.pieces = {header + two_rows, trailer};
    for (auto&& row : pg::CopyOut<std::string, std::optional<int>>(db.client, "t")) {
        EXPECT_EQ(std::get<0>(row), "at");
        break;
    }
    EXPECT_EQ(server.take_log().back(), "copy closed");
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, SaysWhyReadingStopped) {
    describe({{"x", 25}});
    server.copy_error = server_error("57014", pg::ErrorKind::cancelled);
    pg::CopyOut<std::string> copy(db.client, "t");
    EXPECT_THROW(static_cast<void>(copy.begin()), pg::Cancelled);
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, SaysWhyReadingCouldNotBegin) {
    const auto opening = [&](std::string_view target) {
        return pg::CopyOut<std::string>::try_open(db.client, target).error();
    };
    EXPECT_EQ(opening("").kind(), pg::ErrorKind::usage);
    server.descriptions.push_back(server_error("42P01"));
    EXPECT_EQ(opening("missing").sqlstate(), "42P01");
    describe({{"x", 25}});
    server.answer("copy t to stdout (format binary)", server_error("42501"));
    EXPECT_EQ(opening("t").sqlstate(), "42501");
    db.client.close();
    EXPECT_EQ(opening("t").kind(), pg::ErrorKind::usage);
}

struct Broken {
    std::string stream;
    const char* problem;
};
class BrokenCopy : public Copy, public testing::WithParamInterface<Broken> {};

TEST_P(BrokenCopy, IsAProtocolError) {
    describe({{"x", 25}});
    server.pieces = {GetParam().stream};
    pg::CopyOut<std::string> copy(db.client, "t");
    pg::Expected<std::string*> next = copy.try_next();
    while (next && *next) next = copy.try_next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().kind(), pg::ErrorKind::protocol);
    EXPECT_NE(std::string(next.error().message()).find(GetParam().problem), std::string::npos) << next.error().what();
    EXPECT_TRUE(is_free());
    EXPECT_EQ(copy.try_next().error().kind(), pg::ErrorKind::usage) << "no end: there may have been more";
}

const std::string row = "\0\1\0\0\0\1a"s;

INSTANTIATE_TEST_SUITE_P(
    Streams, BrokenCopy,
    testing::Values(Broken{"", "no end"}, Broken{header + row, "no end after 1 rows"},
                    Broken{"PGCOPY\n\r\n\0\0\0\0\0\0\0\0\0\0"s, "no signature"},
                    Broken{header.substr(0, 13), "half a header"}, Broken{header.substr(0, 17), "half a header"},
                    Broken{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\1"s, "half a header"},
                    Broken{"PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0\0"s, "flags that are not known here"},
                    Broken{header + "\0"s, "half a row"}, Broken{header + "\0\2\0\0\0\1a"s, "a row of 2 columns"},
                    Broken{header + "\200\0"s, "a row of -32768 columns"}, Broken{header + "\0\1\0\0"s, "half a row"},
                    Broken{header + "\0\1\0\0\0\2a"s, "half a row"},
                    Broken{header + "\0\1\377\377\377\376"s, "half a row"},
                    Broken{header + trailer + row, "bytes after its end"}));

}  // namespace
}  // namespace copying
