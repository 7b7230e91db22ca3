// The pool of a client: what it keeps to, whether it is ready, what it is doing, and how it ends.
#include <cstdio>
#include <pg/client.hpp>
#include <pg/connection.hpp>
#include <pg/pool/options.hpp>
#include <pg/pool/pool.hpp>
#include <pg/sqlstate.hpp>
#include <pg/statement_cache.hpp>

#include "example.hpp"

// [leaks]
void forgotten(void*, const pg::Loan& loan) noexcept {
    std::fprintf(stderr, "lent for %lld s to %s:%u, which ran %s\n",
                 static_cast<long long>(loan.age / std::chrono::seconds(1)), loan.site.file, loan.site.line,
                 loan.statement.c_str());
}
// [leaks]

// [credentials]
class Vault final : public pg::CredentialSource {
    pg::Expected<pg::Credential> do_credential(const pg::Deadline&) noexcept override {  // may take until then
        return pg::Credential{.password = pg::Secret("of today"), .lifetime = std::chrono::minutes(15)};
    }
};
// [credentials]

int main(int argc, char** argv) {
    const std::string uri = example::conninfo(argc, argv);

    // [options]
    const pg::PoolOptions pool{.min_size = 4, .max_lifetime = std::chrono::hours(1)};
    pg::Client db = pg::connect(uri, {.pool_max_size = 20, .pool = &pool});
    // [options]

    // [ready]
    db.pool().wait_ready(4, std::chrono::seconds(10)).value();  // throws Timeout, with what stood in the way
    const pg::PoolStats now = db.pool().stats();                // lent, idle, opening, waiting and more
    // [ready]
    example::check(now.idle >= 4 && now.max_size == 20, "the least size");

    // [watch]
    const pg::PoolOptions watched{.leak_threshold = std::chrono::seconds(30), .on_leak = forgotten};
    pg::Client service = pg::open(uri, {.pool = &watched});
    pg::Connection held = service.connection();
    for (const pg::Loan& loan : service.pool().loans())  // the oldest first
        std::printf("%s:%u\n", loan.site.file, loan.site.line);
    // [watch]
    example::check(service.pool().loans().size() == 1, "one loan");

    // [warm]
    const std::vector<pg::PoolStatement> statements{pg::to_prepare<int(int)>("select $1 * 2"),
                                                    pg::to_prepare<std::string()>("select current_user::text")};
    const pg::PoolOptions warm{.min_idle = 2, .prepare = &statements};
    pg::Client ready = pg::open(uri, {.pool = &warm});
    ready.pool().wait_ready(2, std::chrono::seconds(10)).value();  // throws too when a statement cannot be prepared
    const auto twice = ready.prepare<int(int)>("select $1 * 2");
    const int four = twice(2);  // its name and its argument, nothing else
    // [warm]
    example::check(four == 4 && ready.statement_cache().misses == 0, "a statement that was prepared");

    // [rules]
    const std::vector<pg::PoolRule> rules{{.code = pg::sqlstate::disk_full, .fate = pg::PoolFate::replace},
                                          {.code = pg::sqlstate::admin_shutdown, .fate = pg::PoolFate::replace_all}};
    const pg::PoolOptions ruled{.rules = &rules};
    // [rules]
    example::check(pg::open(uri, {.pool = &ruled}).query_one<int>("select 1") == 1, "rules");

    // [source]
    const std::shared_ptr<pg::CredentialSource> vault = std::make_shared<Vault>();
    const pg::PoolOptions changing{.credentials = &vault};
    pg::Client rotated = pg::open(uri, {.pool = &changing});
    // [source]
    example::check(rotated.query_one<int>("select 1") == 1, "a server that trusts asks for no password");

    // [hooks]
    const pg::PoolHooks hooks{
        .after_connect = [](void*, pg::spi::Session& session, const pg::Deadline& until) noexcept {
            return session.run_script("do $$ begin assert not pg_is_in_recovery(), 'a standby'; end $$", {until});
        }};
    const pg::PoolOptions prepared{.hooks = &hooks};
    pg::Client equipped = pg::open(uri, {.pool = &prepared});
    // [hooks]
    example::check(!equipped.query_one<bool>("select pg_is_in_recovery()"), "no standby");

    // [budget]
    const pg::PoolBudget budget(30);
    const pg::PoolOptions first{.budget = &budget, .budget_reserve = 5}, second{.budget = &budget};
    pg::Client orders = pg::open(uri, {.pool_max_size = 30, .pool = &first});
    pg::Client reports = pg::open(uri, {.pool_max_size = 30, .pool = &second});
    // [budget]
    example::check(orders.query_one<int>("select 1") + reports.query_one<int>("select 1") == 2, "two clients");
    example::check(budget.used() == 2, "two sessions");

    // [end]
    db.close();                                                        // refuses what comes, lets finish what runs
    const std::size_t out = db.pool().drain(std::chrono::seconds(5));  // that are not back by then
    // [end]
    example::check(out == 0, "nobody held a session");
}
