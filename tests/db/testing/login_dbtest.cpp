// Who gets in, and whom a client believes: every kind of authentication, and TLS.
#include <gtest/gtest.h>
#include <string>

#include "pg/testing/test_server.hpp"
#include "tests/db/testing/session.hpp"

namespace pg::testing {
namespace {

/// The last of several values of a keyword wins.
std::string with(std::string conninfo, const std::string& setting) { return conninfo + " " + setting; }

TEST(Login, TrustAsksForNothing) {
    const auto server = TestServer::start();
    EXPECT_EQ(server.password(), "");
    EXPECT_TRUE(Session(server.conninfo()).connected());
    EXPECT_TRUE(Session(server.tcp_conninfo()).connected());
    EXPECT_FALSE(Session(with(server.tcp_conninfo(), "sslmode=require")).connected());
}

struct PasswordCase {
    TestServerAuth auth;
    const char* stored;  ///< how the server keeps the password
};

class PasswordLogin : public ::testing::TestWithParam<PasswordCase> {};

TEST_P(PasswordLogin, AcceptsThePasswordAndRefusesAnother) {
    const auto server = TestServer::start({.auth = GetParam().auth});
    EXPECT_EQ(server.password().size(), 24U);
    for (const auto& conninfo : {server.conninfo(), server.tcp_conninfo()}) {
        Session session(conninfo);
        ASSERT_TRUE(session.connected()) << session.error();
        EXPECT_TRUE(PQconnectionUsedPassword(session.get()));
        EXPECT_TRUE(session.value("select rolpassword from pg_authid where rolname = 'postgres'")
                        .starts_with(GetParam().stored));
        const Session refused(with(conninfo, "password=wrong"));
        EXPECT_FALSE(refused.connected());
        EXPECT_TRUE(contains(refused.error(), "password authentication failed")) << refused.error();
    }
}

INSTANTIATE_TEST_SUITE_P(Login, PasswordLogin,
                         ::testing::Values(PasswordCase{TestServerAuth::password, "SCRAM-SHA-256$"},
                                           PasswordCase{TestServerAuth::md5, "md5"},
                                           PasswordCase{TestServerAuth::scram_sha_256, "SCRAM-SHA-256$"}));

TEST(Login, PasswordsDifferFromServerToServer) {
    const auto one = TestServer::start({.auth = TestServerAuth::scram_sha_256});
    const auto other = TestServer::start({.auth = TestServerAuth::scram_sha_256});
    EXPECT_NE(one.password(), other.password());
}

TEST(Login, CertAsksForTheClientCertificate) {
    const auto server = TestServer::start({.auth = TestServerAuth::cert});
    Session session(server.tcp_conninfo());
    ASSERT_TRUE(session.connected()) << session.error();
    EXPECT_EQ(session.value("select client_dn from pg_stat_ssl where pid = pg_backend_pid()"), "/CN=postgres");
    EXPECT_FALSE(Session(with(server.tcp_conninfo(), "sslcert=/nowhere sslkey=/nowhere")).connected());
    EXPECT_FALSE(Session(with(server.tcp_conninfo(), "sslmode=disable")).connected());
    EXPECT_TRUE(Session(server.conninfo()).connected());
}

TEST(Login, TlsIsVerifiedInFull) {
    const auto server = TestServer::start({.auth = TestServerAuth::scram_sha_256, .tls = true});
    const Session session(with(server.tcp_conninfo(), "channel_binding=require"));
    ASSERT_TRUE(session.connected()) << session.error();
    EXPECT_TRUE(PQsslInUse(session.get()));
    EXPECT_TRUE(Session(with(server.tcp_conninfo(), "sslmode=disable")).connected()) << "TLS is offered, not forced";
}

// [other_ca]
TEST(Login, AClientOfAnotherAuthorityRefusesTheServer) {
    const auto server = TestServer::start({.tls = true});
    const Session refused(with(server.tcp_conninfo(), "sslrootcert=" + server.tls().other_ca));
    EXPECT_FALSE(refused.connected());
    EXPECT_TRUE(contains(refused.error(), "certificate verify failed")) << refused.error();
}
// [other_ca]

TEST(Login, AnExpiredServerCertificateIsRefused) {
    const auto server = TestServer::start({.tls = true, .certificate = TestServerCertificate::expired});
    const Session refused(server.tcp_conninfo());
    EXPECT_FALSE(refused.connected());
    EXPECT_TRUE(contains(refused.error(), "certificate verify failed")) << refused.error();
    // Only its age is wrong: a client that does not look at it gets in.
    EXPECT_TRUE(Session(with(server.tcp_conninfo(), "sslmode=require sslrootcert=/nowhere")).connected());
}

TEST(Login, AnExpiredCertificateWithoutTlsIsAMistake) {
    const auto server = TestServer::try_start({.certificate = TestServerCertificate::expired});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().kind(), ErrorKind::usage);
    EXPECT_EQ(server.error().message(), "TestServerOptions.certificate is expired but tls is off");
}

}  // namespace
}  // namespace pg::testing
