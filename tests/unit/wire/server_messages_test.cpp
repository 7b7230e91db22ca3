// What a server says: read from the bytes that the protocol's documentation gives, and written as the same bytes.
#include "src/wire/server_messages.hpp"

#include <array>
#include <vector>

#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;
using namespace wire_check;

namespace {

TEST(Ready, TellsTheThreeStatesOfATransaction) {
    EXPECT_EQ(read_ready("I"), TransactionState::idle);
    EXPECT_EQ(read_ready("T"), TransactionState::open);
    EXPECT_EQ(read_ready("E"), TransactionState::failed);
    EXPECT_EQ(written([](SendBuffer& out) { put_ready(out, TransactionState::open); }), "Z\0\0\0\5T"s);
}

TEST(Ready, OfAnyOtherFormIsRefused) {
    for (const std::string_view body : {"", "X", "i", "II", "TE"}) EXPECT_FALSE(read_ready(body)) << body;
    EXPECT_FALSE(read_ready("I\0"s));
}

TEST(BackendKeyData, HasAProcessAndAKeyOfFourTo256Bytes) {
    const std::string body = int32(0x01020304) + "\xde\xad\xbe\xef";
    const auto key = read_backend_key(body);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->process, 0x01020304);
    EXPECT_EQ(key->key, "\xde\xad\xbe\xef");
    EXPECT_TRUE(read_backend_key(int32(1) + std::string(256, 'k')));
    EXPECT_EQ(written([](SendBuffer& out) { put_backend_key(out, {258, "abcd"}); }), "K\0\0\0\x0c\0\0\1\2abcd"s);
}

TEST(BackendKeyData, OfAnyOtherSizeIsRefused) {
    const std::string body = int32(1) + "abc";
    for (std::size_t size = 0; size <= body.size(); ++size) EXPECT_FALSE(read_backend_key(body.substr(0, size)));
    EXPECT_FALSE(read_backend_key(int32(1) + std::string(257, 'k')));
}

TEST(ParameterStatus, HasANameAndAValue) {
    const std::string body = "TimeZone\0Etc/UTC\0"s;
    const auto parameter = read_parameter_status(body);
    ASSERT_TRUE(parameter);
    EXPECT_EQ(parameter->name, "TimeZone");
    EXPECT_EQ(parameter->value, "Etc/UTC");
    expect_whole_body_only(body, [](std::string_view text) { return read_parameter_status(text).has_value(); });
    EXPECT_TRUE(read_parameter_status("\0\0"s)) << "empty ones are texts";
    EXPECT_EQ(written([](SendBuffer& out) { put_parameter_status(out, {"TimeZone", "Etc/UTC"}); }), message('S', body));
}

TEST(NotificationResponse, HasAProcessAChannelAndAPayload) {
    const std::string body = int32(4711) + "jobs\0{}\0"s;
    const auto notification = read_notification(body);
    ASSERT_TRUE(notification);
    EXPECT_EQ(notification->process, 4711);
    EXPECT_EQ(notification->channel, "jobs");
    EXPECT_EQ(notification->payload, "{}");
    expect_whole_body_only(body, [](std::string_view text) { return read_notification(text).has_value(); });
    EXPECT_EQ(written([](SendBuffer& out) { put_notification(out, {4711, "jobs", "{}"}); }), message('A', body));
}

TEST(NegotiateProtocolVersion, HasAVersionAndTheOptionsThatAreNotKnown) {
    const std::string body = int32(196608) + int32(2) + "_pq_.one\0_pq_.two\0"s;
    const auto offer = read_version_offer(body);
    ASSERT_TRUE(offer);
    EXPECT_EQ(offer->version, 196608);
    EXPECT_EQ(offer->unknown_options, 2);
    expect_whole_body_only(body, [](std::string_view text) { return read_version_offer(text).has_value(); });
    const std::array<std::string_view, 2> options{"_pq_.one", "_pq_.two"};
    EXPECT_EQ(written([&](SendBuffer& out) { put_version_offer(out, 196608, options); }), message('v', body));
    EXPECT_TRUE(read_version_offer(int32(196610) + int32(0)));
}

TEST(NegotiateProtocolVersion, WithACountThatCannotBeIsRefused) {
    for (const std::uint32_t count : {0x7fffffffU, 0x80000000U, 0xffffffffU, 2U})
        EXPECT_FALSE(read_version_offer(int32(196608) + int32(count) + "_pq_.one\0"s)) << count;
}

TEST(NegotiateProtocolVersion, WithLessThanNoOptionsIsRefused) {
    for (const std::uint32_t count : {0x80000000U, 0xffffffffU})
        EXPECT_FALSE(read_version_offer(int32(196608) + int32(count)));
}

TEST(Report, HasItsFieldsByTheirLetters) {
    const std::string body = "SERROR\0VERROR\0C42P01\0Mrelation \"t\" does not exist\0P15\0Fparse_relation.c\0\0"s;
    const auto report = Report::read(body);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->field('S'), "ERROR");
    EXPECT_EQ(report->field('V'), "ERROR");
    EXPECT_EQ(report->field('C'), "42P01");
    EXPECT_EQ(report->field('M'), "relation \"t\" does not exist");
    EXPECT_EQ(report->field('P'), "15");
    EXPECT_EQ(report->field('F'), "parse_relation.c");
    EXPECT_EQ(report->field('D'), "") << "there is no detail";
    expect_whole_body_only(body, [](std::string_view text) { return Report::read(text).has_value(); });
    const std::array fields{ReportField{'S', "ERROR"}, ReportField{'C', "42P01"}};
    EXPECT_EQ(written([&](SendBuffer& out) { put_report(out, ServerType::error, fields); }),
              message('E', "SERROR\0C42P01\0\0"s));
    EXPECT_EQ(written([&](SendBuffer& out) { put_report(out, ServerType::notice, fields); }),
              message('N', "SERROR\0C42P01\0\0"s));
}

TEST(Report, MayLackEveryField) {
    const std::string body("\0", 1);
    const auto report = Report::read(body);
    ASSERT_TRUE(report);
    for (int letter = 0; letter < 256; ++letter) EXPECT_EQ(report->field(static_cast<char>(letter)), "");
}

TEST(Report, PassesOverLettersThatDoNotExist) {
    const std::string body = "!what\0\xffis\0~this\0Mtext\0\0"s;
    const auto report = Report::read(body);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->field('M'), "text");
    for (const char letter : {'!', '\xff', '~', '\0', '@', '{'}) EXPECT_EQ(report->field(letter), "");
}

TEST(Report, HasTheLastOfTwoFieldsWithOneLetter) {
    const std::string body = "Mone\0Mtwo\0Afirst\0zlast\0\0"s;
    const auto report = Report::read(body);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->field('M'), "two");
    EXPECT_EQ(report->field('A'), "first");
    EXPECT_EQ(report->field('z'), "last");
}

const std::string two_columns = int16(2) + "id\0"s + int32(16384) + int16(1) + int32(23) + int16(4) +
                                int32(0xffffffff) + int16(1) + "\0"s + int32(0) + int16(0) + int32(1043) + int16(-1) +
                                int32(36) + int16(0);

bool is_row_description(std::string_view body) {
    RowDescription description(body);
    for (std::size_t i = 0; i < description.count(); ++i) static_cast<void>(description.next());
    return description.done();
}

TEST(RowDescription, DescribesItsColumns) {
    RowDescription description(two_columns);
    ASSERT_EQ(description.count(), 2U);
    const FieldDescription id = description.next();
    EXPECT_FALSE(description.done());
    EXPECT_EQ(id.name, "id");
    EXPECT_EQ(id.table, 16384U);
    EXPECT_EQ(id.attribute, 1);
    EXPECT_EQ(id.type, 23U);
    EXPECT_EQ(id.type_size, 4);
    EXPECT_EQ(id.modifier, -1);
    EXPECT_EQ(id.format, 1);
    const FieldDescription text = description.next();
    EXPECT_TRUE(description.done());
    EXPECT_EQ(text.name, "");
    EXPECT_EQ(text.type, 1043U);
    EXPECT_EQ(text.type_size, -1);
    EXPECT_EQ(text.modifier, 36);
    EXPECT_EQ(text.format, 0);
    const std::array columns{id, text};
    EXPECT_EQ(written([&](SendBuffer& out) { put_row_description(out, columns); }), message('T', two_columns));
}

TEST(RowDescription, IsWholeOrNotDone) {
    expect_whole_body_only(two_columns, is_row_description);
    EXPECT_TRUE(is_row_description(int16(0)));
}

TEST(RowDescription, WithACountOrAFormatThatCannotBeIsNotDone) {
    for (const int count : {0, 1, 3, 0x7fff, 0x8000, 0xffff})
        EXPECT_FALSE(is_row_description(int16(count) + two_columns.substr(2))) << count;
    for (const int format : {2, -1, 256})
        EXPECT_FALSE(is_row_description(two_columns.substr(0, two_columns.size() - 2) + int16(format))) << format;
}

TEST(RowDescription, GivesNothingBehindItsColumns) {
    RowDescription description(int16(0));
    EXPECT_TRUE(description.done());
    EXPECT_EQ(description.next().name, "");
    EXPECT_FALSE(description.done());
}

TEST(ParameterDescription, HasTheOidsAsTheyCame) {
    const std::string body = int16(2) + int32(23) + int32(1009);
    EXPECT_EQ(read_parameter_description(body), body.substr(2));
    expect_whole_body_only(body, [](std::string_view text) { return read_parameter_description(text).has_value(); });
    EXPECT_EQ(read_parameter_description(int16(0)), "");
    EXPECT_FALSE(read_parameter_description(int16(0xffff) + int32(23)));
    EXPECT_EQ(read_parameter_description(int16(0xffff) + std::string(0xffff * 4, 'o'))->size(), 0xffffU * 4);
    const std::array<std::uint32_t, 2> types{23, 1009};
    EXPECT_EQ(written([&](SendBuffer& out) { put_parameter_description(out, types); }), message('t', body));
}

TEST(CopyResponse, HasAFormatAndItsColumns) {
    const std::string text = "\0"s + int16(2) + int16(0) + int16(0), binary = "\1"s + int16(2) + int16(1) + int16(1);
    for (const std::string& body : {text, binary}) {
        const auto format = read_copy_format(body);
        ASSERT_TRUE(format);
        EXPECT_EQ(format->binary, body == binary);
        EXPECT_EQ(format->columns, 2U);
        expect_whole_body_only(body, [](std::string_view part) { return read_copy_format(part).has_value(); });
        EXPECT_EQ(written([&](SendBuffer& out) { put_copy_format(out, ServerType::copy_in, *format); }),
                  message('G', body));
        EXPECT_EQ(written([&](SendBuffer& out) { put_copy_format(out, ServerType::copy_out, *format); }),
                  message('H', body));
    }
    EXPECT_TRUE(read_copy_format("\1"s + int16(2) + int16(0) + int16(1))) << "some columns of it may be text";
}

TEST(CopyResponse, WithFormatsThatCannotBeIsRefused) {
    EXPECT_FALSE(read_copy_format("\2"s + int16(0)));
    EXPECT_FALSE(read_copy_format("\xff"s + int16(0)));
    EXPECT_FALSE(read_copy_format("\0"s + int16(1) + int16(1))) << "all of a textual COPY is text";
    EXPECT_FALSE(read_copy_format("\1"s + int16(1) + int16(2)));
    EXPECT_FALSE(read_copy_format("\1"s + int16(-1) + int16(1)));
}

TEST(CommandComplete, HasATag) {
    EXPECT_EQ(read_tag("INSERT 0 1\0"s), "INSERT 0 1");
    expect_whole_body_only("INSERT 0 1\0"s, [](std::string_view body) { return read_tag(body).has_value(); });
    EXPECT_EQ(written([](SendBuffer& out) { put_tag(out, "SELECT 7"); }), message('C', "SELECT 7\0"s));
}

TEST(CommandComplete, CountsRowsInItsLastWord) {
    EXPECT_EQ(rows_of_tag("INSERT 0 12"), 12U);
    EXPECT_EQ(rows_of_tag("SELECT 3"), 3U);
    EXPECT_EQ(rows_of_tag("UPDATE 18446744073709551615"), 18446744073709551615U);
    for (const std::string_view tag : {"", "BEGIN", "7", "CREATE TABLE", "SELECT ", "SELECT -1", "SELECT +1",
                                       "SELECT 1x", "SELECT 0x1", "SELECT 18446744073709551616"})
        EXPECT_EQ(rows_of_tag(tag), 0U) << tag;
}

TEST(DataRow, IsWellFormedWithExactlyItsColumns) {
    const std::string body = int16(3) + int32(2) + "ab" + int32(0xffffffff) + int32(0);
    expect_whole_body_only(body, [](std::string_view row) { return is_well_formed_row(row, 3); });
    EXPECT_FALSE(is_well_formed_row(body, 2));
    EXPECT_FALSE(is_well_formed_row(body, 4));
    EXPECT_FALSE(is_well_formed_row(body, 0x10003));
    EXPECT_TRUE(is_well_formed_row(int16(0), 0));
    EXPECT_FALSE(is_well_formed_row("", 0));
    const std::vector<std::optional<std::string_view>> values{"ab", std::nullopt, ""};
    EXPECT_EQ(written([&](SendBuffer& out) { put_data_row(out, values); }), message('D', body));
}

TEST(DataRow, WithALengthThatCannotBeIsNot) {
    for (const std::uint32_t length : {2U, 0U, 0x7fffffffU, 0x80000000U, 0xfffffffeU})
        EXPECT_FALSE(is_well_formed_row(int16(1) + int32(length) + "a", 1)) << length;
    for (const std::uint32_t length : {0x80000000U, 0xfffffffeU})
        EXPECT_FALSE(is_well_formed_row(int16(1) + int32(length), 1)) << "only -1 is NULL";
    EXPECT_TRUE(is_well_formed_row(int16(1) + int32(1) + "a", 1));
    EXPECT_FALSE(is_well_formed_row(int16(1) + int32(0xffffffff) + "a", 1)) << "NULL has no bytes";
}

TEST(Authentication, IsWrittenWithItsData) {
    EXPECT_EQ(written([](SendBuffer& out) { put_authentication(out, AuthRequest::ok); }), "R\0\0\0\x08\0\0\0\0"s);
    EXPECT_EQ(written([](SendBuffer& out) { put_authentication(out, AuthRequest::md5_password, "salt"); }),
              "R\0\0\0\x0c\0\0\0\5salt"s);
    EXPECT_EQ(written([](SendBuffer& out) { put_authentication(out, AuthRequest::sasl, "SCRAM-SHA-256\0\0"s); }),
              message('R', int32(10) + "SCRAM-SHA-256\0\0"s));
}

TEST(EmptyMessage, OfAServerIsAHeaderAlone) {
    for (const ServerType type :
         {ServerType::parse_complete, ServerType::bind_complete, ServerType::close_complete, ServerType::no_data,
          ServerType::empty_query, ServerType::portal_suspended, ServerType::copy_done})
        EXPECT_EQ(written([&](SendBuffer& out) { put_empty(out, type); }), message(static_cast<char>(type), ""));
}

TEST(CopyData, OfAServerIsItsBytes) {
    EXPECT_EQ(written([](SendBuffer& out) { put_copy_data(out, "1\tx\n"); }), message('d', "1\tx\n"));
    EXPECT_EQ(written([](SendBuffer& out) { put_copy_data(out, ""); }), message('d', ""));
}

}  // namespace
