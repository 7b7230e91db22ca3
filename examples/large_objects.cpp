// Values that are read and written in pieces: large objects.
#include <array>
#include <pg/client.hpp>
#include <pg/large_object.hpp>
#include <pg/sqlstate.hpp>

#include "example.hpp"

int main(int argc, char** argv) {
    pg::Client db = pg::connect(example::conninfo(argc, argv));
    const std::vector<std::byte> frame(100'000, std::byte{0x2a});

    // [write]
    const pg::Oid film = db.transaction([&](pg::Transaction& tx) {
        const pg::Oid oid = pg::LargeObject::create(tx);
        pg::LargeObject object(tx, oid, pg::LargeObjectMode::read_write);
        for (int i = 0; i < 10; ++i) object.write(frame);
        return oid;
    });
    // [write]

    std::size_t total = 0;
    // [read]
    db.transaction([&](pg::Transaction& tx) {
        pg::LargeObject object(tx, film);
        object.seek(500'000);
        std::array<std::byte, 64 * 1024> piece;
        while (const std::size_t count = object.read(piece)) total += count;
    });
    // [read]
    example::check(total == 500'000, "half of the object");

    // [remove]
    db.transaction([&](pg::Transaction& tx) { pg::LargeObject::remove(tx, film); });
    // [remove]
    bool gone = false;
    try {
        db.transaction([&](pg::Transaction& tx) { const pg::LargeObject object(tx, film); });
    } catch (const pg::ServerError& error) {
        gone = error.sqlstate() == pg::sqlstate::undefined_object;
    }
    example::check(gone, "it is gone");
}
