// Fingerprints of statements: of every kind of literal, and of texts that are broken anywhere.
#include "src/value/fingerprint.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <vector>

#include "tests/fuzz/fingerprint_check.hpp"

namespace {

using pg::fingerprint;

TEST(Fingerprint, HasAMarkForEachKindOfLiteral) {
    const char* const literals[] = {"1",           "17.5",          "17.",
                                    ".5",          "1e5",           "1.5e-7",
                                    ".5E+3",       "1.e5",          "1.e-5",
                                    "0xBEEF",      "1_000",         "'a'",
                                    "'it''s'",     "'a\\'",         "''",
                                    "'a -- b'",    "e'a\\'b'",      "E'\\\\'",
                                    "b'101'",      "X'fe'",         "N'name'",
                                    "u&'d\\0061'", "U&'a''b'",      "$$a 'b' $1$$",
                                    "$q$a$$b$q$",  "$_x1$'$_x1$",   "$\xc3\xa4$a$\xc3\xa4$",
                                    "'a'\n'b'",    "e'a'\n'b\\'c'", "'\xc3\xa4'"};
    for (const std::string text : literals)
        EXPECT_EQ(fingerprint("select " + text + " from t"), "select ? from t") << text;
}

TEST(Fingerprint, KeepsNamesAndParameters) {
    for (const std::string text :
         {"select a1, b.c2, \"it's 17\", \"a\"\"b 1\", U&\"d\\0061\" from \xc3\xa4pfel2 where x = $1 and y = $23",
          "select a$1, e, b, x, n, u & v from t", "insert into t values ($1, $2, $3)", "select $a, $, a ? b, c ?| d",
          "begin; commit"})
        EXPECT_EQ(fingerprint(text), text);
    EXPECT_EQ(fingerprint("select $99999, $0, 1$2"), "select $99999, $0, ?$2");
    EXPECT_EQ(fingerprint("select 1..2, a[1:2], 0xe-5, -7"), "select ?.?, a[?:?], ?-?, -?");
}

TEST(Fingerprint, HasNoCommentsAndOneBlankForMany) {
    EXPECT_EQ(fingerprint(" \n select\t1 -- one\n  , /* 'a' /* nested */ \" */ a\r\n from t -- the end"),
              "select ?, a from t");
    EXPECT_EQ(fingerprint("select a/**/b"), "select a b") << "they are two words";
    EXPECT_EQ(fingerprint("-- nothing"), "");
    EXPECT_EQ(fingerprint(""), "");
    EXPECT_EQ(fingerprint("select '-- a', /* b */ '/*', c"), "select ?, c");
    EXPECT_EQ(fingerprint(std::string("a\0b", 3)), "a b");
}

TEST(Fingerprint, HasOneMarkForAListAndForItsRows) {
    EXPECT_EQ(fingerprint("delete from t where a in (1, 'b',3 , 4.0)"), "delete from t where a in (?)");
    EXPECT_EQ(fingerprint("insert into t values (1, 'a'), (2, 'b'),( 3,'c' ) returning 1"),
              "insert into t values (?) returning ?");
    EXPECT_EQ(fingerprint("insert into t values (1, $1), (2, $2)"), "insert into t values (?, $1), (?, $2)");
    EXPECT_EQ(fingerprint("select f(1), g(2), 3 + 4, (5), (6)"), "select f(?), g(?), ? + ?, (?)");
    EXPECT_EQ(fingerprint("values ((1), (2)), (3); values (4), (5)"), "values ((?)), (?); values (?)");
}

TEST(Fingerprint, GoesThroughAWholeScript) {
    EXPECT_EQ(fingerprint("create function f() returns int language sql as $$select 17$$; select f() + 1;"),
              "create function f() returns int language sql as ?; select f() + ?;");
    EXPECT_EQ(fingerprint("select 1)); select ('a'"), "select ?)); select (?");
}

TEST(Fingerprint, TakesWhatHasNoEndAsALiteral) {
    for (const std::string text : {"'secret", "'secret''", "e'secret\\", "e'secret\\'", "b'1", "u&'secret", "$$secret$",
                                   "$a$secret$b$", "$a$'secret'", "17", "1.", "1e", "1e-7", ".1"})
        EXPECT_EQ(fingerprint("select " + text), "select ?") << text;
    EXPECT_EQ(fingerprint("select 1 /* secret /* */"), "select ?");
    EXPECT_EQ(fingerprint("select \"a 'b'"), "select \"a 'b'") << "a name";
    for (const std::string text : {"select $", "select $a", "select u&", "select e", "a.", "a -", "a /"})
        EXPECT_EQ(fingerprint(text), text);
}

/// A statement that is cut anywhere, as what a pool keeps is.
TEST(Fingerprint, GivesAwayNothingOfATextThatWasCut) {
    const std::string whole =
        "select 'YX', e'X\\'X', u&'X', $X1$X'X$X1$, $$X$$ /* X */, 'X' -- X\n 'X', \"a\", 9.9e-9, 0x99, b'9' from t";
    for (std::size_t end = 0; end <= whole.size(); ++end) {
        const std::string text = whole.substr(0, end);
        const std::string made = fingerprint(text);
        EXPECT_EQ(made.find_first_of("'9\\"), std::string::npos) << made;
        EXPECT_LE(std::count(made.begin(), made.end(), 'X'), 1) << "but a tag that may be no tag: " << made;
    }
}

/// Every text of some letters.
TEST(Fingerprint, IsItsOwnFingerprint) {
    constexpr std::string_view letters = "'\"$a1-/*e\n.&,(";
    std::vector<std::size_t> at(4, 0);
    for (bool more = true; more;) {
        std::string text;
        for (const std::size_t letter : at) text += letters[letter];
        ASSERT_EQ(pg::fingerprint_goes_wrong(text), "");
        more = false;
        for (std::size_t& letter : at) {
            letter = (letter + 1) % letters.size();
            if ((more = letter != 0)) break;
        }
    }
}

TEST(Fingerprint, IsItsOwnFingerprintInTheCorpus) {
    std::size_t texts = 0;
    for (const auto& entry : std::filesystem::directory_iterator(PGCLIENT_FINGERPRINT_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        for (std::size_t size = 0; size <= text.size(); ++size)  // every beginning of it, where no byte is behind
            EXPECT_EQ(pg::fingerprint_goes_wrong(std::string(text, 0, size)), "") << entry.path() << " " << size;
        ++texts;
    }
    EXPECT_GE(texts, 6U);
}

}  // namespace
