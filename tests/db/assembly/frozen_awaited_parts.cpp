// The functions that are awaited of the parts of a transaction: its savepoints and large objects.
#include <pg/async_large_object.hpp>
#include <pg/async_savepoint.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {
namespace {

using pg::Task;

pg::Async<pg::AsyncLargeObject> opened(const pg::AsyncTransaction& transaction) {
    return pg::AsyncLargeObject::open(transaction, large_object, pg::LargeObjectMode::read_write);
}

}  // namespace

const std::vector<AwaitedVerb>& awaited_savepoints() {
    static const std::vector<AwaitedVerb> all{
        {"AsyncTransaction::savepoint",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             static_cast<void>(co_await transaction.savepoint());
         }},
        {"AsyncTransaction::try_savepoint",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             drop((co_await transaction.try_savepoint()).value());
         }},
        {"AsyncSavepoint::release",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             auto part = co_await transaction.savepoint();
             line.go_silent();
             co_await part.release();
         }},
        {"AsyncSavepoint::try_release",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             auto part = co_await transaction.savepoint();
             line.go_silent();
             (co_await part.try_release()).value();
         }},
        {"AsyncSavepoint::rollback",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             auto part = co_await transaction.savepoint();
             line.go_silent();
             co_await part.rollback();
         }},
        {"AsyncSavepoint::try_rollback",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             auto part = co_await transaction.savepoint();
             line.go_silent();
             (co_await part.try_rollback()).value();
         }},
        {"AsyncSavepoint::operator=",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             auto one = co_await transaction.savepoint();
             auto two = co_await transaction.savepoint();
             line.go_silent();
             one = std::move(two);
         },
         End::mute},
        {"AsyncSavepoint::~AsyncSavepoint",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto transaction = co_await async.begin({.stop = line.stop()});
             const auto part = co_await transaction.savepoint();
             line.go_silent();
         },
         End::mute},
    };
    return all;
}

const std::vector<AwaitedVerb>& awaited_large_objects() {
    static const std::vector<AwaitedVerb> all{
        {"AsyncLargeObject::create",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             co_await pg::AsyncLargeObject::create(transaction);
         }},
        {"AsyncLargeObject::try_create",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             drop((co_await pg::AsyncLargeObject::try_create(transaction)).value());
         }},
        {"AsyncLargeObject::remove",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             co_await pg::AsyncLargeObject::remove(transaction, large_object);
         }},
        {"AsyncLargeObject::try_remove",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             (co_await pg::AsyncLargeObject::try_remove(transaction, large_object)).value();
         }},
        {"AsyncLargeObject::open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             static_cast<void>(co_await pg::AsyncLargeObject::open(transaction, large_object));
         }},
        {"AsyncLargeObject::try_open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             line.go_silent();
             drop((co_await pg::AsyncLargeObject::try_open(transaction, large_object)).value());
         }},
        {"AsyncLargeObject::read",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             static_cast<void>(co_await object.read(100));
         }},
        {"AsyncLargeObject::try_read",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             drop((co_await object.try_read(100)).value());
         }},
        {"AsyncLargeObject::write",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             co_await object.write(std::vector<std::byte>(100));
         }},
        {"AsyncLargeObject::try_write",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             (co_await object.try_write(std::vector<std::byte>(100))).value();
         }},
        {"AsyncLargeObject::seek",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             co_await object.seek(10);
         }},
        {"AsyncLargeObject::try_seek",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             drop((co_await object.try_seek(10)).value());
         }},
        {"AsyncLargeObject::tell",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             co_await object.tell();
         }},
        {"AsyncLargeObject::try_tell",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             drop((co_await object.try_tell()).value());
         }},
        {"AsyncLargeObject::truncate",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             co_await object.truncate(10);
         }},
        {"AsyncLargeObject::try_truncate",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             (co_await object.try_truncate(10)).value();
         }},
        {"AsyncLargeObject::size",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             co_await object.size();
         }},
        {"AsyncLargeObject::try_size",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             drop((co_await object.try_size()).value());
         }},
        {"AsyncLargeObject::close",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             co_await object.close();
         }},
        {"AsyncLargeObject::try_close",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto object = co_await opened(transaction);
             line.go_silent();
             (co_await object.try_close()).value();
         }},
        {"AsyncLargeObject::operator=",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             auto one = co_await opened(transaction);
             auto two = co_await opened(transaction);
             line.go_silent();
             one = std::move(two);
         },
         End::mute},
        {"AsyncLargeObject::~AsyncLargeObject",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto transaction = co_await async.begin({.stop = line.stop()});
             const auto object = co_await opened(transaction);
             line.go_silent();
         },
         End::mute},
    };
    return all;
}

}  // namespace frozen
