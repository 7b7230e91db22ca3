// Transaction control: which statements begin or end a transaction, however they are written.
#include "src/base/transaction_control.hpp"

#include <gtest/gtest.h>

#include "pg/error_rules.hpp"

namespace pg {
namespace {

void expect(TransactionControl expected, std::initializer_list<const char*> texts) {
    for (const char* sql : texts) EXPECT_EQ(transaction_control(sql), expected) << sql;
}

TEST(TransactionControl, IsToldByTheFirstWords) {
    expect(TransactionControl::begins, {"begin", "BEGIN isolation level serializable", "start transaction",
                                        "Start /* a */ Transaction read only", "begin;"});
    expect(TransactionControl::commits, {"commit", "COMMIT", "end", "end;", "commit and chain", "Commit work",
                                         "prepare transaction 'x'", "PREPARE\tTRANSACTION 'x'", "commit prepared 'x'"});
    expect(TransactionControl::rolls_back, {"rollback", "ROLLBACK work", "rollback transaction", "abort",
                                            "rollback and chain", "rollback prepared 'x'"});
}

TEST(TransactionControl, IsFoundBehindBlanksAndComments) {
    expect(TransactionControl::commits, {"  \n\t commit", "-- why\ncommit", "-- why\rcommit", "/* x */ commit",
                                         "/**/commit", "/* a /* b */ c */commit", "/* a ** / */ commit", "; commit",
                                         "/* x */;-- y\n ; commit--", "prepare/**/transaction 'x'"});
    expect(TransactionControl::none, {"-- commit", "/* commit", "/*", "/* a /* b */ commit", "/*/ commit", "-- a"});
}

TEST(TransactionControl, KnowsAChain) {
    for (const char* sql : {"commit and chain", "END/**/WORK and chain;", "commit transaction AND CHAIN",
                            "rollback and chain", "abort work and chain"})
        EXPECT_TRUE(begins_another(sql)) << sql;
    for (const char* sql :
         {"commit", "commit and no chain", "rollback to savepoint s", "begin", "commit prepared 'x'",
          "prepare transaction 'and chain'", "commit -- and chain", "select 1 and chain", "commit and"})
        EXPECT_FALSE(begins_another(sql)) << sql;
}

TEST(TransactionControl, KnowsWhetherABlockIsOpenBehindIt) {
    for (const bool in_block : {false, true}) {
        EXPECT_EQ(in_block_behind("select 1", false, in_block), in_block);
        EXPECT_EQ(in_block_behind("begin", true, in_block), in_block);
        EXPECT_EQ(in_block_behind("rollback", true, in_block), in_block);
        EXPECT_TRUE(in_block_behind("begin", false, in_block));
        EXPECT_TRUE(in_block_behind("commit and chain", false, in_block));
        EXPECT_FALSE(in_block_behind("commit", false, in_block));
        EXPECT_FALSE(in_block_behind("rollback", false, in_block));
        EXPECT_FALSE(in_block_behind("commit", true, in_block));
        EXPECT_FALSE(in_block_behind("commit and chain", true, in_block));
    }
}

TEST(TransactionControl, KnowsWhatIsHeardAfterAFailure) {
    for (const char* sql : {"rollback", "COMMIT", "abort", "end", "rollback to s", "Rollback work to savepoint s"})
        EXPECT_TRUE(ends_failure(sql)) << sql;
    for (const char* sql : {"", "begin", "savepoint s", "release s", "select 1", "rolled"})
        EXPECT_FALSE(ends_failure(sql)) << sql;
}

TEST(TransactionControl, IsNotSeenInOtherStatements) {
    expect(TransactionControl::none, {"",
                                      " ",
                                      "select 1",
                                      "select commit",
                                      "committed",
                                      "commit_all",
                                      "commit1",
                                      "commit$",
                                      "ended",
                                      "beginning",
                                      "begin\xc3\xa9",
                                      "start",
                                      "start_replication",
                                      "prepare",
                                      "prepare x as select 1",
                                      "prepare abort as select 1",
                                      "savepoint a",
                                      "release a",
                                      "rollback to a",
                                      "ROLLBACK work to savepoint a",
                                      "rollback transaction to a",
                                      "\"commit\"",
                                      "'commit'",
                                      "(commit)",
                                      "com",
                                      "set transaction read only",
                                      "call p()"});
}

TEST(RowsAlone, AreWhatTheFirstWordSays) {
    for (const char* sql : {"select 1", "INSERT into t values (1)", "update t set n = 1", "delete from t",
                            "merge into t using s on true when matched then do nothing", "values (1)", "table t",
                            "/* why */ with a as (select 1) table a"})
        EXPECT_TRUE(is_about_rows(sql)) << sql;
    for (const char* sql : {"", "begin", "set x to y", "selects", "declare c cursor for select 1", "(select 1)",
                            "truncate t", "do $$ begin end $$", "vacuum t", "move c", "while"})
        EXPECT_FALSE(is_about_rows(sql)) << sql;
}

TEST(ReadingAlone, LocksNoRow) {
    for (const char* sql : {"select 1", " VALUES (1)", "table t", "/* why */ select a from t where b = $1"})
        EXPECT_TRUE(only_reads(sql)) << sql;
    for (const char* sql : {"select a from t for update", "SELECT a FROM t FOR NO KEY UPDATE", "table t for share",
                            "select pg_advisory_xact_lock(1)", "with a as (delete from t returning *) table a",
                            "insert into t values (1)", "update t set a = 1", "begin", ""})
        EXPECT_FALSE(only_reads(sql)) << sql;
}

TEST(CommitInside, IsForProceduresAndBlocksOfCode) {
    for (const char* sql :
         {"call p()", "/* a */ CALL p()", "; do $$ begin commit; end $$", "DO language plpgsql 'begin Call p(); end'",
          "do $$ begin EXECUTE word || 'mit'; end $$", "do 'plpy.commit()' language plpython3u"})
        EXPECT_TRUE(may_commit_inside(sql)) << sql;
    for (const char* sql : {"", "do $$ begin raise exception 'no'; end $$", "select p()", "calls", "double", "commit",
                            "insert into t select 1 on conflict do nothing"})
        EXPECT_FALSE(may_commit_inside(sql)) << sql;
}

TEST(CommitByItself, IsForWhatAServerRunsInNoBlock) {
    for (const char* sql :
         {"vacuum", "/* a */ VACUUM (full) t", "cluster", "create database x", "DROP Database x", "create tablespace x",
          "alter system set work_mem = 1", "alter database x set tablespace y", "drop subscription s",
          "create unique index Concurrently on t (n)", "drop index concurrently i", "reindex (verbose) database x",
          "reindex table partitioned", "alter table t detach partition p concurrently"})
        EXPECT_TRUE(commits_by_itself(sql)) << sql;
    for (const char* sql : {"create database x", "alter system set work_mem = 1"})
        EXPECT_FALSE(commits_in_parts(sql)) << "all of it at once: " << sql;
    for (const char* sql :
         {"", "select 'concurrently'", "create index on t (n)", "drop table t", "alter table t add n int", "vacuums",
          "create databases", "refresh materialized view concurrently m"})
        EXPECT_FALSE(commits_by_itself(sql)) << sql;
}

TEST(SentPhase, IsCommittingForWhatCommits) {
    for (const char* sql : {"commit", "/* x */ END", "prepare transaction 'x'"})
        EXPECT_EQ(sent_phase(sql), RequestPhase::committing) << sql;
    for (const char* sql : {"", "select 1", "begin", "rollback", "prepare x as select 1"})
        EXPECT_EQ(sent_phase(sql), RequestPhase::sent) << sql;
}

}  // namespace
}  // namespace pg
