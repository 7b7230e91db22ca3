// The direct engine between its statements: a session that rests keeps nothing of what it sent or received.
#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>

#include "src/wire/chunk.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// A megabyte of rows.
Reply rows() {
    Reply reply = Reply().parse_complete().bind_complete().columns({{"n", Oid{25}, Format::binary}});
    for (int row = 0; row < 1000; ++row) reply.row({std::string(1024, 'x')});
    return reply;
}

/// Answers the first statement in full, and fails the second one behind its rows.
void answer_and_fail(Conversation& client) {
    client.receive_until(MessageKind::sync);
    client.send(rows().tag("SELECT 1000").ready());
    client.receive_until(MessageKind::sync);
    client.send(rows().error("22012", "division by zero").ready());
    client.ignore();
}

class OneRequest final : public spi::RequestFeed {
public:
    std::optional<Expected<Result>> answer{};

private:
    const spi::Request* do_next() noexcept override { return std::exchange(next_, nullptr); }
    void do_answer(Expected<Result>&& outcome) noexcept override { answer.emplace(std::move(outcome)); }
    const spi::Wait* do_given_up() const noexcept override { return nullptr; }
    spi::Wait do_wait() const noexcept override { return soon(); }

    spi::Request request_{.sql = "select"};
    const spi::Request* next_ = &request_;
};

/// A statement that fails behind a megabyte of rows leaves the pool of chunks as one that does not. What
/// either of them has at its end beside its rows is a chunk or two.
template <class Run>
void expect_nothing_kept(Run run) {
    const ScriptedSession session("direct", answer_and_fail, {.unix_socket = true});
    ASSERT_TRUE(run(*session));
    const std::size_t before = wire::process_chunks().kept();
    EXPECT_GE(before, 10U);
    ASSERT_FALSE(run(*session));
    EXPECT_TRUE(session->usable());
    EXPECT_GE(wire::process_chunks().kept() + 4, before);
}

TEST(DirectRest, KeepsNoRowsOfAStatementThatFailed) {
    expect_nothing_kept([](spi::Session& session) { return session.run({.sql = "select"}, soon()).has_value(); });
}

TEST(DirectRest, KeepsNoRowsOfOneThatFailedInAPipeline) {
    expect_nothing_kept([](spi::Session& session) {
        OneRequest request;
        session.run_pipeline(request);
        return request.answer->has_value();
    });
}

/// What a session is told, and what is done with it then, after which it holds no chunk.
struct Quiet {
    const char* name;
    testing::Script script;
    void (*use)(spi::Session& session);
};

Reply begun() { return Reply().parse_complete().bind_complete().columns({{"n", Oid{25}, Format::binary}}); }
/// Half of a row of a megabyte; the rest of it is sent behind a cancel.
std::string row_of_a_megabyte() { return Reply().row({std::string(1024UL * 1024, 'x')}).bytes(); }
void send_in_halves(Conversation& client, MessageKind until) {
    const std::string row = row_of_a_megabyte();
    client.receive_until(until);
    client.send(begun().raw(row.substr(0, row.size() / 2)));
    if (!client.wait_for_cancel()) return;
    client.send(Reply().raw(row.substr(row.size() / 2)).error("57014", "canceling statement").ready());
    client.ignore();
}

const Quiet quiet[] = {
    {"who listens and hears nothing", [](Conversation& client) { client.ignore(); },
     [](spi::Session& session) {
         EXPECT_FALSE(session.wait_notification({Deadline::at({}), nullptr}).value());
         EXPECT_FALSE(session.wait_notification({Deadline::after(1ms), nullptr}).value());
     }},
    {"whom a pool finds told of a setting",
     [](Conversation& client) {
         client.send(Reply().parameter("search_path", "elsewhere"));
         client.ignore();
     },
     [](spi::Session& session) {
         while (session.parameter("search_path") != "elsewhere") ASSERT_TRUE(session.alive());
     }},
    {"whose time was over", [](Conversation& client) { send_in_halves(client, MessageKind::sync); },
     [](spi::Session& session) {
         EXPECT_EQ(session.run({.sql = "select"}, in(50ms)).error().kind(), ErrorKind::timeout);
     }},
    {"whose result is too large", [](Conversation& client) { send_in_halves(client, MessageKind::sync); },
     [](spi::Session& session) {
         const auto result = session.run({.sql = "select", .max_result_bytes = 100'000}, soon());
         EXPECT_EQ(result.error().kind(), ErrorKind::result_too_large) << "it is told before the row is there";
     }},
    {"whose stream is too large", [](Conversation& client) { send_in_halves(client, MessageKind::sync); },
     [](spi::Session& session) {
         const auto stream = session.stream({.sql = "select", .max_result_bytes = 100'000}, soon());
         EXPECT_EQ(stream.error().kind(), ErrorKind::result_too_large) << "it is told before the row is there";
     }},
    {"whose stream was left",
     [](Conversation& client) {
         client.receive_until(MessageKind::sync);
         client.send(rows());
         if (!client.wait_for_cancel()) return;
         client.send(Reply().error("57014", "canceling statement").ready());
         client.ignore();
     },
     [](spi::Session& session) { EXPECT_TRUE(session.stream({.sql = "select"}, soon()).value()->next(soon())); }},
    {"whose COPY failed while it was written",
     [](Conversation& client) {
         client.receive_until(MessageKind::query);
         client.send(Reply().message('G', std::string_view("\0\0\1\0\0", 5)));
         client.receive_until(MessageKind::copy_data);
         client.send(Reply().error("22P04", "bad copy").ready());
         client.ignore();
     },
     [](spi::Session& session) {
         const auto copy = session.copy_in("copy t from stdin", soon()).value();
         const std::string bytes(100'000, 'x');
         while (copy->write(bytes, soon())) {
         }
     }},
};

void expect_no_chunk_held(const Quiet& one) {
    for (const Deadline patience = Deadline::after(60s); !patience.passed();) {
        const std::size_t before = wire::process_chunks().kept();
        const ScriptedSession session("direct", one.script, {.cancel_requests = CancelRequests::heard});
        one.use(*session);
        if (!session->usable()) continue;  // a busy machine took longer than a moment
        // More than before at most: what one began with, it had lent.
        EXPECT_GE(wire::process_chunks().kept(), before);
        return;
    }
    ADD_FAILURE() << "no session was kept";
}

TEST(DirectRest, HoldsNoChunkHoweverItCameToRest) {
    {  // the pool keeps what this one had
        const ScriptedSession first("direct", answer_and_fail, {.unix_socket = true});
        ASSERT_TRUE(first->run({.sql = "select"}, soon()));
    }
    for (const Quiet& one : quiet) {
        SCOPED_TRACE(one.name);
        ASSERT_NE(wire::process_chunks().kept(), 0U);
        expect_no_chunk_held(one);
    }
}

/// A text that can be taken away: who reads it then ends the process.
class Text {
public:
    explicit Text(std::string_view text) : text_(static_cast<char*>(map()), text.size()) {
        std::copy(text.begin(), text.end(), const_cast<char*>(text_.data()));
    }
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;
    ~Text() { ::munmap(const_cast<char*>(text_.data()), page()); }
    [[nodiscard]] std::string_view view() const { return text_; }
    void take_away() { ASSERT_EQ(::mprotect(const_cast<char*>(text_.data()), page(), PROT_NONE), 0); }

private:
    static std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
    static void* map() { return ::mmap(nullptr, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
    std::string_view text_;
};

// It belongs to whoever ran it, and the session is looked at by its pool.
TEST(DirectRest, ReadsNoTextOfItsLastStatementWhenTheConnectionEnds) {
    ErrorFields farewell{.message = "going down"};
    farewell.severity = "FATAL";
    farewell.sqlstate = "57P01";
    for (const Reply& end : {Reply().error(farewell), Reply().message('q'), Reply().message('E'), Reply()}) {
        ScriptedSession session(
            "direct",
            [&end](Conversation& client) {
                client.receive_until(MessageKind::sync);
                client.send(
                    Reply().parse_complete().bind_complete().no_data().tag("UPDATE 1").ready().raw(end.bytes()));
            },
            {.unix_socket = true});
        Text text("update t set n = 1");
        ASSERT_TRUE(session->run({.sql = text.view()}, soon()));
        text.take_away();
        ASSERT_TRUE(session.server().wait_for_clients(1, Deadline::after(10s)));
        EXPECT_FALSE(session->alive());
        EXPECT_FALSE(session->usable());
    }
}

}  // namespace
}  // namespace pg::libpq
