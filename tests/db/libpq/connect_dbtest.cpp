// Connecting to real servers: passwords, TLS, several hosts, and what a copy of the process may do.
#include <clocale>
#include <fcntl.h>
#include <fstream>
#include <libpq-fe.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "providers/libpq/handle.hpp"
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

Expected<std::unique_ptr<spi::Session>> try_open(const std::string& conninfo, const spi::Wait& wait = soon()) {
    return make_libpq_provider()->open(config_of(conninfo), {}, wait);
}

TEST(Connect, VerifiesTheServerAndAuthenticatesByScram) {
    const auto session = try_open(secured_server().tcp_conninfo());
    ASSERT_TRUE(session) << session.error().what();
    EXPECT_EQ(text_of(**session, "select ssl from pg_stat_ssl where pid = pg_backend_pid()"), "t");
    EXPECT_TRUE((*session)->alive());
}

TEST(Connect, CancelsOverAnEncryptedConnectionToo) {
    until_kept(secured_server().tcp_conninfo(), [](spi::Session& session) {
        const Expected<Result> result = within(100ms, [&] { return run(session, "select pg_sleep(60)", in(100ms)); });
        EXPECT_EQ(result.error().kind(), ErrorKind::timeout);
        return result.error().connection_usable();
    });
}

TEST(Connect, RefusesMoreHashingThanIsAllowedUnderTlsToo) {
    const std::string conninfo = secured_server().tcp_conninfo();
    EXPECT_TRUE(try_open(conninfo + " scram_max_iterations=4096"));
    const auto refused = try_open(conninfo + " scram_max_iterations=4095");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::connect);
    EXPECT_NE(refused.error().message().find("scram_max_iterations=4095"), std::string_view::npos)
        << refused.error().what();
}

TEST(Connect, RefusesAWeakerAuthenticationThanItIsAskedFor) {
    const auto refused = try_open(testing::shared_server().tcp_conninfo() + " require_auth=scram-sha-256");
    ASSERT_FALSE(refused);
    if (PQlibVersion() < 160000)
        EXPECT_EQ(refused.error().kind(), ErrorKind::usage) << refused.error().what();
    else
        EXPECT_EQ(refused.error().kind(), ErrorKind::auth) << refused.error().what();
}

TEST(Connect, RefusesAServerThatATrustedAuthorityDoesNotVouchFor) {
    const auto session =
        try_open(secured_server().tcp_conninfo() + " sslrootcert='" + secured_server().tls().other_ca + "'");
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::tls) << session.error().what();
    EXPECT_NE(session.error().message().find("TLS"), std::string_view::npos);
}

TEST(Connect, SaysWhyTheServerRefusesItsCertificate) {
    const auto server = testing::TestServer::start({.auth = testing::TestServerAuth::cert});
    const auto refused = try_open(server.tcp_conninfo() + " sslcert='" + server.tls().expired_certificate +
                                  "' sslkey='" + server.tls().server_key + "'");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::tls) << refused.error().what();
    EXPECT_NE(refused.error().message().find("alert"), std::string_view::npos) << refused.error().what();
}

TEST(Connect, RefusesAServerOfAnotherNameThanItsCertificateHas) {
    const std::string another = secured_server().tcp_conninfo() + " host=elsewhere.example";
    const auto session = try_open(another);
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::tls) << session.error().what();
    EXPECT_TRUE(try_open(another + " sslmode=verify-ca")) << "where only the authority is asked for";
}

TEST(Connect, RefusesAServerWithoutTlsWhereItIsAskedFor) {
    const std::string conninfo = testing::shared_server().tcp_conninfo() + " sslmode=require";
    const auto session = try_open(conninfo);
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::tls) << session.error().what();
}

TEST(Connect, SaysWhoAndWhereWhenThePasswordIsWrong) {
    const auto session = try_open(secured_server().tcp_conninfo() + " password=wrong");
    ASSERT_FALSE(session);
    const Error& error = session.error();
    EXPECT_EQ(error.kind(), ErrorKind::auth);
    EXPECT_EQ(error.sqlstate(), "28P01");
    EXPECT_EQ(error.outcome(), Outcome::not_sent);
    EXPECT_EQ(error.retry_scope(), RetryScope::after_refresh);
    EXPECT_EQ(error.hint(), "check PGPASSWORD or ~/.pgpass");
    const std::string what = error.what();
    EXPECT_EQ(what.find("connect localhost:" + std::to_string(secured_server().port()) + " as postgres: "), 0u) << what;
    EXPECT_NE(what.find("[28P01]"), std::string::npos) << what;
    EXPECT_EQ(what.find("wrong"), std::string::npos) << what;
}

TEST(Connect, SaysThatAPasswordIsMissing) {
    const auto session = try_open(secured_server().tcp_conninfo() + " password='' passfile=/nowhere");
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::auth) << session.error().what();
}

TEST(Connect, PrintsNothingAboutAPasswordFileThatOthersMayRead) {
    const std::string file = testing::shared_server().socket_folder() + "/open-passfile";
    std::ofstream(file) << "*:*:*:*:secret\n";
    ::testing::internal::CaptureStderr();
    const auto session = try_open(secured_server().tcp_conninfo() + " password='' passfile='" + file + "'");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::auth);
    EXPECT_NE(session.error().hint().find(file), std::string_view::npos) << session.error().what();
    ::unlink(file.c_str());
}

// libpq sends it behind what is asked for as the session is opened.
TEST(Connect, RefusesTheDateStyleOfTheEnvironmentUnlessItIsIso) {
    const std::string conninfo = testing::shared_server().conninfo();
    ::setenv("PGDATESTYLE", "SQL, DMY", 1);
    const auto refused = try_open(conninfo);
    ::setenv("PGDATESTYLE", "ISO, DMY", 1);
    const auto session = try_open(conninfo);
    ::unsetenv("PGDATESTYLE");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("DateStyle is `SQL, DMY`"), std::string_view::npos)
        << refused.error().what();
    ASSERT_TRUE(session) << session.error().what();
    EXPECT_EQ((*session)->parameter("DateStyle"), "ISO, DMY");
}

TEST(Connect, NamesAMissingDatabase) {
    const auto session = try_open(testing::shared_server().conninfo("no_such_database"));
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::connect);
    EXPECT_EQ(session.error().sqlstate(), "3D000");
}

TEST(Connect, ResolvesANameAndKeepsItForTheNode) {
    const std::string port = std::to_string(testing::shared_server().port());
    const auto session = try_open("host=localhost user=postgres dbname=postgres port=" + port);
    ASSERT_TRUE(session) << session.error().what();
    EXPECT_EQ((*session)->node(), "localhost:" + port);
}

TEST(Connect, TriesTheNextHost) {
    const std::string port = std::to_string(testing::shared_server().port());
    const auto session = try_open("host=127.0.0.1,127.0.0.1 port=1," + port + " user=postgres dbname=postgres");
    ASSERT_TRUE(session) << session.error().what();
    EXPECT_EQ((*session)->node(), "127.0.0.1:" + port);
}

TEST(Connect, HonoursSessionAttributes) {
    const std::string conninfo = testing::shared_server().conninfo();
    EXPECT_TRUE(try_open(conninfo + " target_session_attrs=read-write"));
    EXPECT_TRUE(try_open(conninfo + " target_session_attrs=primary"));
    EXPECT_TRUE(try_open(conninfo + " target_session_attrs=prefer-standby"));
    const auto standby = try_open(conninfo + " target_session_attrs=standby");
    ASSERT_FALSE(standby);
    EXPECT_EQ(standby.error().kind(), ErrorKind::connect);
    EXPECT_NE(standby.error().message().find("session attributes"), std::string_view::npos) << standby.error().what();
}

/// The whole process speaks another language than English.
class InGerman {
public:
    InGerman() {
        ::setenv("LANGUAGE", "de", 1);
        std::setlocale(LC_ALL, "C.UTF-8");  // beside which LANGUAGE counts, as it does not beside C
    }
    InGerman(const InGerman&) = delete;
    InGerman& operator=(const InGerman&) = delete;
    ~InGerman() {
        std::setlocale(LC_ALL, "C");
        ::unsetenv("LANGUAGE");
    }
};

TEST(Connect, TriesTheNextHostInAnotherLanguageToo) {
    const std::string port = std::to_string(testing::shared_server().port());
    const InGerman now;
    const ConnectionHandle own(PQconnectdb("host=127.0.0.1 port=1"));
    if (std::string_view(PQerrorMessage(own.get())).find("Verbindung") == std::string_view::npos)
        GTEST_SKIP() << "this libpq comes without its translations";
    const auto session = try_open("host=127.0.0.1,127.0.0.1 port=1," + port + " user=postgres dbname=postgres");
    ASSERT_TRUE(session) << session.error().what();
    const auto refused = try_open("host=127.0.0.1 port=1 user=postgres");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("Connection refused"), std::string_view::npos) << refused.error().what();
    const auto closed = try_open(secured_server().tcp_conninfo() + " password=wrong");
    EXPECT_EQ(closed.error().kind(), ErrorKind::auth);
}

TEST(Connect, KeepsOptionsAndTheApplicationName) {
    const auto session = try_open(testing::shared_server().conninfo() +
                                  " application_name=mine options='-c work_mem=7MB -c datestyle=german'");
    ASSERT_TRUE(session) << session.error().what();
    EXPECT_EQ(text_of(**session, "show work_mem"), "7MB");
    EXPECT_EQ((*session)->parameter("application_name"), "mine");
    EXPECT_EQ((*session)->parameter("DateStyle").substr(0, 3), "ISO");
}

TEST(Connect, RefusesABadConfiguration) { EXPECT_EQ(try_open("host=a,b port=1,2,3").error().kind(), ErrorKind::usage); }

TEST(Connect, ToAFrozenServerEndsInTime) {
    testing::TestServer server = testing::TestServer::start();
    server.freeze();
    const auto session = within(200ms, [&] { return try_open(server.tcp_conninfo(), in(200ms)); });
    server.thaw();
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::timeout);
    EXPECT_EQ(session.error().retry_scope(), RetryScope::connect);
}

TEST(Fork, MakesASessionOfTheParentUnusableInTheChild) {
    auto session = open_session();
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        const Expected<Result> refused = run(*session, "select 1");
        const bool right = !refused && refused.error().kind() == ErrorKind::usage && !session->alive() &&
                           refused.error().outcome() == Outcome::not_sent;
        // Freed in the child, it says no farewell on the socket that it shares with its parent.
        session.reset();
        const auto own = try_open(testing::shared_server().conninfo());
        const bool works = own && text_of(**own, "select 1") == "1";
        ::_exit(right && works ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Fork, LeavesTheSessionOfAParentAloneThatHasNoDescriptorLeft) {
    auto session = open_session();
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        const bool right = ::setrlimit(RLIMIT_NOFILE, &none) == 0 && ::open("/dev/null", O_RDONLY) < 0;
        session.reset();
        ::_exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

bool is_refused(const auto& answer) { return !answer && answer.error().kind() == ErrorKind::usage; }

TEST(Fork, LeavesWhatTheParentHasBegunAlone) {
    const auto streaming = open_session(), reading = open_session(), writing = open_session();
    ASSERT_TRUE(writing->run_script("create temp table t (n int)", soon()));
    auto stream = streaming->stream({.sql = "select n from generate_series(1, 100000) n"}, soon()).value();
    auto reader = reading->copy_out("copy (select n from generate_series(1, 100000) n) to stdout", soon()).value();
    auto writer = writing->copy_in("copy t from stdin", soon()).value();
    std::size_t rows = stream->next(soon()).value().size();
    ASSERT_TRUE(reader->read(soon()).value());
    ASSERT_TRUE(writer->write("1\n2\n", soon()));
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        const bool right = is_refused(stream->next(soon())) && is_refused(reader->read(soon())) &&
                           is_refused(writer->write("3\n", soon())) && is_refused(writer->fail("no", soon())) &&
                           is_refused(writer->finish(soon()));
        // Freed in the child, they neither cancel nor end anything.
        stream.reset();
        reader.reset();
        writer.reset();
        ::_exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    for (std::size_t more = 1; more != 0; rows += more) more = stream->next(soon()).value().size();
    EXPECT_EQ(rows, 100000U);
    std::size_t lines = 1;
    while (reader->read(soon()).value()) ++lines;
    EXPECT_EQ(lines, 100000U);
    ASSERT_TRUE(writer->write("3\n", soon()));
    EXPECT_EQ(writer->finish(soon()).value(), 3U);
}

TEST(Provider, SaysWhatItIsAndWhatItCanDo) {
    const auto provider = make_libpq_provider();
    EXPECT_EQ(provider->name(), "libpq");
    EXPECT_FALSE(provider->version().empty());
    const spi::Capabilities capabilities = provider->capabilities();
    EXPECT_TRUE(capabilities.copy && capabilities.notifications && capabilities.streaming);
    EXPECT_FALSE(capabilities.awaitable);
}

}  // namespace
}  // namespace pg::libpq
