// What is sent to every server: something of everything that a session may have.
#include "tests/unit/wire/recordings/script.hpp"

#include <array>

#include "src/wire/client_messages.hpp"
#include "tests/bound_arguments.hpp"

namespace wire_recordings {
namespace {

using namespace pg::wire;
using Formats = std::vector<std::int16_t>;

/// A step, one message after the other.
class Said {
public:
    Said& query(std::string_view sql) {
        put_query(out_, sql);
        return sent(Sent::query);
    }
    Said& parse(std::string_view sql, std::string_view statement = {}, const std::vector<std::uint32_t>& types = {}) {
        put_parse(out_, statement, sql, types);
        return sent(Sent::parse);
    }
    Said& bind(std::string_view statement = {}, const std::vector<Argument>& arguments = {},
               const Formats& formats = {}) {
        put_bind(out_, statement, arguments, formats);
        return sent(Sent::bind);
    }
    Said& describe(Named what, std::string_view name = {}) {
        put_describe(out_, what, name);
        return sent(what == Named::statement ? Sent::describe_statement : Sent::describe_portal);
    }
    Said& execute(std::uint32_t most_rows = 0) {
        put_execute(out_, most_rows);
        return sent(Sent::execute);
    }
    Said& close(Named what, std::string_view name) {
        put_close(out_, what, name);
        return sent(Sent::close);
    }
    Said& sync() {
        put_sync(out_);
        return sent(Sent::sync);
    }
    Said& flush() { return empty(ClientType::flush); }
    Said& copy_data(std::string_view bytes) {
        put_copy_data_header(out_, bytes.size());
        out_.put_bytes(bytes);
        return *this;
    }
    Said& copy_done() { return empty(ClientType::copy_done); }
    Said& copy_fail(std::string_view reason) {
        put_copy_fail(out_, reason);
        return *this;
    }

    [[nodiscard]] Step until(ServerType type, int count = 1) {
        return {std::string(out_.unsent()), sent_, type, count};
    }
    [[nodiscard]] Step until_ready(int count = 1) { return until(ServerType::ready, count); }

private:
    Said& sent(Sent what) {
        sent_.push_back(what);
        return *this;
    }
    Said& empty(ClientType type) {
        put_empty(out_, type);
        return *this;
    }

    SendBuffer out_;
    std::vector<Sent> sent_;
};

constexpr std::array<char, 4> forty_two{0, 0, 0, 42};
const Argument binary_42{forty_two.data(), 4, 1}, text_7{"7", 1, 0}, text_ab{"ab", 2, 0}, null{};

Step startup() {
    SendBuffer out;
    // The server does not know the last one, which it says, and most servers know no minor version but 0.
    const std::array settings{StartupSetting{"user", "postgres"}, StartupSetting{"database", "postgres"},
                              StartupSetting{"application_name", "recording"}, StartupSetting{"_pq_.recorded", "yes"}};
    put_startup(out, StartupRequest::protocol_3_2, settings);
    return {std::string(out.unsent()), {}};
}

/// Queries: statements with and without rows, notices, what is reported aside, and the states of a transaction.
void add_queries(std::vector<Step>& steps) {
    for (const std::string_view sql :
         {"", "select 1 as one, null::text as nothing, '' as empty, 'a'::varchar(3)",
          "create temp table t (id int primary key, name text not null); insert into t values (1, 'x'), (2, 'y'); "
          "select * from t where false; ; update t set name = 'z'; select id from t",
          "select 1; select 1/0; select 2", "insert into t values (1, 'again')", "insert into t values (3, null)",
          "select nothing from nowhere",
          "do $$ begin raise notice 'noted' using detail = 'a detail', hint = 'a hint', errcode = 'P0007'; end $$",
          "drop table if exists nowhere", "listen jobs", "notify jobs, 'payload'", "notify jobs",
          "set application_name to 'other'; set timezone to 'Asia/Tokyo'", "begin", "select 1/0", "select 1",
          "rollback",
          // Rules make several statements of one, which end once.
          "create temp table logged (a int); create rule one as on insert to logged do also select 1 as x; "
          "create rule two as on insert to logged do also select 'y' as y, 'z' as z; insert into logged values (1)"})
        steps.push_back(Said().query(sql).until_ready());
    steps.push_back(Said().query("select 'first'").query("select 1/0").query("").until_ready(3));
}

/// Parse, Bind, Describe, Execute and Close, and failures among them.
void add_extended(std::vector<Step>& steps) {
    constexpr std::string_view sql = "select $1::int4 + 1 as sum, $2::text as text, $3::int8 as big";
    steps.push_back(Said().parse(sql, "s1", {23, 0, 20}).describe(Named::statement, "s1").sync().until_ready());
    steps.push_back(Said()
                        .bind("s1", {binary_42, text_ab, null}, {1})
                        .describe(Named::portal)
                        .execute()
                        .bind("s1", {text_7, null, text_7}, {0, 1, 0})
                        .describe(Named::portal)
                        .execute()
                        .sync()
                        .until_ready());
    steps.push_back(Said()
                        .parse("update t set name = name")
                        .describe(Named::statement)
                        .bind()
                        .describe(Named::portal)
                        .execute()
                        .parse("")
                        .bind()
                        .execute()
                        .sync()
                        .until_ready());
    // A portal with a row limit, asked again within its transaction.
    steps.push_back(Said()
                        .parse("select generate_series(1, 5)")
                        .bind()
                        .describe(Named::portal)
                        .execute(2)
                        .flush()
                        .until(ServerType::portal_suspended));
    steps.push_back(Said().execute(2).flush().until(ServerType::portal_suspended));
    steps.push_back(Said().execute(2).sync().until_ready());
    // A failure in the middle of a pipeline, and one whose Sync comes later.
    steps.push_back(Said()
                        .parse("insert into t values (10, 'lost')")
                        .bind()
                        .execute()
                        .parse("select nothing")
                        .bind()
                        .describe(Named::portal)
                        .execute()
                        .sync()
                        .parse("select count(*) from t")
                        .bind()
                        .execute()
                        .sync()
                        .until_ready(2));
    steps.push_back(
        Said().parse("insert into t values (1, 'again')").bind().execute().flush().until(ServerType::error));
    steps.push_back(Said().bind("s1").execute().query("select 'passed over'").sync().until_ready());
    steps.push_back(Said().query("select 'heard'").until_ready());
    steps.push_back(Said().parse("select nothing").query("select 'passed over'").sync().sync().until_ready(2));
    // What is only found out at the end of the transaction fails the Sync.
    steps.push_back(Said().query("create temp table late (a int unique deferrable initially deferred)").until_ready());
    steps.push_back(Said().parse("insert into late values (1), (1)").bind().execute().sync().until_ready());
    steps.push_back(Said()
                        .close(Named::statement, "s1")
                        .close(Named::portal, "")
                        .close(Named::statement, "unknown")
                        .sync()
                        .until_ready());
}

void add_copies(std::vector<Step>& steps) {
    constexpr auto copy_in = ServerType::copy_in;
    constexpr std::string_view from = "copy t from stdin", bad = "not a number\tx\n";
    steps.push_back(Said().query("copy t from stdin; copy t from stdin; select 1").until(copy_in));
    steps.push_back(Said().copy_data("20\tone\n21\t").copy_data("two\n").copy_done().until(copy_in));
    steps.push_back(Said().copy_done().until_ready());
    steps.push_back(Said().query(from).until(copy_in));
    steps.push_back(Said().copy_data("30\tlost\n").copy_fail("enough").until_ready());
    steps.push_back(Said().query(from).until(copy_in));
    steps.push_back(Said().copy_data(bad).copy_done().until_ready());
    steps.push_back(Said().query("copy t to stdout; copy (select 1, null) to stdout (format binary)").until_ready());
    // The same by Execute; a Sync sent with it, or two, are lost.
    steps.push_back(Said().parse(from).bind().describe(Named::portal).execute().flush().until(copy_in));
    steps.push_back(Said().copy_data("40\tone\n").copy_done().sync().until_ready());
    steps.push_back(Said().parse(from).bind().execute().sync().sync().until(copy_in));
    steps.push_back(Said().copy_data("50\tone\n").copy_done().sync().until_ready());
    steps.push_back(Said().parse(from).bind().execute().sync().until(copy_in));
    steps.push_back(Said().copy_fail("enough").sync().until_ready());
    steps.push_back(Said().parse(from).bind().execute().flush().until(copy_in));
    steps.push_back(Said().copy_data(bad).copy_data(bad).copy_done().sync().until_ready());
    // A COPY that fails by itself, before it has read anything.
    steps.push_back(Said()
                        .query("create function pg_temp.refuse() returns trigger language plpgsql as $$ begin raise "
                               "'refused'; end $$; "
                               "create trigger refuse before insert on t execute function pg_temp.refuse()")
                        .until_ready());
    steps.push_back(Said().parse(from).bind().execute().flush().until(ServerType::error));
    steps.push_back(Said().copy_data("60\tone\n").copy_done().sync().until_ready());
    steps.push_back(Said().parse("copy nowhere from stdin").bind().execute().sync().until_ready());
    steps.push_back(
        Said().parse("copy (select 1, 'x') to stdout (format binary)").bind().execute().sync().until_ready());
}

}  // namespace

std::vector<Step> script() {
    std::vector<Step> steps{startup()};
    add_queries(steps);
    add_extended(steps);
    add_copies(steps);
    steps.push_back(Said().query("select pg_terminate_backend(pg_backend_pid())").until(ServerType::error));
    return steps;
}

}  // namespace wire_recordings
