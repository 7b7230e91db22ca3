// Large objects on a server: bytes at offsets beyond 32 bits, and the rules of their transaction.
#include "pg/large_object.hpp"
#include "pg/savepoint.hpp"
#include "tests/db/core/database.hpp"

namespace {

std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 % 251);
    return bytes;
}

class LargeObjectDb : public Database {
protected:
    pg::Transaction transaction = db.begin();
    pg::Oid oid = pg::LargeObject::create(transaction);
};

TEST_F(LargeObjectDb, GivesBackWhatWasWritten) {
    const std::vector<std::byte> bytes = pattern((2 << 20) + 777);
    pg::LargeObject object(transaction, oid, pg::LargeObjectMode::read_write);
    object.write(bytes);
    EXPECT_EQ(object.tell(), static_cast<std::int64_t>(bytes.size()));
    EXPECT_EQ(object.seek(0), 0);
    std::vector<std::byte> back(bytes.size() + 10);
    EXPECT_EQ(object.read(back), bytes.size());
    back.resize(bytes.size());
    EXPECT_TRUE(back == bytes);
    EXPECT_EQ(object.read(back), 0u) << "the end";
}

TEST_F(LargeObjectDb, ReachesBeyondFourGigabytes) {
    constexpr std::int64_t far = std::int64_t{5} << 30;
    pg::LargeObject object(transaction, oid, pg::LargeObjectMode::read_write);
    EXPECT_EQ(object.seek(far), far);
    object.write(pattern(3));
    EXPECT_EQ(object.size(), far + 3);
    EXPECT_EQ(object.tell(), far + 3) << "asking for the size does not move";
    EXPECT_EQ(object.seek(-3, pg::SeekFrom::end), far);
    EXPECT_EQ(object.seek(1, pg::SeekFrom::current), far + 1);
    object.truncate(far + 2);
    EXPECT_EQ(object.size(), far + 2);
    object.truncate(10);
    EXPECT_EQ(object.size(), 10);
}

TEST_F(LargeObjectDb, IsThereAfterTheCommitAndGoneAfterARemove) {
    pg::LargeObject(transaction, oid, pg::LargeObjectMode::read_write).write(pattern(5));
    transaction.commit();
    pg::Transaction later = db.begin();
    EXPECT_EQ(pg::LargeObject(later, oid).size(), 5);
    pg::LargeObject::remove(later, oid);
    const auto gone = pg::LargeObject::try_open(later, oid);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().sqlstate(), "42704");
}

TEST_F(LargeObjectDb, TakesTheNumberThatIsAskedFor) {
    pg::Transaction own = db.begin();
    EXPECT_EQ(pg::LargeObject::create(own, pg::Oid{4'000'000'000}), pg::Oid{4'000'000'000});
    EXPECT_THROW(pg::LargeObject::create(own, pg::Oid{4'000'000'000}), pg::UniqueViolation);
}

TEST_F(LargeObjectDb, DoesNotWriteWhatWasOpenedForReading) {
    pg::LargeObject object(transaction, oid);
    pg::Savepoint savepoint = transaction.savepoint();
    EXPECT_THROW(object.write(pattern(1)), pg::ServerError);
    savepoint.rollback();
    EXPECT_EQ(pg::LargeObject(transaction, oid).size(), 0);
}

TEST_F(LargeObjectDb, ClosesWithThePartThatItWasOpenedIn) {
    pg::LargeObject before(transaction, oid);
    pg::Savepoint outer = transaction.savepoint();
    std::optional<pg::LargeObject> undone(std::in_place, transaction, oid, pg::LargeObjectMode::read_write);
    pg::Savepoint inner = transaction.savepoint();
    pg::LargeObject kept(transaction, oid);
    inner.release();
    EXPECT_EQ(kept.size(), 0);
    outer.rollback();
    const pg::Oid other = pg::LargeObject::create(transaction);
    pg::LargeObject after(transaction, other, pg::LargeObjectMode::read_write);  // the server's next free descriptor
    EXPECT_THROW(undone->write(pattern(5)), pg::UsageError);
    EXPECT_THROW(static_cast<void>(kept.size()), pg::UsageError) << "it went over to the part around it";
    kept.close();
    undone.reset();
    EXPECT_EQ(after.size(), 0) << "what was meant for another came here";
    EXPECT_EQ(before.size(), 0);
}

TEST_F(LargeObjectDb, ClosesWhenATextUndoesItsOpeningAndTheServerGivesItsPlaceToAnother) {
    const pg::Oid other = pg::LargeObject::create(transaction);
    transaction.exec("savepoint a");
    pg::LargeObject undone(transaction, oid, pg::LargeObjectMode::read_write);
    transaction.exec("rollback to a");
    pg::LargeObject after(transaction, other, pg::LargeObjectMode::read_write);
    EXPECT_THROW(undone.write(pattern(5)), pg::UsageError);
    EXPECT_EQ(after.size(), 0) << "what was meant for another came here";
}

TEST_F(LargeObjectDb, ClosesWithItsTransaction) {
    pg::LargeObject object(transaction, oid);
    transaction.commit();
    EXPECT_THROW(static_cast<void>(object.size()), pg::UsageError);
}

}  // namespace
