// Large objects: which functions of the server are called, with what.
#include "pg/large_object.hpp"

#include <gtest/gtest.h>

#include "fake_session.hpp"

namespace {

using fake::Lines;
using fake::rows;

constexpr std::uint32_t bytea = 17;

std::string hex_of(std::size_t bytes) {
    std::string text = "\\x";
    for (std::size_t i = 0; i < bytes; ++i) text += "61";
    return text;
}

class LargeObject : public testing::Test {
protected:
    void answer_number(const char* sql, std::int64_t number, std::uint32_t type = 23) {
        server.answer(sql, rows({{"f", type}}, {{std::to_string(number)}}));
    }
    pg::LargeObject open(int descriptor = 3) {
        answer_number("select lo_open($1, $2)", descriptor);
        pg::LargeObject object(transaction, pg::Oid{77});
        server.take_log();
        return object;
    }
    /// The four bytes of an argument of the statement that was run last.
    std::int32_t argument(std::size_t index) {
        return pg::detail::load_big_endian<std::int32_t>(server.asked.back().arguments[index].bytes->data());
    }

    fake::Database db;
    fake::Server& server = *db.server;
    pg::Transaction transaction = db.client.begin();
};

TEST_F(LargeObject, IsCreatedAndRemovedByNumber) {
    answer_number("select lo_create($1)", 77, 26);
    EXPECT_EQ(pg::LargeObject::create(transaction), pg::Oid{77});
    EXPECT_EQ(argument(0), 0);
    answer_number("select lo_unlink($1)", 1);
    pg::LargeObject::remove(transaction, pg::Oid{77});
    EXPECT_EQ(argument(0), 77);
    server.answer("select lo_unlink($1)", fake::server_error("42704"));
    EXPECT_THROW(pg::LargeObject::remove(transaction, pg::Oid{78}), pg::ServerError);
}

TEST_F(LargeObject, OpensForReadingUnlessToldOtherwise) {
    answer_number("select lo_open($1, $2)", 3);
    const pg::LargeObject reading(transaction, pg::Oid{77});
    EXPECT_EQ(reading.oid(), pg::Oid{77});
    EXPECT_EQ(argument(1), 0x40000);
    answer_number("select lo_open($1, $2)", 4);
    const pg::LargeObject writing(transaction, pg::Oid{77}, pg::LargeObjectMode::read_write);
    EXPECT_EQ(argument(1), 0x60000);
    server.answer("select lo_open($1, $2)", fake::server_error("42704"));
    EXPECT_THROW(pg::LargeObject(transaction, pg::Oid{78}), pg::ServerError);
}

TEST_F(LargeObject, ReadsInPiecesUntilTheEnd) {
    pg::LargeObject object = open();
    std::vector<std::byte> bytes(3 << 20);
    server.answer("select loread($1, $2)", rows({{"b", bytea}}, {{hex_of(1 << 20)}}));
    server.answer("select loread($1, $2)", rows({{"b", bytea}}, {{hex_of(5)}}));
    EXPECT_EQ(object.read(bytes), (1u << 20) + 5);
    EXPECT_EQ(argument(0), 3);
    EXPECT_EQ(argument(1), 1 << 20);
    EXPECT_EQ(bytes[(1 << 20) + 4], std::byte{'a'});
    EXPECT_EQ(bytes[(1 << 20) + 5], std::byte{0});
    server.answer("select loread($1, $2)", fake::server_error("55000"));
    EXPECT_THROW(object.read(bytes), pg::ServerError);
}

TEST_F(LargeObject, ReadsNoFurtherThanThereIsRoom) {
    pg::LargeObject object = open();
    std::vector<std::byte> bytes(2);
    server.answer("select loread($1, $2)", rows({{"b", bytea}}, {{hex_of(2)}}));
    EXPECT_EQ(object.read(bytes), 2u);
    EXPECT_EQ(argument(1), 2);
    EXPECT_EQ(object.read({}), 0u);
    EXPECT_EQ(server.take_log(), Lines{"select loread($1, $2)"});
}

TEST_F(LargeObject, ReadsBytesThatComeAsTheyAre) {
    pg::LargeObject object = open();
    const auto answer = [&](std::vector<std::vector<fake::Text>> cells, std::uint32_t type = bytea) {
        server.answer("select loread($1, $2)",
                      pg::Result(std::make_shared<fake::Table>(std::vector<fake::Column>{{"b", type}}, std::move(cells),
                                                               "SELECT 1", pg::Format::binary)));
    };
    std::vector<std::byte> bytes(3);
    answer({{std::string("\0a", 2)}});
    EXPECT_EQ(object.read(bytes), 2u);
    EXPECT_EQ(bytes, (std::vector{std::byte{0}, std::byte{'a'}, std::byte{0}}));
    answer({});
    EXPECT_THROW(object.read(bytes), pg::NoRows);
    answer({{"x"}}, 25);
    EXPECT_THROW(object.read(bytes), pg::ShapeError);
    answer({{std::nullopt}});
    EXPECT_THROW(object.read(bytes), pg::DecodeError);
}

TEST_F(LargeObject, WritesInPieces) {
    pg::LargeObject object = open();
    const std::vector<std::byte> bytes((1 << 20) + 1);
    answer_number("select lowrite($1, $2)", 1 << 20);
    answer_number("select lowrite($1, $2)", 1);
    object.write(bytes);
    EXPECT_EQ(server.take_log().size(), 3u) << "the second is prepared";
    EXPECT_EQ(server.asked.back().arguments[1].bytes->size(), 1u);
    server.answer("select lowrite($1, $2)", fake::server_error("55000"));
    EXPECT_THROW(object.write(bytes), pg::ServerError);
}

TEST_F(LargeObject, MovesItsPosition) {
    pg::LargeObject object = open();
    answer_number("select lo_lseek64($1, $2, $3)", std::int64_t{1} << 40, 20);
    EXPECT_EQ(object.seek(-5, pg::SeekFrom::end), std::int64_t{1} << 40);
    EXPECT_EQ(argument(2), 2);
    answer_number("select lo_tell64($1)", 9, 20);
    EXPECT_EQ(object.tell(), 9);
    answer_number("select lo_truncate64($1, $2)", 0);
    object.truncate(10);
}

TEST_F(LargeObject, TellsItsSizeAndGoesBack) {
    pg::LargeObject object = open();
    answer_number("select lo_tell64($1)", 9, 20);
    answer_number("select lo_lseek64($1, $2, $3)", 100, 20);
    answer_number("select lo_lseek64($1, $2, $3)", 9, 20);
    EXPECT_EQ(object.size(), 100);
    EXPECT_EQ(server.asked.back().arguments[1].bytes->back(), 9);
    EXPECT_EQ(argument(2), 0);
}

TEST_F(LargeObject, SaysWhichStepOfItsSizeFailed) {
    pg::LargeObject object = open();
    server.answer("select lo_tell64($1)", fake::server_error("42704"));
    EXPECT_THROW(static_cast<void>(object.size()), pg::ServerError);
    answer_number("select lo_tell64($1)", 9, 20);
    server.answer("select lo_lseek64($1, $2, $3)", fake::server_error("42704"));
    EXPECT_THROW(static_cast<void>(object.size()), pg::ServerError);
    answer_number("select lo_tell64($1)", 9, 20);
    answer_number("select lo_lseek64($1, $2, $3)", 100, 20);
    server.answer("select lo_lseek64($1, $2, $3)", fake::server_error("42704"));
    EXPECT_THROW(static_cast<void>(object.size()), pg::ServerError);
}

TEST_F(LargeObject, IsClosedOnce) {
    {
        pg::LargeObject object = open();
        answer_number("select lo_close($1)", 0);
        object.close();
        object.close();
        std::byte one{};
        EXPECT_THROW(object.read({&one, 1}), pg::UsageError);
        EXPECT_THROW(object.write({&one, 1}), pg::UsageError);
        EXPECT_THROW(object.read(std::span<std::byte>()), pg::UsageError);
        EXPECT_THROW(object.write({}), pg::UsageError);
        EXPECT_THROW(object.seek(0), pg::UsageError);
        EXPECT_THROW(static_cast<void>(object.tell()), pg::UsageError);
        EXPECT_THROW(object.truncate(0), pg::UsageError);
    }
    EXPECT_EQ(server.take_log(), Lines{"select lo_close($1)"});
}

TEST_F(LargeObject, ClosesWhenItGoes) {
    {
        pg::LargeObject object = open();
        pg::LargeObject moved = std::move(object);
        pg::LargeObject other = open(4);
        other = std::move(moved);
    }
    EXPECT_EQ(server.take_log(),
              (Lines{"select lo_close($1)", "prepare select lo_close($1)", "execute select lo_close($1)"}));
}

TEST_F(LargeObject, EndsWithItsTransaction) {
    pg::LargeObject object = open();
    transaction.commit();
    EXPECT_THROW(static_cast<void>(object.tell()), pg::UsageError);
    EXPECT_EQ(server.take_log(), Lines{"commit"});
}

}  // namespace
