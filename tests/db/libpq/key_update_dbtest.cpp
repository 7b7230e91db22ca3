// TLS 1.3 changes its keys in the middle of a session: nobody notices, whichever way the bytes go.
//
// Left alone: a peer that asks for new keys while OpenSSL holds half a record that the socket does not take. OpenSSL
// answers within the record, takes its own answer for the rest of it, and fails ("bad length"); libpq's sessions end by
// it as ours do. OpenSSL 1.1.1 ends a session after 32 changes.
#include "tests/db/libpq/open_session.hpp"
#include "tests/db/libpq/tls_proxy.hpp"

namespace pg::libpq {
namespace {

class KeyUpdate : public ::testing::Test {
protected:
    TlsProxy proxy_{secured_server().tls(), testing::shared_server()};
    std::unique_ptr<spi::Session> session_ = open_session(proxy_.conninfo());
};

TEST_F(KeyUpdate, BetweenStatementsGoesUnnoticed) {
    EXPECT_EQ(session_->engine(), tested_engine());
    proxy_.change_keys_every(1);
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(text_of(*session_, "select " + std::to_string(i)), std::to_string(i));
        EXPECT_TRUE(session_->alive());
    }
    EXPECT_GE(proxy_.changes(), 6);
}

TEST_F(KeyUpdate, InTheMiddleOfAResultGoesUnnoticed) {
    proxy_.change_keys_every(200'000);
    const Result result = run(*session_, "select n, repeat('x', 100) from generate_series(1, 20000) n").value();
    ASSERT_EQ(result.size(), 20'000u);
    EXPECT_EQ(bytes_of(result, 0, 19'999), bytes_of(run(*session_, "select 20000").value(), 0));
    EXPECT_GE(proxy_.changes(), 5);
}

TEST_F(KeyUpdate, InTheMiddleOfACopyGoesUnnoticed) {
    ASSERT_TRUE(run(*session_, "create temp table copied (line text)"));
    proxy_.change_keys_every(8'000);
    auto copy = session_->copy_in("copy copied from stdin", soon()).value();
    const std::string line(999, 'z');
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(copy->write(line + "\n", soon()));  // less than a socket holds
    EXPECT_EQ(copy->finish(soon()).value(), 50u);
    EXPECT_EQ(text_of(*session_, "select sum(length(line)) from copied"), "49950");
    EXPECT_GE(proxy_.changes(), 2) << "once in a record of 16 KiB at most";
}

TEST_F(KeyUpdate, WhileASessionRestsGoesUnnoticed) {
    EXPECT_EQ(text_of(*session_, "select 1"), "1");
    proxy_.change_keys_every(1);
    EXPECT_EQ(text_of(*session_, "select 2"), "2");  // the change comes behind the answer
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(session_->alive()) << "what came is no news";
    EXPECT_EQ(text_of(*session_, "select 3"), "3");
}

}  // namespace
}  // namespace pg::libpq
