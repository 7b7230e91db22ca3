// Transactions, rows, log positions, money, snapshots, and nothing.
#include "pg/types/system.hpp"

#include "tests/unit/value/codec_check.hpp"

namespace {

using codec_check::binary;
using codec_check::decode_binary;
using codec_check::decode_text;
using codec_check::expect_only_whole;
using codec_check::expect_round_trip;
using codec_check::text;

// Both forms of `text`, back and forth, and every way to cut the binary one.
template <class T>
void expect_read_and_written(const std::string& text) {
    SCOPED_TRACE(text);
    const auto value = T::parse(text);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->to_string(), text);
    constexpr pg::Oid oid = pg::Codec<T>::type.oid;
    expect_round_trip(*value, oid);
    expect_only_whole<T>(binary(*value), {oid, pg::Format::binary, nullptr});
}

}  // namespace

TEST(TransactionIds, AreUnsigned) {
    for (const char* id : {"0", "4294967295"}) {
        expect_read_and_written<pg::Xid>(id);
        expect_read_and_written<pg::Cid>(id);
    }
    expect_read_and_written<pg::Xid8>("18446744073709551615");
    EXPECT_LT(pg::Cid{1}, pg::Cid{1u << 31});
    EXPECT_LT(pg::Xid8{1}, pg::Xid8{std::uint64_t{1} << 63});
    for (const char* bad : {"", "-1", "x", "4294967296"}) {
        EXPECT_FALSE(pg::Xid::parse(bad)) << bad;
        EXPECT_FALSE(pg::Cid::parse(bad)) << bad;
    }
    EXPECT_FALSE(pg::Xid8::parse("18446744073709551616"));
}

TEST(Tid, IsAPageAndAPlaceOnIt) {
    expect_read_and_written<pg::Tid>("(0,1)");
    expect_read_and_written<pg::Tid>("(4294967295,65535)");
    for (const char* bad : {"", "(1)", "(1,2", "1,2", "(1,65536)", "(4294967296,1)", "(-1,1)", "(1,2) "})
        EXPECT_FALSE(pg::Tid::parse(bad)) << bad;
    EXPECT_LT((pg::Tid{1, 9}), (pg::Tid{2, 0}));
}

TEST(Lsn, IsComparedWithoutASign) {
    for (const char* position : {"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/10", "10/0"})
        expect_read_and_written<pg::Lsn>(position);
    EXPECT_LT(pg::Lsn{1}, pg::Lsn{std::uint64_t{1} << 63});
    EXPECT_EQ(pg::Lsn::parse("a/b").value().position, 0xA0000000Bu);
    for (const char* bad : {"", "/", "1", "1/", "/1", "1/2/3", "123456789/0", "g/0", "-1/0", "0x1/0"})
        EXPECT_FALSE(pg::Lsn::parse(bad)) << bad;
}

TEST(Money, HasNoTextForm) {
    constexpr pg::Oid oid = pg::Codec<pg::Money>::type.oid;
    EXPECT_EQ(decode_binary<pg::Money>(binary(pg::Money{-1234}), oid).value, pg::Money{-1234});
    expect_only_whole<pg::Money>(binary(pg::Money{1}), {oid, pg::Format::binary, nullptr});
    EXPECT_TRUE(pg::Codec<pg::Money>::accepts({oid, pg::Format::binary, nullptr}));
    EXPECT_FALSE(pg::Codec<pg::Money>::accepts({oid, pg::Format::text, nullptr}));
    EXPECT_FALSE(decode_text<pg::Money>("$12.34", oid).value);
    EXPECT_EQ(text(pg::Money{1}), "fault: money as text, whose meaning depends on lc_monetary: send it in binary");
    EXPECT_LT(pg::Money{-1}, pg::Money{1});
}

TEST(Snapshot, IsAnAscendingListBetweenItsEnds) {
    for (const char* good : {"1:1:", "10:20:10,14,15", "10:20:10,10"}) expect_read_and_written<pg::Snapshot>(good);
    for (const char* bad :
         {"", "1", "1:1", "0:1:", "2:1:", "10:20:9", "10:20:20", "10:20:15,14", "10:20:11,", "10:20:x", "10:20:11 "})
        EXPECT_FALSE(pg::Snapshot::parse(bad)) << bad;
    const pg::Snapshot wrong{10, 20, {9}};
    EXPECT_EQ(text(wrong), "fault: malformed snapshot");
    EXPECT_EQ(binary(wrong), "fault: malformed snapshot");
    for (const std::int32_t count : {2, -1, 0x7fffffff})
        EXPECT_FALSE(decode_binary<pg::Snapshot>(codec_check::words(count, 0, 1, 0, 9, 0, 5), pg::Oid{5038}).value);
    EXPECT_TRUE(pg::Codec<pg::Snapshot>::accepts({pg::Oid{2970}}));
    EXPECT_TRUE(pg::Codec<pg::Snapshot>::accepts({pg::Oid{5038}}));
    EXPECT_FALSE(pg::Codec<pg::Snapshot>::accepts({pg::Oid{20}}));
}

TEST(None, IsEmpty) {
    constexpr pg::Oid oid = pg::Codec<pg::None>::type.oid;
    EXPECT_EQ(decode_binary<pg::None>("", oid).value, pg::None{});
    EXPECT_EQ(decode_text<pg::None>("", oid).value, pg::None{});
    EXPECT_EQ(decode_text<pg::None>("x", oid).reason, "void with a value");
    EXPECT_TRUE(pg::Codec<pg::None>::accepts({oid}));
    EXPECT_FALSE(pg::Codec<pg::None>::accepts({pg::Oid{25}}));
}
