// Params and Writer: how arguments travel, growth, and numbers turned back into literals.
#include "pg/params.hpp"

#include <functional>

#include "pg/types/bytea.hpp"
#include "pg/types/json.hpp"
#include "pg/types/numeric.hpp"
#include "pg/types/tags.hpp"
#include "pg/types/text_search.hpp"
#include "pg/types/unsigned.hpp"
#include "tests/unit/value/codec_check.hpp"

namespace {

std::string bytes_of(const pg::Params& params, std::size_t index) {
    const pg::Params::Slot& slot = params[index];
    return params.data(slot) == nullptr ? "NULL"
                                        : std::string(params.data(slot), static_cast<std::size_t>(slot.length));
}

// A type of a user whose codec is wrong: it says that it is a number, and writes something else.
template <unsigned oid>
struct Broken {};

}  // namespace

template <unsigned oid>
struct pg::Codec<Broken<oid>> {
    static constexpr TypeId type{Oid{oid}, Oid{}, "number"};
    static constexpr Format argument = Format::binary;
    static Fault encode(Writer& out, const Broken<oid>&) {
        out.put("abc");
        return {};
    }
};

TEST(Params, SendNumbersInBinaryAndTextsWithoutAType) {
    pg::Params params;
    const char* null_text = nullptr;
    EXPECT_FALSE(params.add(7));
    EXPECT_FALSE(params.add("jsonb or whatever"));
    EXPECT_FALSE(params.add(std::string("text")));
    EXPECT_FALSE(params.add(std::string_view("view")));
    EXPECT_FALSE(params.add(nullptr));
    EXPECT_FALSE(params.add(std::nullopt));
    EXPECT_FALSE(params.add(std::optional<int>()));
    EXPECT_FALSE(params.add(std::optional(1.5)));
    EXPECT_FALSE(params.add(null_text));
    ASSERT_EQ(params.size(), 9u);
    EXPECT_EQ(params[0].type, pg::Oid{23});
    EXPECT_EQ(params[0].format, pg::Format::binary);
    EXPECT_EQ(bytes_of(params, 0), codec_check::words(7));
    EXPECT_EQ(params[1].type, pg::Oid{});
    EXPECT_EQ(params[1].format, pg::Format::text);
    EXPECT_EQ(bytes_of(params, 1), "jsonb or whatever");
    EXPECT_EQ(bytes_of(params, 2), "text");
    EXPECT_EQ(bytes_of(params, 3), "view");
    for (const std::size_t i : {4u, 5u, 6u, 8u}) EXPECT_EQ(bytes_of(params, i), "NULL") << i;
    EXPECT_EQ(params[7].type, pg::Oid{701});
}

std::string length(std::int32_t bytes) { return codec_check::words(bytes); }

TEST(Params, AreKeptAsABindMessageHasThem) {
    pg::Params params;
    EXPECT_FALSE(params.add(std::int64_t{7}));
    EXPECT_FALSE(params.add("text"));
    EXPECT_FALSE(params.add(nullptr));
    EXPECT_FALSE(params.add(true));
    EXPECT_FALSE(params.add(""));
    const std::string behind = length(4) + "text" + length(-1) + length(1) + "\1" + length(0);
    EXPECT_EQ(params.values(), length(8) + codec_check::words(0, 7) + behind);
    EXPECT_TRUE(params.retype_numbers());
    EXPECT_EQ(params.values(), length(1) + "7" + behind);
    EXPECT_FALSE(params.add(Broken<23>{}));
    EXPECT_FALSE(params.add(1.5));
    EXPECT_TRUE(params.retype_numbers()) << "those that can be";
    EXPECT_EQ(params.values(), length(1) + "7" + behind + length(3) + "abc" + length(3) + "1.5");
}

TEST(Params, StayAsTheyWereWhenAnArgumentIsRefused) {
    pg::Params params;
    EXPECT_FALSE(params.add(1));
    EXPECT_TRUE(params.add(std::string("a\0b", 3)));
    EXPECT_TRUE(params.add(pg::TsQuery{{{pg::TsQuery::Kind::negation, 0, false, 0, {}}}}));
    EXPECT_TRUE(params.add(pg::Jsonb{std::string("\0", 1)}));
    EXPECT_FALSE(params.add("next"));
    ASSERT_EQ(params.size(), 2u);
    EXPECT_EQ(params[1].offset, 12u) << "behind a number and two lengths";
}

/// Grows past whatever room it has.
void expect_to_grow(pg::Params& params) {
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(params.add(std::string(static_cast<std::size_t>(i), 'x')));
    ASSERT_EQ(params.size(), 1000u);
    std::size_t length = 0;
    for (const pg::Params::Slot& slot : params) {
        EXPECT_EQ(std::string(params.data(slot), static_cast<std::size_t>(slot.length)), std::string(length, 'x'));
        ++length;
    }
    params.clear();
    EXPECT_TRUE(params.empty());
    EXPECT_FALSE(params.add(5));
    EXPECT_EQ(bytes_of(params, 0), codec_check::words(5));
}

TEST(Params, GrowFromNoRoomOrLittleOrMuch) {
    pg::Params none;
    expect_to_grow(none);
    pg::InlineParams<1, 4> little;
    expect_to_grow(little);
    pg::InlineParams<> much;
    expect_to_grow(much);
}

template <class Room>
bool is_inside(const Room& room, const void* place) {
    return std::less_equal<>()(&room, place) && std::less<>()(place, &room + 1);
}

TEST(Params, LieInTheirOwnRoomWhileTheyFit) {
    pg::InlineParams<2, 20> params;
    EXPECT_FALSE(params.add(7));
    EXPECT_FALSE(params.add("a text"));
    EXPECT_TRUE(is_inside(params, params.begin()));
    EXPECT_TRUE(is_inside(params, params.data(params[0])));
    EXPECT_TRUE(is_inside(params, params.data(params[1])));
    EXPECT_FALSE(params.add("one more"));
    EXPECT_FALSE(is_inside(params, params.begin()));
    EXPECT_FALSE(is_inside(params, params.data(params[0])));
    EXPECT_EQ(bytes_of(params, 0), codec_check::words(7));
    EXPECT_EQ(bytes_of(params, 1), "a text");
    EXPECT_EQ(bytes_of(params, 2), "one more");
}

TEST(Params, AnArgumentWithoutBytesIsNotNull) {
    pg::Params params;
    EXPECT_FALSE(params.add(std::vector<std::byte>()));
    EXPECT_NE(params.data(params[0]), nullptr);
    EXPECT_EQ(params[0].length, 0);
}

TEST(Params, GiveEveryNumberTheTypeOfItsLiteral) {
    constexpr pg::Oid int4{23}, numeric{1700};
    const struct {
        pg::Params::Slot slot;
        std::string text;
    } expected[] = {
        {{int4, pg::Format::text}, "-5"},
        {{int4, pg::Format::text}, "2147483647"},
        {{int4, pg::Format::text}, "-2147483648"},
        {{int4, pg::Format::text}, "7"},
        {{pg::Oid{20}, pg::Format::text}, "9223372036854775807"},
        {{numeric, pg::Format::text}, "1.5"},
        {{numeric, pg::Format::text}, "5"},
        {{numeric, pg::Format::text}, "1e+300"},
        {{numeric, pg::Format::text}, "NaN"},
    };
    pg::Params params;
    EXPECT_FALSE(params.add(std::int16_t{-5}));
    EXPECT_FALSE(params.add(std::int64_t{std::numeric_limits<std::int32_t>::max()}));
    EXPECT_FALSE(params.add(std::int64_t{std::numeric_limits<std::int32_t>::min()}));
    EXPECT_FALSE(params.add(std::size_t{7}));
    EXPECT_FALSE(params.add(std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
    EXPECT_FALSE(params.add(1.5f));
    EXPECT_FALSE(params.add(5.0));
    EXPECT_FALSE(params.add(1e300));
    EXPECT_FALSE(params.add(std::numeric_limits<double>::quiet_NaN()));
    EXPECT_TRUE(params.retype_numbers());
    for (std::size_t i = 0; i < params.size(); ++i) {
        EXPECT_EQ(params[i].type, expected[i].slot.type);
        EXPECT_EQ(params[i].format, expected[i].slot.format);
        EXPECT_EQ(bytes_of(params, i), expected[i].text);
    }
    EXPECT_FALSE(params.retype_numbers());
}

TEST(Params, ThatHaveTheTypeOfTheirLiteralStayAsTheyAre) {
    pg::Params params;
    EXPECT_FALSE(params.add(70000));
    EXPECT_FALSE(params.add(std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1));
    EXPECT_FALSE(params.add(std::numeric_limits<std::int64_t>::min()));
    EXPECT_FALSE(params.add(std::numeric_limits<std::uint64_t>::max()));
    EXPECT_FALSE(params.add(pg::Numeric::parse("-1.50").value()));
    EXPECT_FALSE(params.add(pg::Numeric::nan()));
    EXPECT_FALSE(params.add(std::numeric_limits<double>::infinity()));
    EXPECT_FALSE(params.add(-std::numeric_limits<float>::infinity()));
    EXPECT_FALSE(params.add("text"));
    EXPECT_FALSE(params.add(true));
    EXPECT_FALSE(params.add(nullptr));
    const std::string before(params.values());
    EXPECT_FALSE(params.retype_numbers());
    EXPECT_EQ(params.values(), before);
    EXPECT_FALSE(params.add(1.5));
    EXPECT_TRUE(params.retype_numbers());
    EXPECT_EQ(params.values(), before + length(3) + "1.5");
    EXPECT_EQ(params[0].format, pg::Format::binary);
}

TEST(Params, WithoutAValueLoseTheirTypeAsTheWordNullHasNone) {
    pg::Params params;
    EXPECT_FALSE(params.add(std::optional<int>()));
    EXPECT_FALSE(params.add(std::int64_t{5}));
    EXPECT_FALSE(params.add(std::optional<bool>()));
    EXPECT_TRUE(params.retype_numbers());
    EXPECT_EQ(params[0].type, pg::Oid{});
    EXPECT_EQ(params[1].type, pg::Oid{23});
    EXPECT_EQ(params[2].type, pg::Oid{16});
    EXPECT_EQ(params.values(), length(-1) + length(1) + "5" + length(-1));
    EXPECT_FALSE(params.retype_numbers());
    pg::Params alone;
    EXPECT_FALSE(alone.add(std::optional<double>()));
    EXPECT_TRUE(alone.retype_numbers());
    EXPECT_EQ(alone[0].length, -1);
}

TEST(Params, WithoutAValueKeepATypeThatATagForces) {
    pg::Params params;
    EXPECT_FALSE(params.add(std::int64_t{7}));
    EXPECT_FALSE(params.add(pg::as<pg::types::int2>(std::optional<int>())));
    EXPECT_TRUE(params.retype_numbers());
    EXPECT_EQ(params[0].type, pg::Oid{23});
    EXPECT_EQ(params[1].type, pg::Oid{21});
    EXPECT_EQ(params.values(), length(1) + "7" + length(-1));
}

TEST(Params, StayNumbersThatWouldBeTooLongAsTexts) {
    pg::Params params;
    EXPECT_FALSE(params.add("text"));
    EXPECT_FALSE(params.add(std::int64_t{5}));
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(params.add(1.2345678901234567e-300));
    const std::string before(params.values());
    EXPECT_FALSE(params.retype_numbers(400));
    EXPECT_EQ(params.values(), before);
    EXPECT_EQ(params[1].type, pg::Oid{20});
    EXPECT_EQ(bytes_of(params, 1), codec_check::words(0, 5));
    EXPECT_TRUE(params.retype_numbers(2000));
    EXPECT_EQ(bytes_of(params, 1), "5");
}

TEST(Params, LeaveANumberThatACodecOfTheUserEncodedWrongly) {
    pg::Params params;
    EXPECT_FALSE(params.add(Broken<1700>{}));
    EXPECT_FALSE(params.add(Broken<700>{}));
    EXPECT_FALSE(params.add(Broken<701>{}));
    EXPECT_FALSE(params.add(Broken<23>{}));
    EXPECT_FALSE(params.retype_numbers());
    for (const pg::Params::Slot& slot : params) EXPECT_EQ(slot.format, pg::Format::binary);
}

TEST(Params, SendTheTypeThatATagForces) {
    pg::Params params;
    const std::string owned = "{}";
    const std::optional<int> none, some = 5;
    EXPECT_FALSE(params.add(pg::as<pg::types::jsonb>("[1]")));
    EXPECT_FALSE(params.add(pg::as<pg::types::json>(owned)));
    EXPECT_FALSE(params.add(pg::as<pg::types::int8>(7)));
    EXPECT_FALSE(params.add(pg::as<pg::types::int2>(none)));
    EXPECT_FALSE(params.add(pg::as<pg::types::int2>(some)));
    EXPECT_FALSE(params.add(pg::as<pg::types::date>(std::optional<std::string>("2024-05-17"))));
    EXPECT_FALSE(params.add(pg::as<pg::types::array<pg::types::text>>(std::string("{a}"))));
    EXPECT_TRUE(params.add(pg::as<pg::types::xml>(std::string("\0", 1))));
    const char* null_text = nullptr;
    EXPECT_TRUE(params.add(pg::as<pg::types::jsonb>(null_text)));
    const std::pair<unsigned, const char*> expected[] = {
        {3802, "[1]"}, {114, "{}"}, {20, "7"}, {21, "NULL"}, {21, "5"}, {1082, "2024-05-17"}, {1009, "{a}"}};
    ASSERT_EQ(params.size(), std::size(expected));
    for (std::size_t i = 0; i < params.size(); ++i) {
        EXPECT_EQ(params[i].type, pg::Oid{expected[i].first}) << i;
        EXPECT_EQ(params[i].format, pg::Format::text) << i;
        EXPECT_EQ(bytes_of(params, i), expected[i].second) << i;
    }
    EXPECT_FALSE(params.add(pg::TsQuery()));
    EXPECT_EQ(params[params.size() - 1].type, pg::Oid{3615});
}

TEST(Writer, KeepsItsBytesWhileItGrows) {
    pg::TypeCatalog types;
    pg::Writer out(&types);
    EXPECT_EQ(out.types(), &types);
    out.set_types(nullptr);
    EXPECT_EQ(out.types(), nullptr);
    std::string expected;
    for (int i = 0; i < 3000; ++i) {
        out.put(static_cast<char>(i));
        expected += static_cast<char>(i);
    }
    out.put(std::string(100'000, 'y'));
    expected += std::string(100'000, 'y');
    EXPECT_EQ(out.bytes(), expected);
    out.reserve(1'000'000);
    const char* before = out.data();
    out.put(std::string(1'000'000, 'z'));
    EXPECT_EQ(out.data(), before);
    out.clear();
    out.put(std::int32_t{0});
    out.put(std::string_view());
    out.patch(0, 0x01020304);
    EXPECT_EQ(out.bytes(), "\1\2\3\4");
}
