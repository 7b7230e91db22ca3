// Servers that talk without an end while they are to answer, and servers that talk while they do not listen: a call
// ends in its time, and what is said meanwhile is taken in, so that neither waits for the other.
#include <atomic>
#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "tests/outcomes_of.hpp"
#include "tests/slowness.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// What a server may say at any time.
struct Chatter {
    const char* name;
    Reply reply;
};
std::vector<Chatter> chatter() {
    const std::string words(500, 'x');
    return {{"notices", Reply().notice(words)},
            {"notifications", Reply().notification(7, "channel", words)},
            {"parameters", Reply().parameter("TimeZone", words)}};
}
/// Some 64 KiB of it.
std::string many_of(const Reply& reply) {
    std::string all;
    while (all.size() < 64 << 10) all += reply.bytes();
    return all;
}

/// Requests of a pipeline, and what was said of each.
class Requests final : public spi::RequestFeed {
public:
    Requests(std::size_t count, std::string_view sql, const spi::Wait& wait)
        : wait_(wait), requests_(count, {.sql = sql}) {}
    std::vector<Expected<Result>> answers{};
    [[nodiscard]] std::size_t taken() const { return next_; }

private:
    const spi::Request* do_next() noexcept override {
        return next_ == requests_.size() ? nullptr : &requests_[next_++];
    }
    void do_answer(Expected<Result>&& outcome) noexcept override { answers.push_back(std::move(outcome)); }
    const spi::Wait* do_given_up() const noexcept override { return wait_.deadline.passed() ? &wait_ : nullptr; }
    spi::Wait do_wait() const noexcept override { return wait_; }

    const spi::Wait wait_;
    std::deque<spi::Request> requests_;
    std::size_t next_ = 0;
};

Expected<void> only_error_of(std::vector<Expected<Result>> outcomes) {
    for (const Expected<Result>& outcome : outcomes)
        if (!outcome) return outcome.error();
    return {};
}
template <class T>
Expected<void> only_error_of(const Expected<T>& outcome) {
    if (!outcome) return outcome.error();
    return {};
}

/// A call that sends a text, or some of them.
struct Call {
    const char* name;
    Expected<void> (*make)(spi::Session& session, std::string_view sql, const spi::Wait& wait);
};

constexpr std::size_t statements = 4;  // of what sends several

Expected<void> run_batch(spi::Session& session, std::string_view sql, spi::BatchSync sync, const spi::Wait& wait) {
    const std::vector<spi::Request> requests(statements, {.sql = sql});
    return only_error_of(pg::testing::outcomes_of(session, requests, sync, wait));
}

const Call calls[] = {
    {"run", [](spi::Session& session, std::string_view sql,
               const spi::Wait& wait) { return only_error_of(session.run({.sql = sql}, wait)); }},
    {"stream",
     [](spi::Session& session, std::string_view sql, const spi::Wait& wait) -> Expected<void> {
         const auto stream = session.stream({.sql = sql}, wait);
         return stream ? only_error_of((*stream)->next(wait)) : only_error_of(stream);
     }},
    {"script",
     [](spi::Session& session, std::string_view sql, const spi::Wait& wait) { return session.run_script(sql, wait); }},
    {"batch_of_each", [](spi::Session& session, std::string_view sql,
                         const spi::Wait& wait) { return run_batch(session, sql, spi::BatchSync::each, wait); }},
    {"atomic_batch", [](spi::Session& session, std::string_view sql,
                        const spi::Wait& wait) { return run_batch(session, sql, spi::BatchSync::once, wait); }},
    {"pipeline",
     [](spi::Session& session, std::string_view sql, const spi::Wait& wait) {
         Requests requests(statements, sql, wait);
         session.run_pipeline(requests);
         EXPECT_EQ(requests.answers.size(), requests.taken());
         return only_error_of(std::move(requests.answers));
     }},
    {"copy_in",
     [](spi::Session& session, std::string_view sql, const spi::Wait& wait) -> Expected<void> {
         const auto copy = session.copy_in("copy t from stdin", soon());
         if (!copy) return copy.error();
         if (auto written = (*copy)->write(sql, wait); !written) return written;
         return only_error_of((*copy)->finish(wait));
     }},
};

/// Answers whatever comes, until the client leaves.
void answer_all(Conversation& client) {
    for (Reply reply;;) {
        const testing::ClientMessage message = client.receive();
        switch (message.kind) {
            case MessageKind::left:
            case MessageKind::terminate: return;
            case MessageKind::parse: reply.parse_complete(); break;
            case MessageKind::bind: reply.bind_complete(); break;
            case MessageKind::describe: reply.no_data(); break;
            case MessageKind::execute: reply.tag("UPDATE 1"); break;
            case MessageKind::query: reply.tag("UPDATE 1"); [[fallthrough]];
            case MessageKind::sync: client.send(std::exchange(reply, {}).ready()); break;
            case MessageKind::flush: client.send(std::exchange(reply, {})); break;
            case MessageKind::copy_done: client.send(Reply().tag("COPY 1").ready()); break;
            default: break;
        }
    }
}

class TalkativeServer : public ::testing::TestWithParam<std::tuple<const char*, Call>> {
protected:
    [[nodiscard]] static std::string_view engine() { return std::get<const char*>(GetParam()); }
    [[nodiscard]] static const Call& call() { return std::get<Call>(GetParam()); }
    /// Waits until the call has begun, of which a COPY is told that it may go on.
    static void begin(Conversation& client) {
        const MessageKind first = client.receive().kind;
        if (first == MessageKind::query && std::string_view(call().name) == "copy_in") client.send(Reply().copy_in(1));
    }
};
INSTANTIATE_TEST_SUITE_P(Calls, TalkativeServer,
                         ::testing::Combine(::testing::Values("direct", "libpq"), ::testing::ValuesIn(calls)),
                         [](const auto& one) {
                             return std::string(std::get<const char*>(one.param)) + "_" +
                                    std::get<Call>(one.param).name;
                         });

TEST_P(TalkativeServer, EndsNoCallLaterThanInItsTime) {
    for (const Chatter& chatter : chatter()) {
        SCOPED_TRACE(chatter.name);
        const auto is_over = std::make_shared<std::atomic<bool>>(false);
        const ScriptedSession session(engine(), [&chatter, is_over](Conversation& client) {
            begin(client);
            const std::string many = many_of(chatter.reply);
            for (const Deadline patience = Deadline::after(30s); !*is_over && !patience.passed();) client.send(many);
        });
        const auto begin = std::chrono::steady_clock::now();
        const Expected<void> told = call().make(*session, "update", in(100ms));
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(100ms));
        *is_over = true;
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().kind(), ErrorKind::timeout) << told.error().what();
        EXPECT_EQ(told.error().outcome(), Outcome::unknown) << told.error().what();
        EXPECT_FALSE(told.error().connection_usable()) << told.error().what();
        EXPECT_FALSE(session->usable());
    }
}

/// More than the sockets hold.
const std::string much = "update" + std::string(1 << 20, ' ');

// Were either of them to wait until the other has taken what it sends, both would.
TEST_P(TalkativeServer, IsListenedToWhileItDoesNotListen) {
    for (const Chatter& chatter : chatter()) {
        SCOPED_TRACE(chatter.name);
        const ScriptedSession session(engine(),
                                      [&chatter](Conversation& client) {
                                          if (std::string_view(call().name) == "copy_in") begin(client);
                                          const std::string many = many_of(chatter.reply);
                                          for (std::size_t sent = 0; sent < much.size(); sent += many.size())
                                              client.send(many);
                                          answer_all(client);
                                      },
                                      {.unix_socket = true});
        const Expected<void> told = call().make(*session, much, soon());
        EXPECT_TRUE(told) << told.error().what();
        EXPECT_TRUE(session->usable());
    }
}

// And does so without an end: nothing of what is sent is ever taken.
TEST_P(TalkativeServer, ThatNeverListensEndsNoCallLaterThanInItsTime) {
    const auto is_over = std::make_shared<std::atomic<bool>>(false);
    const ScriptedSession session(engine(),
                                  [is_over](Conversation& client) {
                                      if (std::string_view(call().name) == "copy_in") begin(client);
                                      const std::string many = many_of(Reply().notice(std::string(500, 'x')));
                                      for (const Deadline patience = Deadline::after(30s);
                                           !*is_over && !patience.passed();)
                                          client.send(many);
                                  },
                                  {.unix_socket = true});
    const auto begin = std::chrono::steady_clock::now();
    const Expected<void> told = call().make(*session, much, in(100ms));
    // libpq itself goes on taking in what comes meanwhile, 2.5 s under AddressSanitizer beside others. Who hangs does
    // so for as long as the server has patience.
    const std::chrono::milliseconds time = engine() == "libpq" ? 4s : 100ms;
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(time));
    *is_over = true;
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().kind(), ErrorKind::timeout) << told.error().what();
    EXPECT_NE(told.error().outcome(), Outcome::applied) << told.error().what();
    EXPECT_FALSE(session->usable());
}

class TalkingToWhoListens : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Engine, TalkingToWhoListens, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(TalkingToWhoListens, OfAnythingElseEndsItsTimeAllTheSame) {
    for (const Reply& reply : {Reply().notice("x"), Reply().parameter("TimeZone", "UTC")}) {
        const auto is_over = std::make_shared<std::atomic<bool>>(false);
        const ScriptedSession session(GetParam(), [&reply, is_over](Conversation& client) {
            const std::string many = many_of(reply);
            for (const Deadline patience = Deadline::after(30s); !*is_over && !patience.passed();) client.send(many);
            answer_all(client);
        });
        const auto begin = std::chrono::steady_clock::now();
        const auto heard = session->wait_notification(in(100ms));
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(100ms));
        ASSERT_TRUE(heard) << heard.error().what();
        EXPECT_FALSE(*heard);
        EXPECT_TRUE(session->usable());
        *is_over = true;
        // Behind some megabytes of that, which under AddressSanitizer took more than ten seconds on a busy machine.
        const Expected<Result> next = session->run({.sql = "update"}, in(100s));
        EXPECT_TRUE(next) << next.error().what();
    }
}

// Whoever reads a COPY gets its pieces; of one without bytes there is nothing to get, and no more time for the next.
TEST_P(TalkingToWhoListens, OfNothingInACopyEndsItsTimeAllTheSame) {
    const auto is_over = std::make_shared<std::atomic<bool>>(false);
    const ScriptedSession session(GetParam(), [is_over](Conversation& client) {
        client.send(take_copy_out(client, GetParam()).copy_data("").copy_data("first\n"));
        const std::string many = many_of(Reply().copy_data(""));
        for (const Deadline patience = Deadline::after(30s); !*is_over && !patience.passed();) client.send(many);
    });
    const auto copy = session->copy_out("copy t to stdout", soon()).value();
    EXPECT_EQ(copy->read(soon()).value(), "first\n");
    const auto begin = std::chrono::steady_clock::now();
    const auto told = copy->read(in(100ms));
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(100ms));
    *is_over = true;
    ASSERT_FALSE(told) << ::testing::PrintToString(*told);
    EXPECT_EQ(told.error().kind(), ErrorKind::timeout) << told.error().what();
    EXPECT_FALSE(session->usable());
}

}  // namespace
}  // namespace pg::libpq
