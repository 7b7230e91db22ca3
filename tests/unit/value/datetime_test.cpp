// Dates, times and intervals: their limits, std::chrono, and what is refused.
#include "pg/types/datetime.hpp"

#include <random>

#include "tests/unit/value/codec_check.hpp"

namespace {

using namespace std::chrono;
using codec_check::binary;
using codec_check::decode_binary;
using codec_check::decode_text;
using codec_check::expect_only_whole;
using codec_check::expect_round_trip;
using codec_check::text;

constexpr pg::Oid date_oid = pg::Codec<pg::Date>::type.oid;
constexpr pg::Oid time_oid = pg::Codec<pg::TimeOfDay>::type.oid;
constexpr pg::Oid timetz_oid = pg::Codec<pg::TimeTz>::type.oid;
constexpr pg::Oid timestamp_oid = pg::Codec<pg::Timestamp>::type.oid;
constexpr pg::Oid timestamptz_oid = pg::Codec<pg::TimestampTz>::type.oid;
constexpr pg::Oid interval_oid = pg::Codec<pg::Interval>::type.oid;
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST(Date, ConvertsToAndFromChronoAndRefusesWhatItCannotHold) {
    EXPECT_EQ(pg::Date::of(2000y / January / 1)->days, 0);
    EXPECT_EQ(pg::Date::of(2024y / May / 17)->day(), sys_days(2024y / May / 17));
    EXPECT_FALSE(pg::Date::infinity().day());
    EXPECT_FALSE(pg::Date{std::numeric_limits<std::int32_t>::max() - 1}.day());
    EXPECT_FALSE(pg::Date::of(sys_days(days(std::numeric_limits<int>::min()))));
    constexpr std::int64_t epoch = pg::detail::postgres_epoch.time_since_epoch().count();
    const pg::Date first{pg::Date::minus_infinity().days + 1};
    EXPECT_EQ(pg::Date::of(sys_days(days(first.days + epoch))), first);
    EXPECT_FALSE(pg::Date::of(sys_days(days(first.days + epoch - 1))));
    static_assert(!pg::Date::of(sys_days::min()) && !pg::Date::of(sys_days::max()), "and nothing overflows");
}

TEST(Date, IsWrittenWithItsEra) {
    EXPECT_EQ(pg::Date{0}.to_string(), "2000-01-01");
    EXPECT_EQ(pg::Date{-730'119}.to_string(), "0001-01-01");
    EXPECT_EQ(pg::Date{-730'120}.to_string(), "0001-12-31 BC");
    EXPECT_EQ(pg::Date{-2'451'545}.to_string(), "4714-11-24 BC");
    EXPECT_EQ(pg::Date{2'145'031'948}.to_string(), "5874897-12-31");
    EXPECT_EQ(pg::Date::infinity().to_string(), "infinity");
    EXPECT_EQ(pg::Date::minus_infinity().to_string(), "-infinity");
}

TEST(Date, IsReadBackFromBothFormsForEveryDay) {
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i)
        expect_round_trip(pg::Date{static_cast<std::int32_t>(random() % 2'147'000'000) - 2'451'545}, date_oid);
    for (std::int32_t day = -800; day < 800; ++day) expect_round_trip(pg::Date{day}, date_oid);
    expect_only_whole<pg::Date>(binary(pg::Date{5}), {date_oid, pg::Format::binary, nullptr});
}

TEST(Date, RefusesMalformedText) {
    for (const char* bad : {"",           "2024",           "2024-05",        "2024-05-1",
                            "2024-5-17",  "024-05-17",      "2024-00-17",     "2024-13-17",
                            "2024-05-00", "2024-05-32",     "2023-02-29",     "1900-02-29",
                            "0000-01-01", "2024-05-17 AD",  "2024-05-17 BCE", " 2024-05-17",
                            "17.05.2024", "05/17/2024",     "9999999-01-01",  "9999999-01-01 BC",
                            "Infinity",   "0001-02-29 BC ", "0004-02-29 BC"})
        EXPECT_FALSE(pg::Date::parse(bad)) << bad;
    EXPECT_EQ(pg::Date::parse("2000-02-29").value(), pg::Date{59});
    EXPECT_EQ(pg::Date::parse("17.05.2024").error().what(),
              std::string("parse date: malformed date: DateStyle must be ISO"));
}

TEST(Date, ReadsIntoChronoDaysOnlyWhatTheyHold) {
    expect_round_trip(sys_days(2024y / May / 17), date_oid);
    expect_round_trip(local_days(1066y / October / 14), date_oid);
    EXPECT_FALSE(decode_text<sys_days>("infinity", date_oid).value);
    EXPECT_FALSE(decode_text<sys_days>("nonsense", date_oid).value);
    EXPECT_EQ(text(sys_days(days(std::numeric_limits<int>::min()))), "fault: date out of range");
    EXPECT_EQ(binary(sys_days(days(std::numeric_limits<int>::min()))), "fault: date out of range");
    for (const sys_days day : {sys_days::min(), sys_days::max()}) {
        EXPECT_EQ(text(day), "fault: date out of range");
        EXPECT_EQ(binary(day), "fault: date out of range");
    }
    EXPECT_TRUE(pg::Codec<sys_days>::accepts({date_oid}));
    EXPECT_FALSE(pg::Codec<sys_days>::accepts({timestamp_oid}));
}

TEST(TimeOfDay, ReachesFromMidnightToMidnight) {
    for (const char* good : {"00:00:00", "24:00:00", "23:59:59.999999", "12:30:00.25", "00:00:00.000001"})
        EXPECT_EQ(pg::TimeOfDay::parse(good).value().to_string(), good);
    for (const char* bad : {"", "24:00:00.000001", "25:00:00", "12:60:00", "12:00:60", "12:00", "1:00:00", "12:00:00.",
                            "12:00:00.1234567", "12:00:00 ", "-1:00:00"})
        EXPECT_FALSE(pg::TimeOfDay::parse(bad)) << bad;
    expect_only_whole<pg::TimeOfDay>(binary(pg::TimeOfDay{1h}), {time_oid, pg::Format::binary, nullptr});
    EXPECT_EQ(binary(pg::TimeOfDay{-1us}), "fault: time of day before 00:00:00 or after 24:00:00");
    EXPECT_EQ(text(pg::TimeOfDay{25h}), "fault: time of day before 00:00:00 or after 24:00:00");
    EXPECT_EQ(pg::TimeOfDay{25h}.to_string(), "");
    EXPECT_FALSE(decode_binary<pg::TimeOfDay>(std::string(8, '\x7f'), time_oid).value);
}

TEST(TimeTz, CountsItsZoneEastwardsAndSendsItWestwards) {
    const pg::TimeTz noon{{12h}, 2h};
    EXPECT_EQ(noon.to_string(), "12:00:00+02");
    EXPECT_EQ(binary(noon).substr(8), codec_check::words(-7200));
    for (const char* good : {"12:00:00-03:30", "12:00:00.5+00:19:32", "24:00:00-15:59:59", "12:00:00+00"})
        EXPECT_EQ(pg::TimeTz::parse(good).value().to_string(), good);
    for (const char* bad : {"12:00:00", "12:00:00+", "12:00:00+2", "12:00:00+02:", "12:00:00+02:60",
                            "12:00:00+02:00:60", "12:00:00+02:00:0", "12:00:00+16", "12:00:00Z", "+02", "12:00:00+02 "})
        EXPECT_FALSE(pg::TimeTz::parse(bad)) << bad;
    expect_round_trip(noon, timetz_oid);
    expect_round_trip(pg::TimeTz{{1us}, -5h}, timetz_oid);
    expect_only_whole<pg::TimeTz>(binary(noon), {timetz_oid, pg::Format::binary, nullptr});
    EXPECT_EQ(text(pg::TimeTz{{12h}, 16h}), "fault: time zone 16 hours or more away from UTC");
    EXPECT_EQ(binary(pg::TimeTz{{12h}, -16h}), "fault: time zone 16 hours or more away from UTC");
}

TEST(TimeTz, IsOrderedByItsMomentAndThenFromEastToWest) {
    const pg::TimeTz east{{14h}, 2h}, utc{{12h}, 0h}, later{{13h}, 0h};
    EXPECT_LT(utc, later);
    EXPECT_LT(east, utc);
    EXPECT_EQ(utc <=> utc, std::strong_ordering::equal);
}

TEST(Timestamp, IsReadBackFromBothFormsUpToItsLimits) {
    std::mt19937_64 random(2);
    for (int i = 0; i < 20'000; ++i) {
        const auto count = static_cast<std::int64_t>(random() % 9'223'000'000'000'000'000u) - 211'813'488'000'000'000;
        expect_round_trip(pg::Timestamp{count}, timestamp_oid);
        expect_round_trip(pg::TimestampTz{count}, timestamptz_oid);
    }
    for (const std::int64_t count : {least, greatest, std::int64_t{-1}, std::int64_t{0}, greatest - 1, least + 1}) {
        expect_round_trip(pg::Timestamp{count}, timestamp_oid);
        expect_round_trip(pg::TimestampTz{count}, timestamptz_oid);
    }
    expect_only_whole<pg::Timestamp>(binary(pg::Timestamp{7}), {timestamp_oid, pg::Format::binary, nullptr});
}

TEST(Timestamp, RefusesMalformedText) {
    for (const char* bad :
         {"", "2024-05-17", "2024-05-17 12:00", "2024-05-17T12:00:00", "2024-02-30 12:00:00", "2024-05-17 12:00:00+00",
          "2024-05-17 24:00:00.000001", "300000-01-01 00:00:00", "999999-01-01 00:00:00 BC",
          "294277-01-09 04:00:54.775807", "9999999-12-31 00:00:00", "290279-12-22 19:59:05.224192 BC"})
        EXPECT_FALSE(pg::Timestamp::parse(bad)) << bad;
    for (const char* bad : {"2024-05-17 12:00:00", "2024-05-17 12:00:00 UTC", "2024-05-17 12:00:00 BC+00"})
        EXPECT_FALSE(pg::TimestampTz::parse(bad)) << bad;
}

TEST(TimestampTz, IsTheSameMomentInEveryZone) {
    const auto moment = pg::TimestampTz::parse("2024-05-17 10:30:00.25+00").value();
    for (const char* same : {"2024-05-17 12:30:00.25+02", "2024-05-17 07:00:00.25-03:30", "2024-05-18 00:30:00.25+14",
                             "2024-05-17 10:49:32.25+00:19:32"})
        EXPECT_EQ(pg::TimestampTz::parse(same).value(), moment) << same;
    EXPECT_EQ(moment.to_string(), "2024-05-17 10:30:00.25+00");
    EXPECT_EQ(pg::TimestampTz::parse("0044-03-15 12:00:00+00 BC").value().to_string(), "0044-03-15 12:00:00+00 BC");
}

TEST(TimestampTz, ConvertsToChronoWhereItCanCount) {
    EXPECT_EQ(pg::TimestampTz{0}.time(), sys_days(2000y / January / 1));
    EXPECT_FALSE(pg::TimestampTz::infinity().time());
    EXPECT_FALSE(pg::TimestampTz::minus_infinity().time());
    EXPECT_FALSE(pg::TimestampTz{9'223'371'331'199'999'999}.time());
    EXPECT_EQ(pg::Timestamp{-1}.time()->time_since_epoch(), sys_days(2000y / January / 1).time_since_epoch() - 1us);
    EXPECT_FALSE(pg::Timestamp::infinity().time());
}

TEST(ChronoTimePoints, AreReadOnlyWithoutLoss) {
    expect_round_trip(sys_time<microseconds>(123'456'789us), timestamptz_oid);
    expect_round_trip(sys_time<seconds>(-5s), timestamptz_oid);
    expect_round_trip(sys_time<hours>(5h), timestamptz_oid);
    expect_round_trip(sys_time<nanoseconds>(5'000ns), timestamptz_oid);
    expect_round_trip(local_time<milliseconds>(-1ms), timestamp_oid);

    const std::string with_micros = "2024-05-17 10:30:00.000001+00";
    EXPECT_TRUE(decode_text<sys_time<microseconds>>(with_micros, timestamptz_oid).value);
    EXPECT_FALSE(decode_text<sys_time<milliseconds>>(with_micros, timestamptz_oid).value);
    EXPECT_FALSE(decode_text<sys_time<seconds>>("infinity", timestamptz_oid).value);
    EXPECT_FALSE(decode_text<sys_time<nanoseconds>>("2300-01-01 00:00:00+00", timestamptz_oid).value);
    EXPECT_FALSE(decode_text<sys_time<seconds>>("nonsense", timestamptz_oid).value);
}

TEST(ChronoTimePoints, AreSentOnlyWithoutLoss) {
    const std::string refused =
        "fault: time that is no whole number of microseconds, or out of range: use std::chrono::floor";
    EXPECT_EQ(text(sys_time<nanoseconds>(1'001ns)), refused);
    EXPECT_EQ(binary(sys_time<nanoseconds>(-1ns)), refused);
    EXPECT_EQ(text(sys_time<seconds>(seconds(greatest))), refused);
    EXPECT_EQ(text(sys_time<microseconds>(microseconds(least))), refused);
    EXPECT_EQ(text(sys_time<seconds>(0s)), "1970-01-01 00:00:00+00");
    EXPECT_EQ(text(local_time<seconds>(0s)), "1970-01-01 00:00:00");
    EXPECT_TRUE(pg::Codec<sys_time<seconds>>::accepts({timestamptz_oid}));
    EXPECT_FALSE(pg::Codec<sys_time<seconds>>::accepts({timestamp_oid}));
}

TEST(Interval, IsReadBackFromBothFormsToItsLimits) {
    std::mt19937_64 random(3);
    for (int i = 0; i < 20'000; ++i) {
        const auto word = random();
        pg::Interval value{static_cast<std::int32_t>(word), static_cast<std::int32_t>(word >> 32),
                           static_cast<std::int64_t>(random())};
        if (word % 3 == 0) value.months %= 13;
        if (word % 5 == 0) value.days = 0;
        if (word % 7 == 0) value.microseconds %= 10'000'000;
        expect_round_trip(value, interval_oid);
    }
    for (const std::int64_t count : {least, greatest, std::int64_t{0}})
        expect_round_trip(pg::Interval{0, 0, count}, interval_oid);
    expect_round_trip(pg::Interval::infinity(), interval_oid);
    expect_round_trip(pg::Interval::minus_infinity(), interval_oid);
    expect_only_whole<pg::Interval>(binary(pg::Interval{1, 2, 3}), {interval_oid, pg::Format::binary, nullptr});
}

TEST(Interval, KeepsItsThreePartsAndSaysEachSign) {
    EXPECT_EQ((pg::Interval{14, 3, 14'706'700'000}.to_string()), "1 year 2 mons 3 days 04:05:06.7");
    EXPECT_EQ((pg::Interval{-13, 1, 1'000'000}.to_string()), "-1 years -1 mons +1 day 00:00:01");
    EXPECT_EQ((pg::Interval{0, -1, 1'000'000}.to_string()), "-1 days +00:00:01");
    EXPECT_EQ((pg::Interval{1, 0, -1}.to_string()), "1 mon -00:00:00.000001");
    EXPECT_EQ(pg::Interval{}.to_string(), "00:00:00");
    EXPECT_NE((pg::Interval{1, 0, 0}), (pg::Interval{0, 30, 0}));
}

TEST(Interval, RefusesMalformedText) {
    for (const char* bad : {"",
                            " ",
                            "1",
                            "1 day ",
                            "1 week",
                            "day",
                            "1 day 1 day",
                            "1 day 1 mon",
                            "1 mon 1 year",
                            "2 years 1 year",
                            "1:00:00",
                            "00:00",
                            "00:60:00",
                            "00:00:60",
                            "00:00:00 1 day",
                            "1 day x",
                            "P1D",
                            "@ 1 day",
                            "99999999999 days",
                            "2147483648 days",
                            "178956970 years 8 mons",
                            "2562047788:00:54.775808",
                            "9999999999:00:00",
                            "99999999999:00:00",
                            "00:00:00.1234567"})
        EXPECT_FALSE(pg::Interval::parse(bad)) << bad;
}
