// Streams: all rows, in bounded memory, and a session that is usable again however the stream ends.
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

TEST(Stream, GivesAllRowsInOrderAndTheTagAtTheEnd) {
    const auto session = open_session();
    const auto stream = session->stream({.sql = "select n from generate_series(1, 20000) n"}, soon()).value();
    std::int32_t expected = 1;
    for (;;) {
        const Result chunk = stream->next(soon()).value();
        ASSERT_EQ(chunk.columns()[0].name, "n");
        if (chunk.empty()) {
            EXPECT_EQ(chunk.tag(), "SELECT 20000");
            break;
        }
        for (std::size_t row = 0; row < chunk.size(); ++row)
            ASSERT_EQ(detail::load_big_endian<std::int32_t>(bytes_of(chunk, 0, row).data()), expected++);
    }
    EXPECT_EQ(expected, 20001);
    EXPECT_EQ(stream->next(soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Stream, KeepsChunksApartFromTheirStream) {
    const auto session = open_session();
    auto stream = session->stream({.sql = "select 'kept'::text as word"}, soon()).value();
    const Result chunk = stream->next(soon()).value();
    stream.reset();
    EXPECT_EQ(bytes_of(chunk, 0), "kept");
    EXPECT_EQ(chunk.columns()[0].name, "word");
}

TEST(Stream, HoldsNoMoreThanAChunk) {
    const auto session = open_session();
    const auto stream =
        session->stream({.sql = "select repeat('x', 10000) from generate_series(1, 3000)"}, soon()).value();
    std::size_t rows = 0;
    for (Result chunk = stream->next(soon()).value(); !chunk.empty(); chunk = stream->next(soon()).value()) {
        EXPECT_LE(chunk.size(), 64u);
        rows += chunk.size();
    }
    EXPECT_EQ(rows, 3000u);
}

TEST(Stream, HandsOutRowsThatAreThereWhileOthersTakeTime) {
    const auto session = open_session();
    // The first rows fill the server's send buffer, so they leave it before it sleeps.
    const auto stream = session->stream({.sql = "select repeat('x', 9000) from generate_series(1, 64) "
                                                "union all select 'late' from pg_sleep(60)"},
                                        soon());
    ASSERT_TRUE(stream);
    EXPECT_GE((*stream)->next(soon()).value().size(), 1u);
}

TEST(Stream, KeepsTheSessionToItselfUntilItGoes) {
    until_kept(testing::shared_server().conninfo(), [](spi::Session& session) {
        EXPECT_TRUE(run(session, "begin"));
        {
            const auto stream = session.stream({.sql = "select generate_series(1, 1000000)"}, soon()).value();
            EXPECT_EQ(session.transaction_status(), spi::TransactionStatus::open);
            const Expected<Result> busy = run(session, "select 1");
            EXPECT_EQ(busy ? ErrorKind() : busy.error().kind(), ErrorKind::usage);
            EXPECT_TRUE(busy || busy.error().connection_usable());
        }
        if (!session.usable()) return false;
        EXPECT_EQ(session.transaction_status(), spi::TransactionStatus::failed);
        EXPECT_TRUE(run(session, "rollback"));
        return true;
    });
}

TEST(Stream, ReportsAnErrorAtTheRowWhereItHappened) {
    const auto session = open_session();
    auto stream = session->stream({.sql = "select 1000 / (500 - n) from generate_series(1, 1000) n"}, soon()).value();
    std::size_t rows = 0;
    for (;;) {
        const Expected<Result> chunk = stream->next(soon());
        if (!chunk) {
            EXPECT_EQ(chunk.error().sqlstate(), "22012");
            break;
        }
        ASSERT_FALSE(chunk->empty());
        rows += chunk->size();
    }
    EXPECT_EQ(rows, 499u);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Stream, OfAWrongStatementIsAnErrorAtOnce) {
    const auto session = open_session();
    EXPECT_EQ(session->stream({.sql = "select nothing"}, soon()).error().sqlstate(), "42703");
    EXPECT_EQ(session->stream({.sql = "copy pg_class to stdout"}, soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Stream, OfACommandHasNoRows) {
    const auto session = open_session();
    const auto stream = session->stream({.sql = "set work_mem = '1MB'"}, soon()).value();
    const Result end = stream->next(soon()).value();
    EXPECT_TRUE(end.empty());
    EXPECT_EQ(end.tag(), "SET");
}

TEST(Stream, GivesUpWhatIsLargerThanItsLimit) {
    const spi::Request request{.sql = "select repeat('x', 1000) from generate_series(1, 10000000)",
                               .max_result_bytes = 200000};
    until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
        const auto stream = session.stream(request, soon()).value();
        std::size_t bytes = 0;
        Expected<Result> chunk = stream->next(soon());
        for (; chunk; chunk = stream->next(soon())) bytes += chunk->size() * 1000;
        EXPECT_EQ(chunk.error().kind(), ErrorKind::result_too_large);
        EXPECT_LE(bytes, 200000u + 32 * 1000u);  // what was too much comes before the error: a row, or a chunk
        return session.usable();
    });
}

TEST(Stream, FallsBackToTextForAColumnWithoutBinaryForm) {
    const auto session = open_session();
    const auto stream =
        session->stream({.sql = "select relacl from pg_class where relacl is not null"}, soon()).value();
    const Result rows = stream->next(soon()).value();
    EXPECT_EQ(rows.columns()[0].type.format, Format::text);
}

}  // namespace
}  // namespace pg::libpq
