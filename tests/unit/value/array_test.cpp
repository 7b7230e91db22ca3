// Arrays: the shapes that containers take, both forms of them, and what is refused.
#include "pg/types/array.hpp"

#include <cstdint>
#include <list>

#include "pg/params.hpp"
#include "pg/types/bytea.hpp"
#include "pg/types/range.hpp"
#include "pg/types/unsigned.hpp"
#include "tests/unit/value/codec_check.hpp"

using namespace codec_check;

namespace {

constexpr pg::Oid int4_array{1007};
constexpr pg::Oid text_array{1009};
constexpr pg::Oid bool_array{1000};
using Ints = std::vector<std::int32_t>;
using MaybeInts = std::vector<std::optional<std::int32_t>>;
using Texts = std::vector<std::string>;
using MaybeTexts = std::vector<std::optional<std::string>>;
using Grid = std::vector<std::vector<std::int32_t>>;

TEST(Array, TravelsInBothForms) {
    expect_round_trip(Ints{1, -2, 2147483647}, int4_array);
    expect_round_trip(Ints{}, int4_array);
    expect_round_trip(MaybeInts{1, std::nullopt, 3}, int4_array);
    expect_round_trip(std::vector<bool>{true, false, true}, bool_array);
    expect_round_trip(std::array<std::int32_t, 2>{7, 8}, int4_array);
    expect_round_trip(std::array<std::int32_t, 0>{}, int4_array);
    expect_round_trip(Grid{{1, 2, 3}, {4, 5, 6}}, int4_array);
    expect_round_trip(std::array<std::array<std::int32_t, 2>, 2>{{{1, 2}, {3, 4}}}, int4_array);
    expect_round_trip(std::vector<std::vector<std::vector<std::int32_t>>>{{{1}, {2}}, {{3}, {4}}}, int4_array);
    expect_round_trip(std::vector<std::vector<std::byte>>{{std::byte{0}, std::byte{92}}, {}}, pg::Oid{1001});
    expect_round_trip(std::vector<std::vector<bool>>{{true, false}, {false, false}}, bool_array);
}

TEST(Array, HasTheBinaryFormOfTheServer) {
    EXPECT_EQ(binary(Ints{}), words(0, 0, 23));
    EXPECT_EQ(binary(Ints{5, 6}), words(1, 0, 23, 2, 1, 4, 5, 4, 6));
    EXPECT_EQ(binary(MaybeInts{5, std::nullopt}), words(1, 1, 23, 2, 1, 4, 5, -1));
    EXPECT_EQ(binary(MaybeInts{5}), words(1, 0, 23, 1, 1, 4, 5));
    EXPECT_EQ(binary(Grid{{1}, {2}}), words(2, 0, 23, 2, 1, 1, 1, 4, 1, 4, 2));
    EXPECT_EQ(binary(pg::NdArray<std::int32_t>{{{1, -3}}, {9}}), words(1, 0, 23, 1, -3, 4, 9));
}

TEST(Array, HasTheTextFormOfTheServer) {
    EXPECT_EQ(text(Ints{}), "{}");
    EXPECT_EQ(text(Ints{1, -2}), "{1,-2}");
    EXPECT_EQ(text(Grid{{1, 2}, {3, 4}}), "{{1,2},{3,4}}");
    EXPECT_EQ(text(MaybeTexts{"", std::nullopt, "NULL", "null", "nul", "a b", "a,b", "{", "}", "a\"b", "a\\b", "\t"}),
              R"({"",NULL,"NULL","null",nul,"a b","a,b","{","}","a\"b","a\\b","	"})");
    EXPECT_EQ(text(pg::NdArray<std::int32_t>{{{2, 0}, {1, 1}}, {9, 8}}), "[0:1][1:1]={{9},{8}}");
    EXPECT_EQ(text(std::vector<const char*>{"x", "y z"}), "{x,\"y z\"}");
}

TEST(Array, ReadsTextsThatNeedQuotes) {
    const MaybeTexts tricky{"", std::nullopt, "NULL", "a\"b\\c", "{}", ",", " ", "\xc3\xa9\xf0\x9f\x98\x80", "\n"};
    expect_round_trip(tricky, text_array);
    EXPECT_EQ(decode_text<MaybeTexts>(R"({NULL,"NULL",\NULL})", text_array).value,
              (MaybeTexts{std::nullopt, "NULL", "NULL"}));
}

TEST(Array, ReadsExplicitBoundsAndDropsThemInAVector) {
    EXPECT_EQ(decode_text<Ints>("[2:4]={1,2,3}", int4_array).value, (Ints{1, 2, 3}));
    EXPECT_EQ(decode_binary<Ints>(words(1, 0, 23, 1, -5, 4, 7), int4_array).value, (Ints{7}));
    const pg::NdArray<std::int32_t> kept{{{3, 2}}, {1, 2, 3}};
    EXPECT_EQ(decode_text<pg::NdArray<std::int32_t>>("[2:4]={1,2,3}", int4_array).value, kept);
    expect_round_trip(kept, int4_array);
}

TEST(Array, KeepsEveryDimensionAndNullInAnNdArray) {
    using Nd = pg::NdArray<std::optional<std::int32_t>>;
    const Nd array{{{2, -1}, {1, 5}, {2, 1}}, {1, std::nullopt, 3, 4}};
    expect_round_trip(array, int4_array);
    expect_round_trip(Nd{}, int4_array);
    expect_round_trip(pg::NdArray<bool>{{{2, 1}}, {true, false}}, bool_array);
    EXPECT_EQ(array.position({0, 5, 1}), 2U);
    EXPECT_EQ(array.position({-1, 5, 2}), 1U);
    EXPECT_EQ(array.position({1, 5, 1}), std::nullopt);
    EXPECT_EQ(array.position({-2, 5, 1}), std::nullopt);
    EXPECT_EQ(array.position({0, 5}), std::nullopt);
    EXPECT_EQ(Nd{}.position({}), std::nullopt);
}

TEST(Array, ReadsVectorsOfTheSystemCatalogues) {
    EXPECT_EQ(decode_text<std::vector<std::int16_t>>("1 -2 3", pg::Oid{22}).value,
              (std::vector<std::int16_t>{1, -2, 3}));
    EXPECT_EQ(decode_text<std::vector<std::int16_t>>("", pg::Oid{22}).value, (std::vector<std::int16_t>{}));
    EXPECT_EQ(decode_text<pg::NdArray<pg::Oid>>("7 8", pg::Oid{30}).value,
              (pg::NdArray<pg::Oid>{{{2, 0}}, {pg::Oid{7}, pg::Oid{8}}}));
    EXPECT_EQ(decode_text<std::vector<std::int16_t>>("1  2", pg::Oid{22}).reason, "malformed integer");
    EXPECT_EQ((decode_text<std::array<std::int16_t, 1>>("1 2", pg::Oid{22}).reason),
              "array of another length than its std::array");
}

TEST(Array, RefusesAnotherShapeThanTheTargetHas) {
    const std::string flat = binary(Ints{1, 2});
    const std::string grid = binary(Grid{{1, 2}, {3, 4}});
    const char* const other_rank = "array of another number of dimensions than its target: use pg::NdArray";
    EXPECT_EQ(decode_binary<Ints>(grid, int4_array).reason, other_rank);
    EXPECT_EQ(decode_text<Ints>("{{1}}", int4_array).reason, other_rank);
    EXPECT_EQ(decode_binary<Grid>(flat, int4_array).reason, other_rank);
    const char* const other_length = "array of another length than its std::array";
    EXPECT_EQ((decode_binary<std::array<std::int32_t, 3>>(flat, int4_array).reason), other_length);
    EXPECT_EQ((decode_binary<std::array<std::int32_t, 1>>(words(0, 0, 23), int4_array).reason), other_length);
    EXPECT_EQ((decode_text<std::array<std::array<std::int32_t, 1>, 2>>("{{1,2},{3,4}}", int4_array).reason),
              other_length);
    EXPECT_EQ(decode_binary<Ints>(binary(MaybeInts{std::nullopt}), int4_array).reason,
              "is null, but the target cannot hold NULL: use std::optional");
}

TEST(Array, AcceptsArraysOfWhatItsElementsAccept) {
    const auto accepts = [](auto sample, std::uint32_t oid) {
        return pg::Codec<decltype(sample)>::accepts({pg::Oid{oid}, pg::Format::binary, nullptr});
    };
    EXPECT_TRUE(accepts(Ints{}, 1007));
    EXPECT_TRUE(accepts(Ints{}, 1016));
    EXPECT_TRUE(accepts(Ints{}, 22));
    EXPECT_TRUE(accepts(Texts{}, 1015));
    EXPECT_TRUE(accepts(Grid{}, 1007));
    EXPECT_FALSE(accepts(Ints{}, 1009));
    EXPECT_FALSE(accepts(Ints{}, 23));
    EXPECT_FALSE(accepts(Ints{}, 70000));
}

TEST(Array, TravelsAsItsElementsDo) {
    static_assert(pg::Codec<Ints>::argument == pg::Format::binary);
    static_assert(pg::Codec<Grid>::argument == pg::Format::binary);
    static_assert(pg::Codec<Texts>::argument == pg::Format::text);
    static_assert(pg::Codec<Ints>::type.oid == int4_array && pg::Codec<Ints>::type.name == "int4[]");
    pg::Params params;
    EXPECT_FALSE(params.add(Ints{1}));
    EXPECT_FALSE(params.add(Texts{"a"}));
    EXPECT_EQ(params[0].type, int4_array);
    EXPECT_EQ(params[0].format, pg::Format::binary);
    EXPECT_EQ(params[1].format, pg::Format::text);
}

TEST(Array, RefusesToSendWhatHasNoForm) {
    const std::string ragged = "fault: rows of an array that differ in length";
    EXPECT_EQ(binary(Grid{{1, 2}, {3}}), ragged);
    EXPECT_EQ(text(Grid{{1, 2}, {3}}), ragged);
    const std::string hollow = "fault: array of empty rows, which has no form in PostgreSQL";
    EXPECT_EQ(binary(Grid{{}, {}}), hollow);
    EXPECT_EQ(text(Grid{{}}), hollow);
    EXPECT_EQ(binary(Grid{}), words(0, 0, 23));

    using Nd = pg::NdArray<std::int32_t>;
    EXPECT_EQ(binary(Nd{{{2, 1}}, {1}}), "fault: array whose dimensions do not fit its number of values");
    EXPECT_EQ(text(Nd{{}, {1}}), "fault: array whose dimensions do not fit its number of values");
    EXPECT_EQ(binary(Nd{{{0, 1}}, {}}), "fault: dimension of an array with no elements");
    EXPECT_EQ(text(Nd{{{1, 2147483647}}, {1}}), "fault: subscript of an array out of range");
    EXPECT_EQ(text(Nd{std::vector<pg::ArrayDimension>(7, {1, 1}), {1}}), "fault: array of more than 6 dimensions");
    const std::vector<pg::ArrayDimension> huge(6, {2147483, 1});
    EXPECT_EQ(text(Nd{huge, {}}), "fault: array of more than 134217727 elements");
    EXPECT_EQ(binary(std::vector<bool>(134217728)), "fault: array of more than 134217727 elements");
    const std::vector<std::vector<bool>> wide(2, std::vector<bool>(134217727));
    EXPECT_EQ(binary(wide), "fault: array of more than 134217727 elements");

    const std::string with_nul("a\0b", 3);
    EXPECT_TRUE(text(Texts{with_nul}).starts_with("fault: "));
    EXPECT_TRUE(text(MaybeTexts{with_nul}).starts_with("fault: "));
    EXPECT_TRUE(binary(Texts{with_nul}).starts_with("fault: "));
    EXPECT_TRUE(text(std::vector<Texts>{{with_nul}}).starts_with("fault: "));
}

TEST(Array, RefusesMalformedText) {
    const auto refused = [](std::string_view literal) {
        return decode_text<std::vector<std::optional<std::string>>>(literal, text_array).reason;
    };
    EXPECT_EQ(refused("{a,b}"), "");
    for (const char* literal : {"",
                                "{",
                                "{a",
                                "{a,",
                                "{a,}",
                                "{,a}",
                                "{a}b",
                                "{a}}",
                                "{\"a}",
                                "{a\\",
                                "a,b",
                                "{a}{b}",
                                "{\"a\"b}",
                                "{a\"b\"}",
                                "[1:2]={a}",
                                "[1:1]=",
                                "[1:1]{a}",
                                "[1:1]=={a}",
                                "[1]={a}",
                                "[a:b]={a}",
                                "[1:]={a}",
                                "[:1]={a}",
                                "[1:1",
                                "[2:1]={}",
                                "[1:0]={}",
                                "[-2147483648:2147483647]={a}",
                                "[1:1][1:1]={a}",
                                "[1:1]={}",
                                "[1:1][1:1][1:1][1:1][1:1][1:1][1:1]={a}"})
        EXPECT_NE(refused(literal), "") << literal;
    const auto grid = [](std::string_view literal) { return decode_text<Grid>(literal, int4_array).reason; };
    EXPECT_EQ(grid("{{1},{2}}"), "");
    for (const char* literal : {"{{1},{2,3}}", "{{1},2}", "{{1},{{2}}}", "{{1}", "{{1},{2}", "{{}}", "{{1},{}}",
                                "{{{{{{{1}}}}}}}", "{{{{{{{", "{1,{2}}"})
        EXPECT_NE(grid(literal), "") << literal;
}

TEST(Array, RefusesMalformedBytes) {
    const auto refused = [](const std::string& bytes) { return decode_binary<Ints>(bytes, int4_array).reason; };
    const std::string too_short = "array that ends too early";
    EXPECT_EQ(refused(words(-1, 0, 23)), "array of more than 6 dimensions");
    EXPECT_EQ(refused(words(7, 0, 23)), "array of more than 6 dimensions");
    EXPECT_EQ(refused(words(1, 0, 23, -1, 1)), "array with a dimension of negative length");
    EXPECT_EQ(refused(words(1, 0, 23, 2147483647, 1)), "subscript of an array out of range");
    EXPECT_EQ(refused(words(1, 0, 23, 2147483647, 0)), too_short);
    EXPECT_EQ(refused(words(2, 0, 23, 65536, 1, 65536, 1)), too_short);
    EXPECT_EQ(refused(words(6, 0, 23, 65536, 1, 65536, 1, 65536, 1, 65536, 1, 65536, 1, 65536, 1)), too_short);
    EXPECT_EQ(refused(words(1, 0, 23, 1, 1, -2)), too_short);
    EXPECT_EQ(refused(words(1, 0, 23, 1, 1, 2147483647)), too_short);
    EXPECT_EQ(refused(words(1, 0, 23, 1, 1, 4, 7, 8)), "array with bytes behind its last element");
    EXPECT_EQ(refused(words(1, 0, 25, 1, 1, 4, 7)), "array whose elements are of another type");
    EXPECT_EQ(refused(words(1, 0, 23, 0, 1)), "");
}

TEST(Array, RefusesEveryBeginningOfItself) {
    const pg::WireType as_binary{int4_array, pg::Format::binary, nullptr};
    const pg::WireType as_text{int4_array, pg::Format::text, nullptr};
    expect_only_whole<MaybeInts>(binary(MaybeInts{1, std::nullopt, 3}), as_binary);
    expect_only_whole<Grid>(binary(Grid{{1, 2}, {3, 4}}), as_binary);
    expect_only_whole<pg::NdArray<std::int32_t>>(binary(pg::NdArray<std::int32_t>{{{1, 4}}, {9}}), as_binary);
    expect_only_whole<pg::NdArray<std::int32_t>>("[4:5][1:2]={{9,8},{7,6}}", as_text);
    expect_only_whole<MaybeTexts>(R"({a,"b\"c",NULL})", {text_array, pg::Format::text, nullptr});
    expect_no_harm_from_damage<Grid>(binary(Grid{{1, 2}, {3, 4}}), as_binary);
    expect_no_harm_from_damage<MaybeInts>("[4:5]={NULL,7}", as_text);
}

TEST(Array, ReplacesWhatItsTargetHeld) {
    Ints values{9, 9, 9};
    EXPECT_FALSE(pg::Codec<Ints>::decode({"{1}", 3}, {int4_array, pg::Format::text, nullptr}, values));
    EXPECT_EQ(values, (Ints{1}));
    EXPECT_FALSE(pg::Codec<Ints>::decode({"{}", 2}, {int4_array, pg::Format::text, nullptr}, values));
    EXPECT_EQ(values, Ints{});
}

TEST(Array, NeedsTheCatalogueForElementsOfTheDatabasesOwn) {
    using Floats = std::vector<pg::Range<std::int64_t>>;
    EXPECT_EQ(binary(Floats{{1, 2}}), words(1, 0, 3926, 1, 1, 25) + "\2" + words(8, 0, 1, 8, 0, 2));
    EXPECT_EQ(text(Floats{{1, 2}, {}}), "{\"[1,2)\",\"(,)\"}");
}

}  // namespace
