// Ranges and multiranges: both forms, the canonical form, and what is refused.
#include "pg/types/range.hpp"

#include <cstdint>

#include "pg/params.hpp"
#include "pg/types/array.hpp"
#include "pg/types/datetime.hpp"
#include "pg/types/unsigned.hpp"
#include "tests/unit/value/codec_check.hpp"

using namespace codec_check;

// A range of the database's own over text.
template <>
struct pg::RangeOf<std::string> {
    static constexpr TypeId range{{}, {}, "textrange"};
    static constexpr TypeId multirange{{}, {}, "textmultirange"};
};

namespace {

constexpr pg::Oid int4range{3904};
constexpr pg::Oid int4multirange{4451};
using Ints = pg::Range<std::int32_t>;
using Texts = pg::Range<std::string>;
using MultiInts = pg::Multirange<std::int32_t>;

// Knows textrange, textmultirange and the domain "span" over int4range.
const pg::TypeCatalog& catalogue() {
    static pg::TypeCatalog types;
    static const bool filled = [] {
        types.add({pg::Oid{20000}, "public", "textrange", pg::TypeKind::range, pg::Oid{20001}, pg::Oid{25}, {}, {}});
        types.add({pg::Oid{20002}, "public", "textmultirange", pg::TypeKind::multirange, {}, pg::Oid{25}, {}, {}});
        types.add({pg::Oid{20004}, "public", "span", pg::TypeKind::domain, {}, int4range, {}, {}});
        return true;
    }();
    static_cast<void>(filled);
    return types;
}

TEST(Range, TravelsInBothForms) {
    for (const Ints& range :
         {Ints{1, 5}, Ints{-3, std::nullopt}, Ints{std::nullopt, 4}, Ints{}, Ints::empty(), Ints{1, 5, false, true}})
        expect_round_trip(range, int4range);
    expect_round_trip(MultiInts{}, int4multirange);
    expect_round_trip(MultiInts{{{1, 2}, {4, std::nullopt}}}, int4multirange);
}

TEST(Range, HasTheFormsOfTheServer) {
    EXPECT_EQ(binary(Ints{1, 5}), "\2" + words(4, 1, 4, 5));
    EXPECT_EQ(binary(Ints{1, 5, false, true}), "\4" + words(4, 1, 4, 5));
    EXPECT_EQ(binary(Ints{std::nullopt, 5}), "\x08" + words(4, 5));
    EXPECT_EQ(binary(Ints{1, std::nullopt, true, true}), "\x12" + words(4, 1));
    EXPECT_EQ(binary(Ints{}), "\x18");
    EXPECT_EQ(binary(Ints::empty()), "\1");
    EXPECT_EQ(text(Ints{1, 5}), "[1,5)");
    EXPECT_EQ(text(Ints{1, 5, false, true}), "(1,5]");
    EXPECT_EQ(text(Ints{}), "(,)");
    EXPECT_EQ(text(Ints::empty()), "empty");
    EXPECT_EQ(binary(MultiInts{{{1, 2}}}), words(1, 17) + "\2" + words(4, 1, 4, 2));
    EXPECT_EQ(text(MultiInts{{{1, 2}, {4, 5}}}), "{[1,2),[4,5)}");
    EXPECT_EQ(text(MultiInts{}), "{}");
}

TEST(Range, QuotesBoundsThatNeedIt) {
    EXPECT_EQ(text(Texts{"a b", "x\"y\\z"}), R"x(["a b","x""y\\z"))x");
    EXPECT_EQ(text(Texts{"", "[)"}), R"x(["","[)"))x");
    const pg::Oid textrange{20000};
    for (const char* bound : {"", "a,b", "(", "]", "\"", "\\", " ", "\xc3\xa9"})
        expect_round_trip(Texts{bound, std::nullopt}, textrange, &catalogue());
    expect_round_trip(pg::Multirange<std::string>{{{"a,", "b}"}, {"c]", "d\""}}}, pg::Oid{20002}, &catalogue());
}

TEST(Range, HasOneCanonicalForm) {
    EXPECT_EQ((Ints{1, 4, true, true}), (Ints{1, 5}));
    EXPECT_EQ((Ints{0, 5, false, false}), (Ints{1, 5}));
    EXPECT_EQ((Ints{5, 5}), Ints::empty());
    EXPECT_EQ((Ints{4, 5, false, false}), Ints::empty());
    EXPECT_EQ((Ints{std::nullopt, 5, true, false}), (Ints{std::nullopt, 5, false, false}));
    EXPECT_NE((Ints{1, 5}), (Ints{1, 6}));
    EXPECT_NE((Ints{1, 5}), (Ints{2, 5}));
    EXPECT_NE((Ints{1, std::nullopt}), (Ints{}));
    // Without a next value, a discrete range stays as it is.
    EXPECT_TRUE((Ints{1, 2147483647, true, true}).canonical().upper_inclusive);
    EXPECT_FALSE((Ints{2147483647, std::nullopt, false, false}).canonical().lower_inclusive);
    using Dates = pg::Range<pg::Date>;
    EXPECT_EQ((Dates{pg::Date{1}, pg::Date{4}, true, true}), (Dates{pg::Date{1}, pg::Date{5}}));
    EXPECT_TRUE((Dates{pg::Date{1}, pg::Date::infinity(), true, true}).canonical().upper_inclusive);
    using Days = pg::Range<std::chrono::sys_days>;
    const std::chrono::sys_days day{std::chrono::days(1)};
    EXPECT_EQ((Days{day, day + std::chrono::days(3), true, true}), (Days{day, day + std::chrono::days(4)}));
    EXPECT_TRUE((Days{day, std::chrono::sys_days::max(), true, true}).canonical().upper_inclusive);
    EXPECT_EQ((pg::Multirange<std::chrono::local_days>{}), (pg::Multirange<std::chrono::local_days>{}));
    // A numrange has values between any two, whatever C++ has.
    using Wide = pg::Range<std::uint64_t>;
    EXPECT_NE((Wide{1, 5, true, true}), (Wide{1, 6}));
    EXPECT_FALSE((Wide{1, 2, false, false}).canonical().is_empty);
    // Texts have no next value.
    EXPECT_NE((Texts{"a", "b", true, true}), (Texts{"a", "b", true, false}));
    EXPECT_EQ((Texts{"a", "a", true, true}).canonical().is_empty, false);
    EXPECT_EQ((Texts{"a", "a", true, false}).canonical().is_empty, true);
    EXPECT_NE((Texts{"a", "B"}), (Texts{"b", "C"})) << "where a collation says that they are not empty";
}

TEST(Range, ContainsWhatLiesBetweenItsBounds) {
    EXPECT_TRUE((Ints{1, 3}).contains(1));
    EXPECT_FALSE((Ints{1, 3}).contains(3));
    EXPECT_FALSE((Ints{1, 3, false, true}).contains(1));
    EXPECT_TRUE((Ints{1, 3, false, true}).contains(3));
    EXPECT_FALSE((Ints{1, 3}).contains(0));
    EXPECT_FALSE((Ints{1, 3}).contains(4));
    EXPECT_TRUE(Ints{}.contains(7));
    EXPECT_FALSE(Ints::empty().contains(7));
}

TEST(Range, AcceptsRangesOfWhatItsBoundsAccept) {
    const auto accepts = [](auto sample, std::uint32_t oid, const pg::TypeCatalog* types = nullptr) {
        return pg::Codec<decltype(sample)>::accepts({pg::Oid{oid}, pg::Format::binary, types});
    };
    EXPECT_TRUE(accepts(Ints{}, 3904));
    EXPECT_TRUE(accepts(Ints{}, 3926));
    EXPECT_FALSE(accepts(Ints{}, 3906));
    EXPECT_FALSE(accepts(Ints{}, 4451));
    EXPECT_FALSE(accepts(Ints{}, 23));
    EXPECT_TRUE(accepts(MultiInts{}, 4451));
    EXPECT_FALSE(accepts(MultiInts{}, 3904));
    EXPECT_FALSE(accepts(Texts{}, 20000));
    EXPECT_TRUE(accepts(Texts{}, 20000, &catalogue()));
    EXPECT_FALSE(accepts(Texts{}, 20002, &catalogue()));
    EXPECT_FALSE(accepts(Ints{}, 20000, &catalogue()));
    EXPECT_TRUE(accepts(pg::Multirange<std::string>{}, 20002, &catalogue()));
    EXPECT_TRUE(accepts(Ints{}, 20004, &catalogue()));
}

TEST(Range, ReadsANarrowerRangeIntoAWiderOne) {
    const auto wide = decode_binary<pg::Range<std::int64_t>>(binary(Ints{1, 5}), int4range);
    EXPECT_EQ(wide.value, (pg::Range<std::int64_t>{1, 5}));
    EXPECT_EQ(decode_binary<Ints>(binary(pg::Range<std::int64_t>{1, 4294967296}), pg::Oid{3926}).reason,
              "integer out of the target's range");
}

TEST(Range, ReadsBackTheGreatestValueThatItsBoundsHave) {
    using Narrow = pg::Range<std::uint16_t>;
    const Narrow all{1, 65535, true, true};
    const Ints canonical{1, 65536};
    for (const auto& read :
         {decode_binary<Narrow>(binary(canonical), int4range), decode_text<Narrow>(text(canonical), int4range)}) {
        ASSERT_TRUE(read.value) << read.reason;
        EXPECT_EQ(*read.value, all);
        EXPECT_TRUE(read.value->upper_inclusive);
        EXPECT_TRUE(read.value->contains(65535));
    }
    const MultiInts several{{{1, 2}, canonical}};
    const pg::Multirange<std::uint16_t> narrow{{{1, 2}, all}};
    EXPECT_EQ(decode_binary<pg::Multirange<std::uint16_t>>(binary(several), int4multirange).value, narrow);
    EXPECT_EQ(decode_text<pg::Multirange<std::uint16_t>>(text(several), int4multirange).value, narrow);
    for (const Ints& beyond : {Ints{1, 65537}, Ints{1, 65536, true, true}, Ints{65536, 65537}}) {
        EXPECT_FALSE(decode_binary<Narrow>(binary(beyond), int4range).value) << text(beyond);
        EXPECT_FALSE(decode_text<Narrow>(text(beyond), int4range).value) << text(beyond);
    }
}

TEST(Range, TravelsAsItsBoundsDo) {
    pg::Params params;
    EXPECT_FALSE(params.add(Ints{1, 2}));
    EXPECT_FALSE(params.add(Texts{"a", "b"}));
    EXPECT_FALSE(params.add(std::vector<Ints>{{1, 2}}));
    EXPECT_FALSE(params.add(MultiInts{}));
    EXPECT_EQ(params[0].type, int4range);
    EXPECT_EQ(params[0].format, pg::Format::binary);
    EXPECT_EQ(params[1].format, pg::Format::text);
    EXPECT_EQ(params[2].type, pg::Oid{3905});
    EXPECT_EQ(params[3].type, int4multirange);
    static_assert(pg::Codec<std::vector<pg::Range<std::int64_t>>>::type.oid == pg::Oid{3927});
    static_assert(pg::RangeOf<std::uint64_t>::range.name == "numrange");
    static_assert(pg::detail::built_in_range(pg::Oid{1082}).oid == pg::Oid{3912});
    static_assert(pg::detail::built_in_range(pg::Oid{1114}).oid == pg::Oid{3908});
    static_assert(pg::detail::built_in_range(pg::Oid{1184}).oid == pg::Oid{3910});
    static_assert(pg::detail::built_in_multirange(pg::Oid{1082}).array == pg::Oid{6155});
    static_assert(pg::detail::built_in_multirange(pg::Oid{1114}).array == pg::Oid{6152});
    static_assert(pg::detail::built_in_multirange(pg::Oid{1184}).array == pg::Oid{6153});
    static_assert(pg::detail::built_in_range(pg::Oid{25}).name.empty());
}

TEST(Range, PassesOnTheFaultsOfItsBounds) {
    const std::string nul("\0", 1);
    for (const Texts& range : {Texts{nul, "b"}, Texts{"a", nul}}) {
        EXPECT_TRUE(text(range).starts_with("fault: "));
        EXPECT_TRUE(binary(range).starts_with("fault: "));
        EXPECT_TRUE(text(pg::Multirange<std::string>{{range}}).starts_with("fault: "));
        EXPECT_TRUE(binary(pg::Multirange<std::string>{{range}}).starts_with("fault: "));
    }
    EXPECT_EQ(decode_text<Ints>("[x,2)", int4range).reason, "malformed integer");
    EXPECT_EQ(decode_text<Ints>("[1,x)", int4range).reason, "malformed integer");
    EXPECT_EQ(decode_text<MultiInts>("{[x,2)}", int4multirange).reason, "malformed integer");
}

TEST(Range, RefusesMalformedText) {
    for (const char* literal :
         {"", "[", "[1", "[1,", "[1,2", "1,2)", "[1,2)x", "[1,2,3)", "emptyx", "[\"1,2)", "[1\\", "[1)", "{[1,2)}"})
        EXPECT_NE(decode_text<Ints>(literal, int4range).reason, "") << literal;
    for (const char* literal : {"", "{", "{[1,2)", "{[1,2),", "{[1,2),}", "[1,2)", "{}x", "{[1,2)}x", "{[1,2)[3,4)}"})
        EXPECT_NE(decode_text<MultiInts>(literal, int4multirange).reason, "") << literal;
    EXPECT_EQ(decode_text<MultiInts>("{empty,[1,2)}", int4multirange).value, (MultiInts{{Ints::empty(), {1, 2}}}));
}

TEST(Range, RefusesMalformedBytes) {
    const std::string no_value = "range without a value where there must be one";
    EXPECT_EQ(decode_binary<Ints>("\2" + words(-1, 4, 5), int4range).reason, no_value);
    EXPECT_EQ(decode_binary<Ints>("\2" + words(4, 1, -1), int4range).reason, no_value);
    EXPECT_EQ(decode_binary<Ints>("\2" + words(2147483647), int4range).reason, "range that ends too early");
    EXPECT_EQ(decode_binary<MultiInts>(words(-1), int4multirange).reason, "multirange that ends too early");
    EXPECT_EQ(decode_binary<MultiInts>(words(1, -1), int4multirange).reason, no_value);
    EXPECT_EQ(decode_binary<MultiInts>(words(1, 0), int4multirange).reason, "range that ends too early");
}

TEST(Range, RefusesEveryBeginningOfItself) {
    const pg::WireType range{int4range, pg::Format::binary, nullptr};
    const pg::WireType multirange{int4multirange, pg::Format::binary, nullptr};
    expect_only_whole<Ints>(binary(Ints{1, 5}), range);
    expect_only_whole<Ints>(binary(Ints{}), range);
    expect_only_whole<Ints>(binary(Ints::empty()), range);
    expect_only_whole<MultiInts>(binary(MultiInts{{{1, 2}, {4, 9}}}), multirange);
    expect_only_whole<Ints>("[12,50)", {int4range, pg::Format::text, nullptr});
    expect_only_whole<MultiInts>("{[1,2),(4,)}", {int4multirange, pg::Format::text, nullptr});
    expect_no_harm_from_damage<MultiInts>(binary(MultiInts{{{1, 2}, {4, 9}}}), multirange);
    expect_no_harm_from_damage<Ints>("[12,50)", {int4range, pg::Format::text, nullptr});
}

}  // namespace
