// The everyday codecs: narrowing, text forms, and what is refused.
#include "pg/scalar_codecs.hpp"

#include <cmath>
#include <random>

#include "pg/types/bytea.hpp"
#include "pg/types/character.hpp"
#include "pg/types/nested.hpp"
#include "pg/types/unsigned.hpp"
#include "tests/unit/value/codec_check.hpp"

namespace {

using codec_check::binary;
using codec_check::decode_binary;
using codec_check::decode_text;
using codec_check::expect_only_whole;
using codec_check::expect_round_trip;
using codec_check::text;
using Bytes = std::vector<std::byte>;

constexpr pg::Oid bool_oid{16}, bytea_oid{17}, int8_oid{20}, int2_oid{21}, int4_oid{23}, text_oid{25}, oid_oid{26},
    float4_oid{700}, float8_oid{701}, numeric_oid{1700}, jsonb_oid{3802}, regtype_oid{2206};
constexpr const char* out_of_range = "integer out of the target's range";

Bytes bytes(std::initializer_list<int> values) {
    Bytes all;
    for (const int value : values) all.push_back(static_cast<std::byte>(value));
    return all;
}

}  // namespace

TEST(Integers, AreReadFromEveryWidthThatFitsAndNeverWrap) {
    const std::string big = binary(std::int64_t{70000});
    EXPECT_EQ(decode_binary<std::int32_t>(big, int8_oid).value, 70000);
    EXPECT_EQ(decode_binary<std::int16_t>(big, int8_oid).reason, out_of_range);
    EXPECT_EQ(decode_binary<std::int16_t>(binary(std::int32_t{-32769}), int4_oid).reason, out_of_range);
    EXPECT_EQ(decode_binary<std::int64_t>(binary(std::int16_t{-5}), int2_oid).value, -5);
    EXPECT_EQ(decode_text<std::int16_t>("32768", int4_oid).reason, out_of_range);
    EXPECT_EQ(decode_text<std::int64_t>("9223372036854775808", int8_oid).reason, out_of_range);
    EXPECT_EQ(decode_text<std::int64_t>("-9223372036854775808", int8_oid).value,
              std::numeric_limits<std::int64_t>::min());
    for (const char* bad : {"", "-", "+1", " 1", "1 ", "0x1", "1.0"})
        EXPECT_EQ(decode_text<std::int32_t>(bad, int4_oid).reason, "malformed integer") << bad;
    for (const std::size_t size : {0u, 1u, 3u, 5u, 7u, 9u})
        EXPECT_FALSE(decode_binary<std::int32_t>(std::string(size, '\0'), int4_oid).value);
    EXPECT_TRUE(pg::Codec<std::int16_t>::accepts({int8_oid}));
    EXPECT_FALSE(pg::Codec<std::int64_t>::accepts({numeric_oid}));
}

TEST(Numbers, AreNotReadFromTheBytesOfAnotherType) {
    const std::string two = binary(std::int16_t{5}), four = binary(std::int32_t{5}), eight = binary(std::int64_t{5});
    EXPECT_FALSE(decode_binary<std::int64_t>(four, int8_oid).value);
    EXPECT_FALSE(decode_binary<std::int64_t>(two, int4_oid).value);
    EXPECT_FALSE(decode_binary<std::int32_t>(eight, int2_oid).value);
    EXPECT_FALSE(decode_binary<std::uint16_t>(two, int4_oid).value);
    EXPECT_FALSE(decode_binary<std::uint64_t>(four, int8_oid).value);
    EXPECT_FALSE(decode_binary<double>(four, float8_oid).value);
}

TEST(UnsignedIntegers, AreReadOnlyWhereTheyHoldTheValue) {
    EXPECT_EQ(decode_binary<std::uint8_t>(binary(std::int32_t{255}), int4_oid).value, 255);
    EXPECT_EQ(decode_binary<std::uint8_t>(binary(std::int32_t{256}), int4_oid).reason, out_of_range);
    EXPECT_EQ(decode_binary<std::uint64_t>(binary(std::int64_t{-1}), int8_oid).reason, out_of_range);
    EXPECT_EQ(decode_binary<std::uint32_t>(binary(std::uint32_t{1}), oid_oid).reason, "oid of other than 4 bytes");
    EXPECT_EQ(decode_binary<std::uint32_t>(binary(pg::Oid{4294967295u}), oid_oid).value, 4294967295u);
    EXPECT_EQ(decode_binary<std::uint16_t>("x", int2_oid).reason,
              "integer of other than the 2, 4 or 8 bytes of its type");
    EXPECT_EQ(decode_text<std::uint16_t>("65536", int4_oid).reason, out_of_range);
    EXPECT_EQ(decode_text<std::uint16_t>("-1", int4_oid).reason, out_of_range);
    EXPECT_EQ(decode_text<std::uint16_t>("x", int4_oid).reason, "malformed integer");
    EXPECT_TRUE(pg::Codec<std::uint8_t>::accepts({oid_oid}));
    EXPECT_FALSE(pg::Codec<std::uint8_t>::accepts({numeric_oid}));
    EXPECT_EQ(text(std::uint8_t{200}), "200");
    EXPECT_EQ(text(pg::Oid{4294967295u}), "4294967295");
}

TEST(UnsignedIntegers, TravelAsNumericsWhenTheyHave64Bits) {
    std::mt19937_64 random(5);
    for (int i = 0; i < 10'000; ++i) expect_round_trip(std::uint64_t{random()} >> random() % 64, numeric_oid);
    expect_round_trip(std::numeric_limits<unsigned long long>::max(), numeric_oid);
    expect_round_trip(std::numeric_limits<unsigned long>::max(), numeric_oid);
    for (const std::uint64_t value : {0ull, 1ull, 9999ull, 10000ull, 100000000ull, ~0ull})
        expect_round_trip(std::uint64_t{value}, numeric_oid);
    EXPECT_EQ(decode_text<std::uint64_t>("12.00", numeric_oid).value, 12u);
    EXPECT_FALSE(decode_text<std::uint64_t>("12.01", numeric_oid).value);
    EXPECT_FALSE(decode_text<std::uint64_t>("NaN", numeric_oid).value);
    EXPECT_EQ(decode_text<std::uint64_t>("18446744073709551616", numeric_oid).reason, out_of_range);
    const auto words = [](std::initializer_list<int> all) {
        pg::Writer out;
        for (const int word : all) out.put(static_cast<std::uint16_t>(word));
        return decode_binary<std::uint64_t>(out.bytes(), numeric_oid);
    };
    EXPECT_EQ(words({2, 0, 0, 2, 12, 0}).value, 12u);
    EXPECT_EQ(words({2, 0, 0, 4, 12, 1}).reason, "numeric with a fraction for an integer");
    EXPECT_EQ(words({1, 5, 0, 0, 1}).reason, out_of_range);
    EXPECT_EQ(words({1, 0, 0x4000, 0, 1}).reason, out_of_range);
    EXPECT_EQ(words({0, 0, 0xC000, 0}).reason, "numeric that is NaN or infinite for an integer");
    EXPECT_EQ(words({1}).reason, "numeric without its header");
    EXPECT_TRUE(pg::Codec<std::uint64_t>::accepts({numeric_oid}));
    EXPECT_TRUE(pg::Codec<std::uint64_t>::accepts({int2_oid}));
    EXPECT_FALSE(pg::Codec<std::uint64_t>::accepts({text_oid}));
}

TEST(Floats, AreReadBackExactlyFromBothForms) {
    std::mt19937_64 random(6);
    for (int i = 0; i < 20'000; ++i) {
        const auto wide = std::bit_cast<double>(std::uint64_t{random()});
        const auto narrow = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
        if (!std::isnan(wide)) expect_round_trip(wide, float8_oid);
        if (!std::isnan(narrow)) expect_round_trip(narrow, float4_oid);
    }
    EXPECT_EQ(text(-0.0), "-0");
    EXPECT_EQ(text(1e15), "1e+15");
    EXPECT_EQ(text(123456.0), "123456");
    EXPECT_EQ(text(1e6f), "1e+06");
    EXPECT_EQ(text(0.0001), "0.0001");
    EXPECT_EQ(text(0.00001), "1e-05");
    EXPECT_EQ(text(std::numeric_limits<double>::quiet_NaN()), "NaN");
    EXPECT_EQ(text(-std::numeric_limits<float>::infinity()), "-Infinity");
    EXPECT_TRUE(std::isnan(*decode_text<double>("NaN", float8_oid).value));
    EXPECT_EQ(decode_binary<double>(binary(1.5f), float4_oid).value, 1.5);
    for (const char* bad : {"", "-", "inf", "nan", "nan(1)", "infinity", "-NaN", "1e999", "1x", "0x1p3", "+1"}) {
        EXPECT_EQ(decode_text<double>(bad, float8_oid).reason, "malformed floating point number") << bad;
        EXPECT_EQ(decode_text<float>(bad, float4_oid).reason, "malformed floating point number") << bad;
    }
    EXPECT_FALSE(decode_binary<double>("abc", float8_oid).value);
    EXPECT_FALSE(decode_binary<float>("12345678", float4_oid).value);
    EXPECT_FALSE(pg::Codec<float>::accepts({float8_oid}));
    EXPECT_TRUE(pg::Codec<double>::accepts({float4_oid}));
}

TEST(Bools, AreOneByteOrOneLetter) {
    expect_round_trip(true, bool_oid);
    expect_round_trip(false, bool_oid);
    expect_only_whole<bool>(binary(true), {bool_oid, pg::Format::binary, nullptr});
    for (const char* bad : {"", "true", "T", "1"}) EXPECT_EQ(decode_text<bool>(bad, bool_oid).reason, "malformed bool");
    EXPECT_FALSE(pg::Codec<bool>::accepts({text_oid}));
}

TEST(Texts, AreReadFromEveryTypeWhoseBytesAreText) {
    for (const unsigned oid : {25u, 1043u, 1042u, 19u, 705u, 2275u, 1790u, 114u, 3802u, 4072u, 142u})
        EXPECT_TRUE(pg::Codec<std::string>::accepts({pg::Oid{oid}, pg::Format::binary, nullptr})) << oid;
    EXPECT_FALSE(pg::Codec<std::string>::accepts({int4_oid, pg::Format::binary, nullptr}));
    EXPECT_TRUE(pg::Codec<std::string>::accepts({int4_oid, pg::Format::text, nullptr}));
    EXPECT_EQ(decode_binary<std::string>("é", text_oid).value, "é");
    EXPECT_EQ(decode_binary<std::string>("\1{}", jsonb_oid).value, "{}");
    EXPECT_EQ(decode_binary<std::string>("\2{}", jsonb_oid).reason,
              "text of an unknown binary version: fetch it as text");
    EXPECT_FALSE(decode_binary<std::string>("", jsonb_oid).value);
    EXPECT_EQ(decode_text<std::string>("{}", jsonb_oid).value, "{}");
    const pg::Cell cell{"abc", 3};
    std::string_view view;
    EXPECT_FALSE(pg::Codec<std::string_view>::decode(cell, {text_oid, pg::Format::binary, nullptr}, view));
    EXPECT_EQ(view.data(), cell.data);
}

TEST(Texts, AreReadFromTheDatabasesOwnTypesThatTheCatalogueKnowsAsText) {
    pg::TypeCatalog types;
    types.add({pg::Oid{20000}, "public", "mood", pg::TypeKind::enumeration, {}, {}, {}, {"sad", "ok"}});
    types.add({pg::Oid{20001}, "public", "citext", pg::TypeKind::base, {}, {}, {}, {}});
    types.add({pg::Oid{20002}, "public", "ltree", pg::TypeKind::base, {}, {}, {}, {}});
    types.add({pg::Oid{20003}, "public", "path", pg::TypeKind::domain, {}, pg::Oid{20002}, {}, {}});
    types.add({pg::Oid{20004}, "public", "point3", pg::TypeKind::base, {}, {}, {}, {}});
    const auto accepts = [&types](unsigned oid) {
        return pg::Codec<std::string>::accepts({pg::Oid{oid}, pg::Format::binary, &types});
    };
    for (const unsigned oid : {20000u, 20001u, 20002u, 20003u}) EXPECT_TRUE(accepts(oid)) << oid;
    EXPECT_FALSE(accepts(20004));
    EXPECT_FALSE(accepts(20005));
    EXPECT_FALSE(pg::Codec<std::string>::accepts({pg::Oid{20000}, pg::Format::binary, nullptr}));
    EXPECT_EQ(decode_binary<std::string>("sad", pg::Oid{20000}, &types).value, "sad");
    EXPECT_EQ(decode_binary<std::string>("\1a.b", pg::Oid{20003}, &types).value, "a.b");
    EXPECT_EQ(decode_text<std::string>("a.b", pg::Oid{20003}, &types).value, "a.b");
}

TEST(Texts, CannotHoldAZeroByte) {
    const std::string refused = "fault: text with a zero byte, which the server cannot store: use bytea";
    EXPECT_EQ(text(std::string("a\0b", 3)), refused);
    EXPECT_EQ(binary(std::string("a\0b", 3)), refused);
    EXPECT_EQ(text('\0'), refused);
    EXPECT_EQ(binary('x'), "x");
    EXPECT_EQ(decode_text<char>("ab", text_oid).reason, "text of other than one byte for a char");
    EXPECT_TRUE(pg::Codec<char>::accepts({pg::Oid{18}, pg::Format::binary, nullptr}));
}

TEST(Chars, AreReadFromWhatServersWriteInTheirPlace) {
    constexpr pg::Oid single{18}, jsonb{3802};
    EXPECT_EQ(decode_text<char>("", single).value, '\0');
    EXPECT_EQ(decode_text<char>("\\200", single).value, '\x80');
    EXPECT_EQ(decode_text<char>("\\", single).value, '\\');
    for (const char* bad : {"\\20", "\\2000", "\\280", "ab"}) EXPECT_FALSE(decode_text<char>(bad, single).value) << bad;
    EXPECT_EQ(decode_binary<char>(std::string("\1"
                                              "7",
                                              2),
                                  jsonb)
                  .value,
              '7')
        << "behind the version of its form";
    EXPECT_FALSE(decode_binary<char>("\1", jsonb).value);
}

TEST(Floats, AreTheSameInBothFormats) {
    constexpr pg::Oid real{700};
    EXPECT_EQ(decode_text<double>("0.1", real).value, static_cast<double>(0.1F));
    EXPECT_EQ(decode_text<double>("0.1", pg::Oid{701}).value, 0.1);
    EXPECT_FALSE(decode_text<double>("0.1x", real).value);
}

TEST(Bytea, IsReadFromBothItsTextForms) {
    expect_round_trip(bytes({0, 1, 39, 92, 127, 128, 255}), bytea_oid);
    expect_round_trip(Bytes{}, bytea_oid);
    EXPECT_EQ(text(bytes({0, 171})), "\\x00ab");
    EXPECT_EQ(decode_text<Bytes>("\\xABcd", bytea_oid).value, bytes({0xab, 0xcd}));
    EXPECT_EQ(decode_text<Bytes>("a\\\\\\001\\377", bytea_oid).value, bytes({'a', '\\', 1, 255}));
    for (const char* bad : {"\\xa", "\\xag", "\\xga", "\\", "\\1", "\\12", "\\400", "\\128", "\\182", "a\\q12"})
        EXPECT_FALSE(decode_text<Bytes>(bad, bytea_oid).value) << bad;
    const Bytes value = bytes({1, 2});
    EXPECT_EQ(binary(std::span<const std::byte>(value)), binary(value));
    EXPECT_EQ(text(std::span<const std::byte>(value)), text(value));
    std::span<const std::byte> view;
    const pg::Cell cell{"ab", 2};
    EXPECT_FALSE(pg::Codec<std::span<const std::byte>>::decode(cell, {bytea_oid, pg::Format::binary, nullptr}, view));
    EXPECT_EQ(view.size(), 2u);
    EXPECT_FALSE(pg::Codec<std::span<const std::byte>>::accepts({bytea_oid, pg::Format::text, nullptr}));
    EXPECT_TRUE(pg::Codec<Bytes>::accepts({bytea_oid}));
}

TEST(Oids, AreReadFromRegTypesInBinaryOnly) {
    EXPECT_TRUE(pg::Codec<pg::Oid>::accepts({regtype_oid, pg::Format::binary, nullptr}));
    EXPECT_FALSE(pg::Codec<pg::Oid>::accepts({regtype_oid, pg::Format::text, nullptr}));
    EXPECT_FALSE(pg::Codec<pg::Oid>::accepts({int4_oid, pg::Format::binary, nullptr}));
    expect_round_trip(pg::Oid{4294967295u}, oid_oid);
    expect_only_whole<pg::Oid>(binary(pg::Oid{1}), {oid_oid, pg::Format::binary, nullptr});
}

TEST(Cells, AreNullOnlyForAnOptional) {
    const pg::WireType type{int4_oid, pg::Format::binary, nullptr};
    std::optional<std::int32_t> maybe = 5;
    std::int32_t value = 5;
    EXPECT_FALSE(pg::decode_cell(pg::Cell{}, type, maybe));
    EXPECT_FALSE(maybe.has_value());
    EXPECT_TRUE(pg::decode_cell(pg::Cell{}, type, value));
    pg::Writer out;
    EXPECT_FALSE(pg::encode_with_length(out, maybe));
    EXPECT_FALSE(pg::encode_with_length(out, std::optional(7)));
    EXPECT_EQ(out.bytes(), codec_check::words(-1, 4, 7));
    EXPECT_TRUE(pg::encode_with_length(out, std::string("\0", 1)));
}
