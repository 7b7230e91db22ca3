// What observers are told of an awaited call that gets no session: the same as of a blocking one.
#include <gtest/gtest.h>
#include <stop_token>

#include "fake_session.hpp"
#include "pg/async.hpp"
#include "pg/async_copy.hpp"
#include "pg/connection.hpp"
#include "pg/stop.hpp"
#include "tests/recording_observer.hpp"

namespace {

using fake::Lines;

/// Says whether each request was told of as one around the wait for its session.
class Spans final : public pg::spi::Observer {
public:
    std::vector<bool> around;

private:
    void on_acquire(const pg::spi::AcquireEvent& event) noexcept override {
        began_ = event.began;
        ended_ = event.began + event.duration;
    }
    void on_request(const pg::spi::RequestEvent& event) noexcept override {
        around.push_back(event.began <= began_ && event.began + event.duration >= ended_);
    }
    pg::spi::Moment began_, ended_;
};

/// Answers with errors alone.
template <class T>
std::string message(const pg::Expected<T>& answer) {
    return answer ? "none" : std::string(answer.error().message());
}

pg::Batch two_statements(pg::Batch batch) {
    batch.exec("delete from t where a = $1", 1);
    batch.exec("delete from u");
    return batch;
}

/// A verb, both ways; each gives the message of its error.
struct Verb {
    const char* name;
    std::string (*blocking)(pg::Client& client, pg::Executor& labelled);
    std::string (*awaited)(const pg::AsyncClient& client, const pg::AsyncExecutor& labelled);

    friend void PrintTo(const Verb& verb, std::ostream* out) { *out << verb.name; }
};

const Verb verbs[] = {
    {"Query", [](pg::Client&, pg::Executor& on) { return message(on.try_query("select 1")); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) { return message(on.try_query("select 1").get()); }},
    {"Exec", [](pg::Client&, pg::Executor& on) { return message(on.try_exec("delete from t")); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) { return message(on.try_exec("delete from t").get()); }},
    {"Begin", [](pg::Client& client, pg::Executor&) { return message(client.try_begin()); },
     [](const pg::AsyncClient& client, const pg::AsyncExecutor&) { return message(client.try_begin().get()); }},
    {"BeginOfItsOwn",
     [](pg::Client& client, pg::Executor&) {
         return message(client.try_begin({.access = pg::Access::read_only, .timeout = std::chrono::hours(1)}));
     },
     [](const pg::AsyncClient& client, const pg::AsyncExecutor&) {
         return message(client.try_begin({.access = pg::Access::read_only, .timeout = std::chrono::hours(1)}).get());
     }},
    {"Stream", [](pg::Client&, pg::Executor& on) { return message(on.try_stream<int>("select $1", 1)); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         return message(on.try_stream<int>("select $1", 1).get());
     }},
    {"StreamOfABadText",
     [](pg::Client&, pg::Executor& on) { return message(on.try_stream<int>(pg::runtime("select 1; select 2"))); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         return message(on.try_stream<int>(pg::runtime("select 1; select 2")).get());
     }},
    {"Batch", [](pg::Client&, pg::Executor& on) { return message(two_statements(pg::Batch(on)).try_run()); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         pg::Batch batch = two_statements(on.batch());
         return message(on.try_run(batch).get());
     }},
    {"Script", [](pg::Client&, pg::Executor& on) { return message(on.try_run_script("select 1; select 2")); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         return message(on.try_run_script("select 1; select 2").get());
     }},
    {"CopyIn", [](pg::Client&, pg::Executor& on) { return message(pg::CopyIn<int>::try_open(on, "t (a)")); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         return message(pg::AsyncCopyIn<int>::try_open(on, "t (a)").get());
     }},
    {"CopyOut", [](pg::Client&, pg::Executor& on) { return message(pg::CopyOut<int>::try_open(on, "(table t)")); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         return message(pg::AsyncCopyOut<int>::try_open(on, "(table t)").get());
     }},
    {"CopyWriter",
     [](pg::Client&, pg::Executor& on) { return message(pg::CopyWriter::try_open(on, "copy t from stdin")); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         return message(pg::AsyncCopyWriter::try_open(on, "copy t from stdin").get());
     }},
    {"CopyReader",
     [](pg::Client&, pg::Executor& on) { return message(pg::CopyReader::try_open(on, "copy t to stdout")); },
     [](const pg::AsyncClient&, const pg::AsyncExecutor& on) {
         return message(pg::AsyncCopyReader::try_open(on, "copy t to stdout").get());
     }},
};

/// Where nobody lets a session in.
class NoSession : public testing::TestWithParam<Verb> {
protected:
    struct Told {
        Lines lines;
        std::vector<bool> around;
        std::string message;
        bool operator==(const Told&) const = default;
    };
    /// What `work(client)` is told as, on a database of its own: its server has said nothing to anybody yet.
    template <class Work>
    static Told told_of(Work work) {
        const auto lines = std::make_shared<RecordingObserver>();
        const auto spans = std::make_shared<Spans>();
        const std::vector<std::shared_ptr<pg::spi::Observer>> both{lines, spans};
        pg::detail::Hooks hooks = *pg::detail::make_hooks(&both, nullptr);
        hooks.tenant = "acme";
        fake::Database db{1, std::make_shared<pg::detail::Hooks>(std::move(hooks))};
        db.server->refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect, .message = "nobody is there"});
        const std::string message = work(db.client);
        EXPECT_TRUE(lines->durations_add_up());
        return {lines->take(), spans->around, message};
    }
};

TEST_P(NoSession, IsToldOfAnAwaitedCallAsOfABlockingOne) {
    const Told blocking = told_of([](pg::Client& client) {
        pg::Tuned labelled = client.with({.label = "daily"});
        return GetParam().blocking(client, labelled);
    });
    const Told awaited = told_of([](pg::Client& client) {
        const pg::AsyncClient async = client.async();
        return GetParam().awaited(async, async.with({.label = "daily"}));
    });
    EXPECT_EQ(awaited.message, blocking.message);
    const std::string name = GetParam().name;
    if (name == "StreamOfABadText") {  // an awaited call has asked for a session by then
        Lines lines = awaited.lines;
        std::erase_if(lines, [](const std::string& line) { return line.find("nnect") != std::string::npos; });
        EXPECT_EQ(lines, blocking.lines);
        return;
    }
    EXPECT_EQ(awaited.lines, blocking.lines);
    EXPECT_EQ(awaited.around, std::vector<bool>{true});
    EXPECT_EQ(blocking.around, std::vector<bool>{true});
    ASSERT_EQ(blocking.lines.size(), 6u);
    EXPECT_NE(blocking.lines[4].find("for acme on no, 0 rows"), std::string::npos) << blocking.lines[4];
}

TEST_P(NoSession, IsNoReasonToTellOfACallTwice) {
    const Told told = told_of([](pg::Client& client) {
        client.close();
        const pg::AsyncClient async = client.async();
        return GetParam().awaited(async, async);
    });
    EXPECT_EQ(told.around.size(), 1u);
}

TEST(NoTurn, IsToldOfAsNoSessionIs) {
    const auto lines = std::make_shared<RecordingObserver>();
    fake::Database db{1, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.observer = lines})};
    db.server->reactor = db.provider->reactor();
    const pg::AsyncClient async = db.client.async();
    const pg::AsyncConnection connection = async.connection().get();
    std::stop_source source;
    source.request_stop();
    const pg::StopToken stop(source.get_token());
    static_cast<void>(lines->take());
    EXPECT_FALSE(connection.try_begin({.stop = &stop}).get());
    EXPECT_EQ(lines->take(),
              (Lines{"begin begin on no, 0 rows: cancelled not_sent", "error in begin begin: cancelled not_sent"}));
    for (const Verb& verb : verbs) {
        if (std::string_view(verb.name).starts_with("Begin")) continue;  // that of a client
        verb.awaited(async, connection.with({.stop = &stop}));
        const Lines told = lines->take();
        ASSERT_EQ(told.size(), 2u) << verb.name;
        EXPECT_TRUE(told[0].ends_with("not_sent") && told[1].starts_with("error in ")) << told[0];
    }
}

TEST(BatchWithoutSession, WaitsForAnotherRun) {
    std::stop_source source;
    source.request_stop();
    const pg::StopToken stop(source.get_token());
    for (const bool is_observed : {true, false}) {
        const auto lines = std::make_shared<RecordingObserver>();
        const auto hooks = std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.observer = lines});
        fake::Database db{1, is_observed ? hooks : nullptr};
        db.server->reactor = db.provider->reactor();
        const pg::AsyncClient async = db.client.async();
        pg::Batch batch = async.batch();
        EXPECT_FALSE(async.with({.stop = &stop}).try_run(batch).get());
        EXPECT_EQ(lines->take(), Lines()) << "there is nothing in it";
        const auto deleted = batch.exec("delete from t");
        EXPECT_FALSE(async.with({.stop = &stop}).try_run(batch).get());
        EXPECT_EQ(lines->take("batch").size(), is_observed ? 1u : 0u);
        async.run(batch).get();
        EXPECT_EQ(deleted.get(), 0u);
    }
}

/// An observed database whose calls can be awaited.
struct Labelled : testing::Test {
    Labelled() { db.server->reactor = db.provider->reactor(); }

    std::shared_ptr<RecordingObserver> heard = std::make_shared<RecordingObserver>();
    fake::Database db{1, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.observer = heard})};
    pg::AsyncClient async = db.client.async();
    std::string label = "daily";
};

TEST_F(Labelled, CallsKeepALabelThatGoesBeforeTheirEnd) {
    const pg::AsyncConnection connection = async.connection().get();
    auto call = connection.with({.label = label}).try_exec("delete from u");
    label = "wrong";
    EXPECT_TRUE(std::move(call).get());
    EXPECT_EQ(heard->take("exec"), Lines{"exec delete from u as daily on fake, 0 rows"});
}

TEST_F(Labelled, StreamsAndCopiesKeepALabelThatGoesBeforeTheirEnd) {
    const pg::AsyncExecutor labelled = async.with({.label = label});
    db.server->answer("select n", fake::rows({{"n", 23}}));
    db.server->chunks.emplace_back(fake::rows({{"n", 23}}, {{"1"}}));
    {
        const auto stream = labelled.stream<int>("select n").get();
        label = "wrong";
    }
    EXPECT_EQ(heard->take("stream"), Lines{"stream select n as daily on fake, 1 rows"});
    label = "daily";
    {
        const auto copy = pg::AsyncCopyWriter::open(labelled, "copy t from stdin").get();
        label = "wrong";
    }
    EXPECT_EQ(heard->take("copy_in"), Lines{"copy_in copy t from stdin as daily on fake, 0 rows"});
}

INSTANTIATE_TEST_SUITE_P(Verb, NoSession, testing::ValuesIn(verbs),
                         [](const auto& verb) { return std::string(verb.param.name); });

}  // namespace
