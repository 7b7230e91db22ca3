// Config completed from files and environment, held against what libpq makes of the same surroundings.
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pg/config.hpp"
#include "tests/own_surroundings.hpp"

namespace pg {
namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

class ConfigResolve : public testing::Test, protected testing_support::OwnSurroundings {
protected:
    static Expected<Config> resolve(std::string_view conninfo) {
        return Config::parse(conninfo).value().resolved(PQlibVersion());
    }

    /// A connection that got as far as having its options: no such socket exists.
    static Connection start(const std::string& conninfo) {
        return Connection(PQconnectStart(conninfo.c_str()), PQfinish);
    }

    /// Resolves with both. What libpq fills in from its build alone is left to it, and so not set here.
    static Config expect_same(const std::string& conninfo) {
        SCOPED_TRACE(conninfo);
        const Config config = resolve(conninfo).value();
        const Connection connection = start(conninfo);
        const Options options(PQconninfo(connection.get()), PQconninfoFree);
        for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
            const std::string_view name = option->keyword;
            if (name == "service") continue;                           // libpq forgets it
            if (name == "sslcertmode" && !config.get(name)) continue;  // its default is no compiled one
            const std::string_view built_in = option->compiled == nullptr ? "" : option->compiled;
            const std::string_view expected = option->val == nullptr ? "" : option->val;
            EXPECT_EQ(config.get(name).value_or(built_in), expected) << name;
        }
        return config;
    }

    static std::optional<std::string> said(const Config& config, std::string_view keyword) {
        const auto value = config.get(keyword);
        return value ? std::optional<std::string>(*value) : std::nullopt;
    }

    static std::string refusal(std::string_view conninfo) {
        const auto config = resolve(conninfo);
        if (config) return "was resolved";
        EXPECT_EQ(config.error().kind(), ErrorKind::usage);
        EXPECT_EQ(PQstatus(start(std::string(conninfo)).get()), CONNECTION_BAD);
        return std::string(config.error().message());
    }

    /// The password that both find for the only host.
    static std::string expect_same_password(const std::string& conninfo) {
        SCOPED_TRACE(conninfo);
        const Config config = resolve(conninfo).value();
        const Connection connection = start(conninfo);
        const PasswordAnswer answer = config.password_for(config.hosts().value().front());
        EXPECT_EQ(answer.password.reveal(), PQpass(connection.get()));
        return std::string(answer.password.reveal());
    }
};

// Defaults.

TEST_F(ConfigResolve, FillsInUserDatabasePortAndPasswordFile) {
    const Config config = expect_same("host=/nonexistent");
    EXPECT_EQ(config.get("dbname"), config.get("user"));
    EXPECT_EQ(config.get("port"), "5432");
    EXPECT_EQ(config.get("passfile"), (home_ / ".pgpass").string());
    EXPECT_EQ(config.get("sslmode"), std::nullopt);
}

TEST_F(ConfigResolve, NamesTheDatabaseAfterTheUser) {
    EXPECT_EQ(said(expect_same("host=/nonexistent user=app"), "dbname"), "app");
    EXPECT_EQ(said(expect_same("host=/nonexistent user=app dbname=''"), "dbname"), "app");
    expect_same("host=/nonexistent user=''");
}

TEST_F(ConfigResolve, NeedsNoPasswordFileWithAPassword) {
    EXPECT_EQ(said(expect_same("host=/nonexistent password=x"), "passfile"), std::nullopt);
    expect_same("host=/nonexistent password=''");
}

TEST_F(ConfigResolve, KeepsOurKeywords) {
    EXPECT_EQ(resolve("host=/nonexistent timeout=1s").value().duration("timeout"), std::chrono::seconds(1));
}

TEST_F(ConfigResolve, FindsTheHomeWithoutItsVariable) {
    set("HOME", "");
    EXPECT_FALSE(said(expect_same("host=/nonexistent"), "passfile").value_or("").empty());
}

TEST_F(ConfigResolve, LooksForTheHomeWhereThatLibpqDoes) {
    const Config config = Config::parse("host=db").value();
    const std::string passfile = (home_ / ".pgpass").string();
    EXPECT_EQ(said(config.resolved(150000).value(), "passfile"), passfile);
    EXPECT_NE(said(config.resolved(140000).value(), "passfile"), passfile);
}

TEST_F(ConfigResolve, RefusesAKeywordThatLibpqDoesNotHave) {
    EXPECT_EQ(Config::parse("oauth_issuer=x").value().resolved(150018).error().message(),
              "keyword `oauth_issuer` needs libpq 18, but libpq 15 is in use");
}

// Environment.

TEST_F(ConfigResolve, ReadsEveryVariableOfLibpq) {
    const Options options(PQconndefaults(), PQconninfoFree);
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view name = option->keyword;
        if (option->envvar == nullptr || name == "service" || name == "host") continue;
        set(option->envvar, "7");
        expect_same("host=/nonexistent");
        expect_same("host=/nonexistent port=9 user=x sslmode=disable");
        unsetenv(option->envvar);
    }
    set("PGHOST", "/nonexistent/too");
    EXPECT_EQ(said(expect_same(""), "host"), "/nonexistent/too");
}

TEST_F(ConfigResolve, TakesAnEmptyVariableForAnEmptyValue) {
    for (const char* name : {"PGUSER", "PGDATABASE", "PGPASSWORD", "PGPASSFILE", "PGOPTIONS", "PGAPPNAME"})
        set(name, "");
    expect_same("host=/nonexistent");
}

TEST_F(ConfigResolve, ObeysTheOldVariableForEncryption) {
    set("PGREQUIRESSL", "1");
    EXPECT_EQ(said(expect_same("host=/nonexistent"), "sslmode"), "require");
    set("PGSSLMODE", "disable");
    EXPECT_EQ(said(expect_same("host=/nonexistent"), "sslmode"), "disable");
    unsetenv("PGSSLMODE");
    set("PGREQUIRESSL", "0");
    EXPECT_EQ(said(expect_same("host=/nonexistent"), "sslmode"), std::nullopt);
}

TEST_F(ConfigResolve, IgnoresVariablesThatALibpqDoesNotKnow) {
    set("PGLOADBALANCEHOSTS", "random");
    const Config config = Config::parse("host=db").value();
    EXPECT_EQ(said(config.resolved(150000).value(), "load_balance_hosts"), std::nullopt);
    EXPECT_EQ(said(config.resolved(160000).value(), "load_balance_hosts"), "random");
}

// Service files.

TEST_F(ConfigResolve, ReadsTheServiceFileOfTheHome) {
    write(".pg_service.conf",
          "# shared\n[other]\nhost=/nonexistent/other\n\n[shop]\r\n  host=/nonexistent/shop  \nport=6000\n# a remark\n"
          "dbname= goods\npassword=a=b\nport=7000\n[shop]\nuser=never\n");
    const Config config = expect_same("service=shop");
    EXPECT_EQ(config.get("host"), "/nonexistent/shop");
    EXPECT_EQ(config.get("port"), "6000");
    EXPECT_EQ(config.get("dbname"), " goods");
    EXPECT_EQ(config.get("password"), "a=b");
    EXPECT_EQ(config.get("service"), "shop");
}

TEST_F(ConfigResolve, LetsTheStringCountMoreThanTheServiceAndThatMoreThanTheEnvironment) {
    write(".pg_service.conf", "[shop]\nhost=/nonexistent\nport=6000\nuser=service");
    set("PGSERVICE", "shop");
    set("PGUSER", "environment");
    set("PGDATABASE", "environment");
    const Config config = expect_same("port=7000");
    EXPECT_EQ(config.get("port"), "7000");
    EXPECT_EQ(config.get("user"), "service");
    EXPECT_EQ(config.get("dbname"), "environment");
    EXPECT_EQ(config.get("service"), "shop");
}

TEST_F(ConfigResolve, LooksIntoTheNamedFileAndThenIntoThatOfTheSystem) {
    write(".pg_service.conf", "[shop]\nhost=/nonexistent/home\n");
    set("PGSERVICEFILE", write("named.conf", "[named]\nhost=/nonexistent/named\n"));
    write("system/pg_service.conf", "[shop]\nhost=/nonexistent/system\n[named]\nhost=/nonexistent/never\n");
    EXPECT_EQ(said(expect_same("service=named"), "host"), "/nonexistent/named");
    EXPECT_EQ(said(expect_same("service=shop"), "host"), "/nonexistent/system");
}

TEST_F(ConfigResolve, RefusesAServiceThatNoFileHas) {
    EXPECT_EQ(refusal("service=shop"), "service `shop` is in neither " + (home_ / ".pg_service.conf").string() +
                                           " nor " + (home_ / "system" / "pg_service.conf").string());
    set("PGSERVICE", "");
    EXPECT_NE(refusal(""), "was resolved");
}

TEST_F(ConfigResolve, RefusesANamedServiceFileThatIsNotThere) {
    set("PGSERVICEFILE", "/nonexistent/file");
    EXPECT_EQ(refusal("service=shop"), "service file /nonexistent/file cannot be read; check PGSERVICEFILE");
}

TEST_F(ConfigResolve, SaysWhichLineOfTheServiceFileIsWrong) {
    const std::string path = (home_ / ".pg_service.conf").string();
    const auto complaint = [&](const std::string& line) {
        write(".pg_service.conf", "[shop]\nhost=/nonexistent\n" + line + "\n");
        const std::string text = refusal("service=shop");
        const std::string opening = "service file " + path + ", line 3";
        EXPECT_TRUE(text.starts_with(opening)) << text;
        return text.substr(std::min(opening.size(), text.size()));
    };
    EXPECT_EQ(complaint("user"), " has no `=`");
    EXPECT_EQ(complaint("service=other"), " names another service, which libpq does not allow");
    EXPECT_EQ(complaint("usr=app"), " has an unknown keyword");
    EXPECT_EQ(complaint("timeout=1s"), ": `timeout` is no keyword of libpq, which reads this file as well");
    EXPECT_EQ(complaint("user=" + std::string(1100, 'x')), " is longer than libpq reads");
    EXPECT_EQ(complaint("ldap://nowhere.invalid/x"), " asks an LDAP server, which is not supported");
}

TEST_F(ConfigResolve, RefusesAServiceWithAKeywordOfALaterLibpq) {
    write(".pg_service.conf", "[shop]\nsslnegotiation=direct\n");
    const Config config = Config::parse("service=shop").value();
    EXPECT_NE(config.resolved(160000).error().message().find("`sslnegotiation` needs libpq 17"),
              std::string_view::npos);
    EXPECT_EQ(said(config.resolved(170000).value(), "sslnegotiation"), "direct");
}

TEST_F(ConfigResolve, ReadsServiceLinesUpToTheLengthOfLibpqs) {
    const std::string longest(1021 - std::string_view("options=").size(), 'x');
    write(".pg_service.conf", "[shop]\nhost=/nonexistent\noptions=" + longest + "\n");
    EXPECT_EQ(said(expect_same("service=shop"), "options"), longest);
    write(".pg_service.conf", "[shop]\nhost=/nonexistent\noptions=" + longest + "x\n");
    EXPECT_NE(refusal("service=shop"), "was resolved");
}

// Password files.

TEST_F(ConfigResolve, FindsThePasswordOfTheFirstLineThatFits) {
    write(".pgpass",
          "# host:port:database:user:password\n"
          "\n"
          "short\n"
          "a.invalid:5432:shop\n"
          "/nonexistent:6000:*:*:by-port\n"
          "/nonexistent:*:shop:app:by-name\r\n"
          "/nonexistent:*:sh\\:op:a\\\\b:esc\\:aped\\\\pass\\\n"
          "/nonexistent:*:tail:*:one:two\n"
          "/nonexistent:*:bad\\:app:never\n"
          "/nonexistent:*:empty:*:\n"
          "/nonexistent*:*:*:*:never\n"
          "*:*:any:*:anywhere");
    EXPECT_EQ(expect_same_password("host=/nonexistent user=app dbname=shop"), "by-name");
    EXPECT_EQ(expect_same_password("host=/nonexistent user=app dbname=shop port=6000"), "by-port");
    EXPECT_EQ(expect_same_password("host=/nonexistent user='a\\\\b' dbname='sh:op'"), "esc:aped\\pass\\");
    EXPECT_EQ(expect_same_password("host=/nonexistent user=app dbname=tail"), "one");
    EXPECT_EQ(expect_same_password("host=/nonexistent user=app dbname=bad"), "");
    EXPECT_EQ(expect_same_password("host=/nonexistent user=app dbname=empty"), "");
    EXPECT_EQ(expect_same_password("host=/nonexistent/x user=app dbname=any"), "anywhere");
    EXPECT_EQ(expect_same_password("host=/nonexistent user=ap dbname=shop"), "");
    EXPECT_EQ(expect_same_password("host=/nonexistent user=apple dbname=shop"), "");
}

TEST_F(ConfigResolve, CallsTheDefaultSocketLocalhost) {
    write(".pgpass", "localhost:1:*:*:local\n127.0.0.1:1:*:*:address\n");
    EXPECT_EQ(expect_same_password("port=1 user=app"), "local");
    EXPECT_EQ(expect_same_password("hostaddr=127.0.0.1 port=1 user=app"), "address");
}

TEST_F(ConfigResolve, KnowsTheFolderOfTheDefaultSocket) {
    if (PQhost(start("port=1").get()) != std::string_view(PGCLIENT_SOCKET_DIR))
        GTEST_SKIP() << "this libpq was built for another folder than " PGCLIENT_SOCKET_DIR;
    write(".pgpass", "localhost:1:*:*:local\n" PGCLIENT_SOCKET_DIR ":*:*:*:never\n/nonexistent:*:*:*:other\n");
    EXPECT_EQ(expect_same_password("host=" PGCLIENT_SOCKET_DIR " port=1 user=app"), "local");
    EXPECT_EQ(expect_same_password("host=/nonexistent port=1 user=app"), "other");
}

TEST_F(ConfigResolve, HasAPasswordForEachHost) {
    write(".pgpass", "a:1:*:*:one\nb:2:*:*:two\n");
    const Config config = resolve("host=a,b,c port=1,2,3").value();
    std::vector<std::string> passwords;
    for (const Host& host : config.hosts().value()) {
        const PasswordAnswer answer = config.password_for(host);
        passwords.emplace_back(answer.password.reveal());
    }
    EXPECT_EQ(passwords, (std::vector<std::string>{"one", "two", ""}));
}

TEST_F(ConfigResolve, LetsAGivenPasswordCountMoreThanTheFile) {
    write(".pgpass", "*:*:*:*:file\n");
    EXPECT_EQ(expect_same_password("host=/nonexistent password=given"), "given");
    EXPECT_EQ(expect_same_password("host=/nonexistent password=''"), "file");
    set("PGPASSWORD", "environment");
    EXPECT_EQ(expect_same_password("host=/nonexistent"), "environment");
}

TEST_F(ConfigResolve, ReadsTheNamedPasswordFile) {
    write(".pgpass", "*:*:*:*:home\n");
    const std::string other = write("other", "*:*:*:*:other\n");
    EXPECT_EQ(expect_same_password("host=/nonexistent passfile=" + other), "other");
    set("PGPASSFILE", other);
    EXPECT_EQ(expect_same_password("host=/nonexistent"), "other");
    set("PGPASSFILE", "/nonexistent/file");
    EXPECT_EQ(expect_same_password("host=/nonexistent"), "");
}

TEST_F(ConfigResolve, IgnoresAPasswordFileThatOthersMayReadAndSaysSo) {
    for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
        write(".pgpass", "*:*:*:*:secret\n", mode);
        EXPECT_EQ(expect_same_password("host=/nonexistent"), "");
        const Config config = resolve("host=/nonexistent").value();
        EXPECT_EQ(config.password_for({}).ignored, "password file " + (home_ / ".pgpass").string() +
                                                       " is ignored: group or others may use it; chmod 0600 it");
    }
    write(".pgpass", "*:*:*:*:secret\n", 0400);
    EXPECT_EQ(expect_same_password("host=/nonexistent"), "secret");
}

TEST_F(ConfigResolve, IgnoresAPasswordFileThatIsAFolder) {
    EXPECT_EQ(expect_same_password("host=/nonexistent passfile=" + home_.string()), "");
    const Config config = resolve("passfile=" + home_.string()).value();
    EXPECT_EQ(config.password_for({}).ignored, "password file " + home_.string() + " is ignored: it is no plain file");
}

TEST_F(ConfigResolve, ReadsAPasswordFileOfManyLines) {
    std::string text;
    for (int i = 0; i < 2000; ++i) text += "db-" + std::to_string(i) + ":*:*:*:password-" + std::to_string(i) + "\n";
    write(".pgpass", text + "/nonexistent:*:*:*:last\n");
    EXPECT_EQ(expect_same_password("host=/nonexistent"), "last");
}

TEST_F(ConfigResolve, AsksNoFileBeforeItIsResolved) {
    write(".pgpass", "*:*:*:*:secret\n");
    EXPECT_TRUE(Config::parse("host=db").value().password_for({}).password.empty());
}

}  // namespace
}  // namespace pg
