// COPY in on the direct engine: its bytes arrive as they are, however few of them the socket takes at a time, and a
// server that goes in the middle of them, or takes no more, is told in time.
#include <algorithm>
#include <gtest/gtest.h>
#include <initializer_list>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "tests/slowness.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// What the session's socket is. One with the least send buffer there is takes a little at a time.
struct Socket {
    const char* name;
    bool is_local;
    bool is_tiny = false;
};

class DirectCopyIn : public ::testing::TestWithParam<Socket> {
protected:
    [[nodiscard]] static ScriptedSession session_with(testing::Script script) {
        ScriptedSession session("direct", std::move(script), {.unix_socket = GetParam().is_local});
        const int least = 1;
        if (GetParam().is_tiny) {
            EXPECT_EQ(::setsockopt(session->socket(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
        }
        return session;
    }
};
INSTANTIATE_TEST_SUITE_P(Over, DirectCopyIn,
                         ::testing::Values(Socket{"tcp", false}, Socket{"unix", true}, Socket{"tiny", true, true}),
                         [](const auto& socket) { return std::string(socket.param.name); });

/// What a COPY had: the bytes of its messages, and how many each had.
struct Contents {
    std::string bytes;
    std::vector<std::size_t> sizes;
};

// What waits goes together with a large piece, which goes from where it lies; what the socket does not take at once is
// kept. A unix socket holds less than one message of a COPY may have.
TEST_P(DirectCopyIn, SendsEveryByteInItsOrder) {
    auto taken = std::make_shared<Contents>();
    const ScriptedSession session = session_with([taken](Conversation& client) {
        client.expect(MessageKind::query);
        client.send(Reply().copy_in(1));
        for (;;) {
            const testing::ClientMessage message = client.receive();
            if (message.kind == MessageKind::copy_done) break;
            if (message.kind != MessageKind::copy_data) return client.report("not CopyData");
            taken->bytes += message.data;
            taken->sizes.push_back(message.data.size());
        }
        client.send(Reply().tag("COPY 1").ready());
        client.ignore();
    });
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    Contents sent;
    for (const std::size_t size : std::initializer_list<std::size_t>{1, 20'000, 15'000, 15'000, 15'000, 15'000, 15'000,
                                                                     300'000, 40'000, 4 << 20, 7}) {
        std::string piece(size, '\0');
        for (std::size_t i = 0; i < size; ++i) piece[i] = static_cast<char>(sent.bytes.size() + i * 7 + i / 1000);
        copy->write(piece, soon()).value();
        sent.bytes += piece;
        constexpr std::size_t most = 256 * 1024;  // of one message
        for (std::size_t left = size; left != 0; left -= sent.sizes.back()) sent.sizes.push_back(std::min(left, most));
    }
    EXPECT_EQ(copy->finish(soon()).value(), 1U);
    EXPECT_TRUE(taken->bytes == sent.bytes) << taken->bytes.size() << " bytes of " << sent.bytes.size();
    EXPECT_EQ(taken->sizes, sent.sizes);
    EXPECT_TRUE(session->usable());
}

// Without a signal, which would end this program.
TEST_P(DirectCopyIn, IsLostWithAServerThatGoesInTheMiddle) {
    for (const bool by_reset : {false, true}) {
        const ScriptedSession session = session_with([by_reset](Conversation& client) {
            client.expect(MessageKind::query);
            client.send(Reply().copy_in(1));
            client.expect(MessageKind::copy_data);
            by_reset ? client.reset() : client.close();
        });
        const auto copy = session->copy_in("copy t from stdin", soon()).value();
        const std::string bytes(16 << 20, 'x');
        const Expected<void> written = copy->write(bytes, soon());
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().kind(), ErrorKind::connection_lost) << written.error().what();
        EXPECT_EQ(written.error().outcome(), Outcome::unknown) << written.error().what();
        EXPECT_FALSE(session->usable());
        EXPECT_EQ(copy->finish(soon()).error().kind(), ErrorKind::usage) << "it is over";
    }
}

// A server that meets the end of its client in the middle says first that the statement failed, then why it leaves.
TEST_P(DirectCopyIn, IsLostWithAServerThatSaysThatItsClientHasGone) {
    const ScriptedSession session = session_with([](Conversation& client) {
        client.expect(MessageKind::query);
        client.send(Reply().copy_in(1));
        client.expect(MessageKind::copy_data);
        client.send(Reply()
                        .error("08006", "unexpected EOF on client connection with an open transaction")
                        .message('E', std::string_view("SFATAL\0VFATAL\0C08P01\0Mprotocol synchronization was "
                                                       "lost\0RPostgresMain\0\0",
                                                       71)));
    });
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    const std::string bytes(16 << 20, 'x');
    const Expected<void> written = copy->write(bytes, soon());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind(), ErrorKind::connection_lost) << written.error().what();
    EXPECT_EQ(written.error().sqlstate(), "08P01") << written.error().what();
    EXPECT_EQ(written.error().outcome(), Outcome::unknown) << written.error().what();
    EXPECT_FALSE(written.error().connection_usable());
    EXPECT_FALSE(session->usable());
}

TEST_P(DirectCopyIn, IsGivenUpAtItsDeadlineWhereTheServerTakesNoMore) {
    const ScriptedSession session = session_with([](Conversation& client) {
        client.expect(MessageKind::query);
        client.send(Reply().copy_in(1));
        static_cast<void>(client.wait_for_cue());  // which never comes
    });
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    const std::string bytes(64 << 20, 'x');
    const auto begin = std::chrono::steady_clock::now();
    const Expected<void> written = copy->write(bytes, in(100ms));
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(100ms));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind(), ErrorKind::timeout) << written.error().what();
    EXPECT_EQ(written.error().outcome(), Outcome::unknown) << written.error().what();
    EXPECT_FALSE(session->usable());
}

// The rest of what was to be sent keeps the connection from being used again, and so it is closed.
TEST_P(DirectCopyIn, SaysThatTheConnectionIsClosedWhereTheServerTakesNoMoreBehindItsError) {
    const std::string bytes(64 << 20, 'x');
    for (const Deadline patience = Deadline::after(60s); !patience.passed();) {
        const ScriptedSession session = session_with([](Conversation& client) {
            client.expect(MessageKind::query);
            client.send(Reply().copy_in(1));
            client.expect(MessageKind::copy_data);
            client.send(Reply().error("22P02", "no number"));
            static_cast<void>(client.wait_for_cue());  // which never comes
        });
        const auto copy = session->copy_in("copy t from stdin", soon()).value();
        const Expected<void> written = copy->write(bytes, in(100ms));
        ASSERT_FALSE(written);
        if (written.error().kind() == ErrorKind::timeout) continue;  // a busy machine took longer than a moment
        EXPECT_EQ(written.error().sqlstate(), "22P02") << written.error().what();
        EXPECT_FALSE(session->usable());
        EXPECT_FALSE(written.error().connection_usable());
        return;
    }
    FAIL() << "no error came in time";
}

}  // namespace
}  // namespace pg::libpq
