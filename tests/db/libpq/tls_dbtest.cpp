// TLS on its way through a network that misbehaves: large messages, slow ones, and every way in which it ends.
#include <array>
#include <cstdio>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "pg/testing/fake_server.hpp"
#include "pg/testing/fault_proxy.hpp"
#include "pg/testing/reply.hpp"
#include "tests/db/libpq/open_session.hpp"
#include "tests/db/libpq/tls_proxy.hpp"

namespace pg::libpq {
namespace {

using testing::Direction;
using testing::Ending;
using testing::FaultProxy;

class Tls : public ::testing::Test {
protected:
    FaultProxy proxy_ = FaultProxy::start(secured_server());
    std::unique_ptr<spi::Session> session_ = open_session(proxy_.conninfo(secured_server()));

    void expect_loss(const Expected<Result>& result) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost) << result.error().what();
        EXPECT_EQ(result.error().outcome(), Outcome::unknown);
        EXPECT_FALSE(result.error().connection_usable());
        EXPECT_FALSE(session_->usable());
    }
    /// Asks something whose answer does not come before `fault`, and what came of it.
    template <class Fault>
    Expected<Result> ask_under(Fault fault) {
        proxy_.set(Direction::to_client, {.frozen = true});
        const std::uint64_t before = proxy_.stats().to_server.bytes_out;
        std::jthread saboteur([&] {
            if (proxy_.wait_for_bytes_out(Direction::to_server, before + 1, Deadline::after(10s))) fault();
        });
        return run(*session_, "select 1");
    }
};

TEST_F(Tls, IsWhatTheSessionSpeaks) {
    EXPECT_EQ(text_of(*session_, "select ssl from pg_stat_ssl where pid = pg_backend_pid()"), "t");
    EXPECT_EQ(session_->engine(), tested_engine());
}

TEST_F(Tls, CarriesWhatIsLargerThanItsRecords) {
    const std::string sql = "select repeat('x', 5000000) || '" + std::string(3'000'000, 'y') + "'";
    const Result result = run(*session_, sql).value();
    EXPECT_EQ(bytes_of(result, 0).size(), 8'000'000u);
    EXPECT_EQ(text_of(*session_, "select 1"), "1");
}

// Where an answer ends a little behind the room that it is received into, OpenSSL holds its end while the socket has
// nothing more to tell. The room has 64 KiB less a few bytes, a record 8 KiB, and a row 15 bytes.
TEST_F(Tls, LeavesNothingOfManyRowsBehind) {
    for (int rows = 4300; rows < 4400; ++rows) {
        const Expected<Result> result =
            run(*session_, "select n from generate_series(1, " + std::to_string(rows) + ") n");
        ASSERT_TRUE(result) << rows << ": " << result.error().what();
        ASSERT_EQ(result->size(), static_cast<std::size_t>(rows));
    }
}

TEST_F(Tls, CarriesASlowAnswerByteByByte) {
    proxy_.set(Direction::to_client, {.one_byte_at_a_time = true});
    EXPECT_EQ(text_of(*session_, "select repeat('x', 100)"), std::string(100, 'x'));
}

// A record has bytes of its own: the head of a message that goes in one with what follows costs none.
TEST_F(Tls, FillsItsRecordsInACopy) {
    if (tested_engine() != "direct") GTEST_SKIP() << "libpq sends its buffer as it fills";
    const auto sent_by = [&](auto step) {
        const std::uint64_t before = proxy_.stats().to_server.bytes_in;
        step();
        return proxy_.stats().to_server.bytes_in - before;
    };
    constexpr std::size_t head = 5, record = 16 * 1024;
    constexpr std::string_view create = "create temp table t (line text)", copy_in = "copy t from stdin";
    const auto query = [](std::string_view text) { return head + text.size() + 1; };
    const std::uint64_t own = sent_by([&] { ASSERT_TRUE(session_->run_command(create, soon())); }) - query(create);
    EXPECT_GT(own, 0U);
    const std::string piece(3 * record - head, 'x');
    EXPECT_EQ(sent_by([&] {
                  const auto copy = session_->copy_in(copy_in, soon()).value();
                  ASSERT_TRUE(copy->write(piece, soon()));
                  EXPECT_EQ(copy->finish(soon()).value(), 1U);
              }),
              query(copy_in) + own + 3 * (record + own) + head + own);
}

TEST_F(Tls, GivesUpAStatementThatTheServerDoesNotTake) {
    proxy_.set(Direction::to_server, {.frozen = true});
    const std::string sql = "select '" + std::string(12'000'000, 'x') + "'";
    const Expected<Result> result = within(200ms, [&] { return run(*session_, sql, in(200ms)); });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::timeout) << result.error().what();
    EXPECT_FALSE(session_->usable());
}

TEST_F(Tls, EndsWithTheWordsOfTheServer) {
    const std::string process = std::to_string(session_->backend_process());
    const auto other = open_session(secured_server().tcp_conninfo());
    ASSERT_TRUE(run(*other, "select pg_terminate_backend(" + process + ", 10000)"));
    const Expected<Result> result = run(*session_, "select 1");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost) << result.error().what();
    EXPECT_EQ(result.error().sqlstate(), "57P01") << result.error().what();
    EXPECT_FALSE(session_->alive());
}

TEST_F(Tls, EndsWithoutItsFarewell) {
    expect_loss(ask_under([&] { proxy_.cut(Ending::fin); }));
    EXPECT_FALSE(session_->alive());
}

TEST_F(Tls, EndsByAReset) {
    expect_loss(ask_under([&] { proxy_.cut(Ending::reset); }));
}

TEST_F(Tls, EndsWhereAByteWasChanged) {
    proxy_.set(Direction::to_client, {.corrupt_at = 20});
    const Expected<Result> result = run(*session_, "select repeat('x', 5000)");
    expect_loss(result);
    if (tested_engine() == "direct") {
        EXPECT_NE(result.error().message().find("TLS failed: "), std::string_view::npos) << result.error().what();
    }
}

// What was said in the clear before TLS began would be taken for what the server says under it (CVE-2021-23222). The
// words are libpq's.
TEST(TlsConsent, IsNoneWithBytesInTheClearBehindIt) {
    TlsProxy proxy(secured_server().tls(), testing::shared_server());
    const auto session = open_session(proxy.conninfo());  // and without them it is one
    const std::size_t heard = proxy.heard();
    EXPECT_GT(heard, 0U);
    proxy.say_in_the_clear(testing::Reply().authentication(0).parameter("server_version", "15.1").ready().bytes());
    const auto opened = make_libpq_provider()->open(config_of(proxy.conninfo()), {}, soon());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind(), ErrorKind::tls) << opened.error().what();
    EXPECT_EQ(opened.error().retry_scope(), RetryScope::none);
    EXPECT_NE(opened.error().message().find("received unencrypted data after SSL response"), std::string_view::npos)
        << opened.error().what();
    EXPECT_EQ(proxy.heard(), heard) << "not even who wants to come in was said";
}

// As a pooler does it that is being drained.
TEST(TlsPeer, ThatHangsUpIsLeftForTheNext) {
    TlsProxy leaving(secured_server().tls(), testing::shared_server());
    leaving.hang_up();
    const auto refused = make_libpq_provider()->open(config_of(leaving.conninfo()), {}, soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::connect) << refused.error().what();
    EXPECT_EQ(refused.error().retry_scope(), RetryScope::connect);

    const TlsProxy staying(secured_server().tls(), testing::shared_server());
    const std::string ports = leaving.port() + "," + staying.port();
    EXPECT_TRUE(make_libpq_provider()->open(config_of(staying.conninfo() + " host=127.0.0.1,127.0.0.1 port=" + ports),
                                            {}, soon()));
}

// libpq takes of a record what it has room for, and the rest makes no socket readable.
TEST(TlsRecords, AreReadToTheirEndByBothEngines) {
    TlsProxy proxy(secured_server().tls(), testing::shared_server());
    proxy.send_long_records();
    for (const char* engine : {"libpq", "direct"}) {
        const auto session = open_session(proxy.conninfo() + " engine=" + engine);
        for (int rows = 1; rows <= 40; ++rows) {
            const std::string sql = "select repeat('x', 5000) from generate_series(1, " + std::to_string(rows) + ")";
            const auto result = session->run({.sql = sql}, soon());
            ASSERT_TRUE(result) << engine << ": " << rows << " rows: " << result.error().what();
            EXPECT_EQ(result->size(), static_cast<std::size_t>(rows));
        }
    }
}

// A record that libpq has taken is not seen again: what came of a demand in others is kept until it is whole.
TEST(TlsRecords, HideNoDemandForMoreHashingThanIsAllowed) {
    const auto server = testing::TestServer::start({.auth = testing::TestServerAuth::scram_sha_256});
    TlsProxy proxy(secured_server().tls(), server);
    proxy.send_short_records();
    const std::string conninfo = proxy.conninfo() + " password='" + server.password() + "' scram_max_iterations=";
    const auto opened = make_libpq_provider()->open(config_of(conninfo + "4096"), {}, soon());
    EXPECT_TRUE(opened) << opened.error().what();
    const auto refused = make_libpq_provider()->open(config_of(conninfo + "4095"), {}, soon());
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("scram_max_iterations=4095"), std::string_view::npos)
        << refused.error().what();
}

// By the direct engine, which takes the connection over. libpq gives the notice when it has all of it.
TEST(TlsPeer, ThatSpokeHalfAMessageToLibpqIsLeft) {
    using namespace std::string_view_literals;
    using testing::MessageKind;
    using testing::Reply;
    const std::string notice = Reply().message('N', "Mhalf_of_it_to_libpq\0\0"sv).bytes();
    for (const std::size_t half : {std::size_t{1}, std::size_t{5}, std::size_t{7}, notice.size() - 1}) {
        const auto server = testing::FakeServer::start([&](testing::Conversation& client) {
            if (client.receive().kind != MessageKind::startup) return;
            client.send(Reply()
                            .authentication(0)
                            .parameter("server_version", "15.1")
                            .parameter("client_encoding", "UTF8")
                            .backend_key(1, "key!")
                            .ready()
                            .raw(std::string_view(notice).substr(0, half)));
            if (client.receive_until(MessageKind::sync).kind == MessageKind::left) return;
            client.send(Reply().raw(std::string_view(notice).substr(half)).ready());
            client.ignore();
        });
        TlsProxy proxy(secured_server().tls(), server.port());
        const auto taken_over =
            make_libpq_provider()->open(Config::parse(proxy.conninfo() + " engine=direct").value(), {}, soon());
        ASSERT_FALSE(taken_over) << half;
        EXPECT_EQ(taken_over.error().kind(), ErrorKind::protocol) << taken_over.error().what();
        EXPECT_EQ(taken_over.error().outcome(), Outcome::not_sent);
        EXPECT_TRUE(make_libpq_provider()->open(Config::parse(proxy.conninfo() + " engine=libpq").value(), {}, soon()));
    }
}

/// What is read from the standard input meanwhile, which is somebody else's.
class StandardInput {
public:
    explicit StandardInput(std::string_view text) : before_(::dup(STDIN_FILENO)) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe(ends.data()), 0);
        EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
        EXPECT_EQ(::dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
    }
    StandardInput(const StandardInput&) = delete;
    StandardInput& operator=(const StandardInput&) = delete;
    ~StandardInput() {
        ::dup2(before_, STDIN_FILENO);
        ::close(before_);
    }

private:
    int before_;
};

TEST(TlsKey, ThatIsEncryptedIsNotAskedForOnTheTerminal) {
    const testing::TestServerTls& tls = secured_server().tls();
    const std::string path = tls.client_key + ".encrypted";
    const std::unique_ptr<FILE, int (*)(FILE*)> plain(std::fopen(tls.client_key.c_str(), "r"), &std::fclose);
    ASSERT_TRUE(plain);
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
        PEM_read_PrivateKey(plain.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    ASSERT_TRUE(key);
    {
        const std::unique_ptr<FILE, int (*)(FILE*)> encrypted(std::fopen(path.c_str(), "w"), &std::fclose);
        ASSERT_TRUE(encrypted);
        char word[] = "sesame";
        ASSERT_EQ(PEM_write_PrivateKey(encrypted.get(), key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr, word), 1);
    }
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    const std::string conninfo =
        secured_server().tcp_conninfo() + " sslcert='" + tls.client_certificate + "' sslkey='" + path + "'";
    const StandardInput input("sesame\n");
    const auto refused = make_libpq_provider()->open(config_of(conninfo), {}, soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::tls) << refused.error().what();
    EXPECT_NE(refused.error().message().find("could not load private key file"), std::string_view::npos)
        << refused.error().what();
    const auto opened = make_libpq_provider()->open(config_of(conninfo + " sslpassword=sesame"), {}, soon());
    EXPECT_TRUE(opened) << opened.error().what();
}

TEST_F(Tls, IsSeenToBeOverWhileTheSessionRests) {
    EXPECT_TRUE(session_->alive());
    proxy_.cut(Ending::fin);
    ASSERT_TRUE(proxy_.wait_until_idle(Deadline::after(10s)));
    EXPECT_FALSE(session_->alive());
    EXPECT_FALSE(session_->usable());
}

}  // namespace
}  // namespace pg::libpq
