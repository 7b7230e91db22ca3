// Config: what a connection string sets, and how one that is wrong is refused.
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <string_view>

#include "pg/config.hpp"

namespace pg {
namespace {

using namespace std::chrono_literals;
using std::string_view_literals::operator""sv;

Config parsed(std::string_view conninfo) { return Config::parse(conninfo).value(); }

/// What a string says of one keyword.
std::optional<std::string> said(std::string_view conninfo, std::string_view keyword) {
    const Config config = parsed(conninfo);
    const auto value = config.get(keyword);
    return value ? std::optional<std::string>(*value) : std::nullopt;
}

Error refused(std::string_view conninfo) {
    auto config = Config::parse(conninfo);
    if (config) throw std::logic_error("was taken: " + std::string(conninfo));
    EXPECT_EQ(config.error().kind(), ErrorKind::usage);
    EXPECT_EQ(config.error().outcome(), Outcome::not_sent);
    return std::move(config).error();
}

// What libpq takes.

TEST(Config, ReadsPairs) {
    const Config config = parsed("host=db-1 port = 5433\tuser='app user' password='it\\'s' dbname=");
    EXPECT_EQ(config.get("host"), "db-1");
    EXPECT_EQ(config.get("port"), "5433");
    EXPECT_EQ(config.get("user"), "app user");
    EXPECT_EQ(config.get("password"), "it's");
    EXPECT_EQ(config.get("dbname"), "");
    EXPECT_EQ(config.get("sslmode"), std::nullopt);
}

TEST(Config, ReadsAUri) {
    const Config config =
        parsed("postgresql://app:s%20cret@db-1:5433,[::1]/shop?sslmode=require&application_name=x%3D1");
    EXPECT_EQ(config.get("user"), "app");
    EXPECT_EQ(config.get("password"), "s cret");
    EXPECT_EQ(config.get("host"), "db-1,::1");
    EXPECT_EQ(config.get("port"), "5433,");
    EXPECT_EQ(config.get("dbname"), "shop");
    EXPECT_EQ(config.get("sslmode"), "require");
    EXPECT_EQ(config.get("application_name"), "x=1");
}

TEST(Config, ReadsASocketFolderInAUri) {
    EXPECT_EQ(said("postgres://%2Fvar%2Frun/shop", "host"), "/var/run");
    EXPECT_EQ(said("postgres:///shop?host=/tmp", "host"), "/tmp");
}

TEST(Config, TakesOldAndForeignWaysToAskForEncryption) {
    EXPECT_EQ(said("postgres://db/?ssl=true", "sslmode"), "require");
    EXPECT_EQ(said("requiressl=1", "sslmode"), "require");
    EXPECT_EQ(said("requiressl=0", "sslmode"), "prefer");
}

TEST(Config, OfAnEmptyStringSetsNothing) {
    EXPECT_EQ(parsed(""), Config());
    EXPECT_EQ(parsed("postgresql://"), Config());
}

TEST(Config, LetsTheLastOfSeveralCount) {
    EXPECT_EQ(said("user=a user=b", "user"), "b");
    EXPECT_EQ(said("postgres://a@db/?user=b", "user"), "b");
}

TEST(Config, DoesNotCheckTheValuesOfLibpq) { EXPECT_EQ(said("sslmode=nonsense", "sslmode"), "nonsense"); }

TEST(Config, KnowsNothingOfAnUnknownKeyword) { EXPECT_EQ(said("host=db", "hots"), std::nullopt); }

// What it refuses.

TEST(Config, RefusesAnUnknownKeywordWithASuggestion) {
    const Error error = refused("host=db dbname=shop a=1");
    EXPECT_EQ(error.message(), "connection string: unknown keyword `a` at 21");
    const Error near = refused("host=db dbname=shopping sslmod=require");
    EXPECT_EQ(near.message(), "connection string: unknown keyword `sslmod` at 25; did you mean `sslmode`?");
    EXPECT_EQ(near.position(), 25u);
}

TEST(Config, RefusesAnUnknownParameterWithASuggestion) {
    const Error error = refused("postgres://db/shop?conect_timeout=3");
    EXPECT_EQ(error.message(),
              "connection string: unknown keyword `conect_timeout` at 20; did you mean `connect_timeout`?");
}

TEST(Config, CountsPositionsInCharacters) { EXPECT_EQ(refused("user=\xC3\xA9\xC3\xA8 x=1").position(), 9u); }

TEST(Config, SaysWhatIsWrongWithPairs) {
    EXPECT_EQ(refused("host=db user").message(),
              "connection string: missing `=` after `user` at 9; quote a value that holds blanks: keyword='two words'");
    EXPECT_EQ(refused("host='db").message(),
              "connection string: unterminated quoted value at 6; close it with a single quote");
    EXPECT_EQ(refused("host='db\\").position(), 6u);
    EXPECT_EQ(refused("=x").message(), "connection string: unknown keyword at 1");
    EXPECT_EQ(refused("user=a\0b"sv).message(), "connection string: a NUL character at 7");
}

TEST(Config, SaysWhatIsWrongWithAUri) {
    EXPECT_EQ(refused("postgres://db/%4").message(),
              "connection string: `%` without two hexadecimal digits at 15; write `%25` for a percent sign");
    EXPECT_EQ(refused("postgres://db/%00").message(), "connection string: forbidden `%00` at 15");
    EXPECT_EQ(refused("postgres://[::1").message(),
              "connection string: no `]` ends the IPv6 address at 12; write [::1]");
    EXPECT_EQ(refused("postgres://[]").message(), "connection string: empty IPv6 address at 12; write [::1]");
    EXPECT_EQ(refused("postgres://[::1]x").message(),
              "connection string: unexpected character after the IPv6 address at 17; only `:`, `/`, `?` or `,` may "
              "follow it");
    EXPECT_EQ(refused("postgres://db/?user").message(),
              "connection string: missing `=` after the parameter `user` at 16; parameters are keyword=value, "
              "separated by `&`");
    EXPECT_EQ(refused("postgres://db/?user=a=b").message(),
              "connection string: a second `=` in one parameter at 22; write `%3D` for an equals sign in a value");
}

TEST(Config, PointsAtThePartOfAUriThatCannotBeDecoded) {
    EXPECT_EQ(refused("postgres://a%zz@db").position(), 13u);
    EXPECT_EQ(refused("postgres://a:b%@db").position(), 15u);
    EXPECT_EQ(refused("postgres://db,x%2").position(), 16u);
    EXPECT_EQ(refused("postgres://[%x]").position(), 13u);
    EXPECT_EQ(refused("postgres://db:1,db:%").position(), 20u);
    EXPECT_EQ(refused("postgres://db/?us%er=1").position(), 18u);
    EXPECT_EQ(refused("postgres://db/?user=%").position(), 21u);
}

TEST(Config, KnowsAMisspelledUriWhenItSeesOne) {
    EXPECT_EQ(refused("postgress://app:secret@db/shop").message(),
              "connection string: missing `=` after the word at 1; a URI starts with `postgresql://` or `postgres://`");
}

TEST(Config, NeverShowsAPassword) {
    for (const std::string_view conninfo : {
             "password=my hunter2 host=db",          // blanks without quotes
             "password=my hunter2",                  //
             "password='my' hunter2=x",              //
             "password='hunter2",                    // no closing quote
             "sslpassword=x hunter2=1",              //
             "postgress://app:hunter2@db/shop",      // no URI, no pairs
             "postgress://app:hunter2@db?a=b",       //
             "postgres://app:hunter2%@db",           // a percent sign that is not encoded
             "postgres://app:hunter2@[db",           //
             "postgres://app:a/b?hunter2@db",        // a slash that is not encoded
             "postgres://app:a/b?hunter2=1@db",      //
             "postgres://app:a/b?x=1&hunter2=@db",   //
             "passwort=hunter2",                     //
             "password=hunter2 timeout=1",           //
             "password=hunter2 pooler=some",         //
             "postgres://app:hunter2@db/?engine=x",  //
             "timeout=30s;password=hunter2",         // separated by something else
             "engine=auto;user=app;pwd=hunter2",     //
             "pool_max_size=5;password=hunter2",     //
             "host=db pwd=correct hunter2",          // no such keyword
         }) {
        const Error error = refused(conninfo);
        EXPECT_EQ(std::string_view(error.what()).find("hunter2"), std::string_view::npos) << error.what();
    }
    for (const std::string_view conninfo : {"sslmode=require;password=hunter2", "connect_timeout=5;password=hunter2"}) {
        const auto checked = Config::parse(conninfo).value().validate();
        ASSERT_FALSE(checked);
        EXPECT_EQ(std::string_view(checked.error().what()).find("hunter2"), std::string_view::npos);
    }
}

TEST(Config, SaysHowToWriteAPasswordThatItWillNotShow) {
    EXPECT_EQ(refused("password=my hunter2=1").message(),
              "connection string: unknown keyword at 13; a password that holds blanks needs quotes, and in a URI its "
              "`@`, `/` and `?` need encoding");
}

// Ours.

TEST(Config, ReadsKeywordsOfOurs) {
    const Config config =
        parsed("provider=libpq engine=auto pool_max_size=20 pool_acquire_timeout=200ms timeout=30s host=db");
    EXPECT_EQ(config.provider(), "libpq");
    EXPECT_EQ(config.engine(), "auto");
    EXPECT_EQ(parsed("engine=direct").engine(), "direct");
    EXPECT_EQ(config.number("pool_max_size"), 20u);
    EXPECT_EQ(config.duration("pool_max_size"), std::nullopt) << "it is none";
    EXPECT_EQ(config.duration("pool_acquire_timeout"), 200ms);
    EXPECT_EQ(config.duration("timeout"), 30s);
    EXPECT_EQ(parsed("postgres://db/?timeout=5min&engine=libpq").duration("timeout"), 5min);
    EXPECT_EQ(parsed("statement_timeout_margin=0s").duration("statement_timeout_margin"), 0s);
}

TEST(Config, LeavesWhatIsNotSetOfOursOpen) {
    const Config config;
    EXPECT_EQ(config.provider(), std::nullopt);
    EXPECT_EQ(config.engine(), std::nullopt);
    EXPECT_EQ(config.number("pool_max_size"), std::nullopt);
    EXPECT_EQ(config.duration("pool_acquire_timeout"), std::nullopt);
    EXPECT_EQ(config.duration("timeout"), std::nullopt);
}

TEST(Config, KnowsThreeKindsOfPooler) {
    EXPECT_EQ(parsed("host=db").pooler(), std::nullopt);
    EXPECT_FALSE(parsed("host=db").has_pooler());
    EXPECT_FALSE(parsed("pooler=none").has_pooler());
    EXPECT_EQ(parsed("postgres://db/?pooler=session").pooler(), "session");
    EXPECT_TRUE(parsed("pooler=session").has_pooler());
    EXPECT_TRUE(parsed("pooler=transaction").has_pooler());
    EXPECT_EQ(refused("pooler=statement").message(),
              "connection string: at 8, pooler is `statement`; it takes none, session, transaction");
}

TEST(Config, RefusesADurationWithoutAUnit) {
    EXPECT_EQ(refused("host=db timeout=30").message(),
              "connection string: at 17, timeout is `30`, a number without a unit; write `30s` for seconds");
    EXPECT_EQ(refused("host=db timeout=30").position(), 17u);
}

TEST(Config, RefusesADurationThatIsNone) {
    for (const char* text : {"timeout=abc", "timeout=1.5s", "timeout=-1s", "timeout='1 s'", "timeout=1d", "timeout="})
        EXPECT_NE(refused(text).message().find("a whole number and a unit"), std::string_view::npos) << text;
    EXPECT_EQ(refused("timeout=0s").message(),
              "connection string: at 9, timeout is `0s`; it must be longer than no time");
    EXPECT_NE(refused("timeout=9999999h").message().find("more than the clock can count"), std::string_view::npos);
    EXPECT_NE(refused("timeout=99999999999999999999ns").message().find("more than"), std::string_view::npos);
}

TEST(Config, ReadsEveryUnit) {
    EXPECT_EQ(parsed("timeout=7ns").duration("timeout"), 7ns);
    EXPECT_EQ(parsed("timeout=7us").duration("timeout"), 7us);
    EXPECT_EQ(parsed("timeout=7ms").duration("timeout"), 7ms);
    EXPECT_EQ(parsed("timeout=7s").duration("timeout"), 7s);
    EXPECT_EQ(parsed("timeout=7min").duration("timeout"), 7min);
    EXPECT_EQ(parsed("timeout=7h").duration("timeout"), 7h);
    EXPECT_EQ(parsed("timeout=9223372036854775807ns").duration("timeout"), std::chrono::nanoseconds::max());
}

TEST(Config, AllowsNotToWaitForASession) {
    EXPECT_EQ(parsed("pool_acquire_timeout=0ms").duration("pool_acquire_timeout"), 0ns);
}

TEST(Config, RefusesAPoolOfNoSize) {
    EXPECT_EQ(refused("pool_max_size=0").message(),
              "connection string: at 15, pool_max_size is `0`; it takes a whole number from 1 to 262143");
    for (const char* text : {"pool_max_size=x", "pool_max_size=262144", "pool_max_size=1.5", "pool_max_size="})
        EXPECT_EQ(refused(text).kind(), ErrorKind::usage) << text;
    EXPECT_EQ(parsed("pool_max_size=262143").number("pool_max_size"), 262143u);
}

// Setting one value.

TEST(ConfigSet, ReplacesOneValue) {
    Config config = parsed("host=db user=app");
    config.set("application_name", "shop").value();
    config.set("user", "admin").value();
    EXPECT_EQ(config.get("application_name"), "shop");
    EXPECT_EQ(config.get("user"), "admin");
    EXPECT_EQ(config.get("host"), "db");
}

TEST(ConfigSet, RefusesWhatAStringMayNotSayEither) {
    Config config;
    EXPECT_EQ(config.set("sslmod", "x").error().message(), "unknown keyword `sslmod`; did you mean `sslmode`?");
    EXPECT_EQ(config.set("zzzzzz", "x").error().message(), "unknown keyword `zzzzzz`");
    EXPECT_EQ(config.set("timeout", "3").error().message(),
              "timeout is `3`, a number without a unit; write `3s` for seconds");
    EXPECT_EQ(config.set("user", "a\0b"sv).error().message(), "user holds a NUL character");
    EXPECT_EQ(config, Config());
}

TEST(ConfigSet, DoesNotDependOnTheOrder) {
    Config one;
    one.set("user", "a").value();
    one.set("host", "b").value();
    Config other;
    other.set("host", "b").value();
    other.set("user", "a").value();
    EXPECT_EQ(one, other);
    other.set("user", "c").value();
    EXPECT_NE(one, other);
}

}  // namespace
}  // namespace pg
