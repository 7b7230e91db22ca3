// numeric against the server.
#include "pg/types/numeric.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;

TEST(NumericTypes, ReadAndWriteNumericsWithTheirScale) {
    check<pg::Numeric>("numeric", {"0",
                                   "0.00",
                                   "1",
                                   "-1",
                                   "1.50",
                                   "-1.50",
                                   "9999",
                                   "10000",
                                   "10001",
                                   "0.0001",
                                   "0.00001",
                                   "100000000",
                                   "100000000.00000001",
                                   "-0.00000000000000000001",
                                   "12345678901234567890.123456789",
                                   "NaN",
                                   "Infinity",
                                   "-Infinity",
                                   "1" + std::string(131071, '0'),
                                   "0." + std::string(16382, '0') + "1",
                                   std::string(131072, '9') + "." + std::string(16383, '9')});
}

TEST(NumericTypes, ReadAndWriteRandomNumerics) {
    check<pg::Numeric>("numeric",
                       session().column("select round(((random() - 0.5) * power(10, random() * 30))::numeric * "
                                        "(random() * power(10, -random() * 30))::numeric, (random() * 40)::int) "
                                        "from generate_series(1, 500)"));
}

TEST(NumericTypes, ReadIntegersAsNumerics) {
    check<pg::Numeric>("int8", {"0", "-9223372036854775808", "9223372036854775807"}, {.send = false});
    check<pg::Numeric>("int2", {"-32768"}, {.send = false});
}

TEST(NumericTypes, ReadAndWriteDecimalsInTheirSmallestUnit) {
    check<pg::Decimal<2>>("numeric(20, 2)",
                          {"0.00", "12.50", "-0.01", "92233720368547758.07", "-92233720368547758.08"});
    check<pg::Decimal<0>>("numeric", {"0", "9223372036854775807", "-9223372036854775808"});
    check<pg::Decimal<6, pg::Int128>>("numeric(38, 6)", {"0.000001", "-12345678901234567890123456789012.000001"});
    check<pg::Decimal<2>>("numeric(20, 2)",
                          session().column("select round(((random() - 0.5) * power(10, random() * 16))::numeric, 2) "
                                           "from generate_series(1, 200)"));
}

TEST(NumericTypes, OrderNumericsAsTheServerDoes) {
    const auto sorted = session().column(
        "select x from (select round(((random() - 0.5) * power(10, random() * 20 - 10))::numeric, 12) x "
        "from generate_series(1, 200) union all values ('NaN'::numeric), ('Infinity'), ('-Infinity'), (0), (0.0)) t "
        "order by x");
    for (std::size_t i = 1; i < sorted.size(); ++i)
        EXPECT_LE(pg::Numeric::parse(sorted[i - 1]).value(), pg::Numeric::parse(sorted[i]).value());
}
