// A fake server that behaves, and what it refuses: names that are not there, and what a transaction does not take.
#include <algorithm>

#include "pg/testing/answers.hpp"
#include "pg/testing/fake_server.hpp"
#include "tests/bound_arguments.hpp"
#include "tests/unit/testing/raw_client.hpp"

namespace pg::testing {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// What a client says in the extended protocol, one message behind the other.
class Said {
public:
    Said& parse(std::string_view name, std::string_view sql) {
        return add([&](auto& out) { wire::put_parse(out, name, sql, {}); });
    }
    Said& bind(std::string_view name) {
        return add([&](auto& out) { wire::put_bind(out, name, {}, {}); });
    }
    Said& describe(wire::Named what, std::string_view name) {
        return add([&](auto& out) { wire::put_describe(out, what, name); });
    }
    Said& close(wire::Named what, std::string_view name) {
        return add([&](auto& out) { wire::put_close(out, what, name); });
    }
    Said& execute() {
        return add([](auto& out) { wire::put_execute(out); });
    }
    Said& sync() {
        return add([](auto& out) { wire::put_sync(out); });
    }
    Said& query(std::string_view sql) {
        return add([&](auto& out) { wire::put_query(out, sql); });
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    template <class Put>
    Said& add(Put put) {
        bytes_ += said(put);
        return *this;
    }
    std::string bytes_;
};

/// What a new client hears that says this and leaves, behind the greeting.
std::string heard(const FakeServer& server, const Said& what) {
    RawClient client(server.host(), server.port());
    client.send(startup_packet() + what.bytes() +
                said([](auto& out) { wire::put_empty(out, wire::ClientType::terminate); }));
    const std::string all = client.receive_all();
    constexpr auto ready = "Z\0\0\0\5I"sv;
    return all.substr(std::min(all.find(ready) + ready.size(), all.size()));
}

std::string missing(std::string_view name) { return "prepared statement \"" + std::string(name) + "\" does not exist"; }
constexpr auto unnamed_is_missing = "unnamed prepared statement does not exist";
constexpr auto aborted = "current transaction is aborted, commands ignored until end of transaction block";

std::vector<std::string> texts(const FakeServer& server) {
    std::vector<std::string> all;
    for (const auto& statement : server.statements()) all.push_back(statement.sql);
    return all;
}

Answers usual() {
    return Answers()
        .on("select 1", {.columns = {{"n"}}, .rows = {{"1"}}})
        .on("update t", {.tag = "UPDATE 1"})
        .fail("select 1/0", "22012", "division by zero");
}

TEST(PoliteSession, KeepsNoNameOfWhatItPassedOver) {
    const auto server = FakeServer::start(usual());
    const auto lost =
        Said().parse("", "select 1/0").bind("").execute().parse("p", "update t").sync().bind("p").execute().sync();
    EXPECT_EQ(heard(server, lost), Reply()
                                       .parse_complete()
                                       .bind_complete()
                                       .error("22012", "division by zero")
                                       .ready()
                                       .error("26000", missing("p"))
                                       .ready()
                                       .bytes());
    EXPECT_EQ(server.failures(), std::vector{"client 1: " + missing("p")});
    EXPECT_EQ(texts(server), std::vector{"select 1/0"s});
}

TEST(PoliteSession, CountsNoStatementAndClosesNothingThatItPassedOver) {
    const auto server = FakeServer::start(usual());
    const auto passed = Said()
                            .parse("p", "update t")
                            .bind("p")
                            .execute()
                            .bind("q")
                            .close(wire::Named::statement, "p")
                            .close(wire::Named::portal, "")
                            .execute()
                            .query("update t")
                            .sync()
                            .bind("p")
                            .execute()
                            .sync();
    EXPECT_EQ(heard(server, passed), Reply()
                                         .parse_complete()
                                         .bind_complete()
                                         .tag("UPDATE 1")
                                         .error("26000", missing("q"))
                                         .ready()
                                         .bind_complete()
                                         .tag("UPDATE 1")
                                         .ready()
                                         .bytes());
    EXPECT_EQ(texts(server), (std::vector{"update t"s, "update t"s}));
}

TEST(PoliteSession, RefusesStatementsThatAreNotThere) {
    const auto server = FakeServer::start(usual());
    const auto closed = Said()
                            .parse("p", "update t")
                            .close(wire::Named::statement, "p")
                            .bind("p")
                            .execute()
                            .sync()
                            .describe(wire::Named::statement, "p")
                            .sync()
                            .bind("")
                            .sync()
                            .parse("", "update t")
                            .query("update t")
                            .bind("")
                            .sync();
    EXPECT_EQ(heard(server, closed), Reply()
                                         .parse_complete()
                                         .close_complete()
                                         .error("26000", missing("p"))
                                         .ready()
                                         .error("26000", missing("p"))
                                         .ready()
                                         .error("26000", unnamed_is_missing)
                                         .ready()
                                         .parse_complete()
                                         .tag("UPDATE 1")
                                         .ready()
                                         .error("26000", unnamed_is_missing)
                                         .ready()
                                         .bytes());
    EXPECT_EQ(server.failures(), (std::vector{"client 1: " + missing("p"), "client 1: " + missing("p"),
                                              "client 1: "s + unnamed_is_missing, "client 1: "s + unnamed_is_missing}));
    EXPECT_EQ(texts(server), std::vector{"update t"s}) << "that of the simple protocol";
}

TEST(PoliteSession, RefusesAPortalThatIsNotThereOrWhoseTransactionHasEnded) {
    const auto server = FakeServer::start(usual());
    const auto ended = Said()
                           .parse("p", "select 1")
                           .bind("p")
                           .sync()
                           .execute()
                           .sync()
                           .describe(wire::Named::portal, "")
                           .sync()
                           .query("begin")
                           .bind("p")
                           .sync()
                           .execute()
                           .close(wire::Named::portal, "")
                           .bind("p")
                           .sync()
                           .query("update t")
                           .execute()
                           .sync();
    const auto no_portal = "portal \"\" does not exist"s;
    EXPECT_EQ(heard(server, ended), Reply()
                                        .parse_complete()
                                        .bind_complete()
                                        .ready()
                                        .error("34000", no_portal)
                                        .ready()
                                        .error("34000", no_portal)
                                        .ready()
                                        .tag("BEGIN")
                                        .ready(FakeTransaction::open)
                                        .bind_complete()
                                        .ready(FakeTransaction::open)
                                        .row({"1"})
                                        .tag("SELECT 1")
                                        .close_complete()
                                        .bind_complete()
                                        .ready(FakeTransaction::open)
                                        .tag("UPDATE 1")
                                        .ready(FakeTransaction::open)
                                        .error("34000", no_portal)
                                        .ready(FakeTransaction::failed)
                                        .bytes());
    EXPECT_EQ(server.failures(), std::vector(3, "client 1: " + no_portal));
    EXPECT_EQ(texts(server), (std::vector{"begin"s, "select 1"s, "update t"s}));
}

TEST(PoliteSession, RefusesAPortalThatIsClosed) {
    const auto server = FakeServer::start(usual());
    const auto closed =
        Said().parse("", "select 1").bind("").close(wire::Named::portal, "").describe(wire::Named::portal, "").sync();
    EXPECT_EQ(heard(server, closed), Reply()
                                         .parse_complete()
                                         .bind_complete()
                                         .close_complete()
                                         .error("34000", "portal \"\" does not exist")
                                         .ready()
                                         .bytes());
}

TEST(PoliteSession, PreparesNothingInAFailedTransactionButItsEnd) {
    const auto server = FakeServer::start(usual());
    const auto failed = Said()
                            .parse("before", "select 1")
                            .query("begin")
                            .query("select 1/0")
                            .parse("p", "update t")
                            .sync()
                            .bind("p")
                            .sync()
                            .describe(wire::Named::statement, "before")
                            .sync()
                            .bind("before")
                            .sync()
                            .parse("empty", "")
                            .parse("end", "rollback")
                            .bind("end")
                            .execute()
                            .sync();
    constexpr auto state = FakeTransaction::failed;
    EXPECT_EQ(heard(server, failed), Reply()
                                         .parse_complete()
                                         .tag("BEGIN")
                                         .ready(FakeTransaction::open)
                                         .error("22012", "division by zero")
                                         .ready(state)
                                         .error("25P02", aborted)
                                         .ready(state)
                                         .error("26000", missing("p"))
                                         .ready(state)
                                         .error("25P02", aborted)
                                         .ready(state)
                                         .error("25P02", aborted)
                                         .ready(state)
                                         .parse_complete()
                                         .parse_complete()
                                         .bind_complete()
                                         .tag("ROLLBACK")
                                         .ready()
                                         .bytes());
    EXPECT_EQ(server.failures(), std::vector{"client 1: " + missing("p")}) << "the rest may happen to anybody";
}

TEST(PoliteSession, BeginsNothingInAFailedTransaction) {
    const auto server = FakeServer::start(usual());
    const auto begun = Said()
                           .query("begin")
                           .parse("p", "begin")
                           .bind("p")
                           .sync()
                           .query("select 1/0")
                           .execute()
                           .sync()
                           .query("begin")
                           .query("start transaction")
                           .query("rollback prepared 'x'")
                           .query("commit prepared 'x'")
                           .query("rollback work to savepoint s")
                           .query("select 1/0")
                           .query("rollback transaction to s")
                           .query("commit");
    constexpr auto state = FakeTransaction::failed;
    Reply expected;
    expected.tag("BEGIN").ready(FakeTransaction::open);
    expected.parse_complete().bind_complete().ready(FakeTransaction::open);
    expected.error("22012", "division by zero").ready(state);
    for (int i = 0; i < 5; ++i) expected.error("25P02", aborted).ready(state);
    expected.tag("ROLLBACK").ready(FakeTransaction::open);
    expected.error("22012", "division by zero").ready(state);
    expected.tag("ROLLBACK").ready(FakeTransaction::open).tag("COMMIT").ready();
    EXPECT_EQ(heard(server, begun), expected.bytes());
    EXPECT_EQ(texts(server), (std::vector{"begin"s, "select 1/0"s, "rollback work to savepoint s"s, "select 1/0"s,
                                          "rollback transaction to s"s, "commit"s}))
        << "what is refused is not run";
}

TEST(PoliteSession, RunsNoPortalThatWasBoundBeforeItsTransactionFailed) {
    const auto server = FakeServer::start(usual());
    const auto bound = Said()
                           .query("begin")
                           .parse("p", "begin")
                           .bind("p")
                           .bind("q")
                           .sync()
                           .execute()
                           .sync()
                           .describe(wire::Named::portal, "")
                           .sync();
    constexpr auto state = FakeTransaction::failed;
    EXPECT_EQ(heard(server, bound), Reply()
                                        .tag("BEGIN")
                                        .ready(FakeTransaction::open)
                                        .parse_complete()
                                        .bind_complete()
                                        .error("26000", missing("q"))
                                        .ready(state)
                                        .error("25P02", aborted)
                                        .ready(state)
                                        .no_data()
                                        .ready(state)
                                        .bytes());
    EXPECT_EQ(texts(server), std::vector{"begin"s});
}

TEST(PoliteSession, FailsToPrepareWhereTheTestSaysSo) {
    const auto server =
        FakeServer::start(usual().fail_to_prepare("table u", "42P01", "no table u").on("table u", {.tag = "TABLE"}));
    const auto tried = Said().parse("p", "table u").bind("p").execute().sync().bind("p").sync().query("table u");
    EXPECT_EQ(
        heard(server, tried),
        Reply().error("42P01", "no table u").ready().error("26000", missing("p")).ready().tag("TABLE").ready().bytes());
    EXPECT_EQ(texts(server), std::vector{"table u"s});
}

TEST(PoliteSession, FailsToBindWhatCanNoLongerBePrepared) {
    const auto server = FakeServer::start(
        Answers().on("table u", {.tag = "TABLE"}).fail_to_prepare("table u", "0A000", "another type"));
    const auto again =
        Said().parse("p", "table u").bind("p").execute().sync().bind("p").execute().sync().query("table u");
    EXPECT_EQ(heard(server, again), Reply()
                                        .parse_complete()
                                        .bind_complete()
                                        .tag("TABLE")
                                        .ready()
                                        .error("0A000", "another type")
                                        .ready()
                                        .error("0A000", "another type")
                                        .ready()
                                        .bytes());
    EXPECT_EQ(texts(server), std::vector{"table u"s});
    EXPECT_EQ(server.failures(), std::vector<std::string>());
}

TEST(PoliteSession, FailsToPrepareWhateverElseComes) {
    ErrorFields error;
    error.sqlstate = "42601";
    error.message = "syntax error";
    const auto server = FakeServer::start(usual().otherwise({.error = error, .error_when_prepared = true}));
    EXPECT_EQ(heard(server, Said().parse("", "what").sync().parse("", "update t").sync()),
              Reply().error("42601", "syntax error").ready().parse_complete().ready().bytes());
}

TEST(PoliteSession, RefusesAPreparedStatementThatIsThere) {
    const auto server = FakeServer::start(usual());
    const auto twice = Said()
                           .parse("p", "select 1")
                           .parse("", "select 1")
                           .parse("", "update t")
                           .parse("p", "update t")
                           .sync()
                           .bind("p")
                           .execute()
                           .sync();
    const auto is_there = "prepared statement \"p\" already exists"s;
    EXPECT_EQ(heard(server, twice), Reply()
                                        .parse_complete()
                                        .parse_complete()
                                        .parse_complete()
                                        .error("42P05", is_there)
                                        .ready()
                                        .bind_complete()
                                        .row({"1"})
                                        .tag("SELECT 1")
                                        .ready()
                                        .bytes());
    EXPECT_EQ(server.failures(), std::vector{"client 1: " + is_there});
}

TEST(PoliteSession, ForgetsTheNamesThatAStatementMakesAnEndOf) {
    struct Case {
        std::string_view sql;
        std::vector<std::string> left;
    };
    const std::vector<std::string> names{"p", "Q\"x", "all_of_it"};
    for (const auto& [sql, left] :
         {Case{"discard all", {}}, Case{"DEALLOCATE ALL", {}}, Case{"deallocate prepare all;", {}},
          Case{"deallocate P", {"Q\"x", "all_of_it"}}, Case{"deallocate prepare \"Q\"\"x\"", {"p", "all_of_it"}},
          Case{"deallocate\tall_of_it", {"p", "Q\"x"}}, Case{"deallocate\"p\"", {"Q\"x", "all_of_it"}},
          Case{"discard plans", names}, Case{"close all", names}}) {
        const auto server = FakeServer::start(usual());
        Said what;
        for (const auto& name : names) what.parse(name, "update t");
        what.query(sql);
        for (const auto& name : names) what.bind(name).execute().sync();
        static_cast<void>(heard(server, what));
        std::vector<std::string> gone;
        for (const auto& name : names)
            if (std::find(left.begin(), left.end(), name) == left.end()) gone.push_back("client 1: " + missing(name));
        EXPECT_EQ(server.failures(), gone) << sql;
        EXPECT_EQ(server.statements().size(), 1 + left.size()) << sql;
    }
}

TEST(PoliteSession, TagsAsAServerDoes) {
    for (const auto& [sql, tag] : {std::pair("close c", "CLOSE CURSOR"), std::pair("close all", "CLOSE CURSOR ALL"),
                                   std::pair("deallocate p", "DEALLOCATE"), std::pair("discard all", "DISCARD ALL"),
                                   std::pair("commit prepared 'x'", "COMMIT PREPARED"),
                                   std::pair("rollback prepared 'x'", "ROLLBACK PREPARED")}) {
        const auto server = FakeServer::start(usual());
        EXPECT_EQ(heard(server, Said().query(sql)), Reply().tag(tag).ready().bytes()) << sql;
    }
}

TEST(PoliteSession, BeginsTheNextTransactionWhereItIsToldTo) {
    for (const auto& [sql, tag] :
         {std::pair("commit and chain", "COMMIT"), std::pair("rollback and chain", "ROLLBACK"),
          std::pair("commit work and chain", "COMMIT"), std::pair("end transaction and chain", "COMMIT")}) {
        const auto server = FakeServer::start(usual());
        EXPECT_EQ(heard(server, Said().query("begin").query(sql)),
                  Reply().tag("BEGIN").ready(FakeTransaction::open).tag(tag).ready(FakeTransaction::open).bytes())
            << sql;
    }
}

TEST(PoliteSession, KeepsTheUnnamedStatementWhenAllNamesAreForgotten) {
    const auto server = FakeServer::start(usual());
    const auto discarded = Said()
                               .parse("d", "deallocate all")
                               .parse("", "update t")
                               .bind("d")
                               .execute()
                               .bind("")
                               .execute()
                               .bind("d")
                               .sync();
    EXPECT_EQ(heard(server, discarded), Reply()
                                            .parse_complete()
                                            .parse_complete()
                                            .bind_complete()
                                            .tag("DEALLOCATE ALL")
                                            .bind_complete()
                                            .tag("UPDATE 1")
                                            .error("26000", missing("d"))
                                            .ready()
                                            .bytes());
}

}  // namespace
}  // namespace pg::testing
