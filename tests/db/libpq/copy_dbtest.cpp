// COPY in both directions and both formats.
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

std::string read_all(spi::CopyOut& copy, std::size_t& pieces) {
    std::string bytes;
    for (pieces = 0;; ++pieces) {
        const auto piece = copy.read(soon()).value();
        if (!piece) return bytes;
        bytes += *piece;
    }
}

TEST(CopyIn, CopiesRowsInText) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int, word text)"));
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    EXPECT_EQ(copy->columns(), 2u);
    ASSERT_TRUE(copy->write("1\tone\n2\t", soon()));
    ASSERT_TRUE(copy->write("two\n", soon()));
    EXPECT_EQ(copy->finish(soon()).value(), 2u);
    EXPECT_EQ(text_of(*session, "select string_agg(word, ' ' order by n) from t"), "one two");
    EXPECT_EQ(copy->finish(soon()).error().kind(), ErrorKind::usage);
}

TEST(CopyIn, TakesBackInBinaryWhatCopyOutGave) {
    const auto session = open_session();
    ASSERT_TRUE(
        run(*session, "create temp table t as select n, repeat('x', n) as word from generate_series(1, 500) n"));
    std::size_t pieces = 0;
    std::string bytes;
    {
        const auto copy = session->copy_out("copy t to stdout (format binary)", soon()).value();
        bytes = read_all(*copy, pieces);
    }
    EXPECT_GE(pieces, 500u);
    ASSERT_TRUE(run(*session, "create temp table u (like t)"));
    const auto copy = session->copy_in("copy u from stdin (format binary)", soon()).value();
    ASSERT_TRUE(copy->write(bytes, soon()));
    EXPECT_EQ(copy->finish(soon()).value(), 500u);
    EXPECT_EQ(text_of(*session, "select count(*) from t join u using (n, word)"), "500");
}

TEST(CopyIn, TakesMoreThanAnyBufferHolds) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (line text)"));
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    std::string lines;
    for (int i = 0; i < 20000; ++i) lines += "a line of some length that repeats itself\n";
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(copy->write(lines, soon()));
    EXPECT_EQ(copy->finish(soon()).value(), 200000u);
}

TEST(CopyIn, ReportsABadRowAtItsEndAndCopiesNothing) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    ASSERT_TRUE(copy->write("1\nnot a number\n", soon()));
    const auto done = copy->finish(soon());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().sqlstate(), "22P02");
    EXPECT_NE(done.error().context().find("line 2"), std::string_view::npos);
    EXPECT_EQ(text_of(*session, "select count(*) from t"), "0");
}

TEST(CopyIn, CopiesNothingWhenItFailsOrGoes) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    {
        const auto copy = session->copy_in("copy t from stdin", soon()).value();
        ASSERT_TRUE(copy->write("1\n", soon()));
        EXPECT_EQ(run(*session, "select 1").error().kind(), ErrorKind::usage);
        ASSERT_TRUE(copy->fail("no more", soon()));
    }
    {
        const auto copy = session->copy_in("copy t from stdin", soon()).value();
        ASSERT_TRUE(copy->write("1\n", soon()));
    }
    EXPECT_EQ(text_of(*session, "select count(*) from t"), "0");
}

TEST(CopyIn, FailsForAReasonThatIsLongOrNoText) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    std::string long_one;
    while (long_one.size() < 20'000) long_one += "\xe2\x82\xac";
    for (const std::string& reason : {long_one, std::string(20'000, 'x'), std::string("\xff"), std::string("\xc3"),
                                      std::string("\xed\xa0\x80"), std::string("\xc0\x80"), std::string("a\0b", 3)}) {
        const auto copy = session->copy_in("copy t from stdin", soon()).value();
        ASSERT_TRUE(copy->write("1\n", soon()));
        const auto failed = copy->fail(reason, soon());
        EXPECT_TRUE(failed) << failed.error().what();
        EXPECT_EQ(text_of(*session, "select count(*) from t"), "0");
    }
}

/// Holds a lock that every row of `blocked` waits for: the server takes what is copied no further, and reads no more.
class BlockedTable {
public:
    BlockedTable() {
        holder_
            ->run_script(
                "create or replace function wait_for_lock() returns trigger language plpgsql as "
                "$$ begin perform pg_advisory_xact_lock(4711); return new; end $$;"
                "create table if not exists blocked (n int);"
                "create or replace trigger waits before insert on blocked for each row execute function "
                "wait_for_lock();"
                "select pg_advisory_lock(4711)",
                soon())
            .value();
    }

    [[nodiscard]] std::unique_ptr<spi::CopyIn> copy_into(spi::Session& session) const {
        auto copy = session.copy_in("copy blocked from stdin", soon()).value();
        EXPECT_TRUE(copy->write("1\n", soon()));
        return copy;
    }
    /// The session is of that process, and has been heard of since, so what it says of itself is of now.
    [[nodiscard]] std::string state_of(int process) const {
        return text_of(*holder_, "select coalesce((select state from pg_stat_activity where pid = " +
                                     std::to_string(process) + "), 'gone')");
    }

private:
    std::unique_ptr<spi::Session> holder_ = open_session();
};

TEST(CopyIn, IsCancelledWhenItsDeadlinePassesBehindALock) {
    const BlockedTable table;
    until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
        const auto copy = table.copy_into(session);
        const auto done = within(100ms, [&] { return copy->finish(in(100ms)); });
        EXPECT_EQ(done.error().kind(), ErrorKind::timeout) << done.error().what();
        if (!session.usable()) return false;
        EXPECT_EQ(done.error().outcome(), Outcome::not_applied);
        EXPECT_EQ(text_of(session, "select count(*) from blocked"), "0");
        EXPECT_EQ(table.state_of(session.backend_process()), "idle");
        return true;
    });
}

TEST(CopyIn, IsCancelledWhenAWriteIsGivenUpBehindALock) {
    const BlockedTable table;
    const std::string lines(1 << 20, '\n');
    until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
        const auto copy = table.copy_into(session);
        const Expected<void> written = within(100ms, [&] {
            const spi::Wait wait = in(100ms);
            Expected<void> done = copy->write(lines, wait);
            while (done) done = copy->write(lines, wait);
            return done;
        });
        EXPECT_EQ(written.error().kind(), ErrorKind::timeout) << written.error().what();
        if (!session.usable()) return false;
        EXPECT_EQ(table.state_of(session.backend_process()), "idle");
        return true;
    });
}

TEST(CopyIn, IsCancelledWhenItGoesBehindALock) {
    const BlockedTable table;
    until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
        within(2000ms, [&] { table.copy_into(session).reset(); });
        if (!session.usable()) return false;
        EXPECT_EQ(text_of(session, "select count(*) from blocked"), "0");
        EXPECT_EQ(table.state_of(session.backend_process()), "idle");
        return true;
    });
}

TEST(CopyIn, RefusesWhatIsNoCopyFromStdin) {
    const auto session = open_session();
    EXPECT_EQ(session->copy_in("select 1", soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(session->copy_in("select 1", soon()).error().outcome(), Outcome::applied);
    EXPECT_EQ(session->copy_in("copy pg_class to stdout", soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(session->copy_in("copy nothing from stdin", soon()).error().sqlstate(), "42P01");
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(CopyOut, GivesARowAPiece) {
    const auto session = open_session();
    const auto copy = session->copy_out("copy (select n from generate_series(1, 3) n) to stdout", soon()).value();
    EXPECT_EQ(copy->read(soon()).value(), "1\n");
    std::size_t pieces = 0;
    EXPECT_EQ(read_all(*copy, pieces), "2\n3\n");
    EXPECT_EQ(pieces, 2u);
    EXPECT_FALSE(copy->read(soon()).value());
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(CopyOut, ReportsAnErrorInTheMiddle) {
    const auto session = open_session();
    const auto copy =
        session->copy_out("copy (select 1 / (500 - n) from generate_series(1, 1000) n) to stdout", soon()).value();
    auto piece = copy->read(soon());
    while (piece && *piece) piece = copy->read(soon());
    ASSERT_FALSE(piece);
    EXPECT_EQ(piece.error().sqlstate(), "22012");
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(CopyOut, LeavesTheSessionUsableWhenItGoesEarly) {
    until_kept(testing::shared_server().conninfo(), [](spi::Session& session) {
        {
            const auto copy = session.copy_out("copy (select generate_series(1, 10000000)) to stdout", soon()).value();
            EXPECT_TRUE(copy->read(soon()).value());
        }
        return session.usable();
    });
}

TEST(CopyOut, RefusesWhatIsNoCopyToStdout) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    EXPECT_EQ(session->copy_out("select 1", soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(session->copy_out("copy t from stdin", soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

}  // namespace
}  // namespace pg::libpq
