// tsvector and tsquery.
#include "pg/types/text_search.hpp"

#include <random>

#include "tests/unit/value/codec_check.hpp"

namespace {

using codec_check::binary;
using codec_check::decode_binary;
using codec_check::expect_only_whole;
using codec_check::expect_round_trip;
using codec_check::text;
using Kind = pg::TsQuery::Kind;
using Node = pg::TsQuery::Node;

constexpr pg::Oid tsvector_oid{3614}, tsquery_oid{3615};
constexpr pg::WireType tsvector_binary{tsvector_oid, pg::Format::binary, nullptr};
constexpr pg::WireType tsquery_binary{tsquery_oid, pg::Format::binary, nullptr};

Node lexeme(std::string word) { return {Kind::lexeme, 0, false, 0, std::move(word)}; }
Node joined(Kind kind) { return {kind, 0, false, static_cast<std::uint16_t>(kind == Kind::phrase), {}}; }

}  // namespace

TEST(TsVector, IsReadBackFromBothForms) {
    for (const char* good : {"", "'a'", "'cat':1B,16383C 'fat':2 'rat':3A,5", R"('back\\slash' 'it''s' 'sp ace':1)"}) {
        const auto value = pg::TsVector::parse(good);
        ASSERT_TRUE(value) << good;
        EXPECT_EQ(value->to_string(), good);
        expect_round_trip(*value, tsvector_oid);
        expect_only_whole<pg::TsVector>(binary(*value), tsvector_binary);
    }
    const std::string bytes = binary(pg::TsVector::parse("'cat':1B,16383C 'fat'").value());
    codec_check::expect_no_harm_from_damage<pg::TsVector>(bytes, tsvector_binary);
}

TEST(TsVector, RefusesMalformedText) {
    for (const char* bad : {"a", "'a", "'a':", "'a':0", "'a':16384", "'a':1X", "'a':1,", "'a' ", "'a'  'b'", "'a''",
                            R"('a\b')", "'a':1 'b"})
        EXPECT_FALSE(pg::TsVector::parse(bad)) << bad;
}

TEST(TsVector, RefusesMoreLexemesOrPositionsThanThereAreBytes) {
    for (const std::int32_t count : {1, -1, 0x7fffffff})
        EXPECT_FALSE(decode_binary<pg::TsVector>(codec_check::words(count) + "ab", tsvector_oid).value);
    EXPECT_FALSE(
        decode_binary<pg::TsVector>(codec_check::words(1) + std::string("a\0\xff\xff", 4), tsvector_oid).value);
    EXPECT_FALSE(decode_binary<pg::TsVector>(codec_check::words(1) + std::string("a\0\0\1\0\0", 6), tsvector_oid).value)
        << "place 0";
}

TEST(TsVector, RefusesToSendWhatTheServerCannotHold) {
    pg::TsVector value{{{"a", {}}}};
    for (std::uint16_t place = 1; place <= 256; ++place) value.lexemes[0].positions.push_back({place, {}});
    EXPECT_FALSE(text(value).starts_with("fault"));
    value.lexemes[0].positions.push_back({257, {}});
    EXPECT_EQ(text(value), "fault: lexeme with more than 256 positions");
    EXPECT_EQ(binary(value), "fault: lexeme with more than 256 positions");
    value.lexemes[0].positions = {{0, pg::TsVector::Weight::a}};
    EXPECT_TRUE(text(value).starts_with("fault: position"));
    value.lexemes[0].positions = {{1, static_cast<pg::TsVector::Weight>(4)}};
    EXPECT_TRUE(text(value).starts_with("fault: position"));
    value.lexemes[0].positions = {{2, {}}, {2, {}}};
    EXPECT_EQ(text(value), "fault: positions of a lexeme that do not ascend");
    value.lexemes = {{"b", {}}, {"a", {{1, {}}}}, {"b", {{2, {}}}}};
    EXPECT_EQ(binary(value), "fault: lexeme that is there twice");
    value.lexemes.back().word.clear();
    EXPECT_EQ(binary(value), "fault: lexeme without a word");
    value.lexemes.resize(1);
    value.lexemes[0] = {std::string("a\0b", 3), {}};
    EXPECT_EQ(text(value), "fault: lexeme with a zero byte, which the server cannot store");
    EXPECT_EQ(binary(value), text(value));
}

TEST(TsQuery, IsWrittenAsTheServerDoesAndReadBack) {
    for (const char* good : {"'a'", "'a':*", "'a':ABCD", "'a':*AD", "!'a'", "!!'a'", "!( 'a' & 'b' )",
                             "'a' & 'b' & 'c'", "'a' | 'b' & 'c'", "( 'a' | 'b' ) & 'c'", "'a' <-> 'b' <-> 'c'",
                             "'a' <-> ( 'b' <-> 'c' )", "'a' <7> 'b'", "'a' <0> 'b'", "!'a' <-> !'b'",
                             "!( 'a' <-> 'b' ) | 'c' & ( 'd' | 'e' ) & !'f'", R"('it''s' & 'back\\slash')"}) {
        const auto value = pg::TsQuery::parse(good);
        ASSERT_TRUE(value) << good;
        EXPECT_EQ(value->to_string(), good);
        expect_round_trip(*value, tsquery_oid);
        expect_only_whole<pg::TsQuery>(binary(*value), tsquery_binary);
        codec_check::expect_no_harm_from_damage<pg::TsQuery>(binary(*value), tsquery_binary);
    }
    EXPECT_TRUE(pg::Codec<pg::TsQuery>::accepts({tsquery_oid}));
    EXPECT_FALSE(pg::Codec<pg::TsQuery>::accepts({tsvector_oid}));
}

TEST(TsQuery, KeepsTheServersOrder) {
    const auto value = pg::TsQuery::parse("'a' & 'b' | 'c'").value();
    const std::vector<Node> expected{joined(Kind::disjunction), lexeme("c"), joined(Kind::conjunction), lexeme("b"),
                                     lexeme("a")};
    EXPECT_EQ(value.nodes, expected);
    const pg::TsQuery nested_right{
        {joined(Kind::conjunction), joined(Kind::conjunction), lexeme("c"), lexeme("b"), lexeme("a")}};
    EXPECT_EQ(nested_right.to_string(), "'a' & 'b' & 'c'");
}

TEST(TsQuery, MayBeEmptyButNotInBinary) {
    EXPECT_EQ(pg::TsQuery::parse("").value(), pg::TsQuery());
    EXPECT_EQ(decode_binary<pg::TsQuery>(codec_check::words(0), tsquery_oid).value, pg::TsQuery());
    EXPECT_EQ(text(pg::TsQuery()), "");
    EXPECT_EQ(binary(pg::TsQuery()), "fault: empty tsquery, which servers do not read in binary");
}

TEST(TsQuery, RefusesMalformedText) {
    for (const char* bad : {"a", "'a' &", "'a' & ", "& 'a'", "'a' 'b'", "( 'a'", "'a' )", "( 'a' ) )", "!", "( )",
                            "'a':", "'a':E", "'a' <x> 'b'", "'a' <> 'b'", "'a' <70000> 'b'", "'a' <20000> 'b'", "'a"})
        EXPECT_FALSE(pg::TsQuery::parse(bad)) << bad;
}

TEST(TsQuery, RefusesNodesThatAreNoTree) {
    for (const std::vector<Node>& nodes :
         std::initializer_list<std::vector<Node>>{{joined(Kind::conjunction)},
                                                  {joined(Kind::conjunction), lexeme("a")},
                                                  {joined(Kind::negation)},
                                                  {lexeme("a"), lexeme("b")},
                                                  {{static_cast<Kind>(5), 0, false, 0, {}}},
                                                  {{Kind::lexeme, 16, false, 0, "a"}},
                                                  {joined(Kind::phrase), lexeme(std::string(1, '\0')), lexeme("b")}}) {
        EXPECT_TRUE(text(pg::TsQuery{nodes}).starts_with("fault: "));
        EXPECT_TRUE(binary(pg::TsQuery{nodes}).starts_with("fault: "));
    }
    for (const char* bytes : {"\2\5", "\2\1", "\3\1", "\2\2"})
        EXPECT_FALSE(decode_binary<pg::TsQuery>(codec_check::words(1) + std::string(bytes, 2), tsquery_oid).value);
    EXPECT_FALSE(decode_binary<pg::TsQuery>(codec_check::words(0x7fffffff), tsquery_oid).value);
}

TEST(TsQuery, MayBeAsDeepAsItIsLong) {
    constexpr std::size_t depth = 300'000;
    std::vector<Node> nodes(depth, joined(Kind::negation));
    nodes.push_back(lexeme("a"));
    const pg::TsQuery value{std::move(nodes)};
    expect_round_trip(value, tsquery_oid);
    std::string brackets;
    for (std::size_t i = 0; i < depth; ++i) brackets += "( ";
    EXPECT_FALSE(pg::TsQuery::parse(brackets));
}

TEST(TsQuery, IsReadBackFromItsTextWhateverItsTree) {
    std::mt19937 random(9);
    for (int i = 0; i < 5'000; ++i) {
        std::vector<Node> nodes;
        for (std::size_t open = 1; open > 0;) {
            const auto kind = static_cast<Kind>(nodes.size() > 20 ? 0 : random() % 5);
            nodes.push_back(kind == Kind::lexeme ? lexeme(std::string(1, static_cast<char>('a' + random() % 26)))
                                                 : joined(kind));
            open = open - 1 + (kind == Kind::lexeme ? 0 : kind == Kind::negation ? 1 : 2);
        }
        const pg::TsQuery value{std::move(nodes)};
        EXPECT_EQ(decode_binary<pg::TsQuery>(binary(value), tsquery_oid).value, value);
        EXPECT_EQ(pg::TsQuery::parse(value.to_string()).value().to_string(), value.to_string());
    }
}
