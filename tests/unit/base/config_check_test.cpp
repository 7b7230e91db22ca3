// Config: its hosts, the checks of its values, and how it is written down.
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "pg/config.hpp"

namespace pg {
namespace {

Config parsed(std::string_view conninfo) { return Config::parse(conninfo).value(); }

std::string complaint(std::string_view conninfo) {
    const auto checked = parsed(conninfo).validate();
    return checked ? std::string() : std::string(checked.error().message());
}

// Hosts.

TEST(ConfigHosts, AreOneDefaultWithoutAny) {
    EXPECT_EQ(parsed("").hosts().value(), (std::vector<Host>{{"", "", 5432}}));
    EXPECT_EQ(parsed("port=5433").hosts().value(), (std::vector<Host>{{"", "", 5433}}));
}

TEST(ConfigHosts, ShareOnePortOrHaveOneEach) {
    EXPECT_EQ(parsed("host=a,b port=6000").hosts().value(), (std::vector<Host>{{"a", "", 6000}, {"b", "", 6000}}));
    EXPECT_EQ(parsed("postgres://a:6000,b,c:6002").hosts().value(),
              (std::vector<Host>{{"a", "", 6000}, {"b", "", 5432}, {"c", "", 6002}}));
}

TEST(ConfigHosts, KeepEmptyPlaces) {
    EXPECT_EQ(parsed("host=a,,").hosts().value(), (std::vector<Host>{{"a", "", 5432}, {"", "", 5432}, {"", "", 5432}}));
}

TEST(ConfigHosts, HaveAddressesWithOrWithoutNames) {
    EXPECT_EQ(parsed("hostaddr=10.0.0.1,10.0.0.2").hosts().value(),
              (std::vector<Host>{{"", "10.0.0.1", 5432}, {"", "10.0.0.2", 5432}}));
    EXPECT_EQ(parsed("host=a,b hostaddr=10.0.0.1,").hosts().value(),
              (std::vector<Host>{{"a", "10.0.0.1", 5432}, {"b", "", 5432}}));
}

TEST(ConfigHosts, HaveNothingInTheirNamesThatEndsAPairElsewhere) {
    for (const char* conninfo : {"host=db;password=hush", "host='a,db;user=me'", "postgres://db%3Bpassword%3Dhush/",
                                 "postgresql://app:s3cr@hush@db/shop"}) {
        const auto hosts = parsed(conninfo).hosts();
        ASSERT_FALSE(hosts) << conninfo;
        EXPECT_EQ(hosts.error().kind(), ErrorKind::usage);
        EXPECT_EQ(hosts.error().message().find("hush"), std::string_view::npos) << hosts.error().what();
    }
    EXPECT_EQ(parsed("host='/tmp/a=b;c@d'").hosts().value().front().host, "/tmp/a=b;c@d");
    EXPECT_EQ(parsed("host=@abstract").hosts().value().front().host, "@abstract");
}

TEST(ConfigHosts, MustAgreeInNumber) {
    EXPECT_EQ(parsed("host=a,b hostaddr=10.0.0.1").hosts().error().message(),
              "host lists 2, but hostaddr lists 1; give one for each");
    EXPECT_EQ(parsed("host=a,b port=1,2,3").hosts().error().message(),
              "port lists 3, but host lists 2; give one for each");
    EXPECT_EQ(parsed("port=1,2").hosts().error().kind(), ErrorKind::usage);
}

TEST(ConfigHosts, HavePortsThatExist) {
    for (const char* port : {"0", "65536", "-1"}) {
        EXPECT_EQ(parsed(std::string("port=") + port).hosts().error().message(),
                  std::string("port is `") + port + "`; it takes a number from 1 to 65535");
    }
    // What is none may be half of a password that has a slash in it.
    for (const char* text : {"port=x", "port=1x", "port=100000", "postgresql://app:1secret/word@db/shop",
                             "postgresql://app:84759302/x@db/shop"})
        EXPECT_EQ(parsed(text).hosts().error().message(),
                  "port is no number from 1 to 65535; in a URI, write `@`, `/` and `?` of a password as %40, %2F, %3F");
    EXPECT_EQ(parsed("port=' 5433 '").hosts().value().front().port, 5433);
    EXPECT_EQ(parsed("port=+65535").hosts().value().front().port, 65535);
}

// Values.

TEST(ConfigValidate, TakesWhatIsRight) {
    EXPECT_EQ(complaint(""), "");
    EXPECT_EQ(complaint("sslmode=verify-full target_session_attrs=prefer-standby channel_binding=require "
                        "gssencmode=disable load_balance_hosts=random connect_timeout=10 keepalives=0 "
                        "ssl_min_protocol_version=tlsv1.3 ssl_max_protocol_version='' sslnegotiation=direct "
                        "min_protocol_version=3.2 timeout=1s engine=auto tcp_user_timeout=' 7 '"),
              "");
}

TEST(ConfigValidate, SuggestsTheWordThatWasMeant) {
    EXPECT_EQ(complaint("sslmode=requre"),
              "sslmode is `requre`; it takes disable, allow, prefer, require, verify-ca, verify-full; did you mean "
              "`require`?");
    EXPECT_EQ(complaint("gssencmode=zzzzzzzz"), "gssencmode is `zzzzzzzz`; it takes disable, prefer, require");
    EXPECT_EQ(complaint("target_session_attrs=read_write"),
              "target_session_attrs is `read_write`; it takes any, read-write, read-only, primary, standby, "
              "prefer-standby; did you mean `read-write`?");
}

TEST(ConfigValidate, RefusesWordsThatAreNone) {
    for (const char* pair : {"channel_binding=on", "load_balance_hosts=yes", "sslsni=true", "sslcertmode=none",
                             "sslnegotiation=x", "gssdelegation=2", "max_protocol_version=3.1",
                             "ssl_min_protocol_version=SSLv3", "sslmode=REQUIRE", "sslmode=''"})
        EXPECT_NE(complaint(pair), "") << pair;
}

TEST(ConfigValidate, RefusesNumbersThatAreNone) {
    EXPECT_EQ(complaint("connect_timeout=soon"),
              "connect_timeout is `soon`; it takes a whole number from -2147483648 to 2147483647");
    for (const char* pair : {"keepalives=''", "keepalives_idle=1s", "keepalives_interval=2147483648",
                             "keepalives_count=+-1", "tcp_user_timeout=1.5"})
        EXPECT_NE(complaint(pair), "") << pair;
}

TEST(ConfigValidate, ChecksHostsAsWell) { EXPECT_NE(complaint("host=a,b port=1,2,3"), ""); }

TEST(ConfigCheckLibpq, NamesTheVersionThatAKeywordNeeds) {
    EXPECT_EQ(parsed("load_balance_hosts=random").check_libpq(150018).error().message(),
              "keyword `load_balance_hosts` needs libpq 16, but libpq 15 is in use");
    EXPECT_EQ(parsed("sslnegotiation=direct").check_libpq(160004).error().message(),
              "keyword `sslnegotiation` needs libpq 17, but libpq 16 is in use");
    EXPECT_EQ(parsed("oauth_issuer=x").check_libpq(170000).error().kind(), ErrorKind::usage);
    EXPECT_TRUE(parsed("oauth_issuer=x sslnegotiation=direct").check_libpq(180000));
    EXPECT_TRUE(parsed("host=db timeout=1s").check_libpq(140000));
}

// Written down.

TEST(ConfigText, MasksPasswordsAndKeys) {
    const Config config = parsed(
        "host=db password=hunter2 sslpassword=hunter2 oauth_client_secret=hunter2 scram_client_key=hunter2 "
        "scram_server_key=hunter2 timeout=1s");
    EXPECT_EQ(config.to_string(),
              "password=*** host=db sslpassword=*** scram_client_key=*** scram_server_key=*** oauth_client_secret=*** "
              "timeout=1s");
}

TEST(ConfigText, QuotesWhatNeedsIt) {
    const Config config = parsed("user='a b' dbname='it\\'s \\\\ it' host=''");
    EXPECT_EQ(config.to_string(), "user='a b' dbname='it\\'s \\\\ it' host=''");
    EXPECT_EQ(parsed(config.to_string()), config);
    EXPECT_EQ(parsed("user=\xc3\xa0").to_string(), "user='\xc3\xa0'") << "in Latin-1 it ends in a blank";
}

TEST(ConfigText, GivesLibpqWhatIsLibpqs) {
    const Config config = parsed("timeout=1s user=app engine=libpq password='a b' host=''");
    EXPECT_EQ(config.for_libpq(), (std::vector<Setting>{{"user", "app"}, {"password", "a b"}, {"host", ""}}));
    EXPECT_EQ(config.for_libpq()[1].value.data()[3], '\0');
    const Secret conninfo = config.conninfo();
    EXPECT_EQ(conninfo.reveal(), "user=app password='a b' host=''");
}

}  // namespace
}  // namespace pg
