// What a client says: written as the protocol's documentation has it, and read back by those who play a server.
#include "src/wire/client_messages.hpp"

#include <array>
#include <vector>

#include "tests/bound_arguments.hpp"
#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;
using namespace wire_check;

namespace {

TEST(Parse, HasANameATextAndItsTypes) {
    const std::string body = "s1\0select $1\0"s + int16(2) + int32(23) + int32(0);
    const std::array<std::uint32_t, 2> types{23, 0};
    EXPECT_EQ(written([&](SendBuffer& out) { put_parse(out, "s1", "select $1", types); }), message('P', body));
    const auto parse = read_parse(body);
    ASSERT_TRUE(parse);
    EXPECT_EQ(parse->statement, "s1");
    EXPECT_EQ(parse->sql, "select $1");
    EXPECT_EQ(parse->types, (std::vector<std::uint32_t>{23, 0}));
    expect_whole_body_only(body, [](std::string_view text) { return read_parse(text).has_value(); });
    EXPECT_FALSE(read_parse("\0\0\xff\xff"s)) << "65535 types without their bytes";
}

struct BindCase {
    std::vector<Argument> arguments;
    std::vector<std::int16_t> formats;
};

std::string written_bind(std::string_view statement, const BindCase& bind) {
    return written([&](SendBuffer& out) { put_bind(out, statement, bind.arguments, bind.formats); });
}

TEST(Bind, HasArgumentsOfBothFormatsAndNull) {
    const BindCase bind{{{"\1\2", 2, 1}, {nullptr, -1, 0}, {"", 0, 0}, {"text", 4, 0}}, {1, 0}};
    const std::string body = "\0s1\0"s + int16(4) + int16(1) + int16(0) + int16(0) + int16(0) + int16(4) + int32(2) +
                             "\1\2" + int32(0xffffffff) + int32(0) + int32(4) + "text" + int16(2) + int16(1) + int16(0);
    EXPECT_EQ(written_bind("s1", bind), message('B', body));
    const auto read = read_bind(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->portal, "");
    EXPECT_EQ(read->statement, "s1");
    EXPECT_EQ(read->argument_formats, (std::vector<std::int16_t>{1, 0, 0, 0}));
    EXPECT_EQ(read->arguments, (std::vector<std::optional<std::string_view>>{"\1\2", std::nullopt, "", "text"}));
    EXPECT_EQ(read->result_formats, (std::vector<std::int16_t>{1, 0}));
    expect_whole_body_only(body, [](std::string_view text) { return read_bind(text).has_value(); });
}

TEST(Bind, WithoutArgumentsIsShort) {
    EXPECT_EQ(written_bind("", {{}, {1}}), message('B', "\0\0"s + int16(0) + int16(0) + int16(1) + int16(1)));
    EXPECT_EQ(written_bind("", {{}, {}}), message('B', "\0\0"s + int16(0) + int16(0) + int16(0)));
}

TEST(Bind, IsWrittenBehindWhatIsUnsentHoweverLong) {
    const std::string text(5000, 't');
    const BindCase bind{std::vector<Argument>(100, {text.data(), 5000, 0}), {1}};
    SendBuffer out;
    put_sync(out);
    put_bind(out, text, bind.arguments, bind.formats);
    EXPECT_EQ(out.unsent(), message('S', "") + written_bind(text, bind));
    const auto read = read_bind(out.unsent().substr(10));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->statement, text);
    EXPECT_EQ(read->arguments.size(), 100U);
    for (const auto& argument : read->arguments) EXPECT_EQ(argument, text);
}

TEST(Bind, WithALengthOrACountThatCannotBeIsRefused) {
    const std::string head = "\0\0"s + int16(0) + int16(1), tail = int16(0);
    EXPECT_TRUE(read_bind(head + int32(1) + "a" + tail));
    EXPECT_TRUE(read_bind(head + int32(0xffffffff) + tail));
    for (const std::uint32_t length : {0xfffffffeU, 0x80000000U, 0x7fffffffU, 4U})
        EXPECT_FALSE(read_bind(head + int32(length) + "a" + tail)) << length;
    for (const std::uint32_t length : {0xfffffffeU, 0x80000000U})
        EXPECT_FALSE(read_bind(head + int32(length) + tail)) << "only -1 is NULL";
    EXPECT_FALSE(read_bind("\0\0\xff\xff"s));
    EXPECT_FALSE(read_bind("\0\0\0\0\xff\xff\0\0"s));
    EXPECT_FALSE(read_bind("\0\0\0\0\0\0\xff\xff\0\0"s));
}

TEST(DescribeAndClose, NameAStatementOrAPortal) {
    EXPECT_EQ(written([](SendBuffer& out) { put_describe(out, Named::statement, "s1"); }), message('D', "Ss1\0"s));
    EXPECT_EQ(written([](SendBuffer& out) { put_describe(out, Named::portal, ""); }), message('D', "P\0"s));
    EXPECT_EQ(written([](SendBuffer& out) { put_close(out, Named::portal, "p"); }), message('C', "Pp\0"s));
    const std::string body = "Ss1\0"s;
    const auto named = read_named(body);
    ASSERT_TRUE(named);
    EXPECT_EQ(named->what, Named::statement);
    EXPECT_EQ(named->name, "s1");
    EXPECT_EQ(read_named("P\0"s)->what, Named::portal);
    expect_whole_body_only(body, [](std::string_view text) { return read_named(text).has_value(); });
    EXPECT_FALSE(read_named("Xs1\0"s));
    EXPECT_FALSE(read_named("\0\0"s));
}

TEST(Execute, HasARowLimit) {
    EXPECT_EQ(written([](SendBuffer& out) { put_execute(out); }), message('E', "\0"s + int32(0)));
    EXPECT_EQ(written([](SendBuffer& out) { put_execute(out, 0x01020304); }), message('E', "\0\1\2\3\4"s));
    const std::string body = "p\0"s + int32(7);
    const auto execute = read_execute(body);
    ASSERT_TRUE(execute);
    EXPECT_EQ(execute->portal, "p");
    EXPECT_EQ(execute->most_rows, 7U);
    expect_whole_body_only(body, [](std::string_view text) { return read_execute(text).has_value(); });
}

TEST(OneText, IsWhatQueryAndCopyFailHave) {
    EXPECT_EQ(written([](SendBuffer& out) { put_query(out, "select 1"); }), message('Q', "select 1\0"s));
    EXPECT_EQ(written([](SendBuffer& out) { put_query(out, ""); }), message('Q', "\0"s));
    EXPECT_EQ(written([](SendBuffer& out) { put_copy_fail(out, "enough"); }), message('f', "enough\0"s));
    EXPECT_EQ(read_text("select 1\0"s), "select 1");
    expect_whole_body_only("enough\0"s, [](std::string_view body) { return read_text(body).has_value(); });
}

TEST(Password, IsItsBytesAsTheyAre) {
    EXPECT_EQ(written([](SendBuffer& out) { put_password(out, "secret\0"s); }), message('p', "secret\0"s));
    EXPECT_EQ(written([](SendBuffer& out) { put_password(out, "c=biws"); }), message('p', "c=biws"));
}

TEST(EmptyMessage, OfAClientIsAHeaderAlone) {
    for (const ClientType type : {ClientType::sync, ClientType::flush, ClientType::copy_done, ClientType::terminate})
        EXPECT_EQ(written([&](SendBuffer& out) { put_empty(out, type); }), message(static_cast<char>(type), ""));
    EXPECT_EQ(written([](SendBuffer& out) { put_sync(out); }), message('S', ""));
}

TEST(CopyData, OfAClientIsAHeaderWhoseBytesFollow) {
    EXPECT_EQ(written([](SendBuffer& out) {
                  put_copy_data_header(out, 4);
                  out.put_bytes("1\tx\n");
              }),
              message('d', "1\tx\n"));
    EXPECT_EQ(written([](SendBuffer& out) { put_copy_data_header(out, most_in_message); }), "d" + int32(0x3ffffff3));
}

TEST(Startup, HasAProtocolAndItsSettings) {
    const std::string body = int32(196610) + "user\0ann\0database\0shop\0\0"s;
    const std::array settings{StartupSetting{"user", "ann"}, StartupSetting{"database", "shop"}};
    EXPECT_EQ(written([&](SendBuffer& out) { put_startup(out, StartupRequest::protocol_3_2, settings); }),
              int32(static_cast<std::uint32_t>(body.size() + 4)) + body);
    const auto startup = read_startup(body);
    ASSERT_TRUE(startup);
    EXPECT_EQ(startup->request, StartupRequest::protocol_3_2);
    ASSERT_EQ(startup->settings.size(), 2U);
    EXPECT_EQ(startup->settings[1].name, "database");
    EXPECT_EQ(startup->settings[1].value, "shop");
    expect_whole_body_only(body, [](std::string_view text) { return read_startup(text).has_value(); });
    EXPECT_TRUE(read_startup(int32(196608) + "\0"s)) << "the server misses a user, the form is right";
    EXPECT_TRUE(read_startup(int32(196608) + "options\0\0\0"s)) << "a setting may be empty";
}

TEST(Startup, MayAskForEncryption) {
    for (const auto& [request, code] :
         {std::pair{StartupRequest::tls, 80877103U}, std::pair{StartupRequest::gss_encryption, 80877104U}}) {
        EXPECT_EQ(written([&](SendBuffer& out) { put_request(out, request); }), int32(8) + int32(code));
        const auto startup = read_startup(int32(code));
        ASSERT_TRUE(startup);
        EXPECT_EQ(startup->request, request);
        expect_whole_body_only(int32(code), [](std::string_view text) { return read_startup(text).has_value(); });
    }
}

TEST(Startup, MayCancelAProcess) {
    const std::string body = int32(80877102) + int32(4711) + "\xde\xad\xbe\xef";
    EXPECT_EQ(written([](SendBuffer& out) { put_cancel(out, 4711, "\xde\xad\xbe\xef"); }), int32(16) + body);
    const auto startup = read_startup(body);
    ASSERT_TRUE(startup);
    EXPECT_EQ(startup->request, StartupRequest::cancel);
    EXPECT_EQ(startup->process, 4711);
    EXPECT_EQ(startup->key, "\xde\xad\xbe\xef");
    EXPECT_FALSE(read_startup(body.substr(0, 7)));
}

TEST(ClientFrame, IsCutOffInFront) {
    const std::string all = message('P', "one") + message('S', "");
    std::string_view bytes = all;
    const auto parse = cut_client_frame(bytes, false);
    ASSERT_TRUE(parse);
    EXPECT_EQ(parse->type, ClientType::parse);
    EXPECT_EQ(parse->body, "one");
    const auto sync = cut_client_frame(bytes, false);
    ASSERT_TRUE(sync);
    EXPECT_EQ(sync->type, ClientType::sync);
    EXPECT_EQ(sync->body, "");
    EXPECT_EQ(bytes, "");
    EXPECT_FALSE(cut_client_frame(bytes, false));
}

TEST(ClientFrame, BeforeAllOthersHasNoType) {
    const std::string all = int32(8) + int32(80877103) + message('S', "");
    std::string_view bytes = all;
    const auto packet = cut_client_frame(bytes, true);
    ASSERT_TRUE(packet);
    EXPECT_FALSE(packet->type);
    EXPECT_EQ(packet->body, int32(80877103));
    EXPECT_EQ(bytes, message('S', ""));
}

TEST(ClientFrame, IsNotThereBeforeItsLastByte) {
    for (const bool startup : {false, true}) {
        const std::string all = message('Q', "select 1\0"s).substr(startup ? 1 : 0);
        for (std::size_t size = 0; size < all.size(); ++size) {
            std::string_view bytes = std::string_view(all).substr(0, size);
            EXPECT_FALSE(cut_client_frame(bytes, startup));
            EXPECT_EQ(bytes.size(), size);
        }
    }
}

TEST(ClientFrame, OfALengthThatCannotBeIsNeverThere) {
    for (const std::uint32_t length : {0U, 3U, 0x80000000U, 0xffffffffU}) {
        const std::string all = 'S' + int32(length) + "0123456789";
        std::string_view bytes = all;
        EXPECT_FALSE(cut_client_frame(bytes, false)) << length;
        bytes = std::string_view(all).substr(1);
        EXPECT_FALSE(cut_client_frame(bytes, true)) << length;
    }
}

}  // namespace
