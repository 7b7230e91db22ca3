// The scan of a statement's text: what is a parameter, what only looks like one, and where a statement ends.
#include "pg/sql.hpp"

#include <gtest/gtest.h>

namespace {

using Problem = pg::SqlScan::Problem;

std::size_t parameters(std::string_view sql) {
    const pg::SqlScan found = pg::scan_sql(sql);
    EXPECT_EQ(found.problem, Problem::none) << sql;
    return found.parameters;
}
Problem problem(std::string_view sql) { return pg::scan_sql(sql).problem; }

TEST(SqlScan, CountsTheHighestParameter) {
    EXPECT_EQ(parameters("select 1"), 0u);
    EXPECT_EQ(parameters("select $1, $2"), 2u);
    EXPECT_EQ(parameters("select $2 + $2"), 2u);
    EXPECT_EQ(parameters("select 1$1"), 1u);
    EXPECT_EQ(parameters("select $65535"), 65535u);
}

TEST(SqlScan, SkipsWhatOnlyLooksLikeAParameter) {
    EXPECT_EQ(parameters("select '$1', 'it''s $2'"), 0u);
    EXPECT_EQ(parameters(R"(select "$1", "a""$2")"), 0u);
    EXPECT_EQ(parameters("select 1 -- $1\n, $1"), 1u);
    EXPECT_EQ(parameters("select /* $1 /* $2 */ $3 */ 1"), 0u);
    EXPECT_EQ(parameters("select $$ $1 $$, $tag$ $2 $$ $tag$"), 0u);
    EXPECT_EQ(parameters("select a$1, _$2"), 0u);
    EXPECT_EQ(parameters("select $ 1"), 0u);
}

TEST(SqlScan, KnowsTheEscapesOfAnEString) {
    EXPECT_EQ(parameters(R"(select E'\'$1' || $2)"), 2u);
    EXPECT_EQ(parameters(R"(select 'a\' || $1)"), 1u);
    EXPECT_EQ(parameters("select e'a'\n  'b\\'$1' || $2"), 2u);
    EXPECT_EQ(parameters("select E'a' '$1', $2"), 2u);
    EXPECT_EQ(parameters("select E'a''$1' || $2"), 2u);
    EXPECT_EQ(parameters("select E'a' -- more\n -- and more\n '\\'$1' || $2"), 2u);
    EXPECT_EQ(parameters("select E'a' -- '\n || $1"), 1u);
}

TEST(SqlScan, TakesOneStatement) {
    EXPECT_EQ(parameters("select 1; -- done\n ;"), 0u);
    EXPECT_EQ(problem("select 1; select 2"), Problem::several_statements);
    EXPECT_EQ(problem("select (1); select 2"), Problem::several_statements);
    EXPECT_EQ(problem("select 1); select 2"), Problem::several_statements);
    EXPECT_EQ(problem("begin; select 1"), Problem::several_statements);
    EXPECT_EQ(problem("select atomic, case when true then 1 end; select 2"), Problem::several_statements);
    for (const char* const list :
         {"begin, atomic", "begin atomic", "(begin) atomic", "begin.atomic", "a as begin, atomic"})
        EXPECT_EQ(problem(std::string("copy (select ") + list + " from t) to stdout; drop table u"),
                  Problem::several_statements)
            << list;
    EXPECT_EQ(problem("create view v as select begin, atomic from t; drop table u"), Problem::several_statements);
    EXPECT_EQ(problem("create rule r as on update to t do also (insert into a values (1); delete from b)"),
              Problem::none);
    const std::string body =
        "create function f() returns int begin atomic; select case when true then 1 end; select 2; end";
    EXPECT_EQ(problem(body), Problem::none);
    EXPECT_EQ(problem(body + ";"), Problem::none);
    EXPECT_EQ(problem(body + "; select 3"), Problem::several_statements);
    for (const char* const column :
         {"t.end", "1 as end", "t.case", "1 as case", "1 as \"x\"", "1 as \"x\", case when true then 1 end"}) {
        const std::string of_column = std::string("create procedure p() begin atomic; select ") + column + "; end";
        EXPECT_EQ(problem(of_column), Problem::none) << column;
        EXPECT_EQ(problem(of_column + "; select 3"), Problem::several_statements) << column;
    }
    EXPECT_EQ(problem(""), Problem::empty);
    EXPECT_EQ(problem(" ; -- nothing"), Problem::empty);
}

TEST(SqlScan, NamesWhatHasNoEndAndWhere) {
    EXPECT_EQ(problem("select 'a"), Problem::unterminated_string);
    EXPECT_EQ(problem("select $x$ a $y$"), Problem::unterminated_string);
    EXPECT_EQ(problem("select \"a"), Problem::unterminated_name);
    EXPECT_EQ(problem("select /* a"), Problem::unterminated_comment);
    EXPECT_EQ(pg::scan_sql("select 'a").offset, 7u);
}

TEST(SqlScan, RefusesParametersThatCannotBe) {
    EXPECT_EQ(problem("select $0"), Problem::parameter_zero);
    EXPECT_EQ(problem("select $65536"), Problem::parameter_too_large);
    EXPECT_EQ(problem("select $99999999999999999999"), Problem::parameter_too_large);
}

TEST(Sql, KnowsWhetherItWasCheckedAndWithWhatOptions) {
    const pg::Sql<1> literal("select $1");
    EXPECT_TRUE(literal.checked());
    EXPECT_EQ(literal.options(), nullptr);
    const pg::Sql<0> runtime(pg::runtime("select 1"));
    EXPECT_FALSE(runtime.checked());
    const pg::Sql<0> query(pg::Query{.sql = "select 1", .timeout = std::chrono::seconds(3)});
    ASSERT_NE(query.options(), nullptr);
    EXPECT_EQ(query.options()->timeout, std::chrono::seconds(3));
}

TEST(SqlScan, SeesWhatLeavesTracesInItsSession) {
    for (const char* sql :
         {"select set_config('a', 'b', false)", "SELECT pg_catalog.SET_CONFIG($1, $2, true)",
          "select pg_advisory_lock(1)", "select 1, pg_try_advisory_lock($1)", "select pg_advisory_lock_shared(1, 2)",
          "select pg_try_advisory_lock_shared(1)", "create temp table t (a int)", "CREATE TEMPORARY VIEW v as select 1",
          "create local temp table t ()", "create or replace /* a */ temp view v as select 1",
          "select \"set_config\"('a', 'b', false)", "select pg_catalog.\"pg_advisory_lock\"(1)",
          "create temp table t as select 1", "select 1 as a into temp t", "select 1 as a into local temporary table t",
          "execute s", "/* a */ EXECUTE s (1)"})
        EXPECT_TRUE(pg::scan_sql(sql).leaves_traces) << sql;
    for (const char* sql : {"select 1", "select temp from weather", "insert into weather (temp) values ($1)",
                            "select max(temp) as temporary", "create table temp (a int)", "select 'set_config(1)'",
                            "select \"a set_config\"", "-- set_config\nselect 1", "select $$ create temp table t () $$",
                            "select pg_advisory_xact_lock(1)", "select pg_advisory_unlock(1)",
                            "select my_set_config(1)", "select set_configs(1)", "select 1 as execute", "executed s"})
        EXPECT_FALSE(pg::scan_sql(sql).leaves_traces) << sql;
    EXPECT_TRUE(pg::Sql<0>("select pg_advisory_lock(1)").leaves_traces()) << "the compiler looks at a literal";
    EXPECT_FALSE(pg::Sql<0>("select 1").leaves_traces());
}

}  // namespace
