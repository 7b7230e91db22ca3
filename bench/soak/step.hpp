// One step of a worker: how long it takes, and what is noted of its answer.
#pragma once

#include <random>
#include <string>
#include <utility>

#include "bench/soak/load.hpp"

namespace soak {

/// The time of every step but of those that are to be given up.
inline constexpr std::chrono::milliseconds patience{2000};

struct Pair {
    std::int64_t number;
    std::int64_t row;
};

inline constexpr pg::Sql<2> move_money("update accounts set balance = balance + $2::int where id = $1");
inline constexpr pg::Sql<1> note_transfer("insert into transfers values ($1::bigint)");
inline constexpr pg::Sql<2> numbered_rows(
    "select $1::bigint as number, n::bigint as row from generate_series(1, $2::int) n");
/// All that a borrower could have left: empty in a clean session.
inline constexpr pg::Sql<0> traces(
    "select concat_ws(', ', case when current_setting('work_mem') <> '4MB' then 'a setting' end,"
    " (select 'a temporary table' from pg_class where relpersistence = 't' and pg_table_is_visible(oid) and relname = "
    "'left_behind'),"
    " (select 'a lock' from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() limit 1),"
    " (select 'a channel' from pg_listening_channels() limit 1),"
    " case when current_user <> session_user then 'a role' end)");
inline constexpr std::string_view leave_traces =
    "set work_mem = '5MB'; create temporary table left_behind (n int); listen left_behind;"
    "select pg_advisory_lock_shared(1); set role pg_monitor";

inline std::pair<int, int> two_accounts(std::mt19937& random) {
    const int from = static_cast<int>(random() % accounts);
    return {from, (from + 1 + static_cast<int>(random() % (accounts - 1))) % accounts};
}

/// The failure of a part of a transaction whose COMMIT was never sent: whatever it says, nothing was applied.
inline pg::Error undone(const pg::Error& error) {
    pg::ErrorFields fields = error.fields();
    fields.outcome = pg::Outcome::not_applied;
    return pg::Error(std::move(fields));
}

class Step {
public:
    Step(Findings& findings, const char* what, std::chrono::nanoseconds timeout)
        : findings_(findings), what_(what), timeout_(timeout) {}
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() {
        if (timed_) findings_.took(what_, begin_, timeout_);
    }

    void failed(const pg::Error& error) const { findings_.failed(what_, error); }
    void expect(bool right, const char* of_what) const {
        ++findings_.replies;
        if (!right) findings_.broken(3, std::string(of_what) + " belongs to another request");
    }
    void expect_echo(const pg::Expected<std::int64_t>& reply, std::int64_t number) const {
        if (!reply) return failed(reply.error());
        expect(*reply == number, "a reply");
    }
    void expect_clean(const std::string& found) const {
        ++findings_.borrowed;
        if (!found.empty()) findings_.broken(5, "a borrower finds " + found);
    }
    void settle(std::int64_t number, const pg::Expected<void>& said) const {
        ++findings_.changes;
        if (!said) failed(said.error());
        Told told = Told::applied;
        if (!said) {
            const pg::Outcome outcome = said.error().outcome();
            if (outcome == pg::Outcome::unknown) ++findings_.unknown;
            told = outcome == pg::Outcome::unknown   ? Told::unknown
                   : outcome == pg::Outcome::applied ? Told::applied
                                                     : Told::not_applied;
        }
        findings_.told(number, told);
    }
    /// What follows tidies up, and has a budget of its own.
    void stop_the_clock() {
        if (timed_) findings_.took(what_, begin_, timeout_);
        timed_ = false;
    }

private:
    Findings& findings_;
    const char* const what_;
    const std::chrono::nanoseconds timeout_;
    const Clock::time_point begin_ = Clock::now();
    bool timed_ = true;
};

}  // namespace soak
