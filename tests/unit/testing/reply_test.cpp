// A fake server's messages, as those who play the client read them.
#include "pg/testing/reply.hpp"

#include <gtest/gtest.h>

#include "src/wire/server_messages.hpp"

namespace pg::testing {
namespace {

using namespace std::string_view_literals;

/// The body of the only message, which is of that type.
std::string body_of(char type, const Reply& reply) {
    const std::string& bytes = reply.bytes();
    EXPECT_EQ(bytes.at(0), type);
    EXPECT_EQ(wire::load<std::uint32_t>(bytes.data() + 1), bytes.size() - 1);
    return bytes.substr(5);
}

TEST(Reply, SaysWhatBeginsASession) {
    EXPECT_EQ(body_of('R', Reply().authentication(3)), "\0\0\0\3"sv);
    EXPECT_EQ(body_of('R', Reply().authentication(5, "salt")), "\0\0\0\5salt"sv);
    EXPECT_EQ(body_of('S', Reply().parameter("TimeZone", "UTC")), "TimeZone\0UTC\0"sv);
    EXPECT_EQ(body_of('K', Reply().backend_key(7, "abcd")), "\0\0\0\7abcd"sv);
    EXPECT_EQ(body_of('Z', Reply().ready()), "I");
    EXPECT_EQ(body_of('Z', Reply().ready(FakeTransaction::failed)), "E");
}

TEST(Reply, SaysTheStepsOfTheExtendedProtocol) {
    EXPECT_EQ(body_of('1', Reply().parse_complete()), "");
    EXPECT_EQ(body_of('2', Reply().bind_complete()), "");
    EXPECT_EQ(body_of('3', Reply().close_complete()), "");
    EXPECT_EQ(body_of('n', Reply().no_data()), "");
    EXPECT_EQ(body_of('s', Reply().portal_suspended()), "");
    EXPECT_EQ(body_of('I', Reply().empty_query()), "");
    EXPECT_EQ(body_of('t', Reply().parameters({Oid{23}, Oid{25}})), "\0\2\0\0\0\x17\0\0\0\x19"sv);
}

TEST(Reply, DescribesColumns) {
    const auto body = body_of('T', Reply().columns({{"id", Oid{23}, Format::binary}, {"name"}}));
    wire::RowDescription columns(body);
    ASSERT_EQ(columns.count(), 2u);
    const auto id = columns.next();
    EXPECT_EQ(id.name, "id");
    EXPECT_EQ(id.type, 23u);
    EXPECT_EQ(id.type_size, 4);
    EXPECT_EQ(id.format, 1);
    const auto name = columns.next();
    EXPECT_EQ(name.name, "name");
    EXPECT_EQ(name.type, 25u);
    EXPECT_EQ(name.type_size, -1);
    EXPECT_EQ(name.format, 0);
    EXPECT_TRUE(columns.done());
}

TEST(Reply, KnowsTheSizesOfFixedTypes) {
    for (const auto& [type, size] : {std::pair{16u, 1}, {21u, 2}, {26u, 4}, {1184u, 8}, {2950u, 16}}) {
        const auto body = body_of('T', Reply().columns({{"x", Oid{type}}}));
        EXPECT_EQ(wire::RowDescription(body).next().type_size, size) << type;
    }
}

TEST(Reply, SaysRowsAndTheirEnd) {
    EXPECT_EQ(body_of('D', Reply().row({"ann", std::nullopt, ""})), "\0\3\0\0\0\3ann\xff\xff\xff\xff\0\0\0\0"sv);
    EXPECT_EQ(body_of('C', Reply().tag("SELECT 1")), "SELECT 1\0"sv);
}

TEST(Reply, ReportsTheFieldsThatAreGiven) {
    ErrorFields fields;
    fields.sqlstate = "23505";
    fields.message = "duplicate";
    fields.constraint = "users_key";
    fields.position = 12;
    const auto body = body_of('E', Reply().error(fields));
    const auto report = wire::Report::read(body);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->field('S'), "ERROR");
    EXPECT_EQ(report->field('V'), "ERROR");
    EXPECT_EQ(report->field('C'), "23505");
    EXPECT_EQ(report->field('M'), "duplicate");
    EXPECT_EQ(report->field('n'), "users_key");
    EXPECT_EQ(report->field('P'), "12");
    EXPECT_EQ(body.find('D'), std::string::npos) << "an empty field is no field";
}

TEST(Reply, ReportsAnErrorWithoutACode) {
    const auto body = body_of('E', Reply().error("", "no code"));
    EXPECT_EQ(body, "SERROR\0VERROR\0Mno code\0\0"sv);
}

TEST(Reply, SaysWhatComesUnasked) {
    EXPECT_EQ(body_of('N', Reply().notice("careful")), "SNOTICE\0VNOTICE\0C00000\0Mcareful\0\0"sv);
    ErrorFields warning;
    warning.severity = "WARNING";
    EXPECT_EQ(body_of('N', Reply().notice(warning)), "SWARNING\0VWARNING\0\0"sv);
    EXPECT_EQ(body_of('A', Reply().notification(7, "jobs", "42")), "\0\0\0\7jobs\00042\0"sv);
}

TEST(Reply, SaysCopy) {
    EXPECT_EQ(body_of('G', Reply().copy_in(2)), "\0\0\2\0\0\0\0"sv);
    EXPECT_EQ(body_of('H', Reply().copy_out(1, Format::binary)), "\1\0\1\0\1"sv);
    EXPECT_EQ(body_of('d', Reply().copy_data("a\tb\n")), "a\tb\n");
    EXPECT_EQ(body_of('c', Reply().copy_done()), "");
}

TEST(Reply, PutsMessagesOneBehindTheOther) {
    EXPECT_EQ(Reply().parse_complete().raw("x").message('?', "y").bytes(), "1\0\0\0\4x?\0\0\0\5y"sv);
}

}  // namespace
}  // namespace pg::testing
