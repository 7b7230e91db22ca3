// Transactions: all or nothing, run again on a conflict; savepoints; what a failed commit means.
#include <pg/client.hpp>
#include <pg/savepoint.hpp>

#include "example.hpp"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    pg::Client db = pg::connect(example::conninfo(argc, argv));
    db.run_script(
        "create table accounts (id int primary key, balance int not null);"
        "insert into accounts values (1, 100), (2, 0)");

    // [transfer]
    db.transaction({.isolation = pg::Isolation::serializable, .timeout = 5s, .retries = 5}, [&](pg::Transaction& tx) {
        tx.exec("update accounts set balance = balance - $1 where id = $2", 10, 1);
        tx.exec("update accounts set balance = balance + $1 where id = $2", 10, 2);
    });
    // [transfer]
    example::check(db.query_one<int>("select balance from accounts where id = 2") == 10, "transfer");

    // [value]
    const int balance = db.transaction(
        [](pg::Transaction& tx) { return tx.query_one<int>("select balance from accounts where id = $1", 2); });
    // [value]
    example::check(balance == 10, "a value");

    // [manual]
    pg::Transaction tx = db.begin();
    tx.exec("update accounts set balance = 0 where id = $1", 1);
    {
        pg::Savepoint part = tx.savepoint();
        tx.exec("update accounts set balance = 1000 where id = $1", 2);
    }  // not released: undone
    tx.commit();
    // [manual]
    example::check(db.query_one<std::int64_t>("select sum(balance) from accounts") == 10, "savepoint");

    // [outcome]
    std::string verdict = "committed";
    pg::Transaction doomed = db.begin();
    try {
        static_cast<void>(doomed.try_exec("select 1 / 0"));
        doomed.commit();
    } catch (const pg::CommitUnknown&) {
        verdict = "ask the data";  // the connection was lost after COMMIT was sent
    } catch (const pg::CommitRolledBack&) {
        verdict = "rolled back";  // a statement had failed, so the server answered ROLLBACK
    }
    // [outcome]
    example::check(verdict == "rolled back", "the outcome of a commit");

    example::check(db.query_one<int>("select balance from accounts where id = 2") == 10, "the balance");
}
