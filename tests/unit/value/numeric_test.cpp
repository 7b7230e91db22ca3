// Numeric and Decimal: exactness, limits, order, and what is refused.
#include "pg/types/numeric.hpp"

#include <cmath>
#include <random>

#include "pg/error.hpp"
#include "tests/unit/value/codec_check.hpp"

namespace {

using codec_check::binary;
using codec_check::decode_binary;
using codec_check::decode_text;
using codec_check::expect_round_trip;
using codec_check::text;
using pg::Int128;
using pg::Numeric;

constexpr pg::Oid numeric_oid = pg::Codec<Numeric>::type.oid;
constexpr Int128 greatest = ~(Int128{1} << 127);
constexpr Int128 least = Int128{1} << 127;

Numeric number(std::string_view text) { return Numeric::parse(text).value(); }

// The four words in front of the digits, then the digits.
std::string wire(std::initializer_list<int> words) {
    pg::Writer out;
    for (const int word : words) out.put(static_cast<std::uint16_t>(word));
    return std::string(out.bytes());
}

}  // namespace

TEST(Numeric, KeepsTheScaleThatItWasWrittenWith) {
    for (const char* text : {"0", "0.00", "1", "1.50", "-1.50", "9999", "10000", "0.0001", "0.00010",
                             "100000000.00000001", "-12345678901234567890.123456789", "NaN", "Infinity", "-Infinity"}) {
        EXPECT_EQ(number(text).to_string(), text);
        EXPECT_EQ(decode_binary<Numeric>(binary(number(text)), numeric_oid).value->to_string(), text);
    }
    EXPECT_EQ(number("1.50").scale(), 2);
    EXPECT_EQ(number("1.50"), number("1.5"));
    EXPECT_EQ(number("-0").to_string(), "0");
    EXPECT_EQ(number("007").to_string(), "7");
}

TEST(Numeric, HoldsEveryIntegerExactly) {
    EXPECT_EQ(Numeric(std::numeric_limits<std::int64_t>::min()).to_string(), "-9223372036854775808");
    EXPECT_EQ(Numeric(std::numeric_limits<std::uint64_t>::max()).to_string(), "18446744073709551615");
    EXPECT_EQ(Numeric(0).to_string(), "0");
    EXPECT_EQ(Numeric(pg::Int128{1} << 64).to_string(), "18446744073709551616");
    EXPECT_EQ(Numeric(-(pg::Int128{1} << 100)).to_string(), "-1267650600228229401496703205376");
    EXPECT_EQ(Numeric(20000).to_string(), "20000");
    EXPECT_EQ(Numeric::from_units(least, 0).to_string(), "-170141183460469231731687303715884105728");
    EXPECT_EQ(Numeric::from_units(greatest, 38).to_string(), "1.70141183460469231731687303715884105727");
    EXPECT_EQ(Numeric::from_units(-5, 7).to_string(), "-0.0000005");
    EXPECT_EQ(Numeric::from_units(0, 2).to_string(), "0.00");
    EXPECT_THROW(Numeric::from_units(1, -1), pg::UsageError);
    EXPECT_THROW(Numeric::from_units(1, 16384), pg::UsageError);
}

TEST(Numeric, ConvertsToIntegersOnlyWithoutLoss) {
    EXPECT_EQ(number("-9223372036854775808.000").to_int64(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(number("9223372036854775807").to_int64(), std::numeric_limits<std::int64_t>::max());
    EXPECT_FALSE(number("9223372036854775808").to_int64());
    EXPECT_FALSE(number("1.5").to_int64());
    EXPECT_FALSE(Numeric::nan().to_int64());
    EXPECT_EQ(number("-170141183460469231731687303715884105728").to_int128(), least);
    EXPECT_EQ(number("170141183460469231731687303715884105727").to_int128(), greatest);
    EXPECT_FALSE(number("170141183460469231731687303715884105728").to_int128());
    EXPECT_FALSE(number("-170141183460469231731687303715884105729").to_int128());
    EXPECT_FALSE(number("1" + std::string(60, '0')).to_int128());
    EXPECT_EQ(number("12.50").to_units(1), Int128{125});
    EXPECT_FALSE(number("12.55").to_units(1));
    EXPECT_FALSE(number("0.00001").to_units(4));
    EXPECT_EQ(number("0.00001").to_units(5), Int128{1});
    EXPECT_EQ(number("0").to_units(16383), Int128{0});
    EXPECT_FALSE(number("1").to_units(-1));
    EXPECT_FALSE(number("1").to_units(16384));
    EXPECT_FALSE(number("1").to_units(40));
}

TEST(Numeric, ConvertsToTheNearestDouble) {
    EXPECT_EQ(number("0.1").to_double(), 0.1);
    EXPECT_EQ(number("-12345678901234567890").to_double(), -12345678901234567890.0);
    EXPECT_EQ(number("0").to_double(), 0.0);
    EXPECT_FALSE(number("1" + std::string(400, '0')).to_double());
    EXPECT_EQ(number("0." + std::string(400, '0') + "1").to_double(), 0.0);
    EXPECT_TRUE(std::signbit(*number("-0." + std::string(400, '0') + "1").to_double()));
    EXPECT_TRUE(std::isnan(*Numeric::nan().to_double()));
    EXPECT_EQ(Numeric::minus_infinity().to_double(), -std::numeric_limits<double>::infinity());
}

TEST(Numeric, IsOrderedWithNaNAboveEverything) {
    const char* ascending[] = {"-Infinity", "-10000", "-9999.5", "-1.5", "-0.0001", "0.00",      "0.00001",  "0.0001",
                               "0.1",       "1",      "1.0001",  "9999", "10000",   "123456789", "Infinity", "NaN"};
    for (std::size_t i = 0; i < std::size(ascending); ++i)
        for (std::size_t j = 0; j < std::size(ascending); ++j)
            EXPECT_EQ(number(ascending[i]) <=> number(ascending[j]), std::weak_ordering(i <=> j))
                << ascending[i] << " " << ascending[j];
    EXPECT_EQ(Numeric::nan(), Numeric::nan());
    EXPECT_TRUE(number("-1").is_negative());
    EXPECT_TRUE(Numeric::minus_infinity().is_negative());
    EXPECT_FALSE(number("0").is_negative());
    EXPECT_TRUE(Numeric::nan().is_nan());
    EXPECT_FALSE(Numeric::infinity().is_finite());
    EXPECT_TRUE(number("0.000").is_zero());
}

TEST(Numeric, IsReadBackFromBothFormsAndAgreesWithIntegers) {
    std::mt19937_64 random(4);
    for (int i = 0; i < 20'000; ++i) {
        const Int128 units = static_cast<Int128>(random()) * static_cast<std::int64_t>(random()) >> random() % 120;
        const int scale = static_cast<int>(random() % 40);
        const Numeric value = Numeric::from_units(units, scale);
        expect_round_trip(value, numeric_oid);
        EXPECT_TRUE(value.to_units(scale) == units);
        EXPECT_EQ(value.scale(), scale);
    }
}

TEST(Numeric, IsBoundedInItsDigits) {
    const std::string most = std::string(131072, '9') + "." + std::string(16383, '9');
    EXPECT_EQ(number(most).to_string(), most);
    EXPECT_FALSE(Numeric::parse("1" + std::string(131072, '0')));
    EXPECT_FALSE(Numeric::parse("0." + std::string(16384, '0')));
    EXPECT_EQ(number(std::string(200'000, '0') + "1"), Numeric(1));
}

TEST(Numeric, RefusesMalformedText) {
    for (const char* bad : {"", "-", "+1", ".5", "5.", "1e5", "1,5", " 1", "1 ", "--1", "nan", "inf", "0x1", "1.2.3"})
        EXPECT_FALSE(Numeric::parse(bad)) << bad;
}

TEST(Numeric, RefusesMalformedBytes) {
    const auto refused = [](std::initializer_list<int> words) {
        return decode_binary<Numeric>(wire(words), numeric_oid).reason;
    };
    EXPECT_EQ(refused({1, 0, 0, 0, 5}), "");
    EXPECT_EQ(refused({1, 0, 0, 0, 10000}), "numeric with a digit out of range");
    EXPECT_EQ(refused({2, 0, 0, 0, 5}), "numeric with more or fewer digits than it says");
    EXPECT_EQ(refused({0, 0, 0, 0, 5}), "numeric with more or fewer digits than it says");
    EXPECT_EQ(refused({0xffff, 0, 0, 0}), "numeric with more or fewer digits than it says");
    EXPECT_EQ(refused({1, 0, 0x1234, 0, 5}), "numeric with an unknown sign");
    EXPECT_EQ(refused({1, 0, 0, 0x4000, 5}), "numeric with a scale out of range");
    EXPECT_EQ(refused({1, 0, 0xC000, 0, 5}), "numeric with digits behind NaN or infinity");
    EXPECT_EQ(refused({1, 0xffff, 0, 0, 5}), "numeric with digits beyond its scale");
    EXPECT_EQ(refused({1, 0xffff, 0, 3, 5}), "numeric with digits beyond its scale");
    EXPECT_EQ(refused({1, 0xffff, 0, 3, 50}), "");
    EXPECT_EQ(refused({0, 0}), "numeric without its header");
    const pg::WireType type{numeric_oid, pg::Format::binary, nullptr};
    codec_check::expect_only_whole<Numeric>(binary(number("12345.678")), type);
    codec_check::expect_no_harm_from_damage<Numeric>(binary(number("12345.678")), type);
}

TEST(Numeric, IsReadFromIntegersOfEveryWidth) {
    const pg::Oid int4{23};
    EXPECT_TRUE(pg::Codec<Numeric>::accepts({int4}));
    EXPECT_FALSE(pg::Codec<Numeric>::accepts({pg::Oid{701}}));
    EXPECT_EQ(decode_binary<Numeric>(codec_check::words(-70000), int4).value, Numeric(-70000));
    EXPECT_EQ(decode_text<Numeric>("-70000", int4).value, Numeric(-70000));
    EXPECT_FALSE(decode_binary<Numeric>("abc", int4).value);
}

TEST(Decimal, HoldsExactlyItsPlaces) {
    using Cents = pg::Decimal<2>;
    expect_round_trip(Cents{-1}, numeric_oid);
    expect_round_trip(pg::Decimal<6, Int128>{least}, numeric_oid);
    EXPECT_EQ(Cents{1250}.to_string(), "12.50");
    EXPECT_EQ(Cents::of(number("12.5"))->units, 1250);
    EXPECT_LT(Cents{-1}, Cents{1});
    EXPECT_EQ(decode_text<Cents>("12.500", numeric_oid).value, Cents{1250});
    for (const char* bad : {"12.505", "NaN", "Infinity", "92233720368547758.08", "nonsense"})
        EXPECT_FALSE(decode_text<Cents>(bad, numeric_oid).value) << bad;
    EXPECT_TRUE(pg::Codec<Cents>::accepts({pg::Oid{20}}));
}
