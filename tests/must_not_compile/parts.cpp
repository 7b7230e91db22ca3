// What would outlive a when_all or when_any that waits for it is no part of one.
#include <utility>
#include <vector>

#include "pg/async.hpp"

/// An lvalue whose awaiters are of whoever awaits it.
struct Gate {
    struct Awaiter : std::suspend_always {};
    Awaiter operator co_await() { return {}; }
};

pg::Task<void> right(pg::AsyncClient db, Gate& gate) {
    auto call = db.exec("select 1");
    co_await pg::when_any(std::move(call), db.exec("select 2"), gate);
    std::vector<pg::Async<int>> calls;
    co_await pg::when_all(std::move(calls));
}

#if CASE == 1  // refuses: an lvalue that is its own awaiter
pg::Task<void> named(pg::AsyncClient db) {
    auto call = db.exec("select 1");
    co_await pg::when_any(call, db.exec("select 2"));
}
#endif
#if CASE == 2  // refuses: an lvalue that is its own awaiter
pg::Task<void> named(pg::AsyncClient db) {
    auto call = db.exec("select 1");
    co_await pg::when_all(db.exec("select 2"), call);
}
#endif
#if CASE == 3  // refuses: an lvalue that is its own awaiter
pg::Task<void> named(pg::AsyncStream<int>& rows, pg::AsyncClient db) {
    auto next = rows.next();
    co_await pg::when_any(db.exec("select 1"), next);
}
#endif
#if CASE == 4  // refuses: (constraint|no matching)
pg::Task<void> named(pg::Task<void> task) { co_await pg::when_all(task); }
#endif
