// inet, cidr, macaddr and macaddr8 against the server.
#include "pg/types/network.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;

TEST(NetworkTypes, ReadAndWriteHosts) {
    check<pg::Inet>("inet", {"192.0.2.7",
                             "192.0.2.7/24",
                             "0.0.0.0/0",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::5",
                             "::/0",
                             "2001:db8::7",
                             "2001:db8::7/64",
                             "::ffff:192.0.2.7",
                             "::192.0.2.7",
                             "::ffff:0:0",
                             "1:0:0:2:0:0:0:3",
                             "1:0:0:2:3:0:0:4",
                             "1:2:3:4:5:6:7:8",
                             "1:0:2:3:4:5:6:7",
                             "1::",
                             "::1:0",
                             "0:0:0:0:0:1:2:3"});
    check<pg::Inet>("cidr", {"192.0.2.0/24", "192.0.2.7"}, {.own_text = false, .send = false});
}

TEST(NetworkTypes, ReadAndWriteNetworks) {
    check<pg::Cidr>("cidr", {"192.0.2.0/24", "192.0.2.7", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "::/0", "::1",
                             "192.0.2.128/25"});
}

TEST(NetworkTypes, ReadAndWriteRandomAddresses) {
    check<pg::Inet>("inet", session().column("select set_masklen(inet '0.0.0.0' + (random() * 4294967295)::int8, "
                                             "(random() * 32)::int) from generate_series(1, 100)"));
    check<pg::Inet>(
        "inet",
        session().column("select set_masklen((select string_agg(case when random() < 0.5 then '0' else "
                         "to_hex((random() * 65535)::int >> (random() * 16)::int) end, ':') from generate_series(1, 8) "
                         "where n > 0)::inet, (random() * 128)::int) from generate_series(1, 300) n"));
}

TEST(NetworkTypes, OrderAddressesAsTheServerDoes) {
    const auto sorted = session().column(
        "select x from (select set_masklen(inet '10.0.0.0' + (random() * 1024)::int8, 16 + (random() * 16)::int) x "
        "from generate_series(1, 200) union all values (inet '::1'), ('::'), ('255.255.255.255')) t order by x");
    for (std::size_t i = 1; i < sorted.size(); ++i)
        EXPECT_LE(pg::Inet::parse(sorted[i - 1]).value(), pg::Inet::parse(sorted[i]).value())
            << sorted[i - 1] << " " << sorted[i];
}

TEST(NetworkTypes, ReadAndWriteMacAddresses) {
    check<pg::MacAddr>("macaddr", {"08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff", "0800.2B01.0203"});
    check<pg::MacAddr8>("macaddr8", {"08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03"});
}
