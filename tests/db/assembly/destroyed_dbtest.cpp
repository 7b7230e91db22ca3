// Frames that are destroyed at every suspension of every awaited verb: no transaction stays open, no statement goes on,
// and the client lends all of its sessions again. AddressSanitizer sees that nothing is left in memory.
#include <set>

#include "tests/db/assembly/destroyed_frames.hpp"

namespace {

using destroyed::When;

class Destroyed : public destroyed::DestroyedTest {};
INSTANTIATE_TEST_SUITE_P(Engine, Destroyed, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(Destroyed, AtEverySuspensionOfEveryAwaitedVerb) {
    for (const frozen::AwaitedVerb& verb : frozen::all_awaited())
        for (const When when : {When::at_once, When::is_answered})
            at_every_turn(
                verb.function, [&](frozen::Line& line, pg::Client& db) { return verb.call(line, db, db.async()); },
                when);
    EXPECT_GE(destroyed(), 6 * static_cast<int>(frozen::all_awaited().size()));
}

TEST_P(Destroyed, WithinWhatTheLoopRunsAtEverySuspensionOfEveryAwaitedVerb) {
    for (const frozen::AwaitedVerb& verb : frozen::all_awaited())
        for (const When when : {When::in_handler, When::by_job})
            at_every_turn(
                verb.function, [&](frozen::Line& line, pg::Client& db) { return verb.call(line, db, db.async()); },
                when);
    EXPECT_GE(destroyed(), 3 * static_cast<int>(frozen::all_awaited().size()));
}

pg::Task<void> on_connection(const frozen::AwaitedExecutorVerb& verb, frozen::Line& line, pg::AsyncClient async) {
    const pg::AsyncConnection connection = co_await async.connection();
    co_await verb.call(line, connection);
}
pg::Task<void> on_transaction(const frozen::AwaitedExecutorVerb& verb, frozen::Line& line, pg::AsyncClient async) {
    const pg::AsyncTransaction transaction = co_await async.begin();
    co_await verb.call(line, transaction);
}

/// In every way in which a frame can be destroyed.
template <class Run>
void of_every_verb(Run run) {
    for (const frozen::AwaitedExecutorVerb& verb : frozen::awaited_executor_verbs())
        for (const When when : {When::at_once, When::is_answered, When::in_handler, When::by_job}) run(verb, when);
}

TEST_P(Destroyed, AtEverySuspensionOfEveryVerbOfAClient) {
    of_every_verb([&](const frozen::AwaitedExecutorVerb& verb, When when) {
        at_every_turn(
            verb.function, [&](frozen::Line& line, pg::Client& db) { return verb.call(line, db.async()); }, when);
    });
}

TEST_P(Destroyed, AtEverySuspensionOfEveryVerbOfAConnection) {
    of_every_verb([&](const frozen::AwaitedExecutorVerb& verb, When when) {
        at_every_turn(
            verb.function, [&](frozen::Line& line, pg::Client& db) { return on_connection(verb, line, db.async()); },
            when);
    });
}

TEST_P(Destroyed, AtEverySuspensionOfEveryVerbOfATransaction) {
    of_every_verb([&](const frozen::AwaitedExecutorVerb& verb, When when) {
        at_every_turn(
            verb.function, [&](frozen::Line& line, pg::Client& db) { return on_transaction(verb, line, db.async()); },
            when);
    });
}

TEST_P(Destroyed, WhileItsSessionIsOpened) {
    // A pipeline may be waited for, a session of its own, and one for a batch.
    const std::set<std::string_view> some{"AsyncExecutor::query", "AsyncExecutor::stream", "AsyncExecutor::run"};
    for (const frozen::AwaitedExecutorVerb& verb : frozen::awaited_executor_verbs())
        if (some.contains(verb.function))
            at_every_turn(
                verb.function, [&](frozen::Line& line, pg::Client& db) { return verb.call(line, db.async()); },
                When::is_new);
    const frozen::AwaitedExecutorVerb& verb = frozen::awaited_executor_verbs().front();
    at_every_turn(
        "the first transaction of a client",
        [&](frozen::Line& line, pg::Client& db) { return on_transaction(verb, line, db.async()); }, When::is_new);
}

}  // namespace
