// The examples on a database of somebody else's: they leave it as it was, whatever its tables are called.
#include <cstdlib>
#include <gtest/gtest.h>
#include <pg/client.hpp>
#include <pg/testing/test_server.hpp>

#include "examples/example.hpp"

namespace {

/// A database where an ordinary role has tables and types with the names that examples like.
std::string strangers_database() {
    pg::testing::TestServer& server = pg::testing::shared_server();
    const std::string superuser = server.create_database("examples");
    pg::connect(superuser).run_script(
        "create role stranger login; grant create on database examples to stranger;"
        "grant create on schema public to stranger");
    const std::string conninfo = superuser + " user=stranger options='-c work_mem=1234kB'";
    pg::connect(conninfo).run_script(
        "create table users (precious int); create table orders (precious int); create table accounts (precious int);"
        "create table points (precious int); create table tags (precious int); create table invoices (precious int);"
        "create type mood as enum ('precious'); create type address as (precious int)");
    return conninfo;
}

/// All that the database holds, by name and oid.
std::vector<std::string> contents(pg::Client& db) {
    return db.query_all<std::string>(
        "select concat_ws(' ', n.nspname, c.relname, c.oid, t.typname, t.oid) from pg_namespace n "
        "left join pg_class c on c.relnamespace = n.oid and n.nspname !~ '^(pg_|information)' "
        "left join pg_type t on t.typnamespace = n.oid and n.nspname !~ '^(pg_|information)' "
        "where n.nspname !~ '^pg_(toast_)?temp' union all select 'object ' || oid from pg_largeobject_metadata "
        "union all select 'role ' || rolname from pg_roles order by 1");
}

const std::string& shared_database() {
    static const std::string conninfo = strangers_database();
    return conninfo;
}

TEST(Schema, KeepsTheOptionsThatTheConnectionStringHas) {
    const example::Schema schema(shared_database(), "own");
    pg::Client db = pg::connect(schema.conninfo());
    EXPECT_EQ(db.query_one<std::string>("select current_setting('work_mem')"), "1234kB");
    EXPECT_EQ(db.query_one<std::string>("select current_schemas(false)::text"), "{own}");
}

class Examples : public testing::TestWithParam<const char*> {};

TEST_P(Examples, LeaveWhatWasThereAndNothingElse) {
    const std::string& conninfo = shared_database();
    pg::Client stranger = pg::connect(conninfo);
    const std::vector<std::string> before = contents(stranger);
    const std::string command = std::string("'") + PGCLIENT_EXAMPLES_FOLDER + GetParam() + "' \"" + conninfo + '"';
    EXPECT_EQ(std::system((command + " >/dev/null").c_str()), 0);
    EXPECT_EQ(std::system((command + " >/dev/null").c_str()), 0) << "the second time";
    EXPECT_EQ(contents(stranger), before);
}

INSTANTIATE_TEST_SUITE_P(All, Examples, testing::Values(PGCLIENT_EXAMPLES),
                         [](const auto& program) { return std::string(program.param); });

}  // namespace
