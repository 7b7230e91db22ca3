// The functions of transactions, savepoints and large objects.
#include <pg/large_object.hpp>
#include <pg/savepoint.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {

using namespace std::chrono_literals;

namespace {

/// An open large object in its transaction.
struct Opened {
    Opened(Line& line, pg::Client& db)
        : transaction(db.begin({.stop = line.stop()})),
          object(transaction, large_object, pg::LargeObjectMode::read_write) {}
    pg::Transaction transaction;
    pg::LargeObject object;
    std::byte bytes[100]{};
};

/// An open savepoint in its transaction.
struct Saved {
    Saved(Line& line, pg::Client& db)
        : transaction(db.begin({.stop = line.stop()})), savepoint(transaction.savepoint()) {}
    pg::Transaction transaction;
    pg::Savepoint savepoint;
};

/// A transaction that has to be rolled back.
pg::Transaction used_transaction(Line& line, pg::Client& db) {
    pg::Transaction transaction = db.begin({.stop = line.stop()});
    transaction.exec("insert into frozen_texts values ('x')");
    return transaction;
}

}  // namespace

const std::vector<Verb>& transactions() {
    static const std::vector<Verb> all{
        {"Transaction::commit",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = used_transaction(line, db);
             line.go_silent(), transaction.commit();
         }},
        {"Transaction::try_commit",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = used_transaction(line, db);
             line.go_silent(), transaction.try_commit().value();
         }},
        {"Transaction::rollback",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = used_transaction(line, db);
             line.go_silent(), transaction.rollback();
         }},
        {"Transaction::try_rollback",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = used_transaction(line, db);
             line.go_silent(), transaction.try_rollback().value();
         }},
        {"Transaction::savepoint",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), static_cast<void>(transaction.savepoint());
         }},
        {"Transaction::try_savepoint",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), static_cast<void>(transaction.try_savepoint().value());
         }},
        {"Transaction::operator=",
         [](Line& line, pg::Client& db) {
             pg::Client other = line.other_client();
             pg::Transaction one = used_transaction(line, db);
             pg::Transaction two = used_transaction(line, other);
             line.go_silent(), one = std::move(two), line.end_call();
         },
         End::mute, 2s},
        {"Transaction::~Transaction",
         [](Line& line, pg::Client& db) {
             const pg::Transaction transaction = used_transaction(line, db);
             line.go_silent();
         },
         End::mute, 2s},
        {"Savepoint::release",
         [](Line& line, pg::Client& db) {
             Saved saved(line, db);
             line.go_silent(), saved.savepoint.release();
         }},
        {"Savepoint::try_release",
         [](Line& line, pg::Client& db) {
             Saved saved(line, db);
             line.go_silent(), saved.savepoint.try_release().value();
         }},
        {"Savepoint::rollback",
         [](Line& line, pg::Client& db) {
             Saved saved(line, db);
             line.go_silent(), saved.savepoint.rollback();
         }},
        {"Savepoint::try_rollback",
         [](Line& line, pg::Client& db) {
             Saved saved(line, db);
             line.go_silent(), saved.savepoint.try_rollback().value();
         }},
        {"Savepoint::operator=",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             pg::Savepoint one = transaction.savepoint();
             pg::Savepoint two = transaction.savepoint();
             line.go_silent(), one = std::move(two);
         },
         End::mute},
        {"Savepoint::~Savepoint",
         [](Line& line, pg::Client& db) {
             const Saved saved(line, db);
             line.go_silent();
         },
         End::mute},
        {"LargeObject::create",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), pg::LargeObject::create(transaction);
         }},
        {"LargeObject::try_create",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), static_cast<void>(pg::LargeObject::try_create(transaction).value());
         }},
        {"LargeObject::remove",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), pg::LargeObject::remove(transaction, large_object);
         }},
        {"LargeObject::try_remove",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), pg::LargeObject::try_remove(transaction, large_object).value();
         }},
        {"LargeObject::LargeObject",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), static_cast<void>(pg::LargeObject(transaction, large_object));
         }},
        {"LargeObject::try_open",
         [](Line& line, pg::Client& db) {
             pg::Transaction transaction = db.begin({.stop = line.stop()});
             line.go_silent(), static_cast<void>(pg::LargeObject::try_open(transaction, large_object).value());
         }},
        {"LargeObject::read",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.read(opened.bytes);
         }},
        {"LargeObject::try_read",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), static_cast<void>(opened.object.try_read(opened.bytes).value());
         }},
        {"LargeObject::write",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.write(opened.bytes);
         }},
        {"LargeObject::try_write",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.try_write(opened.bytes).value();
         }},
        {"LargeObject::seek",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.seek(10);
         }},
        {"LargeObject::try_seek",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), static_cast<void>(opened.object.try_seek(10).value());
         }},
        {"LargeObject::tell",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), static_cast<void>(opened.object.tell());
         }},
        {"LargeObject::try_tell",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), static_cast<void>(opened.object.try_tell().value());
         }},
        {"LargeObject::truncate",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.truncate(10);
         }},
        {"LargeObject::try_truncate",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.try_truncate(10).value();
         }},
        {"LargeObject::size",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), static_cast<void>(opened.object.size());
         }},
        {"LargeObject::try_size",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), static_cast<void>(opened.object.try_size().value());
         }},
        {"LargeObject::close",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.close();
         }},
        {"LargeObject::try_close",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             line.go_silent(), opened.object.try_close().value();
         }},
        {"LargeObject::operator=",
         [](Line& line, pg::Client& db) {
             Opened opened(line, db);
             pg::LargeObject other(opened.transaction, large_object);
             line.go_silent(), opened.object = std::move(other);
         },
         End::mute},
        {"LargeObject::~LargeObject",
         [](Line& line, pg::Client& db) {
             const Opened opened(line, db);
             line.go_silent();
         },
         End::mute},
    };
    return all;
}

}  // namespace frozen
