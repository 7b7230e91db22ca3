// The texts that make a server what its options ask for.
#include "src/testing/settings.hpp"

#include <gtest/gtest.h>

#include "src/testing/certificates.hpp"

namespace pg::testing {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST(Settings, UserLinesComeLast) {
    const auto text = configuration_text({.settings = {"fsync = on", "work_mem = '1MB'"}}, {});
    EXPECT_TRUE(text.ends_with("fsync = on\nwork_mem = '1MB'\n")) << text;
    EXPECT_LT(text.find("fsync = off"), text.find("fsync = on"));
}

TEST(Settings, TlsIsOffUnlessAskedFor) {
    EXPECT_FALSE(contains(configuration_text({}, {}), "ssl"));
    const auto files = tls_files("/t");
    EXPECT_TRUE(contains(configuration_text({.tls = true}, files), "ssl_cert_file = '/t/server.crt'\n"));
    EXPECT_TRUE(contains(configuration_text({.auth = TestServerAuth::cert}, files), "ssl = on\n"));
    EXPECT_TRUE(contains(configuration_text({.tls = true, .certificate = TestServerCertificate::expired}, files),
                         "ssl_cert_file = '/t/expired.crt'\n"));
}

TEST(Settings, EveryKindOfAuthenticationHasItsMethod) {
    EXPECT_TRUE(contains(access_text(TestServerAuth::trust), "host all all 127.0.0.1/32 trust\n"));
    EXPECT_TRUE(contains(access_text(TestServerAuth::password), "host all all 127.0.0.1/32 password\n"));
    EXPECT_TRUE(contains(access_text(TestServerAuth::md5), "local all all md5\n"));
    EXPECT_TRUE(contains(access_text(TestServerAuth::scram_sha_256), "local all all scram-sha-256\n"));
    EXPECT_TRUE(contains(access_text(TestServerAuth::cert), "hostssl all all 127.0.0.1/32 cert\n"));
    EXPECT_TRUE(access_text(TestServerAuth::scram_sha_256).starts_with("local template1 postgres trust\n"));
}

TEST(Settings, ConnectionStringsQuoteTheirValues) {
    const Address address{.socket_folder = "/s", .port = 5433, .password = "it's"};
    EXPECT_EQ(socket_conninfo(address, "a\\b"), R"(host='/s' port=5433 user=postgres dbname='a\\b' password='it\'s')");
    EXPECT_EQ(tcp_conninfo({"/s", 5433, ""}, "db", {}, TestServerAuth::trust),
              "host=127.0.0.1 port=5433 user=postgres dbname='db' sslmode=disable");
}

TEST(Settings, ConnectionStringsWithTlsVerifyTheServer) {
    const auto files = tls_files("/t");
    const auto text = tcp_conninfo({"/s", 5433, ""}, "db", files, TestServerAuth::trust);
    EXPECT_TRUE(contains(text, "host=localhost hostaddr=127.0.0.1 ")) << text;
    EXPECT_TRUE(contains(text, "sslmode=verify-full sslrootcert='/t/ca.crt'")) << text;
    EXPECT_FALSE(contains(text, "sslcert"));
    const auto with_certificate = tcp_conninfo({"/s", 5433, ""}, "db", files, TestServerAuth::cert);
    EXPECT_TRUE(contains(with_certificate, "sslcert='/t/client.crt' sslkey='/t/client.key'")) << with_certificate;
}

TEST(Settings, QuotesAreDoubledInSqlAndConfiguration) {
    EXPECT_EQ(quoted_text("it's"), "'it''s'");
    EXPECT_EQ(quoted_name("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace pg::testing
