// hstore, the ltree family, cube, pgvector and PostGIS: both forms, found by name, and what is refused.
//
// No pgvector or PostGIS is at hand where the tests run. Their bytes were made from the layouts that these projects
// publish, not recorded from a server.
#include "pg/types/extension.hpp"

#include <cmath>
#include <limits>

#include "pg/params.hpp"
#include "pg/types/array.hpp"
#include "tests/unit/value/codec_check.hpp"

using namespace codec_check;

namespace {

constexpr pg::Oid any{20000};
constexpr pg::WireType as_binary{any, pg::Format::binary, nullptr};
constexpr pg::WireType as_text{any, pg::Format::text, nullptr};

TEST(Extension, IsFoundByItsName) {
    pg::TypeCatalog types;
    types.add({any, "ext", "hstore", pg::TypeKind::base, pg::Oid{20001}, {}, {}, {}});
    types.add({pg::Oid{20001}, "ext", "_hstore", pg::TypeKind::array, {}, any, {}, {}});
    const pg::WireType wire{any, pg::Format::binary, &types};
    EXPECT_TRUE(pg::Codec<pg::Hstore>::accepts(wire));
    EXPECT_FALSE(pg::Codec<pg::LTree>::accepts(wire));
    EXPECT_FALSE(pg::Codec<pg::Hstore>::accepts(as_binary));
    EXPECT_TRUE(pg::Codec<std::vector<pg::Hstore>>::accepts({pg::Oid{20001}, pg::Format::binary, &types}));
    expect_round_trip(std::vector<pg::Hstore>{{{{"a", "b"}}}, {}}, pg::Oid{20001}, &types);
    pg::Params params;
    EXPECT_FALSE(params.add(pg::Hstore{}));
    EXPECT_EQ(params[0].format, pg::Format::text);
}

const pg::Hstore pairs{{{"a", "1"}, {"", ""}, {"q\"\\=>,", std::nullopt}, {"n", "NULL"}}};

TEST(Hstore, TravelsInBothForms) {
    expect_round_trip(pairs, any);
    expect_round_trip(pg::Hstore{}, any);
    EXPECT_EQ(text(pairs), R"("a"=>"1", ""=>"", "q\"\\=>,"=>NULL, "n"=>"NULL")");
    EXPECT_EQ(binary(pg::Hstore{{{"a", std::nullopt}}}), words(1, 1) + "a" + words(-1));
}

TEST(Hstore, FindsTheValueOfAKey) {
    ASSERT_NE(pairs.find("a"), nullptr);
    EXPECT_EQ(*pairs.find("a"), "1");
    EXPECT_EQ(*pairs.find("q\"\\=>,"), std::nullopt);
    EXPECT_EQ(pairs.find("b"), nullptr);
}

TEST(Hstore, RefusesMalformedInput) {
    for (const char* literal : {"a=>1", "\"a\"", "\"a\"=", "\"a\"=>", "\"a\"=>1", "\"a\"=>\"1", "\"a\"=>\"1\",",
                                "\"a\"=>\"1\"=", "\"a\"=>\"1\"x", "\"a\\"})
        EXPECT_NE(decode<pg::Hstore>(literal, as_text).reason, "") << literal;
    EXPECT_EQ(decode<pg::Hstore>(words(1, -1, -1), as_binary).reason, "hstore with a key that is null");
    EXPECT_EQ(decode<pg::Hstore>(words(1, -2, -1), as_binary).reason, "hstore that ends too early");
    EXPECT_EQ(decode<pg::Hstore>(words(-1), as_binary).reason, "hstore that ends too early");
    expect_only_whole<pg::Hstore>(binary(pairs), as_binary);
    expect_no_harm_from_damage<pg::Hstore>(binary(pairs), as_binary);
    expect_no_harm_from_damage<pg::Hstore>(text(pairs), as_text);
    const std::string nul("\0", 1);
    for (const pg::Hstore& bad : {pg::Hstore{{{nul, "x"}}}, pg::Hstore{{{"x", nul}}}}) {
        EXPECT_TRUE(text(bad).starts_with("fault: "));
        EXPECT_TRUE(binary(bad).starts_with("fault: "));
    }
}

TEST(LTree, TravelsAsTextBehindAVersion) {
    expect_round_trip(pg::LTree{"top.science"}, any);
    expect_round_trip(pg::LTree{}, any);
    expect_round_trip(pg::LQuery{"*.science.*"}, any);
    expect_round_trip(pg::LTxtQuery{"science & !astro*"}, any);
    EXPECT_EQ(binary(pg::LTree{"a.b"}), "\1a.b");
    const std::string unknown = "text of an unknown binary version: fetch it as text";
    EXPECT_EQ(decode<pg::LTree>("\2a", as_binary).reason, unknown);
    EXPECT_EQ(decode<pg::LTree>("", as_binary).reason, unknown);
    EXPECT_TRUE(text(pg::LTree{std::string("\0", 1)}).starts_with("fault: "));
    EXPECT_TRUE(binary(pg::LTree{std::string("\0", 1)}).starts_with("fault: "));
}

TEST(Cube, TravelsInBothForms) {
    for (const pg::Cube& cube : {pg::Cube{{1, 2.5}, {}}, pg::Cube{{1, 2}, {3, -4}}, pg::Cube{}})
        expect_round_trip(cube, any);
    EXPECT_EQ(text(pg::Cube{{1, 2}, {3, 4}}), "(1, 2),(3, 4)");
    EXPECT_EQ(text(pg::Cube{{1.5}, {}}), "(1.5)");
    EXPECT_EQ(binary(pg::Cube{{1}, {}}), words(0x80000001U, 0x3ff00000, 0));
    EXPECT_EQ(binary(pg::Cube{{1}, {2}}), words(1, 0x3ff00000, 0, 0x40000000, 0));
}

TEST(Cube, RefusesMalformedInput) {
    for (const char* literal : {"", "(", "(1", "(1,", "(x)", "(1)(2)", "(1),", "(1),(2", "(1),(2),", "(1),(2,3)", "1"})
        EXPECT_NE(decode<pg::Cube>(literal, as_text).reason, "") << literal;
    EXPECT_EQ(decode<pg::Cube>(words(101), as_binary).reason, "cube of more than 100 dimensions");
    expect_only_whole<pg::Cube>(binary(pg::Cube{{1, 2}, {3, 4}}), as_binary);
    expect_only_whole<pg::Cube>(binary(pg::Cube{{1, 2}, {}}), as_binary);
    expect_no_harm_from_damage<pg::Cube>(binary(pg::Cube{{1, 2}, {}}), as_binary);
    const std::string differ = "fault: cube whose corners differ in dimensions";
    EXPECT_EQ(text(pg::Cube{{1}, {1, 2}}), differ);
    EXPECT_EQ(binary(pg::Cube{{1}, {1, 2}}), differ);
    EXPECT_EQ(binary(pg::Cube{std::vector<double>(101), {}}), "fault: cube of more than 100 dimensions");
}

TEST(Pgvector, HasThePublishedLayout) {
    // vector '[1,-2]': the number of dimensions, an unused word, float4 each.
    EXPECT_EQ(binary(pg::Vector{{1, -2}}), std::string("\0\2\0\0", 4) + words(0x3f800000, 0xc0000000U));
    // halfvec '[1,-2]': the same, two bytes each.
    EXPECT_EQ(binary(pg::HalfVector{{1, -2}}), std::string("\0\2\0\0\x3c\0\xc0\0", 8));
    // sparsevec '{2:1.5}/5': dimensions, elements, an unused word, indices from zero on, values.
    EXPECT_EQ(binary(pg::SparseVector{5, {{1, 1.5F}}}), words(5, 1, 0, 1, 0x3fc00000));
    EXPECT_EQ(text(pg::Vector{{1, -2.5F}}), "[1,-2.5]");
    EXPECT_EQ(text(pg::HalfVector{{0.5F}}), "[0.5]");
    EXPECT_EQ(text(pg::SparseVector{5, {{1, 1.5F}, {4, 2}}}), "{2:1.5,5:2}/5");
}

TEST(Pgvector, TravelsInBothForms) {
    expect_round_trip(pg::Vector{{1, -2.5F, 3.4028235e38F, 1e-45F}}, any);
    expect_round_trip(pg::HalfVector{{1, -2.5F, 65504, 0}}, any);
    expect_round_trip(pg::SparseVector{1000000000, {{0, 1}, {999999999, -1}}}, any);
    expect_round_trip(pg::SparseVector{3, {}}, any);
}

TEST(Pgvector, ReadsEveryHalfAndWritesItBack) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const std::string bytes{'\0', '\1', '\0', '\0', static_cast<char>(bits >> 8), static_cast<char>(bits)};
        const auto read = decode<pg::HalfVector>(bytes, as_binary);
        ASSERT_TRUE(read.value);
        const float value = read.value->values[0];
        const int exponent = static_cast<int>((bits >> 10) & 0x1f);
        const auto fraction = static_cast<float>(bits & 0x3ff);
        if (exponent == 0x1f) {
            ASSERT_FALSE(std::isfinite(value));
            ASSERT_EQ(std::isnan(value), fraction != 0);
            ASSERT_TRUE(binary(*read.value).starts_with("fault: ")) << bits;
            continue;
        }
        const float magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
        ASSERT_EQ(std::fabs(value), magnitude);
        ASSERT_EQ(std::signbit(value), bits >= 0x8000);
        ASSERT_EQ(binary(*read.value), bytes);
    }
}

TEST(Pgvector, RoundsToTheNearestHalf) {
    const auto half = [](float value) {
        const std::string bytes = binary(pg::HalfVector{{value}});
        return decode<pg::HalfVector>(bytes, as_binary).value->values[0];
    };
    EXPECT_EQ(half(2048.9F), 2048);
    EXPECT_EQ(half(2049), 2048);  // halfway: to even
    EXPECT_EQ(half(2051), 2052);
    EXPECT_EQ(half(0x1p-25F), 0);
    EXPECT_EQ(half(0x1.8p-24F), 0x1p-23F);
    EXPECT_EQ(half(0x1.ff8p-15F), 0x1.ff8p-15F);
    EXPECT_EQ(half(65519), 65504);
    EXPECT_EQ(binary(pg::HalfVector{{65520}}), "fault: number that half precision cannot hold");
    EXPECT_EQ(binary(pg::HalfVector{{-std::numeric_limits<float>::infinity()}}),
              "fault: number that half precision cannot hold");
}

TEST(Pgvector, RefusesMalformedInput) {
    for (const char* literal : {"", "[", "[1", "[1,", "[x]", "[]", "[1]x", "1", "[1,]"})
        EXPECT_EQ(decode<pg::Vector>(literal, as_text).reason, "malformed vector") << literal;
    for (const char* literal : {"", "{", "{}", "{}/", "{}/x", "{1}/2", "{1:}/2", "{:1}/2", "{1:x}/2", "{0:1}/2",
                                "{-2147483648:1}/2", "{1:1,}/2", "1:1}/2"})
        EXPECT_EQ(decode<pg::SparseVector>(literal, as_text).reason, "malformed vector") << literal;
    const std::string unordered = "sparse vector whose indices do not rise within its dimensions";
    const std::string no_size = "sparse vector of less than 1 or more than 1000000000 dimensions";
    EXPECT_EQ(decode<pg::SparseVector>("{3:1}/2", as_text).reason, unordered);
    EXPECT_EQ(decode<pg::SparseVector>("{2:1,1:1}/2", as_text).reason, unordered);
    EXPECT_EQ(decode<pg::SparseVector>(words(2, 1, 0, -1, 0), as_binary).reason, unordered);
    EXPECT_EQ(decode<pg::SparseVector>(words(0, 0, 0), as_binary).reason, no_size);
    EXPECT_EQ(decode<pg::SparseVector>(words(2, -1, 0), as_binary).reason,
              "vector whose bytes are not those of its dimensions");
    EXPECT_EQ(binary(pg::SparseVector{2, {{0, 1}, {0, 1}}}), "fault: " + unordered);
    EXPECT_EQ(text(pg::SparseVector{1000000001, {}}), "fault: " + no_size);
    const std::string misfit = "fault: vector of less than 1 or more than 16000 dimensions";
    EXPECT_EQ(binary(pg::Vector{std::vector<float>(16001)}), misfit);
    EXPECT_EQ(binary(pg::HalfVector{std::vector<float>(16001)}), misfit);
    EXPECT_EQ(binary(pg::Vector{}), misfit);
    EXPECT_EQ(text(pg::HalfVector{}), misfit);
    EXPECT_EQ(decode<pg::Vector>(words(0), as_binary).reason, "vector whose bytes are not those of its dimensions");
    expect_only_whole<pg::Vector>(binary(pg::Vector{{1, 2}}), as_binary);
    expect_only_whole<pg::HalfVector>(binary(pg::HalfVector{{1, 2}}), as_binary);
    expect_only_whole<pg::SparseVector>(binary(pg::SparseVector{5, {{1, 1}, {2, 2}}}), as_binary);
    expect_no_harm_from_damage<pg::Vector>(binary(pg::Vector{{1, 2}}), as_binary);
    expect_no_harm_from_damage<pg::SparseVector>(binary(pg::SparseVector{5, {{1, 1}}}), as_binary);
}

TEST(Postgis, CarriesEwkb) {
    // POINT(1 2) in SRID 4326: little-endian, type 1 with the bit for an SRID.
    const std::string hex = "0101000020e6100000000000000000f03f0000000000000040";
    const auto point = decode<pg::Geometry>(hex, as_text);
    ASSERT_TRUE(point.value) << point.reason;
    EXPECT_EQ(point.value->ewkb.size(), 25U);
    EXPECT_EQ(text(*point.value), hex);
    expect_round_trip(*point.value, any);
    expect_round_trip(pg::Geography{point.value->ewkb}, any);
    for (const char* odd : {"0", "010", "0g", "g0"})
        EXPECT_EQ(decode<pg::Geometry>(odd, as_text).reason, "malformed hexadecimal digits of EWKB") << odd;
    EXPECT_TRUE(decode<pg::Geometry>("FE", as_text).value);
}

TEST(Postgis, SeparatesTheElementsOfAnArrayByColons) {
    pg::TypeCatalog types;
    types.add({any, "public", "geometry", pg::TypeKind::base, pg::Oid{20001}, {}, {}, {}});
    types.add({pg::Oid{20001}, "public", "_geometry", pg::TypeKind::array, {}, any, {}, {}});
    const std::vector<pg::Geometry> shapes{{{std::byte{1}}}, {{std::byte{0xfe}}}};
    EXPECT_EQ(text(shapes), "{01:fe}");
    expect_round_trip(shapes, pg::Oid{20001}, &types);
}

}  // namespace
