// What a configuration asks of an attempt to connect, and that libpq makes that of it, whatever else it could find.
#include "providers/libpq/target.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "pg/testing/fake_server.hpp"
#include "providers/libpq/provider.hpp"
#include "tests/own_surroundings.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::FakeServer;
using testing::MessageKind;
using testing::Reply;

class Surrounded : public ::testing::Test, protected testing_support::OwnSurroundings {
protected:
    using Values = std::map<std::string, std::string>;

    /// What libpq understands of the first attempt; what is empty is not among it.
    static Values understood(std::string_view conninfo) { return understood(Config::parse(conninfo).value()); }
    static Values understood(const Config& config) {
        const Target target = Target::from(config.resolved(PQlibVersion()).value()).value();
        const Host host = target.hosts().front();
        const Target::Words words = target.words(host, host.hostaddr, "any");
        const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectStart(words.conninfo.reveal().data()),
                                                                      PQfinish);
        const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(connection.get()),
                                                                                   PQconninfoFree);
        Values values;
        for (const auto* option = options.get(); option->keyword != nullptr; ++option)
            if (option->val != nullptr && *option->val != '\0') values[option->keyword] = option->val;
        return values;
    }

    void serve(std::string_view services) { set("PGSERVICEFILE", write("services", services)); }

    static Expected<std::unique_ptr<spi::Session>> open(const std::string& conninfo) {
        return make_libpq_provider()->open(Config::parse(conninfo).value(), {},
                                           {.deadline = Deadline::after(std::chrono::seconds(10)), .stop = nullptr});
    }
};

// libpq shows the folder of its default socket where it has neither a host nor an address.
constexpr const char* everything_empty =
    "host='' hostaddr='' password='' options='' application_name='' requirepeer='' sslcert='' sslkey='' sslrootcert='' "
    "sslcrl='' krbsrvname='' port=1 user=app passfile=/nonexistent pooler=session";

void expect_nothing_of(std::string_view others, const std::map<std::string, std::string>& values) {
    for (const auto& [keyword, value] : values)
        EXPECT_EQ(value.find(others), std::string::npos) << keyword << " is " << value;
    EXPECT_EQ(values.count("requirepeer") + values.count("krbsrvname") + values.count("hostaddr"), 0U);
}

TEST_F(Surrounded, FindsNothingInTheEnvironmentForWhatIsSaidToBeEmpty) {
    set("PGHOST", "/environment");
    set("PGHOSTADDR", "127.0.0.2");
    for (const char* name : {"PGPASSWORD", "PGOPTIONS", "PGAPPNAME", "PGREQUIREPEER", "PGSSLCERT", "PGSSLKEY",
                             "PGSSLROOTCERT", "PGSSLCRL", "PGKRBSRVNAME"})
        set(name, "environment");
    expect_nothing_of("environment", understood(everything_empty));
}

TEST_F(Surrounded, FindsNothingInTheServiceForWhatIsSaidToBeEmpty) {
    serve(
        "[shop]\nhost=/service\nhostaddr=127.0.0.2\npassword=service\noptions=service\napplication_name=service\n"
        "requirepeer=service\nsslcert=service\nsslkey=service\nsslrootcert=service\nsslcrl=service\n"
        "krbsrvname=service\n");
    expect_nothing_of("service", understood(std::string("service=shop ") + everything_empty));
    set("PGSERVICE", "shop");
    expect_nothing_of("service", understood(everything_empty));
}

TEST_F(Surrounded, TakesNothingOfAnotherServiceThanTheOneThatIsNamed) {
    serve("[shop]\nuser=app\n[other]\nuser=other\napplication_name=other\nsslcert=other\n");
    set("PGSERVICE", "other");
    const Values values = understood("service=shop host=/nonexistent");
    EXPECT_EQ(values.at("user"), "app");
    EXPECT_EQ(values.count("application_name") + values.count("sslcert"), 0U);
}

TEST_F(Surrounded, ReadsEveryCharacterOfAValue) {
    for (const char* value : {"it's", "a\\b", "a b", "'", "\\'", "\xa0", "=", "postgresql://"}) {
        Config config = Config::parse("host=/nonexistent dbname=shop").value();
        config.set("user", value).value();
        config.set("password", value).value();
        EXPECT_EQ(understood(config).at("user"), value);
        EXPECT_EQ(understood(config).at("password"), value);
    }
}

TEST_F(Surrounded, ConnectsToTheSocketThatIsSaidNotToAnAddressOfTheEnvironment) {
    set("PGHOSTADDR", "127.0.0.2");
    const auto server = FakeServer::start(
        [](Conversation& client) {
            if (client.let_in()) client.ignore();
        },
        {.unix_socket = true});
    const auto session = open(server.conninfo() + " hostaddr='' engine=libpq");
    EXPECT_TRUE(session) << session.error().what();
}

TEST_F(Surrounded, SendsNoPasswordOfTheEnvironmentWhereNoneIsSaid) {
    set("PGPASSWORD", "secret");
    const auto server = FakeServer::start([](Conversation& client) {
        client.receive_until(MessageKind::startup);
        client.send(Reply().authentication(3));
        if (const auto said = client.receive(); said.kind != MessageKind::left) client.report(said.data);
    });
    const auto session = open(server.conninfo() + " password='' sslmode=disable gssencmode=disable engine=libpq");
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::auth) << session.error().what();
    EXPECT_TRUE(server.wait_for_clients(1, Deadline::after(std::chrono::seconds(10))));
    EXPECT_TRUE(server.failures().empty()) << "it was sent";
}

std::string value_of(const Target::Words& words, std::string_view name) {
    const Config said = Config::parse(words.conninfo.reveal()).value();
    return std::string(said.get(name).value_or("unset"));
}

TEST(Target, SendsWhatIsAlwaysSentAndKeepsWhatWasAskedFor) {
    const Config config =
        Config::parse("host=db options='-c work_mem=1MB' client_encoding=LATIN1 keepalives_idle=77").value();
    const Target target = Target::from(config).value();
    const Target::Words words = target.words(target.hosts()[0], "192.0.2.1", "any");
    EXPECT_EQ(value_of(words, "options"),
              "-c work_mem=1MB -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1");
    EXPECT_EQ(value_of(words, "client_encoding"), "UTF8");
    EXPECT_EQ(value_of(words, "host"), "db");
    EXPECT_EQ(value_of(words, "hostaddr"), "192.0.2.1");
    EXPECT_EQ(value_of(words, "keepalives_idle"), "77");
    EXPECT_EQ(value_of(words, "keepalives_count"), "3");
    EXPECT_EQ(value_of(words, "fallback_application_name"), "pgclient");
}

TEST(Target, SendsAPoolerNoSettingsThatWereNotAskedFor) {
    for (const char* kind : {"session", "transaction"}) {
        const Config config = Config::parse("host=db pooler=" + std::string(kind)).value();
        const Target target = Target::from(config).value();
        const Target::Words words = target.words(target.hosts()[0], "192.0.2.1", "any");
        EXPECT_EQ(value_of(words, "options"), "unset");
        EXPECT_EQ(value_of(words, "client_encoding"), "UTF8");
        EXPECT_TRUE(target.has_pooler());
    }
    const Target asked = Target::from(Config::parse("pooler=session options='-c work_mem=1MB'").value()).value();
    EXPECT_EQ(value_of(asked.words(asked.hosts()[0], "", "any"), "options"), "-c work_mem=1MB");
    EXPECT_FALSE(Target::from(Config::parse("pooler=none").value()).value().has_pooler());
}

TEST(Target, PrefersAStandbyInTwoPasses) {
    EXPECT_EQ(Target::from(Config::parse("target_session_attrs=prefer-standby").value()).value().passes(),
              (std::vector<std::string>{"standby", "any"}));
    EXPECT_EQ(Target::from(Config::parse("target_session_attrs=read-write").value()).value().passes(),
              (std::vector<std::string>{"read-write"}));
    EXPECT_EQ(Target::from(Config()).value().passes(), (std::vector<std::string>{"any"}));
}

TEST(Target, ReadsTheTimeoutOfAnAttempt) {
    const auto timeout = [](const char* conninfo) {
        return Target::from(Config::parse(conninfo).value()).value().attempt_timeout();
    };
    EXPECT_EQ(timeout("connect_timeout=3"), std::chrono::seconds(3));
    EXPECT_EQ(timeout("connect_timeout=0"), no_timeout);
    EXPECT_EQ(timeout("host=db"), no_timeout);
}

TEST(Target, ShufflesHostsOnlyWhenAsked) {
    const Config config = Config::parse("host=a,b,c,d,e,f load_balance_hosts=random").value();
    bool seen_another_first = false;
    for (int i = 0; i < 200 && !seen_another_first; ++i)
        seen_another_first = Target::from(config).value().hosts()[0].host != "a";
    EXPECT_TRUE(seen_another_first);
    EXPECT_EQ(Target::from(Config::parse("host=a,b").value()).value().hosts()[0].host, "a");
}

}  // namespace
}  // namespace pg::libpq
