// Dates, times and intervals against the server.
#include "pg/types/datetime.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;

TEST(DateAndTimeTypes, ReadAndWriteDatesOfEveryEra) {
    check<pg::Date>(
        "date", {"2024-02-29", "2000-01-01", "1999-12-31", "1970-01-01", "0001-01-01", "0001-12-31 BC", "0005-02-29 BC",
                 "4714-11-24 BC", "10000-01-01", "5874897-12-31", "infinity", "-infinity", "1900-02-28", "2100-03-01"});
    check<pg::Date>("date", session().column("select date '4714-11-24 BC' + (random() * 5000000)::int "
                                             "from generate_series(1, 300)"));
}

TEST(DateAndTimeTypes, ReadAndWriteTimesUpTo24Hours) {
    check<pg::TimeOfDay>("time", {"00:00:00", "24:00:00", "23:59:59.999999", "12:30:00.25", "01:02:03.000001"});
    check<pg::TimeTz>("timetz", {"00:00:00+00", "24:00:00-15:59:59", "12:00:00+02", "12:00:00-03:30",
                                 "12:00:00.5+00:19:32", "12:00:00+15:59:59", "12:00:00-00:30"});
}

TEST(DateAndTimeTypes, ReadAndWriteTimestampsOfEveryEra) {
    const std::vector<std::string> timestamps = {"2000-01-01 00:00:00",
                                                 "1999-12-31 23:59:59.999999",
                                                 "2024-05-17 12:30:00.25",
                                                 "0044-03-15 12:00:00 BC",
                                                 "4714-11-24 00:00:00 BC",
                                                 "4714-11-24 00:00:00.000001 BC",
                                                 "294276-12-31 23:59:59.999999",
                                                 "12345-06-07 08:09:10",
                                                 "infinity",
                                                 "-infinity"};
    check<pg::Timestamp>("timestamp", timestamps);
    session().run("set timezone = 'UTC'");
    check<pg::TimestampTz>("timestamptz", timestamps);
    session().run("reset timezone");
}

TEST(DateAndTimeTypes, ReadTheSameMomentWhateverTheSessionsZone) {
    for (const char* zone : {"UTC", "Europe/Amsterdam", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati"}) {
        session().run(std::string("set timezone = '") + zone + "'");
        check<pg::TimestampTz>("timestamptz",
                               {"1890-01-01 00:00:00", "1937-07-01 12:00:00", "2024-05-17 12:30:00.25",
                                "0044-03-15 12:00:00 BC", "infinity"},
                               {.own_text = false});
        check<pg::TimestampTz>("timestamptz",
                               session().column("select timestamptz '1800-01-01' + random() * interval '300 years' "
                                                "from generate_series(1, 50)"),
                               {.own_text = false});
    }
    session().run("reset timezone");
}

TEST(DateAndTimeTypes, ReadAndWriteTimestampsAsChronoTimePoints) {
    using namespace std::chrono;
    const std::vector<std::string> inputs = {"2024-05-17 12:30:00", "1960-01-01 00:00:01"};
    check<sys_time<microseconds>>("timestamptz", inputs);
    check<sys_time<seconds>>("timestamptz", inputs);
    check<system_clock::time_point>("timestamptz", inputs);
    check<local_time<microseconds>>("timestamp", inputs);
    check<local_time<milliseconds>>("timestamp", inputs);
    check<sys_days>("date", {"2024-05-17", "0044-03-15 BC", "5874897-12-31"});
    check<local_days>("date", {"2024-05-17"});
}

TEST(DateAndTimeTypes, ReadAndWriteIntervalsWithoutFlatteningThem) {
    check<pg::Interval>("interval", {"0",
                                     "1 year",
                                     "-1 year",
                                     "1 mon",
                                     "-1 mons",
                                     "13 months",
                                     "1 day",
                                     "-1 day",
                                     "1 day -1 hour",
                                     "-1 day 1 hour",
                                     "-1 year 2 mons 3 days -04:05:06.7",
                                     "1 year -2 mons +3 days",
                                     "-1 mon +1 day 04:00:00",
                                     "100:00:00",
                                     "-00:00:00.000001",
                                     "2562047788:00:54.775807",
                                     "-2562047788:00:54.775807",
                                     "178956970 years 7 mons",
                                     "-178956970 years -8 mons",
                                     "2147483647 days",
                                     "-2147483648 days"});
    check<pg::Interval>("interval",
                        session().column("select make_interval(months => (random() * 100 - 50)::int, "
                                         "days => (random() * 10 - 5)::int, secs => random() * 100000 - 50000) "
                                         "from generate_series(1, 300)"));
}
