// inet, cidr, macaddr and macaddr8.
#include "pg/types/network.hpp"

#include <random>

#include "tests/unit/value/codec_check.hpp"

namespace {

using codec_check::binary;
using codec_check::decode_binary;
using codec_check::decode_text;
using codec_check::expect_only_whole;
using codec_check::expect_round_trip;
using codec_check::text;

constexpr pg::Oid inet_oid{869}, cidr_oid{650}, macaddr_oid{829}, macaddr8_oid{774};

pg::Inet inet(std::string_view text) { return pg::Inet::parse(text).value(); }

}  // namespace

TEST(Inet, IsWrittenAsTheServerDoes) {
    for (const char* text : {"192.0.2.7", "192.0.2.7/24", "0.0.0.0/0", "::", "::1", "::5", "::/0", "2001:db8::7/64",
                             "::ffff:192.0.2.7", "::192.0.2.7", "1:0:0:2::3", "1::2:3:0:0:4", "1:2:3:4:5:6:7:8",
                             "1:0:2:3:4:5:6:7", "1::", "::ffff:0.0.0.1/100"})
        EXPECT_EQ(inet(text).to_string(), text);
    EXPECT_EQ(pg::Inet().to_string(), "0.0.0.0");
    EXPECT_EQ(inet("2001:DB8::A").to_string(), "2001:db8::a");
}

TEST(Inet, IsReadBackFromBothForms) {
    std::mt19937 random(8);
    for (int i = 0; i < 20'000; ++i) {
        pg::Inet value;
        value.address.family = i % 2 == 0 ? pg::IpFamily::v4 : pg::IpFamily::v6;
        for (std::size_t j = 0; j < value.address.size(); ++j)
            value.address.bytes[j] = static_cast<std::byte>(random() % 3 == 0 ? random() : 0);
        value.prefix = static_cast<std::uint8_t>(random() % (value.address.width() + 1u));
        expect_round_trip(value, inet_oid);
    }
}

TEST(Inet, RefusesMalformedInput) {
    for (const char* bad : {"", "192.0.2", "192.0.2.256", "192.0.2.7/33", "192.0.2.7/", "192.0.2.7/24 ", "::/129",
                            "::/1000", "1:2:3", ":::", "192.0.2.7/-1", "host", "1:2:3:4:5:6:7:8:9",
                            "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", "::1%eth0"})
        EXPECT_FALSE(pg::Inet::parse(bad)) << bad;
    const pg::WireType type{inet_oid, pg::Format::binary, nullptr};
    expect_only_whole<pg::Inet>(binary(inet("192.0.2.7/24")), type);
    expect_only_whole<pg::Inet>(binary(inet("2001:db8::7")), type);
    codec_check::expect_no_harm_from_damage<pg::Inet>(binary(inet("2001:db8::7")), type);
    EXPECT_EQ(decode_binary<pg::Inet>(std::string("\4\x20\0\4abcd", 8), inet_oid).reason,
              "network address of an unknown family");
    EXPECT_EQ(decode_binary<pg::Inet>(std::string("\2\x21\0\4abcd", 8), inet_oid).reason,
              "network address with a prefix longer than it is");
    EXPECT_FALSE(decode_binary<pg::Inet>(std::string("\3\x20\0\4abcd", 8), inet_oid).value);
    EXPECT_EQ(pg::Inet{inet("2001:db8::7").address}, inet("2001:db8::7")) << "the host alone";
    EXPECT_EQ(pg::Cidr{inet("2001:db8::7").address}.prefix, 128);
    EXPECT_TRUE(text(pg::Inet{{}, 33}).starts_with("fault: "));
    EXPECT_TRUE(binary(pg::Inet{{}, 33}).starts_with("fault: "));
}

TEST(Inet, IsOrderedByFamilyNetworkSizeAndHost) {
    const char* ascending[] = {"9.0.0.1",  "10.0.0.0/8",  "10.0.0.1/8", "10.0.0.0/16", "10.0.0.1/16",
                               "10.0.0.0", "10.1.0.0/16", "11.0.0.0/8", "::",          "::1"};
    for (std::size_t i = 0; i < std::size(ascending); ++i)
        for (std::size_t j = 0; j < std::size(ascending); ++j)
            EXPECT_EQ(inet(ascending[i]) <=> inet(ascending[j]), i <=> j) << ascending[i] << " " << ascending[j];
}

TEST(Cidr, IsANetwork) {
    const auto value = pg::Cidr::parse("192.0.2.0/24").value();
    EXPECT_EQ(value.to_string(), "192.0.2.0/24");
    expect_round_trip(value, cidr_oid);
    EXPECT_EQ(pg::Cidr::parse("::1").value().to_string(), "::1/128");
    EXPECT_FALSE(pg::Cidr::parse("192.0.2.7/24"));
    EXPECT_LT(pg::Cidr::parse("10.0.0.0/8").value(), value);
    pg::Cidr wrong = value;
    wrong.prefix = 8;
    EXPECT_EQ(text(wrong), "fault: cidr with bits set behind its prefix");
    EXPECT_EQ(binary(wrong), "fault: cidr with bits set behind its prefix");
    EXPECT_EQ(decode_text<pg::Inet>("10.0.0.0/8", cidr_oid).value, inet("10.0.0.0/8"));
    EXPECT_TRUE(pg::Codec<pg::Inet>::accepts({cidr_oid}));
    EXPECT_FALSE(pg::Codec<pg::Cidr>::accepts({inet_oid}));
}

TEST(MacAddresses, AreReadBackFromBothForms) {
    const auto six = pg::MacAddr::parse("08:00:2B:01:02:03").value();
    const auto eight = pg::MacAddr8::parse("08:00:2b:01:02:03:04:05").value();
    EXPECT_EQ(six.to_string(), "08:00:2b:01:02:03");
    EXPECT_EQ(eight.to_string(), "08:00:2b:01:02:03:04:05");
    expect_round_trip(six, macaddr_oid);
    expect_round_trip(eight, macaddr8_oid);
    for (const pg::Format format : {pg::Format::binary, pg::Format::text}) {
        const bool is_text = format == pg::Format::text;
        expect_only_whole<pg::MacAddr>(is_text ? text(six) : binary(six), {macaddr_oid, format, nullptr});
        expect_only_whole<pg::MacAddr8>(is_text ? text(eight) : binary(eight), {macaddr8_oid, format, nullptr});
    }
    for (const char* bad : {"08:00:2b:01:02:0g", "08-00-2b-01-02-03", "08002b010203", "08:00:2b:01:02"})
        EXPECT_FALSE(pg::MacAddr::parse(bad)) << bad;
    EXPECT_LT(pg::MacAddr(), six);
    EXPECT_LT(pg::MacAddr8(), eight);
}
