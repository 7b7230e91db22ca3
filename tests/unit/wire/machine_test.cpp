// Machine: what a server may say, by what was sent and what it said before.
#include "src/wire/machine.hpp"

#include <initializer_list>
#include <vector>

#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;

namespace {

constexpr ServerType asides[] = {ServerType::notice, ServerType::notification, ServerType::parameter_status};

/// What is said, by its byte: a ReadyForQuery tells of an idle transaction.
Event say(Machine& machine, char type) {
    return machine.accept({static_cast<ServerType>(type), type == 'Z' ? std::string_view("I") : std::string_view()});
}

void send(Machine& machine, std::initializer_list<Sent> sent) {
    for (const Sent one : sent) machine.sent(one);
}

/// A machine that was told all of `sent` and then heard `said`, none of which is a violation.
void hear(Machine& machine, std::initializer_list<Sent> sent, std::string_view said) {
    send(machine, sent);
    for (std::size_t i = 0; i < said.size(); ++i)
        EXPECT_NE(say(machine, said[i]), Event::violation) << said.substr(0, i) << " then " << said[i];
}

/// After `sent` and `said`, `may_follow` are all the kinds of message that are no violation, asides apart.
void expect_then(std::initializer_list<Sent> sent, std::string_view said, std::string_view may_follow) {
    for (const char type : std::string_view("RK23CWdcGHDIEVvnt1sZT")) {
        Machine machine;
        hear(machine, sent, said);
        EXPECT_EQ(say(machine, type) != Event::violation, may_follow.find(type) != std::string_view::npos)
            << said << " then " << type;
    }
}

constexpr Sent parse = Sent::parse, bind = Sent::bind, execute = Sent::execute, sync = Sent::sync, query = Sent::query,
               describe_statement = Sent::describe_statement, describe_portal = Sent::describe_portal,
               close = Sent::close;

TEST(Machine, IsIdleAtFirst) {
    const Machine machine;
    EXPECT_TRUE(machine.idle());
    EXPECT_FALSE(machine.in_rows());
    EXPECT_FALSE(machine.copying_in());
    EXPECT_FALSE(machine.copying_out());
    EXPECT_FALSE(machine.skipping());
    EXPECT_EQ(machine.transaction(), TransactionState::idle);
    EXPECT_FALSE(machine.violation());
}

TEST(Machine, SaysWhatEachMessageMeans) {
    Machine machine;
    send(machine, {parse, describe_statement, bind, describe_portal, execute, execute, execute, close, sync});
    EXPECT_FALSE(machine.idle());
    EXPECT_EQ(say(machine, '1'), Event::progress);
    EXPECT_EQ(say(machine, 't'), Event::parameters);
    EXPECT_EQ(say(machine, 'T'), Event::columns);
    EXPECT_EQ(say(machine, '2'), Event::progress);
    EXPECT_FALSE(machine.in_rows());
    EXPECT_EQ(say(machine, 'n'), Event::no_columns);
    EXPECT_TRUE(machine.in_rows());
    EXPECT_EQ(say(machine, 'D'), Event::row);
    EXPECT_TRUE(machine.in_rows());
    EXPECT_EQ(say(machine, 's'), Event::suspended);
    EXPECT_EQ(say(machine, 'C'), Event::complete);
    EXPECT_EQ(say(machine, 'I'), Event::empty);
    EXPECT_FALSE(machine.in_rows());
    EXPECT_EQ(say(machine, '3'), Event::progress);
    EXPECT_FALSE(machine.idle());
    EXPECT_EQ(say(machine, 'Z'), Event::ready);
    EXPECT_TRUE(machine.idle());
}

// (M1)
TEST(Machine, TakesAnswersInTheOrderOfWhatWasSentOnly) {
    expect_then({}, "", "E");
    expect_then({parse, bind, sync}, "", "1E");
    expect_then({bind, execute, sync}, "", "2E");
    expect_then({describe_statement, sync}, "", "tE");
    expect_then({describe_statement, sync}, "t", "TnE");
    expect_then({describe_portal, sync}, "", "TnE");
    expect_then({execute, sync}, "", "DCIsGHE");
    expect_then({execute, sync}, "D", "DCIsGHE");
    expect_then({execute, sync}, "C", "ZE");
    expect_then({execute, sync}, "I", "ZE");
    expect_then({execute, sync}, "s", "ZE");
    expect_then({close, sync}, "", "3E");
    expect_then({close, sync}, "3", "ZE");
    expect_then({sync}, "Z", "E");
}

// (M1)
TEST(Machine, TakesTheStatementsOfAQueryOneAfterAnother) {
    expect_then({query}, "", "TCIGHE");
    expect_then({query}, "T", "TDCE");
    expect_then({query}, "TD", "TDCE");
    expect_then({query}, "TDC", "TCGHZE");
    expect_then({query}, "C", "TCGHZE");
    expect_then({query}, "CT", "TDCE");
    expect_then({query}, "I", "ZE");
    expect_then({query, query}, "CZ", "TCIGHE");
    Machine machine;
    hear(machine, {query}, "T");
    EXPECT_TRUE(machine.in_rows());
    hear(machine, {}, "DC");
    EXPECT_FALSE(machine.in_rows());
}

// (M2)
TEST(Machine, HearsNothingUpToTheNextSyncThatWasSentAlready) {
    expect_then({parse, bind, describe_portal, execute, sync, parse, sync}, "E", "ZE");
    expect_then({parse, bind, execute, parse, bind, execute, sync, parse, sync}, "12DE", "ZE");
    expect_then({parse, bind, execute, sync, parse, sync}, "EZ", "1E");
    Machine machine;
    hear(machine, {parse, bind, execute, sync, parse, sync}, "E");
    EXPECT_FALSE(machine.skipping());
    EXPECT_FALSE(machine.idle());
}

// (M2)
TEST(Machine, HearsNothingUpToTheNextSyncThatIsSentLater) {
    Machine machine;
    hear(machine, {parse, bind, execute}, "1E");
    EXPECT_TRUE(machine.skipping());
    EXPECT_FALSE(machine.idle());
    send(machine, {parse, describe_statement, bind, describe_portal, execute, close, query});
    EXPECT_TRUE(machine.skipping());
    EXPECT_EQ(say(machine, 'E'), Event::failed) << "one more changes nothing";
    EXPECT_TRUE(machine.skipping());
    machine.sent(sync);
    EXPECT_FALSE(machine.skipping());
    EXPECT_FALSE(machine.idle());
    EXPECT_EQ(say(machine, 'Z'), Event::ready);
    EXPECT_TRUE(machine.idle());
    hear(machine, {parse, sync}, "1Z");
}

// (M2)
TEST(Machine, PassesOverAQueryBehindAFailureLikeAnythingElse) {
    expect_then({parse, query, sync, query}, "E", "ZE");
    expect_then({parse, query, sync, query}, "EZ", "TCIGHE");
    Machine machine;
    hear(machine, {parse, query}, "E");
    EXPECT_TRUE(machine.skipping());
}

// (M2)
TEST(Machine, EndsAFailedQueryWithItsOwnReady) {
    expect_then({query, parse, sync}, "E", "ZE");
    expect_then({query, parse, sync}, "TDE", "ZE");
    expect_then({query, parse, sync}, "CE", "ZE");
    expect_then({query, parse, sync}, "EZ", "1E");
    Machine machine;
    hear(machine, {query}, "E");
    EXPECT_FALSE(machine.skipping());
}

// (M2)
TEST(Machine, TakesTheFailureOfASyncBeforeItsReady) {
    expect_then({execute, sync, parse, sync}, "CE", "ZE");
    expect_then({execute, sync, parse, sync}, "CEZ", "1E");
}

// (M3)
TEST(Machine, TakesOneReadyForEverySync) {
    Machine machine;
    hear(machine, {sync, sync, parse, sync}, "ZZ1Z");
    EXPECT_TRUE(machine.idle());
    EXPECT_EQ(say(machine, 'Z'), Event::violation);
}

// (M3)
TEST(Machine, TakesOneReadyTooManyForNoAnswer) {
    expect_then({query}, "CZ", "E");
    expect_then({query, query}, "CZ", "TCIGHE");
    for (const Sent next : {parse, bind, describe_statement, describe_portal, execute, close, query}) {
        Machine machine;
        hear(machine, {query}, "EZ");
        send(machine, {next, sync});
        EXPECT_EQ(say(machine, 'Z'), Event::violation) << static_cast<int>(next);
    }
}

// (M4)
TEST(Machine, TakesAsidesAtAnyTimeAndIsNotChangedByThem) {
    const std::string_view whole = "12DCZ";
    for (std::size_t moment = 0; moment <= whole.size(); ++moment) {
        Machine machine;
        hear(machine, {parse, bind, execute, sync}, whole.substr(0, moment));
        const bool in_rows = machine.in_rows(), idle = machine.idle();
        for (const ServerType aside : asides) {
            const Event event = machine.accept({aside, "anything"});
            EXPECT_EQ(event, aside == ServerType::notice         ? Event::notice
                             : aside == ServerType::notification ? Event::notification
                                                                 : Event::parameter);
        }
        EXPECT_EQ(machine.in_rows(), in_rows);
        EXPECT_EQ(machine.idle(), idle);
        hear(machine, {}, whole.substr(moment));
        EXPECT_TRUE(machine.idle());
    }
}

// (M4)
TEST(Machine, TakesAsidesWhileItSkipsAndCopies) {
    for (const auto& [said, rest] : {std::pair{"E", ""}, std::pair{"G", "CZ"}, std::pair{"Hd", "dcCZ"}}) {
        Machine machine;
        if (*said == 'E')
            hear(machine, {execute}, said);
        else
            hear(machine, {query}, said);
        for (const ServerType aside : asides) EXPECT_NE(machine.accept({aside, ""}), Event::violation);
        hear(machine, {}, rest);
    }
}

// (M5)
TEST(Machine, KnowsTheTransactionFromReadyAlone) {
    Machine machine;
    for (const auto state : {TransactionState::open, TransactionState::failed, TransactionState::idle}) {
        const TransactionState before = machine.transaction();
        hear(machine, {query, query}, state == TransactionState::failed ? "E" : "C");
        EXPECT_EQ(machine.transaction(), before);
        const char byte = static_cast<char>(state);
        EXPECT_EQ(machine.accept({ServerType::ready, {&byte, 1}}), Event::ready);
        EXPECT_EQ(machine.transaction(), state);
        hear(machine, {}, "C");
        EXPECT_EQ(machine.transaction(), state);
        EXPECT_EQ(machine.accept({ServerType::ready, {&byte, 1}}), Event::ready);
    }
    machine.sent(sync);
    EXPECT_EQ(machine.accept({ServerType::ready, "X"}), Event::violation);
    EXPECT_EQ(machine.transaction(), TransactionState::idle);
}

// (M6)
TEST(Machine, TakesEverythingForAViolationAfterOne) {
    Machine machine;
    hear(machine, {parse, sync}, "");
    EXPECT_EQ(say(machine, '2'), Event::violation);
    EXPECT_STREQ(machine.violation().reason, "an answer out of order");
    for (const char type : std::string_view("1ENASZDCGHdc")) EXPECT_EQ(say(machine, type), Event::violation) << type;
    EXPECT_STREQ(machine.violation().reason, "an answer out of order");
}

TEST(Machine, RefusesWhatNoSessionOfOursIsTold) {
    for (const char type : std::string_view("RKvWV?")) {
        Machine machine;
        hear(machine, {query}, "");
        EXPECT_EQ(say(machine, type), Event::violation) << type;
    }
}

TEST(Machine, TakesAnUnaskedErrorForAFarewell) {
    Machine machine;
    EXPECT_EQ(say(machine, 'E'), Event::failed);
    EXPECT_TRUE(machine.idle());
    EXPECT_FALSE(machine.skipping());
    hear(machine, {query}, "C");
    EXPECT_EQ(say(machine, 'E'), Event::failed) << "behind the last statement, before ReadyForQuery";
}

TEST(Machine, HoldsHoweverManyAnswersAreAwaited) {
    Machine machine;
    for (int round = 0; round < 3; ++round) {
        // Where the ring begins differs each time that it must grow.
        for (int i = 0; i < 5 + 11 * round; ++i) hear(machine, {parse, sync}, "1Z");
        const int many = 10 << (4 * round);
        for (int i = 0; i < many; ++i) send(machine, {bind, describe_statement, execute, sync});
        for (int i = 0; i < many; ++i)
            for (const char type : std::string_view("2tnCZ")) ASSERT_NE(say(machine, type), Event::violation);
        EXPECT_TRUE(machine.idle());
    }
}

TEST(CopyIn, OfAQueryEndsWithItsStatement) {
    expect_then({query}, "G", "CE");
    expect_then({query}, "GC", "TCGHZE");
    expect_then({query}, "GE", "ZE");
    Machine machine;
    machine.sent(query);
    EXPECT_EQ(say(machine, 'G'), Event::copy_in);
    EXPECT_TRUE(machine.copying_in());
    EXPECT_FALSE(machine.in_rows());
    EXPECT_EQ(say(machine, 'C'), Event::complete);
    EXPECT_FALSE(machine.copying_in());
    hear(machine, {}, "GCZ");
    EXPECT_TRUE(machine.idle());
}

TEST(CopyIn, OfAnExecuteEndsWithIt) {
    expect_then({execute}, "G", "CE");
    Machine machine;
    hear(machine, {execute}, "GC");
    EXPECT_TRUE(machine.idle());
    hear(machine, {sync}, "Z");
}

TEST(CopyIn, LosesTheSyncsThatWereSentBeforeIt) {
    for (const int syncs : {1, 2, 40}) {
        Machine machine;
        machine.sent(execute);
        for (int i = 0; i < syncs; ++i) machine.sent(sync);
        hear(machine, {}, "G");
        machine.sent(sync);  // behind CopyDone
        hear(machine, {}, "CZ");
        EXPECT_TRUE(machine.idle());
        EXPECT_EQ(say(machine, 'Z'), Event::violation);
    }
    Machine machine;
    hear(machine, {query, sync}, "GCZ");
    EXPECT_TRUE(machine.idle());
}

TEST(CopyIn, ThatFailsIsPassedOverUpToTheSyncBehindIt) {
    Machine machine;
    hear(machine, {execute, sync}, "GE");
    EXPECT_TRUE(machine.skipping());
    EXPECT_FALSE(machine.copying_in());
    hear(machine, {sync}, "Z");
    EXPECT_TRUE(machine.idle());

    Machine ahead;
    hear(ahead, {execute}, "G");
    hear(ahead, {sync}, "EZ");
    EXPECT_TRUE(ahead.idle());
}

TEST(CopyIn, ThatFailsBeforeAnythingIsReadFindsTheSyncs) {
    for (const int syncs : {0, 1, 2}) {
        Machine machine;
        machine.sent(execute);
        for (int i = 0; i < syncs; ++i) machine.sent(sync);
        hear(machine, {}, "G");
        machine.sent(sync);  // behind CopyFail
        hear(machine, {}, "E");
        machine.find_lost_syncs();
        machine.find_lost_syncs();  // once
        for (int i = 0; i < syncs; ++i) {
            EXPECT_EQ(say(machine, 'Z'), Event::ready);
            EXPECT_FALSE(machine.idle());
        }
        EXPECT_EQ(say(machine, 'Z'), Event::ready);
        EXPECT_TRUE(machine.idle());
    }
    Machine again;
    hear(again, {execute, sync}, "G");
    hear(again, {sync}, "EZ");
    hear(again, {query}, "GE");
    again.find_lost_syncs();
    hear(again, {}, "Z");
    EXPECT_TRUE(again.idle()) << "those of another COPY";
}

TEST(CopyIn, ThatFailsBeforeItBeginsLeavesTheSync) { expect_then({execute, sync}, "E", "ZE"); }

TEST(CopyOut, OfAQueryHasItsBytesAndTwoEnds) {
    expect_then({query}, "H", "dcE");
    expect_then({query}, "Hd", "dcE");
    expect_then({query}, "Hdc", "CE");
    expect_then({query}, "HcC", "TCGHZE");
    expect_then({query}, "HdE", "ZE");
    expect_then({query}, "HdcE", "ZE");
    Machine machine;
    machine.sent(query);
    EXPECT_EQ(say(machine, 'H'), Event::copy_out);
    EXPECT_TRUE(machine.copying_out());
    EXPECT_FALSE(machine.in_rows());
    EXPECT_EQ(say(machine, 'd'), Event::copy_data);
    EXPECT_EQ(say(machine, 'c'), Event::copy_done);
    EXPECT_FALSE(machine.copying_out());
    EXPECT_FALSE(machine.in_rows());
    EXPECT_EQ(say(machine, 'C'), Event::complete);
    EXPECT_EQ(say(machine, 'Z'), Event::ready);
    EXPECT_TRUE(machine.idle());
}

TEST(CopyOut, OfAnExecuteKeepsItsSync) {
    expect_then({execute, sync}, "H", "dcE");
    expect_then({execute, sync}, "Hddc", "CE");
    expect_then({execute, sync}, "HcC", "ZE");
    expect_then({execute, execute, sync}, "HdE", "ZE");
    Machine machine;
    hear(machine, {execute}, "HdE");
    EXPECT_TRUE(machine.skipping());
}

TEST(Copy, IsNothingThatNobodyAskedFor) {
    for (const char type : std::string_view("GHdc")) {
        Machine idle, parsing, ready;
        hear(parsing, {parse}, "");
        hear(ready, {sync}, "");
        for (Machine* machine : {&idle, &parsing, &ready}) EXPECT_EQ(say(*machine, type), Event::violation) << type;
    }
}

TEST(Machine, AwaitsAnExecutionAsItsThreeMessages) {
    for (const bool with_sync : {true, false}) {
        Machine one_by_one, at_once;
        send(one_by_one, {bind, execute});
        if (with_sync) send(one_by_one, {sync});
        at_once.sent_execution(with_sync);
        for (Machine* machine : {&one_by_one, &at_once}) {
            EXPECT_TRUE(machine->awaits_execution(false));
            EXPECT_EQ(machine->awaits_execution(true), with_sync);
            EXPECT_EQ(say(*machine, '2'), Event::progress);
            EXPECT_FALSE(machine->awaits_execution(false)) << "some of it was answered";
            EXPECT_EQ(say(*machine, 'C'), Event::complete);
            if (with_sync) {
                EXPECT_EQ(say(*machine, 'Z'), Event::ready);
            }
            EXPECT_TRUE(machine->idle());
        }
    }
}

TEST(Machine, IsToldThatAnExecutionWasAnsweredWell) {
    Machine machine;
    machine.sent_execution(false);
    machine.sent_execution(true);
    ASSERT_TRUE(machine.awaits_execution(false));
    machine.answered_execution();
    ASSERT_TRUE(machine.awaits_execution(true));
    machine.answered_execution(TransactionState::open);
    EXPECT_TRUE(machine.idle());
    EXPECT_EQ(machine.transaction(), TransactionState::open);
}

TEST(Machine, AwaitsNoExecutionWhereSomethingElseIsToBeAnswered) {
    const auto awaits = [](std::initializer_list<Sent> sent) {
        Machine machine;
        send(machine, sent);
        return machine.awaits_execution(true);
    };
    EXPECT_FALSE(awaits({}));
    EXPECT_FALSE(awaits({parse, bind, execute, sync}));
    EXPECT_FALSE(awaits({bind, describe_portal, execute, sync}));
    EXPECT_FALSE(awaits({bind, execute, close, sync}));
    EXPECT_FALSE(awaits({query}));
    EXPECT_TRUE(awaits({bind, execute, sync, query}));
    Machine violated;
    violated.sent_execution(true);
    EXPECT_EQ(say(violated, 'T'), Event::violation);
    EXPECT_FALSE(violated.awaits_execution(true));
}

TEST(Machine, KeepsManyExecutionsInOrder) {
    Machine machine;
    for (int i = 0; i < 1000; ++i) machine.sent_execution(i % 3 != 0);
    machine.sent(sync);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(machine.awaits_execution(true), i % 3 != 0 || i == 999) << i;
        ASSERT_TRUE(machine.awaits_execution(false));
        EXPECT_EQ(say(machine, '2'), Event::progress);
        EXPECT_EQ(say(machine, 'C'), Event::complete);
        if (i % 3 != 0) {
            EXPECT_EQ(say(machine, 'Z'), Event::ready);
        }
    }
    EXPECT_EQ(say(machine, 'Z'), Event::ready);
    EXPECT_TRUE(machine.idle());
}

TEST(Machine, IsNotToAnswerAnExecutionBehindAFailureWithoutItsSync) {
    Machine machine;
    hear(machine, {bind, execute}, "E");
    machine.sent_execution(false);
    EXPECT_TRUE(machine.skipping());
    machine.sent_execution(true);
    EXPECT_FALSE(machine.awaits_execution(true)) << "it stands before the Sync";
    EXPECT_EQ(say(machine, 'Z'), Event::ready);
    EXPECT_TRUE(machine.idle());
}

}  // namespace
