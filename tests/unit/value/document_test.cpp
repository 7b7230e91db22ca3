// uuid, json, jsonb, jsonpath, xml and bit strings.
#include <random>

#include "pg/types/bits.hpp"
#include "pg/types/json.hpp"
#include "pg/types/uuid.hpp"
#include "tests/unit/value/codec_check.hpp"

namespace {

using codec_check::binary;
using codec_check::decode_binary;
using codec_check::decode_text;
using codec_check::expect_only_whole;
using codec_check::expect_round_trip;
using codec_check::text;

constexpr pg::Oid json_oid{114}, xml_oid{142}, bit_oid{1560}, varbit_oid{1562}, uuid_oid{2950}, jsonb_oid{3802},
    jsonpath_oid{4072};

}  // namespace

TEST(Uuid, IsReadInEitherCaseAndWrittenInLowerCase) {
    const auto value = pg::Uuid::parse("A0EEBC99-9c0b-4ef8-BB6D-6bb9bd380a11").value();
    EXPECT_EQ(value.to_string(), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    expect_round_trip(value, uuid_oid);
    expect_only_whole<pg::Uuid>(binary(value), {uuid_oid, pg::Format::binary, nullptr});
    expect_only_whole<pg::Uuid>(text(value), {uuid_oid, pg::Format::text, nullptr});
    codec_check::expect_no_harm_from_damage<pg::Uuid>(text(value), {uuid_oid, pg::Format::text, nullptr});
    for (const char* bad : {"a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
                            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a}", "a0eebc99+9c0b-4ef8-bb6d-6bb9bd380a11"})
        EXPECT_FALSE(pg::Uuid::parse(bad)) << bad;
    EXPECT_LT(pg::Uuid(), value);
}

TEST(Json, IsReadFromBothKinds) {
    EXPECT_TRUE(pg::Codec<pg::Json>::accepts({json_oid}));
    EXPECT_TRUE(pg::Codec<pg::Json>::accepts({jsonb_oid}));
    EXPECT_FALSE(pg::Codec<pg::Json>::accepts({pg::Oid{25}}));
    EXPECT_FALSE(pg::Codec<pg::Jsonb>::accepts({json_oid}));
    expect_round_trip(pg::Json{R"({"a": 1, "a": 2})"}, json_oid);
    EXPECT_EQ(decode_binary<pg::Json>("\1[]", jsonb_oid).value, pg::Json{"[]"});
    EXPECT_EQ(pg::Json{"[]"}.to_string(), "[]");
}

TEST(Jsonb, HasAVersionInItsBinaryForm) {
    expect_round_trip(pg::Jsonb{"{}"}, jsonb_oid);
    EXPECT_EQ(binary(pg::Jsonb{"{}"}), "\1{}");
    EXPECT_EQ(text(pg::Jsonb{"{}"}), "{}");
    EXPECT_FALSE(decode_binary<pg::Jsonb>("\2{}", jsonb_oid).value);
    EXPECT_FALSE(decode_binary<pg::Jsonb>("", jsonb_oid).value);
    EXPECT_TRUE(text(pg::Jsonb{std::string(1, '\0')}).starts_with("fault: "));
    EXPECT_EQ(pg::Jsonb{"{}"}.to_string(), "{}");
}

TEST(JsonPath, HasAVersionInItsBinaryForm) {
    expect_round_trip(pg::JsonPath{"$.\"a\""}, jsonpath_oid);
    EXPECT_EQ(binary(pg::JsonPath{"$"}), "\1$");
    EXPECT_FALSE(decode_binary<pg::JsonPath>("\2$", jsonpath_oid).value);
    EXPECT_EQ(pg::JsonPath{"$"}.to_string(), "$");
}

TEST(Xml, IsText) {
    expect_round_trip(pg::Xml{"<a>é</a>"}, xml_oid);
    EXPECT_TRUE(binary(pg::Xml{std::string(1, '\0')}).starts_with("fault: "));
    EXPECT_EQ(pg::Xml{"<a/>"}.to_string(), "<a/>");
}

TEST(Bits, AreReadBackFromBothFormsAtEveryLength) {
    std::mt19937 random(7);
    for (std::size_t size = 0; size < 200; ++size) {
        pg::Bits bits;
        for (std::size_t i = 0; i < size; ++i) bits.push_back(random() % 2 != 0);
        EXPECT_EQ(bits.size(), size);
        expect_round_trip(bits, varbit_oid);
        EXPECT_EQ(pg::Bits::parse(bits.to_string()).value(), bits);
    }
    pg::Bits bits(9);
    EXPECT_FALSE(bits.empty());
    bits.set(8);
    EXPECT_EQ(bits.to_string(), "000000001");
    bits.set(8, false);
    EXPECT_EQ(bits, pg::Bits(9));
    EXPECT_TRUE(pg::Codec<pg::Bits>::accepts({bit_oid}));
    EXPECT_FALSE(pg::Codec<pg::Bits>::accepts({uuid_oid}));
}

TEST(Bits, RefuseOtherBytesThanTheirLengthSays) {
    expect_only_whole<pg::Bits>(binary(pg::Bits(17)), {varbit_oid, pg::Format::binary, nullptr});
    EXPECT_FALSE(decode_binary<pg::Bits>(codec_check::words(-1), varbit_oid).value);
    EXPECT_FALSE(decode_binary<pg::Bits>(codec_check::words(0x7fffffff), varbit_oid).value);
    EXPECT_FALSE(decode_text<pg::Bits>("102", varbit_oid).value);
    EXPECT_EQ(decode_binary<pg::Bits>(codec_check::words(3) + "\xff", varbit_oid).value->to_string(), "111");
    EXPECT_EQ(decode_binary<pg::Bits>(codec_check::words(3) + "\xff", varbit_oid).value,
              pg::Bits::parse("111").value());
    EXPECT_EQ(binary(pg::Bits(std::size_t{1} << 31)), "fault: bit string of more than 2147483647 bits");
}

TEST(Bitset, IsWrittenAsItsOwnTextAndNeedsItsLength) {
    const std::bitset<11> bits("10110011101");
    EXPECT_EQ(text(bits), bits.to_string());
    expect_round_trip(bits, bit_oid);
    EXPECT_EQ(decode_text<std::bitset<3>>("1011", bit_oid).reason,
              "bit string of another length than its std::bitset: use pg::Bits");
    EXPECT_FALSE(decode_text<std::bitset<3>>("1x1", bit_oid).value);
    EXPECT_TRUE(pg::Codec<std::bitset<3>>::accepts({varbit_oid}));
}
