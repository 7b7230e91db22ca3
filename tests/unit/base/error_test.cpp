// Error: its fields and text, the class each kind is thrown as, and what a SqlState compares with.
#include "pg/error.hpp"

#include <gtest/gtest.h>
#include <string>
#include <type_traits>
#include <utility>

namespace pg {
namespace {

ErrorFields fields_of(ErrorKind kind, std::string message) {
    ErrorFields fields;
    fields.kind = kind;
    fields.message = std::move(message);
    return fields;
}

/// Every kind with the class that it is thrown as.
template <class Visitor>
void for_each_kind(Visitor visit) {
    visit(ErrorKind::usage, std::type_identity<UsageError>());
    visit(ErrorKind::shape, std::type_identity<ShapeError>());
    visit(ErrorKind::encode, std::type_identity<EncodeError>());
    visit(ErrorKind::decode, std::type_identity<DecodeError>());
    visit(ErrorKind::no_rows, std::type_identity<NoRows>());
    visit(ErrorKind::too_many_rows, std::type_identity<TooManyRows>());
    visit(ErrorKind::connect, std::type_identity<ConnectError>());
    visit(ErrorKind::connection_lost, std::type_identity<ConnectionLost>());
    visit(ErrorKind::auth, std::type_identity<AuthError>());
    visit(ErrorKind::tls, std::type_identity<TlsError>());
    visit(ErrorKind::protocol, std::type_identity<ProtocolError>());
    visit(ErrorKind::timeout, std::type_identity<Timeout>());
    visit(ErrorKind::pool_timeout, std::type_identity<PoolTimeout>());
    visit(ErrorKind::cancelled, std::type_identity<Cancelled>());
    visit(ErrorKind::server, std::type_identity<ServerError>());
    visit(ErrorKind::unique_violation, std::type_identity<UniqueViolation>());
    visit(ErrorKind::foreign_key_violation, std::type_identity<ForeignKeyViolation>());
    visit(ErrorKind::check_violation, std::type_identity<CheckViolation>());
    visit(ErrorKind::not_null_violation, std::type_identity<NotNullViolation>());
    visit(ErrorKind::exclusion_violation, std::type_identity<ExclusionViolation>());
    visit(ErrorKind::constraint_violation, std::type_identity<ConstraintViolation>());
    visit(ErrorKind::conflict, std::type_identity<Conflict>());
    visit(ErrorKind::read_only, std::type_identity<ReadOnly>());
    visit(ErrorKind::plan_invalidated, std::type_identity<PlanInvalidated>());
    visit(ErrorKind::commit_unknown, std::type_identity<CommitUnknown>());
    visit(ErrorKind::commit_rolled_back, std::type_identity<CommitRolledBack>());
    visit(ErrorKind::result_too_large, std::type_identity<ResultTooLarge>());
}

template <class Class>
bool is_caught_as(const Error& error) {
    try {
        error.raise();
    } catch (const Class& caught) {
        return caught.kind() == error.kind();
    } catch (const Error&) {
        return false;
    }
}

TEST(Error, IsThrownAsTheClassOfItsKindAndNoneBelow) {
    int kinds = 0;
    for_each_kind([&]<class Class>(ErrorKind kind, std::type_identity<Class>) {
        ++kinds;
        const Error error(fields_of(kind, "it failed"));
        for_each_kind([&]<class Other>(ErrorKind other, std::type_identity<Other>) {
            EXPECT_EQ(is_caught_as<Other>(error), (std::is_base_of_v<Other, Class>))
                << to_string(kind) << " as " << to_string(other);
        });
    });
    EXPECT_EQ(kinds, static_cast<int>(ErrorKind::result_too_large) + 1);
}

TEST(Error, OfAnUnknownKindIsThrownAsItself) {
    const Error error(fields_of(static_cast<ErrorKind>(250), "from the future"));
    EXPECT_THROW(error.raise(), Error);
    EXPECT_EQ(to_string(error.kind()), "?");
}

TEST(Error, CanBeCaughtByTheFamilyOfItsClass) {
    EXPECT_THROW(Error(fields_of(ErrorKind::auth, "")).raise(), ConnectError);
    EXPECT_THROW(Error(fields_of(ErrorKind::pool_timeout, "")).raise(), Timeout);
    EXPECT_THROW(Error(fields_of(ErrorKind::unique_violation, "")).raise(), ConstraintViolation);
    EXPECT_THROW(Error(fields_of(ErrorKind::conflict, "")).raise(), ServerError);
    EXPECT_THROW(Error(fields_of(ErrorKind::shape, "")).raise(), std::runtime_error);
}

TEST(Error, ReadsAsMessageStateDetailAndHint) {
    ErrorFields fields = fields_of(ErrorKind::unique_violation, "duplicate key");
    fields.sqlstate = "23505";
    fields.detail = "key (id)=(1) exists";
    fields.hint = "use another";
    const Error error(std::move(fields));
    EXPECT_STREQ(error.what(), "duplicate key [23505]; detail: key (id)=(1) exists; hint: use another");
    EXPECT_EQ(error.message(), "duplicate key");
}

TEST(Error, GivesEveryField) {
    const Error error({.kind = ErrorKind::server,
                       .outcome = Outcome::unknown,
                       .retry_scope = RetryScope::connect,
                       .connection_usable = false,
                       .sqlstate = "57P01",
                       .position = 7,
                       .message = "message",
                       .severity = "FATAL",
                       .detail = "detail",
                       .hint = "hint",
                       .context = "context",
                       .schema = "schema",
                       .table = "table",
                       .column = "column",
                       .type = "type",
                       .constraint = "constraint",
                       .routine = "routine",
                       .sql = "sql",
                       .node = "node",
                       .engine = "engine"});
    EXPECT_EQ(error.outcome(), Outcome::unknown);
    EXPECT_EQ(error.retry_scope(), RetryScope::connect);
    EXPECT_FALSE(error.connection_usable());
    EXPECT_EQ(error.sqlstate(), "57P01");
    EXPECT_EQ(error.position(), 7u);
    EXPECT_EQ(error.severity(), "FATAL");
    EXPECT_EQ(error.detail(), "detail");
    EXPECT_EQ(error.hint(), "hint");
    EXPECT_EQ(error.context(), "context");
    EXPECT_EQ(error.schema(), "schema");
    EXPECT_EQ(error.table(), "table");
    EXPECT_EQ(error.column(), "column");
    EXPECT_EQ(error.type(), "type");
    EXPECT_EQ(error.constraint(), "constraint");
    EXPECT_EQ(error.routine(), "routine");
    EXPECT_EQ(error.sql(), "sql");
    EXPECT_EQ(error.node(), "node");
    EXPECT_EQ(error.engine(), "engine");
}

TEST(Error, SharesItsFieldsWithItsCopies) {
    const Error error(fields_of(ErrorKind::server, "one"));
    const Error copy = error;  // NOLINT(performance-unnecessary-copy-initialization): the copy is what is tested
    EXPECT_EQ(&copy.fields(), &error.fields());
    EXPECT_TRUE(std::is_nothrow_copy_constructible_v<Error>);
    try {
        error.raise();
    } catch (const ServerError& thrown) {
        EXPECT_EQ(&thrown.fields(), &error.fields());
    }
}

TEST(ErrorWords, NameEveryOutcomeAndScope) {
    EXPECT_EQ(to_string(Outcome::not_sent), "not_sent");
    EXPECT_EQ(to_string(Outcome::not_applied), "not_applied");
    EXPECT_EQ(to_string(Outcome::applied), "applied");
    EXPECT_EQ(to_string(Outcome::unknown), "unknown");
    EXPECT_EQ(to_string(static_cast<Outcome>(99)), "?");
    EXPECT_EQ(to_string(RetryScope::none), "none");
    EXPECT_EQ(to_string(RetryScope::statement), "statement");
    EXPECT_EQ(to_string(RetryScope::transaction), "transaction");
    EXPECT_EQ(to_string(RetryScope::connect), "connect");
    EXPECT_EQ(to_string(RetryScope::after_refresh), "after_refresh");
    EXPECT_EQ(to_string(static_cast<RetryScope>(99)), "?");
}

TEST(ErrorWords, NameEveryKindDifferently) {
    std::string all = " ";
    for_each_kind([&](ErrorKind kind, auto) {
        const std::string word = " " + std::string(to_string(kind)) + " ";
        EXPECT_EQ(all.find(word), std::string::npos) << word;
        all += word;
    });
    EXPECT_EQ(to_string(ErrorKind::result_too_large), "result_too_large");
}

TEST(SqlState, ComparesWithTextAndOtherStates) {
    const SqlState state("23505");
    EXPECT_EQ(state, "23505");
    EXPECT_EQ(state, std::string_view("23505"));
    EXPECT_EQ(state, SqlState("23505"));
    EXPECT_FALSE(state == "23503");
    EXPECT_EQ(state.category(), "23");
    EXPECT_EQ(state.code(), "23505");
}

TEST(SqlState, IsEmptyForAnythingButFiveCharacters) {
    for (const char* text : {"", "2350", "235055"}) {
        EXPECT_TRUE(SqlState(text).empty()) << text;
        EXPECT_EQ(SqlState(text).category(), "");
    }
    EXPECT_TRUE(SqlState().empty());
}

}  // namespace
}  // namespace pg
